//! The outputs that are held back, each behind the others of its key: those that were offered and came back, and what
//! has come behind them. Outputs of other keys pass them by.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use events::Timestamp;

use super::item::Item;
use super::warmth::Amount;

/// A lane for every key that is with the action or rests.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    by_key: HashMap<u64, Lane, foldhash::fast::FixedState>,
    /// The first number of every lane that waits, with its key.
    heads: BTreeMap<u64, u64>,
    /// The same by the time when it may go on.
    due: BTreeSet<(Timestamp, u64)>,
    /// How many outputs wait in lanes, and their bytes.
    len: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Lane {
    items: VecDeque<Item>,
    /// How many of the key are with the action.
    in_flight: usize,
    /// Nothing of it is offered before.
    not_before: Timestamp,
}

impl Lanes {
    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// How many outputs wait.
    #[cfg(test)]
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Whether so many outputs wait.
    pub(super) const fn hold_much(&self, max: Amount) -> bool {
        self.len >= max.len || self.bytes >= max.bytes
    }

    /// Whether what comes of `key` has to wait behind others.
    pub(super) fn is_held(&self, key: u64) -> bool {
        self.by_key.contains_key(&key)
    }

    /// Notes that an output of `key` goes to the action.
    pub(super) fn hold(&mut self, key: u64) {
        self.unlist(key);
        let lane = self.by_key.entry(key).or_insert_with(Lane::new);
        lane.in_flight += 1;
    }

    /// Puts `item` behind the others of its key, which is held.
    pub(super) fn park(&mut self, item: Item) {
        let key = item.key;
        self.unlist(key);
        self.len += 1;
        self.bytes += item.bytes;
        self.by_key.entry(key).or_insert_with(Lane::new).items.push_back(item);
        self.list(key);
    }

    /// Takes back what was with the action, in the order of arrival, to be offered again at `not_before`.
    pub(super) fn give_back(&mut self, items: Vec<Item>, not_before: Timestamp) {
        for item in items.into_iter().rev() {
            let key = item.key;
            self.unlist(key);
            let lane = self.by_key.entry(key).or_insert_with(Lane::new);
            lane.not_before = not_before;
            self.len += 1;
            self.bytes += item.bytes;
            lane.items.push_front(item);
            self.list(key);
        }
    }

    /// Notes that an output of `key` is with the action no more.
    pub(super) fn release(&mut self, key: u64) {
        self.unlist(key);
        if let Some(lane) = self.by_key.get_mut(&key) {
            lane.in_flight = lane.in_flight.saturating_sub(1);
        }
        self.list(key);
    }

    /// The time at which the next lane may go on.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(not_before, _)| *not_before)
    }

    /// The oldest output that may be offered now.
    pub(super) fn first_due(&self, now: Timestamp) -> Option<&Item> {
        let (not_before, number) = self.due.first()?;
        let key = self.heads.get(number).filter(|_| *not_before <= now)?;
        self.by_key.get(key)?.items.front()
    }

    /// Takes out what [`Lanes::first_due`] shows. The next of its key may be taken as well, into the same batch.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Item> {
        let number = self.first_due(now)?.number;
        self.take_head(number)
    }

    /// The oldest output that waits.
    pub(super) fn oldest(&self) -> Option<&Item> {
        let (_, key) = self.heads.first_key_value()?;
        self.by_key.get(key)?.items.front()
    }

    /// Takes out what [`Lanes::oldest`] shows.
    pub(super) fn take_oldest(&mut self) -> Option<Item> {
        let (number, _) = self.heads.first_key_value()?;
        self.take_head(*number)
    }

    /// Lets every lane go on at `now`, if it would later.
    pub(super) fn end_rests(&mut self, now: Timestamp) {
        self.due.clear();
        for (number, key) in &self.heads {
            if let Some(lane) = self.by_key.get_mut(key) {
                lane.not_before = lane.not_before.min(now);
                self.due.insert((lane.not_before, *number));
            }
        }
    }

    fn take_head(&mut self, number: u64) -> Option<Item> {
        let key = *self.heads.get(&number)?;
        self.unlist(key);
        let item = self.by_key.get_mut(&key).and_then(|lane| lane.items.pop_front());
        self.list(key);
        let item = item?;
        self.len -= 1;
        self.bytes -= item.bytes;
        Some(item)
    }

    /// Takes the lane off the lists before it changes.
    fn unlist(&mut self, key: u64) {
        let Some(lane) = self.by_key.get(&key) else { return };
        if let Some(head) = lane.items.front() {
            self.heads.remove(&head.number);
            self.due.remove(&(lane.not_before, head.number));
        }
    }

    /// Puts the lane on the lists as it is now; one that holds nothing is gone.
    fn list(&mut self, key: u64) {
        let Some(lane) = self.by_key.get(&key) else { return };
        match lane.items.front() {
            Some(head) if lane.in_flight == 0 => {
                self.heads.insert(head.number, key);
                self.due.insert((lane.not_before, head.number));
            }
            None if lane.in_flight == 0 => {
                self.by_key.remove(&key);
            }
            Some(_) | None => {}
        }
    }
}

impl Lane {
    fn new() -> Lane {
        Lane { items: VecDeque::new(), in_flight: 0, not_before: Timestamp(0) }
    }
}
