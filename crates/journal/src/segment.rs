//! What a segment is on disk: a file named by its first position, a header, records.
//!
//! ```text
//! "sbjrnl\r\n"        so that a text editor or a transfer that changes line ends is noticed
//! format    u32
//! salt      u32       of the checksums
//! first     u64       the position of the first record
//! checksum  u32       CRC-32 of the above
//! ```

use std::path::{Path, PathBuf};

use crate::open::{Damage, Found};
use crate::record::{self, HEAD_LEN, Position};

/// The format that this version reads and writes.
pub(crate) const FORMAT: u32 = 1;
const MAGIC: [u8; 8] = *b"sbjrnl\r\n";
pub(crate) const HEADER_LEN: usize = 28;
const ENDING: &str = "journal";

/// Which records a segment holds, and how large it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentSpan {
    /// Its first record.
    pub first: Position,
    /// The position behind its last record.
    pub end: Position,
    /// The size of the file.
    pub bytes: u64,
}

/// What the head of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) format: u32,
    pub(crate) salt: u32,
    pub(crate) first: Position,
}

impl Header {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&self.format.to_le_bytes());
        bytes.extend_from_slice(&self.salt.to_le_bytes());
        bytes.extend_from_slice(&self.first.0.to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// The header at the start of a file, and what is behind; `None` where none stands there.
    pub(crate) fn read(bytes: &[u8]) -> Option<(Header, &[u8])> {
        let (header, rest) = bytes.split_at_checked(HEADER_LEN)?;
        let (said, checksum) = header.split_last_chunk()?;
        if crc32fast::hash(said) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let (magic, said) = said.split_first_chunk()?;
        let (format, said) = said.split_first_chunk()?;
        let (salt, said) = said.split_first_chunk()?;
        let (first, _) = said.split_first_chunk()?;
        let header = Header {
            format: u32::from_le_bytes(*format),
            salt: u32::from_le_bytes(*salt),
            first: Position(u64::from_le_bytes(*first)),
        };
        (*magic == MAGIC).then_some((header, rest))
    }
}

/// The file of the segment that begins with `first`.
pub(crate) fn path_of(dir: &Path, first: Position) -> PathBuf {
    dir.join(format!("{first:020}.{ENDING}"))
}

/// The first position of the segment whose file has this name; `None` for files that are not ours.
pub(crate) fn first_of(path: &Path) -> Option<Position> {
    let stem = path.file_stem()?.to_str()?;
    let is_ours = stem.len() == 20 && path.extension()? == ENDING;
    is_ours.then(|| stem.parse().ok().map(Position))?
}

/// Where the records of a segment end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// The position behind the last record.
    pub(crate) end: Position,
    /// The length of the file up to there.
    pub(crate) valid_len: usize,
}

