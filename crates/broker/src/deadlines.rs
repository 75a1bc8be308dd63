//! What is to happen at a time to sessions without a connection: their end, and their delayed will.

use std::collections::BTreeMap;
use std::sync::Weak;

/// Deadlines in the order of their time. Each session has at most one entry, so there are no more than sessions.
#[derive(Debug)]
pub(crate) struct Deadlines<T> {
    entries: BTreeMap<DeadlineId, Weak<T>>,
    next: u64,
}

/// Names an entry, so that it can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeadlineId {
    at_mono_ms: u64,
    number: u64,
}

impl<T> Default for Deadlines<T> {
    fn default() -> Deadlines<T> {
        Deadlines { entries: BTreeMap::new(), next: 0 }
    }
}

impl<T> Deadlines<T> {
    /// Adds an entry; also says whether it is the next one now.
    pub(crate) fn add(&mut self, at_mono_ms: u64, of: Weak<T>) -> (DeadlineId, bool) {
        let id = DeadlineId { at_mono_ms, number: self.next };
        self.next += 1;
        self.entries.insert(id, of);
        (id, self.entries.first_key_value().is_some_and(|(first, _)| *first == id))
    }

    /// Takes an entry back.
    pub(crate) fn cancel(&mut self, id: DeadlineId) {
        self.entries.remove(&id);
    }

    /// The time of the next entry.
    pub(crate) fn next_mono_ms(&self) -> Option<u64> {
        self.entries.first_key_value().map(|(id, _)| id.at_mono_ms)
    }

    /// An entry whose time has come.
    pub(crate) fn take_due(&mut self, now_mono_ms: u64) -> Option<Weak<T>> {
        let first = self.entries.first_entry().filter(|entry| entry.key().at_mono_ms <= now_mono_ms)?;
        Some(first.remove())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn entries_come_in_the_order_of_their_time() {
        let (a, b, c) = (Arc::new('a'), Arc::new('b'), Arc::new('c'));
        let mut deadlines = Deadlines::default();
        assert!(deadlines.add(20, Arc::downgrade(&a)).1);
        let (taken_back, is_next) = deadlines.add(10, Arc::downgrade(&b));
        assert!(is_next);
        assert!(!deadlines.add(30, Arc::downgrade(&c)).1);
        deadlines.cancel(taken_back);
        assert_eq!(deadlines.next_mono_ms(), Some(20));
        assert!(deadlines.take_due(19).is_none());
        let due: Vec<char> = std::iter::from_fn(|| deadlines.take_due(30)).map(|of| *of.upgrade().unwrap()).collect();
        assert_eq!(due, ['a', 'c']);
        assert_eq!(deadlines.next_mono_ms(), None);
    }
}
