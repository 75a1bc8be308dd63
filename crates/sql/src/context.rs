//! What an evaluation needs from outside: time, randomness, environment, state, limits.

use std::cell::Cell;
use std::fmt;

use events::Timestamp;

use crate::{Jq, Store};

/// How far an evaluation may go. A rule that goes further fails by itself, with an error that names the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Function calls, elements of lists and rows of one evaluation. Beyond: `E504`.
    pub steps_max: u64,
    /// Bytes of text, lists and maps that one evaluation makes. Beyond: `E505`.
    pub result_bytes_max: usize,
    /// Rows of one FOREACH. Beyond: `E504`.
    pub rows_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { steps_max: 1_000_000, result_bytes_max: 16 * 1024 * 1024, rows_max: 10_000 }
    }
}

/// What comes into an evaluation besides the event, so that it can be repeated.
pub struct Context<'a> {
    /// The time that `now_timestamp` and its kin tell.
    pub now: Timestamp,
    /// Answers `getenv('NAME')`. It is asked for `EMQXVAR_NAME` and for nothing without that prefix, so that a rule
    /// cannot read the secrets of the process.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Where `random` and `uuid_v4` begin. The same seed gives the same numbers.
    pub seed: u64,
    /// The offset of local time from UTC in seconds, for functions that tell local time.
    pub utc_offset_s: i32,
    /// What `kv_store_get` and its kin read and write.
    pub store: &'a Store,
    /// Runs what `jq` is given; `None` where it is switched off.
    pub jq: Option<&'a Jq>,
    /// How far the evaluation may go.
    pub limits: Limits,
    /// Set by an evaluation that wanted a path into a payload that is not JSON; the path was NULL there.
    pub payload_not_json: Cell<bool>,
}

impl<'a> Context<'a> {
    /// A context with an empty environment, without jq, with seed 0 and the default limits.
    pub fn new(now: Timestamp, store: &'a Store) -> Context<'a> {
        Context {
            now,
            env: &|_| None,
            seed: 0,
            utc_offset_s: 0,
            store,
            jq: None,
            limits: Limits::default(),
            payload_not_json: Cell::new(false),
        }
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("now", &self.now)
            .field("seed", &self.seed)
            .field("limits", &self.limits)
            .field("payload_not_json", &self.payload_not_json)
            .finish_non_exhaustive()
    }
}
