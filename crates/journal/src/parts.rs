//! What records are made of: numbers little-endian base 128, as in protocol buffers, and bytes behind their length.
//!
//! A journal does not look into its records; those who write them do it in one way.

/// Appends a number: seven bits a byte, the lowest first.
pub fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Appends bytes behind their length.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    out.extend_from_slice(bytes);
}

/// The number that `record` begins with, and how many bytes it takes; `None` where it begins with none.
pub fn number_of(record: &[u8]) -> Option<(u64, usize)> {
    let mut number = 0;
    for (at, (byte, shift)) in record.iter().zip((0..64).step_by(7)).enumerate() {
        number |= u64::from(byte & 0x7F) << shift;
        if *byte < 0x80 {
            return Some((number, at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_it_was_written_and_no_further() {
        for number in [0, 1, 0x7F, 0x80, 300, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            put_number(&mut out, number);
            let len = out.len();
            assert_eq!(number_of(&out[..len - 1]), None, "{number} is torn");
            out.push(7);
            assert_eq!(number_of(&out), Some((number, len)));
        }
        assert_eq!(number_of(&[0x80; 11]), None, "longer than any number");
    }
}
