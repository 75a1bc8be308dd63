//! The packets of the load generator's clients.

use bytes::BytesMut;
use mqtt::{
    Ack, Packet, PacketId, Properties, PublishParts, QoS, ReasonCode, Suback, Subscribe, Subscription,
    SubscriptionOptions, Version,
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

/// Appends the head of a PUBLISH whose payload, as long as `filler`, the caller appends.
pub(crate) fn publish_head(topic: &str, filler: &[u8], id: Option<PacketId>, qos: QoS, link: (Version, &mut BytesMut)) {
    let parts = PublishParts {
        dup: false,
        qos,
        retain: false,
        topic,
        packet_id: id,
        properties: &Properties::default(),
        topic_alias: None,
        message_expiry_interval_s: None,
        subscription_ids: &[],
        payload: filler,
    };
    mqtt::encode_publish_head(&parts, link.0, link.1).expect("the load generator's own messages are short");
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
