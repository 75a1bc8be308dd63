//! Very many connections without CONNECT, while an ordinary client goes on being served.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rumqttc::NetworkOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{AsyncClient, Event, EventLoop, Incoming, MqttOptions};
use serde_json::Value;
use tokio::task::{JoinHandle, JoinSet};

use crate::support::attacker::Attacker;
use crate::support::process::{raise_open_files, resident_kib};
use crate::support::server::Home;
use crate::support::witness::Witness;
use crate::support::{PATIENCE, listener};

/// How many come, where the system allows that many open files.
const CROWD_COUNT: u64 = 10_000;
/// Files of the test itself and of other tests in this process, and of the broker beside its connections.
const OTHER_FILES_COUNT: u64 = 1000;
/// How long one round trip of the ordinary client may take at any time. Nobody would call a broker that answers later
/// one that serves; it is as long as that because two processes share a machine that is busy with other tests.
const SERVED_WITHIN: Duration = Duration::from_secs(3);
/// What one of the crowd may cost at most in KiB: its task, its timer, and its part of the broker's tables. Measured: 2.3.
const STRANGER_KIB_MAX: u64 = 6;
/// What may remain of each in KiB when all are gone: no more than they may cost. Measured: 4.5, which is the level of the
/// moment when all of them are sent away. They are freed by other threads than they were made by, so the allocator goes
/// on holding their pages for the next crowd. That nothing is lost is seen over many crowds, below.
const REMAINS_KIB_MAX: u64 = STRANGER_KIB_MAX;
/// What may be lost for each connection over many crowds, in bytes: a connection that is forgotten is larger. Measured:
/// 0 to 150 for the first 30,000, and none for the next 150,000.
const LOST_BYTES_MAX: u64 = 512;

/// The ordinary client: it publishes to itself, one message after the other.
struct Served {
    is_over: Arc<AtomicBool>,
    task: JoinHandle<Vec<Duration>>,
}

impl Served {
    async fn start(broker: SocketAddr) -> Served {
        let mut options = MqttOptions::new("served", broker.ip().to_string(), broker.port());
        options.set_keep_alive(PATIENCE);
        // Otherwise its own system would hold back small packets, and that is what would be measured.
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        options.set_network_options(network);
        let (client, mut events) = AsyncClient::new(options, 10);
        client.subscribe("served/+", QoS::AtLeastOnce).await.unwrap();
        wait_for(&mut events, |incoming| matches!(incoming, Incoming::SubAck(_))).await;
        let is_over = Arc::new(AtomicBool::new(false));
        let task = tokio::task::spawn(make_round_trips(client, events, Arc::clone(&is_over)));
        Served { is_over, task }
    }

