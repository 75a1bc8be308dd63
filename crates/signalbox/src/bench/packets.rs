//! The packets of the load generator's clients.

use bytes::BytesMut;
use mqtt::{
    Ack, Packet, PacketId, Properties, Publish, QoS, ReasonCode, Suback, Subscribe, Subscription, SubscriptionOptions,
    Version,
};

/// A SUBSCRIBE for one filter.
pub(crate) fn subscribe(filter: &str, qos: QoS) -> Packet {
    let options = SubscriptionOptions { qos, ..SubscriptionOptions::default() };
    Packet::Subscribe(Subscribe {
        packet_id: PacketId::MIN,
        properties: Properties::default(),
        subscriptions: vec![Subscription { filter: filter.into(), options }],
    })
}

/// Whether every filter of the SUBSCRIBE was granted.
pub(crate) fn is_granted(suback: &Suback) -> bool {
    suback.reason_codes.iter().all(|code| !code.is_error())
}

/// Appends a PUBLISH up to its payload, which the caller appends in the same length.
pub(crate) fn publish_head(publish: &Publish, version: Version, out: &mut BytesMut) {
    mqtt::encode_publish_head(&publish.parts(), version, out).expect("the load generator's own messages are short");
}

/// Appends what a subscriber answers a PUBLISH with.
pub(crate) fn acknowledge(qos: QoS, id: PacketId, version: Version, out: &mut BytesMut) {
    let packet = match qos {
        QoS::AtMostOnce => return,
        QoS::AtLeastOnce => Packet::Puback(ack(id)),
        QoS::ExactlyOnce => Packet::Pubrec(ack(id)),
    };
    append(&packet, version, out);
}

/// Appends the answer to a PUBREC.
pub(crate) fn pubrel(id: PacketId, version: Version, out: &mut BytesMut) {
    append(&Packet::Pubrel(ack(id)), version, out);
}

/// Appends the answer to a PUBREL.
pub(crate) fn pubcomp(id: PacketId, version: Version, out: &mut BytesMut) {
    append(&Packet::Pubcomp(ack(id)), version, out);
}

fn append(packet: &Packet, version: Version, out: &mut BytesMut) {
    mqtt::encode(packet, version, out).expect("an acknowledgement is short");
}

fn ack(packet_id: PacketId) -> Ack {
    Ack { packet_id, reason_code: ReasonCode::Success, properties: Properties::default() }
}
