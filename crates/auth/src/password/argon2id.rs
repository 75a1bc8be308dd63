//! Password hashes: argon2id in the PHC string format.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::config::HashCost;
use crate::error::AuthError;

/// The most memory a stored hash may ask for: whoever edits the users file must not be able to stop the broker by a
/// slip in a number.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 100;
const LANES_MAX: u32 = 64;

/// The hash of `password` with a salt of its own, as it stands in the users file.
pub(crate) fn hash(password: &[u8], cost: &HashCost) -> Result<String, AuthError> {
    let HashCost { memory_kib, passes, lanes } = *cost;
    let out_of_range = || AuthError::HashCost(format!("{memory_kib} KiB, {passes} passes and {lanes} lanes"));
    if memory_kib > MEMORY_KIB_MAX || passes > PASSES_MAX || lanes > LANES_MAX {
        return Err(out_of_range());
    }
    let params = Params::new(memory_kib, passes, lanes, None).map_err(|_| out_of_range())?;
    let hash: Result<PasswordHash, password_hash::Error> =
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password(password);
    Ok(hash.map_err(|_| out_of_range())?.to_string())
}

/// Whether `stored` is the hash of `password`. Takes as long as `stored` asks for.
pub(super) fn verify(stored: &str, password: &[u8]) -> bool {
    PasswordHash::new(stored).is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
}

/// What `stored` costs to verify, or what is wrong with it.
pub(super) fn check(stored: &str) -> Result<HashCost, String> {
    let hash = PasswordHash::new(stored).map_err(|_| "a text that is no password hash".to_owned())?;
    if hash.algorithm.as_str() != "argon2id" {
        return Err(format!("a hash made by `{}`", hash.algorithm));
    }
    if hash.version.is_some_and(|version| version != u32::from(Version::V0x13)) {
        return Err("a hash of another version than `v=19`".to_owned());
    }
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err("a hash that ends too early".to_owned());
    }
    let params = Params::try_from(&hash).map_err(|_| "parameters argon2id does not take".to_owned())?;
    let cost = HashCost { memory_kib: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost() };
    if cost.memory_kib > MEMORY_KIB_MAX || cost.passes > PASSES_MAX || cost.lanes > LANES_MAX {
        return Err(format!(
            "parameters beyond the limits of {MEMORY_KIB_MAX} KiB, {PASSES_MAX} passes, {LANES_MAX} lanes"
        ));
    }
    Ok(cost)
}

/// A hash that no password has, as far as anybody knows, and that takes as long to verify as one that costs `cost`.
/// Nothing is hashed to make it.
pub(super) fn decoy(cost: &HashCost) -> String {
    let HashCost { memory_kib, passes, lanes } = cost;
    // 16 bytes of salt and 32 of hash in base 64, as real ones have.
    let salt = "c2lnbmFsYm94ZGVjb3lzYQ";
    let hash = "c2lnbmFsYm94IGhhcyBubyBzdWNoIHVzZXIgYXQgYWw";
    format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}")
}

/// A password that nobody can guess: 128 random bits, as text.
pub fn generated_password() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(password_hash::generate_salt())
}

/// 32 bytes from the operating system, for keys.
pub(crate) fn random_key() -> [u8; 32] {
    let mut key = [0; 32];
    for half in key.chunks_mut(16) {
        half.copy_from_slice(&password_hash::generate_salt());
    }
    key
}

/// Cheap enough for tests, and still argon2id.
#[cfg(test)]
pub(crate) const TEST_COST: HashCost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash() {
        let stored = hash(b"secret", &TEST_COST).unwrap();
        assert!(verify(&stored, b"secret") && !verify(&stored, b"Secret") && !verify(&stored, b""));
        assert_eq!(check(&stored), Ok(TEST_COST));
        assert_ne!(stored, hash(b"secret", &TEST_COST).unwrap(), "each has a salt of its own");
    }

    #[test]
    fn the_default_cost_is_that_of_owasp() {
        let stored = hash(b"x", &HashCost::default()).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    }

    #[test]
    fn a_decoy_costs_what_it_says_and_fits_no_password() {
        for cost in [TEST_COST, HashCost { memory_kib: 64, passes: 3, lanes: 2 }] {
            assert_eq!(check(&decoy(&cost)), Ok(cost));
            assert!(!verify(&decoy(&cost), b"") && !verify(&decoy(&cost), b"secret"));
        }
    }

    #[test]
    fn stored_hashes_are_checked() {
        let good = hash(b"secret", &TEST_COST).unwrap();
        for (stored, found) in [
            ("plain".to_owned(), "a text that is no password hash"),
            (good.replace("argon2id", "argon2i"), "a hash made by `argon2i`"),
            (good.replace("v=19", "v=16"), "a hash of another version than `v=19`"),
            (good.replace("m=8", "m=4000000000"), "parameters beyond the limits of 1048576 KiB, 100 passes, 64 lanes"),
            (good.replace("m=8", "m=1"), "parameters argon2id does not take"),
            (good.rsplit_once('$').unwrap().0.to_owned(), "a hash that ends too early"),
        ] {
            assert_eq!(check(&stored), Err(found.to_owned()), "{stored}");
        }
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        let error = hash(b"x", &HashCost { memory_kib: 1, passes: 0, lanes: 1 }).unwrap_err().to_string();
        assert_eq!(error, "expected parameters argon2id takes, found 1 KiB, 0 passes and 1 lanes");
    }
}
