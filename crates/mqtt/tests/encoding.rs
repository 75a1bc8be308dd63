//! What cannot be written is refused before anything is, and secrets stay out of logs.

use bytes::{Bytes, BytesMut};
use mqtt::{
    Ack, Auth, Connack, ConnackCode, Connect, ConnectReturnCode, EncodeError, Packet, PacketId, PacketType, Properties,
    Publish, PublishParts, QoS, ReasonCode, Suback, Subscribe, Subscription, SubscriptionOptions, Unsubscribe, Version,
    encode, encode_publish,
};

fn check_refused(packet: &Packet, version: Version, expected: EncodeError) {
    let mut out = BytesMut::from(&b"before"[..]);
    assert_eq!(encode(packet, version, &mut out), Err(expected), "{packet:?}");
    assert_eq!(&out[..], b"before", "nothing is written");
}

fn publish(qos: QoS, packet_id: Option<PacketId>) -> Publish {
    let properties = Properties::new();
    Publish { dup: false, qos, retain: false, topic: "t".into(), packet_id, properties, payload: Bytes::new() }
}

fn connect() -> Connect {
    Connect {
        version: Version::V5,
        clean_start: true,
        keepalive_s: 0,
        client_id: "dev".into(),
        username: None,
        password: Some(Bytes::from_static(b"secret")),
        will: None,
        properties: Properties::new(),
        bridge: false,
    }
}

#[test]
fn packet_identifier_and_qos_belong_together() {
    check_refused(&Packet::Publish(publish(QoS::AtLeastOnce, None)), Version::V5, EncodeError::PacketId);
    check_refused(&Packet::Publish(publish(QoS::AtMostOnce, PacketId::new(1))), Version::V311, EncodeError::PacketId);
}

#[test]
fn texts_that_do_not_fit_are_refused() {
    let long = "x".repeat(65_536);
    let too_long = |field| EncodeError::TooLong { field, found: 65_536 };
    let topic = Publish { topic: long.clone().into(), ..publish(QoS::AtMostOnce, None) };
    check_refused(&Packet::Publish(topic), Version::V5, too_long("topic name"));
    let client_id = Connect { client_id: long.clone().into(), ..connect() };
    check_refused(&Packet::Connect(Box::new(client_id)), Version::V5, too_long("client identifier"));
    let username = Connect { username: Some(long.clone().into()), ..connect() };
    check_refused(&Packet::Connect(Box::new(username)), Version::V5, too_long("user name"));
    let password = Connect { password: Some(long.clone().into()), ..connect() };
    check_refused(&Packet::Connect(Box::new(password)), Version::V5, too_long("password"));
    let (packet_id, properties) = (PacketId::MIN, Properties::new());
    let subscription = Subscription { filter: long.clone().into(), options: SubscriptionOptions::default() };
    let subscribe = Subscribe { packet_id, properties: properties.clone(), subscriptions: vec![subscription] };
    check_refused(&Packet::Subscribe(subscribe), Version::V5, too_long("topic filter"));
    let unsubscribe = Unsubscribe { packet_id, properties, filters: vec![long.into()] };
    check_refused(&Packet::Unsubscribe(unsubscribe), Version::V5, too_long("topic filter"));
}

#[test]
fn a_packet_beyond_28_bits_is_refused() {
    let payload = vec![0; 268_435_455 - 3 + 1];
    let publish = publish(QoS::AtMostOnce, None);
    let parts = PublishParts { payload: &payload, ..publish.parts() };
    let mut out = BytesMut::new();
    assert_eq!(encode_publish(&parts, Version::V311, &mut out), Err(EncodeError::PacketTooLarge(268_435_456)));
    assert_eq!(parts.encoded_len(Version::V311), 268_435_456 + 5);
    assert!(out.is_empty());
}

#[test]
fn versions_keep_their_packets_and_codes() {
    let auth = Auth { reason_code: ReasonCode::Success, properties: Properties::new() };
    let expected = EncodeError::NotInVersion(PacketType::Auth, Version::V311);
    check_refused(&Packet::Auth(auth), Version::V311, expected);
    let refusal = |code: ConnackCode| Packet::Connack(Connack::refusal(code));
    let of_5 = refusal(ReasonCode::NotAuthorized.into());
    check_refused(&of_5, Version::V311, EncodeError::CodeOfOtherVersion(Version::V311));
    let of_3 = refusal(ConnectReturnCode::UnauthorizedClient.into());
    check_refused(&of_3, Version::V5, EncodeError::CodeOfOtherVersion(Version::V5));
}

#[test]
fn subscription_identifiers_are_in_their_range() {
    for bad in [0, 268_435_456, u32::MAX] {
        let publish = publish(QoS::AtMostOnce, None);
        let parts = PublishParts { subscription_ids: &[1, bad], ..publish.parts() };
        let mut out = BytesMut::new();
        let expected = EncodeError::PropertyValue(mqtt::PropertyId::SubscriptionIdentifier);
        assert_eq!(encode_publish(&parts, Version::V5, &mut out), Err(expected));
    }
}

/// A packet made for MQTT 5 goes to a client of 3.1.1 without what that version cannot say.
#[test]
fn earlier_versions_leave_out_what_they_cannot_say() {
    let properties = Properties::builder().reason_string("full").unwrap().build();
    let ack = Ack { packet_id: PacketId::MIN, reason_code: ReasonCode::QuotaExceeded, properties: properties.clone() };
    let reason_codes = vec![ReasonCode::GrantedQos1, ReasonCode::NotAuthorized];
    let suback = Suback { packet_id: PacketId::MIN, properties, reason_codes };
    for (packet, expected) in
        [(Packet::Puback(ack), &b"\x40\x02\x00\x01"[..]), (Packet::Suback(suback), &b"\x90\x04\x00\x01\x01\x80"[..])]
    {
        let mut out = BytesMut::new();
        encode(&packet, Version::V311, &mut out).unwrap();
        assert_eq!(&out[..], expected);
    }
}

#[test]
fn secrets_stay_out_of_debug_texts() {
    let properties = Properties::builder().authentication_method("m").unwrap().authentication_data(b"hidden").unwrap();
    let text = format!("{:?}", Connect { properties: properties.build(), ..connect() });
    assert!(!text.contains("secret") && !text.contains("104, 105, 100"), "{text}");
    assert!(text.contains("6 bytes") && text.contains("Authentication-Method"), "{text}");
}

#[test]
fn packet_identifiers_go_round() {
    assert_eq!(PacketId::MAX.next(), PacketId::MIN);
    assert_eq!(PacketId::MIN.next().get(), 2);
    assert_eq!(PacketId::new(0), None);
}
