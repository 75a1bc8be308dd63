//! Sets of places where a property or a reason code may stand.

use super::PacketType;

/// One bit for each packet type, and bit 0 for the will inside CONNECT.
pub(crate) type Carriers = u16;

pub(crate) const NONE: Carriers = 0;
pub(crate) const WILL: Carriers = 1;
pub(crate) const CONNECT: Carriers = PacketType::Connect.carrier();
pub(crate) const CONNACK: Carriers = PacketType::Connack.carrier();
pub(crate) const PUBLISH: Carriers = PacketType::Publish.carrier();
/// The first answers to a PUBLISH.
pub(crate) const ACK_FIRST: Carriers = both(PacketType::Puback.carrier(), PacketType::Pubrec.carrier());
/// What follows PUBREC.
pub(crate) const ACK_SECOND: Carriers = both(PacketType::Pubrel.carrier(), PacketType::Pubcomp.carrier());
pub(crate) const SUBSCRIBE: Carriers = PacketType::Subscribe.carrier();
pub(crate) const SUBACK: Carriers = PacketType::Suback.carrier();
pub(crate) const UNSUBSCRIBE: Carriers = PacketType::Unsubscribe.carrier();
pub(crate) const UNSUBACK: Carriers = PacketType::Unsuback.carrier();
pub(crate) const DISCONNECT: Carriers = PacketType::Disconnect.carrier();
pub(crate) const AUTH: Carriers = PacketType::Auth.carrier();

pub(crate) const fn both(a: Carriers, b: Carriers) -> Carriers {
    a | b
}
