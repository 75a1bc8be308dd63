//! Text of the wire: UTF-8 without U+0000.

use bytes::Bytes;
use bytestring::ByteString;

use crate::error::DecodeErrorKind;

/// Checks that `bytes` are UTF-8 [MQTT-1.5.4-1], which excludes surrogates, without U+0000 [MQTT-1.5.4-2].
#[inline]
pub(crate) fn check(bytes: &[u8]) -> Result<(), DecodeErrorKind> {
    if is_plain_ascii(bytes) { Ok(()) } else { check_any(bytes) }
}

fn check_any(bytes: &[u8]) -> Result<(), DecodeErrorKind> {
    if simdutf8::basic::from_utf8(bytes).is_err() {
        return Err(DecodeErrorKind::NotUtf8);
    }
    if memchr::memchr(0, bytes).is_some() {
        return Err(DecodeErrorKind::NulInString);
    }
    Ok(())
}

/// The same bytes as text, after [`check`].
pub(crate) fn checked(bytes: Bytes) -> Result<ByteString, DecodeErrorKind> {
    check(&bytes)?;
    #[expect(unsafe_code, reason = "`check` has proved UTF-8 just now; the safe way would read every topic twice")]
    // SAFETY: `check` succeeds only on UTF-8.
    let text = unsafe { ByteString::from_bytes_unchecked(bytes) };
    Ok(text)
}

/// Whether all bytes are 0x01 to 0x7F: most topics are, and then nothing more needs a look.
fn is_plain_ascii(bytes: &[u8]) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = bytes.as_chunks::<8>();
    // Subtracting 1 sets the high bit of a zero byte; a borrow can only start at such a byte, so nothing is missed.
    let of_words = words.iter().fold(0, |seen, word| {
        let word = u64::from_ne_bytes(*word);
        seen | (word | word.wrapping_sub(LOW)) & HIGH
    });
    let of_rest = rest.iter().fold(0, |seen, byte| seen | (byte | byte.wrapping_sub(1)) & 0x80);
    of_words == 0 && of_rest == 0
}
