//! The thread of a journal: it writes what has gathered, syncs it, says so, and removes what is not needed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::MutexGuard;

use crate::disk::{Disk, OpenFile};
use crate::journal::{Notice, Options, Shared, State};
use crate::record::{self, Position};
use crate::segment::{self, FORMAT, HEADER_LEN, Header};

/// In how many looks the time to gather is divided: nothing new between two of them means that nothing else arrives.
const GATHER_LOOKS: u32 = 8;
/// A group that is larger is not waited for.
const GROUP_BYTES_ENOUGH: usize = 1 << 20;
/// The memory of a group that is kept for the next.
const GROUP_BYTES_KEPT: usize = 4 << 20;

pub(crate) struct Writer {
    disk: Box<dyn Disk>,
    dir: PathBuf,
    options: Options,
    shared: Arc<Shared>,
    /// What is being written: whole records, of which those before `done` are durable.
    group: Vec<u8>,
    done: usize,
    /// The segment at the end, where records still go.
    segment: Option<OpenSegment>,
    is_failing: bool,
    /// Why a segment could not be removed last.
    not_removed: Option<Arc<str>>,
}

struct OpenSegment {
    file: OpenFile,
    header: Header,
    /// What is durable of the file; 0 as long as not even its name is.
    durable_len: usize,
}

impl Writer {
    pub(crate) fn new(disk: Box<dyn Disk>, dir: &Path, options: Options, shared: Arc<Shared>) -> Writer {
        let dir = dir.to_path_buf();
        Writer {
            disk,
            dir,
            options,
            shared,
            group: Vec::new(),
            done: 0,
            segment: None,
            is_failing: false,
            not_removed: None,
        }
    }

    pub(crate) fn run(mut self) {
        while let Some(released) = self.next_group() {
            match self.write_group() {
                Ok(()) => {
                    self.recover();
                    self.remove_before(released);
                }
                Err(error) => {
                    self.abandon_segment();
                    if !self.wait_after(&error) {
                        break;
                    }
                }
            }
        }
        self.shared.state.lock().has_ended = true;
        self.shared.settled.notify_all();
    }