/// Tells `on_found` of every record of `records`, what stands behind `header`, in order, and of what is damaged.
///
/// `limit` is the first position of the next segment: what stands there counts, so that what a segment holds of it was
/// given up after an error and written again. Damage at the end of the last segment, which has no limit, is left for the
/// caller: it is a write that the power loss cut short.
pub(crate) fn scan(
    (path, header): (&Path, Header),
    records: &[u8],
    limit: Option<Position>,
    on_found: &mut dyn FnMut(Found<'_>),
) -> Scanned {
    let mut expected = header.first;
    let mut at = 0;
    let damage = |at: usize, bytes: usize, missing: u64| {
        let (path, offset) = (path.to_path_buf(), HEADER_LEN + at);
        Found::Damage(Damage { path, offset, bytes, records: Some(missing) })
    };
    while limit.is_none_or(|limit| expected < limit) {
        let Some((start, position, bytes)) = next_record(records, at, (expected, limit), header.salt) else {
            if let Some(limit) = limit {
                on_found(damage(at, records.len() - at, limit.0 - expected.0));
                expected = limit;
            }
            break;
        };
        if start > at || position > expected {
            on_found(damage(at, start - at, position.0 - expected.0));
        }
        on_found(Found::Record { position, bytes });
        expected = position.next();
        at = start + HEAD_LEN + bytes.len();
    }
    Scanned { end: expected, valid_len: HEADER_LEN + at }
}

/// The first whole record from `at` on whose position is expected: right there, or behind what is damaged.
fn next_record(
    records: &[u8],
    at: usize,
    (expected, limit): (Position, Option<Position>),
    salt: u32,
) -> Option<(usize, Position, &[u8])> {
    let left = records.len().checked_sub(at)?;
    // No more records can stand in the rest than heads fit into it.
    let most = Position(expected.0.saturating_add(u64::try_from(left / HEAD_LEN).ok()?));
    let until = limit.map_or(most, |limit| limit.min(most));
    (at..records.len()).find_map(|start| {
        let rest = records.get(start..)?;
        if !record::is_likely(rest, expected, until) {
            return None;
        }
        record::read(rest, salt).map(|(position, bytes)| (start, position, bytes))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header { format: FORMAT, salt: 99, first: Position(10) };

    fn records(texts: &[&str]) -> Vec<u8> {
        let mut all = Vec::new();
        for (position, text) in (10..).zip(texts) {
            let mut one = Vec::new();
            record::put(&mut one, Position(position), u32::try_from(text.len()).unwrap(), &[text.as_bytes()]);
            record::seal(&mut one, HEADER.salt);
            all.extend(one);
        }
        all
    }

    /// What a scan tells, as text.
    fn told(records: &[u8], limit: Option<u64>) -> (Vec<String>, Scanned) {
        let mut told = Vec::new();
        let path = Path::new("segment");
        let scanned = scan((path, HEADER), records, limit.map(Position), &mut |found| {
            told.push(match found {
                Found::Record { position, bytes } => format!("{position} {}", String::from_utf8_lossy(bytes)),
                Found::Damage(Damage { offset, bytes, records, .. })
                | Found::Torn(Damage { offset, bytes, records, .. }) => {
                    format!("at {offset}: {bytes} bytes, {records:?}")
                }
            });
        });
        (told, scanned)
    }

    #[test]
    fn a_header_is_read_as_it_was_written_and_no_changed_bit_goes_unnoticed() {
        let bytes = HEADER.to_bytes();
        assert_eq!(bytes.len(), HEADER_LEN);
        assert_eq!(Header::read(&bytes), Some((HEADER, [].as_slice())));
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::read(&changed), None, "bit {bit}");
        }
    }

    #[test]
    fn only_files_of_segments_have_a_first_position() {
        let path = path_of(Path::new("/data/b"), Position(17));
        assert_eq!(path.to_str(), Some("/data/b/00000000000000000017.journal"));
        assert_eq!(first_of(&path), Some(Position(17)));
        for name in ["lock", "17.journal", "0000000000000000000x.journal", "00000000000000000017.journal.old"] {
            assert_eq!(first_of(Path::new(name)), None, "{name}");
        }
    }

    #[test]
    fn a_damaged_record_does_not_take_those_behind_it() {
        let mut bytes = records(&["a", "bb", "ccc", "dddd"]);
        bytes[HEAD_LEN + 1 + HEAD_LEN] ^= 1;
        let (told, scanned) = told(&bytes, None);
        assert_eq!(told, ["10 a", "at 45: 18 bytes, Some(1)", "12 ccc", "13 dddd"]);
        assert_eq!(scanned, Scanned { end: Position(14), valid_len: HEADER_LEN + bytes.len() });
    }

    #[test]
    fn a_damaged_length_is_no_reason_to_lose_the_rest() {
        let mut bytes = records(&["a", "bb", "ccc"]);
        bytes[HEAD_LEN + 1 + 7] = 0xFF;
        assert_eq!(told(&bytes, None).0, ["10 a", "at 45: 18 bytes, Some(1)", "12 ccc"]);
    }

    #[test]
    fn a_torn_end_of_the_last_segment_is_not_told_but_measured() {
        let bytes = records(&["a", "bb"]);
        let (told, scanned) = told(&bytes[..bytes.len() - 1], None);
        assert_eq!((told, scanned), (vec!["10 a".into()], Scanned { end: Position(11), valid_len: HEADER_LEN + 17 }));
    }

    #[test]
    fn the_next_segment_says_how_many_records_are_missing_at_the_end() {
        let bytes = records(&["a", "bb", "ccc"]);
        let (told, _) = told(&bytes[..HEAD_LEN + 3], Some(13));
        assert_eq!(told, ["10 a", "at 45: 2 bytes, Some(2)"]);
    }

    #[test]
    fn what_was_written_again_into_the_next_segment_counts_there() {
        let bytes = records(&["a", "bb", "ccc"]);
        assert_eq!(told(&bytes, Some(12)).0, ["10 a", "11 bb"]);
    }

    #[test]
    fn a_record_inside_a_record_is_not_taken_for_one() {
        // Whoever sends this does not know the salt of the segment.
        let mut inner = Vec::new();
        record::put(&mut inner, Position(11), 4, &[b"fake"]);
        record::seal(&mut inner, 0);
        let mut bytes = Vec::new();
        record::put(&mut bytes, Position(10), u32::try_from(inner.len()).unwrap(), &[&inner]);
        record::seal(&mut bytes, HEADER.salt);
        bytes[0] ^= 1;
        assert!(told(&bytes, None).0.is_empty());
    }
}
