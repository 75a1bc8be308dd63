//! Packets that are larger than the listener takes, and peers that announce much and send nothing.

use crate::support::attacker::Attacker;
use crate::support::listener;
use crate::support::packets::{CONNACK_V311, CONNECT_V5, CONNECT_V311, connect_of_len};
use crate::support::process::resident_kib;
use crate::support::server::Home;
use crate::support::witness::Witness;

#[tokio::test]
async fn an_oversized_connect_is_refused_from_its_header() {
    let home = Home::new();
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    // 256 MiB, and one byte more than the 128 KiB that a CONNECT may have by default.
    for (header, found) in [(&b"\x10\xff\xff\xff\x7f"[..], 268_435_460_u32), (b"\x10\xfd\xff\x07", 131_073)] {
        let mut attacker = Attacker::open_with(server.mqtt, header).await;
        assert_eq!(attacker.read_to_end().await, b"");
        let ending = witness.ending_of(attacker.address).await;
        assert_eq!((&ending["reason"], &ending["stage"]), (&"packet_too_large".into(), &"accepted".into()), "{ending}");
        let expected = format!("expected at most 131072 bytes, found a packet of {found}");
        assert!(ending["detail"].as_str().unwrap().contains(&expected), "{ending}");
        assert!(ending["bytes_received"].as_u64().unwrap() <= 5, "{ending}");
    }
}

#[tokio::test]
async fn a_connect_may_have_exactly_as_many_bytes_as_the_listener_takes() {
    let home = Home::new().with_config(&listener("connect_bytes_max = 1000"));
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    let mut client = Attacker::open_with(server.mqtt, &connect_of_len(1000)).await;
    assert_eq!(client.read(4).await[3], 0);
    let mut attacker = Attacker::open_with(server.mqtt, &connect_of_len(1001)).await;
    attacker.read_to_end().await;
    let ending = witness.ending_of(attacker.address).await;
    assert_eq!(ending["reason"], "packet_too_large", "{ending}");
}

#[tokio::test]
async fn an_oversized_publish_is_refused_from_its_header() {
    let home = Home::new().with_config(&listener("packet_bytes_max = 100_000"));
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    // One byte more than the listener takes [MQTT-3.2.2-15]; MQTT 5 has a code for it.
    let header = b"\x30\x9d\x8d\x06";
    let mut before_v5 = Attacker::open_with(server.mqtt, CONNECT_V311).await;
    assert_eq!(before_v5.read(4).await, CONNACK_V311);
    before_v5.send(header).await.unwrap();
    assert_eq!(before_v5.read_to_end().await, b"");
    let mut since_v5 = Attacker::open_with(server.mqtt, CONNECT_V5).await;
    let connack = since_v5.read(2).await;
    since_v5.read(connack[1].into()).await;
    since_v5.send(header).await.unwrap();
    let goodbye = since_v5.read_to_end().await;
    assert_eq!((goodbye.first(), goodbye.get(2)), (Some(&0xe0), Some(&0x95)), "{goodbye:02x?}");
    for address in [before_v5.address, since_v5.address] {
        let ending = witness.ending_of(address).await;
        assert_eq!((&ending["reason"], &ending["stage"]), (&"packet_too_large".into(), &"session".into()), "{ending}");
        assert!(ending["detail"].as_str().unwrap().contains("found a packet of 100001"), "{ending}");
    }
}

#[tokio::test]
async fn what_is_announced_and_not_sent_takes_no_memory() {
    const CLIENTS_COUNT: u64 = 400;
    let home = Home::new();
    let server = home.serve();
    let witness = Witness::of(&home, &server).await;
    let before_kib = resident_kib(server.pid());
    let mut clients = Vec::new();
    for number in 0..CLIENTS_COUNT {
        let connect = crate::support::packets::connect_v311(&format!("client-{number}"), 0);
        let mut client = Attacker::open_with(server.mqtt, &connect).await;
        assert_eq!(client.read(4).await, CONNACK_V311);
        // A PUBLISH of 1 MiB, which is taken, of which the first bytes come.
        client.send(b"\x30\xf0\xff\x3f\x00\x01t").await.unwrap();
        clients.push(client);
    }
    assert_eq!(witness.metric("signalbox_sessions_online").await, CLIENTS_COUNT);
    let grown_kib = resident_kib(server.pid()).saturating_sub(before_kib);
    // A session has a few KiB, and each of them one small buffer; what they announce would be 400 MiB.
    assert!(grown_kib < CLIENTS_COUNT * 32, "{grown_kib} KiB for {CLIENTS_COUNT} clients");
}
