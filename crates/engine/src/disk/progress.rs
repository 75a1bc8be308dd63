//! How far a buffer is on disk, and who waits for that.

use std::sync::atomic::{AtomicBool, Ordering};

use journal::Position;
use tokio::sync::{Notify, watch};

/// What has to be on disk before an output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The record at this position.
    Record(Position),
    /// What the disk did not take at first, after so many times that it has taken all of that.
    Retake(u64),
}

/// How far a buffer is on disk.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reached {
    /// Every record before is durable.
    durable: Position,
    /// How often the disk has taken everything that it did not take at first.
    retakes: u64,
    /// All of that stands before.
    retaken_end: Position,
}

/// What the thread of the journal and the buffer tell those who wait.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    reached: watch::Sender<Reached>,
    /// Whether there are outputs that the disk did not take.
    is_owed: AtomicBool,
    /// The worker, which offers them again.
    pub(crate) wake: Notify,
}

impl Progress {
    pub(crate) fn subscribe(&self) -> watch::Receiver<Reached> {
        self.reached.subscribe()
    }

    /// Every record before `end` is durable.
    pub(crate) fn note_durable(&self, end: Position) {
        self.reached.send_modify(|reached| reached.durable = end);
        self.offer_again();
    }

    /// The disk takes records now; the worker has what it did not take.
    pub(crate) fn offer_again(&self) {
        if self.is_owed() {
            self.wake.notify_one();
        }
    }

    /// The disk does not take an output. Says what has to be reached before it is there.
    pub(crate) fn note_refused(&self) -> Mark {
        if !self.is_owed.swap(true, Ordering::AcqRel) {
            // The disk may have come back just before.
            self.wake.notify_one();
        }
        Mark::Retake(self.reached.borrow().retakes + 1)
    }

    pub(crate) fn is_owed(&self) -> bool {
        self.is_owed.load(Ordering::Acquire)
    }

    /// The disk has taken everything that it did not take at first; it stands before `end`.
    pub(crate) fn note_retaken(&self, end: Position) {
        self.is_owed.store(false, Ordering::Release);
        self.reached.send_modify(|reached| {
            reached.retakes += 1;
            reached.retaken_end = end;
        });
    }
}

impl Reached {
    fn has(self, mark: Mark) -> bool {
        match mark {
            Mark::Record(position) => self.durable > position,
            Mark::Retake(retakes) => self.retakes >= retakes && self.durable >= self.retaken_end,
        }
    }
}

/// Waits until `mark` is reached; false where the buffer ends before.
pub(crate) async fn reached(mut progress: watch::Receiver<Reached>, mark: Mark) -> bool {
    progress.wait_for(|reached| reached.has(mark)).await.is_ok()
}
