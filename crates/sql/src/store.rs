//! The key-value state of rules: what `kv_store_put` keeps and `kv_store_get` finds again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytestring::ByteString;
use events::Value;

/// The most keys a store keeps. A further key is refused: the rule that wanted it fails with `E503`.
pub(crate) const KEYS_MAX: usize = 100_000;

/// State that rules share, in memory.
///
/// A key belongs to a scope: the empty one is shared by all rules, that of a client is its own.
#[derive(Debug, Default)]
pub struct Store {
    values: Mutex<HashMap<(ByteString, ByteString), Value>>,
}

/// The store is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreFull;

impl Store {
    /// An empty store.
    pub fn new() -> Store {
        Store::default()
    }

    /// The value of `key`.
    pub fn get(&self, scope: &ByteString, key: &ByteString) -> Option<Value> {
        self.lock().get(&(scope.clone(), key.clone())).cloned()
    }

    /// Sets `key` and returns what was there.
    pub fn put(&self, scope: &ByteString, key: &ByteString, value: Value) -> Result<Option<Value>, StoreFull> {
        let mut values = self.lock();
        let place = (scope.clone(), key.clone());
        if values.len() >= KEYS_MAX && !values.contains_key(&place) {
            return Err(StoreFull);
        }
        Ok(values.insert(place, value))
    }

    /// Takes `key` out and returns what was there.
    pub fn remove(&self, scope: &ByteString, key: &ByteString) -> Option<Value> {
        self.lock().remove(&(scope.clone(), key.clone()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(ByteString, ByteString), Value>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_its_scope() {
        let store = Store::new();
        let (all, client, key) = ("".into(), "pump-17".into(), "k".into());
        assert_eq!(store.put(&all, &key, Value::Int(1)), Ok(None));
        assert_eq!(store.get(&client, &key), None);
        assert_eq!(store.put(&client, &key, Value::Int(2)), Ok(None));
        assert_eq!(store.remove(&client, &key), Some(Value::Int(2)));
        assert_eq!(store.get(&all, &key), Some(Value::Int(1)));
    }
}
