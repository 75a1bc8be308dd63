//! What is told of a source: its state, and an account of its messages that balances at every moment.

use std::sync::Arc;

use engine::{SourceCounts, SourceState};
use events::Timestamp;
use parking_lot::Mutex;

/// What is known of a source.
#[derive(Debug)]
pub(super) struct Known(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    state: SourceState,
    reason: Option<Arc<str>>,
    since: Option<Timestamp>,
    counts: SourceCounts,
}

impl Known {
    pub(super) fn new(state: SourceState) -> Known {
        Known(Mutex::new(Inner { state, reason: None, since: None, counts: SourceCounts::default() }))
    }

    pub(super) fn read(&self) -> (SourceState, Option<Arc<str>>, Option<Timestamp>, SourceCounts) {
        let inner = self.0.lock();
        (inner.state, inner.reason.clone(), inner.since, inner.counts)
    }

    pub(super) fn set_state(&self, now: Timestamp, state: SourceState, reason: Option<Arc<str>>) {
        let mut inner = self.0.lock();
        // While it is tried again, what was wrong is still of interest.
        if state == SourceState::Connecting && inner.state == SourceState::Disconnected {
            return;
        }
        if inner.state != state {
            inner.since = Some(now);
        }
        inner.state = state;
        inner.reason = reason;
    }

    pub(super) fn note_connect(&self) {
        self.0.lock().counts.connects += 1;
    }

    pub(super) fn note_session_lost(&self) {
        self.0.lock().counts.sessions_lost += 1;
    }

    pub(super) fn note_received(&self, is_again: bool) {
        let counts = &mut self.0.lock().counts;
        counts.received += 1;
        counts.redelivered += u64::from(is_again);
        counts.waiting += 1;
    }

    pub(super) fn note_accepted(&self) {
        let counts = &mut self.0.lock().counts;
        counts.waiting -= 1;
        counts.accepted += 1;
    }

    pub(super) fn note_dropped(&self) {
        let counts = &mut self.0.lock().counts;
        counts.waiting -= 1;
        counts.dropped += 1;
    }

    /// The other broker has it still, and sends it again.
    pub(super) fn note_returned(&self) {
        let counts = &mut self.0.lock().counts;
        counts.waiting -= 1;
        counts.returned += 1;
    }
}
