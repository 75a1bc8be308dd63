//! The thread of the history: takes batches from the queue, appends them to the newest slice, begins the next one, lets
//! old ones go. This file reads the clock.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use events::{Past, Timestamp};

use crate::columns::Row;
use crate::config::HistoryConfig;
use crate::error::HistoryError;
use crate::queue::Queue;
use crate::record::{Gap, GapCause, Item};
use crate::shelf::{Shelf, SliceInfo, expired};
use crate::slice::{self, Slice};
use crate::standing;

/// How many numbers are left out after an unclean stop. More than were given out since the last write: those wait in
/// queues of at most some ten thousand events, here and on the bus.
pub(crate) const SEQ_SKIPPED: u64 = 1_000_000;

/// The thread's own.
#[derive(Debug)]
pub(crate) struct Writer {
    dir: PathBuf,
    config: HistoryConfig,
    queue: Arc<Queue>,
    shelf: Arc<Shelf>,
    /// `None` after a slice could not be made; it is tried again with every batch.
    hot: Option<Slice>,
    /// What could not be written since the last batch that could.
    lost: Option<Gap>,
}

impl Writer {
    /// Reads what is in `dir`; returns the last `seq` that may have been used, and what the process before has left open.
    pub(crate) fn open(
        dir: &Path,
        config: HistoryConfig,
        queue: Arc<Queue>,
        shelf: Arc<Shelf>,
    ) -> Result<(Writer, u64, Past), HistoryError> {
        let mut writer = Writer { dir: dir.into(), config, queue, shelf, hot: None, lost: None };
        let found = slice::list(dir)?;
        let is_new = found.is_empty();
        let mut broken = 0;
        for (serial, path) in found {
            match slice::inspect(serial, path.clone()) {
                Ok(info) => writer.shelf.put(info),
                Err(error) if error.is_broken_slice() => {
                    set_aside(&path, &error)?;
                    broken += 1;
                }
                Err(error) => return Err(error),
            }
        }
        let was_closed = writer.resume_newest(&mut broken)? || is_new;
        let slices = writer.shelf.all();
        let mut last_seq = slices.iter().map(|slice| slice.last_seq).max().unwrap_or(0);
        let mut past = writer.past_of(slices.last())?;
        let last_row = slices.iter().filter_map(|slice| slice.times).map(|(_, last)| last).max();
        past.ran_until = past.ran_until.max(last_row.unwrap_or_default());
        let timestamp = now();
        if broken > 0 {
            writer.lose(&gap(timestamp, GapCause::SliceBroken));
        }
        if !was_closed {
            tracing::warn!(last_seq, "the history was not closed when the process ended; numbers are left out");
            let (first_seq, last) = (last_seq + 1, last_seq + SEQ_SKIPPED);
            let range = (Some(first_seq), Some(last));
            let skipped = Gap {
                first_seq: range.0,
                last_seq: range.1,
                count: SEQ_SKIPPED,
                ..gap(timestamp, GapCause::UncleanStop)
            };
            writer.write(&[Item::Gap(skipped)]);
            last_seq = last;
        } else if broken > 0 {
            writer.write(&[]);
        }
        writer.prune(timestamp);
        Ok((writer, last_seq, past))
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let over = Over(self.queue.clone());
        loop {
            let batch = self.queue.next_batch();
            self.write(&batch.items);
            if batch.is_idle {
                self.note_alive();
            }
            self.prune(batch.prune.unwrap_or_else(now));
            self.queue.handle_done(batch.items.len(), batch.prune);
            if batch.is_last {
                break;
            }
        }
        if let Some(Err(error)) = self.hot.take().map(Slice::close) {
            tracing::error!(error = &error as &dyn std::error::Error, "the history could not be closed");
        }
        drop(over);
    }

    /// Goes on with the newest slice, or begins one; seals those before it that could not be sealed in their time. Says
    /// whether the newest was closed when the process ended, and adds to `broken` what cannot be read.
    fn resume_newest(&mut self, broken: &mut u64) -> Result<bool, HistoryError> {
        let slices = self.shelf.all();
        let newest = slices.last().map(|newest| newest.serial);
        let mut was_closed = false;
        for info in slices.into_iter().filter(|slice| !slice.is_sealed) {
            let (serial, path) = (info.serial, info.path.clone());
            let is_newest = Some(serial) == newest;
            let resumed = Slice::resume(info).and_then(|(slice, closed)| {
                if is_newest {
                    was_closed = closed;
                    self.hot = Some(slice);
                } else {
                    self.shelf.put(slice.seal()?);
                }
                Ok(())
            });
            match resumed {
                Err(error) if error.is_broken_slice() => {
                    set_aside(&path, &error)?;
                    drop(self.shelf.take(serial));
                    *broken += 1;
                }
                Ok(()) | Err(_) => resumed?,
            }
        }
        if self.hot.is_none() {
            // Nothing is there yet; or it was killed between two slices; or the newest is set aside.
            self.begin()?;
        }
        Ok(was_closed)
    }

