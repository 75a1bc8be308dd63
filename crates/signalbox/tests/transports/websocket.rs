//! MQTT over WebSocket, with a client of another make and byte for byte.

use crate::support::attacker::Attacker;
use crate::support::packets::{CONNACK_V311, CONNECT_V311};
use crate::support::programs::{ALL_WELL, paho};
use crate::support::server::Home;
use crate::support::witness::Witness;
use crate::tls::home_with;

const WS: &str = "[listeners.web]\nkind = 'ws'\nbind = '127.0.0.1:0'\n";
const MASK: [u8; 4] = [1, 2, 3, 4];

/// A frame as a client sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).unwrap();
    let masked = payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [first, 0x80 | len].into_iter().chain(MASK).chain(masked).collect()
}

fn handshake(path: &str, subprotocol: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: {subprotocol}\r\n\r\n"
    )
}

/// A WebSocket that is open.
async fn open(address: std::net::SocketAddr) -> Attacker {
    let mut attacker = Attacker::open_with(address, handshake("/mqtt", "mqtt").as_bytes()).await;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(attacker.read(1).await);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    attacker
}

#[test]
fn a_client_of_another_make_speaks_websocket() {
    let home = Home::new().with_config(WS);
    let server = home.serve();
    for version in ["3.1.1", "5"] {
        let said = paho(server.listener("web"), &[version, "websockets"]);
        assert_eq!(said.stdout, ALL_WELL, "{}", said.stderr);
    }
    let said = paho(server.listener("web"), &["5", "websockets", "--path", "/other"]);
    assert!(said.stdout.starts_with("refused "), "{}", said.stdout);
}

#[test]
fn a_client_of_another_make_speaks_secure_websocket() {
    let config = "[listeners.web]\nkind = 'wss'\nbind = '127.0.0.1:0'\n[listeners.web.websocket]\npath = '/ws'\n\
                  [listeners.web.tls]\ncert_file = 'server.pem'\nkey_file = 'server.key'\n";
    let (home, _authority) = home_with(config);
    let server = home.serve();
    let ca = home.path().join("ca.pem").display().to_string();
    for version in ["3.1.1", "5"] {
        let said = paho(server.listener("web"), &[version, "websockets", "--path", "/ws", "--ca", &ca]);
        assert_eq!(said.stdout, ALL_WELL, "{}", said.stderr);
    }
}

#[tokio::test]
async fn packets_may_lie_across_frames_and_many_in_one() {
    let home = Home::new().with_config(WS);
    let server = home.serve();
    let mut attacker = open(server.listener("web")).await;
    let (begin, end) = CONNECT_V311.split_at(5);
    attacker.send(&[frame(0x02, begin), frame(0x89, b"hi"), frame(0x80, end)].concat()).await.unwrap();
    assert_eq!(attacker.read(4).await, b"\x8a\x02hi");
    assert_eq!(attacker.read(6).await, [b"\x82\x04", CONNACK_V311].concat());
    // SUBSCRIBE to `t`, PUBLISH to it and PINGREQ in one frame are answered in one.
    let packets = b"\x82\x06\x00\x01\x00\x01t\x00\x30\x04\x00\x01tm\xc0\x00";
    attacker.send(&frame(0x82, packets)).await.unwrap();
    assert_eq!(attacker.read(15).await, b"\x82\x0d\x90\x03\x00\x01\x00\xd0\x00\x30\x04\x00\x01tm");
    // The client says goodbye to MQTT, and then to the WebSocket.
    attacker.send(&frame(0x82, b"\xe0\x00")).await.unwrap();
    assert_eq!(attacker.read(4).await, b"\x88\x02\x03\xe8");
    attacker.send(&frame(0x88, &1000u16.to_be_bytes())).await.unwrap();
    assert_eq!(attacker.read_to_end().await, b"");
}

#[tokio::test]
async fn what_breaks_the_rules_of_the_websocket_ends_with_a_reason() {
    let home = Home::new().with_config(WS);
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    for (bytes, close, words) in [
        (frame(0x81, b"text"), 1003u16, "expected binary frames, found a text frame"),
        (b"\x82\x01x".to_vec(), 1002, "expected a masked frame"),
    ] {
        let mut attacker = open(server.listener("web")).await;
        attacker.send(&bytes).await.unwrap();
        let farewell = attacker.read_to_end().await;
        assert_eq!(farewell.get(2..4), Some(&close.to_be_bytes()[..]), "{farewell:?}");
        let ending = witness.ending_of(attacker.address).await;
        assert_eq!(ending["reason"], "websocket_error", "{ending}");
        assert!(ending["detail"].as_str().unwrap().contains(words), "{ending}");
    }
    for (bytes, status, words) in [
        (handshake("/", "mqtt"), "HTTP/1.1 404", "expected a WebSocket at `/mqtt`, found a request for `/`"),
        (handshake("/mqtt", "chat"), "HTTP/1.1 400", "expected the WebSocket subprotocol `mqtt`, found `chat`"),
        ("GET /mqtt HTTP/1.1\r\n\r\n".to_owned(), "HTTP/1.1 426", "found another HTTP request"),
        ("\u{10}\u{0d}\0\u{4}MQTT".to_owned(), "", "found MQTT; help: use the TCP listener"),
        ("\u{16}\u{3}\u{1}".to_owned(), "", "found a TLS handshake"),
    ] {
        let mut attacker = Attacker::open_with(server.listener("web"), bytes.as_bytes()).await;
        let answer = String::from_utf8(attacker.read_to_end().await).unwrap();
        assert!(answer.starts_with(status), "{answer}");
        let ending = witness.ending_of(attacker.address).await;
        assert_eq!(ending["reason"], "websocket_error", "{ending}");
        assert!(ending["detail"].as_str().unwrap().contains(words), "{ending}");
    }
}

#[tokio::test]
async fn a_client_that_closes_the_websocket_is_gone_without_disconnect() {
    let home = Home::new().with_config(WS);
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    let mut attacker = open(server.listener("web")).await;
    attacker.send(&frame(0x82, CONNECT_V311)).await.unwrap();
    assert_eq!(attacker.read(6).await, [b"\x82\x04", CONNACK_V311].concat());
    attacker.send(&frame(0x88, &1001u16.to_be_bytes())).await.unwrap();
    assert_eq!(attacker.read_to_end().await, b"\x88\x02\x03\xe9");
    let ending = witness.ending_of(attacker.address).await;
    assert_eq!((&ending["reason"], &ending["initiator"]), (&"tcp_closed".into(), &"client".into()), "{ending}");
}
