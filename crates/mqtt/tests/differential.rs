//! Ours beside three codecs of other makes, over arbitrary packets and over packets with one byte changed.
//!
//! Where they differ from the standard, a row of [`THEY_TAKE`] or [`THEY_REFUSE`] says so with its clause. The random
//! numbers are the same in every run, so a row that nothing needs any more is found too.

mod arbitrary;
mod others;

use std::collections::BTreeSet;

use bytes::{Bytes, BytesMut};
use mqtt::{DecodeError, Limits, Packet, Properties, PropertyId, PropertyValue, Sender, Version, decode_frame, encode};
use others::Other;
use others::Other::{Mqtt5Protocol, MqttProtocolCore, RmqttCodec};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// What others take though the standard forbids it: the kind of our error, and the clause.
const THEY_TAKE: &[(Other, &str, &str)] = &[
    (RmqttCodec, "UnknownReturnCode", "3.2.2.3 of 3.1.1: return codes 6 to 255 are reserved"),
    (RmqttCodec, "NulInString", "[MQTT-1.5.4-2]"),
    (RmqttCodec, "PasswordWithoutUsername", "[MQTT-3.1.2-22] of 3.1.1"),
    (RmqttCodec, "TrailingBytes", "3.1.3: the payload of CONNECT ends with the fields that its flags announce"),
    (RmqttCodec, "WildcardInTopic", "[MQTT-3.3.2-2]"),
    (RmqttCodec, "WildcardInResponseTopic", "[MQTT-3.3.2-14]"),
    (RmqttCodec, "UnsupportedVersion", "3.1.2.1: MQIsdp is the name of level 3 alone"),
    (RmqttCodec, "ReservedBits", "[MQTT-3.8.3-4] of 3.1.1"),
    (RmqttCodec, "MissingProperty", "3.1.2.11.10: authentication data needs a method"),
    (RmqttCodec, "PropertyNotBoolean", "3.2.2.3.4: maximum QoS is 0 or 1"),
    (RmqttCodec, "WillFlagsWithoutWill", "[MQTT-3.1.2-11], [MQTT-3.1.2-13]"),
    (RmqttCodec, "VarIntNotMinimal", "[MQTT-1.5.5-1]"),
    (Mqtt5Protocol, "UnknownReturnCode", "3.2.2.3 and [MQTT-3.9.3-2] of 3.1.1"),
    (Mqtt5Protocol, "UnsupportedVersion", "[MQTT-3.1.2-2]"),
    (Mqtt5Protocol, "WildcardInTopic", "[MQTT-3.3.2-2]"),
    (Mqtt5Protocol, "WildcardInResponseTopic", "[MQTT-3.3.2-14]"),
    (Mqtt5Protocol, "PacketIdZero", "[MQTT-2.2.1-3]"),
    (Mqtt5Protocol, "EmptyTopic", "[MQTT-4.7.3-1]"),
    (Mqtt5Protocol, "ReservedBits", "[MQTT-3.8.3-4] of 3.1.1"),
    (Mqtt5Protocol, "SubscriptionQosThree", "[MQTT-3.8.3-4] of 3.1.1"),
    (Mqtt5Protocol, "PropertyNotAllowed", "2.2.2.2: a property that is not of the packet is malformed"),
    (Mqtt5Protocol, "ReasonCodeNotAllowed", "[MQTT-3.15.2-1]"),
    (Mqtt5Protocol, "UnknownReasonCode", "[MQTT-3.15.2-1]"),
    (Mqtt5Protocol, "MissingProperty", "3.1.2.11.10: authentication data needs a method"),
    (Mqtt5Protocol, "PropertyNotBoolean", "3.2.2.3.4 and others: 0 or 1"),
    (Mqtt5Protocol, "VarIntNotMinimal", "[MQTT-1.5.5-1]"),
    (MqttProtocolCore, "ReservedBits", "[MQTT-3.2.2-1], [MQTT-3.1.2-3]"),
    (MqttProtocolCore, "NulInString", "[MQTT-1.5.4-2]"),
    (MqttProtocolCore, "EmptyTopic", "[MQTT-4.7.3-1]"),
    (MqttProtocolCore, "WildcardInTopic", "[MQTT-3.3.2-2]"),
    (MqttProtocolCore, "WildcardInResponseTopic", "[MQTT-3.3.2-14]"),
    (MqttProtocolCore, "PacketIdZero", "[MQTT-2.2.1-3]"),
    (MqttProtocolCore, "MissingProperty", "3.1.2.11.10: authentication data needs a method"),
    (MqttProtocolCore, "WillFlagsWithoutWill", "[MQTT-3.1.2-11], [MQTT-3.1.2-13]"),
    (MqttProtocolCore, "VarIntNotMinimal", "[MQTT-1.5.5-1]"),
];

