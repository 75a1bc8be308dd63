//! The queue between those who append and the thread that writes.

use std::collections::VecDeque;
use std::time::Duration;

use events::Timestamp;
use parking_lot::{Condvar, Mutex};

use crate::record::{Gap, GapCause, Item};

/// The most items of one transaction.
pub(crate) const BATCH_MAX: usize = 1000;
/// How long a transaction waits to become larger: what a kill can cost, at most.
const LINGER: Duration = Duration::from_millis(20);
/// How long the thread sleeps when nothing happens, until it looks whether slices have become too old and notes that it
/// is alive: connections that a kill ends are told to have ended so much too early, at most.
const IDLE: Duration = Duration::from_secs(60);

/// A bounded queue. Where it is full, what comes is lost, and one gap record in its place says how much.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Something for the thread to do.
    wake: Condvar,
    /// The thread has done something.
    done: Condvar,
    len_max: usize,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Item>,
    /// What did not fit since the last item that did.
    gap: Option<Gap>,
    /// Items and gaps that came in, ever.
    added: u64,
    /// Items and gaps that were written or given up, ever.
    finished: u64,
    lost: u64,
    is_urgent: bool,
    prune: Option<Timestamp>,
    is_closed: bool,
    is_over: bool,
}

/// What the thread has to do.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) items: Vec<Item>,
    /// Nothing has happened for a while.
    pub(crate) is_idle: bool,
    /// Slices are to be looked at as of this time.
    pub(crate) prune: Option<Timestamp>,
    /// Nothing comes any more.
    pub(crate) is_last: bool,
}

impl Queue {
    pub(crate) fn new(len_max: usize) -> Queue {
        Queue { state: Mutex::default(), wake: Condvar::new(), done: Condvar::new(), len_max: len_max.max(2) }
    }

    /// Takes what fits; returns how many items it took. Never waits for the thread.
    pub(crate) fn append(&self, items: impl IntoIterator<Item = Item>) -> usize {
        let mut state = self.state.lock();
        let before = state.items.len();
        let mut taken = 0;
        for item in items {
            taken += usize::from(state.push(item, self.len_max));
        }
        let after = state.items.len();
        let wakes = (before == 0 && after > 0) || (before < BATCH_MAX && after >= BATCH_MAX);
        drop(state);
        if wakes {
            self.wake.notify_one();
        }
        taken
    }

    /// Waits until what was appended before is written or given up; false where the thread has ended without that.
    pub(crate) fn flush(&self) -> bool {
        let mut state = self.state.lock();
        let target = state.added;
        state.is_urgent = true;
        self.wake.notify_one();
        self.done.wait_while(&mut state, |state| state.finished < target && !state.is_over);
        state.finished >= target
    }

    /// Asks the thread to look at the slices as of `now`, and waits until it has.
    pub(crate) fn prune(&self, now: Timestamp) {
        let mut state = self.state.lock();
        state.prune = Some(now);
        self.wake.notify_one();
        self.done.wait_while(&mut state, |state| state.prune.is_some() && !state.is_over);
    }

    /// No more comes; the thread ends when it has written the rest.
    pub(crate) fn close(&self) {
        self.state.lock().is_closed = true;
        self.wake.notify_one();
    }

    /// Items that wait, and items that were lost for want of room.
    pub(crate) fn counts(&self) -> (usize, u64) {
        let state = self.state.lock();
        (state.items.len(), state.lost)
    }

    /// Waits for something to do.
    pub(crate) fn next_batch(&self) -> Batch {
        let mut state = self.state.lock();
        self.wake.wait_while_for(&mut state, |state| state.is_idle(), IDLE);
        let is_idle = state.is_idle();
        if state.has_items() {
            self.wake.wait_while_for(&mut state, |state| state.may_grow(), LINGER);
        }
        let len = state.items.len().min(BATCH_MAX);
        let mut items: Vec<Item> = state.items.drain(..len).collect();
        if state.items.is_empty() {
            state.is_urgent = false;
            items.extend(state.gap.take().map(Item::Gap));
        }
        Batch { items, is_idle, prune: state.prune, is_last: state.is_closed && !state.has_items() }
    }

