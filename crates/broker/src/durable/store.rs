//! The journal of the broker: changes go in here, and whoever waits for them is woken here.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;

use journal::{Found, Journal, Notice, Options, Position};
use parking_lot::{Mutex, RwLock};

use crate::message::Message;

/// The first byte of every record.
pub(super) const RECORD_VERSION: u8 = 1;

/// Large enough to sync rarely, small enough to give room back soon.
const SEGMENT_BYTES: usize = 16 << 20;
/// What may wait for a slow disk before records are refused and everything has to be written down anew.
const WAITING_BYTES_MAX: usize = 256 << 20;
/// While more waits than this, a rewrite leaves the disk to what happens.
const REWRITE_WAITING_BYTES: usize = 8 << 20;
/// Below so many bytes on disk nothing is written down anew to make it less.
const UNTIDY_BYTES_MIN: u64 = 64 << 20;

/// The journal of the broker.
pub(crate) struct Store {
    journal: Journal,
    progress: Arc<Progress>,
    /// Held shared from the record of a message until every inbox has it, exclusively when a rewrite begins. A leaf
    /// lock but for inboxes.
    pub(super) gate: RwLock<()>,
    /// Held while a retained message is changed in memory and in the journal.
    pub(super) retained: Mutex<()>,
    /// What stands before is about to be released: messages are written again before they are named again.
    floor: AtomicU64,
    /// Of messages and places.
    last_number: AtomicU64,
    rewrites_begun: AtomicU64,
    is_rewrite_needed: AtomicBool,
    /// The size of the last rewrite, which is about what is needed.
    rewritten_bytes: AtomicU64,
}

/// What has to be on disk before something may be said: nothing, by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Records before this position.
    position: u64,
    /// So many rewrites, where the disk did not take a record.
    rewrites: u64,
}

/// How far everything is durable.
#[derive(Debug, Default)]
struct Progress {
    durable: AtomicU64,
    rewrites: AtomicU64,
    is_failing: AtomicBool,
    waiting: Mutex<Vec<(Mark, Waker)>>,
}

