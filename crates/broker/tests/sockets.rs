//! The broker over real sockets: with a client of another make, with clients that behave badly, and to its end.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use auth::{Anonymous, Auth, AuthConfig};
use broker::{
    Awaited, Bound, Broker, BrokerConfig, BusItem, BusReceiver, Kinds, ListenerConfig, Observer, Publication, Rate,
};
use bytes::{Bytes, BytesMut};
use events::{Body, DisconnectReason, Event, EventId};
use mqtt::{
    Connect, Disconnect, Packet, PacketId, Properties, Publish, QoS, ReasonCode, Sender, Subscribe, Subscription,
    SubscriptionOptions, Version,
};
use parking_lot::Mutex;
use tokio::sync::watch;

/// Panics at one topic, as a bug in a rule would.
struct Fragile;

impl Observer for Fragile {
    fn wants_publish(&self, topic: &str) -> bool {
        topic == "panic"
    }

    fn published(&self, _event: &Event, _hops: u8) -> Option<Awaited> {
        panic!("this test wants a panic here");
    }
}

/// Lets who publishes to `wait` wait until the gate is open, and notes the events.
#[derive(Clone)]
struct Gate(Arc<watch::Sender<bool>>, Arc<Mutex<Vec<EventId>>>);

impl Gate {
    fn closed() -> Gate {
        Gate(Arc::new(watch::Sender::new(false)), Arc::default())
    }

    async fn wait_for_events(&self, count: usize) {
        while self.1.lock().len() < count {
            tokio::task::yield_now().await;
        }
    }
}

impl Observer for Gate {
    fn wants_publish(&self, topic: &str) -> bool {
        topic == "wait"
    }

    fn published(&self, event: &Event, _hops: u8) -> Option<Awaited> {
        self.1.lock().push(event.head.event_id);
        let mut gate = self.0.subscribe();
        Some(Awaited::new(Box::pin(async move { drop(gate.wait_for(|is_open| *is_open).await) })))
    }

    fn repeated(&self, event: &Event) -> Option<Awaited> {
        self.published(event, 0)
    }
}

struct Server {
    broker: Broker,
    address: SocketAddr,
    events: BusReceiver,
}

async fn serve(configure: impl FnOnce(&mut BrokerConfig, &mut ListenerConfig)) -> Server {
    serve_with(Arc::new(Fragile), configure).await
}

async fn serve_with(
    observer: Arc<dyn Observer>,
    configure: impl FnOnce(&mut BrokerConfig, &mut ListenerConfig),
) -> Server {
    let config =
        AuthConfig { anonymous: Anonymous::Loopback, users_file: None, acl_file: None, ..AuthConfig::default() };
    let auth = Auth::open(&config, std::path::Path::new(".")).unwrap();
    let mut settings = BrokerConfig::default();
    let mut listener = ListenerConfig::new((Ipv4Addr::LOCALHOST, 0).into());
    configure(&mut settings, &mut listener);
    let broker = Broker::new(settings, auth, observer);
    let events = broker.bus().subscribe("test", Kinds::all(), 100_000);
    let address = broker.listen("default", listener).await.unwrap();
    let Bound::Tcp(address) = address else { panic!("expected an address, found {address}") };
    Server { broker, address, events }
}

