//! How much of its limits an evaluation has used.

use std::cell::Cell;

use events::Value;

use crate::codes;
use crate::context::Limits;
use crate::functions::Fault;
use crate::values::weight::{DEPTH_MAX, TooMuch, weigh};

/// A value would be nested deeper than values may be.
pub(crate) fn too_deep() -> Fault {
    let message = format!("the evaluation nests lists and maps deeper than {DEPTH_MAX}");
    Fault { code: codes::EVAL_DEPTH, message, argument: None }
}

/// What is left to an evaluation.
#[derive(Debug)]
pub(crate) struct Budget {
    steps: Cell<u64>,
    bytes: Cell<usize>,
    /// Where the random numbers are.
    random: Cell<u64>,
}

impl Budget {
    pub(crate) fn new(limits: &Limits, seed: u64) -> Budget {
        Budget {
            steps: Cell::new(limits.steps_max),
            bytes: Cell::new(limits.result_bytes_max),
            random: Cell::new(seed),
        }
    }

    /// Takes a step.
    pub(crate) fn step(&self) -> Result<(), Fault> {
        self.steps(1)
    }

    /// Takes many steps.
    pub(crate) fn steps(&self, count: usize) -> Result<(), Fault> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        match self.steps.get().checked_sub(count) {
            Some(left) => {
                self.steps.set(left);
                Ok(())
            }
            None => Err(Fault {
                code: codes::EVAL_STEPS,
                message: "the evaluation takes more steps than a rule may".to_owned(),
                argument: None,
            }),
        }
    }

    /// Makes something of that many bytes. Asked before it is made.
    pub(crate) fn charge(&self, bytes: usize) -> Result<(), Fault> {
        match self.bytes.get().checked_sub(bytes) {
            Some(left) => {
                self.bytes.set(left);
                Ok(())
            }
            None => Err(Fault {
                code: codes::EVAL_MEMORY,
                message: "the evaluation makes more than a rule may hold in memory".to_owned(),
                argument: None,
            }),
        }
    }

    /// Takes the steps of looking for each of `several` in `text`.
    pub(crate) fn pairs(&self, text: usize, several: usize) -> Result<(), Fault> {
        self.steps((text / 16 + 1).saturating_mul(several / 16 + 1))
    }

    /// Puts `value` into a list or map that is being made.
    pub(crate) fn nest(&self, value: &Value) -> Result<(), Fault> {
        if !matches!(value, Value::Text(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_)) {
            return Ok(());
        }
        match weigh(value, self.bytes.get()) {
            Ok(bytes) => self.charge(bytes),
            Err(TooMuch::Bytes) => self.charge(usize::MAX),
            Err(TooMuch::Depth) => Err(too_deep()),
        }
    }

    /// How many bytes may still be made.
    pub(crate) fn bytes_left(&self) -> usize {
        self.bytes.get()
    }

    /// The next random number; the same seed gives the same ones (`SplitMix64`).
    pub(crate) fn random(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
