//! PUBLISH: a message. The one packet whose cost counts.

use std::num::NonZeroU16;

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;

use crate::encode::{EncodeError, check_remaining};
use crate::error::DecodeErrorKind;
use crate::frame::Sender;
use crate::packet::{PacketType, carrier};
use crate::packet_id::PacketId;
use crate::property::{self, Properties, PropertyId};
use crate::qos::QoS;
use crate::read::{Reader, Refusal};
use crate::version::Version;
use crate::write::{check_len, put_header, put_prefixed, put_varint, varint_len};

const DUP: u8 = 0x08;
const RETAIN: u8 = 0x01;

/// A message. Topic, properties and payload are slices of the received frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// Whether it may have been sent before.
    pub dup: bool,
    /// How often it arrives.
    pub qos: QoS,
    /// From a client: whether the server keeps it. From a server: whether it was kept.
    pub retain: bool,
    /// Without wildcards; empty only in MQTT 5, where a topic alias stands for it.
    pub topic: ByteString,
    /// With QoS 1 and 2, and only then.
    pub packet_id: Option<PacketId>,
    /// Empty before MQTT 5.
    pub properties: Properties,
    /// Any bytes. That they are UTF-8 when the payload format indicator says so is for the receiver to check.
    pub payload: Bytes,
}

/// The parts of a PUBLISH that is about to be written, borrowed: a message goes to many connections without
/// a [`Publish`] for each.
#[derive(Debug, Clone, Copy)]
pub struct PublishParts<'a> {
    /// See [`Publish::dup`].
    pub dup: bool,
    /// See [`Publish::qos`].
    pub qos: QoS,
    /// See [`Publish::retain`].
    pub retain: bool,
    /// Empty where the topic alias is known to the receiver.
    pub topic: &'a str,
    /// With QoS 1 and 2, and only then.
    pub packet_id: Option<PacketId>,
    /// Those of the message as it came in. Whatever the next three fields say replaces what is in here.
    pub properties: &'a Properties,
    /// The alias on the receiver's connection.
    pub topic_alias: Option<NonZeroU16>,
    /// Seconds the message is still worth something, when it has waited [MQTT-3.3.2-6].
    pub message_expiry_interval_s: Option<u32>,
    /// The identifiers of the receiver's subscriptions that matched, each from 1 to 268,435,455.
    pub subscription_ids: &'a [u32],
    /// Any bytes.
    pub payload: &'a [u8],
}

impl Publish {
    pub(crate) fn decode(mut reader: Reader, flags: u8, version: Version, sender: Sender) -> Result<Publish, Refusal> {
        let qos = QoS::try_from(flags >> 1 & 0x03)
            .map_err(|_| reader.fail("fixed header flags", 0, DecodeErrorKind::QosThree))?;
        let dup = flags & DUP != 0;
        // [MQTT-3.3.1-2]; MQTT 3.1 does not forbid it.
        if dup && qos == QoS::AtMostOnce && version != Version::V31 {
            return Err(reader.fail("fixed header flags", 0, DecodeErrorKind::DupAtQosZero));
        }
        let topic_at = reader.offset();
        let topic = reader.text("topic name")?;
        if memchr::memchr2(b'+', b'#', topic.as_bytes()).is_some() {
            return Err(reader.fail("topic name", topic_at, DecodeErrorKind::WildcardInTopic));
        }
        let packet_id = if qos == QoS::AtMostOnce { None } else { Some(reader.packet_id()?) };
        let mut properties = Properties::new();
        if version.is_v5() {
            properties = property::read(&mut reader, carrier::PUBLISH, sender)?;
        }
        if topic.is_empty() && !properties.contains(PropertyId::TopicAlias) {
            return Err(reader.fail("topic name", topic_at, DecodeErrorKind::EmptyTopic));
        }
        let retain = flags & RETAIN != 0;
        Ok(Publish { dup, qos, retain, topic, packet_id, properties, payload: reader.into_rest() })
    }

    /// The same, borrowed, to be written as it is.
    pub fn parts(&self) -> PublishParts<'_> {
        PublishParts {
            dup: self.dup,
            qos: self.qos,
            retain: self.retain,
            topic: &self.topic,
            packet_id: self.packet_id,
            properties: &self.properties,
            topic_alias: None,
            message_expiry_interval_s: None,
            subscription_ids: &[],
            payload: &self.payload,
        }
    }

    pub(crate) fn flags(&self) -> u8 {
        self.parts().flags()
    }
}