impl Server {
    /// Waits for an event.
    async fn event(&mut self, is_wanted: impl Fn(&Body) -> bool) -> Arc<Event> {
        let waiting = async {
            loop {
                for item in self.events.recv_batch().await {
                    if let BusItem::Event(event) = item
                        && is_wanted(&event.body)
                    {
                        return event;
                    }
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("the event comes")
    }

    async fn disconnected(&mut self, wanted: DisconnectReason) -> Arc<Event> {
        self.event(|body| matches!(body, Body::ClientDisconnected(event) if event.reason == wanted)).await
    }
}

/// A client that does what it is told, on a thread that may block.
struct Client {
    stream: TcpStream,
    received: BytesMut,
}

impl Client {
    fn open(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
        Client { stream, received: BytesMut::new() }
    }

    fn connect(address: SocketAddr, client_id: &str) -> Client {
        let mut client = Client::open(address);
        client.send(&[connect(client_id)]);
        let Some(Packet::Connack(connack)) = client.next() else { panic!("expected CONNACK") };
        assert!(connack.code.is_success());
        client
    }

    fn send(&mut self, packets: &[Packet]) {
        self.stream.write_all(&encoded(packets)).unwrap();
    }

    /// The next packet; `None` when the broker has closed the connection.
    fn next(&mut self) -> Option<Packet> {
        let limits = mqtt::Limits { sender: Sender::Server, ..mqtt::Limits::default() };
        loop {
            if let Some(packet) = mqtt::decode(&mut self.received, Some(Version::V5), &limits).unwrap() {
                return Some(packet);
            }
            let mut chunk = [0; 65_536];
            let len = self.stream.read(&mut chunk).ok()?;
            if len == 0 {
                return None;
            }
            self.received.extend_from_slice(&chunk[..len]);
        }
    }
}

fn encoded(packets: &[Packet]) -> BytesMut {
    let mut bytes = BytesMut::new();
    for packet in packets {
        mqtt::encode(packet, Version::V5, &mut bytes).unwrap();
    }
    bytes
}

fn connect(client_id: &str) -> Packet {
    Packet::Connect(Box::new(Connect {
        version: Version::V5,
        clean_start: true,
        keepalive_s: 0,
        client_id: client_id.into(),
        username: None,
        password: None,
        will: None,
        properties: Properties::new(),
        bridge: false,
    }))
}

fn subscribe(filter: &str, qos: QoS) -> Packet {
    let subscription = Subscription { filter: filter.into(), options: SubscriptionOptions::new(qos) };
    Packet::Subscribe(Subscribe {
        packet_id: PacketId::MIN,
        properties: Properties::new(),
        subscriptions: vec![subscription],
    })
}

fn publish(topic: &str, payload: impl Into<Bytes>, packet_id: Option<u16>) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos: if packet_id.is_some() { QoS::AtLeastOnce } else { QoS::AtMostOnce },
        retain: false,
        topic: topic.into(),
        packet_id: packet_id.and_then(PacketId::new),
        properties: Properties::new(),
        payload: payload.into(),
    })
}

/// Runs what blocks beside the broker.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn mosquitto(program: &str, address: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(["-h", "127.0.0.1", "-p", &address.port().to_string()]).args(arguments);
    command
}

