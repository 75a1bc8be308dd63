//! SUBSCRIBE: a client asks for messages.

use bytes::{BufMut, BytesMut};
use bytestring::ByteString;

use crate::encode::EncodeError;
use crate::error::DecodeErrorKind;
use crate::frame::Sender;
use crate::packet::carrier;
use crate::packet_id::PacketId;
use crate::property::{self, Properties};
use crate::qos::QoS;
use crate::read::{Reader, Refusal};
use crate::version::Version;
use crate::write::{check_len, properties_len, put_prefixed, put_properties};

const QOS: u8 = 0x03;
const NO_LOCAL: u8 = 0x04;
const RETAIN_AS_PUBLISHED: u8 = 0x08;
const RETAIN_HANDLING: u8 = 0x30;
const RESERVED_V5: u8 = 0xC0;

/// A client asks for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// Comes back in SUBACK.
    pub packet_id: PacketId,
    /// Empty before MQTT 5.
    pub properties: Properties,
    /// At least one [MQTT-3.8.3-2].
    pub subscriptions: Vec<Subscription>,
}

/// One filter of a SUBSCRIBE and what it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// As it was sent. [`crate::Filter::parse`] says whether it is one; a bad filter is refused by its own code in
    /// SUBACK while its neighbours are granted.
    pub filter: ByteString,
    /// What it wants.
    pub options: SubscriptionOptions,
}

/// What a subscription wants. Before MQTT 5 it is only the QoS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SubscriptionOptions {
    /// The highest QoS of messages sent for it.
    pub qos: QoS,
    /// Whether messages of the client itself stay away.
    pub no_local: bool,
    /// Whether forwarded messages keep their RETAIN flag.
    pub retain_as_published: bool,
    /// Whether retained messages are sent now.
    pub retain_handling: RetainHandling,
}

/// When retained messages are sent to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum RetainHandling {
    /// At every SUBSCRIBE.
    #[default]
    Send = 0,
    /// Only when the subscription is new.
    SendIfNew = 1,
    /// Never.
    DoNotSend = 2,
}

impl TryFrom<u8> for RetainHandling {
    /// The number that is none.
    type Error = u8;

    fn try_from(number: u8) -> Result<RetainHandling, u8> {
        match number {
            0 => Ok(RetainHandling::Send),
            1 => Ok(RetainHandling::SendIfNew),
            2 => Ok(RetainHandling::DoNotSend),
            other => Err(other),
        }
    }
}

impl From<RetainHandling> for u8 {
    fn from(handling: RetainHandling) -> u8 {
        match handling {
            RetainHandling::Send => 0,
            RetainHandling::SendIfNew => 1,
            RetainHandling::DoNotSend => 2,
        }
    }
}

impl SubscriptionOptions {
    /// Only a QoS, as before MQTT 5.
    pub const fn new(qos: QoS) -> SubscriptionOptions {
        SubscriptionOptions { qos, no_local: false, retain_as_published: false, retain_handling: RetainHandling::Send }
    }

    fn from_byte(byte: u8, version: Version) -> Result<SubscriptionOptions, DecodeErrorKind> {
        // [MQTT-3.8.3-4] of 3.1.1 and [MQTT-3.8.3-5] of 5; MQTT 3.1 calls the bits unused.
        let reserved = match version {
            Version::V31 => 0,
            Version::V311 => !QOS,
            Version::V5 => RESERVED_V5,
        };
        if byte & reserved != 0 {
            return Err(DecodeErrorKind::ReservedBits(byte));
        }
        let qos = QoS::try_from(byte & QOS).map_err(|_| DecodeErrorKind::SubscriptionQosThree)?;
        if !version.is_v5() {
            return Ok(SubscriptionOptions::new(qos));
        }
        let retain_handling = RetainHandling::try_from((byte & RETAIN_HANDLING) >> 4)
            .map_err(|_| DecodeErrorKind::RetainHandlingThree)?;
        let (no_local, retain_as_published) = (byte & NO_LOCAL != 0, byte & RETAIN_AS_PUBLISHED != 0);
        Ok(SubscriptionOptions { qos, no_local, retain_as_published, retain_handling })
    }

    fn to_byte(self, version: Version) -> u8 {
        let qos = u8::from(self.qos);
        if !version.is_v5() {
            return qos;
        }
        let flag = |set, bit| if set { bit } else { 0 };
        qos | flag(self.no_local, NO_LOCAL)
            | flag(self.retain_as_published, RETAIN_AS_PUBLISHED)
            | u8::from(self.retain_handling) << 4
    }
}

impl Subscribe {
    pub(crate) fn decode(reader: &mut Reader, version: Version) -> Result<Subscribe, Refusal> {
        let packet_id = reader.packet_id()?;
        let mut properties = Properties::new();
        if version.is_v5() {
            properties = property::read(reader, carrier::SUBSCRIBE, Sender::Client)?;
        }
        let mut subscriptions = Vec::new();
        while reader.remaining() > 0 {
            subscriptions.push(subscription(reader, version)?);
        }
        if subscriptions.is_empty() {
            return Err(reader.fail("topic filter", reader.offset(), DecodeErrorKind::NoFilters));
        }
        Ok(Subscribe { packet_id, properties, subscriptions })
    }

    pub(crate) fn check(&self) -> Result<(), EncodeError> {
        self.subscriptions.iter().try_for_each(|wanted| check_len("topic filter", wanted.filter.as_bytes()))
    }

    pub(crate) fn body_len(&self, version: Version) -> usize {
        let properties = if version.is_v5() { properties_len(&self.properties) } else { 0 };
        2 + properties + self.subscriptions.iter().map(|wanted| 2 + wanted.filter.len() + 1).sum::<usize>()
    }

    pub(crate) fn write_body(&self, version: Version, out: &mut BytesMut) {
        out.put_u16(self.packet_id.get());
        if version.is_v5() {
            put_properties(&self.properties, out);
        }
        for wanted in &self.subscriptions {
            put_prefixed(wanted.filter.as_bytes(), out);
            out.put_u8(wanted.options.to_byte(version));
        }
    }
}

fn subscription(reader: &mut Reader, version: Version) -> Result<Subscription, Refusal> {
    let filter = reader.text("topic filter")?;
    let at = reader.offset();
    let byte = reader.u8("subscription options")?;
    let options =
        SubscriptionOptions::from_byte(byte, version).map_err(|kind| reader.fail("subscription options", at, kind))?;
    if options.no_local && filter.starts_with("$share/") {
        return Err(reader.fail("subscription options", at, DecodeErrorKind::NoLocalOnShared));
    }
    Ok(Subscription { filter, options })
}
