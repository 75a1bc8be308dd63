//! What is sent when, what is tried again, and what is given up: the queue of one action, without I/O.
//!
//! `push` takes outputs in, `next_batch` hands out what to send, `complete` takes the outcome. Time and randomness are
//! handed in, so that a script of calls always ends the same way.

mod batch;
mod ledger;
mod options;
#[cfg(test)]
mod scripts;

use std::collections::VecDeque;

use events::Timestamp;

pub use batch::Batch;
pub use ledger::Ledger;
pub use options::{ACTION_OPTIONS, ActionOption, BufferOptions, Overflow};

use crate::action::{ItemOutcome, Outcome};
use crate::output::Output;

/// The other side may not put us off for longer than this at a time, in ms.
const RETRY_AFTER_MAX_MS: u64 = 3_600_000;

/// The queue of one action.
#[derive(Debug)]
pub struct Buffer {
    options: BufferOptions,
    /// Never offered yet, in the order of arrival.
    fresh: VecDeque<Waiting>,
    /// Offered and back, older than all in `fresh`, in the order of arrival, each with the time before which it rests.
    again: VecDeque<(Timestamp, Batch)>,
    /// The latest time it was told.
    seen: Timestamp,
    in_flight_batches: usize,
    held_bytes: usize,
    next_number: u64,
    is_draining: bool,
    is_closed: bool,
    ledger: Ledger,
    retried: u64,
    trouble: Option<Trouble>,
    last_error: Option<(Timestamp, String)>,
    dead_letters: VecDeque<DeadLetter>,
    dead_bytes: usize,
    fallen_back: Vec<Output>,
}

/// An output that was never offered yet.
#[derive(Debug)]
struct Waiting {
    number: u64,
    bytes: usize,
    output: Output,
}

/// What a buffer wants done.
#[derive(Debug)]
pub enum Next {
    /// Send this, then call [`Buffer::complete`].
    Send(Batch),
    /// Nothing before `until`, unless something is pushed or completed.
    Wait {
        /// When to ask again.
        until: Timestamp,
    },
    /// Nothing until something is pushed or completed.
    Idle,
}

/// Why an action does not get anything through at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What the other side said last.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// How many batches came back since then.
    pub attempts: u64,
}

/// An output that was given up, with what was wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// What could not be delivered.
    pub output: Output,
    /// What the other side said.
    pub reason: String,
    /// When it was given up.
    pub at: Timestamp,
    /// How often it was offered.
    pub attempts: u32,
}

/// The ways in which an output is not delivered.
enum Loss {
    Dead { at: Timestamp, reason: String, attempts: u32 },
    Expired,
    Dropped,
}

impl Buffer {
    /// An empty buffer.
    pub fn new(options: BufferOptions) -> Buffer {
        Buffer {
            options,
            fresh: VecDeque::new(),
            again: VecDeque::new(),
            seen: Timestamp(0),
            in_flight_batches: 0,
            held_bytes: 0,
            next_number: 0,
            is_draining: false,
            is_closed: false,
            ledger: Ledger::default(),
            retried: 0,
            trouble: None,
            last_error: None,
            dead_letters: VecDeque::new(),
            dead_bytes: 0,
            fallen_back: Vec::new(),
        }
    }

    /// Takes `output` in. Says whether a batch may be due that was not before, so that the worker has to be woken.
    pub fn push(&mut self, now: Timestamp, output: Output) -> bool {
        self.ledger.in_ += 1;
        let bytes = output.bytes();
        if self.is_closed || !self.make_room(now, 1, bytes) {
            self.lose(output, Loss::Dropped);
            return false;
        }
        self.held_bytes += bytes;
        self.ledger.queued += 1;
        self.fresh.push_back(Waiting { number: self.next_number, bytes, output });
        self.next_number += 1;
        self.fresh.len() == 1 || self.fresh.len() == self.options.batch_len_max
    }

    /// What to send now. A clock that was set back ends every rest: its end may be hours away now.
    pub fn next_batch(&mut self, now: Timestamp) -> Next {
        if now < self.seen {
            self.end_rests(now);
        }
        self.seen = now;
        if self.in_flight_batches >= self.options.in_flight_max {
            return Next::Idle;
        }
        self.expire(now);
        if let Some((not_before, _)) = self.again.front() {
            if *not_before > now {
                return Next::Wait { until: *not_before };
            }
            let (_, batch) = self.again.pop_front().expect("there is a front");
            self.retried += count(batch.len());
            return self.send(batch);
        }
        let Some(first) = self.fresh.front() else { return Next::Idle };
        let due = later(first.output.created, self.options.batch_wait_ms);
        // Made later than now: the clock was set back since.
        let waits = due > now && first.output.created <= now && !self.is_draining;
        if self.fresh.len() < self.options.batch_len_max && waits {
            return Next::Wait { until: due };
        }
        let mut batch = Batch::starting_at(first.number);
        for waiting in self.fresh.drain(..self.options.batch_len_max.min(self.fresh.len())) {
            batch.push(waiting.output, waiting.bytes);
        }
        self.send(batch)
    }

