//! Writes a property block.

use bytes::{BufMut, BytesMut};

use super::{Properties, PropertyId, PropertyType, PropertyValue};
use crate::encode::EncodeError;
use crate::text;
use crate::write::{VARINT_MAX, put_varint};

/// Writes a property block, one property after another.
///
/// A property that may stand once replaces the one that is there. Text and binary values can be too long for their
/// two bytes of length, so their setters can refuse; numbers cannot.
#[derive(Debug, Clone, Default)]
pub struct PropertiesBuilder {
    block: BytesMut,
    present: u64,
}

impl PropertiesBuilder {
    /// An empty block.
    pub fn new() -> PropertiesBuilder {
        PropertiesBuilder::default()
    }

    pub(super) const fn from_parts(block: BytesMut, present: u64) -> PropertiesBuilder {
        PropertiesBuilder { block, present }
    }

    /// The finished block.
    pub fn build(self) -> Properties {
        Properties::from_checked(self.block.freeze(), self.present)
    }

    /// Adds `value` under `id`; refuses a value of another type than the table gives for `id`, a text or binary value
    /// that does not fit, U+0000, and numbers the standard forbids.
    pub fn set(mut self, id: PropertyId, value: PropertyValue<'_>) -> Result<PropertiesBuilder, EncodeError> {
        check_value(id, value)?;
        match value {
            PropertyValue::Byte(number) => self.start(id).put_u8(number),
            PropertyValue::TwoByteInteger(number) => self.start(id).put_u16(number),
            PropertyValue::FourByteInteger(number) => self.start(id).put_u32(number),
            PropertyValue::VariableByteInteger(number) => put_varint(number, self.start(id)),
            PropertyValue::BinaryData(bytes) => put_prefixed(id, bytes, self.start(id))?,
            PropertyValue::Utf8String(text) => put_prefixed(id, text.as_bytes(), self.start(id))?,
            PropertyValue::Utf8StringPair(name, value) => {
                let block = self.start(id);
                put_prefixed(id, name.as_bytes(), block)?;
                put_prefixed(id, value.as_bytes(), block)?;
            }
        }
        Ok(self)
    }

    /// Writes the identifier, after dropping an older value where only one may stand.
    fn start(&mut self, id: PropertyId) -> &mut BytesMut {
        let repeats = matches!(id.value_type(), PropertyType::Utf8StringPair | PropertyType::VariableByteInteger);
        if self.present & id.bit() != 0 && !repeats {
            let older = std::mem::take(self).build().without(&[id]);
            *self = older.to_builder();
        }
        self.present |= id.bit();
        self.block.put_u8(id.number());
        &mut self.block
    }

    fn byte(mut self, id: PropertyId, number: u8) -> PropertiesBuilder {
        self.start(id).put_u8(number);
        self
    }

    fn two_bytes(mut self, id: PropertyId, number: u16) -> PropertiesBuilder {
        self.start(id).put_u16(number);
        self
    }

    fn four_bytes(mut self, id: PropertyId, number: u32) -> PropertiesBuilder {
        self.start(id).put_u32(number);
        self
    }

    fn text(self, id: PropertyId, text: &str) -> Result<PropertiesBuilder, EncodeError> {
        self.set(id, PropertyValue::Utf8String(text))
    }

    fn binary(self, id: PropertyId, bytes: &[u8]) -> Result<PropertiesBuilder, EncodeError> {
        self.set(id, PropertyValue::BinaryData(bytes))
    }
}

/// One setter for each property a broker or client writes.
#[expect(clippy::missing_errors_doc, reason = "all of them refuse what `set` refuses")]
impl PropertiesBuilder {
    /// See [`Properties::payload_format_indicator`].
    #[must_use]
    pub fn payload_format_indicator(self, is_text: bool) -> PropertiesBuilder {
        self.byte(PropertyId::PayloadFormatIndicator, u8::from(is_text))
    }

    /// See [`Properties::message_expiry_interval_s`].
    #[must_use]
    pub fn message_expiry_interval_s(self, interval_s: u32) -> PropertiesBuilder {
        self.four_bytes(PropertyId::MessageExpiryInterval, interval_s)
    }

