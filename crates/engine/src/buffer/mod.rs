//! What is sent when, what is tried again, and what is given up: the queue of one action, without I/O.
//!
//! `push` takes outputs in, `next_batch` hands out what to send, `complete` takes the outcome, and `take_done` tells what
//! is off the queue since. Time and randomness are handed in, so that a script of calls always ends the same way.
//!
//! Outputs of one key (the client, unless `order` says otherwise) arrive in order: none is offered while an earlier one is
//! with the action or waits to be tried again. When a whole batch comes back to be tried later, the action rests; when
//! others get through meanwhile, only those that came back rest, and the others pass them by.

mod batch;
mod breaker;
mod item;
mod lanes;
mod ledger;
mod options;
mod rate;
#[cfg(test)]
mod scripts;
mod warmth;

use std::collections::VecDeque;
use std::sync::Arc;

use events::{Map, Timestamp};

pub use batch::Batch;
pub use breaker::BreakerState;
pub(crate) use item::Item;
pub use item::{DeadLetter, Failure};
pub use ledger::{Drops, Ledger};
pub use options::{ACTION_OPTIONS, ActionOption, BufferKind, BufferOptions, Order, Overflow};
pub(crate) use warmth::Amount;

use crate::action::{ItemOutcome, Outcome};
use crate::error_class::ErrorClass;
use crate::output::Output;
use breaker::Breaker;
use item::{Cause, Trials};
use lanes::Lanes;
use rate::Rate;
use warmth::{Cold, PARKED_MAX, WARM_MAX};

/// The other side may not put us off for longer than this at a time, in ms.
const RETRY_AFTER_MAX_MS: u64 = 3_600_000;

/// The queue of one action.
#[derive(Debug)]
pub struct Buffer {
    options: BufferOptions,
    /// Never offered yet, in the order of arrival.
    fresh: VecDeque<Item>,
    fresh_bytes: usize,
    /// Held back behind others of their key.
    lanes: Lanes,
    /// Behind those in `fresh`, and kept elsewhere: the newer part of a long queue. `None` where all is here.
    cold: Option<Cold>,
    warm_max: Amount,
    parked_max: Amount,
    /// Nothing is sent before: nothing gets through.
    rest_until: Timestamp,
    /// Whether outputs that were not offered yet go first the next time, to see whether only the others are refused.
    tries_fresh: bool,
    breaker: Breaker,
    is_checking: bool,
    is_paused: bool,
    rate: Rate,
    /// The latest time it was told.
    seen: Timestamp,
    in_flight_batches: usize,
    /// Batches under way that were sent when there could be only one, so that they hold no keys.
    in_flight_alone: usize,
    held_bytes: usize,
    /// The largest output that came, of those that fit into an empty buffer.
    largest_bytes: usize,
    next_number: u64,
    is_draining: bool,
    is_closed: bool,
    ledger: Ledger,
    drops: Drops,
    retried: u64,
    /// Counts outcomes, and the last with which something was delivered.
    completions: u64,
    delivered_at: u64,
    trouble: Option<Trouble>,
    last_error: Option<(Timestamp, Arc<str>)>,
    done: Done,
}

/// What a buffer wants done.
#[derive(Debug)]
pub enum Next {
    /// Send this, then call [`Buffer::complete`].
    Send(Batch),
    /// Ask the other side whether it is there, then call [`Buffer::checked`].
    Check,
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
    pub reason: Arc<str>,
    /// Since when.
    pub since: Timestamp,
    /// How many attempts have failed since then.
    pub attempts: u64,
}

/// What is off the queue since it was asked last.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// The numbers of everything that is off the queue; only those that had come in.
    pub(crate) numbers: Vec<u64>,
    /// What another action shall have.
    pub(crate) fallen_back: Vec<Output>,
    /// What was refused for good.
    pub(crate) dead: Vec<DeadLetter>,
}

/// What became of an output that was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Its number; `None` where there was no room.
    pub number: Option<u64>,
    /// Whether the worker has to be woken, because a batch may be due that was not before.
    pub wakes: bool,
    /// Whether it has to be kept elsewhere, because it is not here.
    pub is_cold: bool,
}

