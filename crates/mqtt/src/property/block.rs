//! The property block of a packet: kept as it came, read when somebody asks.

use std::fmt;
use std::num::NonZeroU16;

use bytes::{BufMut, Bytes, BytesMut};

use super::{PropertiesBuilder, Property, PropertyId, PropertyType, PropertyValue};

/// The checked property block of a packet, without its length.
///
/// It is a slice of the received frame, so forwarding a message copies the block as a whole, and what is absent
/// stays absent. Every property in it is one that its packet may carry.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties {
    block: Bytes,
    /// [`PropertyId::bit`] of every property in the block, so that most questions end without a search.
    present: u64,
}

impl Properties {
    /// A block without a property.
    pub const fn new() -> Properties {
        Properties { block: Bytes::new(), present: 0 }
    }

    /// Starts a block of our own.
    pub fn builder() -> PropertiesBuilder {
        PropertiesBuilder::new()
    }

    /// Continues this block: the builder begins with a copy of it.
    pub fn to_builder(&self) -> PropertiesBuilder {
        let mut block = BytesMut::with_capacity(self.block.len() + 32);
        block.extend_from_slice(&self.block);
        PropertiesBuilder::from_parts(block, self.present)
    }

    /// A block that [`super::read`] or a builder has made sure of.
    pub(super) const fn from_checked(block: Bytes, present: u64) -> Properties {
        Properties { block, present }
    }

    /// The block whose [`Properties::as_bytes`] was kept. Only for such bytes: nothing is checked again.
    pub fn from_block(block: Bytes) -> Properties {
        let present = (Spans { rest: &block }).fold(0, |bits, span| bits | span.id.bit());
        Properties { block, present }
    }

    /// Whether there is no property.
    pub fn is_empty(&self) -> bool {
        self.block.is_empty()
    }

    /// Bytes of the block, without its length.
    pub fn len(&self) -> usize {
        self.block.len()
    }

    /// The block as it stands in the packet, without its length.
    pub fn as_bytes(&self) -> &Bytes {
        &self.block
    }

    /// Whether `id` is there.
    pub const fn contains(&self, id: PropertyId) -> bool {
        self.present & id.bit() != 0
    }

    /// Every property, in the order of the packet.
    pub fn iter(&self) -> impl Iterator<Item = Property<'_>> {
        Spans { rest: &self.block }.map(|span| span.property())
    }

    /// The first property with this identifier.
    pub fn get(&self, id: PropertyId) -> Option<PropertyValue<'_>> {
        if !self.contains(id) {
            return None;
        }
        Spans { rest: &self.block }.find(|span| span.id == id).map(|span| span.property().value)
    }

    /// The block without the properties in `dropped`; the same slice when none of them is there.
    #[must_use]
    pub fn without(&self, dropped: &[PropertyId]) -> Properties {
        let dropped = dropped.iter().fold(0, |bits, id| bits | id.bit());
        if self.present & dropped == 0 {
            return self.clone();
        }
        let mut block = BytesMut::with_capacity(self.block.len());
        self.write_without(dropped, &mut block);
        Properties { block: block.freeze(), present: self.present & !dropped }
    }

    /// What a server passes on of a PUBLISH: all but the topic alias, which is a matter of one connection, and
    /// subscription identifiers, which are the receiver's.
    #[must_use]
    pub fn for_forwarding(&self) -> Properties {
        self.without(&[PropertyId::TopicAlias, PropertyId::SubscriptionIdentifier])
    }

    /// Bytes that [`Properties::write_without`] writes.
    pub(crate) fn len_without(&self, dropped: u64) -> usize {
        if self.present & dropped == 0 {
            return self.block.len();
        }
        Spans { rest: &self.block }.filter(|span| span.id.bit() & dropped == 0).map(|span| span.bytes.len()).sum()
    }

    /// Writes the block without the properties whose bits are in `dropped`.
    pub(crate) fn write_without(&self, dropped: u64, out: &mut BytesMut) {
        if self.present & dropped == 0 {
            out.put_slice(&self.block);
            return;
        }
        for span in (Spans { rest: &self.block }).filter(|span| span.id.bit() & dropped == 0) {
            out.put_slice(span.bytes);
        }
    }

    fn byte(&self, id: PropertyId) -> Option<u8> {
        match self.get(id) {
            Some(PropertyValue::Byte(number)) => Some(number),
            _ => None,
        }
    }

    fn boolean(&self, id: PropertyId) -> Option<bool> {
        self.byte(id).map(|number| number != 0)
    }

    fn two_bytes(&self, id: PropertyId) -> Option<u16> {
        match self.get(id) {
            Some(PropertyValue::TwoByteInteger(number)) => Some(number),
            _ => None,
        }
    }

    fn four_bytes(&self, id: PropertyId) -> Option<u32> {
        match self.get(id) {
            Some(PropertyValue::FourByteInteger(number)) => Some(number),
            _ => None,
        }
    }

    fn text(&self, id: PropertyId) -> Option<&str> {
        match self.get(id) {
            Some(PropertyValue::Utf8String(text)) => Some(text),
            _ => None,
        }
    }

    fn binary(&self, id: PropertyId) -> Option<&[u8]> {
        match self.get(id) {
            Some(PropertyValue::BinaryData(bytes)) => Some(bytes),
            _ => None,
        }
    }
}

