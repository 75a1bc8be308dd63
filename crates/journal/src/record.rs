//! What a record is on disk: its checksum, its length, its position, its bytes.
//!
//! ```text
//! checksum  u32   CRC-32 of the salt of the segment and of everything below
//! length    u32   of the bytes
//! position  u64
//! bytes
//! ```
//!
//! All numbers are little-endian. The position makes a hole countable. The salt is random and differs in every segment:
//! bytes that an old file left on the disk, or that somebody has put into the payload of a message, never look like a
//! record.

use std::fmt;

/// The bytes before those of the record.
pub(crate) const HEAD_LEN: usize = 16;

/// Which record of a journal: they are numbered from 0. A number is not used again, but for one whose record was lost
/// before it was durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// The one behind.
    #[must_use]
    pub const fn next(self) -> Position {
        Position(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Appends a record without its checksum, which depends on the segment it will stand in.
pub(crate) fn put(buf: &mut Vec<u8>, position: Position, len: u32, parts: &[&[u8]]) {
    buf.extend_from_slice(&[0; 4]);
    buf.extend_from_slice(&len.to_le_bytes());
    buf.extend_from_slice(&position.0.to_le_bytes());
    for part in parts {
        buf.extend_from_slice(part);
    }
}

/// The length, head included, of the record that starts at `at` of what [`put`] has made.
pub(crate) fn framed_len(buf: &[u8], at: usize) -> usize {
    let head = buf.get(at..).and_then(head_of).expect("`put` has made whole records");
    HEAD_LEN + head.len
}

/// Sets the checksum of `record`, which [`put`] has made.
pub(crate) fn seal(record: &mut [u8], salt: u32) {
    let (checksum, rest) = record.split_at_mut(4);
    checksum.copy_from_slice(&checksum_of(rest, salt).to_le_bytes());
}

/// The record at the start of `bytes`, where a whole one with a right checksum stands there.
pub(crate) fn read(bytes: &[u8], salt: u32) -> Option<(Position, &[u8])> {
    let head = head_of(bytes)?;
    let end = HEAD_LEN.checked_add(head.len)?;
    let rest = bytes.get(4..end)?;
    (checksum_of(rest, salt) == head.checksum).then(|| (head.position, rest.split_at(HEAD_LEN - 4).1))
}

/// Whether a record could start here whose position is in `from..until`: cheap, so that it can be asked at every byte.
pub(crate) fn is_likely(bytes: &[u8], from: Position, until: Position) -> bool {
    head_of(bytes).is_some_and(|head| {
        (from..until).contains(&head.position) && head.len.checked_add(HEAD_LEN).is_some_and(|len| len <= bytes.len())
    })
}

struct Head {
    checksum: u32,
    len: usize,
    position: Position,
}

fn head_of(bytes: &[u8]) -> Option<Head> {
    let (checksum, rest) = bytes.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let (position, _) = rest.split_first_chunk()?;
    Some(Head {
        checksum: u32::from_le_bytes(*checksum),
        len: usize::try_from(u32::from_le_bytes(*len)).ok()?,
        position: Position(u64::from_le_bytes(*position)),
    })
}

fn checksum_of(rest: &[u8], salt: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(salt);
    hasher.update(rest);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(parts: &[&[u8]], salt: u32) -> Vec<u8> {
        let mut buf = Vec::new();
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        put(&mut buf, Position(7), u32::try_from(len).unwrap(), parts);
        seal(&mut buf, salt);
        buf
    }

    #[test]
    fn a_record_is_read_as_it_was_put() {
        let mut buf = made(&[b"se", b"", b"ven"], 3);
        assert_eq!(framed_len(&buf, 0), buf.len());
        buf.extend_from_slice(b"behind");
        assert_eq!(read(&buf, 3), Some((Position(7), b"seven".as_slice())));
    }

    #[test]
    fn no_changed_bit_and_no_missing_byte_goes_unnoticed() {
        let buf = made(&[b"seven"], 3);
        for bit in 0..buf.len() * 8 {
            let mut changed = buf.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&changed, 3), None, "bit {bit}");
        }
        for len in 0..buf.len() {
            assert_eq!(read(&buf[..len], 3), None, "{len} bytes");
        }
    }

    #[test]
    fn a_record_of_another_segment_is_none() {
        assert_eq!(read(&made(&[b"seven"], 3), 4), None);
        assert_eq!(read(&[0; 64], 4), None, "zeros");
    }
}