    /// Ends it and returns how long each round trip took.
    async fn stop(self) -> Vec<Duration> {
        self.is_over.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

async fn make_round_trips(client: AsyncClient, mut events: EventLoop, is_over: Arc<AtomicBool>) -> Vec<Duration> {
    let mut took = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let payload = took.len().to_string();
        let since = Instant::now();
        client.publish("served/me", QoS::AtLeastOnce, false, payload.clone()).await.unwrap();
        wait_for(
            &mut events,
            |incoming| matches!(incoming, Incoming::Publish(publish) if publish.payload == payload.as_bytes()),
        )
        .await;
        took.push(since.elapsed());
        // It is an ordinary client, no second attack.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    took
}

async fn wait_for(events: &mut EventLoop, is_wanted: impl Fn(&Incoming) -> bool) {
    let wanted = async {
        loop {
            if let Event::Incoming(incoming) = events.poll().await.unwrap()
                && is_wanted(&incoming)
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, wanted).await.expect("the ordinary client is not served");
}

/// Opens so many connections; every other one sends the beginning of a CONNECT.
async fn open_crowd(broker: SocketAddr, count: u64) -> Vec<Attacker> {
    const HANDS_COUNT: u64 = 8;
    let mut hands = JoinSet::new();
    for hand in 0..HANDS_COUNT {
        hands.spawn(async move {
            let mut opened = Vec::new();
            for number in (hand..count).step_by(8) {
                let begun: &[u8] = if (number / HANDS_COUNT).is_multiple_of(2) { b"" } else { b"\x10\x0d\x00\x04MQ" };
                opened.push(Attacker::open_with(broker, begun).await);
            }
            opened
        });
    }
    hands.join_all().await.into_iter().flatten().collect()
}

/// How many connections these events stand for.
fn told_of(events: &[Value]) -> u64 {
    endings(events).map(|event| event["repeated"].as_u64().unwrap()).sum()
}

fn endings(events: &[Value]) -> impl Iterator<Item = &Value> {
    events.iter().filter(|event| event["event"] == "client.disconnected")
}

/// Checks that of the events of one address never more than 100 in a second were told on their own, beside one with
/// their number.
fn assert_within_limit(events: &[Value]) {
    let mut told_at_ms: Vec<u64> = Vec::new();
    for event in endings(events) {
        if event["repeated"] != 1 {
            told_at_ms.clear();
            continue;
        }
        let at_ms = event["timestamp"].as_u64().unwrap();
        if let Some(before_ms) = told_at_ms.len().checked_sub(101).map(|index| told_at_ms[index]) {
            // The second is measured by another clock than the timestamp.
            assert!(at_ms + 20 >= before_ms + 1000, "more than 100 between {before_ms} and {at_ms}");
        }
        told_at_ms.push(at_ms);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connections_without_connect_hinder_nobody_and_leave_nothing() {
    let allowed = raise_open_files().saturating_sub(OTHER_FILES_COUNT);
    let count = CROWD_COUNT.min(allowed);
    if count < CROWD_COUNT {
        let line = format!("the system allows {count} connections instead of {CROWD_COUNT}: see `ulimit -Hn`\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    assert!(count >= 500, "the system allows {allowed} connections, which is no crowd; help: raise `ulimit -Hn`");
    let home = Home::new().with_config(&listener("connect_timeout_ms = 12_000"));
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    let served = Served::start(server.mqtt).await;
    let before_kib = resident_kib(server.pid());

    let mut crowd = open_crowd(server.mqtt, count).await;
    witness.wait_for_metric("signalbox_connections", count + 1).await;
    let crowded_kib = resident_kib(server.pid());

    // All of them are sent away by the timeout alone.
    for attacker in &mut crowd {
        assert_eq!(attacker.read_to_end().await, b"");
    }
    drop(crowd);
    witness.wait_for_metric("signalbox_connections", 1).await;
    let mut told = told_of(&witness.seen);
    witness
        .wait_until("not every connection is told of", |event| {
            told += event["repeated"].as_u64().unwrap_or_default();
            told >= count
        })
        .await;
    let took = served.stop().await;
    let after_kib = resident_kib(server.pid());

    assert_eq!(told_of(&witness.seen), count);
    for event in endings(&witness.seen) {
        assert_eq!((&event["reason"], &event["stage"]), (&"connect_timeout".into(), &"accepted".into()), "{event}");
    }
    assert_within_limit(&witness.seen);
    let told_count = u64::try_from(endings(&witness.seen).count()).unwrap();
    assert!(told_count < count / 2, "{told_count} events for {count} connections");
    assert_eq!(witness.metric("signalbox_disconnects_unauthenticated_total").await, count);
    assert_eq!(witness.metric("signalbox_disconnects_by_reason_total{reason=\"connect_timeout\"}").await, count);
    assert_eq!(witness.metric("signalbox_connections_accepted_total").await, count + 1);
    assert_eq!(witness.metric("signalbox_connections_shed_total").await, 0);
    assert_eq!(witness.metric("signalbox_connects_accepted_total").await, 1);

    let slowest = took.iter().max().unwrap();
    let memory = format!("{before_kib} KiB before, {crowded_kib} KiB with {count} connections, {after_kib} KiB after");
    println!("{} round trips, slowest {slowest:?}; {told_count} events; {memory}", took.len());
    assert!(*slowest < SERVED_WITHIN, "a round trip took {slowest:?}");
    assert!(took.len() > 100, "only {} round trips", took.len());
    assert!(crowded_kib <= before_kib + count * STRANGER_KIB_MAX, "{memory}");
    assert!(after_kib <= before_kib + count * REMAINS_KIB_MAX, "{memory}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_after_crowd_takes_no_more_memory() {
    const COUNT: u64 = 1000;
    const FIRST_CROWDS_COUNT: u64 = 4;
    const CROWDS_COUNT: u64 = 20;
    raise_open_files();
    let home = Home::new().with_config(&listener("connect_timeout_ms = 200"));
    let server = home.serve();
    let witness = Witness::of(&home, &server).await;
    let mut levels_kib = Vec::new();
    for _ in 0..FIRST_CROWDS_COUNT + CROWDS_COUNT {
        for attacker in &mut open_crowd(server.mqtt, COUNT).await {
            attacker.read_to_end().await;
        }
        levels_kib.push(resident_kib(server.pid()));
    }
    witness.wait_for_metric("signalbox_connections", 0).await;
    let (first, later) = levels_kib.split_at(usize::try_from(FIRST_CROWDS_COUNT).unwrap());
    let (before_kib, after_kib) = (first.iter().max().unwrap(), later.last().unwrap());
    println!("{levels_kib:?}");
    let lost_bytes = after_kib.saturating_sub(*before_kib) * 1024 / (CROWDS_COUNT * COUNT);
    assert!(lost_bytes <= LOST_BYTES_MAX, "{lost_bytes} bytes are lost with each connection: {levels_kib:?} KiB");
}

#[tokio::test]
async fn a_crowd_of_one_address_does_not_hide_who_comes_from_another() {
    let home = Home::new();
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    let mut crowd = Vec::new();
    for _ in 0..300 {
        crowd.push(Attacker::open_with(server.mqtt, b"\x00\x00").await);
    }
    let mut other = Attacker::open_from([127, 0, 0, 2].into(), server.mqtt).await;
    other.send(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let ending = witness.ending_of(other.address).await;
    assert_eq!((&ending["reason"], &ending["repeated"]), (&"not_mqtt".into(), &1.into()), "{ending}");
    let of_crowd = |events: &[Value]| told_of(events) - 1;
    let mut told = of_crowd(&witness.seen);
    if told < 300 {
        witness
            .wait_until("not every connection is told of", |event| {
                told += event["repeated"].as_u64().unwrap();
                told >= 300
            })
            .await;
    }
    assert_eq!(of_crowd(&witness.seen), 300);
    assert_within_limit(&witness.seen);
}
