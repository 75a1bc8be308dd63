//! Identifiers and points in time that events carry.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use bytestring::ByteString;

use crate::value::text_of_checked;

/// A point in time: milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The time of every sample: 2022-02-16 09:26:18.856 UTC.
    pub const SAMPLE: Timestamp = Timestamp(1_645_003_578_856);

    /// Milliseconds since `earlier`; 0 where the clock went backwards.
    pub fn since_ms(self, earlier: Timestamp) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

/// A network connection, from accept to close. Unique on a node while it runs, rising.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The identifier of an event: a ULID, 48 bits of milliseconds and 80 bits that rise within a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u128);

impl EventId {
    /// The identifier of every sample.
    pub const SAMPLE: EventId = EventId(0x017F_0203_46E8_8F3A_11C2_5D01_9B2C_7E44);

    /// A new identifier for something that happens at `now`.
    pub fn next(now: Timestamp) -> EventId {
        EventId(next_rising(now))
    }
}

impl EventId {
    /// Crockford's base 32, 26 characters: ASCII, so that nobody has to check it.
    pub(crate) fn to_text(self) -> ByteString {
        const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut text = [0; 26];
        let mut bits = self.0;
        // Twelve digits of 64 bits at a time, from behind: shifting 128 bits costs more.
        for digits in text.rchunks_mut(12) {
            let low = u64::try_from(bits & u128::from(u64::MAX)).expect("64 bits fit");
            for (at, digit) in (0..).zip(digits.iter_mut().rev()) {
                *digit = DIGITS[usize::try_from(low >> (5 * at) & 31).expect("five bits fit")];
            }
            bits >>= 60;
        }
        text_of_checked(Bytes::copy_from_slice(&text))
    }
}

/// Crockford's base 32, 26 characters.
impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

/// The identifier of a message: 32 upper-case hexadecimal digits, as EMQX writes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub u128);

impl MessageId {
    /// The identifier of every sample.
    pub const SAMPLE: MessageId = MessageId(0x0005_F8F7_F6EF_A3D0_F442_0000_0E00_0010);

    /// A new identifier for a message received at `now`.
    pub fn next(now: Timestamp) -> MessageId {
        MessageId(next_rising(now))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl MessageId {
    /// 32 upper-case hexadecimal digits: ASCII, so that nobody has to check it.
    pub(crate) fn to_text(self) -> ByteString {
        let mut text = [0; 32];
        for (digits, byte) in text.as_chunks_mut().0.iter_mut().zip(self.0.to_be_bytes()) {
            *digits = HEXADECIMAL[usize::from(byte)];
        }
        text_of_checked(Bytes::copy_from_slice(&text))
    }
}

/// The two digits of every byte.
const HEXADECIMAL: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};

/// 48 bits of `now`, 16 bits that differ between processes, 64 bits that rise.
///
/// The rising part makes identifiers of one process sort as they were made within a millisecond, and costs one atomic
/// addition instead of ten random bytes.
fn next_rising(now: Timestamp) -> u128 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static PROCESS: std::sync::LazyLock<u16> = std::sync::LazyLock::new(|| fastrand::u16(..));
    let ms = u128::from(now.0.unsigned_abs() & 0xFFFF_FFFF_FFFF);
    ms << 80 | u128::from(*PROCESS) << 64 | u128::from(NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_is_a_ulid() {
        assert_eq!(EventId(0).to_string(), "0".repeat(26));
        assert_eq!(EventId(u128::MAX).to_string(), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        assert_eq!(
            EventId(1_469_918_176_385 << 80).to_string(),
            "01ARYZ6S410000000000000000",
            "the example of the ULID specification"
        );
    }

    #[test]
    fn a_message_id_is_hexadecimal() {
        assert_eq!(MessageId::SAMPLE.to_string(), format!("{:032X}", MessageId::SAMPLE.0));
        assert_eq!(MessageId(u128::MAX).to_string(), "F".repeat(32));
    }

    #[test]
    fn identifiers_rise_within_a_millisecond_and_with_time() {
        let made = [EventId::next(Timestamp(5)), EventId::next(Timestamp(5)), EventId::next(Timestamp(6))];
        assert!(made.is_sorted() && made[0] != made[1]);
    }
}
