//! One file per packet; here the closed list of them.

pub(crate) mod ack;
pub(crate) mod auth;
pub(crate) mod carrier;
pub(crate) mod connack;
pub(crate) mod connect;
pub(crate) mod disconnect;
pub(crate) mod publish;
pub(crate) mod suback;
pub(crate) mod subscribe;
pub(crate) mod unsuback;
pub(crate) mod unsubscribe;

use std::fmt;

use ack::Ack;
use auth::Auth;
use carrier::Carriers;
use connack::Connack;
use connect::Connect;
use disconnect::Disconnect;
use publish::Publish;
use suback::Suback;
use subscribe::Subscribe;
use unsuback::Unsuback;
use unsubscribe::Unsubscribe;

/// A control packet of any version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// A client asks for a connection.
    Connect(Box<Connect>),
    /// The server's answer to CONNECT.
    Connack(Connack),
    /// A message.
    Publish(Publish),
    /// Ends QoS 1.
    Puback(Ack),
    /// QoS 2: received.
    Pubrec(Ack),
    /// QoS 2: released.
    Pubrel(Ack),
    /// QoS 2: complete.
    Pubcomp(Ack),
    /// A client asks for messages.
    Subscribe(Subscribe),
    /// The answer to SUBSCRIBE.
    Suback(Suback),
    /// A client wants no more of them.
    Unsubscribe(Unsubscribe),
    /// The answer to UNSUBSCRIBE.
    Unsuback(Unsuback),
    /// A client says that it lives.
    Pingreq,
    /// The answer to PINGREQ.
    Pingresp,
    /// The last packet of a connection.
    Disconnect(Disconnect),
    /// A step of extended authentication; MQTT 5 only.
    Auth(Auth),
}

impl Packet {
    /// The type in the fixed header.
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Packet::Connect(_) => PacketType::Connect,
            Packet::Connack(_) => PacketType::Connack,
            Packet::Publish(_) => PacketType::Publish,
            Packet::Puback(_) => PacketType::Puback,
            Packet::Pubrec(_) => PacketType::Pubrec,
            Packet::Pubrel(_) => PacketType::Pubrel,
            Packet::Pubcomp(_) => PacketType::Pubcomp,
            Packet::Subscribe(_) => PacketType::Subscribe,
            Packet::Suback(_) => PacketType::Suback,
            Packet::Unsubscribe(_) => PacketType::Unsubscribe,
            Packet::Unsuback(_) => PacketType::Unsuback,
            Packet::Pingreq => PacketType::Pingreq,
            Packet::Pingresp => PacketType::Pingresp,
            Packet::Disconnect(_) => PacketType::Disconnect,
            Packet::Auth(_) => PacketType::Auth,
        }
    }
}

/// The type of a control packet: the high half of the first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum PacketType {
    Connect = 1,
    Connack = 2,
    Publish = 3,
    Puback = 4,
    Pubrec = 5,
    Pubrel = 6,
    Pubcomp = 7,
    Subscribe = 8,
    Suback = 9,
    Unsubscribe = 10,
    Unsuback = 11,
    Pingreq = 12,
    Pingresp = 13,
    Disconnect = 14,
    Auth = 15,
}

impl PacketType {
    /// The number in the fixed header.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The name in capitals, as the standard writes it.
    pub const fn name(self) -> &'static str {
        match self {
            PacketType::Connect => "CONNECT",
            PacketType::Connack => "CONNACK",
            PacketType::Publish => "PUBLISH",
            PacketType::Puback => "PUBACK",
            PacketType::Pubrec => "PUBREC",
            PacketType::Pubrel => "PUBREL",
            PacketType::Pubcomp => "PUBCOMP",
            PacketType::Subscribe => "SUBSCRIBE",
            PacketType::Suback => "SUBACK",
            PacketType::Unsubscribe => "UNSUBSCRIBE",
            PacketType::Unsuback => "UNSUBACK",
            PacketType::Pingreq => "PINGREQ",
            PacketType::Pingresp => "PINGRESP",
            PacketType::Disconnect => "DISCONNECT",
            PacketType::Auth => "AUTH",
        }
    }

    /// The low half of the first byte for every packet but PUBLISH [MQTT-2.1.3-1].
    pub(crate) const fn reserved_flags(self) -> u8 {
        match self {
            PacketType::Pubrel | PacketType::Subscribe | PacketType::Unsubscribe => 0b0010,
            PacketType::Connect
            | PacketType::Connack
            | PacketType::Publish
            | PacketType::Puback
            | PacketType::Pubrec
            | PacketType::Pubcomp
            | PacketType::Suback
            | PacketType::Unsuback
            | PacketType::Pingreq
            | PacketType::Pingresp
            | PacketType::Disconnect
            | PacketType::Auth => 0,
        }
    }

    /// Its bit in a set of carriers.
    pub(crate) const fn carrier(self) -> Carriers {
        1 << (self as u8)
    }
}

impl TryFrom<u8> for PacketType {
    /// The number that is none: 0 is reserved in every version.
    type Error = u8;

    fn try_from(number: u8) -> Result<PacketType, u8> {
        Ok(match number {
            1 => PacketType::Connect,
            2 => PacketType::Connack,
            3 => PacketType::Publish,
            4 => PacketType::Puback,
            5 => PacketType::Pubrec,
            6 => PacketType::Pubrel,
            7 => PacketType::Pubcomp,
            8 => PacketType::Subscribe,
            9 => PacketType::Suback,
            10 => PacketType::Unsubscribe,
            11 => PacketType::Unsuback,
            12 => PacketType::Pingreq,
            13 => PacketType::Pingresp,
            14 => PacketType::Disconnect,
            15 => PacketType::Auth,
            other => return Err(other),
        })
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
