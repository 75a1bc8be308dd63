//! The handle of a journal: records go in here, and what is durable is told here.

use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::disk::{Disk, RealDisk};
use crate::error::Error;
use crate::open::{self, Found, u64_of};
use crate::record::{self, HEAD_LEN, Position};
use crate::segment::{HEADER_LEN, SegmentSpan};
use crate::writer::Writer;

/// What a journal is told when it is opened.
pub struct Options {
    /// A segment is closed when the next record would make it larger; a record that is larger has one for itself.
    pub segment_bytes_max: usize,
    /// The largest record that is taken; a larger one is refused with [`Error::TooLarge`].
    pub record_bytes_max: usize,
    /// How much may wait to be written; beyond it records are refused with [`Error::Behind`]. While the disk takes
    /// nothing, twice as much may be held.
    pub waiting_bytes_max: usize,
    /// The longest that a record waits for others before a group is written. A group is written at once where nothing
    /// else arrives.
    pub gather_max: Duration,
    /// How long a disk that took nothing is left alone before it is tried again.
    pub retry_pause: Duration,
    /// Told by the thread of the journal, in order. It must not block, and must not close or drop the journal.
    pub observer: Option<Box<dyn Fn(Notice) + Send>>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            segment_bytes_max: 32 << 20,
            record_bytes_max: 512 << 20,
            waiting_bytes_max: 32 << 20,
            gather_max: Duration::from_millis(2),
            retry_pause: Duration::from_millis(250),
            observer: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("segment_bytes_max", &self.segment_bytes_max).finish_non_exhaustive()
    }
}

/// What the observer of a journal is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Every record before `end` is durable.
    Durable {
        /// As [`Journal::durable`].
        end: Position,
    },
    /// The disk does not take anything. What was appended is kept and tried again, what comes is refused.
    Failing {
        /// What the system said.
        reason: Arc<str>,
    },
    /// The disk takes records again.
    Recovered,
    /// A segment that is not needed any more cannot be removed. It is tried again.
    NotRemoved {
        /// What the system said.
        reason: Arc<str>,
    },
}

/// How a journal is, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// How many files there are.
    pub segments: usize,
    /// How large they are together.
    pub bytes: u64,
    /// How much waits to be written.
    pub waiting_bytes: usize,
    /// Every record before is durable.
    pub durable: Position,
    /// The position of the next record.
    pub next: Position,
    /// Why the disk takes nothing, while it does not.
    pub failing: Option<Arc<str>>,
}

/// An open journal. When it is dropped, what was appended is written first.
pub struct Journal {
    shared: Arc<Shared>,
    dir: PathBuf,
    record_bytes_max: usize,
    waiting_bytes_max: usize,
    writer: Option<JoinHandle<()>>,
}

/// What the handle and the thread share.
pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    /// There is something to do for the thread.
    pub(crate) work: Condvar,
    /// Something is durable, or the disk fails.
    pub(crate) settled: Condvar,
}

pub(crate) struct State {
    /// Records that no group has taken yet, without their checksums.
    pub(crate) waiting: Vec<u8>,
    /// The position of the next record.
    pub(crate) next: Position,
    /// Every record before is durable.
    pub(crate) durable: Position,
    /// Oldest first; the last may be the one that is written.
    pub(crate) segments: VecDeque<SegmentSpan>,
    /// No record before is needed.
    pub(crate) released: Position,
    /// What the thread has seen of `released`.
    pub(crate) released_seen: Position,
    pub(crate) failing: Option<Arc<str>>,
    pub(crate) is_closing: bool,
    /// The thread has ended, with or without everything written.
    pub(crate) has_ended: bool,
    /// The thread sleeps until it is woken.
    pub(crate) is_asleep: bool,
}

