//! The clock of the crate: read here and handed on.

use std::time::{Duration, Instant};

/// Time since the crate was opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub(crate) fn new() -> Clock {
        Clock { started: Instant::now() }
    }

    /// Milliseconds since the crate was opened.
    pub(crate) fn now_ms(self) -> u64 {
        u64::try_from(self.since().as_millis()).expect("a process runs less than 500 million years")
    }

    /// The same, exactly.
    pub(crate) fn since(self) -> Duration {
        self.started.elapsed()
    }
}
