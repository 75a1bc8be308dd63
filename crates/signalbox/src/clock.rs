//! The clock of the system: read here and handed to all who decide by it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use events::Timestamp;

/// Now, in ms since 1970-01-01 UTC; 0 on a machine whose clock stands before that.
#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch(Instant);

impl Watch {
    /// Begins now.
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub(crate) fn start() -> Watch {
        Watch(Instant::now())
    }

    /// What has passed since.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// A time as `2026-11-22 12:00:00 UTC`.
pub(crate) fn iso(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.0)
        .map_or_else(|_outside_of_the_calendar| format!("{} ms", time.0), |time| time.strftime("%F %T UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(iso(Timestamp(0)), "1970-01-01 00:00:00 UTC");
        assert_eq!(iso(Timestamp(1_645_003_578_536)), "2022-02-16 09:26:18 UTC");
    }
}
