//! The rate limit of an action: so many outputs a second, with a second's worth at once after a pause.

use events::Timestamp;

/// How many outputs may be sent now.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rate {
    /// In thousandths of an output.
    saved: u64,
    at: Timestamp,
}

impl Rate {
    /// How many outputs may be sent at `now`, or when the next may.
    pub(super) fn allowance(&mut self, now: Timestamp, per_s_max: u32) -> Result<usize, Timestamp> {
        let per_s_max = u64::from(per_s_max.max(1));
        let passed_ms = now.since_ms(self.at);
        self.at = now;
        self.saved = self.saved.saturating_add(passed_ms.saturating_mul(per_s_max)).min(per_s_max * 1_000);
        match usize::try_from(self.saved / 1_000) {
            Ok(0) => Err(super::later(now, (1_000 - self.saved).div_ceil(per_s_max))),
            Ok(len) => Ok(len),
            Err(_) => Ok(usize::MAX),
        }
    }

    /// Notes that `len` were sent.
    pub(super) fn spend(&mut self, len: usize) {
        self.saved = self.saved.saturating_sub(super::count(len).saturating_mul(1_000));
    }
}
