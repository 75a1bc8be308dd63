//! What an operator can choose, and the limits.

use events::Kind;

/// What [`History`](crate::History) is opened with.
#[derive(Clone, Debug)]
pub struct HistoryConfig {
    /// How much is kept.
    pub retention: Retention,
    /// What is kept.
    ///
    /// By default the events of clients' lives. Not `message_dropped`, of which there can be one for every message
    /// that is published: they would push everything else out.
    pub kinds: Vec<Kind>,
    /// Events that wait to be written. Beyond it events are lost to the history, and a gap record says how many.
    pub queue_max: usize,
    /// Rows of a slice until it is sealed. The newest slice has no index, so this many rows are read to find a
    /// client's last event in it: at 250,000 that takes tens of ms.
    pub slice_rows_max: u64,
    /// The age of a slice until it is sealed, in ms.
    pub slice_age_max_ms: u64,
    /// Clients without session and connection of which it is known how far their events are numbered. Beyond it the ones
    /// that left first are forgotten, and begin a new `client_epoch` when they come back after a restart.
    pub departed_clients_max: usize,
}

impl Default for HistoryConfig {
    fn default() -> HistoryConfig {
        HistoryConfig {
            retention: Retention::default(),
            kinds: Kind::ALL.iter().copied().filter(|kind| kind.event_type().lifecycle).collect(),
            queue_max: 65_536,
            slice_rows_max: 250_000,
            slice_age_max_ms: 24 * 3600 * 1000,
            departed_clients_max: 100_000,
        }
    }
}

/// How much is kept. Whole slices go, the oldest first, and never the newest; so it may be a slice more in days, and a
/// slice (an eighth of `bytes_max`, at most 256 MiB) more in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How long, in days.
    pub days: u32,
    /// How much, in bytes.
    pub bytes_max: u64,
}

impl Retention {
    /// `days` and GiB, as in the configuration.
    pub const fn new(days: u32, gib: u32) -> Retention {
        // `From` is not for constants yet; a u32 always fits.
        Retention { days, bytes_max: (gib as u64) << 30 }
    }

    /// How long, in ms.
    pub(crate) fn age_max_ms(self) -> u64 {
        u64::from(self.days) * 24 * 3600 * 1000
    }

    /// The size at which a slice is sealed, so that the steps in which slices go are small.
    pub(crate) fn slice_bytes_max(self) -> u64 {
        (self.bytes_max / 8).clamp(1 << 20, 256 << 20)
    }
}

impl Default for Retention {
    fn default() -> Retention {
        Retention::new(30, 10)
    }
}
