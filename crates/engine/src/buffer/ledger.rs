//! What became of everything an action was given.

/// The account of one action, read as one snapshot. It balances at every moment:
/// `in_ = delivered + queued + in_flight + dead + expired + dropped + fallen_back`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Outputs that were handed to the action.
    pub in_: u64,
    /// Outputs of which the action said that they arrived.
    pub delivered: u64,
    /// Outputs that wait, for the first time or again.
    pub queued: u64,
    /// Outputs that the action is sending now.
    pub in_flight: u64,
    /// Outputs that the other side refused for good, or did not take within the allowed attempts.
    pub dead: u64,
    /// Outputs that were still not delivered when `max_age` was over.
    pub expired: u64,
    /// Outputs for which there was no room, or whose action was taken away.
    pub dropped: u64,
    /// Outputs that would be dead, expired or dropped, and went to the fallback action instead.
    pub fallen_back: u64,
}

impl Ledger {
    /// Whether nothing is unaccounted for.
    pub const fn balances(&self) -> bool {
        self.in_ == self.delivered + self.queued + self.in_flight + self.lost() + self.fallen_back
    }

    /// Outputs that reached nobody: dead, expired and dropped.
    pub const fn lost(&self) -> u64 {
        self.dead + self.expired + self.dropped
    }

    /// Outputs that are neither queued nor in flight.
    pub(crate) const fn settled(&self) -> u64 {
        self.delivered + self.lost() + self.fallen_back
    }
}

/// Why outputs were dropped; together they are [`Ledger::dropped`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// There was no room.
    pub overflow: u64,
    /// The action was taken away or stopped before they were delivered.
    pub closed: u64,
    /// They came while an operator drained the action.
    pub draining: u64,
    /// The disk has lost them.
    pub damaged: u64,
}
