//! From bytes to frames and from a frame to its packet.
//!
//! A frame is the bytes of one packet. Its header alone decides how many bytes it has, whether we take that many, and
//! whether this packet may come now; so nothing is buffered for a packet that would be refused anyway.

use std::fmt;

use bytes::{Bytes, BytesMut};

use crate::error::{DecodeError, DecodeErrorKind};
use crate::packet::ack::Ack;
use crate::packet::auth::Auth;
use crate::packet::connack::Connack;
use crate::packet::connect::{self, Connect};
use crate::packet::disconnect::Disconnect;
use crate::packet::publish::Publish;
use crate::packet::suback::Suback;
use crate::packet::subscribe::Subscribe;
use crate::packet::unsuback::Unsuback;
use crate::packet::unsubscribe::Unsubscribe;
use crate::packet::{Packet, PacketType};
use crate::read::{Reader, Refusal};
use crate::version::Version;

/// Which side of a connection has sent the bytes. Some packets and properties belong to one side only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sender {
    /// What a server reads.
    #[default]
    Client,
    /// What a client reads.
    Server,
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sender::Client => "client",
            Sender::Server => "server",
        })
    }
}

/// What is taken from the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest packet, in bytes, header included. A longer one is refused with
    /// [`DecodeErrorKind::TooLarge`] as soon as its header is there.
    pub packet_bytes_max: u32,
    /// Who has sent the bytes.
    pub sender: Sender,
}

impl Default for Limits {
    /// What the standard allows, from a client.
    fn default() -> Limits {
        Limits { packet_bytes_max: 268_435_455 + 5, sender: Sender::Client }
    }
}

/// What the first bytes of a buffer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// A whole packet.
    Whole {
        /// Its bytes, header included.
        len: usize,
    },
    /// The beginning of a packet.
    Partial {
        /// How many bytes the buffer must have before another look makes sense: the whole packet when its header is
        /// there, else one more than now.
        needs: usize,
    },
}

/// The fixed header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) packet: PacketType,
    /// The low half of the first byte.
    pub(crate) flags: u8,
    /// Bytes of the header.
    pub(crate) len: usize,
    /// Bytes of the whole packet.
    pub(crate) frame_len: usize,
    /// Whether the remaining length uses no byte too many.
    minimal: bool,
}

/// How long the packet at the beginning of `buf` is, or that it cannot be taken.
///
/// `version` is `None` until CONNECT has come: then only CONNECT is taken [MQTT-3.1.0-1].
pub fn next_frame(buf: &[u8], version: Option<Version>, limits: &Limits) -> Result<Frame, DecodeError> {
    Ok(match header(buf, version, limits)? {
        Some(header) if header.frame_len <= buf.len() => Frame::Whole { len: header.frame_len },
        Some(header) => Frame::Partial { needs: header.frame_len },
        None => Frame::Partial { needs: buf.len() + 1 },
    })
}

/// Takes the packet at the beginning of `buf`; `None` while it is not whole, and then `buf` is as it was.
///
/// Topic, properties and payload share the memory of `buf`. After an error `buf` has no meaning any more.
pub fn decode(buf: &mut BytesMut, version: Option<Version>, limits: &Limits) -> Result<Option<Packet>, DecodeError> {
    match header(buf, version, limits)? {
        Some(header) if header.frame_len <= buf.len() => {
            packet(buf.split_to(header.frame_len).freeze(), header, version, limits.sender)
                .map(Some)
                .map_err(|error| *error)
        }
        Some(_) | None => Ok(None),
    }
}

/// The packet whose bytes are `frame`, all of them.
pub fn decode_frame(frame: Bytes, version: Option<Version>, limits: &Limits) -> Result<Packet, DecodeError> {
    let found = frame.len();
    let expected = match header(&frame, version, limits)? {
        Some(header) if header.frame_len == found => {
            return packet(frame, header, version, limits.sender).map_err(|error| *error);
        }
        Some(header) => header.frame_len,
        None => found + 1,
    };
    let kind = if found > expected {
        DecodeErrorKind::TrailingBytes(found - expected)
    } else {
        DecodeErrorKind::Truncated { expected, found }
    };
    let packet = frame.first().and_then(|first| PacketType::try_from(first >> 4).ok());
    Err(DecodeError { packet, ..DecodeError::at_header("remaining length", 1, kind, version) })
}

/// Reads and checks the fixed header; `None` when more bytes are needed.
fn header(buf: &[u8], version: Option<Version>, limits: &Limits) -> Result<Option<Header>, DecodeError> {
    let Some((first, rest)) = buf.split_first() else { return Ok(None) };
    let number = first >> 4;
    let flags = first & 0x0F;
    let packet = PacketType::try_from(number).map_err(|number| {
        DecodeError::at_header("packet type", 0, DecodeErrorKind::ReservedPacketType(number), version)
    })?;
    if let Some((field, kind)) = refusal(packet, flags, version, limits.sender) {
        return Err(DecodeError { packet: Some(packet), ..DecodeError::at_header(field, 0, kind, version) });
    }
    let mut remaining = 0;
    for (index, byte) in rest.iter().take(4).enumerate() {
        remaining |= u32::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 != 0 {
            continue;
        }
        let len = index + 2;
        let frame_len = remaining + u32::try_from(len).expect("a header has at most 5 bytes");
        let limit = limits.packet_bytes_max;
        if frame_len > limit {
            let kind = DecodeErrorKind::TooLarge { found: frame_len, limit };
            // Of a CONNECT the beginning is most often there with the header, and then the client can be told.
            let version = version.or_else(|| connect::begun_version(buf.get(len..)?));
            return Err(DecodeError {
                packet: Some(packet),
                ..DecodeError::at_header("remaining length", 1, kind, version)
            });
        }
        let frame_len = usize::try_from(frame_len).expect("29 bits fit the address space");
        return Ok(Some(Header { packet, flags, len, frame_len, minimal: index == 0 || *byte != 0 }));
    }
    if rest.len() < 4 {
        return Ok(None);
    }
    let kind = DecodeErrorKind::VarIntTooLong;
    Err(DecodeError { packet: Some(packet), ..DecodeError::at_header("remaining length", 1, kind, version) })
}

