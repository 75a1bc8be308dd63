//! What can be wrong with received bytes, and how the standard wants it answered.

use std::fmt;

use bytestring::ByteString;

use crate::frame::Sender;
use crate::packet::PacketType;
use crate::packet::connack::ConnackCode;
use crate::packet::connect::BRIDGE_BIT;
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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeErrorKind {
    /// The packet ends inside the field.
    #[error("expected {expected} bytes, found only {found} before the packet ends")]
    Truncated {
        /// Bytes the field needs.
        expected: usize,
        /// Bytes that are left.
        found: usize,
    },
    /// Bytes are left behind the last field.
    #[error("expected the end of the packet, found {0} more bytes")]
    TrailingBytes(usize),
    /// The packet is longer than we take; said from its header alone.
    #[error("expected at most {limit} bytes, found a packet of {found}")]
    TooLarge {
        /// Bytes of the whole packet.
        found: u32,
        /// [`crate::Limits::packet_bytes_max`].
        limit: u32,
    },
    /// A variable byte integer goes on after its fourth byte.
    #[error("expected at most 4 bytes, found a fifth")]
    VarIntTooLong,
    /// A variable byte integer uses more bytes than it needs [MQTT-1.5.5-1].
    #[error("expected the shortest form of the number, found a longer one")]
    VarIntNotMinimal,
    /// A text is not UTF-8 [MQTT-1.5.4-1].
    #[error("expected UTF-8, found other bytes")]
    NotUtf8,
    /// A text has U+0000 in it [MQTT-1.5.4-2].
    #[error("expected text without U+0000, found one")]
    NulInString,
    /// Packet type 0, or 15 before MQTT 5.
    #[error("expected a packet type, found the reserved {0}")]
    ReservedPacketType(u8),
    /// The low half of the first byte is not what the packet type demands [MQTT-2.1.3-1].
    #[error("expected the flags {expected:#06b}, found {found:#06b}")]
    ReservedFlags {
        /// The bits demanded.
        expected: u8,
        /// The bits found.
        found: u8,
    },
    /// A bit that must be 0 is 1. Holds the byte.
    #[error("expected reserved bits to be 0, found {0:#010b}")]
    ReservedBits(u8),
    /// Both QoS bits of a PUBLISH or a will are 1 [MQTT-3.3.1-4], [MQTT-3.1.2-12].
    #[error("expected QoS 0, 1 or 2, found 3")]
    QosThree,
    /// Both QoS bits of a subscription are 1.
    #[error("expected QoS 0, 1 or 2, found 3")]
    SubscriptionQosThree,
    /// DUP is 1 on a PUBLISH of QoS 0 [MQTT-3.3.1-2].
    #[error("expected DUP only with QoS 1 or 2, found it with QoS 0")]
    DupAtQosZero,
    /// The packet identifier is zero [MQTT-2.2.1-3].
    #[error("expected 1 to 65535, found 0")]
    PacketIdZero,
    /// The topic name is empty and no topic alias stands for it [MQTT-4.7.3-1].
    #[error("expected a topic name, found an empty one")]
    EmptyTopic,
    /// The topic name has `+` or `#` in it [MQTT-3.3.2-2].
    #[error("expected a topic without `+` and `#`, found a wildcard")]
    WildcardInTopic,
    /// The response topic has `+` or `#` in it: one answers to a topic, not to a filter [MQTT-3.3.2-14].
    #[error("expected a topic without `+` and `#`, found a wildcard")]
    WildcardInResponseTopic,
    /// SUBSCRIBE or UNSUBSCRIBE without a filter [MQTT-3.8.3-2], [MQTT-3.10.3-2].
    #[error("expected at least one topic filter, found none")]
    NoFilters,
    /// SUBACK or UNSUBACK without a code.
    #[error("expected at least one code, found none")]
    NoCodes,
    /// Retain handling 3.
    #[error("expected retain handling 0, 1 or 2, found 3")]
    RetainHandlingThree,
    /// No Local on a shared subscription [MQTT-3.8.3-4].
    #[error("expected `no local` only on ordinary subscriptions, found it on a shared one")]
    NoLocalOnShared,
    /// Will QoS or will retain without a will [MQTT-3.1.2-11], [MQTT-3.1.2-13].
    #[error("expected will QoS and will retain to be 0 without a will, found 1")]
    WillFlagsWithoutWill,
    /// A password without a user name, before MQTT 5 [MQTT-3.1.2-22].
    #[error("expected a user name beside the password, found none")]
    PasswordWithoutUsername,
    /// A protocol name that is neither `MQTT` nor `MQIsdp` [MQTT-3.1.2-1]. Holds its beginning.
    #[error("expected `MQTT` or `MQIsdp`, found `{}`", .0.escape_debug())]
    WrongProtocolName(Box<str>),
    /// A protocol level that is not 3, 4 or 5, or does not fit the name [MQTT-3.1.2-2]. Holds the level.
    #[error("expected level 3 of `MQIsdp`, or 4 or 5 of `MQTT`, found level {0}")]
    UnsupportedVersion(u8),
    /// The first packet of a connection is not CONNECT [MQTT-3.1.0-1].
    #[error("expected CONNECT as the first packet, found {0}")]
    FirstPacketNotConnect(PacketType),
    /// A second CONNECT [MQTT-3.1.0-2].
    #[error("expected one CONNECT in a connection, found a second")]
    SecondConnect,
    /// A packet that only the other side may send.
    #[error("expected a packet that a {0} sends, found another")]
    WrongDirection(Sender),
    /// No property has this identifier.
    #[error("expected a property, found the unknown identifier {0:#04x}")]
    UnknownProperty(u32),
    /// A property that this packet cannot carry.
    #[error("expected a property of this packet, found `{0}`")]
    PropertyNotAllowed(PropertyId),
    /// A property that only the other side may put into this packet.
    #[error("expected a property that a {1} sends in this packet, found `{0}`")]
    PropertyWrongDirection(PropertyId, Sender),
    /// A property that may stand once stands twice.
    #[error("expected `{0}` once, found it twice")]
    DuplicateProperty(PropertyId),
    /// A property without which the packet, or another property, makes no sense.
    #[error("expected the property `{0}`, found none")]
    MissingProperty(PropertyId),
    /// A property whose value must not be zero is zero.
    #[error("expected a value above 0, found 0")]
    PropertyZero(PropertyId),
    /// A property whose value must be 0 or 1 is neither.
    #[error("expected 0 or 1, found {1}")]
    PropertyNotBoolean(PropertyId, u8),
    /// A reason code that the standard does not define.
    #[error("expected a reason code, found the undefined {0:#04x}")]
    UnknownReasonCode(u8),
    /// A reason code that is not for this packet.
    #[error("expected a reason code of this packet, found {code:#04x} `{0}`", code = .0.code())]
    ReasonCodeNotAllowed(ReasonCode),
    /// A return code of CONNACK or SUBACK that MQTT 3 does not define.
    #[error("expected a return code, found the undefined {0}")]
    UnknownReturnCode(u8),
}

