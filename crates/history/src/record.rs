//! What goes into the history, and what comes out.

use std::sync::Arc;

use events::{Event, Kind, Timestamp};

/// What goes into the history.
#[derive(Clone, Debug)]
pub enum Item {
    /// Something happened.
    Event(Arc<Event>),
    /// Some of what happened is missing.
    Gap(Gap),
}

/// A hole in the history: events that happened and are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// When it was noticed.
    pub timestamp: Timestamp,
    /// The `seq` of the first event that had one.
    pub first_seq: Option<u64>,
    /// The `seq` of the last event that had one.
    pub last_seq: Option<u64>,
    /// How many are missing; after an unclean stop, the most that can be missing.
    pub count: u64,
    /// Why.
    pub cause: GapCause,
}

impl Gap {
    /// The gap that one event leaves.
    pub(crate) fn of(event: &Event, cause: GapCause) -> Gap {
        let Event { head, .. } = event;
        Gap { timestamp: head.timestamp, first_seq: head.seq, last_seq: head.seq, count: 1, cause }
    }

    /// The gap that follows this one directly, in one.
    pub(crate) fn merge(&mut self, next: &Gap) {
        self.timestamp = next.timestamp;
        self.first_seq = self.first_seq.or(next.first_seq);
        self.last_seq = next.last_seq.or(self.last_seq);
        self.count = self.count.saturating_add(next.count);
    }

    /// The record, in the shape of an event.
    pub(crate) fn to_json(&self) -> String {
        serde_json::json!({
            "event": GAP,
            "timestamp": self.timestamp.0,
            "first_seq": self.first_seq,
            "last_seq": self.last_seq,
            "count": self.count,
            "cause": self.cause.name(),
        })
        .to_string()
    }
}

/// The value of `event` in gap records.
pub(crate) const GAP: &str = "gap";

/// Why events are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapCause {
    /// They came faster than they could be written, and a queue was full.
    Overflow,
    /// They could not be written, as on a full disk.
    WriteFailed,
    /// The process was killed. Numbers that may have been used since the last write are left out, so that none is used
    /// twice.
    UncleanStop,
    /// A slice could not be read any more and was set aside.
    SliceBroken,
}

impl GapCause {
    /// The name in records and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            GapCause::Overflow => "overflow",
            GapCause::WriteFailed => "write_failed",
            GapCause::UncleanStop => "unclean_stop",
            GapCause::SliceBroken => "slice_broken",
        }
    }

    /// Whether the process has gone on from numbers that stand nowhere: of the events that are missing. After a kill nobody
    /// goes on from them, and what follows a broken slice does not begin with it.
    pub(crate) const fn loses_numbers(self) -> bool {
        match self {
            GapCause::Overflow | GapCause::WriteFailed => true,
            GapCause::UncleanStop | GapCause::SliceBroken => false,
        }
    }

    /// The cause of that name.
    pub(crate) fn named(name: &str) -> Option<GapCause> {
        [GapCause::Overflow, GapCause::WriteFailed, GapCause::UncleanStop, GapCause::SliceBroken]
            .into_iter()
            .find(|cause| cause.name() == name)
    }
}

/// Which records are asked for. The default asks for the newest 100 of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Only those of this client, and the gaps.
    pub client: Option<String>,
    /// Only these; all where it is empty.
    pub kinds: Vec<Kind>,
    /// Whether gaps are wanted too: without them, what is missing looks as if it had not happened.
    pub gaps: bool,
    /// Only from this time on.
    pub since: Option<Timestamp>,
    /// Only before this time.
    pub until: Option<Timestamp>,
    /// Only what was written before this record: the last one of the page before.
    pub before: Option<Position>,
    /// The most records, at most [`Query::LIMIT_MAX`].
    pub limit: usize,
}

impl Query {
    /// The most records of one answer; further ones come with [`Query::before`].
    pub const LIMIT_MAX: usize = 10_000;
}

impl Default for Query {
    fn default() -> Query {
        Query { client: None, kinds: Vec::new(), gaps: true, since: None, until: None, before: None, limit: 100 }
    }
}

/// Where a record stands. Later records have greater positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The number of the slice.
    pub slice: u64,
    /// The row in it.
    pub row: i64,
}

/// What comes out of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub position: Position,
    /// When it happened.
    pub timestamp: Timestamp,
    /// The name of the event, such as `client.connack`, or `gap`.
    pub event: String,
    /// The `seq` of a lifecycle event; of a gap the last one missing.
    pub seq: Option<u64>,
    /// Every field, as a JSON object.
    pub json: String,
}
