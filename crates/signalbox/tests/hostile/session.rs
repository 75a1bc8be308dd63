//! A client that has been let in and misbehaves then.

use crate::support::attacker::Attacker;
use crate::support::packets::{CONNACK_V311, CONNECT_V5, CONNECT_V311};
use crate::support::server::Home;
use crate::support::witness::Witness;

/// What a client sends after CONNACK, how its connection ends, and the reason code of DISCONNECT if it speaks MQTT 5.
type Case = (&'static [u8], &'static str, u8);

/// Sends each in a session of MQTT 3.1.1, which is cut without a word, and of MQTT 5, which is told why.
async fn check(cases: &[Case]) {
    let home = Home::new();
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    for (sent, reason, code) in cases {
        let mut before_v5 = Attacker::open_with(server.mqtt, CONNECT_V311).await;
        assert_eq!(before_v5.read(4).await, CONNACK_V311);
        before_v5.send(sent).await.unwrap();
        assert_eq!(before_v5.read_to_end().await, b"", "{sent:02x?}");

        let mut since_v5 = Attacker::open_with(server.mqtt, CONNECT_V5).await;
        let connack = since_v5.read(2).await;
        assert_eq!(since_v5.read(connack[1].into()).await[..2], [0, 0]);
        since_v5.send(sent).await.unwrap();
        let goodbye = since_v5.read_to_end().await;
        assert_eq!((goodbye.first(), goodbye.get(2)), (Some(&0xe0), Some(code)), "{sent:02x?}: {goodbye:02x?}");

        for address in [before_v5.address, since_v5.address] {
            let ending = witness.ending_of(address).await;
            assert_eq!(ending["reason"], *reason, "{sent:02x?}: {ending}");
            assert_eq!((&ending["stage"], &ending["initiator"]), (&"session".into(), &"broker".into()), "{ending}");
            assert_eq!((&ending["authenticated"], &ending["clientid"]), (&true.into(), &"a".into()), "{ending}");
            assert!(ending["detail"].is_string(), "{ending}");
        }
    }
    witness.wait_for_metric("signalbox_connections", 0).await;
    assert_eq!(witness.metric("signalbox_sessions_online").await, 0);
    assert_eq!(witness.metric("signalbox_subscriptions").await, 0);
}

#[tokio::test]
async fn a_second_connect_ends_the_connection() {
    // [MQTT-3.1.0-2]
    check(&[(CONNECT_V311, "protocol_error", 0x82), (CONNECT_V5, "protocol_error", 0x82)]).await;
}

#[tokio::test]
async fn packets_that_only_a_broker_sends_end_the_connection() {
    check(&[
        (b"\x20\x02\x00\x00", "protocol_error", 0x82),
        (b"\x90\x03\x00\x01\x00", "protocol_error", 0x82),
        (b"\xb0\x02\x00\x01", "protocol_error", 0x82),
        (b"\xd0\x00", "protocol_error", 0x82),
    ])
    .await;
}

#[tokio::test]
async fn malformed_packets_end_the_connection() {
    check(&[
        (b"\x00\x00", "malformed_packet", 0x81),
        // Remaining length of five bytes [MQTT-1.5.5-1].
        (b"\x30\xff\xff\xff\xff\x01", "malformed_packet", 0x81),
        // QoS 3 [MQTT-3.3.1-4].
        (b"\x36\x05\x00\x01t\x00\x01", "malformed_packet", 0x81),
        // A topic that is longer than the packet.
        (b"\x30\x03\x00\x09t", "malformed_packet", 0x81),
        // The flags of SUBSCRIBE [MQTT-3.8.1-1].
        (b"\x80\x06\x00\x01\x00\x01t\x00", "malformed_packet", 0x81),
        // A ping with a body.
        (b"\xc0\x01\x00", "malformed_packet", 0x81),
    ])
    .await;
}

#[tokio::test]
async fn another_protocol_in_a_session_ends_it() {
    // `G` is the first byte of a PUBACK with flags that it may not have.
    check(&[(b"GET / HTTP/1.1\r\n\r\n", "malformed_packet", 0x81)]).await;
}