impl DecodeError {
    /// What a DISCONNECT or CONNACK of MQTT 5 says about it.
    pub fn reason_code(&self) -> ReasonCode {
        self.kind.reason_code()
    }

    /// The CONNACK that answers a CONNECT with this error, and the version in whose shape it is written; `None` where
    /// the connection is closed without an answer.
    ///
    /// Before MQTT 5 a server can only say that it does not know the level [MQTT-3.1.2-2], or that user name or password
    /// is malformed. A level below 5 is answered in the shape of version 3, a later one in that of 5.
    pub fn connack(&self) -> Option<(Version, ConnackCode)> {
        let unanswered = matches!(self.kind, DecodeErrorKind::SecondConnect | DecodeErrorKind::WrongDirection(_));
        if self.packet != Some(PacketType::Connect) || unanswered {
            return None;
        }
        let version = if let DecodeErrorKind::UnsupportedVersion(level) = self.kind {
            if level & !BRIDGE_BIT < 5 { Version::V311 } else { Version::V5 }
        } else {
            self.version?
        };
        if version.is_v5() {
            return Some((version, ConnackCode::V5(self.reason_code())));
        }
        let of_text = matches!(self.kind, DecodeErrorKind::NotUtf8 | DecodeErrorKind::NulInString);
        if matches!(self.kind, DecodeErrorKind::UnsupportedVersion(_)) {
            Some((version, ConnackCode::V3(ConnectReturnCode::UnacceptableProtocolVersion)))
        } else if matches!(self.kind, DecodeErrorKind::PasswordWithoutUsername) || self.field == "user name" && of_text
        {
            Some((version, ConnackCode::V3(ConnectReturnCode::MalformedUsernameOrPassword)))
        } else {
            None
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
            | DecodeErrorKind::WildcardInResponseTopic
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