/// One question for each property; `None` where it is absent. The standard says what absence means.
impl Properties {
    /// Whether the payload is UTF-8.
    pub fn payload_format_indicator(&self) -> Option<bool> {
        self.boolean(PropertyId::PayloadFormatIndicator)
    }

    /// Seconds after which the message is worthless; 0 is a value, not absence.
    pub fn message_expiry_interval_s(&self) -> Option<u32> {
        self.four_bytes(PropertyId::MessageExpiryInterval)
    }

    /// What the payload is.
    pub fn content_type(&self) -> Option<&str> {
        self.text(PropertyId::ContentType)
    }

    /// Where an answer is expected.
    pub fn response_topic(&self) -> Option<&str> {
        self.text(PropertyId::ResponseTopic)
    }

    /// What ties an answer to its request.
    pub fn correlation_data(&self) -> Option<&[u8]> {
        self.binary(PropertyId::CorrelationData)
    }

    /// The subscription identifier of a SUBSCRIBE, or the first of a PUBLISH.
    pub fn subscription_identifier(&self) -> Option<u32> {
        self.subscription_identifiers().next()
    }

    /// The subscription identifiers of a PUBLISH from a server.
    pub fn subscription_identifiers(&self) -> impl Iterator<Item = u32> {
        let wanted = self.contains(PropertyId::SubscriptionIdentifier);
        self.iter().take_while(move |_| wanted).filter_map(|property| {
            if let PropertyValue::VariableByteInteger(number) = property.value { Some(number) } else { None }
        })
    }

    /// Seconds a session outlives its connection; 0xFFFFFFFF for ever.
    pub fn session_expiry_interval_s(&self) -> Option<u32> {
        self.four_bytes(PropertyId::SessionExpiryInterval)
    }

    /// The client identifier the server has chosen.
    pub fn assigned_client_identifier(&self) -> Option<&str> {
        self.text(PropertyId::AssignedClientIdentifier)
    }

    /// The keep-alive the server wants, in seconds.
    pub fn server_keep_alive_s(&self) -> Option<u16> {
        self.two_bytes(PropertyId::ServerKeepAlive)
    }

    /// The method of extended authentication.
    pub fn authentication_method(&self) -> Option<&str> {
        self.text(PropertyId::AuthenticationMethod)
    }

    /// The data of extended authentication.
    pub fn authentication_data(&self) -> Option<&[u8]> {
        self.binary(PropertyId::AuthenticationData)
    }

    /// Whether the client wants reason strings and user properties in every packet.
    pub fn request_problem_information(&self) -> Option<bool> {
        self.boolean(PropertyId::RequestProblemInformation)
    }

    /// Seconds between the end of a connection and its will.
    pub fn will_delay_interval_s(&self) -> Option<u32> {
        self.four_bytes(PropertyId::WillDelayInterval)
    }

    /// Whether the client wants response information in CONNACK.
    pub fn request_response_information(&self) -> Option<bool> {
        self.boolean(PropertyId::RequestResponseInformation)
    }

    /// From what a client may make its response topics.
    pub fn response_information(&self) -> Option<&str> {
        self.text(PropertyId::ResponseInformation)
    }

    /// Which server to use instead.
    pub fn server_reference(&self) -> Option<&str> {
        self.text(PropertyId::ServerReference)
    }

    /// The reason in words for people.
    pub fn reason_string(&self) -> Option<&str> {
        self.text(PropertyId::ReasonString)
    }

    /// How many QoS 1 and 2 messages the sender takes unacknowledged; never 0.
    pub fn receive_maximum(&self) -> Option<NonZeroU16> {
        self.two_bytes(PropertyId::ReceiveMaximum).and_then(NonZeroU16::new)
    }

    /// The highest topic alias the sender takes.
    pub fn topic_alias_maximum(&self) -> Option<u16> {
        self.two_bytes(PropertyId::TopicAliasMaximum)
    }

    /// The number that stands for the topic; never 0.
    pub fn topic_alias(&self) -> Option<NonZeroU16> {
        self.two_bytes(PropertyId::TopicAlias).and_then(NonZeroU16::new)
    }

