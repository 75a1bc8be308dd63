//! A map with text keys that keeps the order in which they came.

use std::collections::HashMap;

use bytestring::ByteString;

use crate::Value;

/// Up to this many entries a scan beats a hash.
const SCAN_MAX: usize = 40;

/// A map with text keys, in the order of insertion: a row of a rule, an object of JSON.
///
/// Rows are short, so entries are scanned; from 41 entries on an index is kept beside them.
#[derive(Clone, Debug, Default)]
pub struct Map {
    entries: Vec<(ByteString, Value)>,
    #[expect(clippy::box_collection, reason = "few maps have one, and every row would carry the room for it")]
    index: Option<Box<HashMap<ByteString, usize>>>,
}

impl Map {
    /// An empty map.
    pub const fn new() -> Map {
        Map { entries: Vec::new(), index: None }
    }

    /// An empty map with room for `len` entries.
    pub fn with_capacity(len: usize) -> Map {
        Map { entries: Vec::with_capacity(len), index: None }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value at `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.position(key).map(|at| &self.entries[at].1)
    }

    /// The value at `key`, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.position(key).map(|at| &mut self.entries[at].1)
    }

    /// Sets `key`. A key that is there keeps its place and gets the new value.
    #[inline]
    pub fn insert(&mut self, key: ByteString, value: Value) {
        match self.position(&key) {
            Some(at) => self.entries[at].1 = value,
            None => self.push_new(key, value),
        }
    }

    /// Appends a key that is known not to be there yet.
    #[inline(always)]
    pub fn push_new(&mut self, key: ByteString, value: Value) {
        debug_assert!(self.position(&key).is_none(), "`{key}` is there already");
        if let Some(index) = &mut self.index {
            index.insert(key.clone(), self.entries.len());
        }
        self.entries.push((key, value));
        if self.entries.len() > SCAN_MAX && self.index.is_none() {
            self.index_all();
        }
    }

    /// Takes `key` out.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.position(key)?;
        let (_, value) = self.entries.remove(at);
        if self.index.is_some() {
            self.index_all();
        }
        Some(value)
    }

    /// The entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&ByteString, &Value)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    fn index_all(&mut self) {
        let places = self.entries.iter().enumerate().map(|(at, (key, _))| (key.clone(), at));
        self.index = Some(Box::new(places.collect()));
    }

    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(key).copied(),
            None => self.entries.iter().position(|(k, _)| &**k == key),
        }
    }
}

/// Two maps are equal when they hold the same entries, in whatever order.
impl PartialEq for Map {
    fn eq(&self, other: &Map) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl FromIterator<(ByteString, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (ByteString, Value)>>(entries: I) -> Map {
        let mut map = Map::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

impl IntoIterator for Map {
    type Item = (ByteString, Value);
    type IntoIter = std::vec::IntoIter<(ByteString, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_value_replaces_the_earlier_and_keeps_its_place() {
        let map: Map = [("a", 1), ("b", 2), ("a", 3)].map(|(k, v)| (k.into(), Value::Int(v))).into_iter().collect();
        let entries: Vec<_> = map.iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
        assert_eq!(entries, [("a".to_owned(), Value::Int(3)), ("b".to_owned(), Value::Int(2))]);
    }

    #[test]
    fn a_map_beyond_the_scan_limit_finds_replaces_and_removes() {
        let mut map: Map = (0..100).map(|n| (n.to_string().into(), Value::Int(n))).collect();
        map.insert("77".into(), Value::Null);
        assert_eq!(map.get("77"), Some(&Value::Null));
        assert_eq!(map.remove("0"), Some(Value::Int(0)));
        assert_eq!((map.len(), map.get("99"), map.get("0")), (99, Some(&Value::Int(99)), None));
    }
}