/// What others refuse though it may be taken: version and packet, their words, and why we take it.
const THEY_REFUSE: &[(Other, &str, &str, &str)] = &[
    (RmqttCodec, "3.1 CONNECT", "Unsupported protocol level", "the bit of bridges"),
    (RmqttCodec, "3.1.1 CONNECT", "Unsupported protocol level", "the bit of bridges"),
    (MqttProtocolCore, "3.1.1 CONNECT", "UnsupportedProtocolVersion", "the bit of bridges"),
    (RmqttCodec, "3.1 CONNECT", "Invalid client id", "whether it may be empty is for the session"),
    (RmqttCodec, "3.1.1 CONNECT", "Invalid client id", "whether it may be empty is for the session"),
    (RmqttCodec, "5 CONNECT", "Invalid client id", "3.1.3.1: a server may take it and assign one"),
    (RmqttCodec, "3.1 CONNECT", "Connect frame's reserved flag", "MQTT 3.1 does not use the bit"),
    (RmqttCodec, "3.1 CONNACK", "ConnectAck frame's reserved flag", "MQTT 3.1 does not use the byte"),
    (RmqttCodec, "3.1 CONNECT", "Invalid length", "MQTT 3.1: the remaining length wins over the user name flag"),
    (Mqtt5Protocol, "5 CONNECT", "Password without username", "3.1.2.9 of 5 allows it"),
    (MqttProtocolCore, "5 CONNECT", "ProtocolError", "3.1.2.9 of 5 allows a password without a user name"),
    (Mqtt5Protocol, "5 DISCONNECT", "BadAuthenticationMethod", "table 2-6 lists 0x8C for DISCONNECT"),
    (MqttProtocolCore, "5 DISCONNECT", "MalformedPacket", "table 2-6 lists 0x8C for DISCONNECT"),
];

const SENDERS: [Sender; 2] = [Sender::Client, Sender::Server];
const VERSIONS: [Version; 3] = [Version::V31, Version::V311, Version::V5];

/// What we write they read, and what they write for it we read as the same packet.
#[test]
fn others_relay_every_packet() {
    let mut refused = BTreeSet::new();
    for_each(1_500, Just(()), |packet, (), place| {
        let frame = encoded(packet, place.version);
        for other in place.others() {
            let written = match other.relay(&frame, place.version) {
                Ok(written) => written,
                Err(words) => {
                    refused.insert(they_refuse(other, packet, place.version, &words));
                    continue;
                }
            };
            // It writes every CONNECT of 3.1 with the level of 3.1.1.
            if other == RmqttCodec && place.version == Version::V31 && matches!(packet, Packet::Connect(_)) {
                continue;
            }
            let read = place.decode(packet, Bytes::from(written)).unwrap_or_else(|error| panic!("{other:?}: {error}"));
            assert_eq!(canonical(&read, other), canonical(packet, other), "{other:?} {}", place.version);
        }
    });
    assert!(refused.len() > 5, "the packets were too tame: {refused:?}");
}

/// One byte of the body is changed: others agree whether it is still a packet, and which.
#[test]
fn others_judge_changed_packets_alike() {
    let (mut taken, mut refused) = (BTreeSet::new(), BTreeSet::new());
    let change = (any::<Index>(), prop_oneof![any::<u8>(), 0_u8..4]);
    for_each(20_000, change, |packet, (at, byte), place| {
        let mut frame = encoded(packet, place.version);
        let header_len = 2 + frame.iter().skip(1).position(|byte| byte & 0x80 == 0).unwrap();
        let body_len = frame.len() - header_len;
        if body_len == 0 {
            return;
        }
        // The first bytes of the body are those that mean most.
        frame[header_len + at.index(body_len.min(40))] = byte;
        let ours = place.decode(packet, frame.clone().freeze());
        for other in place.others() {
            match (&ours, other.relay(&frame, place.version)) {
                (Ok(_), Ok(_)) | (Err(_), Err(_)) => {}
                (Ok(_), Err(words)) => {
                    refused.insert(they_refuse(other, packet, place.version, &words));
                }
                (Err(error), Ok(_)) => {
                    taken.insert(they_take(other, error, &frame));
                }
            }
        }
    });
    let stale = |used: &BTreeSet<usize>, len: usize| (0..len).filter(|row| !used.contains(row)).collect::<Vec<_>>();
    assert_eq!(stale(&taken, THEY_TAKE.len()), [0_usize; 0], "rows of THEY_TAKE that nothing needs");
    assert_eq!(stale(&refused, THEY_REFUSE.len()), [0_usize; 0], "rows of THEY_REFUSE that nothing needs");
}

/// Where a packet comes from.
struct Place {
    version: Version,
    sender: Sender,
}

