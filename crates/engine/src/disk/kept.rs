//! Records of a journal that are needed still, each under a key, and the room that the others give back.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use journal::{Error, Found, Journal, Position, SegmentSpan};

/// Below so many bytes on disk nothing is moved to give room back.
const UNTIDY_BYTES_MIN: u64 = 64 << 20;

/// A journal, and which of its records are needed.
pub(crate) struct Kept<K> {
    journal: Journal,
    by_key: HashMap<K, Place>,
    by_position: BTreeMap<Position, K>,
    bytes: u64,
}

/// Where a record stands, and how large it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) position: Position,
    pub(crate) bytes: u64,
}

impl<K: Copy + Eq + Hash> Kept<K> {
    pub(crate) fn new(journal: Journal) -> Kept<K> {
        Kept { journal, by_key: HashMap::new(), by_position: BTreeMap::new(), bytes: 0 }
    }

    /// Appends a record that is needed until [`Kept::forget`], in place of a former one of its key; says where it stands.
    pub(crate) fn put(&mut self, key: K, record: &[u8]) -> Result<Position, Error> {
        let position = self.journal.append(&[record])?;
        self.add(key, Place { position, bytes: super::len_of(record) });
        Ok(position)
    }

    /// Appends a record that is needed only where it is the last; the caller knows.
    pub(crate) fn note(&self, record: &[u8]) -> Result<Position, Error> {
        self.journal.append(&[record])
    }

    /// Takes up a record that was found when the journal was opened.
    pub(crate) fn add(&mut self, key: K, place: Place) {
        self.forget(key);
        self.bytes += place.bytes;
        self.by_position.insert(place.position, key);
        self.by_key.insert(key, place);
    }

    pub(crate) fn forget(&mut self, key: K) {
        if let Some(place) = self.by_key.remove(&key) {
            self.by_position.remove(&place.position);
            self.bytes -= place.bytes;
        }
    }

    pub(crate) fn has(&self, key: K) -> bool {
        self.by_key.contains_key(&key)
    }

    /// Gives back what stands before everything that is needed, and before `floor`.
    pub(crate) fn release(&self, floor: Position) {
        let oldest = self.by_position.first_key_value().map_or(floor, |(position, _)| *position);
        self.journal.release_before(oldest.min(floor));
    }

    /// Whether little of what is on disk is needed, where `others` are so many bytes of records without a key, which are
    /// needed too, and the first of them stands there. Segments with such are left alone.
    pub(crate) fn is_untidy(&self, others: (u64, Option<Position>)) -> bool {
        self.untidy(others).is_some()
    }

    fn untidy(&self, (bytes, first): (u64, Option<Position>)) -> Option<SegmentSpan> {
        let is_untidy = self.journal.stats().bytes > 2 * (self.bytes + bytes) + UNTIDY_BYTES_MIN;
        let oldest = if is_untidy { self.journal.oldest()? } else { return None };
        first.is_none_or(|first| oldest.end <= first).then_some(oldest)
    }

    /// Moves what is needed of the oldest segment to the end, where little of what is on disk is needed: a record that
    /// is needed for long does not keep all that has come behind it.
    pub(crate) fn tidy(&mut self, others: (u64, Option<Position>)) -> Result<(), Error> {
        let Some(oldest) = self.untidy(others) else { return Ok(()) };
        let mut records = Vec::new();
        self.journal.read(oldest, &mut |found| match found {
            Found::Record { position, bytes } => {
                records.extend(self.by_position.get(&position).map(|key| (*key, bytes.to_vec())));
            }
            // It was reported when the journal was opened, or will be.
            Found::Damage(_) | Found::Torn(_) => {}
        })?;
        for (key, record) in records {
            self.put(key, &record)?;
        }
        Ok(())
    }

    /// Tells `on_record` of every record from `first` to before `end` that can be read; all of them are durable.
    pub(crate) fn read(
        &self,
        (first, end): (Position, Position),
        on_record: &mut dyn FnMut(Position, &[u8]),
    ) -> Result<(), Error> {
        let mut at = first;
        while at < end {
            // Nothing stands there where a segment is lost.
            let Some(segment) = self.journal.segment_of(at) else { break };
            self.journal.read(segment, &mut |found| match found {
                Found::Record { position, bytes } if (first..end).contains(&position) => on_record(position, bytes),
                // Damage was reported when the journal was opened, or its records are missed by whoever wants them.
                Found::Record { .. } | Found::Damage(_) | Found::Torn(_) => {}
            })?;
            at = segment.end;
        }
        Ok(())
    }

    pub(crate) fn stats(&self) -> journal::Stats {
        self.journal.stats()
    }
}
