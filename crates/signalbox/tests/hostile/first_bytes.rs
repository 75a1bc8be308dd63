//! First bytes that are no CONNECT: garbage, other protocols, other packets.

use std::collections::BTreeSet;

use crate::support::attacker::Attacker;
use crate::support::listener;
use crate::support::packets::{CONNACK_V311, CONNECT_V311};
use crate::support::server::Home;
use crate::support::witness::Witness;

/// First bytes, and how the connection ends: reason and a part of the detail.
type Case = (&'static [u8], &'static str, &'static str);

/// Sends each to a broker and checks that nothing is answered, and that events and counters say what it was.
async fn check(cases: &[Case]) {
    let home = Home::new();
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    for (bytes, reason, detail) in cases {
        let mut attacker = Attacker::open_with(server.mqtt, bytes).await;
        assert_eq!(attacker.read_to_end().await, b"", "{bytes:?}");
        let ending = witness.ending_of(attacker.address).await;
        assert_eq!(ending["reason"], *reason, "{bytes:?}: {ending}");
        assert!(ending["detail"].as_str().unwrap().contains(detail), "{bytes:?}: {ending}");
        assert_eq!((&ending["stage"], &ending["initiator"]), (&"accepted".into(), &"broker".into()), "{ending}");
        assert_eq!((&ending["authenticated"], &ending["repeated"]), (&false.into(), &1.into()), "{ending}");
        assert!(ending["clientid"].is_null() && ending["connected_at"].is_null(), "{ending}");
    }
    let count = u64::try_from(cases.len()).unwrap();
    assert_eq!(witness.metric("signalbox_disconnects_unauthenticated_total").await, count);
    assert_eq!(witness.metric("signalbox_connections_accepted_total").await, count);
    assert_eq!(witness.metric("signalbox_connects_refused_total").await, 0);
    witness.wait_for_metric("signalbox_connections", 0).await;
    assert!(witness.seen.iter().all(|event| event["event"] == "client.disconnected"), "{:?}", witness.seen);
}

#[tokio::test]
async fn garbage_is_a_malformed_packet() {
    check(&[
        (b"\x00\x00", "malformed_packet", "found the reserved 0"),
        (b"\x00\x00\x00\x00\x00\x00\x00\x00", "malformed_packet", "found the reserved 0"),
        (b"\x10\xff\xff\xff\xff\x01", "malformed_packet", "expected at most 4 bytes, found a fifth"),
        (b"\x1f\x00", "malformed_packet", "flags"),
        (b"\x10\x00", "malformed_packet", "CONNECT"),
        (b"\x10\x02\x00\x04", "malformed_packet", "found only"),
        (b"\n\n\n\n", "malformed_packet", "reserved 0"),
    ])
    .await;
}

#[tokio::test]
async fn a_tls_handshake_is_named_and_says_where_to_go() {
    // The beginning of a ClientHello as OpenSSL sends it (RFC 8446, section 4.1.2).
    let client_hello = b"\x16\x03\x01\x01\x02\x01\x00\x00\xfe\x03\x03\x9d\x01\x02\x03\x04\x05\x06\x07\x08";
    check(&[
        (client_hello, "not_mqtt", "found a TLS handshake; help: connect without TLS or to the TLS listener"),
        (b"\x16\x03\x03\x00\x01", "not_mqtt", "TLS"),
    ])
    .await;
}

#[tokio::test]
async fn an_http_request_is_named_and_says_where_to_go() {
    let upgrade = b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    check(&[
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "not_mqtt", "found an HTTP request; help: use the HTTP"),
        (upgrade, "not_mqtt", "WebSocket listener"),
        (b"POST /api HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "not_mqtt", "HTTP request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "not_mqtt", "HTTP/2"),
    ])
    .await;
}

