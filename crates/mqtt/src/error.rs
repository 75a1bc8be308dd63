//! What can be wrong with received bytes, and how the standard wants it answered.

use std::fmt;

use bytestring::ByteString;

use crate::frame::Sender;
use crate::packet::PacketType;
use crate::property::PropertyId;
use crate::reason::{ConnectReturnCode, ReasonCode};
use crate::version::Version;

/// Why bytes are no packet: in which packet, at which field and byte, and what was found there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// The packet, as far as its first byte was legible.
    pub packet: Option<PacketType>,
    /// The field in the words of the standard, e.g. `topic name`, or the name of a property.
    pub field: &'static str,
    /// Where the field or the wrong byte begins, counted from the first byte of the packet.
    pub offset: usize,
    /// What is wrong.
    pub kind: DecodeErrorKind,
    /// The version in force; `None` when CONNECT had not yet told a known one.
    pub version: Option<Version>,
    /// The client identifier when a CONNECT is wrong behind it, so that an operator learns which device it was.
    pub client_id: Option<ByteString>,
}

/// What is wrong. Each has one reason code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// The packet ends inside the field.
    Truncated {
        /// Bytes the field needs.
        expected: usize,
        /// Bytes that are left.
        found: usize,
    },
    /// Bytes are left behind the last field.
    TrailingBytes(usize),
    /// The packet is longer than we take; said from its header alone.
    TooLarge {
        /// Bytes of the whole packet.
        found: u32,
        /// [`crate::Limits::packet_bytes_max`].
        limit: u32,
    },
    /// A variable byte integer goes on after its fourth byte.
    VarIntTooLong,
    /// A variable byte integer uses more bytes than it needs [MQTT-1.5.5-1].
    VarIntNotMinimal,
    /// A text is not UTF-8 [MQTT-1.5.4-1].
    NotUtf8,
    /// A text has U+0000 in it [MQTT-1.5.4-2].
    NulInString,
    /// Packet type 0, or 15 before MQTT 5.
    ReservedPacketType(u8),
    /// The low half of the first byte is not what the packet type demands [MQTT-2.1.3-1].
    ReservedFlags {
        /// The bits demanded.
        expected: u8,
        /// The bits found.
        found: u8,
    },
    /// A bit that must be 0 is 1. Holds the byte.
    ReservedBits(u8),
    /// Both QoS bits of a PUBLISH or a will are 1 [MQTT-3.3.1-4], [MQTT-3.1.2-12].
    QosThree,
    /// Both QoS bits of a subscription are 1.
    SubscriptionQosThree,
    /// DUP is 1 on a PUBLISH of QoS 0 [MQTT-3.3.1-2].
    DupAtQosZero,
    /// The packet identifier is zero [MQTT-2.2.1-3].
    PacketIdZero,
    /// The topic name is empty and no topic alias stands for it [MQTT-4.7.3-1].
    EmptyTopic,
    /// The topic name has `+` or `#` in it [MQTT-3.3.2-2].
    WildcardInTopic,
    /// SUBSCRIBE or UNSUBSCRIBE without a filter [MQTT-3.8.3-2], [MQTT-3.10.3-2].
    NoFilters,
    /// SUBACK or UNSUBACK without a code.
    NoCodes,
    /// Retain handling 3.
    RetainHandlingThree,
    /// No Local on a shared subscription [MQTT-3.8.3-4].
    NoLocalOnShared,
    /// Will QoS or will retain without a will [MQTT-3.1.2-11], [MQTT-3.1.2-13].
    WillFlagsWithoutWill,
    /// A password without a user name, before MQTT 5 [MQTT-3.1.2-22].
    PasswordWithoutUsername,
    /// A protocol name that is neither `MQTT` nor `MQIsdp` [MQTT-3.1.2-1]. Holds its beginning.
    WrongProtocolName(Box<str>),
    /// A protocol level that is not 3, 4 or 5, or does not fit the name [MQTT-3.1.2-2]. Holds the level.
    UnsupportedVersion(u8),
    /// The first packet of a connection is not CONNECT [MQTT-3.1.0-1].
    FirstPacketNotConnect(PacketType),
    /// A second CONNECT [MQTT-3.1.0-2].
    SecondConnect,
    /// A packet that only the other side may send.
    WrongDirection(Sender),
    /// No property has this identifier.
    UnknownProperty(u32),
    /// A property that this packet cannot carry.
    PropertyNotAllowed(PropertyId),
    /// A property that only the other side may put into this packet.
    PropertyWrongDirection(PropertyId, Sender),
    /// A property that may stand once stands twice.
    DuplicateProperty(PropertyId),
    /// A property without which the packet, or another property, makes no sense.
    MissingProperty(PropertyId),
    /// A property whose value must not be zero is zero.
    PropertyZero(PropertyId),
    /// A property whose value must be 0 or 1 is neither.
    PropertyNotBoolean(PropertyId, u8),
    /// A reason code that the standard does not define.
    UnknownReasonCode(u8),
    /// A reason code that is not for this packet.
    ReasonCodeNotAllowed(ReasonCode),
    /// A return code of CONNACK or SUBACK that MQTT 3 does not define.
    UnknownReturnCode(u8),
}