impl Store {
    /// Opens the journal in `dir` and tells `on_found` of everything in it.
    pub(super) fn open(dir: &Path, on_found: &mut dyn FnMut(Found<'_>)) -> Result<Store, journal::Error> {
        let progress = Arc::new(Progress::default());
        let observer = Arc::clone(&progress);
        let options = Options {
            segment_bytes_max: SEGMENT_BYTES,
            waiting_bytes_max: WAITING_BYTES_MAX,
            observer: Some(Box::new(move |notice| observer.handle(notice))),
            ..Options::default()
        };
        let journal = Journal::open(dir, options, on_found)?;
        progress.durable.store(journal.durable().0, Ordering::Release);
        Ok(Store {
            journal,
            progress,
            gate: RwLock::default(),
            retained: Mutex::default(),
            floor: AtomicU64::new(0),
            last_number: AtomicU64::new(0),
            rewrites_begun: AtomicU64::new(0),
            is_rewrite_needed: AtomicBool::new(false),
            rewritten_bytes: AtomicU64::new(0),
        })
    }

    /// Appends a record of changes; it is durable when the mark is reached. A record that the disk does not take is made
    /// up for by a rewrite.
    pub(crate) fn append(&self, changes: &[u8]) -> Mark {
        match self.journal.append(&[&[RECORD_VERSION], changes]) {
            Ok(Position(position)) => Mark { position: position + 1, rewrites: 0 },
            Err(error) => {
                if !self.is_rewrite_needed.swap(true, Ordering::AcqRel) {
                    tracing::error!(%error, "sessions and retained messages are only in memory, the disk does not take them");
                }
                Mark { position: 0, rewrites: self.rewrites_begun.load(Ordering::Acquire) + 1 }
            }
        }
    }

    /// What is reached when everything that was appended so far is durable.
    pub(crate) fn mark(&self) -> Mark {
        let is_whole = !self.is_rewrite_needed.load(Ordering::Acquire);
        let rewrites = if is_whole { 0 } else { self.rewrites_begun.load(Ordering::Acquire) + 1 };
        Mark { position: self.journal.stats().next.0, rewrites }
    }

    /// Whether all of `mark` is durable; else `waker` is woken when it is.
    pub(crate) fn poll_reached(&self, mark: Mark, waker: Option<&Waker>) -> bool {
        if self.progress.has_reached(mark) {
            return true;
        }
        let Some(waker) = waker else { return false };
        let mut waiting = self.progress.waiting.lock();
        // Looked at again under the lock that is taken before anybody is woken.
        let is_reached = self.progress.has_reached(mark);
        if !is_reached {
            waiting.push((mark, waker.clone()));
        }
        is_reached
    }

    /// The number of the next message or place.
    pub(super) fn next_number(&self) -> u64 {
        self.last_number.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Numbers up to `last` were used before.
    pub(super) fn skip_numbers(&self, last: u64) {
        self.last_number.fetch_max(last, Ordering::Relaxed);
    }

    /// The number of a message, and whether its body has to be written before it is named.
    pub(super) fn number_of(&self, message: &Message) -> (u64, bool) {
        let number = message.record.number_or(|| self.next_number());
        (number, message.record.position.load(Ordering::Acquire) <= self.floor.load(Ordering::Acquire))
    }

    /// The body of a message stands in the record of `mark`.
    pub(super) fn note_written(message: &Message, mark: Mark) {
        if mark.rewrites == 0 {
            message.record.position.fetch_max(mark.position, Ordering::AcqRel);
        }
    }

    /// Something has changed that could not be noted.
    pub(crate) fn request_rewrite(&self) {
        self.is_rewrite_needed.store(true, Ordering::Release);
    }

    /// Whether what there is should be written down anew, and the disk takes it.
    pub(crate) fn wants_rewrite(&self) -> bool {
        if self.is_failing() {
            return false;
        }
        let needed_bytes = self.rewritten_bytes.load(Ordering::Relaxed);
        self.is_rewrite_needed.load(Ordering::Acquire)
            || self.journal.stats().bytes > 2 * needed_bytes + UNTIDY_BYTES_MIN
    }

    /// Begins a rewrite: everything that was noted so far is in memory by now.
    pub(super) fn begin_rewrite(&self) -> Rewriting {
        let _gate = self.gate.write();
        let number = self.rewrites_begun.fetch_add(1, Ordering::AcqRel) + 1;
        self.is_rewrite_needed.store(false, Ordering::Release);
        let start = self.journal.stats().next;
        self.floor.store(start.0, Ordering::Release);
        Rewriting { number, start, bytes: 0, is_whole: true }
    }

    /// Ends a rewrite: when it is durable, what stood before is released. Whether it is of use.
    pub(super) fn end_rewrite(&self, rewriting: &Rewriting) -> bool {
        let Rewriting { number, start, bytes, is_whole } = *rewriting;
        let next = self.journal.stats().next;
        let is_durable = next <= start || self.journal.wait_durable(Position(next.0 - 1)).is_ok();
        if !is_whole || !is_durable {
            self.is_rewrite_needed.store(true, Ordering::Release);
            return false;
        }
        self.rewritten_bytes.store(bytes, Ordering::Relaxed);
        self.journal.release_before(start);
        self.progress.rewrites.store(number, Ordering::Release);
        self.progress.wake();
        true
    }

    /// Appends a part of a rewrite, at the pace of the disk.
    pub(super) fn append_rewritten(&self, changes: &[u8], rewriting: &mut Rewriting) -> Mark {
        let mark = self.append(changes);
        rewriting.bytes += u64::try_from(changes.len()).unwrap_or(u64::MAX);
        rewriting.is_whole &= mark.rewrites == 0;
        mark
    }

    /// Waits until the disk has caught up. Not to be called under a lock.
    pub(super) fn pace(&self, mark: Mark) {
        if mark.rewrites == 0 && mark.position > 0 && self.journal.stats().waiting_bytes > REWRITE_WAITING_BYTES {
            // Where the disk fails, the rewrite finds that out by the next record.
            drop(self.journal.wait_durable(Position(mark.position - 1)));
        }
    }

    /// Waits until everything that was appended is durable.
    pub(crate) fn sync(&self) -> Result<(), journal::Error> {
        let next = self.journal.stats().next;
        if next.0 == 0 { Ok(()) } else { self.journal.wait_durable(Position(next.0 - 1)) }
    }

    /// Whether the disk takes nothing.
    pub(crate) fn is_failing(&self) -> bool {
        self.progress.is_failing.load(Ordering::Acquire)
    }

    /// Bytes on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.journal.stats().bytes
    }
}

/// A rewrite under way.
#[derive(Debug)]
pub(super) struct Rewriting {
    number: u64,
    start: Position,
    bytes: u64,
    is_whole: bool,
}

impl Mark {
    /// Reached when both are.
    pub(crate) fn and(self, other: Mark) -> Mark {
        Mark { position: self.position.max(other.position), rewrites: self.rewrites.max(other.rewrites) }
    }

    /// Whether there is nothing to wait for.
    pub(crate) fn is_nothing(self) -> bool {
        self == Mark::default()
    }
}

impl Progress {
    fn has_reached(&self, mark: Mark) -> bool {
        self.durable.load(Ordering::Acquire) >= mark.position && self.rewrites.load(Ordering::Acquire) >= mark.rewrites
    }

    fn handle(&self, notice: Notice) {
        match notice {
            Notice::Durable { end } => {
                self.durable.store(end.0, Ordering::Release);
                self.wake();
            }
            Notice::Failing { reason } => {
                self.is_failing.store(true, Ordering::Release);
                tracing::error!(%reason, "the disk of sessions and retained messages takes nothing, they are in memory");
            }
            Notice::Recovered => {
                self.is_failing.store(false, Ordering::Release);
                tracing::info!("the disk of sessions and retained messages takes records again");
            }
            Notice::NotRemoved { reason } => {
                tracing::warn!(%reason, "a file of sessions that is not needed any more is left behind");
            }
        }
    }

    fn wake(&self) {
        let mut reached = Vec::new();
        let mut waiting = self.waiting.lock();
        let mut at = 0;
        while let Some((mark, _)) = waiting.get(at) {
            if self.has_reached(*mark) {
                reached.push(waiting.swap_remove(at).1);
            } else {
                at += 1;
            }
        }
        drop(waiting);
        reached.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("journal", &self.journal).finish_non_exhaustive()
    }
}