    /// Takes what became of `batch`. `random` spreads retries, so that many actions do not return at the same moment.
    pub fn complete(&mut self, now: Timestamp, batch: Batch, outcome: Outcome, random: u64) {
        self.in_flight_batches -= 1;
        self.ledger.in_flight -= count(batch.len());
        self.ledger.queued += count(batch.len());
        match outcome {
            Outcome::Delivered => self.settle_delivered(&batch),
            Outcome::Retry { reason, after } => {
                let pause_ms = self.pause_ms(batch.attempts(), after, random);
                self.settle_retry(now, batch, &reason, pause_ms);
            }
            Outcome::Rejected { reason } => match batch.split() {
                Ok((left, right)) => {
                    self.put_back(now, left);
                    self.put_back(now, right);
                }
                Err(single) => self.settle_dead(now, single, &reason),
            },
            Outcome::PerItem(outcomes) if outcomes.len() == batch.len() => {
                self.settle_each(now, batch, outcomes, random);
            }
            Outcome::PerItem(outcomes) => {
                let reason = format!("the action spoke of {} outputs and was given {}", outcomes.len(), batch.len());
                self.settle_dead(now, batch, &reason);
            }
        }
    }

    /// What became of everything so far.
    pub const fn ledger(&self) -> Ledger {
        self.ledger
    }

    /// How many outputs were offered again.
    pub const fn retried(&self) -> u64 {
        self.retried
    }

    /// How many bytes it holds, queued and in flight.
    pub const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Why nothing gets through, while nothing does.
    pub const fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// What went wrong last, and when.
    pub const fn last_error(&self) -> Option<&(Timestamp, String)> {
        self.last_error.as_ref()
    }

    /// The outputs that were given up last, oldest first.
    pub fn dead_letters(&self) -> impl ExactSizeIterator<Item = &DeadLetter> {
        self.dead_letters.iter()
    }