/// The ways in which an output is not delivered.
enum Loss {
    Dead { at: Timestamp, cause: Cause, trials: Trials },
    Expired,
    Overflow,
    Closed,
    Draining,
}

/// What is known of outputs that shall be tried again later.
struct PutOff {
    cause: Cause,
    /// How long the other side asks to be left alone.
    after: Option<std::time::Duration>,
    random: u64,
    /// How often the one was offered that was offered most.
    attempts: u32,
    /// The completion with which one of them failed last before; 0 where none has.
    failed_at: u64,
    /// Whether the outcome is that of a batch, so that some of it may not be to blame.
    is_whole_batch: bool,
}

impl Buffer {
    /// An empty buffer.
    pub fn new(options: BufferOptions) -> Buffer {
        Buffer {
            options,
            fresh: VecDeque::new(),
            fresh_bytes: 0,
            lanes: Lanes::default(),
            cold: None,
            warm_max: WARM_MAX,
            parked_max: PARKED_MAX,
            rest_until: Timestamp(0),
            tries_fresh: false,
            breaker: Breaker::default(),
            is_checking: false,
            is_paused: false,
            rate: Rate::default(),
            seen: Timestamp(0),
            in_flight_batches: 0,
            in_flight_alone: 0,
            held_bytes: 0,
            largest_bytes: 0,
            next_number: 0,
            is_draining: false,
            is_closed: false,
            ledger: Ledger::default(),
            drops: Drops::default(),
            retried: 0,
            completions: 0,
            delivered_at: 0,
            trouble: None,
            last_error: None,
            done: Done::default(),
        }
    }

    /// Takes `output` in.
    pub fn push(&mut self, now: Timestamp, output: Output) -> Pushed {
        const REFUSED: Pushed = Pushed { number: None, wakes: false, is_cold: false };
        self.ledger.in_ += 1;
        let bytes = output.bytes();
        if self.is_closed {
            self.lose(output, Loss::Closed);
            return REFUSED;
        }
        if bytes <= self.options.bytes_max {
            self.largest_bytes = self.largest_bytes.max(bytes);
        }
        if !self.make_room(now, 1, bytes) {
            self.lose(output, Loss::Overflow);
            return REFUSED;
        }
        let number = self.next_number;
        self.next_number += 1;
        self.held_bytes += bytes;
        self.ledger.queued += 1;
        if self.is_warm_enough()
            && let Some(cold) = &mut self.cold
        {
            cold.len += 1;
            cold.bytes += bytes;
            return Pushed { number: Some(number), wakes: false, is_cold: true };
        }
        let key = self.options.order.key_of(&output, number);
        self.push_fresh(Item::new(number, key, output));
        let wakes = self.fresh.len() == 1 || self.fresh.len() == self.options.batch_len_max;
        Pushed { number: Some(number), wakes, is_cold: false }
    }

    /// Takes in again what was dead, as the newest.
    pub fn replay(&mut self, now: Timestamp, output: Output) -> Pushed {
        if self.ledger.dead > 0 {
            self.ledger.dead -= 1;
            self.ledger.in_ -= 1;
        }
        self.push(now, output)
    }

    /// What to send now. A clock that was set back ends every rest: its end may be hours away now.
    pub fn next_batch(&mut self, now: Timestamp) -> Next {
        if now < self.seen {
            self.end_rests(now);
        }
        self.seen = now;
        self.expire(now);
        let is_busy = self.in_flight_batches >= self.options.in_flight_max || self.in_flight_alone > 0;
        if is_busy || self.is_paused || self.is_checking || self.ledger.queued == 0 {
            return Next::Idle;
        }
        if self.rest_until > now {
            return Next::Wait { until: self.rest_until };
        }
        match self.breaker {
            Breaker::Closed => {}
            Breaker::Open { .. } => {
                self.is_checking = true;
                return Next::Check;
            }
            Breaker::Probing if self.in_flight_batches > 0 => return Next::Idle,
            Breaker::Probing => {}
        }
        let len_max = match self.options.per_s_max.map(|per_s_max| self.rate.allowance(now, per_s_max)) {
            None => self.options.batch_len_max,
            Some(Ok(allowed)) => allowed.min(self.options.batch_len_max),
            Some(Err(until)) => return Next::Wait { until },
        };
        let mut batch = Batch::default();
        if self.tries_fresh {
            self.fill_from_fresh(now, len_max, &mut batch);
        }
        if batch.len() == 0 {
            self.fill_from_lanes(now, len_max, &mut batch);
        }
        let fresh_due = if batch.len() == 0 { self.fill_from_fresh(now, len_max, &mut batch) } else { None };
        if batch.len() > 0 {
            return self.send(batch);
        }
        match fresh_due.into_iter().chain(self.lanes.next_due()).min() {
            Some(until) => Next::Wait { until },
            None => Next::Idle,
        }
    }