impl Journal {
    /// Opens the journal in `dir`, which is made where it is not there, and tells `on_found` of everything in it, in
    /// order. Records that were released may still be told of, until their segment is removed.
    pub fn open(dir: &Path, options: Options, on_found: &mut dyn FnMut(Found<'_>)) -> Result<Journal, Error> {
        Journal::open_on(Box::new(RealDisk), dir, options, on_found)
    }

    pub(crate) fn open_on(
        disk: Box<dyn Disk>,
        dir: &Path,
        options: Options,
        on_found: &mut dyn FnMut(Found<'_>),
    ) -> Result<Journal, Error> {
        let opened = open::read(dir, on_found)?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                waiting: Vec::new(),
                next: opened.next,
                durable: opened.next,
                segments: opened.segments.into(),
                released: Position::default(),
                released_seen: Position::default(),
                failing: None,
                is_closing: false,
                has_ended: false,
                is_asleep: false,
            }),
            work: Condvar::new(),
            settled: Condvar::new(),
        });
        let (record_bytes_max, waiting_bytes_max) = (options.record_bytes_max, options.waiting_bytes_max);
        let writer = Writer::new(disk, dir, options, Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run());
        let writer = Some(thread.map_err(Error::io("starting the thread of", dir))?);
        Ok(Journal { shared, dir: dir.to_path_buf(), record_bytes_max, waiting_bytes_max, writer })
    }

    /// Appends the record that `parts` make up, in memory, and says where it stands. It is durable when
    /// [`Journal::durable`] is beyond.
    pub fn append(&self, parts: &[&[u8]]) -> Result<Position, Error> {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let too_large = Error::TooLarge { bytes, bytes_max: self.record_bytes_max };
        let Some(len) = u32::try_from(bytes).ok().filter(|_| bytes <= self.record_bytes_max) else {
            return Err(too_large);
        };
        let mut state = self.shared.state.lock();
        if let Some(reason) = &state.failing {
            return Err(Error::Failing { reason: Arc::clone(reason) });
        }
        if state.is_closing {
            return Err(Error::Closed);
        }
        let waiting_bytes = state.waiting.len();
        // One record always fits, however large.
        if waiting_bytes > 0 && waiting_bytes + HEAD_LEN + bytes > self.waiting_bytes_max {
            return Err(Error::Behind { waiting_bytes, waiting_bytes_max: self.waiting_bytes_max });
        }
        let position = state.next;
        record::put(&mut state.waiting, position, len, parts);
        state.next = position.next();
        self.wake(state);
        Ok(position)
    }

    /// Every record before is durable.
    pub fn durable(&self) -> Position {
        self.shared.state.lock().durable
    }

    /// Waits until the record at `position` is durable. An error while the disk takes nothing; then the record may
    /// become durable later. For async code there is the observer of [`Options`].
    pub fn wait_durable(&self, position: Position) -> Result<(), Error> {
        let mut state = self.shared.state.lock();
        loop {
            if state.durable > position {
                return Ok(());
            }
            if let Some(reason) = &state.failing {
                return Err(Error::Failing { reason: Arc::clone(reason) });
            }
            if state.has_ended {
                return Err(Error::Closed);
            }
            self.shared.settled.wait(&mut state);
        }
    }

    /// Says that no record before `position` is needed any more. Segments that hold only such are removed, after
    /// everything that was appended before this call is durable.
    pub fn release_before(&self, position: Position) {
        let mut state = self.shared.state.lock();
        if position > state.released {
            state.released = position;
            if state.has_removable() {
                self.wake(state);
            }
        }
    }

    /// The oldest segment that is neither written any more nor released: what to append again, so that it can be.
    pub fn oldest(&self) -> Option<SegmentSpan> {
        let state = self.shared.state.lock();
        let closed = state.segments.iter().take(state.segments.len().saturating_sub(1));
        closed.copied().find(|segment| segment.end > state.released)
    }

    /// The segment in which the record at `position` stands, as far as it is durable; `None` where the record is not.
    pub fn segment_of(&self, position: Position) -> Option<SegmentSpan> {
        let state = self.shared.state.lock();
        let at = state.segments.partition_point(|segment| segment.end <= position);
        state.segments.get(at).copied().filter(|segment| segment.first <= position)
    }

    /// Tells `on_found` of everything in a segment that [`Journal::oldest`] or [`Journal::segment_of`] has named. Reads
    /// the file.
    pub fn read(&self, segment: SegmentSpan, on_found: &mut dyn FnMut(Found<'_>)) -> Result<(), Error> {
        open::read_again(&self.dir, segment, on_found)
    }

    /// How it is now.
    pub fn stats(&self) -> Stats {
        let state = self.shared.state.lock();
        Stats {
            segments: state.segments.len(),
            bytes: state.segments.iter().map(|segment| segment.bytes).sum(),
            waiting_bytes: state.waiting.len(),
            durable: state.durable,
            next: state.next,
            failing: state.failing.clone(),
        }
    }

    /// Writes what was appended and ends the journal. An error where the disk does not take it.
    pub fn close(mut self) -> Result<(), Error> {
        self.end();
        let state = self.shared.state.lock();
        match &state.failing {
            Some(reason) if state.durable < state.next => Err(Error::Failing { reason: Arc::clone(reason) }),
            Some(_) | None => Ok(()),
        }
    }

    fn end(&mut self) {
        let Some(writer) = self.writer.take() else { return };
        self.shared.state.lock().is_closing = true;
        self.shared.work.notify_one();
        if writer.join().is_err() {
            // Only a panic of the observer ends it so.
            self.shared.state.lock().has_ended = true;
            self.shared.settled.notify_all();
        }
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let was_asleep = std::mem::take(&mut state.is_asleep);
        drop(state);
        if was_asleep {
            self.shared.work.notify_one();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl State {
    /// Whether a segment was released since the thread looked last.
    pub(crate) fn has_removable(&self) -> bool {
        let is_released = |oldest: &SegmentSpan| oldest.end <= self.released;
        self.released > self.released_seen && self.segments.front().is_some_and(is_released)
    }

    /// Notes that the segment that is written has `records` more, which take `bytes`. A segment of no records yet is
    /// new.
    pub(crate) fn note_durable(&mut self, first: Position, records: u64, bytes: usize) {
        self.durable = Position(self.durable.0 + records);
        let end = self.durable;
        match self.segments.back_mut() {
            Some(segment) if segment.first == first => {
                segment.end = end;
                segment.bytes += u64_of(bytes);
            }
            Some(_) | None => {
                self.segments.push_back(SegmentSpan { first, end, bytes: u64_of(HEADER_LEN + bytes) });
            }
        }
    }
}