    /// The outputs that another action shall have since the last call.
    pub fn take_fallen_back(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.fallen_back)
    }

    /// Changes limits and habits. What is held stays, and what is resting is tried at once.
    pub fn set_options(&mut self, now: Timestamp, options: BufferOptions) {
        self.options = options;
        self.end_rests(now);
        self.make_room(now, 0, 0);
    }

    /// From now on nothing waits for company.
    pub fn drain(&mut self) {
        self.is_draining = true;
    }

    /// Whether nothing is queued or in flight.
    pub const fn is_empty(&self) -> bool {
        self.ledger.queued == 0 && self.ledger.in_flight == 0
    }

    /// Gives up everything that is queued, and from now on everything that is pushed. Says how much was queued.
    pub fn close(&mut self) -> u64 {
        self.is_closed = true;
        let mut discarded = 0;
        while let Some((output, bytes)) = self.take_oldest() {
            self.give_up(output, bytes, Loss::Dropped);
            discarded += 1;
        }
        discarded
    }

    fn end_rests(&mut self, now: Timestamp) {
        for (not_before, _) in &mut self.again {
            *not_before = (*not_before).min(now);
        }
    }

    fn send(&mut self, batch: Batch) -> Next {
        self.ledger.queued -= count(batch.len());
        self.ledger.in_flight += count(batch.len());
        self.in_flight_batches += 1;
        Next::Send(batch.offered())
    }

    fn settle_delivered(&mut self, batch: &Batch) {
        self.held_bytes -= batch.bytes();
        self.ledger.queued -= count(batch.len());
        self.ledger.delivered += count(batch.len());
        self.trouble = None;
    }

    fn settle_dead(&mut self, now: Timestamp, batch: Batch, reason: &str) {
        self.last_error = Some((now, reason.to_owned()));
        let attempts = batch.attempts();
        for (output, bytes) in batch.into_parts() {
            self.give_up(output, bytes, Loss::Dead { at: now, reason: reason.to_owned(), attempts });
        }
    }

    fn settle_retry(&mut self, now: Timestamp, batch: Batch, reason: &str, pause_ms: u64) {
        self.last_error = Some((now, reason.to_owned()));
        let trouble = self.trouble.get_or_insert_with(|| Trouble { reason: String::new(), since: now, attempts: 0 });
        reason.clone_into(&mut trouble.reason);
        trouble.attempts += 1;
        if self.options.attempts_max.is_some_and(|max| batch.attempts() >= max) {
            let reason = format!("given up after {} attempts, the last of which said: {reason}", batch.attempts());
            return self.settle_dead(now, batch, &reason);
        }
        self.put_back(later(now, pause_ms), batch);
    }

    fn settle_each(&mut self, now: Timestamp, batch: Batch, outcomes: Vec<ItemOutcome>, random: u64) {
        let mut back: Option<(Batch, String, u64)> = None;
        let (number, attempts) = (batch.number(), batch.attempts());
        for ((output, bytes), outcome) in batch.into_parts().zip(outcomes) {
            match outcome {
                ItemOutcome::Delivered => {
                    self.settle_delivered(&Batch::of_one(number, attempts, output, bytes));
                }
                ItemOutcome::Rejected { reason } => {
                    self.settle_dead(now, Batch::of_one(number, attempts, output, bytes), &reason);
                }
                ItemOutcome::Retry { reason, after } => {
                    let pause_ms = self.pause_ms(attempts, after, random);
                    let (batch, last_reason, longest_ms) =
                        back.get_or_insert_with(|| (Batch::empty(number, attempts), String::new(), 0));
                    batch.push(output, bytes);
                    *last_reason = reason;
                    *longest_ms = pause_ms.max(*longest_ms);
                }
            }
        }
        if let Some((batch, reason, pause_ms)) = back {
            self.settle_retry(now, batch, &reason, pause_ms);
        }
    }

    /// Doubles with every attempt up to the limit, then half of it is left to chance.
    fn pause_ms(&self, attempts: u32, after: Option<std::time::Duration>, random: u64) -> u64 {
        let doublings = attempts.saturating_sub(1).min(32);
        let full_ms = self.options.retry_first_ms.saturating_mul(1 << doublings).min(self.options.retry_max_ms);
        let spread_ms = full_ms / 2 + random % (full_ms / 2 + 1);
        let asked_ms = after.map_or(0, |after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        spread_ms.max(asked_ms.min(RETRY_AFTER_MAX_MS))
    }

    /// Lets a batch rest until `not_before`, in its place by age.
    fn put_back(&mut self, not_before: Timestamp, batch: Batch) {
        let at = self.again.partition_point(|(_, other)| other.number() < batch.number());
        self.again.insert(at, (not_before, batch));
    }

    /// Gives up what is too old. Within a batch that rests, each is judged alone.
    fn expire(&mut self, now: Timestamp) {
        let Some(age_max_ms) = self.options.age_max_ms else { return };
        let is_old = |output: &Output| now.since_ms(output.created) >= age_max_ms;
        while self.fresh.front().is_some_and(|waiting| is_old(&waiting.output)) {
            let Some(waiting) = self.fresh.pop_front() else { break };
            self.give_up(waiting.output, waiting.bytes, Loss::Expired);
        }
        if !self.again.iter().any(|(_, batch)| batch.outputs().iter().any(is_old)) {
            return;
        }
        for (not_before, batch) in std::mem::take(&mut self.again) {
            let mut left = Batch::empty(batch.number(), batch.attempts());
            for (output, bytes) in batch.into_parts() {
                if is_old(&output) {
                    self.give_up(output, bytes, Loss::Expired);
                } else {
                    left.push(output, bytes);
                }
            }
            if left.len() > 0 {
                self.again.push_back((not_before, left));
            }
        }
    }

    /// Makes room for `len` outputs of `bytes` more, as the policy allows. Says whether there is room.
    fn make_room(&mut self, now: Timestamp, len: u64, bytes: usize) -> bool {
        if bytes > self.options.bytes_max {
            return false;
        }
        if !self.has_room(len, bytes) {
            self.expire(now);
        }
        while !self.has_room(len, bytes) {
            match self.options.overflow {
                Overflow::DropNew => return false,
                Overflow::DropOldest => match self.take_oldest() {
                    Some((output, bytes)) => self.give_up(output, bytes, Loss::Dropped),
                    None => return false,
                },
            }
        }
        true
    }

    fn has_room(&self, len: u64, bytes: usize) -> bool {
        let held = self.ledger.queued + self.ledger.in_flight;
        held + len <= count(self.options.len_max) && self.held_bytes + bytes <= self.options.bytes_max
    }

    /// Takes the oldest output that is not in flight. It still counts as queued.
    fn take_oldest(&mut self) -> Option<(Output, usize)> {
        if let Some((_, batch)) = self.again.front_mut() {
            let oldest = batch.pop_front();
            if batch.len() == 0 {
                self.again.pop_front();
            }
            return oldest;
        }
        self.fresh.pop_front().map(|waiting| (waiting.output, waiting.bytes))
    }

    /// Takes a queued output off the books.
    fn give_up(&mut self, output: Output, bytes: usize, loss: Loss) {
        self.held_bytes -= bytes;
        self.ledger.queued -= 1;
        self.lose(output, loss);
    }

    fn lose(&mut self, output: Output, loss: Loss) {
        if self.options.has_fallback {
            self.ledger.fallen_back += 1;
            self.fallen_back.push(output);
            return;
        }
        match loss {
            Loss::Expired => self.ledger.expired += 1,
            Loss::Dropped => self.ledger.dropped += 1,
            Loss::Dead { at, reason, attempts } => {
                self.ledger.dead += 1;
                self.keep_dead_letter(DeadLetter { output, reason, at, attempts });
            }
        }
    }

    fn keep_dead_letter(&mut self, letter: DeadLetter) {
        self.dead_bytes += letter.output.bytes();
        self.dead_letters.push_back(letter);
        while self.dead_letters.len() > self.options.dead_letters_max || self.dead_bytes > self.options.bytes_max {
            let Some(oldest) = self.dead_letters.pop_front() else { break };
            self.dead_bytes -= oldest.output.bytes();
        }
    }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).expect("no machine has more than 64 bits of address")
}

fn later(at: Timestamp, ms: u64) -> Timestamp {
    Timestamp(at.0.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)))
}
