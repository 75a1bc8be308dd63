//! Reads the fields of one frame, in order.

use bytes::Bytes;
use bytestring::ByteString;

use crate::error::{DecodeError, DecodeErrorKind};
use crate::packet::PacketType;
use crate::packet_id::PacketId;
use crate::text;
use crate::version::Version;

/// A failure inside a packet. Boxed, so that a field that is there comes back in registers.
pub(crate) type Refusal = Box<DecodeError>;

/// A position in a frame. Every failure names the field and its byte.
#[derive(Debug)]
pub(crate) struct Reader {
    frame: Bytes,
    offset: usize,
    pub(crate) packet: PacketType,
    pub(crate) version: Option<Version>,
    /// Of a CONNECT, once it is read; it goes into every failure behind it.
    pub(crate) client_id: Option<ByteString>,
}

impl Reader {
    /// Starts behind the fixed header of `frame`, which is a whole packet.
    pub(crate) const fn new(frame: Bytes, header_len: usize, packet: PacketType, version: Option<Version>) -> Reader {
        Reader { frame, offset: header_len, packet, version, client_id: None }
    }

    pub(crate) const fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) fn remaining(&self) -> usize {
        self.frame.len() - self.offset
    }

    /// The failure of `field` at `offset`.
    #[cold]
    pub(crate) fn fail(&self, field: &'static str, offset: usize, kind: DecodeErrorKind) -> Refusal {
        Box::new(DecodeError {
            packet: Some(self.packet),
            field,
            offset,
            kind,
            version: self.version,
            client_id: self.client_id.clone(),
        })
    }

    #[cold]
    fn truncated(&self, field: &'static str, expected: usize) -> Refusal {
        self.fail(field, self.offset, DecodeErrorKind::Truncated { expected, found: self.remaining() })
    }

    #[inline]
    fn chunk<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Refusal> {
        match self.frame.get(self.offset..).and_then(<[u8]>::first_chunk) {
            Some(chunk) => {
                self.offset += N;
                Ok(*chunk)
            }
            None => Err(self.truncated(field, N)),
        }
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, Refusal> {
        self.chunk(field).map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, Refusal> {
        self.chunk(field).map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, Refusal> {
        self.chunk(field).map(u32::from_be_bytes)
    }

    pub(crate) fn packet_id(&mut self) -> Result<PacketId, Refusal> {
        let at = self.offset;
        let number = self.u16("packet identifier")?;
        PacketId::new(number).ok_or_else(|| self.fail("packet identifier", at, DecodeErrorKind::PacketIdZero))
    }

    /// A variable byte integer in its shortest form [MQTT-1.5.5-1].
    #[inline]
    pub(crate) fn varint(&mut self, field: &'static str) -> Result<u32, Refusal> {
        // Nearly all of them have one byte.
        if let Some(byte @ ..0x80) = self.frame.get(self.offset) {
            self.offset += 1;
            return Ok(u32::from(*byte));
        }
        self.long_varint(field)
    }

    fn long_varint(&mut self, field: &'static str) -> Result<u32, Refusal> {
        let at = self.offset;
        let mut number = 0;
        for index in 0..4 {
            let byte = self.u8(field)?;
            number |= u32::from(byte & 0x7F) << (7 * index);
            if byte & 0x80 == 0 {
                if byte == 0 && index > 0 {
                    return Err(self.fail(field, at, DecodeErrorKind::VarIntNotMinimal));
                }
                return Ok(number);
            }
        }
        Err(self.fail(field, at, DecodeErrorKind::VarIntTooLong))
    }

    /// Where the bytes behind a length of two bytes begin and end.
    #[inline]
    pub(crate) fn prefixed(&mut self, field: &'static str) -> Result<(usize, usize), Refusal> {
        let at = self.offset;
        let len = usize::from(self.u16(field)?);
        if len > self.remaining() {
            let kind = DecodeErrorKind::Truncated { expected: len, found: self.remaining() };
            return Err(self.fail(field, at, kind));
        }
        let start = self.offset;
        self.offset += len;
        Ok((start, self.offset))
    }

    /// Bytes of the frame, between offsets that this reader has given out.
    pub(crate) fn bytes(&self, start: usize, end: usize) -> &[u8] {
        self.frame.get(start..end).unwrap_or_default()
    }

    /// The same as a slice that keeps the frame alive.
    pub(crate) fn slice(&self, start: usize, end: usize) -> Bytes {
        if start == end { Bytes::new() } else { self.frame.slice(start..end) }
    }

    pub(crate) fn binary(&mut self, field: &'static str) -> Result<Bytes, Refusal> {
        let (start, end) = self.prefixed(field)?;
        Ok(self.slice(start, end))
    }

    /// A text; failures point at its length.
    pub(crate) fn text(&mut self, field: &'static str) -> Result<ByteString, Refusal> {
        let at = self.offset;
        let (start, end) = self.prefixed(field)?;
        text::checked(self.slice(start, end)).map_err(|kind| self.fail(field, at, kind))
    }

    /// Ends a packet: nothing may be left.
    pub(crate) fn end(&self) -> Result<(), Refusal> {
        match self.remaining() {
            0 => Ok(()),
            count => Err(self.fail("end of packet", self.offset, DecodeErrorKind::TrailingBytes(count))),
        }
    }

    /// Ends a packet with all that is left. The frame is given up for it, which saves a count of its owners.
    pub(crate) fn into_rest(self) -> Bytes {
        let Reader { mut frame, offset, .. } = self;
        bytes::Buf::advance(&mut frame, offset);
        frame
    }
}
