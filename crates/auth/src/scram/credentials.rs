//! What the broker keeps of a password for SCRAM: `$scram-sha-256$i=15000$salt$stored_key$server_key`.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256, Sha512};

use crate::password::{Algorithm, base64_of, bytes_of_base64, derive, is_same, random_key};

/// What RFC 7677 found right for a tenth of a second; a client pays for it, once where it keeps the result.
pub(crate) const ITERATIONS: u32 = 15_000;
/// RFC 5802, 5.1: at least as much; and at most what a client bears.
const ITERATIONS_RANGE: std::ops::RangeInclusive<u32> = 4096..=5_000_000;

/// The hash function of a mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScramHash {
    Sha256,
    Sha512,
}

impl ScramHash {
    pub(crate) const ALL: [ScramHash; 2] = [ScramHash::Sha256, ScramHash::Sha512];

    /// The mechanism, as the Authentication Method names it.
    pub(crate) const fn method(self) -> &'static str {
        match self {
            ScramHash::Sha256 => "SCRAM-SHA-256",
            ScramHash::Sha512 => "SCRAM-SHA-512",
        }
    }

    const fn algorithm(self) -> Algorithm {
        match self {
            ScramHash::Sha256 => Algorithm::Sha256,
            ScramHash::Sha512 => Algorithm::Sha512,
        }
    }

    pub(super) fn mac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        const ANY_LENGTH: &str = "HMAC takes keys of any length";
        match self {
            ScramHash::Sha256 => {
                let mac = Hmac::<Sha256>::new_from_slice(key).expect(ANY_LENGTH);
                mac.chain_update(message).finalize().into_bytes().to_vec()
            }
            ScramHash::Sha512 => {
                let mac = Hmac::<Sha512>::new_from_slice(key).expect(ANY_LENGTH);
                mac.chain_update(message).finalize().into_bytes().to_vec()
            }
        }
    }

    pub(super) fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            ScramHash::Sha256 => Sha256::digest(message).to_vec(),
            ScramHash::Sha512 => Sha512::digest(message).to_vec(),
        }
    }
}

/// What the broker keeps of a password: enough to check a client, not enough to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScramCredentials {
    pub(crate) hash: ScramHash,
    pub(crate) iterations: u32,
    pub(crate) salt: Vec<u8>,
    pub(crate) stored_key: Vec<u8>,
    pub(crate) server_key: Vec<u8>,
}

impl ScramCredentials {
    /// The credentials of a password, with a salt of their own.
    pub(crate) fn new(hash: ScramHash, password: &[u8]) -> ScramCredentials {
        let salt = random_key().iter().copied().take(16).collect();
        ScramCredentials::derived(hash, password, salt, ITERATIONS)
    }

    fn derived(hash: ScramHash, password: &[u8], salt: Vec<u8>, iterations: u32) -> ScramCredentials {
        let len_bytes = hash.algorithm().len_bytes();
        let salted = derive(hash.algorithm(), &prepared(password), (&salt, iterations), len_bytes);
        let stored_key = hash.digest(&hash.mac(&salted, b"Client Key"));
        let server_key = hash.mac(&salted, b"Server Key");
        ScramCredentials { hash, iterations, salt, stored_key, server_key }
    }

    /// Reads what [`fmt::Display`] writes.
    pub(crate) fn parse(text: &str) -> Result<ScramCredentials, String> {
        let not_whole = || "SCRAM credentials that are not whole".to_owned();
        let parts: Vec<&str> = text.split('$').collect();
        let [_, scheme, iterations, salt, stored_key, server_key] = parts[..] else { return Err(not_whole()) };
        let hash = if scheme == "scram-sha-256" { ScramHash::Sha256 } else { ScramHash::Sha512 };
        let iterations = iterations.strip_prefix("i=").and_then(|number| number.parse().ok()).ok_or_else(not_whole)?;
        if !ITERATIONS_RANGE.contains(&iterations) {
            let (least, most) = (ITERATIONS_RANGE.start(), ITERATIONS_RANGE.end());
            return Err(format!("SCRAM credentials of {iterations} iterations, where {least} to {most} may stand"));
        }
        let key = |text| bytes_of_base64(text).filter(|key| key.len() == hash.algorithm().len_bytes());
        match (bytes_of_base64(salt), key(stored_key), key(server_key)) {
            (Some(salt), Some(stored_key), Some(server_key)) => {
                Ok(ScramCredentials { hash, iterations, salt, stored_key, server_key })
            }
            _ => Err(not_whole()),
        }
    }

    /// Whether they are those of a password that came as it is.
    pub(crate) fn verify_password(&self, password: &[u8]) -> bool {
        let of_password = ScramCredentials::derived(self.hash, password, self.salt.clone(), self.iterations);
        is_same(&of_password.stored_key, &self.stored_key)
    }
}

/// The password as SASLprep writes it (RFC 4013). One that is no text, or has characters SASLprep forbids, stays.
fn prepared(password: &[u8]) -> Vec<u8> {
    let prepared = std::str::from_utf8(password).ok().and_then(|text| stringprep::saslprep(text).ok());
    prepared.map_or_else(|| password.to_vec(), |text| text.as_bytes().to_vec())
}

impl fmt::Display for ScramCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.hash {
            ScramHash::Sha256 => "scram-sha-256",
            ScramHash::Sha512 => "scram-sha-512",
        };
        let [salt, stored, server] = [&self.salt, &self.stored_key, &self.server_key].map(|bytes| base64_of(bytes));
        write!(f, "${scheme}$i={}${salt}${stored}${server}", self.iterations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677, 3.
    #[test]
    fn credentials_are_those_of_the_standard() {
        let salt = bytes_of_base64("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let credentials = ScramCredentials::derived(ScramHash::Sha256, b"pencil", salt, 4096);
        let text = credentials.to_string();
        assert_eq!(
            text,
            "$scram-sha-256$i=4096$W22ZaJ0SNY7soEsUEjb6gQ$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY$wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU"
        );
        assert_eq!(ScramCredentials::parse(&text), Ok(credentials.clone()));
        assert!(credentials.verify_password(b"pencil") && !credentials.verify_password(b"pen"));
    }

    #[test]
    fn passwords_are_prepared() {
        // RFC 4013, 3: a soft hyphen is mapped to nothing, the roman numeral nine to IX.
        assert_eq!(prepared("I\u{ad}X".as_bytes()), b"IX");
        assert_eq!(prepared("\u{2168}".as_bytes()), b"IX");
        assert_eq!(prepared(b"\xff"), b"\xff");
    }
}