    /// Begins a slice, with how clients stand at the end of the one before. Where that was set aside nobody knows.
    fn begin(&mut self) -> Result<(), HistoryError> {
        let serial = slice::next_serial(&self.dir)?;
        let slices = self.shelf.all();
        let past = self.past_of(slices.last().filter(|slice| slice.serial + 1 == serial)).unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "how clients stand cannot be read; their events are numbered anew after a restart");
            Past::default()
        });
        let slice = Slice::create(&self.dir, serial, &past)?;
        self.shelf.put(slice.info().clone());
        self.hot = Some(slice);
        Ok(())
    }

    fn past_of(&self, slice: Option<&SliceInfo>) -> Result<Past, HistoryError> {
        slice.map_or(Ok(Past::default()), |slice| standing::read(slice, self.config.departed_clients_max))
    }

    fn note_alive(&self) {
        if let Some(Err(error)) = self.hot.as_ref().map(|hot| hot.note_alive(now())) {
            // What happens next is told of as soon as it cannot be written either.
            tracing::debug!(%error, "the history cannot say that it is alive");
        }
    }

    /// Writes items, after what was lost before them. What cannot be written is lost, and told when something can.
    fn write(&mut self, items: &[Item]) {
        if items.is_empty() && self.lost.is_none() {
            return;
        }
        let mut written = self.try_write(items);
        if let Err(error) = &written
            && error.is_broken_slice()
            && self.set_hot_aside(error)
        {
            written = self.try_write(items);
        }
        match written {
            Ok(()) => {
                if let Some(lost) = self.lost.take() {
                    tracing::warn!(count = lost.count, cause = lost.cause.name(), "the history has a gap");
                }
            }
            Err(error) => {
                if self.lost.is_none() {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "events cannot be written to the history"
                    );
                }
                for item in items {
                    self.lose(&match item {
                        Item::Event(event) => Gap::of(event, GapCause::WriteFailed),
                        Item::Gap(gap) => gap.clone(),
                    });
                }
            }
        }
    }

    fn try_write(&mut self, items: &[Item]) -> Result<(), HistoryError> {
        let rows: Vec<Row> = self.lost.clone().map(Item::Gap).iter().chain(items).map(Row::new).collect();
        if self.hot.is_none() {
            self.begin()?;
        }
        let hot = self.hot.as_mut().expect("begun a line earlier where there was none");
        hot.append(&rows)?;
        self.shelf.put(hot.info().clone());
        Ok(())
    }

    fn set_hot_aside(&mut self, error: &HistoryError) -> bool {
        let Some(hot) = self.hot.take() else { return false };
        let SliceInfo { serial, path, rows, .. } = hot.info().clone();
        drop(hot);
        if let Err(error) = set_aside(&path, error) {
            tracing::error!(error = &error as &dyn std::error::Error, "a broken slice could not be set aside");
            return false;
        }
        drop(self.shelf.take(serial));
        self.lose(&Gap { count: rows, ..gap(now(), GapCause::SliceBroken) });
        true
    }

    fn lose(&mut self, gap: &Gap) {
        match &mut self.lost {
            Some(lost) => lost.merge(gap),
            None => self.lost = Some(gap.clone()),
        }
    }

    /// Seals the newest slice where it is old or large enough, and removes what is beyond the retention.
    fn prune(&mut self, now: Timestamp) {
        if self.hot.as_ref().is_some_and(|hot| self.is_full(hot.info(), now)) {
            self.rotate();
        }
        for serial in expired(&self.shelf.all(), now, self.config.retention) {
            let Some(slice) = self.shelf.take(serial) else { continue };
            match slice::remove(&slice.path) {
                Ok(()) => {
                    tracing::info!(slice = %slice.path.display(), rows = slice.rows, "a slice of the history is over")
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "an old slice could not be removed");
                    self.shelf.put(slice);
                    return;
                }
            }
        }
    }

    fn is_full(&self, hot: &SliceInfo, now: Timestamp) -> bool {
        hot.times.is_some_and(|(first, _)| {
            hot.rows >= self.config.slice_rows_max
                || hot.bytes >= self.config.retention.slice_bytes_max()
                || now.since_ms(first) >= self.config.slice_age_max_ms
        })
    }

    fn rotate(&mut self) {
        let Some(hot) = self.hot.take() else { return };
        match hot.seal() {
            Ok(sealed) => self.shelf.put(sealed),
            // It stays as it is: without an index it is read more slowly, and it is sealed at the next start.
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "a slice could not be sealed"),
        }
        if let Err(error) = self.begin() {
            tracing::error!(error = &error as &dyn std::error::Error, "a slice of the history could not be begun");
        }
    }
}

