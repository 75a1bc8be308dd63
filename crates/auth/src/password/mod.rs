//! Stored passwords: every way in which one may stand in a file or a database, read and compared.
//!
//! New ones are argon2id. The others are there so that users of other brokers keep their passwords:
//!
//! | begins with | is | made by |
//! |---|---|---|
//! | `$argon2id$` | argon2id, PHC string format | `signalbox users add` |
//! | `$scram-sha-256$`, `$scram-sha-512$` | SCRAM credentials (RFC 5802) | `signalbox users add --scram` |
//! | `$sha256$`, `$sha512$` | one round over salt and password | `signalbox users add --generate`, EMQX |
//! | `$7$` | PBKDF2-SHA512 | `mosquitto_passwd` |
//! | `$6$` | SHA-512 over password and salt | `mosquitto_passwd -H sha512`, before 2.0 |
//! | `$pbkdf2-sha256$`, `$pbkdf2-sha512$`, `$pbkdf2-sha1$` | PBKDF2 | EMQX |
//! | `$2a$`, `$2b$`, `$2y$` | bcrypt | EMQX, many web applications |

mod argon2id;
mod derived;
mod digest;
mod format;

use std::fmt;

pub use argon2id::generated_password;
pub(crate) use argon2id::{hash, random_key};
pub(crate) use derived::{Derived, derive};
pub use digest::SaltPosition;
pub(crate) use digest::{Algorithm, Salted};
pub use format::{HashFormat, HashKind};

#[cfg(test)]
pub(crate) use argon2id::TEST_COST;

use crate::config::HashCost;
use crate::scram::{ScramCredentials, ScramHash};

/// The most a stored bcrypt hash may ask for: 2^15 rounds are two seconds.
const BCRYPT_COST_MAX: u32 = 15;

/// A stored password, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Argon2id(HashCost, String),
    Bcrypt(u32, String),
    Derived(Derived),
    Salted(Salted),
    Scram(ScramCredentials),
}

/// What a stored password costs to compare with: two that are equal take as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Cost {
    /// Some microseconds.
    Digest,
    Derived(Algorithm, u32),
    Bcrypt(u32),
    Argon2id {
        memory_kib: u32,
        passes: u32,
        lanes: u32,
    },
}

impl Stored {
    /// Reads a stored password, or says what stands there instead.
    pub(crate) fn parse(text: &str) -> Result<Stored, String> {
        let Some((scheme, _)) = text.strip_prefix('$').and_then(|rest| rest.split_once('$')) else {
            return Err("a text that is no password hash".to_owned());
        };
        match scheme {
            "2a" | "2b" | "2y" => bcrypt_of(text),
            "7" => derived::parse_mosquitto(text).map(Stored::Derived),
            "6" => digest::parse_mosquitto(text).map(Stored::Salted),
            "pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512" => Derived::parse(text).map(Stored::Derived),
            "sha256" | "sha512" => Salted::parse(text).map(Stored::Salted),
            "scram-sha-256" | "scram-sha-512" => ScramCredentials::parse(text).map(Stored::Scram),
            _ => argon2id::check(text).map(|cost| Stored::Argon2id(cost, text.to_owned())),
        }
    }

    /// Whether it is that of `password`. Takes as long as it asks for.
    pub(crate) fn verify(&self, password: &[u8]) -> bool {
        match self {
            Stored::Argon2id(_, text) => argon2id::verify(text, password),
            Stored::Bcrypt(_, text) => bcrypt::verify(password, text).unwrap_or(false),
            Stored::Derived(derived) => derived.verify(password),
            Stored::Salted(salted) => salted.verify(password),
            Stored::Scram(credentials) => credentials.verify_password(password),
        }
    }

    /// What comparing costs.
    pub(crate) fn cost(&self) -> Cost {
        match self {
            Stored::Argon2id(HashCost { memory_kib, passes, lanes }, _) => {
                Cost::Argon2id { memory_kib: *memory_kib, passes: *passes, lanes: *lanes }
            }
            Stored::Bcrypt(cost, _) => Cost::Bcrypt(*cost),
            Stored::Derived(derived) => Cost::Derived(derived.algorithm, derived.iterations),
            Stored::Salted(_) => Cost::Digest,
            Stored::Scram(credentials) => {
                let algorithm = match credentials.hash {
                    ScramHash::Sha256 => Algorithm::Sha256,
                    ScramHash::Sha512 => Algorithm::Sha512,
                };
                Cost::Derived(algorithm, credentials.iterations)
            }
        }
    }
}

/// Whether `stored`, which was checked when it was read, is that of `password`. Several, separated by spaces, are of
/// one password, so the first decides.
pub(crate) fn verify(stored: &str, password: &[u8]) -> bool {
    let first = stored.split(' ').next().unwrap_or_default();
    Stored::parse(first).is_ok_and(|stored| stored.verify(password))
}

/// What comparing with `stored` costs; nothing where it is none.
pub(crate) fn cost(stored: &str) -> Cost {
    let first = stored.split(' ').next().unwrap_or_default();
    Stored::parse(first).map_or(Cost::Digest, |stored| stored.cost())
}

/// What the stored passwords of one user are; at least one.
pub(crate) fn parse_all(text: &str) -> Result<Vec<Stored>, String> {
    text.split(' ').map(Stored::parse).collect()
}