    /// The thread has done what `batch` asked for.
    pub(crate) fn handle_done(&self, items_len: usize, pruned: Option<Timestamp>) {
        let mut state = self.state.lock();
        state.finished += u64::try_from(items_len).expect("a batch is small");
        if state.prune == pruned {
            state.prune = None;
        }
        self.done.notify_all();
    }

    /// The thread has ended.
    pub(crate) fn handle_over(&self) {
        let mut state = self.state.lock();
        state.is_over = true;
        state.is_closed = true;
        self.done.notify_all();
    }
}

impl State {
    fn push(&mut self, item: Item, len_max: usize) -> bool {
        let needed = 1 + usize::from(self.gap.is_some());
        if self.is_closed || self.items.len() + needed > len_max {
            self.handle_lost(&item);
            return false;
        }
        // Counted when it began.
        self.items.extend(self.gap.take().map(Item::Gap));
        self.items.push_back(item);
        self.added += 1;
        true
    }

    fn handle_lost(&mut self, item: &Item) {
        let lost = match item {
            Item::Event(event) => Gap::of(event, GapCause::Overflow),
            Item::Gap(gap) => gap.clone(),
        };
        self.lost = self.lost.saturating_add(lost.count);
        match &mut self.gap {
            Some(gap) => gap.merge(&lost),
            None => {
                self.gap = Some(lost);
                self.added += 1;
            }
        }
    }

    fn has_items(&self) -> bool {
        !self.items.is_empty() || self.gap.is_some()
    }

    fn is_idle(&self) -> bool {
        !self.has_items() && self.prune.is_none() && !self.is_closed
    }

    fn may_grow(&self) -> bool {
        self.items.len() < BATCH_MAX && !self.is_urgent && self.prune.is_none() && !self.is_closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::{Event, Kind};
    use std::sync::Arc;

    fn event(seq: u64) -> Item {
        let mut event = Event::sample(Kind::ClientConnected);
        event.head.seq = Some(seq);
        event.head.timestamp = Timestamp(i64::try_from(seq).unwrap());
        Item::Event(Arc::new(event))
    }

    /// `5` for an event, `5-7x3` for a gap.
    fn told(items: &[Item]) -> Vec<String> {
        let tell = |item: &Item| match item {
            Item::Event(event) => event.head.seq.unwrap().to_string(),
            Item::Gap(gap) => format!("{}-{}x{}", gap.first_seq.unwrap(), gap.last_seq.unwrap(), gap.count),
        };
        items.iter().map(tell).collect()
    }

    #[test]
    fn what_does_not_fit_leaves_one_gap_in_its_place() {
        let queue = Queue::new(4);
        assert_eq!(queue.append((1..=7).map(event)), 4);
        assert_eq!(queue.counts(), (4, 3));
        queue.close();
        let batch = queue.next_batch();
        assert_eq!(told(&batch.items), ["1", "2", "3", "4", "5-7x3"]);
        assert!(batch.is_last);
    }

    #[test]
    fn a_gap_comes_before_what_follows_it() {
        let queue = Queue::new(4);
        queue.append((1..=5).map(event));
        queue.state.lock().items.drain(..3);
        assert_eq!(queue.append([event(6)]), 1, "room for the gap and the event");
        assert_eq!(queue.append([event(7)]), 1);
        assert_eq!(queue.append([event(8)]), 0);
        queue.close();
        assert_eq!(told(&queue.next_batch().items), ["4", "5-5x1", "6", "7", "8-8x1"]);
    }

    #[test]
    fn after_the_end_nothing_is_taken_and_nobody_waits() {
        let queue = Queue::new(4);
        queue.append([event(1)]);
        queue.handle_over();
        assert!(!queue.flush(), "what was appended was never written");
        queue.prune(Timestamp(0));
        assert_eq!(queue.append([event(2)]), 0);
    }
}