    /// Takes what became of `batch`. `random` spreads retries, so that many actions do not return at the same moment.
    pub fn complete(&mut self, now: Timestamp, batch: Batch, outcome: Outcome, random: u64) {
        self.in_flight_batches -= 1;
        self.completions += 1;
        self.ledger.in_flight -= count(batch.len());
        self.ledger.queued += count(batch.len());
        let held: Vec<u64> = if batch.holds_keys { batch.keys().collect() } else { Vec::new() };
        if !batch.holds_keys {
            self.in_flight_alone -= 1;
        }
        match outcome {
            Outcome::Delivered => {
                self.note_delivery();
                batch.into_items().for_each(|item| self.settle_delivered(&item));
            }
            Outcome::Retry { class, reason, after } => {
                let (attempts, failed_at) = (batch.attempts(), batch.failed_at());
                let cause = Cause::new(class, reason);
                let put_off = PutOff { cause, after, random, attempts, failed_at, is_whole_batch: true };
                self.settle_retry(now, &put_off, batch.into_items().collect());
            }
            Outcome::Rejected { class, reason } => self.settle_rejected(now, batch, &Cause::new(class, reason)),
            Outcome::PerItem(outcomes) if outcomes.len() == batch.len() => {
                self.settle_each(now, batch, outcomes, random);
            }
            Outcome::PerItem(outcomes) => {
                let reason = format!("the action spoke of {} outputs and was given {}", outcomes.len(), batch.len());
                let cause = Cause::new(ErrorClass::Internal, reason);
                batch.into_items().for_each(|item| self.settle_dead(now, item, &cause));
            }
        }
        held.into_iter().for_each(|key| self.lanes.release(key));
    }

    /// Takes what a check has found, `None` where the other side is there.
    pub fn checked(&mut self, now: Timestamp, problem: Option<String>, random: u64) {
        self.is_checking = false;
        let breaker = self.breaker.after_check(problem.is_none());
        if let Some(reason) = problem {
            let attempts = self.note_trouble(now, &reason.into());
            self.rest_until = later(now, self.pause_ms(attempts, None, random));
        }
        self.breaker = breaker;
    }
}

/// What is known of it.
impl Buffer {
    /// What became of everything so far.
    pub const fn ledger(&self) -> Ledger {
        self.ledger
    }

    /// Why outputs were dropped.
    pub const fn drops(&self) -> Drops {
        self.drops
    }

    /// How many outputs were offered again.
    pub const fn retried(&self) -> u64 {
        self.retried
    }

    /// How many bytes it holds, queued and in flight.
    pub const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Whether it sends, or only asks whether the other side is there.
    pub const fn breaker(&self) -> BreakerState {
        self.breaker.state()
    }

    /// Why nothing gets through, while nothing does.
    pub const fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// What went wrong last, and when.
    pub const fn last_error(&self) -> Option<&(Timestamp, Arc<str>)> {
        self.last_error.as_ref()
    }

    /// Whether nothing is queued or in flight.
    pub const fn is_empty(&self) -> bool {
        self.ledger.queued == 0 && self.ledger.in_flight == 0
    }

    /// Whether sending is paused.
    pub const fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// What is off the queue since the last call.
    pub(crate) fn take_done(&mut self) -> Done {
        std::mem::take(&mut self.done)
    }
}

/// How it is told to behave.
impl Buffer {
    /// Changes limits and habits. What is held stays, and what is resting is tried at once.
    pub fn set_options(&mut self, now: Timestamp, options: BufferOptions) {
        self.options = options;
        self.end_rests(now);
        self.make_room(now, 0, 0);
    }