impl Place {
    fn others(&self) -> impl Iterator<Item = Other> {
        Other::ALL.into_iter().filter(|other| other.speaks(self.version))
    }

    fn decode(&self, packet: &Packet, frame: Bytes) -> Result<Packet, DecodeError> {
        let before = if matches!(packet, Packet::Connect(_)) { None } else { Some(self.version) };
        decode_frame(frame, before, &Limits { sender: self.sender, ..Limits::default() })
    }
}

/// Hands `count` arbitrary packets of every version and side to `check`, each with a value of `extra`.
fn for_each<S: Strategy>(count: usize, extra: S, mut check: impl FnMut(&Packet, S::Value, &Place)) {
    let mut runner = TestRunner::deterministic();
    for version in VERSIONS {
        for sender in SENDERS {
            let packets = arbitrary::packet(version, sender);
            for _ in 0..count {
                let packet = packets.new_tree(&mut runner).expect("no strategy gives up").current();
                let extra = extra.new_tree(&mut runner).expect("no strategy gives up").current();
                check(&packet, extra, &Place { version, sender });
            }
        }
    }
}

fn encoded(packet: &Packet, version: Version) -> BytesMut {
    let mut out = BytesMut::new();
    encode(packet, version, &mut out).expect("an arbitrary packet can be written");
    out
}

/// The row that excuses a refusal.
fn they_refuse(other: Other, packet: &Packet, version: Version, words: &str) -> usize {
    let what = format!("{version} {}", packet.packet_type());
    THEY_REFUSE
        .iter()
        .position(|(who, of, why, _)| *who == other && *of == what && words.contains(why))
        .unwrap_or_else(|| panic!("{other:?} refuses what we take: {words}\n{packet:?}"))
}

/// The row that excuses a packet that should be refused.
fn they_take(other: Other, error: &DecodeError, frame: &[u8]) -> usize {
    let kind = format!("{:?}", error.kind);
    THEY_TAKE
        .iter()
        .position(|(who, name, _)| *who == other && kind.split(['(', ' ']).next() == Some(name))
        .unwrap_or_else(|| panic!("{other:?} takes what we refuse: {error}\n{frame:02X?}"))
}

/// The packet with its properties in the order of their identifiers, as others write them.
fn canonical(packet: &Packet, other: Other) -> Packet {
    let mut packet = packet.clone();
    let order = |properties: &mut Properties| {
        let mut each: Vec<_> =
            properties.iter().filter(|property| !is_lost(other, property.id, property.value)).collect();
        each.sort_by_key(|property| property.id);
        let set =
            |block: mqtt::PropertiesBuilder, property: &mqtt::Property<'_>| block.set(property.id, property.value);
        *properties = each.iter().try_fold(Properties::builder(), set).expect("they come from a block").build();
    };
    match &mut packet {
        Packet::Connect(connect) => {
            order(&mut connect.properties);
            connect.will.iter_mut().for_each(|will| order(&mut will.properties));
        }
        Packet::Connack(connack) => order(&mut connack.properties),
        Packet::Publish(publish) => order(&mut publish.properties),
        Packet::Puback(ack) | Packet::Pubrec(ack) | Packet::Pubrel(ack) | Packet::Pubcomp(ack) => {
            order(&mut ack.properties)
        }
        Packet::Subscribe(subscribe) => order(&mut subscribe.properties),
        Packet::Suback(suback) => order(&mut suback.properties),
        Packet::Unsubscribe(unsubscribe) => order(&mut unsubscribe.properties),
        Packet::Unsuback(unsuback) => order(&mut unsuback.properties),
        Packet::Disconnect(disconnect) => order(&mut disconnect.properties),
        Packet::Auth(auth) => order(&mut auth.properties),
        Packet::Pingreq | Packet::Pingresp => {}
    }
    packet
}

/// One of them leaves out what says the same as its absence; ours keeps the difference.
fn is_lost(other: Other, id: PropertyId, value: PropertyValue<'_>) -> bool {
    let says_nothing = [
        (PropertyId::PayloadFormatIndicator, PropertyValue::Byte(0)),
        (PropertyId::RequestResponseInformation, PropertyValue::Byte(0)),
        (PropertyId::RequestProblemInformation, PropertyValue::Byte(1)),
        (PropertyId::RetainAvailable, PropertyValue::Byte(1)),
        (PropertyId::WildcardSubscriptionAvailable, PropertyValue::Byte(1)),
        (PropertyId::SubscriptionIdentifierAvailable, PropertyValue::Byte(1)),
        (PropertyId::SharedSubscriptionAvailable, PropertyValue::Byte(1)),
    ];
    other == RmqttCodec && says_nothing.contains(&(id, value))
}
