//! The PROXY protocol: events name the client behind the load balancer.

use crate::support::attacker::Attacker;
use crate::support::packets::{CONNACK_V311, CONNECT_V311};
use crate::support::server::Home;
use crate::support::witness::Witness;
use crate::tls::{SECURE, home_with};

const BEHIND: &str = "[listeners.behind]\nbind = '127.0.0.1:0'\nproxy_protocol = true\nconnect_timeout_ms = 500\n";

/// Version 2 of the header for 192.0.2.9:4711, which has connected to 192.0.2.1:1883.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x09\xc0\x00\x02\x01\x12\x67\x07\x5b";

#[tokio::test]
async fn both_versions_name_the_client_which_is_no_client_of_this_machine() {
    let home = Home::new().with_config(&format!("{BEHIND}[auth]\nanonymous = 'loopback'\n"));
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    for (header, peername, return_code) in [
        (b"PROXY TCP4 192.0.2.9 192.0.2.1 4711 1883\r\n".to_vec(), "192.0.2.9:4711", 5),
        (V2.to_vec(), "192.0.2.9:4711", 5),
        (b"PROXY TCP6 2001:db8::9 2001:db8::1 4711 1883\r\n".to_vec(), "[2001:db8::9]:4711", 5),
        (b"PROXY TCP4 127.0.0.1 127.0.0.1 4711 1883\r\n".to_vec(), "127.0.0.1:4711", 0),
    ] {
        let bytes = [&header, CONNECT_V311].concat();
        let mut attacker = Attacker::open_with(server.listener("behind"), &bytes).await;
        let answer = attacker.read(4).await;
        assert_eq!(answer, [0x20, 2, 0, return_code], "{peername}");
        drop(attacker);
        let ending = witness.ending_of(peername.parse().unwrap()).await;
        assert_eq!(ending["listener"], "behind");
    }
}

#[tokio::test]
async fn the_load_balancer_itself_has_its_own_address() {
    let home = Home::new().with_config(BEHIND);
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    let bytes = [b"PROXY UNKNOWN\r\n", CONNECT_V311].concat();
    let mut attacker = Attacker::open_with(server.listener("behind"), &bytes).await;
    assert_eq!(attacker.read(4).await, CONNACK_V311);
    let address = attacker.address;
    drop(attacker);
    witness.ending_of(address).await;
}

#[tokio::test]
async fn a_connection_without_a_good_header_ends_with_a_reason() {
    let home = Home::new().with_config(BEHIND);
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    for (bytes, reason, words) in [
        (CONNECT_V311, "proxy_protocol_error", "expected a PROXY protocol header, found an MQTT CONNECT"),
        (b"PROXY TCP4 nonsense\r\n", "proxy_protocol_error", "found `PROXY TCP4 nonsense`"),
        (b"PROXY TCP4 192.0.2.9", "connect_timeout", "within 500 ms"),
    ] {
        let mut attacker = Attacker::open_with(server.listener("behind"), bytes).await;
        assert_eq!(attacker.read_to_end().await, b"");
        let ending = witness.ending_of(attacker.address).await;
        assert_eq!(ending["reason"], reason, "{ending}");
        assert!(ending["detail"].as_str().unwrap().contains(words), "{ending}");
    }
}

#[tokio::test]
async fn the_header_comes_before_tls() {
    let config = SECURE.replace("kind = 'tls'", "kind = 'tls'\nproxy_protocol = true");
    let (home, _authority) = home_with(&config);
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    let bytes = [V2, CONNECT_V311].concat();
    let mut attacker = Attacker::open_with(server.listener("secure"), &bytes).await;
    attacker.read_to_end().await;
    let ending = witness.ending_of("192.0.2.9:4711".parse().unwrap()).await;
    assert_eq!(ending["reason"], "tls_error", "{ending}");
}
