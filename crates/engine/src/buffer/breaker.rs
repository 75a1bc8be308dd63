//! The circuit breaker of an action: while nothing gets through, the other side is asked whether it is there before
//! batches are thrown at it.

/// So many checks that fail are believed; then a batch is tried all the same, because a check may be wrong.
const CHECKS_BELIEVED: u32 = 4;

/// Whether an action sends, as its circuit breaker has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// As ever.
    Closed,
    /// It sends nothing, and asks the other side whether it is there.
    Open,
    /// The other side is there, and one batch shows whether it takes something.
    HalfOpen,
}

impl BreakerState {
    /// The name for people and the API.
    pub const fn name(self) -> &'static str {
        match self {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::HalfOpen => "half_open",
        }
    }
}

/// Whether batches are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Breaker {
    /// As ever.
    #[default]
    Closed,
    /// Nothing is sent before a check says that the other side is there.
    Open { checks_failed: u32 },
    /// One batch is sent, and its outcome decides.
    Probing,
}

impl Breaker {
    pub(super) const fn state(self) -> BreakerState {
        match self {
            Breaker::Closed => BreakerState::Closed,
            Breaker::Open { .. } => BreakerState::Open,
            Breaker::Probing => BreakerState::HalfOpen,
        }
    }

    /// The state after nothing got through in `failures` attempts.
    pub(super) fn after_failure(self, failures: u64, opens_after: Option<u32>) -> Breaker {
        if opens_after.is_none_or(|limit| failures < u64::from(limit)) {
            return Breaker::Closed;
        }
        match self {
            Breaker::Closed | Breaker::Probing => Breaker::Open { checks_failed: 0 },
            Breaker::Open { checks_failed } => Breaker::Open { checks_failed },
        }
    }

    /// The state after a check.
    pub(super) fn after_check(self, is_there: bool) -> Breaker {
        match self {
            Breaker::Open { .. } if is_there => Breaker::Probing,
            Breaker::Open { checks_failed } if checks_failed + 1 >= CHECKS_BELIEVED => Breaker::Probing,
            Breaker::Open { checks_failed } => Breaker::Open { checks_failed: checks_failed + 1 },
            Breaker::Closed | Breaker::Probing => self,
        }
    }
}
