//! An output in a buffer, with what the buffer knows of it.

use std::sync::Arc;

use events::{Map, Timestamp};

use crate::error_class::ErrorClass;
use crate::output::{Output, map_bytes};

/// Attempts that are remembered of one output; of more, the last.
const FAILURES_MAX: usize = 16;

/// An output in a buffer.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// In the order of arrival; unique in its buffer, also over restarts.
    pub(crate) number: u64,
    /// Outputs of one key stay in order.
    pub(crate) key: u64,
    pub(crate) output: Output,
    pub(crate) trials: Trials,
    /// What it counts against the bound of the buffer.
    pub(super) bytes: usize,
}

/// What has become of an output so far.
#[derive(Clone, Debug)]
pub(crate) struct Trials {
    /// How often it was offered.
    pub(crate) attempts: u32,
    /// The last of the attempts that failed, oldest first.
    pub(crate) failures: Vec<Failure>,
    /// With how many it may be offered together: fewer each time a batch with it was rejected as a whole.
    pub(super) together_max: usize,
    /// The completion with which it failed last, as the buffer counts them.
    pub(super) failed_at: u64,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When the outcome was known.
    pub at: Timestamp,
    /// What kind of error it was.
    pub class: ErrorClass,
    /// What the other side said.
    pub reason: Arc<str>,
}

/// An output that was given up, with what was wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// What could not be delivered.
    pub output: Output,
    /// What was sent in the end, part by part, without secrets; empty where nothing could be.
    pub sent: Map,
    /// What kind of error it was.
    pub class: ErrorClass,
    /// What the other side said.
    pub reason: Arc<str>,
    /// When it was given up.
    pub at: Timestamp,
    /// How often it was offered.
    pub attempts: u32,
    /// The last of the attempts, oldest first.
    pub failures: Vec<Failure>,
}

impl DeadLetter {
    /// About how many bytes of memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        let failures: usize = self.failures.iter().map(|failure| size_of::<Failure>() + failure.reason.len()).sum();
        self.output.bytes() + map_bytes(&self.sent) + failures + self.reason.len()
    }
}

/// Why outputs are given up or put off.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    pub(super) class: ErrorClass,
    pub(super) reason: Arc<str>,
}

impl Item {
    /// An output that was never offered.
    pub(super) fn new(number: u64, key: u64, output: Output) -> Item {
        let trials = Trials { attempts: 0, failures: Vec::new(), together_max: usize::MAX, failed_at: 0 };
        Item { number, key, bytes: output.bytes(), output, trials }
    }
}

impl Trials {
    pub(super) fn note(&mut self, failure: Failure, completion: u64) {
        if self.failures.len() == FAILURES_MAX {
            self.failures.remove(0);
        }
        self.failures.push(failure);
        self.failed_at = completion;
    }
}

impl Cause {
    pub(super) fn new(class: ErrorClass, reason: String) -> Cause {
        Cause { class, reason: reason.into() }
    }

    /// An attempt that failed so.
    pub(super) fn at(&self, now: Timestamp) -> Failure {
        Failure { at: now, class: self.class, reason: Arc::clone(&self.reason) }
    }
}