/// Why a packet with this first byte cannot be taken now.
fn refusal(
    packet: PacketType,
    flags: u8,
    version: Option<Version>,
    sender: Sender,
) -> Option<(&'static str, DecodeErrorKind)> {
    let field = "packet type";
    match version {
        None if packet != PacketType::Connect => return Some((field, DecodeErrorKind::FirstPacketNotConnect(packet))),
        Some(_) if packet == PacketType::Connect && sender == Sender::Client => {
            return Some((field, DecodeErrorKind::SecondConnect));
        }
        Some(Version::V31 | Version::V311) if packet == PacketType::Auth => {
            return Some((field, DecodeErrorKind::ReservedPacketType(packet.number())));
        }
        Some(_) | None => {}
    }
    if !may_send(sender, packet, version) {
        return Some((field, DecodeErrorKind::WrongDirection(sender)));
    }
    // MQTT 3.1 calls the flags of other packets unused and sets DUP on SUBSCRIBE, UNSUBSCRIBE and PUBREL sent again.
    if packet == PacketType::Publish || version == Some(Version::V31) {
        return None;
    }
    let expected = packet.reserved_flags();
    (flags != expected).then_some(("fixed header flags", DecodeErrorKind::ReservedFlags { expected, found: flags }))
}

/// Table 2-1, direction of flow.
const fn may_send(sender: Sender, packet: PacketType, version: Option<Version>) -> bool {
    let by_client = matches!(sender, Sender::Client);
    match packet {
        PacketType::Connect | PacketType::Subscribe | PacketType::Unsubscribe | PacketType::Pingreq => by_client,
        PacketType::Connack | PacketType::Suback | PacketType::Unsuback | PacketType::Pingresp => !by_client,
        PacketType::Publish | PacketType::Puback | PacketType::Pubrec | PacketType::Pubrel | PacketType::Pubcomp => {
            true
        }
        PacketType::Disconnect | PacketType::Auth => by_client || matches!(version, Some(Version::V5)),
    }
}

/// The packet in `frame`, whose header has been read.
fn packet(frame: Bytes, header: Header, version: Option<Version>, sender: Sender) -> Result<Packet, Refusal> {
    let mut reader = Reader::new(frame, header.len, header.packet, version);
    let Some(version) = version else {
        return Connect::decode(reader, &header).map(|connect| Packet::Connect(Box::new(connect)));
    };
    header.check_minimal(&reader, version)?;
    let packet = match header.packet {
        PacketType::Publish => return Publish::decode(reader, header.flags, version, sender).map(Packet::Publish),
        PacketType::Connect => {
            return Connect::decode(reader, &header).map(|connect| Packet::Connect(Box::new(connect)));
        }
        PacketType::Puback => Packet::Puback(Ack::decode(&mut reader, version, sender)?),
        PacketType::Pubrec => Packet::Pubrec(Ack::decode(&mut reader, version, sender)?),
        PacketType::Pubrel => Packet::Pubrel(Ack::decode(&mut reader, version, sender)?),
        PacketType::Pubcomp => Packet::Pubcomp(Ack::decode(&mut reader, version, sender)?),
        PacketType::Connack => Packet::Connack(Connack::decode(&mut reader, version)?),
        PacketType::Subscribe => Packet::Subscribe(Subscribe::decode(&mut reader, version)?),
        PacketType::Suback => Packet::Suback(Suback::decode(&mut reader, version)?),
        PacketType::Unsubscribe => Packet::Unsubscribe(Unsubscribe::decode(&mut reader, version)?),
        PacketType::Unsuback => Packet::Unsuback(Unsuback::decode(&mut reader, version)?),
        PacketType::Pingreq => Packet::Pingreq,
        PacketType::Pingresp => Packet::Pingresp,
        PacketType::Disconnect => Packet::Disconnect(Disconnect::decode(&mut reader, version, sender)?),
        PacketType::Auth => Packet::Auth(Auth::decode(&mut reader, sender)?),
    };
    reader.end()?;
    Ok(packet)
}

impl Header {
    /// MQTT 5 wants the shortest form of the remaining length [MQTT-1.5.5-1]; earlier versions do not say so.
    pub(crate) fn check_minimal(&self, reader: &Reader, version: Version) -> Result<(), Refusal> {
        if self.minimal || !version.is_v5() {
            return Ok(());
        }
        Err(reader.fail("remaining length", 1, DecodeErrorKind::VarIntNotMinimal))
    }
}

impl DecodeError {
    #[cold]
    const fn at_header(
        field: &'static str,
        offset: usize,
        kind: DecodeErrorKind,
        version: Option<Version>,
    ) -> DecodeError {
        DecodeError { packet: None, field, offset, kind, version, client_id: None }
    }
}
