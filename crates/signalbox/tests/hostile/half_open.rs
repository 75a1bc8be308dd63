//! Peers that begin and do not go on, hang up in the middle, or are gone without a word.

use std::time::{Duration, Instant};

use crate::support::attacker::Attacker;
use crate::support::listener;
use crate::support::packets::{CONNACK_V311, CONNECT_V5, CONNECT_V311, connect_v311};
use crate::support::server::Home;
use crate::support::witness::Witness;

/// How late a timeout may be seen here: two processes with timers of their own on a busy machine.
const LATE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_connect_that_is_cut_anywhere_runs_into_the_connect_timeout() {
    let home = Home::new().with_config(&listener("connect_timeout_ms = 1000"));
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    let since = Instant::now();
    let mut attackers = Vec::new();
    for whole in [CONNECT_V311, CONNECT_V5] {
        for cut in 0..whole.len() {
            attackers.push(Attacker::open_with(server.mqtt, &whole[..cut]).await);
        }
    }
    for attacker in &mut attackers {
        assert_eq!(attacker.read_to_end().await, b"");
        let ending = witness.ending_of(attacker.address).await;
        assert_eq!(ending["reason"], "connect_timeout", "{ending}");
        assert_eq!((&ending["stage"], &ending["initiator"]), (&"accepted".into(), &"broker".into()), "{ending}");
        assert_eq!(ending["detail"], "expected CONNECT within 1000 ms");
        assert!(ending["duration_ms"].as_u64().unwrap() >= 1000, "{ending}");
    }
    assert!(since.elapsed() < Duration::from_secs(1) + LATE, "{:?}", since.elapsed());
    let count = u64::try_from(attackers.len()).unwrap();
    assert_eq!(witness.metric("signalbox_disconnects_unauthenticated_total").await, count);
    witness.wait_for_metric("signalbox_connections", 0).await;
}

#[tokio::test]
async fn a_connect_that_trickles_in_wins_no_time() {
    let home = Home::new().with_config(&listener("connect_timeout_ms = 1000"));
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    let mut attacker = Attacker::open(server.mqtt).await;
    let since = Instant::now();
    // It would take three seconds.
    let sent = attacker.trickle(CONNECT_V5, Duration::from_millis(200)).await;
    assert!(sent.is_err() || attacker.read_to_end().await.is_empty());
    let ending = witness.ending_of(attacker.address).await;
    assert_eq!(ending["reason"], "connect_timeout", "{ending}");
    assert!(ending["duration_ms"].as_u64().unwrap() < 2500, "{ending}");
    assert!(since.elapsed() < Duration::from_secs(3) + LATE, "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_connect_that_trickles_in_in_time_is_taken() {
    let server_home = Home::new();
    let server = server_home.serve();
    let mut client = Attacker::open(server.mqtt).await;
    client.trickle(CONNECT_V311, Duration::from_millis(20)).await.unwrap();
    assert_eq!(client.read(4).await, CONNACK_V311);
}

#[tokio::test]
async fn who_hangs_up_before_connect_is_told_of() {
    let home = Home::new();
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    for cut in [0, 1, 5, CONNECT_V311.len() - 1] {
        let mut attacker = Attacker::open_with(server.mqtt, &CONNECT_V311[..cut]).await;
        // Half of the connection is closed: nothing more can come, so the broker does not wait for the timeout.
        attacker.close_half().await;
        assert_eq!(attacker.read_to_end().await, b"");
        let ending = witness.ending_of(attacker.address).await;
        assert_eq!((&ending["reason"], &ending["initiator"]), (&"tcp_closed".into(), &"client".into()), "{ending}");
        assert!(ending["duration_ms"].as_u64().unwrap() < 5000, "{ending}");
    }
    witness.wait_for_metric("signalbox_connections", 0).await;
}

#[tokio::test]
async fn a_connection_that_is_reset_ends_by_the_network() {
    let home = Home::new();
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    let mut client = Attacker::open_with(server.mqtt, CONNECT_V311).await;
    assert_eq!(client.read(4).await, CONNACK_V311);
    let address = client.address;
    client.reset();
    let ending = witness.ending_of(address).await;
    assert_eq!((&ending["reason"], &ending["initiator"]), (&"tcp_closed".into(), &"network".into()), "{ending}");
    assert_eq!((&ending["stage"], &ending["clientid"]), (&"session".into(), &"a".into()), "{ending}");
    assert!(ending["detail"].as_str().unwrap().contains("reset"), "{ending}");
}

#[tokio::test]
async fn a_client_that_falls_silent_ends_after_one_and_a_half_keepalives() {
    let home = Home::new();
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    // [MQTT-3.1.2-22]; one is silent, the other one is in the middle of a large packet.
    for (client_id, rest) in [("silent", &b""[..]), ("cut", b"\x30\xf0\xff\x3f\x00\x01tpayload")] {
        let mut client = Attacker::open_with(server.mqtt, &connect_v311(client_id, 1)).await;
        assert_eq!(client.read(4).await, CONNACK_V311);
        client.send(rest).await.unwrap();
        assert_eq!(client.read_to_end().await, b"");
        let ending = witness.ending_of(client.address).await;
        assert_eq!(
            (&ending["reason"], &ending["clientid"]),
            (&"keepalive_timeout".into(), &client_id.into()),
            "{ending}"
        );
        let duration = Duration::from_millis(ending["duration_ms"].as_u64().unwrap());
        assert!(duration >= Duration::from_millis(1500) && duration < Duration::from_millis(1500) + LATE, "{ending}");
    }
}
