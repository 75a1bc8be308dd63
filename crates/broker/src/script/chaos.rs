//! Any packets in any order from several clients: nothing panics, every connection ends once, nothing is left over.

use std::time::Duration;

use bytes::Bytes;
use events::Kind;
use mqtt::{
    Ack, Connect, Disconnect, Packet, PacketId, Properties, Publish, QoS, ReasonCode, RetainHandling, Subscribe,
    Subscription, SubscriptionOptions, Unsubscribe, Version, Will,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::notation::parse;
use super::world::World;
use crate::ending::Ending;

pub(super) const CLIENTS: [&str; 3] = ["a", "b", "c"];
const TOPICS: [&str; 4] = ["t", "t/1", "t/1/x", "$x"];
const FILTERS: [&str; 7] = ["t", "t/+", "t/#", "#", "$share/g/t/#", "+/1/x", "a/#/b"];

#[derive(Clone, Debug)]
pub(super) enum Act {
    Send(usize, Packet),
    Garbage(usize, Vec<u8>),
    Close(usize),
    Wait(u64),
}

fn qos() -> impl Strategy<Value = QoS> {
    (0u8..3).prop_map(|qos| QoS::try_from(qos).unwrap())
}

fn id() -> impl Strategy<Value = PacketId> {
    (1u16..6).prop_map(|id| PacketId::new(id).unwrap())
}

fn connect() -> impl Strategy<Value = Packet> {
    let version = prop_oneof![Just(Version::V31), Just(Version::V311), Just(Version::V5)];
    (version, any::<bool>(), 0usize..3, 0u32..20, 1u16..4, proptest::option::of((0u32..10, qos(), 0usize..4))).prop_map(
        |(version, clean_start, who, expiry_s, receive_maximum, will)| {
            let properties = Properties::builder()
                .session_expiry_interval_s(expiry_s)
                .receive_maximum(receive_maximum.try_into().unwrap())
                .build();
            let will = will.map(|(delay_s, qos, topic)| Will {
                topic: TOPICS[topic].into(),
                payload: Bytes::from_static(b"will"),
                qos,
                retain: false,
                properties: Properties::builder().will_delay_interval_s(delay_s).build(),
            });
            Packet::Connect(Box::new(Connect {
                version,
                clean_start,
                keepalive_s: 10,
                client_id: ["x", "y", "z"][who].into(),
                username: None,
                password: None,
                will,
                properties: if version.is_v5() { properties } else { Properties::new() },
                bridge: false,
            }))
        },
    )
}

fn publish() -> impl Strategy<Value = Packet> {
    (qos(), any::<bool>(), any::<bool>(), 0usize..4, id(), "[a-z]{0,3}").prop_map(
        |(qos, dup, retain, topic, id, payload)| {
            Packet::Publish(Publish {
                dup: dup && qos != QoS::AtMostOnce,
                qos,
                retain,
                topic: TOPICS[topic].into(),
                packet_id: (qos != QoS::AtMostOnce).then_some(id),
                properties: Properties::new(),
                payload: Bytes::from(payload),
            })
        },
    )
}

fn subscribe() -> impl Strategy<Value = Packet> {
    (vec((0usize..7, qos(), 0u8..3), 1..4), id()).prop_map(|(filters, packet_id)| {
        let subscriptions = filters.into_iter().map(|(filter, qos, handling)| Subscription {
            filter: FILTERS[filter].into(),
            options: SubscriptionOptions {
                retain_handling: RetainHandling::try_from(handling).unwrap(),
                ..SubscriptionOptions::new(qos)
            },
        });
        Packet::Subscribe(Subscribe {
            packet_id,
            properties: Properties::new(),
            subscriptions: subscriptions.collect(),
        })
    })
}

fn packet() -> impl Strategy<Value = Packet> {
    prop_oneof![
        3 => connect(),
        6 => publish(),
        4 => subscribe(),
        1 => (vec(0usize..7, 1..3), id()).prop_map(|(filters, packet_id)| Packet::Unsubscribe(Unsubscribe {
            packet_id,
            properties: Properties::new(),
            filters: filters.into_iter().map(|filter| FILTERS[filter].into()).collect(),
        })),
        2 => id().prop_map(|id| Packet::Puback(Ack::new(id))),
        2 => id().prop_map(|id| Packet::Pubrec(Ack::new(id))),
        2 => id().prop_map(|id| Packet::Pubrel(Ack::new(id))),
        2 => id().prop_map(|id| Packet::Pubcomp(Ack::new(id))),
        1 => Just(Packet::Pingreq),
        1 => Just(Packet::Disconnect(Disconnect::new(ReasonCode::Success))),
    ]
}

pub(super) fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => (0usize..3, packet()).prop_map(|(client, packet)| Act::Send(client, packet)),
        1 => (0usize..3, vec(any::<u8>(), 1..20)).prop_map(|(client, bytes)| Act::Garbage(client, bytes)),
        1 => (0usize..3).prop_map(Act::Close),
        1 => (1u64..20).prop_map(Act::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn whatever_clients_do_the_broker_stays_whole(acts in vec(act(), 1..80)) {
        let settings = parse("config inflight_max=3 queue_len_max=5 receive_maximum=2 offline_sessions_max=2").unwrap();
        let mut world = World::new(settings.iter());
        for act in acts {
            match act {
                // A client that was closed connects anew; a second CONNECT cannot be written twice by the codec's rules.
                Act::Send(client, packet) => world.send(CLIENTS[client], &packet).unwrap(),
                Act::Garbage(client, bytes) => {
                    if world.names().iter().any(|name| name == CLIENTS[client]) {
                        world.send_bytes(CLIENTS[client], &bytes);
                    }
                }
                Act::Close(client) => {
                    if world.names().iter().any(|name| name == CLIENTS[client]) {
                        world.end(CLIENTS[client], &Ending::tcp_closed(events::Initiator::Client, None));
                    }
                }
                Act::Wait(seconds) => world.advance(Duration::from_secs(seconds)),
            }
            for name in CLIENTS {
                // Everything the broker says can be read.
                world.drain(name);
            }
        }
        for name in world.names() {
            world.end(&name, &Ending::tcp_closed(events::Initiator::Client, None));
        }
        world.advance(Duration::from_secs(8 * 24 * 3600));
        world.check_numbers().unwrap();
        let count = |kind| world.history().iter().filter(|event| event.kind() == kind).count();
        let opened = usize::try_from(world.hub.next_conn_id().0 - 1).unwrap();
        prop_assert_eq!(count(Kind::ClientDisconnected), opened, "every connection ends once");
        prop_assert_eq!(count(Kind::SessionSubscribed) >= count(Kind::SessionUnsubscribed), true);
        prop_assert_eq!(world.hub.router.stats().subscriptions_count, 0, "no subscription outlives its session");
        prop_assert_eq!(world.hub.registry.all().len(), 0, "no session is left");
        prop_assert_eq!(world.hub.queued_bytes.load(std::sync::atomic::Ordering::Relaxed), 0, "no byte is left in a queue");
        prop_assert!(world.hub.deadlines.lock().next_mono_ms().is_none(), "no deadline is left");
    }
}
