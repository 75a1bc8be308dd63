//! One round of a hash over salt and password: `$sha256$prefix$salt$hash`, and Mosquitto's old `$6$salt$hash`.
//!
//! Whoever steals such a hash tries billions of passwords a second. It fits passwords that nobody can guess because a
//! machine has made them, and for those it costs a client that connects nothing.

use std::fmt;

use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use super::{base64_of, bytes_of_base64, is_same, random_key};

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

impl Algorithm {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Algorithm::Sha1 => "sha1",
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
        }
    }

    pub(crate) const fn len_bytes(self) -> usize {
        match self {
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        }
    }

    pub(super) fn digest(self, parts: [&[u8]; 2]) -> Vec<u8> {
        let [first, second] = parts;
        match self {
            Algorithm::Sha1 => Sha1::new().chain_update(first).chain_update(second).finalize().to_vec(),
            Algorithm::Sha256 => Sha256::new().chain_update(first).chain_update(second).finalize().to_vec(),
            Algorithm::Sha512 => Sha512::new().chain_update(first).chain_update(second).finalize().to_vec(),
        }
    }
}

/// Where the salt stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaltPosition {
    /// Before the password.
    #[default]
    Prefix,
    /// Behind it.
    Suffix,
    /// There is none.
    None,
}

/// A hash of salt and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Salted {
    pub(crate) algorithm: Algorithm,
    pub(crate) position: SaltPosition,
    pub(crate) salt: Vec<u8>,
    pub(crate) hash: Vec<u8>,
}

impl Salted {
    /// The hash of a password that a machine has made, with a salt of its own.
    pub(crate) fn of_generated(password: &[u8]) -> Salted {
        let salt = random_key().to_vec();
        let hash = Algorithm::Sha256.digest([&salt, password]);
        Salted { algorithm: Algorithm::Sha256, position: SaltPosition::Prefix, salt, hash }
    }

    /// Reads `$sha256$prefix$salt$hash`.
    pub(super) fn parse(text: &str) -> Result<Salted, String> {
        let not_whole = || "a `$sha256$` or `$sha512$` hash that is not whole".to_owned();
        let parts: Vec<&str> = text.split('$').collect();
        let [_, scheme, position, salt, hash] = parts[..] else { return Err(not_whole()) };
        let algorithm = if scheme == "sha256" { Algorithm::Sha256 } else { Algorithm::Sha512 };
        let position = match position {
            "prefix" => SaltPosition::Prefix,
            "suffix" => SaltPosition::Suffix,
            "none" => SaltPosition::None,
            found => return Err(format!("the salt at `{found}`, where `prefix`, `suffix` or `none` may stand")),
        };
        let (Some(salt), Some(hash)) = (bytes_of_base64(salt), bytes_of_base64(hash)) else { return Err(not_whole()) };
        if hash.len() != algorithm.len_bytes() {
            return Err(not_whole());
        }
        Ok(Salted { algorithm, position, salt, hash })
    }

    /// A hash of no password.
    pub(super) fn decoy() -> Salted {
        Salted {
            algorithm: Algorithm::Sha256,
            position: SaltPosition::Prefix,
            salt: vec![0; 16],
            hash: vec![0; Algorithm::Sha256.len_bytes()],
        }
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let parts: [&[u8]; 2] = match self.position {
            SaltPosition::Prefix => [&self.salt, password],
            SaltPosition::Suffix => [password, &self.salt],
            SaltPosition::None => [password, &[]],
        };
        is_same(&self.algorithm.digest(parts), &self.hash)
    }
}

/// `$6$salt$hash` of `mosquitto_passwd`. crypt(3) writes another hash behind the same `$6$`.
pub(super) fn parse_mosquitto(text: &str) -> Result<Salted, String> {
    let mut parts = text.splitn(4, '$').skip(2);
    let salt = parts.next().and_then(bytes_of_base64);
    let hash = parts.next().and_then(bytes_of_base64).filter(|hash| hash.len() == Algorithm::Sha512.len_bytes());
    match (salt, hash) {
        (Some(salt), Some(hash)) => {
            Ok(Salted { algorithm: Algorithm::Sha512, position: SaltPosition::Suffix, salt, hash })
        }
        _ => Err("a `$6$` hash that `mosquitto_passwd` has not made, such as a hash of crypt(3)".to_owned()),
    }
}

impl fmt::Display for Salted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = match self.position {
            SaltPosition::Prefix => "prefix",
            SaltPosition::Suffix => "suffix",
            SaltPosition::None => "none",
        };
        write!(f, "${}${position}${}${}", self.algorithm.name(), base64_of(&self.salt), base64_of(&self.hash))
    }
}
