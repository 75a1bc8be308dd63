//! What hangs on one filter: its subscribers and its shared groups.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::level_map::LevelMap;
use super::shared::Group;
use super::{Subscriber, SubscriberKey};

/// Everybody who subscribed to one filter.
#[derive(Debug, Clone)]
pub(super) struct Leaf<T> {
    subscribers: Members<T>,
    /// By group name. A name may have any character but `/`, `+` and `#`, so it is a level.
    groups: LevelMap<Group<T>>,
}

impl<T> Leaf<T> {
    pub(super) fn subscribers(&self) -> &Members<T> {
        &self.subscribers
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &Group<T>> {
        self.groups.iter().map(|(_, group)| group)
    }

    pub(super) fn add(&mut self, group: Option<&str>, subscriber: Subscriber<T>) -> Option<Subscriber<T>> {
        match group {
            None => self.subscribers.set(subscriber),
            Some(name) => self.groups.get_or_default(name).members_mut().set(subscriber),
        }
    }

    pub(super) fn remove(&mut self, group: Option<&str>, key: SubscriberKey) -> Option<Subscriber<T>> {
        let Some(name) = group else { return self.subscribers.remove(key) };
        let members = self.groups.get_mut(name)?.members_mut();
        let removed = members.remove(key);
        if members.is_empty() {
            self.groups.remove(name);
        }
        removed
    }

    /// Whether [`Leaf::remove`] would find something, asked before a shared leaf is copied.
    pub(super) fn has(&self, group: Option<&str>, key: SubscriberKey) -> bool {
        match group {
            None => self.subscribers.get(key).is_some(),
            Some(name) => self.groups.get(name).is_some_and(|group| group.members().get(key).is_some()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.subscribers.is_empty() && self.groups.is_empty()
    }
}

impl<T> Default for Leaf<T> {
    fn default() -> Leaf<T> {
        Leaf { subscribers: Members::default(), groups: LevelMap::new() }
    }
}

/// Members up to which a scan finds a key as fast as an index does.
const SCAN_MAX: usize = 32;

/// Subscribers in one piece of memory, each session at most once; with an index by session when they are many, so that
/// coming and going costs the same for the first and the hundred-thousandth.
#[derive(Debug, Clone)]
pub(super) struct Members<T> {
    list: SmallVec<[Subscriber<T>; 1]>,
    #[expect(clippy::box_collection, reason = "one word in the many short lists that have none")]
    index: Option<Box<HashMap<SubscriberKey, usize, RandomState>>>,
}

impl<T> Members<T> {
    pub(super) fn as_slice(&self) -> &[Subscriber<T>] {
        &self.list
    }

    pub(super) fn get(&self, key: SubscriberKey) -> Option<&Subscriber<T>> {
        self.position(key).map(|at| &self.list[at])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds `subscriber` or puts it in the place of the same session's, which is returned.
    pub(super) fn set(&mut self, subscriber: Subscriber<T>) -> Option<Subscriber<T>> {
        if let Some(at) = self.position(subscriber.key) {
            return Some(std::mem::replace(&mut self.list[at], subscriber));
        }
        if let Some(index) = &mut self.index {
            index.insert(subscriber.key, self.list.len());
        }
        self.list.push(subscriber);
        if self.index.is_none() && self.list.len() > SCAN_MAX {
            self.index = Some(Box::new(self.list.iter().enumerate().map(|(at, of)| (of.key, at)).collect()));
        }
        None
    }

    pub(super) fn remove(&mut self, key: SubscriberKey) -> Option<Subscriber<T>> {
        let at = self.position(key)?;
        let removed = self.list.swap_remove(at);
        if let Some(index) = &mut self.index {
            index.remove(&key);
            if let Some(moved) = self.list.get(at) {
                index.insert(moved.key, at);
            }
            if index.len() < index.capacity() / 8 {
                index.shrink_to(index.len() * 2);
            }
        }
        if self.list.len() <= SCAN_MAX / 2 {
            self.index = None;
        }
        if self.list.len() <= self.list.capacity() / 8 {
            // Frees a list that was long. `SmallVec` can only shrink to fit; the next push doubles it again.
            self.list.shrink_to_fit();
        }
        Some(removed)
    }

    fn position(&self, key: SubscriberKey) -> Option<usize> {
        match &self.index {
            None => self.list.iter().position(|of| of.key == key),
            Some(index) => index.get(&key).copied(),
        }
    }
}

impl<T> Default for Members<T> {
    fn default() -> Members<T> {
        Members { list: SmallVec::new(), index: None }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::router::Granted;

    fn subscriber(key: u64, target: usize) -> Subscriber<usize> {
        Subscriber { key: SubscriberKey(key), target, granted: Granted::default() }
    }

    proptest! {
        #[test]
        fn members_are_a_map_by_session(steps in proptest::collection::vec((0u8..3, 0u64..60), 0..400)) {
            let mut members: Members<usize> = Members::default();
            let mut oracle: BTreeMap<u64, usize> = BTreeMap::new();
            for (step, (what, key)) in steps.into_iter().enumerate() {
                if what > 0 {
                    let old = members.set(subscriber(key, step)).map(|old| old.target);
                    prop_assert_eq!(old, oracle.insert(key, step));
                } else {
                    let old = members.remove(SubscriberKey(key)).map(|old| old.target);
                    prop_assert_eq!(old, oracle.remove(&key));
                }
                prop_assert_eq!(members.get(SubscriberKey(key)).map(|of| of.target), oracle.get(&key).copied());
            }
            let all: BTreeMap<u64, usize> = members.as_slice().iter().map(|of| (of.key.0, of.target)).collect();
            prop_assert_eq!(members.as_slice().len(), all.len());
            prop_assert_eq!(all, oracle);
        }
    }

    #[test]
    fn a_list_that_was_long_gives_its_memory_back() {
        let mut members: Members<usize> = Members::default();
        for key in 0..10_000 {
            assert!(members.set(subscriber(key, 0)).is_none());
        }
        for key in 1..10_000 {
            assert!(members.remove(SubscriberKey(key)).is_some());
        }
        assert!(members.index.is_none());
        assert!(members.list.capacity() < 16, "{} places for one", members.list.capacity());
        assert_eq!(members.as_slice().len(), 1);
    }
}
