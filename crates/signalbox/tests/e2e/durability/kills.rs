//! The broker is killed again and again under load, and what it has promised holds.
//!
//! Publishers and subscribers keep their side of their sessions over every kill, as MQTT asks of them. How often the
//! broker is killed is said by `SIGNALBOX_KILLS`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Condvar, Mutex};
use std::time::Instant;

use mqtt::{Ack, Packet, PacketId, Publish, QoS, Version};

use super::device::{Wire, id, keeping, publish};
use crate::support::PATIENCE;
use crate::support::server::Home;

/// Messages that a publisher has under way at a time.
const WINDOW: usize = 10;

const CONFIG: &str = "[limits]\nqueue_len_max = 1_000_000\nqueue_bytes_max = 1_000_000_000\n";

/// What the threads of a test share.
struct Scene {
    /// Where the broker is, and how often it was started.
    place: Mutex<(u64, SocketAddr)>,
    moved: Condvar,
    /// Publishers begin nothing new.
    is_ending: AtomicBool,
    /// The highest number that the retained topic was acknowledged with.
    retained: AtomicU64,
    progress: SyncSender<()>,
}

impl Scene {
    /// Connects to the broker, as soon as it is there.
    fn connect(&self, make: impl Fn() -> mqtt::Connect) -> Wire {
        let deadline = Instant::now() + 3 * PATIENCE;
        loop {
            let (start, address) = *self.place.lock().unwrap();
            if let Ok(wire) = Wire::open(address, make()) {
                return wire;
            }
            let mut place = self.place.lock().unwrap();
            while place.0 == start && Instant::now() < deadline {
                // Where the broker was there and cut the connection, it is soon somewhere else.
                place = self.moved.wait_timeout(place, PATIENCE / 100).unwrap().0;
            }
            assert!(Instant::now() < deadline, "the broker does not come back");
        }
    }

    fn tell_progress(&self) {
        // Where so much progress waits to be seen, more of it says nothing new.
        let (Ok(()) | Err(_)) = self.progress.try_send(());
    }

    fn move_to(&self, address: SocketAddr) {
        let mut place = self.place.lock().unwrap();
        *place = (place.0 + 1, address);
        self.moved.notify_all();
    }
}

/// What a publisher has begun.
struct Publisher {
    name: &'static str,
    qos: QoS,
    topic: &'static str,
    retain: bool,
    version: Version,
    window: usize,
    /// What is not acknowledged, in order: its number, and whether the broker has said that it has it.
    open: BTreeMap<u64, bool>,
    last: u64,
}

impl Publisher {
    fn new(name: &'static str, qos: QoS, topic: &'static str, version: Version) -> Publisher {
        Publisher { name, qos, topic, retain: false, version, window: WINDOW, open: BTreeMap::new(), last: 0 }
    }

    /// Publishes until the scene ends, and gives how many messages that were.
    fn run(mut self, scene: &Scene) -> u64 {
        let mut was_here = false;
        loop {
            let mut wire = scene.connect(|| keeping(self.name, self.version));
            assert!(wire.session_present || !was_here, "the session of {} is lost", self.name);
            was_here = true;
            match self.converse(&mut wire, scene) {
                Ok(()) => return self.last,
                Err(_killed) => {}
            }
        }
    }

    fn converse(&mut self, wire: &mut Wire, scene: &Scene) -> io::Result<()> {
        for (number, is_theirs) in self.open.clone() {
            if is_theirs {
                wire.send(&Packet::Pubrel(Ack::new(self.packet_id(number))))?;
            } else {
                wire.send(&Packet::Publish(Publish { dup: true, ..self.message(number) }))?;
            }
        }
        loop {
            while self.open.len() < self.window && !scene.is_ending.load(Ordering::Relaxed) {
                self.last += 1;
                self.open.insert(self.last, false);
                wire.send(&Packet::Publish(self.message(self.last)))?;
            }
            if self.open.is_empty() {
                return Ok(());
            }
            let packet = wire.receive()?;
            self.take(&packet, wire, scene)?;
        }
    }

