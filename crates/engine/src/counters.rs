//! What a rule has done so far, in the words of EMQX.

use std::sync::atomic::{AtomicU64, Ordering};

use events::Timestamp;
use parking_lot::Mutex;

use crate::log_gate::LogGate;

/// The counters of one rule. They outlive reloads of its file.
#[derive(Debug, Default)]
pub(crate) struct RuleCounters {
    passed: AtomicU64,
    no_result: AtomicU64,
    exceptions: AtomicU64,
    payload_not_json: AtomicU64,
    blocked: AtomicU64,
    errors: Mutex<Errors>,
    /// What had been counted when the metrics were reset.
    reset_at: Mutex<RuleCounts>,
}

#[derive(Debug, Default)]
struct Errors {
    last: Option<(Timestamp, String)>,
    logs: LogGate,
}

/// The counters of one rule at one moment. `matched = passed + failed`, `failed = exceptions + no_result`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCounts {
    /// How often the rule was run.
    pub matched: u64,
    /// How often it made at least one row.
    pub passed: u64,
    /// How often it made none.
    pub failed: u64,
    /// How often the evaluation failed.
    pub failed_exception: u64,
    /// How often WHERE was not true, or FOREACH had no element to yield.
    pub failed_no_result: u64,
    /// How often the rule wanted a path into a payload that is not JSON.
    pub payload_not_json: u64,
    /// Events it was not run on, because an action with `overflow = "block_rule"` had no room.
    pub blocked: u64,
    /// Outputs that were handed to actions, one per row and action.
    pub actions_total: u64,
    /// Outputs that arrived.
    pub actions_success: u64,
    /// Outputs that were given up: dead, expired or dropped.
    pub actions_failed: u64,
}

impl RuleCounts {
    fn plus(self, other: RuleCounts) -> RuleCounts {
        self.with(other, u64::saturating_add)
    }

    /// A replay makes an action that has failed undone, so that less may have failed than before.
    fn minus(self, other: RuleCounts) -> RuleCounts {
        self.with(other, u64::saturating_sub)
    }

    fn with(self, other: RuleCounts, join: fn(u64, u64) -> u64) -> RuleCounts {
        RuleCounts {
            matched: join(self.matched, other.matched),
            passed: join(self.passed, other.passed),
            failed: join(self.failed, other.failed),
            failed_exception: join(self.failed_exception, other.failed_exception),
            failed_no_result: join(self.failed_no_result, other.failed_no_result),
            payload_not_json: join(self.payload_not_json, other.payload_not_json),
            blocked: join(self.blocked, other.blocked),
            actions_total: join(self.actions_total, other.actions_total),
            actions_success: join(self.actions_success, other.actions_success),
            actions_failed: join(self.actions_failed, other.actions_failed),
        }
    }
}

impl RuleCounters {
    pub(crate) fn count_passed(&self) {
        self.passed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_no_result(&self) {
        self.no_result.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_payload_not_json(&self) {
        self.payload_not_json.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_blocked(&self) {
        self.blocked.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a failed evaluation, keeps its error, and logs it unless the rule has logged one just now.
    pub(crate) fn count_exception(&self, now: Timestamp, rule: &str, error: String) {
        self.exceptions.fetch_add(1, Ordering::Relaxed);
        let mut errors = self.errors.lock();
        let passed = errors.logs.pass(now);
        if let Some(not_logged) = passed {
            tracing::warn!(rule, error, not_logged, "a rule failed on an event");
        }
        errors.last = Some((now, error));
    }

    /// Lets the metrics begin at 0 again: `counts` is what they are now.
    pub(crate) fn reset(&self, counts: RuleCounts) {
        let mut reset_at = self.reset_at.lock();
        *reset_at = reset_at.plus(counts);
    }

    /// What was counted since the last reset, of everything that was counted.
    pub(crate) fn since_reset(&self, counts: RuleCounts) -> RuleCounts {
        counts.minus(*self.reset_at.lock())
    }

    /// What went wrong last, and when.
    pub(crate) fn last_error(&self) -> Option<(Timestamp, String)> {
        self.errors.lock().last.clone()
    }

    /// The counters now; those of the actions are left at 0.
    pub(crate) fn counts(&self) -> RuleCounts {
        let passed = self.passed.load(Ordering::Relaxed);
        let (exceptions, no_result) = (self.exceptions.load(Ordering::Relaxed), self.no_result.load(Ordering::Relaxed));
        RuleCounts {
            matched: passed + exceptions + no_result,
            passed,
            failed: exceptions + no_result,
            failed_exception: exceptions,
            failed_no_result: no_result,
            payload_not_json: self.payload_not_json.load(Ordering::Relaxed),
            blocked: self.blocked.load(Ordering::Relaxed),
            ..RuleCounts::default()
        }
    }
}
