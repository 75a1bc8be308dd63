//! Clients with the same identifiers that take each other over, at random and all at once.

use std::collections::HashMap;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::client::Client;
use crate::support::observer::{Observer, QUEUES, come_and_go};
use crate::support::process::raise_open_files;
use crate::support::server::Home;
use crate::support::told::{Told, names};
use crate::support::{number, present};

/// Tasks that connect, each from an address of its own.
const HANDS_COUNT: usize = 4;

/// Connects under one identifier after the other, and returns what may be connected at the end: whoever comes under an
/// identifier that it has had itself has taken that connection over, whoever else came in between.
async fn connect_each(broker: SocketAddr, hand: usize, identifiers: Vec<usize>) -> Vec<Client> {
    let source = [127, 0, 0, 2 + u8::try_from(hand).unwrap()].into();
    let mut connected: HashMap<usize, Client> = HashMap::new();
    for identifier in identifiers {
        let client = Client::connect_from(source, broker, &format!("device-{identifier}")).await;
        if let Some(mut before) = connected.insert(identifier, client) {
            before.assert_ended().await;
        }
    }
    connected.into_values().collect()
}

/// Checks what was told of one client: every connection begins and ends once, and the next one begins when the one
/// before has ended, by whom it says.
fn assert_lives_follow_each_other(client: &str, events: &[&Value], takeovers: usize) {
    let life = ["session.created", "client.connack", "client.connected", "session.discarded", "client.disconnected"];
    let last = ["session.created", "client.connack", "client.connected", "session.expired", "client.disconnected"];
    let expected: Vec<&str> = std::iter::repeat_n(life, takeovers).flatten().chain(last).collect();
    assert_eq!(names(events), expected, "{client}");
    let endings: Vec<&&Value> = events.iter().filter(|event| event["event"] == "client.disconnected").collect();
    let connected: Vec<&&Value> = events.iter().filter(|event| event["event"] == "client.connected").collect();
    for (at, (ending, beginning)) in endings.iter().zip(&connected).enumerate() {
        assert_eq!(ending["conn_id"], beginning["conn_id"], "{client}: {ending}");
        let next = connected.get(at + 1).map_or(&Value::Null, |next| &next["conn_id"]);
        let reason = if next.is_null() { "go_away" } else { "takeovered" };
        assert_eq!((&ending["reason"], &ending["taken_over_by"]), (&reason.into(), next), "{client}: {ending}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn takeovers_at_random_are_told_in_order_and_once() {
    let identifiers = number("CHAOS_IDENTIFIERS", 50);
    let takeovers = number("CHAOS_TAKEOVERS", 10);
    raise_open_files();
    let home = Home::new().with_config(QUEUES);
    Observer::admit(&home);
    let server = home.serve();
    let observer = tokio::spawn(Observer::begin(server.mqtt).await.read());

    let mut order: Vec<usize> = (0..=takeovers).flat_map(|_| 0..identifiers).collect();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    fastrand::Rng::with_seed(seed).shuffle(&mut order);
    let mut hands = JoinSet::new();
    for (hand, share) in order.chunks(order.len().div_ceil(HANDS_COUNT)).enumerate() {
        hands.spawn(connect_each(server.mqtt, hand, share.to_vec()));
    }
    let mut clients: Vec<Client> = hands.join_all().await.into_iter().flatten().collect();

    // Who the broker says is there is there, and nobody else.
    let present = present(&home);
    assert_eq!(present.len(), identifiers);
    let mut alive_count = 0;
    for client in &mut clients {
        if present[&client.id] == client.address() {
            client.ping().await;
            alive_count += 1;
        } else {
            client.assert_ended().await;
        }
    }
    assert_eq!(alive_count, identifiers);

    come_and_go(server.mqtt).await;
    let observer = observer.await.unwrap();
    let told = Told::by(server, &home);
    told.assert_numbered();
    observer.assert_has_seen(&told);
    assert_eq!(told.all("gap"), Vec::<&Value>::new());
    let by_client = told.by_client();
    assert_eq!(by_client.len(), identifiers);
    for (client, events) in by_client {
        assert_lives_follow_each_other(client, &events, takeovers);
    }
}
