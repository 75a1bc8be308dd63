//! The outputs that are only on disk: the newer part of a long queue, in the order in which they came.
//!
//! Of each only is known that it is there; where it stands is known of some thousands together, which are read back at
//! once. So a queue of millions takes no more memory than one of some thousands.

use std::collections::VecDeque;

use journal::Position;

use super::numbers::Numbers;

/// How many bytes of records are read back at once, about.
const CHUNK_BYTES: u64 = 4 << 20;

/// The same in records.
const CHUNK_LEN: u64 = 10_000;

/// Numbers without their outputs, and where these stand.
#[derive(Debug)]
pub(crate) struct Cold {
    numbers: Numbers,
    chunks: VecDeque<Chunk>,
    bytes: u64,
    chunk_len_max: u64,
    /// The next record begins a chunk: the last one is to be read as it is.
    is_sealed: bool,
}

impl Default for Cold {
    fn default() -> Cold {
        Cold::of_chunks(CHUNK_LEN)
    }
}

/// Records that stand one behind the other, among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// The first record.
    pub(crate) first: Position,
    /// Behind the last record.
    pub(crate) end: Position,
    /// Behind the number of the last record.
    pub(crate) numbers_end: u64,
    /// How many records there are; some may be off.
    len: u64,
    bytes: u64,
}

impl Cold {
    /// None, which are read back by so many.
    pub(crate) fn of_chunks(chunk_len_max: u64) -> Cold {
        let (numbers, chunks) = (Numbers::default(), VecDeque::new());
        Cold { numbers, chunks, bytes: 0, chunk_len_max, is_sealed: false }
    }

    pub(crate) const fn len(&self) -> u64 {
        self.numbers.len()
    }

    /// How many bytes the records take, those that are off and have not been passed yet included.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The oldest.
    pub(crate) fn first(&self) -> Option<u64> {
        self.numbers.first()
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        self.numbers.contains(number)
    }

    /// Where the first record stands that may be needed.
    pub(crate) fn first_position(&self) -> Option<Position> {
        self.chunks.front().map(|chunk| chunk.first)
    }

    /// Adds the newest, whose record of so many bytes stands at `position`.
    pub(crate) fn push(&mut self, number: u64, position: Position, bytes: u64) {
        self.numbers.insert(number);
        self.bytes += bytes;
        let (is_sealed, len_max) = (std::mem::take(&mut self.is_sealed), self.chunk_len_max);
        let has_room = |chunk: &&mut Chunk| !is_sealed && chunk.len < len_max && chunk.bytes < CHUNK_BYTES;
        if let Some(chunk) = self.chunks.back_mut().filter(has_room) {
            *chunk = Chunk {
                first: chunk.first,
                end: position.next(),
                numbers_end: number + 1,
                len: chunk.len + 1,
                bytes: chunk.bytes + bytes,
            };
            return;
        }
        self.chunks.push_back(Chunk { first: position, end: position.next(), numbers_end: number + 1, len: 1, bytes });
    }

    /// Adds the newest, which is on no disk.
    pub(crate) fn push_unplaced(&mut self, number: u64) {
        self.numbers.insert(number);
    }

    /// Takes `number` out.
    pub(crate) fn remove(&mut self, number: u64) -> bool {
        self.numbers.remove(number)
    }

    /// Lets what comes next be no part of the last chunk, which is to be read as soon as it can be.
    pub(crate) fn seal(&mut self) {
        self.is_sealed = true;
    }

    /// The oldest records, to be read back.
    pub(crate) fn front(&self) -> Option<Chunk> {
        self.chunks.front().copied()
    }

    /// Forgets the oldest records as far as none of them is needed.
    pub(crate) fn trim(&mut self) {
        while let Some(chunk) = self.front().filter(|chunk| self.first().is_none_or(|first| chunk.numbers_end <= first))
        {
            self.bytes -= chunk.bytes;
            self.chunks.pop_front();
        }
    }

    /// Forgets the oldest records, and says how many of them were not taken out before.
    pub(crate) fn pop(&mut self) -> u64 {
        let Some(chunk) = self.chunks.pop_front() else { return 0 };
        self.bytes -= chunk.bytes;
        self.numbers.remove_below(chunk.numbers_end)
    }
}