    /// Stops or resumes sending; what comes is queued.
    pub fn set_paused(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
    }

    /// Whether something would be dropped for an output as large as the largest so far. What is too old gives way first,
    /// also while nothing is sent.
    pub fn is_full(&mut self, now: Timestamp) -> bool {
        // It may have been larger than the limit is by now.
        let bytes = self.largest_bytes.min(self.options.bytes_max);
        if !self.has_room(1, bytes) {
            self.expire(now);
        }
        !self.has_room(1, bytes)
    }

    /// From now on nothing waits for company.
    pub fn drain(&mut self) {
        self.is_draining = true;
    }

    /// Keeps what was found wrong without an output.
    pub(crate) fn note_error(&mut self, now: Timestamp, reason: Arc<str>) {
        self.last_error = Some((now, reason));
    }

    /// Counts `output`, which came while nothing is taken in.
    pub(crate) fn refuse(&mut self, output: Output) {
        self.ledger.in_ += 1;
        self.lose(output, Loss::Draining);
    }

    /// Lets go of everything that is queued, which is another's now. Says how much that was.
    pub(crate) fn leave(&mut self) -> u64 {
        self.is_closed = true;
        let mut left = 0;
        if let Some(cold) = self.cold.replace(Cold::default()) {
            self.held_bytes -= cold.bytes;
            self.ledger.queued -= cold.len;
            self.ledger.in_ -= cold.len;
            left += cold.len;
        }
        while let Some(item) = self.take_oldest() {
            self.held_bytes -= item.bytes;
            self.ledger.queued -= 1;
            self.ledger.in_ -= 1;
            left += 1;
        }
        left
    }

    /// Gives up everything that is queued, and from now on everything that is pushed. Says how much was queued.
    pub fn close(&mut self) -> u64 {
        self.is_closed = true;
        let mut discarded = 0;
        while let Some(item) = self.take_oldest() {
            self.give_up(item, Loss::Closed);
            discarded += 1;
        }
        discarded
    }

    fn end_rests(&mut self, now: Timestamp) {
        self.rest_until = self.rest_until.min(now);
        self.lanes.end_rests(now);
    }
}

/// What is sent.
impl Buffer {
    /// Outputs that were offered before, or wait behind such. Those that were rejected together are offered in halves.
    fn fill_from_lanes(&mut self, now: Timestamp, len_max: usize, batch: &mut Batch) {
        let Some(first) = self.lanes.first_due(now) else { return };
        let together_max = first.trials.together_max.min(self.options.batch_len_max);
        let fits = |item: &Item| item.trials.together_max.min(self.options.batch_len_max) == together_max;
        while batch.len() < len_max.min(together_max) && self.lanes.first_due(now).is_some_and(fits) {
            let Some(item) = self.lanes.take_due(now) else { break };
            self.retried += u64::from(item.trials.attempts > 0);
            batch.push(item);
        }
    }

    /// Outputs that were never offered, past those whose key is held. Says when to ask again where it waits for company.
    fn fill_from_fresh(&mut self, now: Timestamp, len_max: usize, batch: &mut Batch) -> Option<Timestamp> {
        let first = self.fresh.front()?;
        let due = later(first.output.created, self.options.batch_wait_ms);
        // Made later than now: the clock was set back since.
        let waits = due > now && first.output.created <= now && !self.is_draining;
        if self.fresh.len() < self.options.batch_len_max && waits {
            return Some(due);
        }
        while batch.len() < len_max {
            let is_full = self.cold.is_some() && self.lanes.hold_much(self.parked_max);
            let is_held = |item: &Item| !self.lanes.is_empty() && self.lanes.is_held(item.key);
            if is_full && self.fresh.front().is_some_and(is_held) {
                break;
            }
            let Some(item) = self.pop_fresh() else { break };
            if !self.lanes.is_empty() && self.lanes.is_held(item.key) {
                self.lanes.park(item);
            } else {
                batch.push(item);
            }
        }
        None
    }

