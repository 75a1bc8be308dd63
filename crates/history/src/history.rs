//! The handle: appends for the bus, queries for people.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use events::{Kind, Past, Timestamp};
use parking_lot::Mutex;

use crate::config::HistoryConfig;
use crate::error::HistoryError;
use crate::queue::Queue;
use crate::record::{Item, Query, Record};
use crate::shelf::Shelf;
use crate::slice;
use crate::writer::{Writer, set_aside};

/// The event history of a node. Cloning it shares it.
#[derive(Clone, Debug)]
pub struct History(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    queue: Arc<Queue>,
    shelf: Arc<Shelf>,
    kinds: Vec<Kind>,
    last_seq: u64,
    past: Mutex<Past>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What became of items that were appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// How many wait to be written now.
    pub accepted: usize,
    /// How many did not fit, and will be told as a gap.
    pub lost: usize,
}

/// Plain numbers for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryStats {
    /// Slices.
    pub slices: usize,
    /// Records in them.
    pub rows: u64,
    /// The size of their files.
    pub bytes: u64,
    /// Items that wait to be written.
    pub queue_len: usize,
    /// Events that were lost since the start because the queue was full.
    pub lost: u64,
}

impl History {
    /// Opens or begins the history in the folder `dir`, such as `data/history`, and starts its thread.
    ///
    /// Takes as long as it takes to look at each slice, a few ms, and to check the newest one, some 100 ms. A slice
    /// that is beyond reading is set aside; one of a newer format is an error.
    pub fn open(dir: &Path, config: HistoryConfig) -> Result<History, HistoryError> {
        std::fs::create_dir_all(dir).map_err(HistoryError::file("make", dir))?;
        let kinds = config.kinds.clone();
        let queue = Arc::new(Queue::new(config.queue_max));
        let shelf = Arc::new(Shelf::default());
        let (writer, last_seq, past) = Writer::open(dir, config, queue.clone(), shelf.clone())?;
        let thread = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(|| writer.run())
            .map_err(HistoryError::Thread)?;
        Ok(History(Arc::new(Inner {
            queue,
            shelf,
            kinds,
            last_seq,
            past: Mutex::new(past),
            thread: Mutex::new(Some(thread)),
        })))
    }

    /// The number after which the next lifecycle event is counted on: the last one that may have been used before the
    /// history was opened.
    pub fn last_seq(&self) -> u64 {
        self.0.last_seq
    }

    /// What the process before has left open, as far as the history tells; nothing the second time.
    pub fn take_past(&self) -> Past {
        std::mem::take(&mut self.0.past.lock())
    }

    /// What the history wants from the bus.
    pub fn kinds(&self) -> &[Kind] {
        &self.0.kinds
    }

    /// Puts items into the queue, in order. Never waits; what does not fit is lost, and one gap record says so. They
    /// are written within some 20 ms.
    pub fn append(&self, items: impl IntoIterator<Item = Item>) -> Appended {
        let mut offered = 0;
        let accepted = self.0.queue.append(items.into_iter().inspect(|_| offered += 1));
        Appended { accepted, lost: offered - accepted }
    }

    /// The records that are asked for, newest first: in the order in which things happened, whatever the clock said.
    ///
    /// Reads files: call it on a thread that may wait. What was appended in the last 20 ms may be missing. A slice
    /// that turns out to be beyond reading is set aside, and the answer is made of the others.
    pub fn query(&self, query: &Query) -> Result<Vec<Record>, HistoryError> {
        let limit = query.limit.min(Query::LIMIT_MAX);
        let mut records: Vec<Record> = Vec::new();
        for info in self.0.shelf.to_read(query) {
            if records.len() == limit {
                break;
            }
            match slice::read(&info, query, limit - records.len()) {
                Ok(found) => records.extend(found),
                // Removed since, because it was too old.
                Err(_) if !info.path.exists() => {}
                Err(error) if error.is_broken_slice() && info.is_sealed => {
                    if self.0.shelf.take(info.serial).is_some() {
                        set_aside(&info.path, &error)?;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(records)
    }

    /// Waits until what was appended before is written. For the end, and for tests.
    pub fn flush(&self) -> Result<(), HistoryError> {
        if self.0.queue.flush() { Ok(()) } else { Err(HistoryError::Closed) }
    }

    /// Removes what is beyond the retention as of `now`, and waits until it is gone. The thread does so by itself once
    /// a minute.
    pub fn prune(&self, now: Timestamp) {
        self.0.queue.prune(now);
    }

    /// Writes what waits, closes the slice in order, and waits for that. What is appended later is lost.
    pub fn close(&self) {
        self.0.close();
    }

    /// Plain numbers for metrics.
    pub fn stats(&self) -> HistoryStats {
        let slices = self.0.shelf.all();
        let (queue_len, lost) = self.0.queue.counts();
        HistoryStats {
            slices: slices.len(),
            rows: slices.iter().map(|slice| slice.rows).sum(),
            bytes: slices.iter().map(|slice| slice.bytes).sum(),
            queue_len,
            lost,
        }
    }
}

impl Inner {
    fn close(&self) {
        self.queue.close();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the history panicked");
        }
    }
}

/// The last handle closes the history.
impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