    /// The highest QoS the server takes: 0 or 1; 2 when absent.
    pub fn maximum_qos(&self) -> Option<u8> {
        self.byte(PropertyId::MaximumQos)
    }

    /// Whether the server retains messages.
    pub fn retain_available(&self) -> Option<bool> {
        self.boolean(PropertyId::RetainAvailable)
    }

    /// Names and values that mean something to the clients.
    pub fn user_properties(&self) -> impl Iterator<Item = (&str, &str)> {
        let wanted = self.contains(PropertyId::UserProperty);
        self.iter().take_while(move |_| wanted).filter_map(|property| {
            if let PropertyValue::Utf8StringPair(name, value) = property.value { Some((name, value)) } else { None }
        })
    }

    /// The longest packet the sender takes, in bytes; never 0.
    pub fn maximum_packet_size_bytes(&self) -> Option<u32> {
        self.four_bytes(PropertyId::MaximumPacketSize)
    }

    /// Whether the server takes wildcards.
    pub fn wildcard_subscription_available(&self) -> Option<bool> {
        self.boolean(PropertyId::WildcardSubscriptionAvailable)
    }

    /// Whether the server takes subscription identifiers.
    pub fn subscription_identifier_available(&self) -> Option<bool> {
        self.boolean(PropertyId::SubscriptionIdentifierAvailable)
    }

    /// Whether the server takes shared subscriptions.
    pub fn shared_subscription_available(&self) -> Option<bool> {
        self.boolean(PropertyId::SharedSubscriptionAvailable)
    }
}

/// Authentication data may be a secret and is left out.
impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().filter(|property| property.id != PropertyId::AuthenticationData);
        f.debug_map().entries(shown.map(|property| (property.id.name(), property.value))).finish()
    }
}

/// One property as bytes: identifier and value.
struct Span<'a> {
    id: PropertyId,
    bytes: &'a [u8],
}

/// Walks a checked block. On bytes that are not one it ends early; it never panics.
struct Spans<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Spans<'a> {
    type Item = Span<'a>;

    fn next(&mut self) -> Option<Span<'a>> {
        let (number, value) = self.rest.split_first()?;
        let id = PropertyId::try_from(*number).ok()?;
        let value_len = match id.value_type() {
            PropertyType::Byte | PropertyType::Boolean => 1,
            PropertyType::TwoByteInteger => 2,
            PropertyType::FourByteInteger => 4,
            PropertyType::VariableByteInteger => value.iter().position(|byte| byte & 0x80 == 0)? + 1,
            PropertyType::BinaryData | PropertyType::Utf8String => prefixed_len(value)?,
            PropertyType::Utf8StringPair => {
                let name_len = prefixed_len(value)?;
                name_len + prefixed_len(value.get(name_len..)?)?
            }
        };
        let (bytes, rest) = self.rest.split_at_checked(1 + value_len)?;
        self.rest = rest;
        Some(Span { id, bytes })
    }
}

/// Bytes of a text or binary value with its length before it.
fn prefixed_len(value: &[u8]) -> Option<usize> {
    Some(2 + usize::from(u16::from_be_bytes(*value.first_chunk()?)))
}

impl<'a> Span<'a> {
    fn property(&self) -> Property<'a> {
        let value = self.value().expect("a block is made only of whole properties, each checked when it was read");
        Property { id: self.id, value }
    }

    fn value(&self) -> Option<PropertyValue<'a>> {
        let bytes = self.bytes.get(1..)?;
        Some(match self.id.value_type() {
            PropertyType::Byte | PropertyType::Boolean => PropertyValue::Byte(*bytes.first()?),
            PropertyType::TwoByteInteger => PropertyValue::TwoByteInteger(u16::from_be_bytes(*bytes.first_chunk()?)),
            PropertyType::FourByteInteger => PropertyValue::FourByteInteger(u32::from_be_bytes(*bytes.first_chunk()?)),
            PropertyType::VariableByteInteger => PropertyValue::VariableByteInteger(
                bytes.iter().rev().fold(0, |number, byte| number << 7 | u32::from(byte & 0x7F)),
            ),
            PropertyType::BinaryData => PropertyValue::BinaryData(bytes.get(2..)?),
            PropertyType::Utf8String => PropertyValue::Utf8String(text(bytes.get(2..)?)?),
            PropertyType::Utf8StringPair => {
                let (name, value) = bytes.split_at_checked(prefixed_len(bytes)?)?;
                PropertyValue::Utf8StringPair(text(name.get(2..)?)?, text(value.get(2..)?)?)
            }
        })
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    simdutf8::basic::from_utf8(bytes).ok()
}