    fn send(&mut self, mut batch: Batch) -> Next {
        batch.holds_keys = self.options.in_flight_max > 1;
        if batch.holds_keys {
            batch.keys().for_each(|key| self.lanes.hold(key));
        } else {
            self.in_flight_alone += 1;
        }
        if self.options.per_s_max.is_some() {
            self.rate.spend(batch.len());
        }
        self.ledger.queued -= count(batch.len());
        self.ledger.in_flight += count(batch.len());
        self.in_flight_batches += 1;
        Next::Send(batch)
    }
}

/// What became of it.
impl Buffer {
    fn note_delivery(&mut self) {
        self.delivered_at = self.completions;
        self.trouble = None;
        self.rest_until = Timestamp(0);
        self.tries_fresh = false;
        self.breaker = Breaker::Closed;
    }

    fn settle_delivered(&mut self, item: &Item) {
        self.held_bytes -= item.bytes;
        self.ledger.queued -= 1;
        self.ledger.delivered += 1;
        self.done.numbers.push(item.number);
    }

    fn settle_dead(&mut self, now: Timestamp, mut item: Item, cause: &Cause) {
        self.last_error = Some((now, Arc::clone(&cause.reason)));
        item.trials.note(cause.at(now), self.completions);
        let trials = item.trials.clone();
        self.give_up(item, Loss::Dead { at: now, cause: cause.clone(), trials });
    }

    /// One that is rejected alone is dead; of many it is not known which, so they are offered in halves.
    fn settle_rejected(&mut self, now: Timestamp, batch: Batch, cause: &Cause) {
        let half = batch.len().div_ceil(2);
        if batch.len() < 2 {
            return batch.into_items().for_each(|item| self.settle_dead(now, item, cause));
        }
        let halved = batch.into_items().map(|mut item| {
            item.trials.together_max = half;
            item.trials.attempts -= 1;
            item
        });
        let halved = halved.collect();
        self.lanes.give_back(halved, now);
    }

    /// Lets `items` be tried again later. Where others got through since one of them failed, it is their own fault, and
    /// only they rest; else the action does.
    fn settle_retry(&mut self, now: Timestamp, put_off: &PutOff, items: Vec<Item>) {
        let PutOff { cause, after, random, attempts, failed_at, is_whole_batch } = put_off;
        self.last_error = Some((now, Arc::clone(&cause.reason)));
        let is_own_fault = *failed_at > 0 && self.delivered_at > *failed_at || self.delivered_at == self.completions;
        let pause_ms = if is_own_fault {
            self.pause_ms(u64::from(*attempts), *after, *random)
        } else {
            let troubles = self.note_trouble(now, &cause.reason);
            let pause_ms = self.pause_ms(troubles.max(u64::from(*attempts)), *after, *random);
            self.rest_until = later(now, pause_ms);
            self.tries_fresh = *attempts > 1;
            pause_ms
        };
        let half = items.len().div_ceil(2);
        let mut back = Vec::with_capacity(items.len());
        for mut item in items {
            if self.options.attempts_max.is_some_and(|max| item.trials.attempts >= max) {
                let attempts = item.trials.attempts;
                let reason = format!("given up after {attempts} attempts, the last of which said: {}", cause.reason);
                self.settle_dead(now, item, &Cause::new(cause.class, reason));
                continue;
            }
            if is_own_fault && *is_whole_batch {
                item.trials.together_max = half;
            }
            item.trials.note(cause.at(now), self.completions);
            back.push(item);
        }
        self.lanes.give_back(back, later(now, pause_ms));
    }

    fn settle_each(&mut self, now: Timestamp, batch: Batch, outcomes: Vec<ItemOutcome>, random: u64) {
        if outcomes.contains(&ItemOutcome::Delivered) {
            self.note_delivery();
        }
        let mut back = Vec::new();
        let mut put_off: Option<PutOff> = None;
        for (item, outcome) in batch.into_items().zip(outcomes) {
            match outcome {
                ItemOutcome::Delivered => self.settle_delivered(&item),
                ItemOutcome::Rejected { class, reason } => self.settle_dead(now, item, &Cause::new(class, reason)),
                ItemOutcome::Retry { class, reason, after } => {
                    let before = put_off.take();
                    put_off = Some(PutOff {
                        cause: Cause::new(class, reason),
                        after: before.as_ref().and_then(|before| before.after).max(after),
                        random,
                        attempts: before.as_ref().map_or(0, |before| before.attempts).max(item.trials.attempts),
                        failed_at: before.map_or(0, |before| before.failed_at).max(item.trials.failed_at),
                        is_whole_batch: false,
                    });
                    back.push(item);
                }
            }
        }
        if let Some(put_off) = put_off {
            self.settle_retry(now, &put_off, back);
        }
    }