    fn take(&mut self, packet: &Packet, wire: &mut Wire, scene: &Scene) -> io::Result<()> {
        let number = |packet_id| {
            let found = self.open.keys().find(|number| self.packet_id(**number) == packet_id);
            *found.expect("an acknowledgement of what was sent")
        };
        if let Packet::Puback(ack) = packet {
            let number = number(ack.packet_id);
            self.open.remove(&number);
            if self.retain {
                scene.retained.store(number, Ordering::Relaxed);
            }
            scene.tell_progress();
        } else if let Packet::Pubrec(ack) = packet {
            let number = number(ack.packet_id);
            self.open.insert(number, true);
            wire.send(&Packet::Pubrel(Ack::new(ack.packet_id)))?;
        } else if let Packet::Pubcomp(ack) = packet {
            let number = number(ack.packet_id);
            self.open.remove(&number);
            scene.tell_progress();
        } else {
            panic!("expected an acknowledgement, found {packet:?}");
        }
        Ok(())
    }

    fn message(&self, number: u64) -> Publish {
        let message = publish(self.topic, &number.to_string(), self.qos, Some(self.packet_id(number)));
        Publish { retain: self.retain, ..message }
    }

    fn packet_id(&self, number: u64) -> PacketId {
        id(u16::try_from(number % 60_000).unwrap() + 1)
    }
}

/// What a subscriber was given.
struct Subscriber {
    name: &'static str,
    version: Version,
    topics: &'static [&'static str],
    /// Messages of QoS 2 that came and were not released.
    held: BTreeSet<PacketId>,
    /// Numbers by topic, in the order they came.
    given: BTreeMap<String, Vec<u64>>,
}