#[tokio::test]
async fn other_protocols_are_named() {
    check(&[
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "not_mqtt", "SSH"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 50000 1883\r\n", "not_mqtt", "turn it off in the load balancer"),
        (b"AMQP\x00\x00\x09\x01", "not_mqtt", "AMQP"),
        (b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x0b\x00\x00\x00", "not_mqtt", "remote desktop"),
        (b"CONNECT\naccept-version:1.2\n\n\0", "not_mqtt", "`CONNECT` text line"),
    ])
    .await;
}

#[tokio::test]
async fn a_ping_before_connect_has_a_reason_of_its_own() {
    check(&[(b"\xc0\x00", "ping_without_connect", "expected CONNECT as the first packet, found PINGREQ")]).await;
}

#[tokio::test]
async fn other_packets_before_connect_are_a_protocol_error() {
    check(&[
        (b"\x30\x05\x00\x01txx", "protocol_error", "expected CONNECT as the first packet, found PUBLISH"),
        (b"\x82\x06\x00\x01\x00\x01t\x00", "protocol_error", "found SUBSCRIBE"),
        (b"\xa2\x05\x00\x01\x00\x01t", "protocol_error", "found UNSUBSCRIBE"),
        (b"\x40\x02\x00\x01", "protocol_error", "found PUBACK"),
        (b"\xe0\x00", "protocol_error", "found DISCONNECT"),
        (b"\x20\x02\x00\x00", "protocol_error", "CONNACK"),
        (b"\xd0\x00", "protocol_error", "PINGRESP"),
        (b"\xf0\x00", "protocol_error", "found AUTH"),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff", "protocol_error", "found AUTH"),
    ])
    .await;
}

/// Endings that random bytes may have. `connect_timeout` is that of the beginning of a long packet.
const ENDINGS_OF_NOISE: [&str; 7] = [
    "connect_timeout",
    "malformed_packet",
    "not_mqtt",
    "packet_too_large",
    "ping_without_connect",
    "protocol_error",
    "unacceptable_protocol_version",
];

#[tokio::test]
async fn noise_of_any_kind_ends_with_a_reason_and_the_broker_lives_on() {
    let home = Home::new().with_config(&listener("connect_timeout_ms = 1500"));
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    let mut noise = fastrand::Rng::with_seed(1883);
    let mut attackers = Vec::new();
    // Fewer than are told one by one in a second.
    for number in 0..96 {
        let mut bytes = vec![0; noise.usize(1..5000)];
        noise.fill(&mut bytes);
        // A third goes as deep as the decoder of CONNECT, another one has a CONNECT with some bytes changed.
        if number % 3 == 1 {
            bytes.splice(0..0, *b"\x10\x80\x01\x00\x04MQTT\x05");
        } else if number % 3 == 2 {
            bytes = CONNECT_V311.to_vec();
            for _ in 0..3 {
                bytes[noise.usize(..CONNECT_V311.len())] = noise.u8(..);
            }
        }
        attackers.push((Attacker::open_with(server.mqtt, &bytes).await, bytes));
    }
    let mut endings = BTreeSet::new();
    for (mut attacker, bytes) in attackers {
        // A change that leaves a CONNECT is one, and its client hangs up here.
        let answer = if bytes.len() == CONNECT_V311.len() { attacker.read_some().await } else { Vec::new() };
        if answer.first() == Some(&0x20) && answer.get(3) == Some(&0) {
            continue;
        }
        attacker.read_to_end().await;
        let ending = witness.ending_of(attacker.address).await;
        let reason = ending["reason"].as_str().unwrap().to_owned();
        assert!(ENDINGS_OF_NOISE.contains(&&*reason), "{bytes:02x?}: {ending}");
        endings.insert(reason);
    }
    assert!(endings.len() >= 3, "{endings:?}");
    let mut client = Attacker::open_with(server.mqtt, CONNECT_V311).await;
    assert_eq!(client.read(4).await, CONNACK_V311);
    drop(client);
    witness.wait_for_metric("signalbox_connections", 0).await;
    server.signal("TERM");
    let (status, log) = server.wait();
    assert!(status.success(), "{log}");
    assert!(!log.contains("panic"), "{log}");
}
