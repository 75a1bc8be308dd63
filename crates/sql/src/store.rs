//! The key-value state of rules: what `kv_store_put` keeps and `kv_store_get` finds again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytestring::ByteString;
use events::Value;

use crate::values::weight::weigh;

/// The most keys a store keeps. A further key is refused: the rule that wanted it fails with `E503`.
pub(crate) const KEYS_MAX: usize = 100_000;

/// The most bytes that keys and values take together. What would go beyond is refused in the same way.
pub(crate) const BYTES_MAX: usize = 64 * 1024 * 1024;

/// State that rules share, in memory.
///
/// A key belongs to a scope: the empty one is shared by all rules, that of a client is its own.
#[derive(Debug, Default)]
pub struct Store {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    values: HashMap<(ByteString, ByteString), Value>,
    /// What they take, keys included.
    bytes: usize,
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
        self.lock().values.get(&(scope.clone(), key.clone())).cloned()
    }

    /// Sets `key` and returns what was there.
    pub fn put(&self, scope: &ByteString, key: &ByteString, value: Value) -> Result<Option<Value>, StoreFull> {
        let mut kept = self.lock();
        let place = (scope.clone(), key.clone());
        let (before, is_new) = kept.values.get(&place).map_or((0, true), |value| (weight(&place, value), false));
        let bytes = (kept.bytes - before).saturating_add(weight(&place, &value));
        if bytes > BYTES_MAX || (is_new && kept.values.len() >= KEYS_MAX) {
            return Err(StoreFull);
        }
        kept.bytes = bytes;
        Ok(kept.values.insert(place, value))
    }

    /// Takes `key` out and returns what was there.
    pub fn remove(&self, scope: &ByteString, key: &ByteString) -> Option<Value> {
        let (mut kept, place) = (self.lock(), (scope.clone(), key.clone()));
        let removed = kept.values.remove(&place)?;
        kept.bytes -= weight(&place, &removed);
        Some(removed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an entry takes; more than there may be where that cannot be told.
fn weight((scope, key): &(ByteString, ByteString), value: &Value) -> usize {
    weigh(value, BYTES_MAX).unwrap_or(BYTES_MAX).saturating_add(scope.len() + key.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_together_have_a_limit_and_what_is_removed_makes_room() {
        let store = Store::new();
        let (all, text) = (ByteString::new(), Value::from("x".repeat(1024 * 1024)));
        let puts = (0..100).map(|key: u32| store.put(&all, &key.to_string().into(), text.clone()));
        assert_eq!(puts.take_while(Result::is_ok).count(), 63);
        assert_eq!(store.put(&all, &"7".into(), text.clone()), Ok(Some(text.clone())), "in the place of the same");
        assert_eq!(store.put(&all, &"new".into(), text.clone()), Err(StoreFull));
        assert_eq!(store.remove(&all, &"7".into()), Some(text.clone()));
        assert_eq!(store.put(&all, &"new".into(), text), Ok(None));
    }

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