impl Subscriber {
    fn new(name: &'static str, version: Version, address: SocketAddr, topics: &'static [&'static str]) -> Subscriber {
        let mut wire = Wire::must_open(address, keeping(name, version));
        topics.iter().for_each(|topic| wire.subscribe(topic, QoS::ExactlyOnce));
        Subscriber { name, version, topics, held: BTreeSet::new(), given: BTreeMap::new() }
    }

    /// Takes messages until it has `expected` of each topic, once that is known.
    fn run(mut self, scene: &Scene, expected: &Mutex<Option<BTreeMap<&str, u64>>>) -> Subscriber {
        loop {
            let mut wire = scene.connect(|| keeping(self.name, self.version));
            assert!(wire.session_present, "the session of {} is lost", self.name);
            match self.converse(&mut wire, expected) {
                Ok(()) => return self,
                Err(_killed) => {}
            }
        }
    }

    fn converse(&mut self, wire: &mut Wire, expected: &Mutex<Option<BTreeMap<&str, u64>>>) -> io::Result<()> {
        let mut since = Instant::now();
        loop {
            if let Some(packet) = wire.receive_soon()? {
                since = Instant::now();
                self.take(packet, wire)?;
                continue;
            }
            let is_enough = expected.lock().unwrap().as_ref().is_some_and(|expected| self.has_all(expected));
            if is_enough && self.held.is_empty() {
                for packet in wire.receive_rest() {
                    self.take(packet, wire)?;
                }
                return Ok(());
            }
            assert!(since.elapsed() < 3 * PATIENCE, "{} waits for messages that do not come", self.name);
        }
    }

    fn take(&mut self, packet: Packet, wire: &mut Wire) -> io::Result<()> {
        if let Packet::Publish(message) = packet {
            let packet_id = message.packet_id.expect("messages of QoS 1 and 2");
            let is_new = message.qos == QoS::AtLeastOnce || self.held.insert(packet_id);
            if is_new {
                let number = std::str::from_utf8(&message.payload).unwrap().parse().unwrap();
                self.given.entry(message.topic.to_string()).or_default().push(number);
            }
            if message.qos == QoS::AtLeastOnce {
                wire.puback(packet_id)
            } else {
                wire.send(&Packet::Pubrec(Ack::new(packet_id)))
            }
        } else if let Packet::Pubrel(ack) = packet {
            self.held.remove(&ack.packet_id);
            wire.send(&Packet::Pubcomp(Ack::new(ack.packet_id)))
        } else {
            panic!("expected a message, found {packet:?}")
        }
    }

    fn has_all(&self, expected: &BTreeMap<&str, u64>) -> bool {
        self.topics.iter().all(|topic| {
            let last = usize::try_from(expected[topic]).unwrap();
            self.given.get(*topic).is_some_and(|given| given.iter().collect::<BTreeSet<_>>().len() >= last)
        })
    }

    /// Every message came in order, and those of QoS 2 once.
    fn check(&self, topic: &str, last: u64, qos: QoS) {
        let mut seen = BTreeSet::new();
        let given = self.given[topic].iter().copied();
        // At QoS 1 what was said before may be said again.
        let given: Vec<u64> = given.filter(|number| seen.insert(*number) || qos == QoS::ExactlyOnce).collect();
        let expected: Vec<u64> = (1..=last).collect();
        assert!(given == expected, "{} has {given:?} of `{topic}`, {last} were published", self.name);
    }
}

/// The retained message of a topic, as somebody new gets it.
fn retained_at(address: SocketAddr) -> Option<u64> {
    let connect = mqtt::Connect { clean_start: true, ..keeping("looks", Version::V311) };
    let mut wire = Wire::must_open(address, connect);
    wire.subscribe("state/pump", QoS::AtMostOnce);
    wire.receive_rest().into_iter().find_map(|packet| {
        let Packet::Publish(message) = packet else { return None };
        message.retain.then(|| std::str::from_utf8(&message.payload).unwrap().parse().unwrap())
    })
}

fn kills() -> u32 {
    std::env::var("SIGNALBOX_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(12)
}

/// Kills the broker whenever some more messages are acknowledged, and starts it again.
fn kill_again_and_again(home: &Home, scene: &Scene, progress: &Receiver<()>) -> crate::support::server::Server {
    let mut server = home.serve();
    scene.move_to(server.mqtt);
    for _ in 0..kills() {
        for _ in 0..fastrand::u32(1..300) {
            progress.recv_timeout(3 * PATIENCE).expect("messages are acknowledged");
        }
        let acknowledged = scene.retained.load(Ordering::Relaxed);
        // As by `kill -9`.
        drop(server);
        server = home.serve();
        let found = retained_at(server.mqtt).unwrap_or(0);
        assert!(found >= acknowledged, "the retained message is {found}, {acknowledged} was acknowledged");
        scene.move_to(server.mqtt);
    }
    server
}

#[test]
fn a_broker_that_is_killed_loses_nothing_it_has_acknowledged_and_delivers_qos_2_once() {
    let home = Home::new().with_config(CONFIG);
    let server = home.serve();
    let subscribers = [
        Subscriber::new("takes-1", Version::V311, server.mqtt, &["one/1"]),
        Subscriber::new("takes-2", Version::V5, server.mqtt, &["two/5", "two/3"]),
    ];
    let away = Subscriber::new("away", Version::V5, server.mqtt, &["one/1", "two/5", "two/3"]);
    let publishers = [
        Publisher::new("gives-1", QoS::AtLeastOnce, "one/1", Version::V5),
        Publisher::new("gives-2", QoS::ExactlyOnce, "two/5", Version::V5),
        Publisher::new("gives-2-before-v5", QoS::ExactlyOnce, "two/3", Version::V311),
        Publisher {
            retain: true,
            window: 1,
            ..Publisher::new("gives-state", QoS::AtLeastOnce, "state/pump", Version::V311)
        },
    ];
    let (tx, progress) = sync_channel(100);
    let scene = Scene {
        place: Mutex::new((0, server.mqtt)),
        moved: Condvar::new(),
        is_ending: AtomicBool::new(false),
        retained: AtomicU64::new(0),
        progress: tx,
    };
    let expected = Mutex::new(None);
    drop(server);
    std::thread::scope(|threads| {
        let taking = subscribers.map(|subscriber| threads.spawn(|| subscriber.run(&scene, &expected)));
        let giving = publishers.map(|publisher| threads.spawn(|| publisher.run(&scene)));
        let server = kill_again_and_again(&home, &scene, &progress);
        scene.is_ending.store(true, Ordering::Relaxed);
        let [one, five, three, state] = giving.map(|thread| thread.join().unwrap());
        assert_eq!(retained_at(server.mqtt), Some(state));
        *expected.lock().unwrap() = Some(BTreeMap::from([("one/1", one), ("two/5", five), ("two/3", three)]));
        let [takes_1, takes_2] = taking.map(|thread| thread.join().unwrap());
        takes_1.check("one/1", one, QoS::AtLeastOnce);
        takes_2.check("two/5", five, QoS::ExactlyOnce);
        takes_2.check("two/3", three, QoS::ExactlyOnce);
        // What came while nobody was there.
        let away = away.run(&scene, &expected);
        away.check("one/1", one, QoS::AtLeastOnce);
        away.check("two/5", five, QoS::ExactlyOnce);
        away.check("two/3", three, QoS::ExactlyOnce);
    });
}
