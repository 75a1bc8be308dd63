//! From a packet to its bytes.

use bytes::BytesMut;

use crate::packet::{Packet, PacketType};
use crate::property::PropertyId;
use crate::version::Version;
use crate::write::{VARINT_MAX, put_header, varint_len};

/// Why a packet cannot be written. Nothing has been written then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A text or binary field is longer than its two bytes of length can say.
    #[error("`{field}`: expected at most 65535 bytes, found {found}")]
    TooLong {
        /// The field, as in [`crate::DecodeError::field`].
        field: &'static str,
        /// Its bytes.
        found: usize,
    },
    /// The packet is longer than 268,435,455 bytes behind its header. Holds how many.
    #[error("expected a packet of at most {VARINT_MAX} bytes behind its header, found {0}")]
    PacketTooLarge(usize),
    /// The version has no such packet.
    #[error("expected a packet of MQTT {1}, found {0}")]
    NotInVersion(PacketType, Version),
    /// CONNACK has a code of MQTT 5 for a client of an earlier version, or the other way round.
    #[error("expected a code of MQTT {0} in CONNACK, found one of another version")]
    CodeOfOtherVersion(Version),
    /// A PUBLISH of QoS 1 or 2 without a packet identifier [MQTT-2.2.1-3], or one of QoS 0 with one [MQTT-2.2.1-2].
    #[error("expected a packet identifier with QoS 1 and 2, and only with them")]
    PacketId,
    /// A property with a value that the standard forbids.
    #[error("`{0}`: expected a value the standard allows, found another")]
    PropertyValue(PropertyId),
}

/// Appends the bytes of `packet` to `out`. Before MQTT 5 there are no properties, and those of `packet` are left out.
pub fn encode(packet: &Packet, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
    packet.check(version)?;
    let remaining_len = packet.body_len(version);
    check_remaining(remaining_len)?;
    out.reserve(1 + varint_len(remaining_len) + remaining_len);
    put_header(packet.first_byte(), remaining_len, out);
    packet.write_body(version, out);
    Ok(())
}

/// How many bytes [`encode`] would append.
pub fn encoded_len(packet: &Packet, version: Version) -> usize {
    let remaining_len = packet.body_len(version);
    1 + varint_len(remaining_len) + remaining_len
}

pub(crate) fn check_remaining(remaining_len: usize) -> Result<(), EncodeError> {
    match u32::try_from(remaining_len) {
        Ok(len) if len <= VARINT_MAX => Ok(()),
        Ok(_) | Err(_) => Err(EncodeError::PacketTooLarge(remaining_len)),
    }
}

impl Packet {
    fn first_byte(&self) -> u8 {
        let packet = self.packet_type();
        let flags = match self {
            Packet::Publish(publish) => publish.flags(),
            Packet::Connect(_)
            | Packet::Connack(_)
            | Packet::Puback(_)
            | Packet::Pubrec(_)
            | Packet::Pubrel(_)
            | Packet::Pubcomp(_)
            | Packet::Subscribe(_)
            | Packet::Suback(_)
            | Packet::Unsubscribe(_)
            | Packet::Unsuback(_)
            | Packet::Pingreq
            | Packet::Pingresp
            | Packet::Disconnect(_)
            | Packet::Auth(_) => packet.reserved_flags(),
        };
        packet.number() << 4 | flags
    }

    /// Whether every field can be written.
    fn check(&self, version: Version) -> Result<(), EncodeError> {
        match self {
            Packet::Connect(connect) => connect.check(),
            Packet::Connack(connack) => connack.check(version),
            Packet::Publish(publish) => publish.parts().check(),
            Packet::Subscribe(subscribe) => subscribe.check(),
            Packet::Unsubscribe(unsubscribe) => unsubscribe.check(),
            Packet::Auth(_) if !version.is_v5() => Err(EncodeError::NotInVersion(PacketType::Auth, version)),
            Packet::Puback(_)
            | Packet::Pubrec(_)
            | Packet::Pubrel(_)
            | Packet::Pubcomp(_)
            | Packet::Suback(_)
            | Packet::Unsuback(_)
            | Packet::Pingreq
            | Packet::Pingresp
            | Packet::Disconnect(_)
            | Packet::Auth(_) => Ok(()),
        }
    }

    /// Bytes behind the fixed header.
    fn body_len(&self, version: Version) -> usize {
        match self {
            // A CONNECT names its own version.
            Packet::Connect(connect) => connect.body_len(),
            Packet::Connack(connack) => connack.body_len(version),
            Packet::Publish(publish) => publish.parts().body_len(version),
            Packet::Puback(ack) | Packet::Pubrec(ack) | Packet::Pubrel(ack) | Packet::Pubcomp(ack) => {
                ack.body_len(version)
            }
            Packet::Subscribe(subscribe) => subscribe.body_len(version),
            Packet::Suback(suback) => suback.body_len(version),
            Packet::Unsubscribe(unsubscribe) => unsubscribe.body_len(version),
            Packet::Unsuback(unsuback) => unsuback.body_len(version),
            Packet::Pingreq | Packet::Pingresp => 0,
            Packet::Disconnect(disconnect) => disconnect.body_len(version),
            Packet::Auth(auth) => auth.body_len(),
        }
    }

    fn write_body(&self, version: Version, out: &mut BytesMut) {
        match self {
            Packet::Connect(connect) => connect.write_body(out),
            Packet::Connack(connack) => connack.write_body(version, out),
            Packet::Publish(publish) => publish.parts().write_body(version, out),
            Packet::Puback(ack) | Packet::Pubrec(ack) | Packet::Pubrel(ack) | Packet::Pubcomp(ack) => {
                ack.write_body(version, out);
            }
            Packet::Subscribe(subscribe) => subscribe.write_body(version, out),
            Packet::Suback(suback) => suback.write_body(version, out),
            Packet::Unsubscribe(unsubscribe) => unsubscribe.write_body(version, out),
            Packet::Unsuback(unsuback) => unsuback.write_body(version, out),
            Packet::Pingreq | Packet::Pingresp => {}
            Packet::Disconnect(disconnect) => disconnect.write_body(version, out),
            Packet::Auth(auth) => auth.write_body(out),
        }
    }
}
