//! Time as deciding code gets it: handed in, never read.

use std::time::Instant;

use events::Timestamp;

/// One moment, on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Now {
    /// Milliseconds on a clock that never goes back: what deadlines are counted in.
    pub(crate) mono_ms: u64,
    /// The time of day: what events say.
    pub(crate) wall: Timestamp,
}

/// Where [`Now`] is read; the I/O files hold one, everything else is handed its readings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that begins at 0.
    #[expect(clippy::disallowed_methods, reason = "this is where the broker reads its clocks")]
    pub(crate) fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// The time.
    #[expect(clippy::disallowed_methods, reason = "this is where the broker reads its clocks")]
    pub(crate) fn now(&self) -> Now {
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Now {
            mono_ms: u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX),
            wall: Timestamp(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)),
        }
    }

    /// The instant of `mono_ms`, for timers.
    pub(crate) fn instant(&self, mono_ms: u64) -> Instant {
        self.start + std::time::Duration::from_millis(mono_ms)
    }
}
