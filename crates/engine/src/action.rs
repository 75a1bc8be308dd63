//! What an action is to the engine: something that sends, and says what became of what it was given.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use sql::template::Template;

use crate::{ErrorClass, Output, Preview};

/// A future on the heap, so that a trait with it can be used behind `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A rule's use of a connector. It only sends: queueing, retrying and counting are done around it.
pub trait Action: Send + Sync {
    /// The kind, as in `kind = "http"` of a connector: `republish`, `http`, `postgres`.
    fn kind(&self) -> &'static str;

    /// The topic under which it publishes messages in this broker, where it does; the option `topic`. Rules that wake each
    /// other through such messages are told of.
    fn topic(&self) -> Option<&Template> {
        None
    }

    /// Sends `batch`, in order, and says what became of it. When a batch is rejected as a whole, its halves are
    /// offered again, down to single outputs, so that one bad row does not take its neighbours with it.
    ///
    /// The future may be dropped when the engine stops; the batch then counts as not delivered.
    fn send<'a>(&'a self, batch: &'a [Output]) -> BoxFuture<'a, Outcome>;

    /// What would be sent for an output, for people who want to know before it is. Nothing is sent and nobody is asked.
    fn preview(&self, output: &Output) -> Preview;

    /// Has the other side look at what will be sent, where it can do so without it: a database prepares the statement.
    /// Done when the rule is taken up, so that a mistake is told before the first output.
    fn prepare(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Reaches for the other side without sending anything.
    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>>;
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it arrived.
    Delivered,
    /// None of it arrived, and it may later: the other side is away, busy, or asks for patience.
    Retry {
        /// What kind of error it was.
        class: ErrorClass,
        /// Why, for the log and the status.
        reason: String,
        /// How long the other side asks to be left alone.
        after: Option<Duration>,
    },
    /// None of it arrived, and sending the same again will not help.
    Rejected {
        /// What kind of error it was.
        class: ErrorClass,
        /// Why, for the dead letter.
        reason: String,
    },
    /// Every output has an outcome of its own, in the order of the batch.
    PerItem(Vec<ItemOutcome>),
}

/// What became of one output of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemOutcome {
    /// It arrived.
    Delivered,
    /// It did not arrive, and may later.
    Retry {
        /// What kind of error it was.
        class: ErrorClass,
        /// Why, for the log and the status.
        reason: String,
        /// How long the other side asks to be left alone.
        after: Option<Duration>,
    },
    /// It did not arrive, and sending it again will not help.
    Rejected {
        /// What kind of error it was.
        class: ErrorClass,
        /// Why, for the dead letter.
        reason: String,
    },
}

/// Why the other side of an action cannot be reached or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ActionError {
    /// What was tried and what came back.
    pub message: String,
    /// What to do about it, where that can be guessed.
    pub help: Option<String>,
}

impl ActionError {
    /// An error without advice.
    pub fn new(message: impl Into<String>) -> ActionError {
        ActionError { message: message.into(), help: None }
    }

    /// The same error with advice.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> ActionError {
        ActionError { help: Some(help.into()), ..self }
    }
}