/// Tells those who wait that the thread has ended, even where it panicked.
struct Over(Arc<Queue>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.handle_over();
    }
}

fn gap(timestamp: Timestamp, cause: GapCause) -> Gap {
    Gap { timestamp, first_seq: None, last_seq: None, count: 0, cause }
}

pub(crate) fn set_aside(path: &Path, why: &HistoryError) -> Result<(), HistoryError> {
    let aside = slice::set_aside(path)?;
    tracing::error!(
        slice = %path.display(),
        aside = %aside.display(),
        error = why as &dyn std::error::Error,
        "a slice of the history cannot be read and is set aside"
    );
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the age of slices is measured here; what goes is decided in shelf.rs")]
fn now() -> Timestamp {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::{Event, Kind};

    fn item(seq: u64) -> Item {
        let mut event = Event::sample(Kind::ClientConnected);
        event.head.seq = Some(seq);
        event.head.timestamp = now();
        Item::Event(Arc::new(event))
    }

    #[test]
    fn what_cannot_be_written_is_told_when_something_can() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history");
        std::fs::create_dir(&path).unwrap();
        let (queue, shelf) = (Arc::new(Queue::new(8)), Arc::new(Shelf::default()));
        let (mut writer, last_seq, _) = Writer::open(&path, HistoryConfig::default(), queue, shelf).unwrap();
        assert_eq!(last_seq, 0);
        writer.hot = None;
        std::fs::remove_dir_all(&path).unwrap();
        writer.write(&[item(1), item(2)]);
        writer.write(&[item(3)]);
        let lost = writer.lost.clone().unwrap();
        assert_eq!((lost.first_seq, lost.last_seq, lost.count), (Some(1), Some(3), 3));
        assert_eq!(lost.cause, GapCause::WriteFailed);

        std::fs::create_dir(&path).unwrap();
        writer.write(&[item(4)]);
        assert_eq!(writer.lost, None);
        let hot = writer.hot.as_ref().unwrap().info();
        let records = slice::read(hot, &crate::Query::default(), 10).unwrap();
        let told: Vec<_> = records.iter().map(|record| (record.event.as_str(), record.seq)).collect();
        assert_eq!(told, [("client.connected", Some(4)), ("gap", Some(3))]);
    }

    #[test]
    fn a_process_that_is_idle_is_known_to_run() {
        let dir = tempfile::tempdir().unwrap();
        let open = || {
            let (queue, shelf) = (Arc::new(Queue::new(8)), Arc::new(Shelf::default()));
            Writer::open(dir.path(), HistoryConfig::default(), queue, shelf).unwrap()
        };
        let (mut writer, _, past) = open();
        assert_eq!(past.ran_until, Timestamp(0));
        writer.write(&[item(1)]);
        let written = writer.hot.as_ref().unwrap().info().times.unwrap().1;
        drop(writer);
        let (writer, _, past) = open();
        assert_eq!(past.ran_until, written);
        let idle_since = now();
        writer.note_alive();
        drop(writer);
        assert!(open().2.ran_until >= idle_since);
    }

    #[test]
    fn a_slice_that_breaks_while_it_is_written_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let (queue, shelf) = (Arc::new(Queue::new(8)), Arc::new(Shelf::default()));
        let (mut writer, _, _) = Writer::open(dir.path(), HistoryConfig::default(), queue, shelf).unwrap();
        writer.write(&[item(1)]);
        let path = writer.hot.as_ref().unwrap().info().path.clone();
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch("DROP TABLE events").unwrap();
        drop(other);
        writer.write(&[item(2)]);
        assert!(!path.exists() && dir.path().join("slice-0000000001.sqlite.broken").exists());
        let hot = writer.hot.as_ref().unwrap().info();
        let past = standing::read(hot, 10).unwrap();
        assert_eq!(past.clients().count(), 1, "the one that was told of behind");
        let records = slice::read(hot, &crate::Query::default(), 10).unwrap();
        assert_eq!(records.iter().map(|record| record.event.as_str()).collect::<Vec<_>>(), ["client.connected", "gap"]);
        assert!(records[1].json.contains(r#""cause":"slice_broken""#) && records[1].json.contains(r#""count":1"#));
    }

    #[test]
    fn a_slice_that_could_not_be_sealed_is_sealed_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let open = || {
            let (queue, shelf) = (Arc::new(Queue::new(8)), Arc::new(Shelf::default()));
            Writer::open(dir.path(), HistoryConfig::default(), queue, shelf).unwrap().0
        };
        let mut writer = open();
        writer.write(&[item(1)]);
        writer.begin().unwrap();
        drop(writer);
        let slices = open().shelf.all();
        assert_eq!(slices.iter().map(|slice| slice.is_sealed).collect::<Vec<_>>(), [true, false]);
    }
}
