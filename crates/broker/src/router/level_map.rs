//! A map keyed by one level of a topic, small where it has few entries.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

/// Entries up to which a scan beats a hash, in time and in memory.
const FEW_MAX: usize = 8;

/// A level's bytes, in place where it is short: comparing it touches no other cache line.
type Level = SmallVec<[u8; 16]>;

/// Most nodes of a topic tree have one child or a few; some have a hundred thousand.
#[derive(Debug, Clone)]
pub(super) enum LevelMap<V> {
    /// At most [`FEW_MAX`] entries, in no order.
    Few(Vec<(Level, V)>),
    /// More, or more until lately.
    #[expect(clippy::box_collection, reason = "keeps the size of every node down to that of `Few`")]
    Many(Box<HashMap<Level, V, RandomState>>),
}

impl<V> LevelMap<V> {
    pub(super) const fn new() -> LevelMap<V> {
        LevelMap::Few(Vec::new())
    }

    pub(super) fn get(&self, level: &str) -> Option<&V> {
        match self {
            LevelMap::Few(few) => few.iter().find(|(of, _)| of.as_slice() == level.as_bytes()).map(|(_, value)| value),
            LevelMap::Many(many) => many.get(level.as_bytes()),
        }
    }

    pub(super) fn get_mut(&mut self, level: &str) -> Option<&mut V> {
        match self {
            LevelMap::Few(few) => {
                few.iter_mut().find(|(of, _)| of.as_slice() == level.as_bytes()).map(|(_, value)| value)
            }
            LevelMap::Many(many) => many.get_mut(level.as_bytes()),
        }
    }

    pub(super) fn get_or_default(&mut self, level: &str) -> &mut V
    where
        V: Default,
    {
        if let LevelMap::Few(few) = self
            && few.len() == FEW_MAX
            && !few.iter().any(|(of, _)| of.as_slice() == level.as_bytes())
        {
            *self = LevelMap::Many(Box::new(few.drain(..).collect()));
        }
        match self {
            LevelMap::Few(few) => {
                let at = few.iter().position(|(of, _)| of.as_slice() == level.as_bytes()).unwrap_or_else(|| {
                    few.reserve_exact(1);
                    few.push((Level::from_slice(level.as_bytes()), V::default()));
                    few.len() - 1
                });
                &mut few[at].1
            }
            LevelMap::Many(many) => many.entry(Level::from_slice(level.as_bytes())).or_default(),
        }
    }

    pub(super) fn remove(&mut self, level: &str) -> Option<V> {
        match self {
            LevelMap::Few(few) => {
                let at = few.iter().position(|(of, _)| of.as_slice() == level.as_bytes())?;
                Some(few.swap_remove(at).1)
            }
            LevelMap::Many(many) => {
                let removed = many.remove(level.as_bytes());
                // Half of the limit, so that one entry coming and going does not rebuild the map each time.
                if many.len() <= FEW_MAX / 2 {
                    *self = LevelMap::Few(many.drain().collect());
                } else if many.len() < many.capacity() / 8 {
                    many.shrink_to(many.len() * 2);
                }
                removed
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        match self {
            LevelMap::Few(few) => few.len(),
            LevelMap::Many(many) => many.len(),
        }
    }

    /// All entries, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &V)> {
        let (few, many) = match self {
            LevelMap::Few(few) => (Some(few), None),
            LevelMap::Many(many) => (None, Some(many)),
        };
        let few = few.into_iter().flatten().map(|(level, value)| (level.as_slice(), value));
        let many = many.into_iter().flat_map(|many| many.iter()).map(|(level, value)| (level.as_slice(), value));
        few.chain(many)
    }
}

impl<V> Default for LevelMap<V> {
    fn default() -> LevelMap<V> {
        LevelMap::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map_at_every_size(steps in proptest::collection::vec((any::<bool>(), 0u8..24), 0..200)) {
            let mut map: LevelMap<u64> = LevelMap::new();
            let mut oracle: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
            for (step, (adds, name)) in (1u64..).zip(steps) {
                let level = "x".repeat(usize::from(name));
                if adds {
                    *map.get_or_default(&level) += step;
                    *oracle.entry(level.clone().into_bytes()).or_default() += step;
                } else {
                    prop_assert_eq!(map.remove(&level), oracle.remove(level.as_bytes()));
                }
                prop_assert_eq!(map.get(&level).copied(), oracle.get(level.as_bytes()).copied());
                prop_assert_eq!(map.get_mut(&level).copied(), oracle.get(level.as_bytes()).copied());
                prop_assert_eq!(map.len(), oracle.len());
                prop_assert_eq!(map.is_empty(), oracle.is_empty());
            }
            let all: BTreeMap<Vec<u8>, u64> = map.iter().map(|(level, value)| (level.to_vec(), *value)).collect();
            prop_assert_eq!(all, oracle);
        }
    }

    #[test]
    fn a_map_that_was_large_gives_its_memory_back() {
        let mut map: LevelMap<u64> = LevelMap::new();
        for name in 0..10_000 {
            *map.get_or_default(&name.to_string()) = name;
        }
        for name in 0..9_990 {
            assert_eq!(map.remove(&name.to_string()), Some(name));
        }
        let LevelMap::Many(many) = &map else { panic!("ten entries are many") };
        assert!(many.capacity() < 200, "{} places for ten entries", many.capacity());
        for name in 9_990..10_000 {
            assert_eq!(map.remove(&name.to_string()), Some(name));
        }
        assert!(matches!(map, LevelMap::Few(_)) && map.is_empty());
    }
}
