//! The rule language.
//!
//! In: the text of a rule and the catalogue of events. Out: a [`Query`], which turns one event into no, one or many
//! rows; or [`Diagnostic`]s that point into the text.
//!
//! Never: async, I/O, clocks. The same query over the same event in the same context gives the same rows.
//!
//! Read `check/mod.rs` first: it is where a name becomes a column.

mod check;
pub mod codes;
mod columns;
mod context;
mod diagnostic;
mod differences;
mod elsewhere;
mod emqx;
mod eval;
mod explain;
mod functions;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod jq;
mod json;
mod plan;
mod query;
mod store;
mod suggest;
mod syntax;
pub mod template;
mod values;

pub use columns::{Columns, EventColumns, NotJson, Overlay};
pub use context::{Context, Limits};
pub use diagnostic::{Diagnostic, Severity, one_line, render, render_place};
pub use differences::{Difference, Met, SECTIONS as DIFFERENCES, Section, differences};
pub use explain::{Answer, Element, Entry, Explanation, Step, Through};
pub use functions::{FunctionInfo, functions};
pub use jq::{Jq, JqCall, JqError, JqProgram};
pub use json::{Document, Node as JsonNode, NumberTooLarge};
pub use query::{EvalError, Query, Rows, Source};
pub use store::{Store, StoreFull};
pub use template::Template;
pub use values::describe::literal;
