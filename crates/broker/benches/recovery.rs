//! How long a broker takes to take up 100,000 sessions with 1,000,000 messages that wait: `cargo bench -p broker --bench
//! recovery -- [SESSIONS] [MESSAGES]`.
//!
//! The sessions come over real connections, one behind the other; what is measured is the new broker on the same files.

#![expect(clippy::print_stdout, reason = "whoever measures reads the figures here")]
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
#![expect(clippy::unwrap_used, reason = "whatever is not there ends the bench, and the place says what it was")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auth::{Anonymous, Auth, AuthConfig};
use broker::{AckAfter, Bound, Broker, BrokerConfig, ListenerConfig, Observer, Publication};
use bytes::BytesMut;
use events::Event;
use mqtt::{Connect, Packet, PacketId, Properties, QoS, Subscribe, Subscription, SubscriptionOptions, Version};

const PAYLOAD: [u8; 100] = [b'x'; 100];

struct Nobody;

impl Observer for Nobody {
    fn wants_publish(&self, _topic: &str) -> bool {
        false
    }
    fn published(&self, _event: &Event, _hops: u8) -> Option<broker::Awaited> {
        None
    }
}

fn broker() -> Broker {
    let config =
        AuthConfig { anonymous: Anonymous::Loopback, users_file: None, acl_file: None, ..AuthConfig::default() };
    let mut settings = BrokerConfig::default();
    settings.limits.offline_sessions_max = usize::MAX;
    settings.limits.queued_bytes_total_max = usize::MAX;
    Broker::new(settings, Auth::open(&config, Path::new(".")).unwrap(), Arc::new(Nobody))
}

/// CONNECT of a session that is kept, a SUBSCRIBE to a topic of its own, DISCONNECT.
fn session(number: usize) -> BytesMut {
    let connect = Connect {
        version: Version::V311,
        clean_start: false,
        keepalive_s: 0,
        client_id: format!("device-{number}").into(),
        username: None,
        password: None,
        will: None,
        properties: Properties::new(),
        bridge: false,
    };
    let options = SubscriptionOptions::new(QoS::AtLeastOnce);
    let subscriptions = vec![Subscription { filter: format!("devices/{number}/commands").into(), options }];
    let subscribe = Subscribe { packet_id: PacketId::MIN, properties: Properties::new(), subscriptions };
    let disconnect = mqtt::Disconnect::new(mqtt::ReasonCode::Success);
    let mut bytes = BytesMut::new();
    for packet in [Packet::Connect(Box::new(connect)), Packet::Subscribe(subscribe), Packet::Disconnect(disconnect)] {
        mqtt::encode(&packet, Version::V311, &mut bytes).unwrap();
    }
    bytes
}

fn open_sessions(address: SocketAddr, count: usize) {
    for number in 0..count {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&session(number)).unwrap();
        // CONNACK, SUBACK and the end.
        assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap(), 9);
    }
}

fn fill(dir: &Path, sessions: usize, messages: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let broker = broker();
    broker.recover(dir).unwrap();
    let mut listener = ListenerConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)));
    listener.ack_after = AckAfter::Memory;
    let bound = runtime.block_on(broker.listen("bench", listener)).unwrap();
    let Bound::Tcp(address) = bound else { panic!("expected an address, found {bound}") };
    let since = Instant::now();
    open_sessions(address, sessions);
    println!("{sessions} sessions opened in {:.1} s", since.elapsed().as_secs_f64());
    let since = Instant::now();
    for number in 0..messages {
        let topic = format!("devices/{}/commands", number % sessions);
        let message = Publication { qos: QoS::AtLeastOnce, ..Publication::new("bench", topic, PAYLOAD.as_slice()) };
        assert_eq!(broker.publish(&message).unwrap().receivers_count, 1);
    }
    println!("{messages} messages queued in {:.1} s", since.elapsed().as_secs_f64());
    runtime.block_on(broker.shutdown(Duration::from_secs(10)));
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let (sessions, messages) = match *numbers {
        [sessions, messages] => (sessions, messages),
        _ => (100_000, 1_000_000),
    };
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), sessions, messages);
    let broker = broker();
    let since = Instant::now();
    let recovered = broker.recover(dir.path()).unwrap();
    println!("recovered in {:.2} s: {recovered:?}", since.elapsed().as_secs_f64());
}
