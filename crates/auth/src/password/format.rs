//! How a stored password stands in a database or an export that does not say it itself.

use super::derived::Derived;
use super::digest::{Algorithm, SaltPosition, Salted};
use super::{Stored, bytes_of_base64};

/// How a stored password stands in a column of its own, its salt in another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashFormat {
    /// What it is.
    pub kind: HashKind,
    /// Where the salt of `sha256` and `sha512` stands.
    pub salt_position: SaltPosition,
    /// The iterations of `pbkdf2_...`.
    pub iterations: u32,
}

/// What a stored password is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HashKind {
    /// It says it itself: `$argon2id$...`, `$2b$...`, `$7$...`.
    #[default]
    Auto,
    /// The password as it is.
    Plain,
    /// One round of SHA-256, in hexadecimal.
    Sha256,
    /// One round of SHA-512, in hexadecimal.
    Sha512,
    /// PBKDF2 with SHA-1, in hexadecimal.
    Pbkdf2Sha1,
    /// PBKDF2 with SHA-256, in hexadecimal.
    Pbkdf2Sha256,
    /// PBKDF2 with SHA-512, in hexadecimal.
    Pbkdf2Sha512,
}

impl HashFormat {
    /// The stored password as it says itself what it is; or what was found instead.
    pub(crate) fn stored(self, hash: &str, salt: Option<&str>) -> Result<String, String> {
        let hash = hash.trim();
        let text = match self.kind {
            HashKind::Auto => hash.to_owned(),
            HashKind::Plain => {
                let digest = Algorithm::Sha256.digest([hash.as_bytes(), b""]);
                let position = SaltPosition::None;
                Salted { algorithm: Algorithm::Sha256, position, salt: Vec::new(), hash: digest }.to_string()
            }
            HashKind::Sha256 => self.salted(Algorithm::Sha256, hash, salt)?,
            HashKind::Sha512 => self.salted(Algorithm::Sha512, hash, salt)?,
            HashKind::Pbkdf2Sha1 => self.derived(Algorithm::Sha1, hash, salt)?,
            HashKind::Pbkdf2Sha256 => self.derived(Algorithm::Sha256, hash, salt)?,
            HashKind::Pbkdf2Sha512 => self.derived(Algorithm::Sha512, hash, salt)?,
        };
        Stored::parse(&text).map(|_| text)
    }

    fn salted(self, algorithm: Algorithm, hash: &str, salt: Option<&str>) -> Result<String, String> {
        let salt = salt.unwrap_or_default().as_bytes().to_vec();
        Ok(Salted { algorithm, position: self.salt_position, salt, hash: bytes_of(hash)? }.to_string())
    }

    fn derived(self, algorithm: Algorithm, hash: &str, salt: Option<&str>) -> Result<String, String> {
        let salt = salt.ok_or("a hash without a salt")?.as_bytes().to_vec();
        Ok(Derived { algorithm, iterations: self.iterations, salt, key: bytes_of(hash)? }.to_string())
    }
}

/// The bytes of a text in hexadecimal, or in base 64.
fn bytes_of(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.as_bytes();
    let is_hex = digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit);
    if !is_hex {
        return bytes_of_base64(text).ok_or_else(|| "a hash neither in hexadecimal nor in base 64".to_owned());
    }
    let nibble = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or(0);
    Ok(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | nibble(digit))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_stored_passwords() {
        // sha256("salt" + "secret"), sha256("secret" + "salt"), pbkdf2-sha256("secret", "salt", 1000), in hexadecimal.
        let sha_prefix = "bede90386d450cea8b77b822f8887065e4e5abf132c2f9dccfcc7fbd4cba5e35";
        let sha_suffix = "f84fa2149dbb62ed4e0cf1f550d2949b33a6513d3a7707e08502511c79ccb0ee";
        let derived = "a8df899f3c4f204d967e0ad63c092987c10055ebb017b3d9d28add218d4f7aad";
        let format = |kind, salt_position| HashFormat { kind, salt_position, iterations: 1000 };
        for (format, hash, salt) in [
            (format(HashKind::Plain, SaltPosition::None), "secret", None),
            (format(HashKind::Sha256, SaltPosition::Prefix), sha_prefix, Some("salt")),
            (format(HashKind::Sha256, SaltPosition::Suffix), sha_suffix, Some("salt")),
            (format(HashKind::Pbkdf2Sha256, SaltPosition::None), derived, Some("salt")),
        ] {
            let stored = Stored::parse(&format.stored(hash, salt).unwrap()).unwrap();
            assert!(stored.verify(b"secret") && !stored.verify(b"other"), "{format:?}");
        }
        let auto = HashFormat::default();
        assert!(auto.stored("secret", None).unwrap_err().contains("no password hash"));
        assert!(format(HashKind::Sha256, SaltPosition::Prefix).stored("!", None).is_err());
        assert!(format(HashKind::Pbkdf2Sha256, SaltPosition::Prefix).stored(derived, None).is_err());
    }
}
