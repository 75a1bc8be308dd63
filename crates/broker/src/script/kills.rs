//! Any packets in any order from several clients, and kills in between: what survives is as it was.

use std::collections::BTreeMap;
use std::time::Duration;

use mqtt::QoS;
use proptest::collection::vec;
use proptest::prelude::*;

use super::chaos::{Act, CLIENTS, act};
use super::notation::parse;
use super::world::World;
use crate::durable::Recovered;
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
        holdings.extend(session.awaiting_release().map(|(packet_id, _)| format!("awaits {packet_id}")));
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

/// What the events tell of is what there is: nobody is connected, and sessions are those that have survived.
fn check_told(world: &World) -> Result<(), TestCaseError> {
    let past = world.past();
    for (client_id, standing) in past.clients() {
        let slot = world.hub.registry.get(client_id);
        let has_session = slot.is_some_and(|slot| slot.hold().session.is_some());
        prop_assert!(!standing.is_connected, "{client_id} was connected: {standing:?}");
        prop_assert_eq!(standing.session.is_some(), has_session, "{}: {:?}", client_id, standing);
    }
    world.check_numbers().map_err(TestCaseError::fail)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_clients_do_a_kill_changes_nothing_that_survives(acts in vec(act(), 1..60), kills in vec(0usize..60, 1..4), rewrite in 0usize..60) {
        let settings = parse("config durable inflight_max=3 queue_len_max=5 receive_maximum=2").unwrap();
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
                world.go_down();
                world.come_back();
                prop_assert_eq!(survivors(&world), before);
                world.close_past();
                check_told(&world)?;
            }
        }
    }
}

/// Three sessions and a retained message; what becomes of the file they are in; what is taken up of it.
fn recovered_after(change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> (Recovered, Vec<String>) {
    let mut world = World::new(parse("config durable").unwrap().iter());
    let mut text = String::new();
    for name in ["first", "second", "third"] {
        text += &format!("{name} > CONNECT clientid={name} version=3.1.1 clean_start=false\n{name} < CONNACK\n");
        text += &format!("{name} > SUBSCRIBE filter=t qos=1\n{name} < SUBACK\n");
    }
    text += "first > PUBLISH topic=t payload=kept retain\n";
    for line in text.lines().filter_map(|line| parse(line).unwrap()) {
        world.take(&line).unwrap();
    }
    world.go_down();
    let entries = std::fs::read_dir(world.sessions_dir()).unwrap();
    let [file] = entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>().try_into().unwrap();
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, change(bytes)).unwrap();
    let recovered = world.come_back();
    (recovered, survivors(&world).into_keys().collect())
}

#[test]
fn what_the_journal_knows_of_a_connection_is_told_where_the_history_has_lost_it() {
    // How many events of the connect the history has got: none, `session_created`, that and `client_connack`, all.
    for known in 0..=3 {
        let mut world = World::new(parse("config durable").unwrap().iter());
        for line in "a > CONNECT clientid=a Session-Expiry-Interval=60\na < CONNACK".lines() {
            world.take(&parse(line).unwrap().unwrap()).unwrap();
        }
        world.forget_events_after(known);
        world.kill();
        let line = "event client_disconnected clientid=a reason=server_restart conn_id=1 sockname=127.0.0.1:1883";
        world.take(&parse(line).unwrap().unwrap()).unwrap();
        world.take(&parse("no event client_disconnected").unwrap().unwrap()).unwrap();
        assert_eq!(world.past().clients().filter(|(_, standing)| standing.is_connected).count(), 0);
    }
}

#[test]
fn what_is_damaged_is_counted_and_the_rest_is_taken_up() {
    let (recovered, names) = recovered_after(|mut bytes| {
        let at = bytes.windows(6).position(|window| window == b"second").unwrap();
        bytes[at] ^= 1;
        bytes
    });
    assert_eq!(names, ["first", "retained t", "third"]);
    assert_eq!(recovered, Recovered { sessions: 2, subscriptions: 2, retained: 1, lost: 1, ..Recovered::default() });
}

#[test]
fn a_write_that_was_cut_short_is_no_loss() {
    let (recovered, names) = recovered_after(|mut bytes| {
        bytes.truncate(bytes.len() - 3);
        bytes
    });
    assert_eq!(names, ["first", "second", "third"]);
    assert_eq!(recovered.lost, 0);
}

/// Yields to others until `is_so`.
fn wait_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        std::thread::yield_now();
    }
}

#[test]
fn what_a_disk_does_not_take_is_written_when_it_is_back() {
    let mut world = World::new(parse("config durable").unwrap().iter());
    let dir = world.sessions_dir();
    std::fs::remove_dir_all(&dir).unwrap();
    let take = |text: &str, world: &mut World| {
        text.lines().filter_map(|line| parse(line).unwrap()).for_each(|line| world.take(&line).unwrap());
    };
    take("a > CONNECT clientid=a version=3.1.1 clean_start=false\na < CONNACK", &mut world);
    wait_until(|| world.hub.store.get().unwrap().is_failing());
    take("a > SUBSCRIBE filter=t qos=1\na < SUBACK\na closes", &mut world);
    take(
        "b > CONNECT clientid=b\nb < CONNACK\nb > PUBLISH topic=t payload=x qos=1 id=1 retain\nb < PUBACK",
        &mut world,
    );
    let waits_for = world.hub.store.get().unwrap().mark();
    std::fs::create_dir(&dir).unwrap();
    wait_until(|| world.hub.store.get().unwrap().wants_rewrite());
    let is_reached = |world: &World| world.hub.store.get().unwrap().poll_reached(waits_for, None);
    assert!(!is_reached(&world), "what was refused is not on disk yet");
    world.hub.rewrite(world.now);
    assert!(is_reached(&world));
    let before = survivors(&world);
    assert_eq!(before.len(), 2);
    world.kill();
    assert_eq!(survivors(&world), before);
}

#[test]
fn the_will_of_a_session_that_is_not_kept_stays_when_the_journal_is_written_anew() {
    let mut world = World::new(parse("config durable").unwrap().iter());
    let take = |text: &str, world: &mut World| {
        text.lines().filter_map(|line| parse(line).unwrap()).for_each(|line| world.take(&line).unwrap());
    };
    for name in ["there", "gone"] {
        take(&format!("{name} > CONNECT clientid={name} will.topic=wills/{name}\n{name} < CONNACK"), &mut world);
    }
    take("gone > DISCONNECT", &mut world);
    world.hub.rewrite(world.now);
    world.kill();
    take("event message_publish clientid=there topic=wills/there\nno event message_publish", &mut world);
    // It was published once.
    world.kill();
    take("no event message_publish", &mut world);
}
