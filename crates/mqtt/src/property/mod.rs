//! Properties of MQTT 5: the one table of them, the block a packet carries, and how a block is written.

mod block;
mod builder;
mod check;

use std::fmt;

use crate::packet::carrier::{
    ACK_FIRST, ACK_SECOND, AUTH, CONNACK, CONNECT, Carriers, DISCONNECT, NONE, PUBLISH, SUBACK, SUBSCRIBE, UNSUBACK,
    UNSUBSCRIBE, WILL, both,
};

pub use block::Properties;
pub use builder::PropertiesBuilder;
pub(crate) use check::read;

/// How a property's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PropertyType {
    /// One byte.
    Byte,
    /// One byte that is 0 or 1.
    Boolean,
    /// Two bytes, big-endian.
    TwoByteInteger,
    /// Four bytes, big-endian.
    FourByteInteger,
    /// One to four bytes of seven bits each.
    VariableByteInteger,
    /// Bytes behind a length of two bytes.
    BinaryData,
    /// UTF-8 behind a length of two bytes.
    Utf8String,
    /// Two texts.
    Utf8StringPair,
}

/// The value of a property, borrowed from the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PropertyValue<'a> {
    /// One byte, booleans among them.
    Byte(u8),
    /// Two bytes.
    TwoByteInteger(u16),
    /// Four bytes.
    FourByteInteger(u32),
    /// A variable byte integer.
    VariableByteInteger(u32),
    /// Bytes.
    BinaryData(&'a [u8]),
    /// A text.
    Utf8String(&'a str),
    /// A name and a value.
    Utf8StringPair(&'a str, &'a str),
}

/// One property of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Property<'a> {
    /// Which.
    pub id: PropertyId,
    /// Its value, of the type the table gives for `id`.
    pub value: PropertyValue<'a>,
}

/// What the standard says of a property.
struct Row {
    name: &'static str,
    value_type: PropertyType,
    /// 0 is a protocol error.
    nonzero: bool,
    /// Packets of a client that may carry it, and the will.
    client: Carriers,
    /// Packets of a server that may carry it.
    server: Carriers,
}

macro_rules! properties {
    ($($number:literal $variant:ident $name:literal $value_type:ident $zero:ident [$client:expr] [$server:expr])*) => {
        /// Which property.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum PropertyId {
            $(
                #[doc = concat!("`", stringify!($number), "` ", $name)]
                $variant = $number,
            )*
        }

        impl PropertyId {
            /// Every property, by ascending identifier.
            pub const ALL: &'static [PropertyId] = &[$(PropertyId::$variant),*];

            const fn row(self) -> &'static Row {
                match self {
                    $(PropertyId::$variant => const {
                        &Row {
                            name: $name,
                            value_type: PropertyType::$value_type,
                            nonzero: zero::$zero,
                            client: $client,
                            server: $server,
                        }
                    },)*
                }
            }
        }

        impl TryFrom<u8> for PropertyId {
            /// The number that is no property.
            type Error = u8;

            fn try_from(number: u8) -> Result<PropertyId, u8> {
                match number {
                    $($number => Ok(PropertyId::$variant),)*
                    other => Err(other),
                }
            }
        }
    };
}

/// The words of the table's column about the value zero.
mod zero {
    #![expect(non_upper_case_globals, reason = "they are words in a table")]
    pub(super) const any: bool = false;
    pub(super) const nonzero: bool = true;
}

const ACKS: Carriers = both(ACK_FIRST, ACK_SECOND);
const MESSAGE: Carriers = both(PUBLISH, WILL);
const EITHER_END: Carriers = both(both(ACKS, DISCONNECT), AUTH);

