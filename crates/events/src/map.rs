//! A map with text keys that keeps the order in which they came.

use std::collections::HashMap;
use std::iter::{Chain, Cloned, Zip};
use std::{slice, vec};

use bytestring::ByteString;

use crate::Value;

/// Up to this many entries a scan beats a hash.
const SCAN_MAX: usize = 40;

/// A map with text keys, in the order of insertion: a row of a rule, an object of JSON.
///
/// Rows are short, so entries are scanned; from 41 entries on an index is kept beside them.
#[derive(Clone, Debug, Default)]
pub struct Map {
    /// The names of `columns`, which all events of a kind share: most entries of a row of `SELECT *`.
    names: &'static [ByteString],
    columns: Vec<Value>,
    /// What comes behind the columns.
    entries: Vec<(ByteString, Value)>,
    #[expect(clippy::box_collection, reason = "few maps have one, and every row would carry the room for it")]
    index: Option<Box<HashMap<ByteString, usize>>>,
}

impl Map {
    /// An empty map.
    pub const fn new() -> Map {
        Map { names: &[], columns: Vec::new(), entries: Vec::new(), index: None }
    }

    /// An empty map with room for `len` entries.
    pub fn with_capacity(len: usize) -> Map {
        Map { entries: Vec::with_capacity(len), ..Map::new() }
    }

    /// Columns under their names, of which no two are alike, with room for `more` entries behind them.
    pub(crate) fn of_columns(names: &'static [ByteString], columns: Vec<Value>, more: usize) -> Map {
        debug_assert_eq!(names.len(), columns.len());
        let mut map = Map { names, columns, ..Map::with_capacity(more) };
        map.index_where_long();
        map
    }

    /// The number of entries.
    pub const fn len(&self) -> usize {
        self.names.len() + self.entries.len()
    }

    /// Whether there is no entry.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let at = self.position(key)?;
        self.columns.get(at).or_else(|| self.entries.get(at - self.names.len()).map(|(_, value)| value))
    }

    /// The value at `key`, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let at = self.position(key)?;
        match self.columns.get_mut(at) {
            Some(column) => Some(column),
            None => self.entries.get_mut(at - self.names.len()).map(|(_, value)| value),
        }
    }

    /// Sets `key`. A key that is there keeps its place and gets the new value.
    #[inline]
    pub fn insert(&mut self, key: ByteString, value: Value) {
        match self.get_mut(&key) {
            Some(earlier) => *earlier = value,
            None => self.push_new(key, value),
        }
    }

    /// Appends a key that is known not to be there yet.
    #[inline(always)]
    pub fn push_new(&mut self, key: ByteString, value: Value) {
        debug_assert!(self.position(&key).is_none(), "`{key}` is there already");
        if let Some(index) = &mut self.index {
            index.insert(key.clone(), self.names.len() + self.entries.len());
        }
        self.entries.push((key, value));
        self.index_where_long();
    }

    /// Takes `key` out.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.position(key)?;
        if !self.names.is_empty() {
            self.entries = std::mem::take(self).into_iter().collect();
        }
        let (_, value) = self.entries.remove(at);
        self.index = None;
        self.index_where_long();
        Some(value)
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&ByteString, &Value)> {
        self.names.iter().zip(&self.columns).chain(self.entries.iter().map(|(key, value)| (key, value)))
    }

    #[inline(always)]
    fn index_where_long(&mut self) {
        if self.len() > SCAN_MAX && self.index.is_none() {
            let places = self.iter().enumerate().map(|(at, (key, _))| (key.clone(), at));
            self.index = Some(Box::new(places.collect()));
        }
    }

    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(key).copied(),
            None => {
                let mut names = self.names.iter().chain(self.entries.iter().map(|(name, _)| name));
                names.position(|name| &**name == key)
            }
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
    type IntoIter =
        Chain<Zip<Cloned<slice::Iter<'static, ByteString>>, vec::IntoIter<Value>>, vec::IntoIter<Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        self.names.iter().cloned().zip(self.columns).chain(self.entries)
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

    #[test]
    fn columns_are_entries_as_all_others() {
        static NAMES: [ByteString; 2] = [ByteString::from_static("a"), ByteString::from_static("b")];
        let mut map = Map::of_columns(&NAMES, vec![Value::Int(1), Value::Int(2)], 1);
        map.insert("c".into(), Value::Int(3));
        map.insert("b".into(), Value::Int(4));
        let own: Map = [("a", 1), ("b", 4), ("c", 3)].map(|(k, v)| (k.into(), Value::Int(v))).into_iter().collect();
        assert_eq!((map.len(), map.to_json(), map == own), (3, own.to_json(), true));
        assert_eq!((map.get("c"), map.get("b"), map.get("d")), (Some(&Value::Int(3)), Some(&Value::Int(4)), None));
        assert_eq!(map.clone().into_iter().collect::<Vec<_>>(), own.into_iter().collect::<Vec<_>>());
        assert_eq!(map.remove("a"), Some(Value::Int(1)));
        assert_eq!((map.to_json(), map.get("a")), (r#"{"b":4,"c":3}"#.to_owned(), None));
    }
}