/// The output of a program of mosquitto-clients.
fn output_of(mut command: Command) -> String {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.expect("mosquitto-clients are installed; help: apt-get install mosquitto-clients");
    assert!(output.status.success(), "{command:?} ended with {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_clients_talk_through_it_in_every_version_and_qos() {
    for version in ["31", "311", "5"] {
        for qos in ["0", "1", "2"] {
            let mut server = serve(|_, _| {}).await;
            let address = server.address;
            let subscriber = tokio::task::spawn_blocking(move || {
                let arguments = ["-V", version, "-q", qos, "-t", "t/+", "-C", "3", "-W", "20", "-v", "-i", "sub"];
                output_of(mosquitto("mosquitto_sub", address, &arguments))
            });
            server.event(|body| matches!(body, Body::SessionSubscribed(_))).await;
            for payload in ["one", "two", "three"] {
                // Each under an identifier of its own: a takeover may come before the last one's message is read.
                let arguments = ["-V", version, "-q", qos, "-t", "t/x", "-m", payload, "-i", payload];
                beside(move || output_of(mosquitto("mosquitto_pub", address, &arguments))).await;
            }
            assert_eq!(subscriber.await.unwrap(), "t/x one\nt/x two\nt/x three\n", "version {version}, QoS {qos}");
            server.broker.shutdown(Duration::from_secs(10)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_behind_connect_in_one_segment_is_handled() {
    let server = serve(|_, _| {}).await;
    let address = server.address;
    beside(move || {
        let mut client = Client::open(address);
        client.send(&[connect("a"), subscribe("t", QoS::AtLeastOnce), publish("t", "x", Some(9))]);
        let kinds: Vec<_> = (0..4).map(|_| client.next().unwrap().packet_type().name()).collect();
        assert_eq!(kinds, ["CONNACK", "SUBACK", "PUBACK", "PUBLISH"]);
        // The same, byte by byte.
        let mut client = Client::open(address);
        for byte in encoded(&[connect("b"), subscribe("t", QoS::AtMostOnce), publish("t", "y", None)]) {
            client.stream.write_all(&[byte]).unwrap();
        }
        let kinds: Vec<_> = (0..3).map(|_| client.next().unwrap().packet_type().name()).collect();
        assert_eq!(kinds, ["CONNACK", "SUBACK", "PUBLISH"]);
    })
    .await;
    server.broker.shutdown(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_says_goodbye_and_comes_again_at_once_was_heard() {
    const TIMES: usize = 100;
    let mut server = serve(|_, _| ()).await;
    let address = server.address;
    beside(move || {
        for _ in 0..TIMES {
            Client::connect(address, "hasty").send(&[Packet::Disconnect(Disconnect::new(ReasonCode::Success))]);
        }
    })
    .await;
    let mut reasons = Vec::new();
    while reasons.len() < TIMES {
        let batch = tokio::time::timeout(Duration::from_secs(30), server.events.recv_batch()).await;
        for item in batch.expect("every end is told") {
            if let BusItem::Event(event) = item
                && let Body::ClientDisconnected(event) = &event.body
            {
                reasons.push(event.reason);
            }
        }
    }
    let heard = reasons.iter().filter(|reason| **reason == DisconnectReason::Normal).count();
    // A machine that has other things to do for longer than the new connection waits is no mistake of the broker.
    assert!(heard >= TIMES - TIMES / 10, "of {TIMES} goodbyes {heard} were heard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_messages_arrive_whole_and_in_order() {
    let server = serve(|_, _| {}).await;
    let address = server.address;
    beside(move || {
        let mut subscriber = Client::connect(address, "sub");
        subscriber.send(&[subscribe("t", QoS::AtLeastOnce)]);
        assert!(matches!(subscriber.next(), Some(Packet::Suback(_))));
        let sizes = [1usize, 70_000, 10, 900_000, 65_000, 16_384, 16_383];
        let sender = std::thread::spawn(move || {
            let mut publisher = Client::connect(address, "pub");
            for (number, size) in (1..).zip(sizes) {
                publisher.send(&[publish("t", vec![u8::try_from(number).unwrap(); size], Some(number))]);
            }
            for _ in sizes {
                assert!(matches!(publisher.next(), Some(Packet::Puback(_))));
            }
        });
        for (number, size) in (1u8..).zip(sizes) {
            let Some(Packet::Publish(found)) = subscriber.next() else { panic!("expected a message") };
            assert_eq!(found.payload, vec![number; size]);
        }
        sender.join().unwrap();
    })
    .await;
    server.broker.shutdown(Duration::from_secs(10)).await;
}

// proves 3.1.1: [MQTT-4.8.0-2]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_a_rule_ends_one_connection() {
    let mut server = serve(|_, _| {}).await;
    let address = server.address;
    let mut bystander = beside(move || Client::connect(address, "bystander")).await;
    beside(move || {
        let mut client = Client::connect(address, "a");
        client.send(&[publish("panic", "x", None)]);
        assert!(client.next().is_none(), "the connection is closed");
    })
    .await;
    let event = server.disconnected(DisconnectReason::ServerInternalError).await;
    assert!(event.to_json().contains(r#""clientid":"a""#));
    beside(move || {
        bystander.send(&[Packet::Pingreq]);
        assert_eq!(bystander.next(), Some(Packet::Pingresp));
    })
    .await;
    server.broker.shutdown(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_sent_away_can_read_why() {
    let server = serve(|_, listener| listener.packet_bytes_max = 10_000).await;
    let address = server.address;
    beside(move || {
        let mut client = Client::connect(address, "a");
        // The packet is refused from its header; the rest of it is still on its way.
        let bytes = encoded(&[publish("t", vec![0; 200_000], None)]);
        client.stream.write_all(&bytes).unwrap();
        let Some(Packet::Disconnect(disconnect)) = client.next() else { panic!("expected DISCONNECT") };
        assert_eq!(disconnect.reason_code, ReasonCode::PacketTooLarge);
        assert!(client.next().is_none());
    })
    .await;
    server.broker.shutdown(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_costs_no_more_than_its_queue_and_can_be_ended() {
    let mut server = serve(|settings, _| settings.limits.queue_len_max = 100).await;
    let address = server.address;
    let slow = beside(move || {
        let mut slow = Client::connect(address, "slow");
        slow.send(&[subscribe("t", QoS::AtMostOnce)]);
        assert!(matches!(slow.next(), Some(Packet::Suback(_))));
        slow
    })
    .await;
    beside(move || {
        let mut publisher = Client::connect(address, "pub");
        for _ in 0..2000 {
            publisher.send(&[publish("t", vec![0; 10_000], None)]);
        }
        publisher.send(&[Packet::Pingreq]);
        assert_eq!(
            publisher.next(),
            Some(Packet::Pingresp),
            "the publisher never waits for the one that does not read"
        );
    })
    .await;
    let stats = server.broker.stats();
    assert!(stats.deliveries_dropped > 500, "{stats:?}");
    assert!(stats.queued_bytes < 100 * 11_000, "{stats:?}");
    assert!(server.broker.kick("slow"));
    server.disconnected(DisconnectReason::Kicked).await;
    assert!(!server.broker.kick("slow"));
    drop(slow);
    server.broker.shutdown(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_without_connect_are_counted_and_hinder_nobody() {
    const STRANGERS: u64 = 400;
    let mut server = serve(|_, listener| listener.connect_timeout_ms = 60_000).await;
    let address = server.address;
    let strangers = beside(move || {
        let mut strangers: Vec<Client> = (0..STRANGERS).map(|_| Client::open(address)).collect();
        for stranger in strangers.iter_mut().step_by(2) {
            stranger.stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        }
        let mut client = Client::connect(address, "a");
        client.send(&[Packet::Pingreq]);
        assert_eq!(client.next(), Some(Packet::Pingresp));
        strangers
    })
    .await;
    server.broker.shutdown(Duration::from_secs(10)).await;
    drop(strangers);
    let mut told: BTreeMap<&str, u64> = BTreeMap::new();
    let mut events_count = 0;
    for item in server.events.try_recv_batch() {
        if let BusItem::Event(event) = item
            && let Body::ClientDisconnected(body) = &event.body
        {
            *told.entry(body.reason.name()).or_default() += u64::from(body.repeated);
            events_count += 1;
        }
    }
    assert_eq!(told.values().sum::<u64>(), STRANGERS + 1, "{told:?}");
    assert!(events_count < 350, "expected the rest of a second as one event, found {events_count}");
    assert_eq!(server.broker.stats().connections, 0);
    assert_eq!(server.broker.stats().disconnects, STRANGERS + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_says_goodbye() {
    let mut server = serve(|_, _| {}).await;
    let address = server.address;
    let mut client = beside(move || Client::connect(address, "a")).await;
    let (broker, goodbye) =
        (server.broker.clone(), tokio::task::spawn_blocking(move || (client.next(), client.next())));
    broker.shutdown(Duration::from_secs(10)).await;
    let (first, second) = goodbye.await.unwrap();
    assert!(matches!(first, Some(Packet::Disconnect(d)) if d.reason_code == ReasonCode::ServerShuttingDown));
    assert_eq!(second, None);
    server.disconnected(DisconnectReason::GoAway).await;
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    assert!(server.events.recv_batch().await.is_empty(), "the bus is closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_publish_and_are_refused_in_words() {
    let server = serve(|_, _| {}).await;
    let address = server.address;
    let mut client = beside(move || {
        let mut client = Client::connect(address, "a");
        client.send(&[subscribe("out/#", QoS::AtMostOnce)]);
        assert!(matches!(client.next(), Some(Packet::Suback(_))));
        client
    })
    .await;
    let message = Publication::new("rule-1", "out/1", "x");
    assert_eq!(server.broker.publish(&message).unwrap().receivers_count, 1);
    let refused = |message: Publication| server.broker.publish(&message).unwrap_err().to_string();
    assert_eq!(
        refused(Publication::new("r", "$events/x", "")),
        "expected a topic of the clients, found `$events/x`; help: `$SYS/`, `$events/` and `$sources/` belong to the broker"
    );
    assert_eq!(
        refused(Publication { hops: 9, ..message.clone() }),
        "expected at most 8 rules in a row, found one more at `out/1`; help: a rule triggers itself"
    );
    assert_eq!(
        refused(Publication::new("r", "a/+", "")),
        "expected a topic name without wildcards, found `+` at byte 2"
    );
    let found = beside(move || client.next()).await;
    assert!(matches!(found, Some(Packet::Publish(found)) if found.topic == "out/1" && found.payload == "x"));
    server.broker.shutdown(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "how long it takes is what is tested")]
async fn who_publishes_faster_than_it_may_is_held_back_and_loses_nothing() {
    let server = serve(|broker, _| broker.limits.client_rates.messages = Rate::per_second(100)).await;
    let address = server.address;
    let began = tokio::time::Instant::now();
    let fast = tokio::task::spawn_blocking(move || {
        let mut client = Client::connect(address, "fast");
        // Larger than one read and than the buffers of the network, so that it is really the sender who waits.
        let packets: Vec<Packet> = (1..=160).map(|id| publish("t", vec![b'x'; 20_000], Some(id))).collect();
        let bytes = encoded(&packets);
        let mut stream = client.stream.try_clone().unwrap();
        let writer = std::thread::spawn(move || stream.write_all(&bytes).unwrap());
        let acknowledged = (1..=160).map_while(|_| client.next()).filter(|packet| matches!(packet, Packet::Puback(_)));
        let count = acknowledged.count();
        writer.join().unwrap();
        count
    });
    let other = tokio::task::spawn_blocking(move || {
        let mut client = Client::connect(address, "other");
        client.send(&[publish("t", "x", Some(1))]);
        matches!(client.next(), Some(Packet::Puback(_)))
    });
    assert!(other.await.unwrap(), "the others are not held back");
    assert_eq!(fast.await.unwrap(), 160);
    assert!(began.elapsed() >= Duration::from_millis(550), "{:?}", began.elapsed());
    assert!(server.broker.stats().reads_paused > 0);
    server.broker.shutdown(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_waits_for_what_the_observer_asks_for_and_other_connections_do_not() {
    let gate = Gate::closed();
    let server = serve_with(Arc::new(gate.clone()), |_, _| {}).await;
    let address = server.address;
    let opened = gate.clone();
    let waits = tokio::task::spawn_blocking(move || {
        let mut client = Client::connect(address, "waits");
        client.send(&[
            publish("wait", "x", Some(1)),
            publish("t", "x", Some(2)),
            publish("wait", "x", Some(3)),
            Packet::Pingreq,
        ]);
        let first = client.next();
        let was_open = *opened.0.borrow();
        (was_open, [first, client.next(), client.next(), client.next()])
    });
    while gate.0.receiver_count() < 2 {
        tokio::task::yield_now().await;
    }
    let other = beside(move || {
        let mut client = Client::connect(address, "other");
        client.send(&[publish("t", "x", Some(1))]);
        client.next()
    });
    assert!(matches!(other.await, Some(Packet::Puback(_))), "the others do not wait");
    gate.0.send_replace(true);
    let (was_open, answers) = waits.await.unwrap();
    assert!(was_open, "the answer came too early: {answers:?}");
    let ids: Vec<u16> = answers
        .iter()
        .map(|answer| match answer {
            Some(Packet::Puback(ack)) => ack.packet_id.get(),
            other => {
                assert_eq!(other, &Some(Packet::Pingresp));
                0
            }
        })
        .collect();
    assert_eq!(ids, [1, 2, 3, 0], "in order, and what came behind behind them");
    server.broker.shutdown(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_still_waits_ends_with_its_connection() {
    let gate = Gate::closed();
    let server = serve_with(Arc::new(gate.clone()), |_, _| {}).await;
    let address = server.address;
    let client = beside(move || {
        let mut client = Client::connect(address, "goes");
        client.send(&[publish("wait", "x", Some(1))]);
        client
    })
    .await;
    while gate.0.receiver_count() == 0 {
        tokio::task::yield_now().await;
    }
    drop(client);
    tokio::time::timeout(Duration::from_secs(30), gate.0.closed()).await.expect("nobody waits any more");
    server.broker.shutdown(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_qos_2_that_comes_again_before_it_was_answered_is_not_answered_early() {
    let gate = Gate::closed();
    let server = serve_with(Arc::new(gate.clone()), |_, _| {}).await;
    let address = server.address;
    let of_qos_2 = |dup| {
        let Packet::Publish(publish) = publish("wait", "x", Some(7)) else { panic!("a PUBLISH") };
        Packet::Publish(Publish { dup, qos: QoS::ExactlyOnce, ..publish })
    };
    let keeping = || {
        let Packet::Connect(connect) = connect("keeps") else { panic!("a CONNECT") };
        let properties = Properties::builder().session_expiry_interval_s(60).build();
        Packet::Connect(Box::new(Connect { clean_start: false, properties, ..*connect }))
    };
    let first = beside(move || {
        let mut client = Client::open(address);
        client.send(&[keeping(), of_qos_2(false)]);
        assert!(matches!(client.next(), Some(Packet::Connack(_))));
        client
    })
    .await;
    gate.wait_for_events(1).await;
    drop(first);
    let opened = gate.clone();
    let second = tokio::task::spawn_blocking(move || {
        let mut client = Client::open(address);
        client.send(&[keeping(), of_qos_2(true)]);
        assert!(matches!(client.next(), Some(Packet::Connack(connack)) if connack.session_present));
        let answer = client.next();
        (answer, *opened.0.borrow())
    });
    gate.wait_for_events(2).await;
    gate.0.send_replace(true);
    let (answer, was_open) = second.await.unwrap();
    assert!(matches!(answer, Some(Packet::Pubrec(ack)) if ack.packet_id.get() == 7));
    assert!(was_open, "the answer came too early");
    let events = gate.1.lock().clone();
    assert_eq!(events[0], events[1], "it is the same event");
    server.broker.shutdown(Duration::from_secs(10)).await;
}
