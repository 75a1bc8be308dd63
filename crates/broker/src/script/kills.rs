//! Any packets in any order from several clients, and kills in between: what survives is as it was.

use std::collections::BTreeMap;
use std::time::Duration;

use mqtt::QoS;
use proptest::collection::vec;
use proptest::prelude::*;

use super::chaos::{Act, CLIENTS, act};
use super::notation::parse;
use super::world::World;
use crate::ending::Ending;
use crate::message::Queued;

/// Everything of a broker that survives, by name.
fn survivors(world: &World) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for slot in world.hub.registry.all() {
        let held = slot.hold();
        let Some(session) = held.session.as_ref().filter(|session| session.is_durable) else { continue };
        let inbox = slot.inbox.lock();
        let told = |queued: &Queued| {
            let Queued { message, qos, retain, subscription_ids, .. } = queued;
            format!("{} {:?} {qos:?} {retain} {subscription_ids:?}", message.topic(), message.payload())
        };
        let mut holdings: Vec<String> =
            session.subscriptions().map(|subscription| format!("{subscription:?}")).collect();
        holdings.extend(session.awaiting_release().map(|packet_id| format!("awaits {packet_id}")));
        holdings.sort();
        holdings.push(format!("expires {}, next {}", session.expiry_interval_s, session.next_packet_id()));
        let exchanges = session.exchanges().map(|(packet_id, queued)| format!("{packet_id} {:?}", queued.map(told)));
        holdings.extend(exchanges);
        holdings.extend(inbox.waiting().filter(|queued| queued.qos != QoS::AtMostOnce).map(told));
        found.insert(slot.client_id.to_string(), holdings);
    }
    for message in world.hub.retained.all() {
        found.insert(format!("retained {}", message.topic()), vec![format!("{:?}", message.payload())]);
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_clients_do_a_kill_changes_nothing_that_survives(acts in vec(act(), 1..60), kills in vec(0usize..60, 1..4), rewrite in 0usize..60) {
        let settings = parse("config durable\nconfig inflight_max=3 queue_len_max=5 receive_maximum=2").unwrap();
        let mut world = World::new(settings.iter());
        for (number, act) in acts.into_iter().enumerate() {
            match act {
                Act::Send(client, packet) => world.send(CLIENTS[client], &packet).unwrap(),
                Act::Garbage(client, _) | Act::Close(client) => {
                    if world.names().iter().any(|name| name == CLIENTS[client]) {
                        world.end(CLIENTS[client], &Ending::tcp_closed(events::Initiator::Client, None));
                    }
                }
                Act::Wait(seconds) => world.advance(Duration::from_secs(seconds)),
            }
            CLIENTS.iter().for_each(|name| drop(world.drain(name)));
            if number == rewrite {
                world.hub.rewrite(world.now);
            }
            if kills.contains(&number) {
                let before = survivors(&world);
                world.kill();
                prop_assert_eq!(survivors(&world), before);
            }
        }
    }
}