impl DecodeError {
    /// What a DISCONNECT or CONNACK of MQTT 5 says about it.
    pub fn reason_code(&self) -> ReasonCode {
        self.kind.reason_code()
    }

    /// What a CONNACK before MQTT 5 can say about it; `None` where the connection is closed without an answer.
    ///
    /// An unsupported level is answered in the shape of version 3 when it is below 5 [MQTT-3.1.2-2], else by
    /// [`DecodeError::reason_code`]: see [`DecodeError::connack_version`].
    pub fn connect_return_code(&self) -> Option<ConnectReturnCode> {
        if self.packet != Some(PacketType::Connect) {
            return None;
        }
        match &self.kind {
            DecodeErrorKind::UnsupportedVersion(_) => Some(ConnectReturnCode::UnacceptableProtocolVersion),
            DecodeErrorKind::PasswordWithoutUsername => Some(ConnectReturnCode::MalformedUsernameOrPassword),
            DecodeErrorKind::NotUtf8 | DecodeErrorKind::NulInString if self.field == "user name" => {
                Some(ConnectReturnCode::MalformedUsernameOrPassword)
            }
            _other_kinds_of_version_3 => None,
        }
    }

    /// In the shape of which version a CONNACK about this error is written; `None` when the bytes are no CONNECT
    /// of a client that could read one.
    pub fn connack_version(&self) -> Option<Version> {
        if self.packet != Some(PacketType::Connect) {
            return None;
        }
        match self.kind {
            DecodeErrorKind::UnsupportedVersion(level) if level & !crate::packet::connect::BRIDGE_BIT < 5 => {
                Some(Version::V311)
            }
            DecodeErrorKind::UnsupportedVersion(_) => Some(Version::V5),
            _decided_by_the_level => self.version,
        }
    }
}

