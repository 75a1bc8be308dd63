//! What is remembered of credentials, so that a client is hashed once and not each time it connects.
//!
//! Remembered is a keyed hash (HMAC-SHA-256, the key is made when the process starts and never leaves it) of user
//! name, password and the stored hash it was compared with. A changed or removed user has another stored hash, so what
//! is remembered of it is never found again, and the other users of the file stay remembered.
//!
//! Right credentials are remembered for all addresses. Wrong ones are remembered with the address they came from:
//! otherwise the speed of the answer would tell one client what another one has tried. Credentials that were hashed
//! lately are answered fast whether their user is known or not, so the speed tells nothing about users either.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use parking_lot::Mutex;
use sha2::Sha256;

use crate::config::Limits;
use crate::network::host_network;
use crate::password::random_key;
use crate::recent::Recent;

/// The keyed hash of credentials and what they were compared with.
pub(crate) type Digest = [u8; 32];

/// The memory itself. Its locks are held for a look-up each, never two at once.
#[derive(Debug)]
pub(crate) struct Memory {
    key: [u8; 32],
    verified: Mutex<Recent<Digest, ()>>,
    refused: Mutex<Recent<(Digest, IpAddr), ()>>,
    failures: Mutex<Recent<IpAddr, u32>>,
    failures_until_suspect: u32,
}

/// What is known of credentials without hashing them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Right,
    Wrong,
    Unknown,
}

impl Memory {
    pub(crate) fn new(limits: &Limits) -> Memory {
        Memory {
            key: random_key(),
            verified: Mutex::new(Recent::new(limits.verified_max, limits.verified_ttl_s)),
            refused: Mutex::new(Recent::new(limits.refused_max, limits.refused_ttl_s)),
            failures: Mutex::new(Recent::new(limits.suspects_max, limits.suspect_ttl_s)),
            failures_until_suspect: limits.failures_until_suspect,
        }
    }

    /// What `username` with `password` compared with `stored` is remembered under.
    pub(crate) fn digest(&self, username: &str, password: &[u8], stored: &str) -> Digest {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        for part in [username.as_bytes(), stored.as_bytes()] {
            // The length first: no two triples are the same bytes.
            mac.update(&u64::try_from(part.len()).expect("a length fits into 64 bits").to_le_bytes());
            mac.update(part);
        }
        mac.update(password);
        mac.finalize().into_bytes().into()
    }

    pub(crate) fn look(&self, digest: Digest, peer: IpAddr, now_ms: u64) -> Known {
        if self.verified.lock().touch(digest, now_ms).is_some() {
            return Known::Right;
        }
        if self.refused.lock().touch((digest, host_network(peer)), now_ms).is_some() {
            return Known::Wrong;
        }
        Known::Unknown
    }

    /// The credentials were hashed, and this came out.
    pub(crate) fn handle_verified(&self, digest: Digest, peer: IpAddr, right: bool, now_ms: u64) {
        if right {
            self.verified.lock().insert(digest, (), now_ms);
            return;
        }
        let network = host_network(peer);
        self.refused.lock().insert((digest, network), (), now_ms);
        let mut failures = self.failures.lock();
        let count = failures.get(&network, now_ms).unwrap_or(0);
        failures.insert(network, count.saturating_add(1), now_ms);
    }

    /// Whether wrong passwords came from this address lately.
    pub(crate) fn is_suspect(&self, peer: IpAddr, now_ms: u64) -> bool {
        self.failures.lock().get(&host_network(peer), now_ms).is_some_and(|count| count >= self.failures_until_suspect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn right_credentials_are_known_everywhere_and_wrong_ones_where_they_came_from() {
        let memory = Memory::new(&Limits::default());
        let [right, wrong] = [b"a", b"b"].map(|password| memory.digest("u", password, "stored"));
        assert_eq!(memory.look(right, ip("10.0.0.1"), 0), Known::Unknown);
        memory.handle_verified(right, ip("10.0.0.1"), true, 0);
        memory.handle_verified(wrong, ip("10.0.0.1"), false, 0);
        assert_eq!(memory.look(right, ip("10.0.0.2"), 0), Known::Right);
        assert_eq!(memory.look(wrong, ip("10.0.0.1"), 0), Known::Wrong);
        assert_eq!(memory.look(wrong, ip("::ffff:10.0.0.1"), 0), Known::Wrong);
        assert_eq!(memory.look(wrong, ip("10.0.0.2"), 0), Known::Unknown);
    }

    #[test]
    fn digests_differ_in_every_part_and_in_every_process() {
        let memory = Memory::new(&Limits::default());
        let digest = memory.digest("ab", b"c", "d");
        for (username, password, stored) in [("a", "bc", "d"), ("ab", "cd", ""), ("ab", "c", "e"), ("abd", "c", "")] {
            assert_ne!(memory.digest(username, password.as_bytes(), stored), digest);
        }
        assert_ne!(Memory::new(&Limits::default()).digest("ab", b"c", "d"), digest);
    }

    #[test]
    fn an_address_becomes_suspect_and_is_forgiven() {
        let memory = Memory::new(&Limits::default());
        for (at, password) in [b"a", b"b", b"c"].into_iter().enumerate() {
            assert!(!memory.is_suspect(ip("2001:db8::1"), 0), "after {at} wrong passwords");
            memory.handle_verified(memory.digest("u", password, ""), ip("2001:db8::1"), false, 0);
        }
        assert!(memory.is_suspect(ip("2001:db8::ffff"), 59_999), "the same /64");
        assert!(!memory.is_suspect(ip("2001:db8:0:1::1"), 0));
        assert!(!memory.is_suspect(ip("2001:db8::1"), 60_000));
    }
}