    /// Notes that nothing gets through. Says how many attempts have failed since something did.
    fn note_trouble(&mut self, now: Timestamp, reason: &Arc<str>) -> u64 {
        let trouble = self.trouble.get_or_insert_with(|| Trouble { reason: "".into(), since: now, attempts: 0 });
        trouble.reason = Arc::clone(reason);
        trouble.attempts += 1;
        let attempts = trouble.attempts;
        self.breaker = self.breaker.after_failure(attempts, self.options.breaker_after);
        attempts
    }

    /// Doubles with every attempt up to the limit, then half of it is left to chance.
    fn pause_ms(&self, attempts: u64, after: Option<std::time::Duration>, random: u64) -> u64 {
        let doublings = attempts.saturating_sub(1).min(32);
        let full_ms = self.options.retry_first_ms.saturating_mul(1 << doublings).min(self.options.retry_max_ms);
        let spread_ms = full_ms / 2 + random % (full_ms / 2 + 1);
        let asked_ms = after.map_or(0, |after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        spread_ms.max(asked_ms.min(RETRY_AFTER_MAX_MS))
    }
}

/// What is given up.
impl Buffer {
    /// Gives up what is too old.
    fn expire(&mut self, now: Timestamp) {
        let Some(age_max_ms) = self.options.age_max_ms else { return };
        let is_old = |item: &Item| now.since_ms(item.output.created) >= age_max_ms;
        while self.fresh.front().is_some_and(is_old) {
            let Some(item) = self.pop_fresh() else { break };
            self.give_up(item, Loss::Expired);
        }
        while self.lanes.oldest().is_some_and(is_old) {
            let Some(item) = self.lanes.take_oldest() else { break };
            self.give_up(item, Loss::Expired);
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
                Overflow::DropNew | Overflow::BlockRule => return false,
                Overflow::DropOldest => match self.take_oldest() {
                    Some(item) => self.give_up(item, Loss::Overflow),
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
    fn take_oldest(&mut self) -> Option<Item> {
        let fresh = self.fresh.front().map_or(u64::MAX, |item| item.number);
        if self.lanes.oldest().is_some_and(|item| item.number < fresh) {
            return self.lanes.take_oldest();
        }
        // What waits behind those in flight is on no list, and comes back when they do.
        self.pop_fresh()
    }

    /// Takes a queued output off the books.
    fn give_up(&mut self, item: Item, loss: Loss) {
        self.held_bytes -= item.bytes;
        self.ledger.queued -= 1;
        self.done.numbers.push(item.number);
        self.lose(item.output, loss);
    }

    fn lose(&mut self, output: Output, loss: Loss) {
        if self.options.has_fallback {
            self.ledger.fallen_back += 1;
            self.done.fallen_back.push(output);
            return;
        }
        match loss {
            Loss::Expired => self.ledger.expired += 1,
            Loss::Overflow => {
                self.ledger.dropped += 1;
                self.drops.overflow += 1;
            }
            Loss::Closed => {
                self.ledger.dropped += 1;
                self.drops.closed += 1;
            }
            Loss::Draining => {
                self.ledger.dropped += 1;
                self.drops.draining += 1;
            }
            Loss::Dead { at, cause: Cause { class, reason }, trials } => {
                self.ledger.dead += 1;
                let Trials { attempts, failures, .. } = trials;
                let sent = Map::new();
                self.done.dead.push(DeadLetter { output, sent, class, reason, at, attempts, failures });
            }
        }
    }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).expect("no machine has more than 64 bits of address")
}

fn later(at: Timestamp, ms: u64) -> Timestamp {
    Timestamp(at.0.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)))
}