impl DecodeErrorKind {
    /// 0x81 for what cannot be parsed, 0x82 for what can be parsed and is forbidden, and the more exact codes where
    /// the standard names one.
    pub const fn reason_code(&self) -> ReasonCode {
        match self {
            DecodeErrorKind::Truncated { .. }
            | DecodeErrorKind::TrailingBytes(_)
            | DecodeErrorKind::VarIntTooLong
            | DecodeErrorKind::VarIntNotMinimal
            | DecodeErrorKind::NotUtf8
            | DecodeErrorKind::NulInString
            | DecodeErrorKind::ReservedPacketType(_)
            | DecodeErrorKind::ReservedFlags { .. }
            | DecodeErrorKind::ReservedBits(_)
            | DecodeErrorKind::QosThree
            | DecodeErrorKind::DupAtQosZero
            | DecodeErrorKind::WillFlagsWithoutWill
            | DecodeErrorKind::UnknownProperty(_)
            | DecodeErrorKind::PropertyNotAllowed(_)
            | DecodeErrorKind::UnknownReasonCode(_)
            | DecodeErrorKind::UnknownReturnCode(_) => ReasonCode::MalformedPacket,
            DecodeErrorKind::SubscriptionQosThree
            | DecodeErrorKind::PacketIdZero
            | DecodeErrorKind::EmptyTopic
            | DecodeErrorKind::NoFilters
            | DecodeErrorKind::NoCodes
            | DecodeErrorKind::RetainHandlingThree
            | DecodeErrorKind::NoLocalOnShared
            | DecodeErrorKind::PasswordWithoutUsername
            | DecodeErrorKind::FirstPacketNotConnect(_)
            | DecodeErrorKind::SecondConnect
            | DecodeErrorKind::WrongDirection(_)
            | DecodeErrorKind::PropertyWrongDirection(..)
            | DecodeErrorKind::DuplicateProperty(_)
            | DecodeErrorKind::MissingProperty(_)
            | DecodeErrorKind::PropertyNotBoolean(..)
            | DecodeErrorKind::ReasonCodeNotAllowed(_) => ReasonCode::ProtocolError,
            // [MQTT-3.3.2-8] and 3.14.2.1: an alias of 0 has a code of its own.
            DecodeErrorKind::PropertyZero(PropertyId::TopicAlias) => ReasonCode::TopicAliasInvalid,
            DecodeErrorKind::PropertyZero(_) => ReasonCode::ProtocolError,
            DecodeErrorKind::WildcardInTopic => ReasonCode::TopicNameInvalid,
            DecodeErrorKind::WrongProtocolName(_) | DecodeErrorKind::UnsupportedVersion(_) => {
                ReasonCode::UnacceptableProtocolVersion
            }
            DecodeErrorKind::TooLarge { .. } => ReasonCode::PacketTooLarge,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(packet) = self.packet {
            write!(f, "{packet}, ")?;
        }
        write!(f, "`{}` at byte {}: {}", self.field, self.offset, self.kind)
    }
}

impl std::error::Error for DecodeError {}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeErrorKind::Truncated { expected, found } => {
                write!(f, "expected {expected} bytes, found only {found} before the packet ends")
            }
            DecodeErrorKind::TrailingBytes(count) => write!(f, "expected the end of the packet, found {count} more bytes"),
            DecodeErrorKind::TooLarge { found, limit } => {
                write!(f, "expected at most {limit} bytes, found a packet of {found}")
            }
            DecodeErrorKind::VarIntTooLong => f.write_str("expected at most 4 bytes of length, found a fifth"),
            DecodeErrorKind::VarIntNotMinimal => f.write_str("expected the shortest form of the number, found a longer one"),
            DecodeErrorKind::NotUtf8 => f.write_str("expected UTF-8, found other bytes"),
            DecodeErrorKind::NulInString => f.write_str("expected text without U+0000, found one"),
            DecodeErrorKind::ReservedPacketType(number) => write!(f, "expected a packet type, found the reserved {number}"),
            DecodeErrorKind::ReservedFlags { expected, found } => {
                write!(f, "expected the flags {expected:#06b}, found {found:#06b}")
            }
            DecodeErrorKind::ReservedBits(byte) => write!(f, "expected reserved bits to be 0, found {byte:#010b}"),
            DecodeErrorKind::QosThree | DecodeErrorKind::SubscriptionQosThree => {
                f.write_str("expected QoS 0, 1 or 2, found 3")
            }
            DecodeErrorKind::DupAtQosZero => f.write_str("expected DUP only with QoS 1 or 2, found it with QoS 0"),
            DecodeErrorKind::PacketIdZero => f.write_str("expected 1 to 65535, found 0"),
            DecodeErrorKind::EmptyTopic => f.write_str("expected a topic name or a topic alias, found neither"),
            DecodeErrorKind::WildcardInTopic => f.write_str("expected a topic without `+` and `#`, found a wildcard"),
            DecodeErrorKind::NoFilters => f.write_str("expected at least one topic filter, found none"),
            DecodeErrorKind::NoCodes => f.write_str("expected at least one code, found none"),
            DecodeErrorKind::RetainHandlingThree => f.write_str("expected retain handling 0, 1 or 2, found 3"),
            DecodeErrorKind::NoLocalOnShared => {
                f.write_str("expected `no local` only on ordinary subscriptions, found it on a shared one")
            }
            DecodeErrorKind::WillFlagsWithoutWill => f.write_str("expected will QoS and will retain to be 0 without a will"),
            DecodeErrorKind::PasswordWithoutUsername => f.write_str("expected a user name beside the password, found none"),
            DecodeErrorKind::WrongProtocolName(name) => write!(f, "expected `MQTT` or `MQIsdp`, found `{}`", name.escape_debug()),
            DecodeErrorKind::UnsupportedVersion(level) => {
                write!(f, "expected level 3 of `MQIsdp`, or 4 or 5 of `MQTT`, found level {level}")
            }
            DecodeErrorKind::FirstPacketNotConnect(found) => write!(f, "expected CONNECT as the first packet, found {found}"),
            DecodeErrorKind::SecondConnect => f.write_str("expected one CONNECT in a connection, found a second"),
            DecodeErrorKind::WrongDirection(sender) => write!(f, "expected a packet that a {sender} sends"),
            DecodeErrorKind::UnknownProperty(id) => write!(f, "expected a property, found the unknown identifier {id:#04x}"),
            DecodeErrorKind::PropertyNotAllowed(id) => write!(f, "expected a property of this packet, found `{id}`"),
            DecodeErrorKind::PropertyWrongDirection(id, sender) => {
                write!(f, "expected a property that a {sender} sends in this packet, found `{id}`")
            }
            DecodeErrorKind::DuplicateProperty(id) => write!(f, "expected `{id}` once, found it twice"),
            DecodeErrorKind::MissingProperty(id) => write!(f, "expected the property `{id}`, found none"),
            DecodeErrorKind::PropertyZero(_) => f.write_str("expected a value above 0, found 0"),
            DecodeErrorKind::PropertyNotBoolean(_, value) => write!(f, "expected 0 or 1, found {value}"),
            DecodeErrorKind::UnknownReasonCode(code) => write!(f, "expected a reason code, found the undefined {code:#04x}"),
            DecodeErrorKind::ReasonCodeNotAllowed(code) => {
                write!(f, "expected a reason code of this packet, found {:#04x} `{code}`", code.code())
            }
            DecodeErrorKind::UnknownReturnCode(code) => write!(f, "expected a return code, found the undefined {code}"),
        }
    }
}