/// A stored password that nobody has, and that takes as long to compare with as one that costs `cost`.
pub(crate) fn decoy(cost: Cost) -> String {
    match cost {
        Cost::Argon2id { memory_kib, passes, lanes } => argon2id::decoy(&HashCost { memory_kib, passes, lanes }),
        Cost::Bcrypt(rounds) => format!("$2b${rounds:02}$signalboxdecoysaltxxxe{}", ".".repeat(31)),
        Cost::Derived(algorithm, iterations) => {
            Derived { algorithm, iterations, salt: vec![0; 16], key: vec![0; algorithm.len_bytes()] }.to_string()
        }
        Cost::Digest => Salted::decoy().to_string(),
    }
}

fn bcrypt_of(text: &str) -> Result<Stored, String> {
    let parts: bcrypt::HashParts = text.parse().map_err(|_| "a bcrypt hash that is not whole".to_owned())?;
    let cost = parts.get_cost();
    if cost > BCRYPT_COST_MAX {
        return Err(format!("a bcrypt hash of cost {cost}, beyond the limit of {BCRYPT_COST_MAX}"));
    }
    Ok(Stored::Bcrypt(cost, text.to_owned()))
}

/// Base 64 without padding, as the PHC string format has it.
pub(crate) fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes)
}

/// Base 64, padded or not.
pub(crate) fn bytes_of_base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

/// Whether two hashes are equal, in a time that does not tell where they differ.
pub(crate) fn is_same(a: &[u8], b: &[u8]) -> bool {
    use subtle::ConstantTimeEq as _;
    a.ct_eq(b).into()
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cost::Argon2id { memory_kib, passes, lanes } => write!(f, "argon2id m={memory_kib},t={passes},p={lanes}"),
            Cost::Bcrypt(cost) => write!(f, "bcrypt {cost}"),
            Cost::Derived(algorithm, iterations) => write!(f, "pbkdf2-{} i={iterations}", algorithm.name()),
            Cost::Digest => f.write_str("one digest"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `mosquitto_passwd` 2.0.11, `mosquitto_passwd -H sha512`, Python's `hashlib` and `bcrypt`.
    #[test]
    fn passwords_of_other_makes_are_compared() {
        for text in OF_OTHERS {
            let stored = Stored::parse(text).unwrap_or_else(|found| panic!("{text}: {found}"));
            assert!(stored.verify(b"secret"), "{text}");
            assert!(!stored.verify(b"Secret") && !stored.verify(b""), "{text}");
        }
    }

    #[test]
    fn decoys_are_well_formed_cost_the_same_and_fit_nothing() {
        for text in OF_OTHERS {
            let cost = Stored::parse(text).unwrap().cost();
            let decoy = Stored::parse(&decoy(cost)).unwrap_or_else(|found| panic!("{cost}: {found}"));
            assert_eq!(decoy.cost(), cost);
            assert!(!decoy.verify(b"secret") && !decoy.verify(b""));
        }
    }

    #[test]
    fn what_is_no_stored_password_is_told() {
        for (text, found) in [
            ("plain", "a text that is no password hash"),
            ("$7$101$abc", "a `$7$` hash that is not whole"),
            ("$6$rounds=5000$salt$hash", "a hash of crypt(3)"),
            ("$2b$31$BokYvBmpjCDHYqwlHHbw5ec1vQ09jyVjJa4JZdVpavzbcotUYcRmS", "a bcrypt hash of cost 31"),
            ("$pbkdf2-sha256$i=99999999$c2FsdA$c2FsdA", "99999999 iterations"),
            ("$pbkdf2-sha256$i=10$c2FsdA$c2FsdA", "a key of 4 bytes"),
            ("$sha256$middle$c2FsdA$c2FsdA", "`prefix`, `suffix` or `none`"),
        ] {
            let told = Stored::parse(text).unwrap_err();
            assert!(told.contains(found), "{text}: {told}");
        }
    }

    const OF_OTHERS: &[&str] = &[
        "$7$101$iTSlckmxYjNQgocZ$4nnEdBzYVg74uE7OHKtkXOxndKQ7BSC+MWgXIahchvrflB4V6PAisoe5/KGRzm2cE4R+lycAe10mcTr61MYOAw==",
        "$6$R/MK7L9MeuuZNKf3$BU42pzVfEmr7FrumecWheVpESYNzt6uqnbBMK4VJCnkT0099AqhK9UTie2rIVi0r9IFo+zDVZ2+hwXJXaDVnPA==",
        "$2b$04$BokYvBmpjCDHYqwlHHbw5ec1vQ09jyVjJa4JZdVpavzbcotUYcRmS",
        "$pbkdf2-sha1$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$21EupWTmSOvnK3Sp99FL7THUyuQ",
        "$pbkdf2-sha256$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$tiKWHy4FAGCWE8gn6GtKhaxD2OeeAUUWXFT/p1aaNl8",
        "$sha256$prefix$MDEyMzQ1Njc4OWFiY2RlZg$xTEOPR5YI+93zjpYBJiKcvxgwwegyJWfNGHiAuSo2BQ",
        "$sha512$suffix$MDEyMzQ1Njc4OWFiY2RlZg$veVOCoSwGP72Xht1aILusDwsSUHyefI11yC6xJHBHZsnVJg6s2+oRchFr/YJLsRuAM0iTVMjwQpm2iqyxIn43A",
        "$sha256$none$$K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols",
    ];
}
