//! A map of bounded size that forgets what was not used lately.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use foldhash::quality::RandomState;

/// Two halves: what is used goes to the young one; when that is full the old one is forgotten and they change places.
/// So nothing has to be kept in order, and at least the `len_max / 2` entries used last are there.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    young: HashMap<K, Entry<V>, RandomState>,
    old: HashMap<K, Entry<V>, RandomState>,
    half_len_max: usize,
    ttl_ms: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    expires_ms: u64,
}

impl<K: Hash + Eq, V: Clone> Recent<K, V> {
    /// Room for `len_max` entries, at least two, each for `ttl_s` after it was last put in or touched.
    pub(crate) fn new(len_max: usize, ttl_s: u64) -> Recent<K, V> {
        Recent {
            young: HashMap::default(),
            old: HashMap::default(),
            half_len_max: (len_max / 2).max(1),
            ttl_ms: ttl_s.saturating_mul(1000),
        }
    }

    /// The value at `key`, which is used by this and lives on.
    pub(crate) fn touch(&mut self, key: K, now_ms: u64) -> Option<V> {
        let value = self.get(&key, now_ms)?;
        self.insert(key, value.clone(), now_ms);
        Some(value)
    }

    /// The value at `key`; its time goes on running.
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q, now_ms: u64) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let entry = self.young.get(key).or_else(|| self.old.get(key))?;
        (now_ms < entry.expires_ms).then(|| entry.value.clone())
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }

    /// Sets the value at `key`.
    pub(crate) fn insert(&mut self, key: K, value: V, now_ms: u64) {
        if self.young.len() >= self.half_len_max && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, Entry { value, expires_ms: now_ms.saturating_add(self.ttl_ms) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let mut recent = Recent::new(100, 60);
        for key in 0..10_000 {
            recent.insert(key, key, 0);
            assert_eq!(recent.touch(0, 0), Some(0), "used all the time");
            assert!(recent.young.len() + recent.old.len() <= 100);
        }
        assert!((9_951..10_000).all(|key| recent.get(&key, 0) == Some(key)));
        assert_eq!(recent.get(&1, 0), None);
    }

    #[test]
    fn time_runs_from_the_last_use() {
        let mut recent = Recent::new(2, 10);
        recent.insert("a", (), 0);
        assert_eq!(recent.touch("a", 9_999), Some(()));
        assert_eq!(recent.get(&"a", 19_998), Some(()));
        assert_eq!(recent.get(&"a", 19_999), None);
        assert_eq!(recent.touch("a", 19_999), None);
    }
}
