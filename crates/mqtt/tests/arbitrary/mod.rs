//! Arbitrary packets of every version, as proptest strategies.
//!
//! Which properties a packet may carry is written here a second time, from the sections of the standard, so that
//! a slip in the table of the crate does not hide itself.

use bytes::Bytes;
use bytestring::ByteString;
use mqtt::{
    Ack, Auth, Connack, ConnackCode, Connect, ConnectReturnCode, Disconnect, Packet, PacketId, PacketType, Properties,
    PropertiesBuilder, PropertyId, PropertyType, PropertyValue, Publish, QoS, ReasonCode, RetainHandling, Sender,
    Suback, Subscribe, Subscription, SubscriptionOptions, Unsuback, Unsubscribe, Version, Will,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Any packet that `sender` may send in `version`; a CONNECT is of that version.
pub(crate) fn packet(version: Version, sender: Sender) -> BoxedStrategy<Packet> {
    let id = packet_id();
    let both = prop_oneof![
        8 => publish(version, sender).prop_map(Packet::Publish),
        1 => ack(version, PacketType::Puback).prop_map(Packet::Puback),
        1 => ack(version, PacketType::Pubrec).prop_map(Packet::Pubrec),
        1 => ack(version, PacketType::Pubrel).prop_map(Packet::Pubrel),
        1 => ack(version, PacketType::Pubcomp).prop_map(Packet::Pubcomp),
    ];
    let own: BoxedStrategy<Packet> = match sender {
        Sender::Client => prop_oneof![
            4 => connect(version).prop_map(|connect| Packet::Connect(Box::new(connect))),
            4 => subscribe(version).prop_map(Packet::Subscribe),
            2 => (id, properties(version, UNSUBSCRIBE), vec(filter(), 1..4)).prop_map(|(packet_id, properties, filters)| {
                Packet::Unsubscribe(Unsubscribe { packet_id, properties, filters })
            }),
            1 => Just(Packet::Pingreq),
        ]
        .boxed(),
        Sender::Server => prop_oneof![
            4 => connack(version).prop_map(Packet::Connack),
            3 => suback(version).prop_map(Packet::Suback),
            2 => unsuback(version).prop_map(Packet::Unsuback),
            1 => Just(Packet::Pingresp),
        ]
        .boxed(),
    };
    let ends: BoxedStrategy<Packet> = match (version, sender) {
        (Version::V31 | Version::V311, Sender::Server) => both.clone().boxed(),
        (Version::V31 | Version::V311, Sender::Client) => {
            Just(Packet::Disconnect(Disconnect::new(ReasonCode::Success))).boxed()
        }
        (Version::V5, _) => prop_oneof![disconnect(sender), auth()].boxed(),
    };
    prop_oneof![3 => both, 3 => own, 1 => ends].boxed()
}

const UNSUBSCRIBE: &[PropertyId] = &[PropertyId::UserProperty];
const ACK: &[PropertyId] = &[PropertyId::ReasonString, PropertyId::UserProperty];
const AUTH: &[PropertyId] = &[PropertyId::AuthenticationData, PropertyId::ReasonString, PropertyId::UserProperty];
const MESSAGE: &[PropertyId] = &[
    PropertyId::PayloadFormatIndicator,
    PropertyId::MessageExpiryInterval,
    PropertyId::ContentType,
    PropertyId::ResponseTopic,
    PropertyId::CorrelationData,
    PropertyId::UserProperty,
];
const CONNECT: &[PropertyId] = &[
    PropertyId::SessionExpiryInterval,
    PropertyId::ReceiveMaximum,
    PropertyId::MaximumPacketSize,
    PropertyId::TopicAliasMaximum,
    PropertyId::RequestResponseInformation,
    PropertyId::RequestProblemInformation,
    PropertyId::UserProperty,
];
const CONNACK: &[PropertyId] = &[
    PropertyId::SessionExpiryInterval,
    PropertyId::ReceiveMaximum,
    PropertyId::MaximumQos,
    PropertyId::RetainAvailable,
    PropertyId::MaximumPacketSize,
    PropertyId::AssignedClientIdentifier,
    PropertyId::TopicAliasMaximum,
    PropertyId::ReasonString,
    PropertyId::UserProperty,
    PropertyId::WildcardSubscriptionAvailable,
    PropertyId::SubscriptionIdentifierAvailable,
    PropertyId::SharedSubscriptionAvailable,
    PropertyId::ServerKeepAlive,
    PropertyId::ResponseInformation,
    PropertyId::ServerReference,
];

/// Some of `allowed`, in any order, each once but for user properties and the subscription identifiers of a PUBLISH.
fn properties(version: Version, allowed: &[PropertyId]) -> BoxedStrategy<Properties> {
    if !version.is_v5() || allowed.is_empty() {
        return Just(Properties::new()).boxed();
    }
    let allowed = allowed.to_vec();
    let seeds = vec((any::<Index>(), any::<u32>(), text(), text(), vec(any::<u8>(), 0..6)), 0..6);
    let build = move |seeds: Vec<(Index, u32, ByteString, ByteString, Vec<u8>)>| {
        let set =
            |builder: PropertiesBuilder,
             (which, number, name, value, bytes): &(Index, u32, ByteString, ByteString, Vec<u8>)| {
                let id = *which.get(&allowed);
                let [low, next, ..] = number.to_le_bytes();
                let value = match id.value_type() {
                    PropertyType::Byte | PropertyType::Boolean => PropertyValue::Byte(low & 1),
                    PropertyType::TwoByteInteger => PropertyValue::TwoByteInteger(u16::from_le_bytes([low | 1, next])),
                    PropertyType::FourByteInteger => PropertyValue::FourByteInteger(number | 1),
                    PropertyType::VariableByteInteger => PropertyValue::VariableByteInteger(number >> 4 | 1),
                    PropertyType::BinaryData => PropertyValue::BinaryData(bytes),
                    PropertyType::Utf8String => PropertyValue::Utf8String(value),
                    PropertyType::Utf8StringPair => PropertyValue::Utf8StringPair(name, value),
                };
                builder.set(id, value).expect("the value fits the property")
            };
        seeds.iter().fold(Properties::builder(), set).build()
    };
    seeds.prop_map(build).boxed()
}

fn packet_id() -> BoxedStrategy<PacketId> {
    any::<std::num::NonZeroU16>().prop_map(PacketId).boxed()
}

fn text() -> BoxedStrategy<ByteString> {
    prop_oneof!["[a-z/]{0,24}", "[ -~]{0,9}", "[a-zü€𝄞]{0,8}"].prop_map(|text| plain(&text)).boxed()
}

/// Neither U+0000 nor wildcards, so that it can stand anywhere.
fn plain(text: &str) -> ByteString {
    ByteString::from(text.replace(['\0', '+', '#'], "."))
}

fn topic() -> BoxedStrategy<ByteString> {
    (text(), any::<bool>())
        .prop_map(|(text, nested)| ByteString::from(if nested { format!("a/{text}") } else { format!("{text}b") }))
        .boxed()
}

fn filter() -> BoxedStrategy<ByteString> {
    (topic(), select(vec!["", "/+", "/#", "/+/c"]))
        .prop_map(|(topic, end)| ByteString::from(format!("{topic}{end}")))
        .boxed()
}

fn payload() -> BoxedStrategy<Bytes> {
    vec(any::<u8>(), 0..300).prop_map(Bytes::from).boxed()
}

fn qos() -> BoxedStrategy<QoS> {
    select(vec![QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]).boxed()
}

fn reason(packet: PacketType) -> BoxedStrategy<ReasonCode> {
    let codes: Vec<ReasonCode> = ReasonCode::ALL.iter().copied().filter(|code| code.is_allowed_in(packet)).collect();
    select(codes).boxed()
}

fn publish(version: Version, sender: Sender) -> BoxedStrategy<Publish> {
    let mut allowed = MESSAGE.to_vec();
    allowed.push(PropertyId::TopicAlias);
    if sender == Sender::Server {
        allowed.push(PropertyId::SubscriptionIdentifier);
    }
    let parts = (any::<(bool, bool)>(), qos(), topic(), packet_id(), properties(version, &allowed), payload());
    parts
        .prop_map(|((dup, retain), qos, topic, packet_id, properties, payload)| {
            let acknowledged = qos != QoS::AtMostOnce;
            let packet_id = acknowledged.then_some(packet_id);
            Publish { dup: dup && acknowledged, qos, retain, topic, packet_id, properties, payload }
        })
        .boxed()
}

fn ack(version: Version, packet: PacketType) -> BoxedStrategy<Ack> {
    let parts = (packet_id(), reason(packet), properties(version, ACK));
    parts
        .prop_map(move |(packet_id, reason_code, properties)| {
            let reason_code = if version.is_v5() { reason_code } else { ReasonCode::Success };
            Ack { packet_id, reason_code, properties }
        })
        .boxed()
}

fn will(version: Version) -> BoxedStrategy<Will> {
    let mut allowed = MESSAGE.to_vec();
    allowed.push(PropertyId::WillDelayInterval);
    let parts = (topic(), payload(), qos(), any::<bool>(), properties(version, &allowed));
    parts.prop_map(|(topic, payload, qos, retain, properties)| Will { topic, payload, qos, retain, properties }).boxed()
}

fn connect(version: Version) -> BoxedStrategy<Connect> {
    let names = (text(), option::of(text()), option::of(payload()));
    let parts = (any::<(bool, bool)>(), any::<u16>(), names, option::of(will(version)), properties(version, CONNECT));
    parts
        .prop_map(move |((clean_start, bridge), keepalive_s, (client_id, username, password), will, properties)| {
            Connect {
                version,
                clean_start,
                keepalive_s,
                client_id,
                // [MQTT-3.1.2-22]: before MQTT 5 there is no password without a user name.
                password: password.filter(|_| version.is_v5() || username.is_some()),
                username,
                will,
                properties,
                bridge: bridge && !version.is_v5(),
            }
        })
        .boxed()
}

fn connack(version: Version) -> BoxedStrategy<Connack> {
    let code: BoxedStrategy<ConnackCode> = match version {
        Version::V31 | Version::V311 => select(ConnectReturnCode::ALL).prop_map(ConnackCode::V3).boxed(),
        Version::V5 => reason(PacketType::Connack).prop_map(ConnackCode::V5).boxed(),
    };
    (any::<bool>(), code, properties(version, CONNACK))
        .prop_map(move |(present, code, properties)| {
            let session_present = present && code.is_success() && version != Version::V31;
            Connack { session_present, code, properties }
        })
        .boxed()
}

fn subscribe(version: Version) -> BoxedStrategy<Subscribe> {
    let allowed = &[PropertyId::UserProperty];
    let handling = select(vec![RetainHandling::Send, RetainHandling::SendIfNew, RetainHandling::DoNotSend]);
    let options = (qos(), any::<(bool, bool)>(), handling).prop_map(
        move |(qos, (no_local, retain_as_published), retain_handling)| {
            if version.is_v5() {
                SubscriptionOptions { qos, no_local, retain_as_published, retain_handling }
            } else {
                SubscriptionOptions::new(qos)
            }
        },
    );
    let subscription = (filter(), options).prop_map(|(filter, options)| Subscription { filter, options });
    let identifier = option::of(1_u32..=268_435_455);
    (packet_id(), properties(version, allowed), identifier, vec(subscription, 1..4))
        .prop_map(move |(packet_id, mut properties, identifier, subscriptions)| {
            if let Some(identifier) = identifier.filter(|_| version.is_v5()) {
                properties = properties
                    .to_builder()
                    .subscription_identifier(identifier)
                    .expect("the identifier is in its range")
                    .build();
            }
            Subscribe { packet_id, properties, subscriptions }
        })
        .boxed()
}

fn suback(version: Version) -> BoxedStrategy<Suback> {
    let code = match version {
        Version::V31 | Version::V311 => select(vec![
            ReasonCode::Success,
            ReasonCode::GrantedQos1,
            ReasonCode::GrantedQos2,
            ReasonCode::UnspecifiedError,
        ])
        .boxed(),
        Version::V5 => reason(PacketType::Suback),
    };
    (packet_id(), properties(version, ACK), vec(code, 1..5))
        .prop_map(|(packet_id, properties, reason_codes)| Suback { packet_id, properties, reason_codes })
        .boxed()
}

fn unsuback(version: Version) -> BoxedStrategy<Unsuback> {
    (packet_id(), properties(version, ACK), vec(reason(PacketType::Unsuback), 1..5))
        .prop_map(move |(packet_id, properties, reason_codes)| {
            let reason_codes = if version.is_v5() { reason_codes } else { Vec::new() };
            Unsuback { packet_id, properties, reason_codes }
        })
        .boxed()
}

fn disconnect(sender: Sender) -> BoxedStrategy<Packet> {
    let own = match sender {
        Sender::Client => PropertyId::SessionExpiryInterval,
        Sender::Server => PropertyId::ServerReference,
    };
    let allowed = [PropertyId::ReasonString, PropertyId::UserProperty, own];
    (reason(PacketType::Disconnect), properties(Version::V5, &allowed))
        .prop_map(|(reason_code, properties)| Packet::Disconnect(Disconnect { reason_code, properties }))
        .boxed()
}

fn auth() -> BoxedStrategy<Packet> {
    (reason(PacketType::Auth), properties(Version::V5, AUTH))
        .prop_map(|(reason_code, properties)| {
            let properties =
                properties.to_builder().authentication_method("method").expect("the text is short").build();
            Packet::Auth(Auth { reason_code, properties })
        })
        .boxed()
}