// Identifier, variant, name, type, whether zero is allowed [packets of a client] [packets of a server].
// Tables 2-4 and the sections of each packet.
properties! {
    0x01 PayloadFormatIndicator "Payload-Format-Indicator" Boolean any [MESSAGE] [PUBLISH]
    0x02 MessageExpiryInterval "Message-Expiry-Interval" FourByteInteger any [MESSAGE] [PUBLISH]
    0x03 ContentType "Content-Type" Utf8String any [MESSAGE] [PUBLISH]
    0x08 ResponseTopic "Response-Topic" Utf8String any [MESSAGE] [PUBLISH]
    0x09 CorrelationData "Correlation-Data" BinaryData any [MESSAGE] [PUBLISH]
    0x0B SubscriptionIdentifier "Subscription-Identifier" VariableByteInteger nonzero [SUBSCRIBE] [PUBLISH]
    0x11 SessionExpiryInterval "Session-Expiry-Interval" FourByteInteger any [both(CONNECT, DISCONNECT)] [CONNACK]
    0x12 AssignedClientIdentifier "Assigned-Client-Identifier" Utf8String any [NONE] [CONNACK]
    0x13 ServerKeepAlive "Server-Keep-Alive" TwoByteInteger any [NONE] [CONNACK]
    0x15 AuthenticationMethod "Authentication-Method" Utf8String any [both(CONNECT, AUTH)] [both(CONNACK, AUTH)]
    0x16 AuthenticationData "Authentication-Data" BinaryData any [both(CONNECT, AUTH)] [both(CONNACK, AUTH)]
    0x17 RequestProblemInformation "Request-Problem-Information" Boolean any [CONNECT] [NONE]
    0x18 WillDelayInterval "Will-Delay-Interval" FourByteInteger any [WILL] [NONE]
    0x19 RequestResponseInformation "Request-Response-Information" Boolean any [CONNECT] [NONE]
    0x1A ResponseInformation "Response-Information" Utf8String any [NONE] [CONNACK]
    0x1C ServerReference "Server-Reference" Utf8String any [NONE] [both(CONNACK, DISCONNECT)]
    0x1F ReasonString "Reason-String" Utf8String any
        [EITHER_END] [both(both(EITHER_END, CONNACK), both(SUBACK, UNSUBACK))]
    0x21 ReceiveMaximum "Receive-Maximum" TwoByteInteger nonzero [CONNECT] [CONNACK]
    0x22 TopicAliasMaximum "Topic-Alias-Maximum" TwoByteInteger any [CONNECT] [CONNACK]
    0x23 TopicAlias "Topic-Alias" TwoByteInteger nonzero [PUBLISH] [PUBLISH]
    0x24 MaximumQos "Maximum-QoS" Boolean any [NONE] [CONNACK]
    0x25 RetainAvailable "Retain-Available" Boolean any [NONE] [CONNACK]
    0x26 UserProperty "User-Property" Utf8StringPair any
        [both(both(EITHER_END, both(CONNECT, MESSAGE)), both(SUBSCRIBE, UNSUBSCRIBE))]
        [both(both(EITHER_END, both(CONNACK, PUBLISH)), both(SUBACK, UNSUBACK))]
    0x27 MaximumPacketSize "Maximum-Packet-Size" FourByteInteger nonzero [CONNECT] [CONNACK]
    0x28 WildcardSubscriptionAvailable "Wildcard-Subscription-Available" Boolean any [NONE] [CONNACK]
    0x29 SubscriptionIdentifierAvailable "Subscription-Identifier-Available" Boolean any [NONE] [CONNACK]
    0x2A SharedSubscriptionAvailable "Shared-Subscription-Available" Boolean any [NONE] [CONNACK]
}

impl PropertyId {
    /// The name as the standard writes it, with hyphens: `Session-Expiry-Interval`.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The number on the wire.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// How its value is written.
    pub const fn value_type(self) -> PropertyType {
        self.row().value_type
    }

    /// The property whose [`PropertyId::name`] is `name`, letter by letter.
    pub fn from_name(name: &str) -> Option<PropertyId> {
        PropertyId::ALL.iter().copied().find(|id| id.name() == name)
    }

    /// Whether it may stand more than once: the user property, and the subscription identifier in a PUBLISH of a
    /// server, which may have matched several subscriptions.
    pub(crate) const fn repeats_in(self, carrier: Carriers) -> bool {
        match self.value_type() {
            PropertyType::Utf8StringPair => true,
            PropertyType::VariableByteInteger => carrier == PUBLISH,
            PropertyType::Byte
            | PropertyType::Boolean
            | PropertyType::TwoByteInteger
            | PropertyType::FourByteInteger
            | PropertyType::BinaryData
            | PropertyType::Utf8String => false,
        }
    }

    /// Its bit in the set of properties that are present. Identifiers end at 0x2A, so 64 bits hold them.
    pub(crate) const fn bit(self) -> u64 {
        1 << self.number()
    }
}

impl fmt::Display for PropertyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for PropertyValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PropertyValue::Byte(number) => write!(f, "{number}"),
            PropertyValue::TwoByteInteger(number) => write!(f, "{number}"),
            PropertyValue::FourByteInteger(number) | PropertyValue::VariableByteInteger(number) => {
                write!(f, "{number}")
            }
            PropertyValue::BinaryData(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            PropertyValue::Utf8String(text) => write!(f, "{text:?}"),
            PropertyValue::Utf8StringPair(name, value) => write!(f, "{name:?}={value:?}"),
        }
    }
}
