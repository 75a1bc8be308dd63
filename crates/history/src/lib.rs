//! The event history: what happened to clients, kept for later questions.
//!
//! In: events and gap records in the order of the bus. Out: records, newest first; the last `seq` that was used, and what
//! the last process has left open; files that go away when they are too old or too many.
//!
//! Never: rule files, MQTT bytes, HTTP.
//!
//! Below its folder, `data/history`, are slices: `slice-0000000001.sqlite` and so on, each an SQLite file of its own.
//! One thread appends to the newest. When that is a day old or has enough rows it is sealed: indexed and never written
//! again; the next one begins with how clients stand. Retention unlinks whole slices. A slice that SQLite cannot read any more is set aside as
//! `slice-....sqlite.broken`, and the others go on.
//!
//! Read `writer.rs` first: it is the thread between the queue and the slices.

mod columns;
mod config;
mod error;
mod history;
mod queue;
mod record;
mod shelf;
mod slice;
mod standing;
mod writer;

pub use config::{HistoryConfig, Retention};
pub use error::HistoryError;
pub use history::{Appended, History, HistoryStats};
pub use record::{Gap, GapCause, Item, Position, Query, Record};
