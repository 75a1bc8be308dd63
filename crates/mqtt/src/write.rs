//! Writes the fields of a packet.

use bytes::{BufMut, BytesMut};

use crate::encode::EncodeError;
use crate::property::Properties;

/// The greatest variable byte integer: 28 bits.
pub(crate) const VARINT_MAX: u32 = 268_435_455;

/// Bytes of a variable byte integer.
pub(crate) const fn varint_len(number: usize) -> usize {
    match number {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x1F_FFFF => 3,
        _ => 4,
    }
}

pub(crate) fn put_varint(number: u32, out: &mut BytesMut) {
    let mut rest = number;
    while rest > 0x7F {
        let [low, ..] = rest.to_le_bytes();
        out.put_u8(low | 0x80);
        rest >>= 7;
    }
    let [low, ..] = rest.to_le_bytes();
    out.put_u8(low);
}

/// Bytes and their length before them. Whoever wants a packet of them has asked [`check_len`] before.
pub(crate) fn put_prefixed(bytes: &[u8], out: &mut BytesMut) {
    out.put_u16(u16::try_from(bytes.len()).expect("`check_len` was asked before anything was written"));
    out.put_slice(bytes);
}

/// Refuses what does not fit two bytes of length.
pub(crate) fn check_len(field: &'static str, bytes: &[u8]) -> Result<(), EncodeError> {
    if bytes.len() > usize::from(u16::MAX) {
        return Err(EncodeError::TooLong { field, found: bytes.len() });
    }
    Ok(())
}

/// Bytes of a property block with its length.
pub(crate) fn properties_len(properties: &Properties) -> usize {
    varint_len(properties.len()) + properties.len()
}

pub(crate) fn put_properties(properties: &Properties, out: &mut BytesMut) {
    put_varint(u32::try_from(properties.len()).expect("the length of the packet was checked before"), out);
    out.put_slice(properties.as_bytes());
}

/// The fixed header: type and flags, then the remaining length, which fits 28 bits.
pub(crate) fn put_header(first: u8, remaining_len: usize, out: &mut BytesMut) {
    out.put_u8(first);
    put_varint(u32::try_from(remaining_len).expect("the length of the packet was checked before"), out);
}