/// Appends a whole PUBLISH to `out`.
pub fn encode_publish(parts: &PublishParts<'_>, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
    let remaining_len = parts.start(version)?;
    out.reserve(1 + varint_len(remaining_len) + remaining_len);
    put_header(parts.first_byte(), remaining_len, out);
    parts.write_body(version, out);
    Ok(())
}

/// Appends a PUBLISH up to its payload, which the caller sends right behind it from where it lies.
pub fn encode_publish_head(parts: &PublishParts<'_>, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
    let remaining_len = parts.start(version)?;
    out.reserve(1 + varint_len(remaining_len) + remaining_len - parts.payload.len());
    put_header(parts.first_byte(), remaining_len, out);
    parts.write_head(version, out);
    Ok(())
}

impl PublishParts<'_> {
    /// Bytes of the whole packet: what a receiver's Maximum Packet Size is compared with [MQTT-3.1.2-24].
    pub fn encoded_len(&self, version: Version) -> usize {
        let remaining_len = self.body_len(version);
        1 + varint_len(remaining_len) + remaining_len
    }

    /// Checks that all can be written; gives the remaining length.
    fn start(&self, version: Version) -> Result<usize, EncodeError> {
        self.check()?;
        let remaining_len = self.body_len(version);
        check_remaining(remaining_len)?;
        Ok(remaining_len)
    }

    pub(crate) fn check(&self) -> Result<(), EncodeError> {
        check_len("topic name", self.topic.as_bytes())?;
        if self.packet_id.is_some() != (self.qos != QoS::AtMostOnce) {
            return Err(EncodeError::PacketId);
        }
        if self.subscription_ids.iter().any(|id| !(1..=crate::write::VARINT_MAX).contains(id)) {
            return Err(EncodeError::PropertyValue(PropertyId::SubscriptionIdentifier));
        }
        Ok(())
    }

    fn flags(&self) -> u8 {
        (if self.dup { DUP } else { 0 }) | u8::from(self.qos) << 1 | u8::from(self.retain)
    }

    fn first_byte(&self) -> u8 {
        PacketType::Publish.number() << 4 | self.flags()
    }

    pub(crate) fn body_len(&self, version: Version) -> usize {
        let properties = if version.is_v5() {
            let len = self.properties_len();
            varint_len(len) + len
        } else {
            0
        };
        2 + self.topic.len() + if self.packet_id.is_some() { 2 } else { 0 } + properties + self.payload.len()
    }

    pub(crate) fn write_body(&self, version: Version, out: &mut BytesMut) {
        self.write_head(version, out);
        out.put_slice(self.payload);
    }

    fn write_head(&self, version: Version, out: &mut BytesMut) {
        put_prefixed(self.topic.as_bytes(), out);
        if let Some(packet_id) = self.packet_id {
            out.put_u16(packet_id.get());
        }
        if version.is_v5() {
            self.write_properties(out);
        }
    }

    /// Bits of the properties of the message that this packet replaces.
    fn replaced(&self) -> u64 {
        let bit = |replaced: bool, id: PropertyId| if replaced { id.bit() } else { 0 };
        bit(self.topic_alias.is_some(), PropertyId::TopicAlias)
            | bit(self.message_expiry_interval_s.is_some(), PropertyId::MessageExpiryInterval)
            | bit(!self.subscription_ids.is_empty(), PropertyId::SubscriptionIdentifier)
    }

    /// Bytes of the property block, without its length.
    fn properties_len(&self) -> usize {
        let ids = self.subscription_ids.iter().map(|id| 1 + varint_len(usize::try_from(*id).unwrap_or(usize::MAX)));
        self.properties.len_without(self.replaced())
            + if self.topic_alias.is_some() { 3 } else { 0 }
            + if self.message_expiry_interval_s.is_some() { 5 } else { 0 }
            + ids.sum::<usize>()
    }

    fn write_properties(&self, out: &mut BytesMut) {
        put_varint(u32::try_from(self.properties_len()).expect("the length of the packet was checked before"), out);
        self.properties.write_without(self.replaced(), out);
        if let Some(alias) = self.topic_alias {
            out.put_u8(PropertyId::TopicAlias.number());
            out.put_u16(alias.get());
        }
        if let Some(interval_s) = self.message_expiry_interval_s {
            out.put_u8(PropertyId::MessageExpiryInterval.number());
            out.put_u32(interval_s);
        }
        for id in self.subscription_ids {
            out.put_u8(PropertyId::SubscriptionIdentifier.number());
            put_varint(*id, out);
        }
    }
}
