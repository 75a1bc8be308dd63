//! What `jq` in a rule asks for: somebody who runs the program, in a place where it can be stopped.
//!
//! An evaluation only asks, through [`crate::Context::jq`]. Who answers compiles a [`JqProgram`] and runs it, which may
//! take for ever and all memory there is: the binary does so in a process of its own.

mod program;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use program::JqProgram;

/// Runs programs of jq. It never takes more time or memory than it may, whatever a program does.
#[derive(Clone)]
pub struct Jq(Arc<Run>);

/// The list of all outputs as JSON.
type Run = dyn Fn(&JqCall<'_>) -> Result<String, JqError> + Send + Sync;

impl Jq {
    /// What answers calls with the list of all outputs as JSON.
    pub fn new(run: impl Fn(&JqCall<'_>) -> Result<String, JqError> + Send + Sync + 'static) -> Jq {
        Jq(Arc::new(run))
    }

    /// Runs programs right here, for as long as they take: for tests, whose programs are known.
    pub fn unbounded() -> Jq {
        Jq::new(|call| {
            let program = JqProgram::compile(call.program).map_err(JqError::Program)?;
            program.run(call.input, usize::MAX).map_err(JqError::Program)
        })
    }

    /// Runs a call.
    pub(crate) fn run(&self, call: &JqCall<'_>) -> Result<String, JqError> {
        (self.0)(call)
    }
}

impl fmt::Debug for Jq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jq").finish_non_exhaustive()
    }
}

/// What a rule wants of jq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JqCall<'a> {
    /// The program.
    pub program: &'a str,
    /// The value it runs over, as JSON that was checked.
    pub input: &'a str,
    /// How long it may take; `None` leaves it to whoever runs it, who may allow less in any case.
    pub timeout: Option<Duration>,
}

/// Why there are no outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JqError {
    /// The program is none, or ended in an error.
    Program(String),
    /// It took longer than that.
    Time(Duration),
    /// It took more memory than it may, or recursed too deep; what it may is told.
    Memory(String),
    /// It cannot be run at all just now.
    Unavailable(String),
}

impl fmt::Display for JqError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JqError::Program(message) => write!(f, "`jq`: {message}"),
            JqError::Time(limit) => write!(f, "`jq` takes longer than {} ms", limit.as_millis()),
            JqError::Memory(limit) => write!(f, "`jq` takes more than {limit}, or recurses too deep"),
            JqError::Unavailable(message) => write!(f, "`jq` cannot be run: {message}"),
        }
    }
}
