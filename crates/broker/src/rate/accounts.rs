//! The buckets of clients and addresses, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use foldhash::quality::RandomState;
use parking_lot::Mutex;

use super::{Account, Rates};

/// Accounts without a connection that are remembered at least. When there are twice as many, the older half is
/// forgotten, and whoever comes back begins with full buckets.
const REMEMBERED_MIN: usize = 50_000;

/// What clients, or addresses, have used up of the same rates.
#[derive(Debug)]
pub(crate) struct Accounts<K> {
    pub(crate) rates: Rates,
    kept: Mutex<Kept<K>>,
}

#[derive(Debug)]
struct Kept<K> {
    young: HashMap<K, Arc<Account>, RandomState>,
    old: HashMap<K, Arc<Account>, RandomState>,
    /// Accounts made since the last time some were forgotten.
    made_count: usize,
}

impl<K: Hash + Eq> Accounts<K> {
    /// Accounts for `rates`; none where nothing is limited.
    pub(crate) fn new(rates: Rates) -> Option<Accounts<K>> {
        let kept = Kept { young: HashMap::default(), old: HashMap::default(), made_count: 0 };
        (!rates.is_none()).then(|| Accounts { rates, kept: Mutex::new(kept) })
    }

    /// The account of `key`.
    pub(crate) fn get(&self, key: K) -> Arc<Account> {
        self.kept.lock().get(key, REMEMBERED_MIN)
    }
}

impl<K: Hash + Eq> Kept<K> {
    fn get(&mut self, key: K, remembered_min: usize) -> Arc<Account> {
        if let Some(account) = self.young.get(&key) {
            return Arc::clone(account);
        }
        let account = self.old.remove(&key).unwrap_or_else(|| {
            self.made_count += 1;
            Arc::default()
        });
        if self.made_count > remembered_min {
            self.made_count = 0;
            let mut forgotten = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            forgotten.retain(|_, account| Arc::strong_count(account) > 1);
            self.young = forgotten;
        }
        self.young.insert(key, Arc::clone(&account));
        account
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_remembered_in_bounded_memory_and_those_in_use_for_ever() {
        let mut kept = Kept { young: HashMap::default(), old: HashMap::default(), made_count: 0 };
        let in_use = kept.get(0, 10);
        for key in 1..1000 {
            let account = kept.get(key, 10);
            assert!(Arc::ptr_eq(&account, &kept.get(key, 10)));
            assert!(kept.young.len() + kept.old.len() <= 24);
        }
        assert!(Arc::ptr_eq(&in_use, &kept.get(0, 10)));
    }
}
