//! Records that survive a kill and a power loss: an append-only log in segment files.
//!
//! In: records, which are bytes. Out: the position of each, how far they are durable, and on open everything that is
//! still there, in order, with a report of what is not.
//!
//! Never: what a record means, tokio, the wall clock. The lock on the data directory is held by whoever opens it.
//!
//! [`Journal::append`] copies the record into memory and returns. A thread of the journal writes what has gathered and
//! syncs it, and while one sync runs the next group gathers. Whoever has promised something to somebody waits until
//! [`Journal::durable`] is beyond the record; the observer of [`Options`] is called whenever it moves, and async code puts
//! a `tokio::sync::watch` or its like into it.
//!
//! A journal grows at its end and is removed at its beginning, whole segments at a time: [`Journal::release_before`].
//! State that changes is kept like this: each change is a record under a key, the last record of a key counts, and the
//! owner knows the position of the last record of each key. Where [`Stats::bytes`] has grown to a multiple of what is
//! alive, it appends the live records of the oldest segment ([`Journal::oldest`], [`Journal::read`]) again and releases
//! the segment. The
//! old ones are removed only after everything appended before the call is durable, so a kill in between leaves both,
//! and the last one counts.
//!
//! Read `journal.rs` first, then `writer.rs`. What the bytes of a segment are stands in `segment.rs` and `record.rs`.

mod disk;
mod error;
mod journal;
#[cfg(test)]
mod model;
mod open;
pub mod parts;
mod record;
mod segment;
mod writer;

pub use error::Error;
pub use journal::{Journal, Notice, Options, Stats};
pub use open::{Damage, Found};
pub use record::Position;
pub use segment::SegmentSpan;