    /// See [`Properties::content_type`].
    pub fn content_type(self, text: &str) -> Result<PropertiesBuilder, EncodeError> {
        self.text(PropertyId::ContentType, text)
    }

    /// See [`Properties::response_topic`].
    pub fn response_topic(self, topic: &str) -> Result<PropertiesBuilder, EncodeError> {
        self.text(PropertyId::ResponseTopic, topic)
    }

    /// See [`Properties::correlation_data`].
    pub fn correlation_data(self, bytes: &[u8]) -> Result<PropertiesBuilder, EncodeError> {
        self.binary(PropertyId::CorrelationData, bytes)
    }

    /// See [`Properties::subscription_identifiers`].
    pub fn subscription_identifier(self, number: u32) -> Result<PropertiesBuilder, EncodeError> {
        self.set(PropertyId::SubscriptionIdentifier, PropertyValue::VariableByteInteger(number))
    }

    /// See [`Properties::session_expiry_interval_s`].
    #[must_use]
    pub fn session_expiry_interval_s(self, interval_s: u32) -> PropertiesBuilder {
        self.four_bytes(PropertyId::SessionExpiryInterval, interval_s)
    }

    /// See [`Properties::assigned_client_identifier`].
    pub fn assigned_client_identifier(self, client_id: &str) -> Result<PropertiesBuilder, EncodeError> {
        self.text(PropertyId::AssignedClientIdentifier, client_id)
    }

    /// See [`Properties::server_keep_alive_s`].
    #[must_use]
    pub fn server_keep_alive_s(self, keepalive_s: u16) -> PropertiesBuilder {
        self.two_bytes(PropertyId::ServerKeepAlive, keepalive_s)
    }

    /// See [`Properties::authentication_method`].
    pub fn authentication_method(self, method: &str) -> Result<PropertiesBuilder, EncodeError> {
        self.text(PropertyId::AuthenticationMethod, method)
    }

    /// See [`Properties::authentication_data`].
    pub fn authentication_data(self, bytes: &[u8]) -> Result<PropertiesBuilder, EncodeError> {
        self.binary(PropertyId::AuthenticationData, bytes)
    }

    /// See [`Properties::request_problem_information`].
    #[must_use]
    pub fn request_problem_information(self, wanted: bool) -> PropertiesBuilder {
        self.byte(PropertyId::RequestProblemInformation, u8::from(wanted))
    }

    /// See [`Properties::will_delay_interval_s`].
    #[must_use]
    pub fn will_delay_interval_s(self, interval_s: u32) -> PropertiesBuilder {
        self.four_bytes(PropertyId::WillDelayInterval, interval_s)
    }

    /// See [`Properties::request_response_information`].
    #[must_use]
    pub fn request_response_information(self, wanted: bool) -> PropertiesBuilder {
        self.byte(PropertyId::RequestResponseInformation, u8::from(wanted))
    }

    /// See [`Properties::response_information`].
    pub fn response_information(self, text: &str) -> Result<PropertiesBuilder, EncodeError> {
        self.text(PropertyId::ResponseInformation, text)
    }

    /// See [`Properties::server_reference`].
    pub fn server_reference(self, server: &str) -> Result<PropertiesBuilder, EncodeError> {
        self.text(PropertyId::ServerReference, server)
    }

    /// See [`Properties::reason_string`].
    pub fn reason_string(self, text: &str) -> Result<PropertiesBuilder, EncodeError> {
        self.text(PropertyId::ReasonString, text)
    }

    /// See [`Properties::receive_maximum`].
    #[must_use]
    pub fn receive_maximum(self, maximum: std::num::NonZeroU16) -> PropertiesBuilder {
        self.two_bytes(PropertyId::ReceiveMaximum, maximum.get())
    }

    /// See [`Properties::topic_alias_maximum`].
    #[must_use]
    pub fn topic_alias_maximum(self, maximum: u16) -> PropertiesBuilder {
        self.two_bytes(PropertyId::TopicAliasMaximum, maximum)
    }

    /// See [`Properties::topic_alias`].
    #[must_use]
    pub fn topic_alias(self, alias: std::num::NonZeroU16) -> PropertiesBuilder {
        self.two_bytes(PropertyId::TopicAlias, alias.get())
    }

