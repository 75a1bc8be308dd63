//! Rules of EMQX: exports of them, what they are here, and in what they differ; and what EMQX's tools send to the API.
//!
//! `export.rs` reads a file, `translate.rs` makes our actions of theirs, `assess.rs` says what works; `sent.rs` reads what
//! comes over the API.

mod archive;
mod assess;
mod export;
mod hocon;
mod sent;
mod template;
mod translate;

pub(crate) use assess::{ActionFinding, Finding, Verdict, assess, connectors_of};
pub(crate) use export::Export;
pub(crate) use sent::SENT;
pub(crate) use translate::Outcome as ActionOutcome;
