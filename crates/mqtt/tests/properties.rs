//! What holds for all bytes and all packets.

mod arbitrary;

use bytes::{Bytes, BytesMut};
use mqtt::{
    Limits, Packet, Properties, PropertyId, PublishParts, QoS, Sender, Version, decode, decode_frame, encode,
    encode_publish, encode_publish_head, encoded_len,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// The version a stream is decoded with: unknown for a CONNECT.
fn before(packet: &Packet, version: Version) -> Option<Version> {
    if matches!(packet, Packet::Connect(_)) { None } else { Some(version) }
}

fn limits(sender: Sender) -> Limits {
    Limits { sender, ..Limits::default() }
}

fn version() -> impl Strategy<Value = Version> {
    select(vec![Version::V31, Version::V311, Version::V5])
}

fn sender() -> impl Strategy<Value = Sender> {
    select(vec![Sender::Client, Sender::Server])
}

fn encoded(packet: &Packet, version: Version) -> BytesMut {
    let mut out = BytesMut::new();
    encode(packet, version, &mut out).expect("an arbitrary packet can be written");
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_decoded_or_refused(
        bytes in vec(any::<u8>(), 0..200),
        version in option::of(version()),
        sender in sender(),
    ) {
        let mut buf = BytesMut::from(&bytes[..]);
        while let Ok(Some(packet)) = decode(&mut buf, version, &limits(sender)) {
            let written_in = version.unwrap_or(Version::V5);
            let _len = encoded_len(&packet, written_in);
            let _text = format!("{packet:?}");
        }
    }

    /// A whole frame with a well-formed header gets further than any bytes do.
    #[test]
    fn any_body_is_decoded_or_refused(
        first in any::<u8>(),
        body in vec(prop_oneof![0_u8..4, any::<u8>()], 0..100),
        version in option::of(version()),
        sender in sender(),
    ) {
        let mut frame = vec![first, u8::try_from(body.len()).unwrap()];
        frame.extend(body);
        match decode_frame(Bytes::from(frame.clone()), version, &limits(sender)) {
            Ok(packet) => {
                let written_in = if let Packet::Connect(connect) = &packet { connect.version } else { version.unwrap() };
                let again = encoded(&packet, written_in).freeze();
                prop_assert_eq!(decode_frame(again, version, &limits(sender)), Ok(packet));
            }
            Err(error) => {
                prop_assert!(error.offset <= frame.len(), "{error}");
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }

    /// One byte of a good packet is changed: near misses reach every check.
    #[test]
    fn a_changed_byte_is_decoded_or_refused(
        (packet, version, sender) in any_packet(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut frame = encoded(&packet, version);
        let at = at.index(frame.len());
        frame[at] = byte;
        if let Ok(Some(changed)) = decode(&mut frame, before(&packet, version), &limits(sender)) {
            let written_in = if let Packet::Connect(connect) = &changed { connect.version } else { version };
            let again = encoded(&changed, written_in).freeze();
            prop_assert_eq!(decode_frame(again, before(&changed, version), &limits(sender)), Ok(changed));
        }
    }

    #[test]
    fn decoding_undoes_encoding((packet, version, sender) in any_packet()) {
        let frame = encoded(&packet, version);
        prop_assert_eq!(frame.len(), encoded_len(&packet, version));
        prop_assert_eq!(decode_frame(frame.freeze(), before(&packet, version), &limits(sender)), Ok(packet));
    }

    #[test]
    fn a_stream_in_pieces_gives_the_same_packets(
        packets in vec(arbitrary::packet(Version::V5, Sender::Server), 1..6),
        pieces in vec(1_usize..50, 1..20),
    ) {
        let mut stream = BytesMut::new();
        for packet in &packets {
            encode(packet, Version::V5, &mut stream).unwrap();
        }
        let mut found = Vec::new();
        let mut buf = BytesMut::new();
        let mut pieces = pieces.iter().cycle();
        while !stream.is_empty() {
            let len = (*pieces.next().unwrap()).min(stream.len());
            buf.extend_from_slice(&stream.split_to(len));
            while let Some(packet) = decode(&mut buf, Some(Version::V5), &limits(Sender::Server)).unwrap() {
                found.push(packet);
            }
        }
        prop_assert!(buf.is_empty());
        prop_assert_eq!(found, packets);
    }

    /// What a receiver gets is the message with the three things that are its own put in place of the sender's.
    #[test]
    fn a_delivery_replaces_only_what_it_says(
        packet in arbitrary::packet(Version::V5, Sender::Client),
        alias in option::of(any::<std::num::NonZeroU16>()),
        expiry in option::of(any::<u32>()),
        ids in vec(1_u32..=268_435_455, 0..3),
    ) {
        let Packet::Publish(publish) = packet else { return Ok(()) };
        let forwarded = publish.properties.for_forwarding();
        let parts = PublishParts {
            properties: &forwarded,
            topic_alias: alias,
            message_expiry_interval_s: expiry,
            subscription_ids: &ids,
            ..publish.parts()
        };
        let mut out = BytesMut::new();
        encode_publish(&parts, Version::V5, &mut out).unwrap();
        prop_assert_eq!(out.len(), parts.encoded_len(Version::V5));
        let mut head = BytesMut::new();
        encode_publish_head(&parts, Version::V5, &mut head).unwrap();
        prop_assert_eq!([&head[..], parts.payload].concat(), out.to_vec());

        let found = decode_frame(out.freeze(), Some(Version::V5), &limits(Sender::Server)).unwrap();
        let Packet::Publish(found) = found else { panic!("a PUBLISH was written") };
        prop_assert_eq!((&found.topic, found.packet_id), (&publish.topic, publish.packet_id));
        prop_assert_eq!(&found.payload, &publish.payload);
        let own = [PropertyId::TopicAlias, PropertyId::MessageExpiryInterval, PropertyId::SubscriptionIdentifier];
        let theirs = |properties: &Properties| properties.without(&own);
        prop_assert_eq!(theirs(&found.properties), theirs(&publish.properties));
        prop_assert_eq!(found.properties.topic_alias(), alias);
        let expected_s = expiry.or(publish.properties.message_expiry_interval_s());
        prop_assert_eq!(found.properties.message_expiry_interval_s(), expected_s);
        prop_assert_eq!(found.properties.subscription_identifiers().collect::<Vec<_>>(), ids);
    }
}

fn any_packet() -> impl Strategy<Value = (Packet, Version, Sender)> {
    (version(), sender())
        .prop_flat_map(|(version, sender)| (arbitrary::packet(version, sender), Just(version), Just(sender)))
}

#[test]
fn topic_and_payload_are_slices_of_the_frame() {
    let mut frame = BytesMut::new();
    let payload = vec![7_u8; 300];
    let properties = Properties::builder().user_property("k", "v").unwrap().build();
    let publish = mqtt::Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: "a/b".into(),
        packet_id: mqtt::PacketId::new(9),
        properties,
        payload: payload.into(),
    };
    encode(&Packet::Publish(publish), Version::V5, &mut frame).unwrap();
    let memory = frame.as_ptr_range();
    let Some(Packet::Publish(found)) = decode(&mut frame, Some(Version::V5), &Limits::default()).unwrap() else {
        panic!("a PUBLISH was written")
    };
    for part in [found.topic.as_bytes(), found.properties.as_bytes(), &found.payload] {
        assert!(memory.contains(&part.as_ptr()), "a part was copied");
    }
}