    /// Says that the server takes at most QoS 0 (`false`) or QoS 1 (`true`); absent, it takes QoS 2.
    #[must_use]
    pub fn maximum_qos(self, takes_qos1: bool) -> PropertiesBuilder {
        self.byte(PropertyId::MaximumQos, u8::from(takes_qos1))
    }

    /// See [`Properties::retain_available`].
    #[must_use]
    pub fn retain_available(self, available: bool) -> PropertiesBuilder {
        self.byte(PropertyId::RetainAvailable, u8::from(available))
    }

    /// Adds one of the [`Properties::user_properties`].
    pub fn user_property(self, name: &str, value: &str) -> Result<PropertiesBuilder, EncodeError> {
        self.set(PropertyId::UserProperty, PropertyValue::Utf8StringPair(name, value))
    }

    /// See [`Properties::maximum_packet_size_bytes`].
    #[must_use]
    pub fn maximum_packet_size_bytes(self, size_bytes: std::num::NonZeroU32) -> PropertiesBuilder {
        self.four_bytes(PropertyId::MaximumPacketSize, size_bytes.get())
    }

    /// See [`Properties::wildcard_subscription_available`].
    #[must_use]
    pub fn wildcard_subscription_available(self, available: bool) -> PropertiesBuilder {
        self.byte(PropertyId::WildcardSubscriptionAvailable, u8::from(available))
    }

    /// See [`Properties::subscription_identifier_available`].
    #[must_use]
    pub fn subscription_identifier_available(self, available: bool) -> PropertiesBuilder {
        self.byte(PropertyId::SubscriptionIdentifierAvailable, u8::from(available))
    }

    /// See [`Properties::shared_subscription_available`].
    #[must_use]
    pub fn shared_subscription_available(self, available: bool) -> PropertiesBuilder {
        self.byte(PropertyId::SharedSubscriptionAvailable, u8::from(available))
    }
}

/// Whether the standard lets `id` have `value`.
fn check_value(id: PropertyId, value: PropertyValue<'_>) -> Result<(), EncodeError> {
    let refused = Err(EncodeError::PropertyValue(id));
    let nonzero = id.row().nonzero;
    match (id.value_type(), value) {
        (PropertyType::Boolean, PropertyValue::Byte(2..)) => refused,
        (PropertyType::Byte | PropertyType::Boolean, PropertyValue::Byte(_)) => Ok(()),
        (PropertyType::TwoByteInteger, PropertyValue::TwoByteInteger(0)) if nonzero => refused,
        (PropertyType::TwoByteInteger, PropertyValue::TwoByteInteger(_)) => Ok(()),
        (PropertyType::FourByteInteger, PropertyValue::FourByteInteger(0)) if nonzero => refused,
        (PropertyType::FourByteInteger, PropertyValue::FourByteInteger(_)) => Ok(()),
        (PropertyType::VariableByteInteger, PropertyValue::VariableByteInteger(0)) if nonzero => refused,
        (PropertyType::VariableByteInteger, PropertyValue::VariableByteInteger(number)) if number > VARINT_MAX => {
            refused
        }
        (PropertyType::VariableByteInteger, PropertyValue::VariableByteInteger(_)) => Ok(()),
        (PropertyType::BinaryData, PropertyValue::BinaryData(_)) => Ok(()),
        (PropertyType::Utf8String, PropertyValue::Utf8String(text)) => check_text(id, text),
        (PropertyType::Utf8StringPair, PropertyValue::Utf8StringPair(name, value)) => {
            check_text(id, name)?;
            check_text(id, value)
        }
        (_, _) => refused,
    }
}

fn check_text(id: PropertyId, text: &str) -> Result<(), EncodeError> {
    text::check(text.as_bytes()).map_err(|_| EncodeError::PropertyValue(id))
}

fn put_prefixed(id: PropertyId, bytes: &[u8], block: &mut BytesMut) -> Result<(), EncodeError> {
    let len = u16::try_from(bytes.len()).map_err(|_| EncodeError::TooLong { field: id.name(), found: bytes.len() })?;
    block.put_u16(len);
    block.put_slice(bytes);
    Ok(())
}
