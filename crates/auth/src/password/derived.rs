//! PBKDF2: `$pbkdf2-sha256$i=1000$salt$key`, and Mosquitto's `$7$iterations$salt$key`.

use std::fmt;

use hmac::Hmac;
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::digest::Algorithm;
use super::{base64_of, bytes_of_base64, is_same};

/// The most a stored password may ask for: some seconds.
const ITERATIONS_MAX: u32 = 5_000_000;
/// The shortest key worth comparing.
const KEY_BYTES_MIN: usize = 16;

/// A key derived from a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Derived {
    pub(crate) algorithm: Algorithm,
    pub(crate) iterations: u32,
    pub(crate) salt: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

impl Derived {
    /// Reads `$pbkdf2-sha256$i=1000$salt$key`.
    pub(super) fn parse(text: &str) -> Result<Derived, String> {
        let not_whole = || "a `$pbkdf2-...$` hash that is not whole".to_owned();
        let (scheme, rest) = text.trim_start_matches("$pbkdf2-").split_once('$').ok_or_else(not_whole)?;
        let algorithm = match scheme {
            "sha1" => Algorithm::Sha1,
            "sha256" => Algorithm::Sha256,
            _ => Algorithm::Sha512,
        };
        let mut parts = rest.splitn(3, '$');
        let iterations = parts.next().and_then(|part| part.strip_prefix("i=")).ok_or_else(not_whole)?;
        let (Some(salt), Some(key)) = (parts.next(), parts.next()) else { return Err(not_whole()) };
        checked(algorithm, iterations, salt, key).ok_or_else(not_whole)?
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        is_same(&derive(self.algorithm, password, (&self.salt, self.iterations), self.key.len()), &self.key)
    }
}

/// `$7$iterations$salt$key` of `mosquitto_passwd`.
pub(super) fn parse_mosquitto(text: &str) -> Result<Derived, String> {
    let not_whole = || "a `$7$` hash that is not whole".to_owned();
    let mut parts = text.splitn(5, '$').skip(2);
    let (Some(iterations), Some(salt), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(not_whole());
    };
    checked(Algorithm::Sha512, iterations, salt, key).ok_or_else(not_whole)?
}

fn checked(algorithm: Algorithm, iterations: &str, salt: &str, key: &str) -> Option<Result<Derived, String>> {
    let iterations: u32 = iterations.parse().ok().filter(|iterations| *iterations > 0)?;
    let (salt, key) = (bytes_of_base64(salt)?, bytes_of_base64(key)?);
    if iterations > ITERATIONS_MAX {
        return Some(Err(format!("a hash of {iterations} iterations, beyond the limit of {ITERATIONS_MAX}")));
    }
    if !(KEY_BYTES_MIN..=64).contains(&key.len()) {
        return Some(Err(format!("a hash with a key of {} bytes, which is none", key.len())));
    }
    Some(Ok(Derived { algorithm, iterations, salt, key }))
}

/// PBKDF2 with HMAC.
pub(crate) fn derive(algorithm: Algorithm, password: &[u8], (salt, rounds): (&[u8], u32), len_bytes: usize) -> Vec<u8> {
    let mut key = vec![0; len_bytes];
    match algorithm {
        Algorithm::Sha1 => pbkdf2::pbkdf2::<Hmac<Sha1>>(password, salt, rounds, &mut key),
        Algorithm::Sha256 => pbkdf2::pbkdf2::<Hmac<Sha256>>(password, salt, rounds, &mut key),
        Algorithm::Sha512 => pbkdf2::pbkdf2::<Hmac<Sha512>>(password, salt, rounds, &mut key),
    }
    .expect("HMAC takes keys of any length");
    key
}

impl fmt::Display for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Derived { algorithm, iterations, salt, key } = self;
        write!(f, "$pbkdf2-{}$i={iterations}${}${}", algorithm.name(), base64_of(salt), base64_of(key))
    }
}
