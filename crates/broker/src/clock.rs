//! Time as deciding code gets it: handed in, never read.

use std::time::Instant;

use events::Timestamp;

/// One moment, on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Now {
    /// Milliseconds on a clock that never goes back: what deadlines are counted in. It begins at the time of day of the
    /// start, so that what happened before has a time on it, too.
    pub(crate) mono_ms: u64,
    /// The time of day: what events say.
    pub(crate) wall: Timestamp,
}

/// Where [`Now`] is read; the I/O files hold one, everything else is handed its readings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
    start_mono_ms: u64,
}

impl Clock {
    /// A clock that begins now.
    #[expect(clippy::disallowed_methods, reason = "this is where the broker reads its clocks")]
    pub(crate) fn start() -> Clock {
        Clock { start: Instant::now(), start_mono_ms: u64::try_from(wall_ms()).unwrap_or(0) }
    }

    /// The time.
    pub(crate) fn now(&self) -> Now {
        let elapsed_ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { mono_ms: self.start_mono_ms.saturating_add(elapsed_ms), wall: Timestamp(wall_ms()) }
    }

    /// The instant of `mono_ms`, for timers.
    pub(crate) fn instant(&self, mono_ms: u64) -> Instant {
        self.start + std::time::Duration::from_millis(mono_ms.saturating_sub(self.start_mono_ms))
    }
}

/// Milliseconds of the time of day.
#[expect(clippy::disallowed_methods, reason = "this is where the broker reads its clocks")]
fn wall_ms() -> i64 {
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)
}