    /// Waits for a group to write, and says what was released before it was taken; `None` at the end. After an error
    /// the group is still there.
    fn next_group(&mut self) -> Option<Position> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state.lock();
        if self.done == self.group.len() {
            while state.waiting.is_empty() && !state.has_removable() {
                if state.is_closing {
                    return None;
                }
                state.is_asleep = true;
                shared.work.wait(&mut state);
                state.is_asleep = false;
            }
            self.gather(&mut state);
            self.group.clear();
            self.done = 0;
            if self.group.capacity() > GROUP_BYTES_KEPT {
                self.group = Vec::new();
            }
            std::mem::swap(&mut self.group, &mut state.waiting);
        }
        state.released_seen = state.released;
        Some(state.released)
    }

    /// Lets records gather as long as they arrive, and not longer than is allowed.
    fn gather(&self, state: &mut MutexGuard<'_, State>) {
        if state.waiting.is_empty() {
            return;
        }
        for _ in 0..GATHER_LOOKS {
            let before = state.waiting.len();
            if before >= GROUP_BYTES_ENOUGH || state.is_closing {
                return;
            }
            self.shared.work.wait_for(state, self.options.gather_max / GATHER_LOOKS);
            if state.waiting.len() == before {
                return;
            }
        }
    }

    /// Makes the rest of the group durable, in as many segments as it takes.
    fn write_group(&mut self) -> io::Result<()> {
        while self.done < self.group.len() {
            let mut segment = match self.segment.take() {
                Some(segment) if self.fits(&segment) => segment,
                Some(_) | None => self.create_segment()?,
            };
            let (len, records) = self.seal_what_fits(&segment);
            let written = self.write(&mut segment, len);
            let first = segment.header.first;
            self.segment = Some(segment);
            written?;
            self.done += len;
            let end = {
                let mut state = self.shared.state.lock();
                state.note_durable(first, records, len);
                state.durable
            };
            self.shared.settled.notify_all();
            self.notify(Notice::Durable { end });
        }
        Ok(())
    }

    fn fits(&self, segment: &OpenSegment) -> bool {
        segment.durable_len + record::framed_len(&self.group, self.done) <= self.options.segment_bytes_max
    }

    fn create_segment(&mut self) -> io::Result<OpenSegment> {
        let first = self.shared.state.lock().durable;
        let header = Header { format: FORMAT, salt: fastrand::u32(..), first };
        let path = segment::path_of(&self.dir, first);
        // One of an earlier attempt, in which nothing is durable.
        self.disk.remove(&path)?;
        let mut file = self.disk.create(&path)?;
        self.disk.write(&mut file, &header.to_bytes())?;
        Ok(OpenSegment { file, header, durable_len: 0 })
    }

    /// Sets the checksums of the records that the segment takes. Says how many bytes and records that is: at least one
    /// record.
    fn seal_what_fits(&mut self, segment: &OpenSegment) -> (usize, u64) {
        let room = self.options.segment_bytes_max.saturating_sub(segment.durable_len.max(HEADER_LEN));
        let (mut len, mut records) = (0, 0);
        while self.done + len < self.group.len() {
            let start = self.done + len;
            let one = record::framed_len(&self.group, start);
            if records > 0 && len + one > room {
                break;
            }
            record::seal(&mut self.group[start..start + one], segment.header.salt);
            len += one;
            records += 1;
        }
        (len, records)
    }

    fn write(&mut self, segment: &mut OpenSegment, len: usize) -> io::Result<()> {
        self.disk.write(&mut segment.file, &self.group[self.done..self.done + len])?;
        self.disk.sync(&segment.file)?;
        if segment.durable_len == 0 {
            self.disk.sync_dir(&self.dir)?;
            segment.durable_len = HEADER_LEN;
        }
        segment.durable_len += len;
        Ok(())
    }

    /// Leaves the segment as it is durable. After a failed sync nobody knows what is on the disk, and the next sync of
    /// the file would say that all is well; so what was not durable is written again into another file. When cutting
    /// does not work either, what stands there is not read, because the next segment begins before it.
    fn abandon_segment(&mut self) {
        let Some(segment) = self.segment.take() else { return };
        if segment.durable_len == 0 {
            drop(self.disk.remove(&segment.file.path));
        } else if let Ok(len) = u64::try_from(segment.durable_len) {
            drop(self.disk.truncate(&segment.file, len));
        }
    }

    /// Says that the disk fails, and waits before it is tried again. False: nobody waits for that any more.
    fn wait_after(&mut self, error: &io::Error) -> bool {
        let reason: Arc<str> = error.to_string().into();
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state.lock();
        let is_news = state.failing.as_ref() != Some(&reason);
        state.failing = Some(Arc::clone(&reason));
        shared.settled.notify_all();
        let was_closing = state.is_closing;
        if is_news {
            MutexGuard::unlocked(&mut state, || self.notify(Notice::Failing { reason }));
        }
        self.is_failing = true;
        let until = deadline(self.options.retry_pause);
        while !state.is_closing && !shared.work.wait_until(&mut state, until).timed_out() {}
        !was_closing
    }

    fn recover(&mut self) {
        if std::mem::take(&mut self.is_failing) {
            self.shared.state.lock().failing = None;
            self.notify(Notice::Recovered);
        }
    }

    /// Removes the segments in which every record is before `released`. The one that is written stays.
    fn remove_before(&mut self, released: Position) {
        loop {
            let oldest = {
                let state = self.shared.state.lock();
                state.segments.front().copied()
            };
            let writing = self.segment.as_ref().map(|segment| segment.header.first);
            let Some(oldest) = oldest.filter(|oldest| oldest.end <= released && Some(oldest.first) != writing) else {
                return;
            };
            let path = segment::path_of(&self.dir, oldest.first);
            let removed = self.disk.remove(&path).and_then(|()| self.disk.sync_dir(&self.dir));
            if let Err(error) = removed {
                let reason: Arc<str> = format!("removing `{}`: {error}", path.display()).into();
                if self.not_removed.as_ref() != Some(&reason) {
                    self.not_removed = Some(Arc::clone(&reason));
                    self.notify(Notice::NotRemoved { reason });
                }
                return;
            }
            self.not_removed = None;
            self.shared.state.lock().segments.pop_front();
        }
    }

    fn notify(&self, notice: Notice) {
        if let Some(observer) = &self.options.observer {
            observer(notice);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the thread that writes reads the monotonic clock; nothing is decided by it but when to try again"
)]
fn deadline(pause: Duration) -> Instant {
    Instant::now() + pause
}
