//! How often the same sentence may be logged.

use events::Timestamp;

/// At most one log line of a kind in this time, in ms; the next one says how many were left out.
const PAUSE_MS: u64 = 10_000;

/// Lets a log line through, or counts it.
#[derive(Debug, Default)]
pub(crate) struct LogGate {
    open_at: Option<Timestamp>,
    left_out: u64,
}

impl LogGate {
    /// `Some(n)`: log now, `n` were left out since the last time. `None`: leave this one out.
    pub(crate) fn pass(&mut self, now: Timestamp) -> Option<u64> {
        if self.open_at.is_some_and(|logged| now.since_ms(logged) < PAUSE_MS) {
            self.left_out += 1;
            return None;
        }
        self.open_at = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_in_ten_seconds_passes_and_tells_of_the_others() {
        let mut gate = LogGate::default();
        let passed: Vec<_> = [0, 1, 9_999, 10_000, 10_001, 30_000].map(|ms| gate.pass(Timestamp(ms))).into();
        assert_eq!(passed, [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
