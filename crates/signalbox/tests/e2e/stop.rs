//! How the broker stops: in order, and with a word to everybody.

use crate::support::client::{Subscriber, Version, connect};
use crate::support::receiver::Receiver;
use crate::support::server::Home;

const DISCONNECTS: &str = r#"/*---
[[actions]]
connector = "ops"
---*/
SELECT event, clientid, reason FROM "$events/client_disconnected"
"#;

#[tokio::test]
async fn on_sigterm_clients_are_told_and_their_end_still_reaches_the_actions() {
    let mut receiver = Receiver::start().await;
    let config = format!("[connectors.ops]\nkind = \"http\"\nurl = \"http://{}\"\n", receiver.address);
    let home = Home::new().with_rule("disconnects", DISCONNECTS).with_config(&config);
    let server = home.serve();
    let _sub = Subscriber::start(&server, "sub", "#").await;
    server.signal("TERM");
    let posted: serde_json::Value = serde_json::from_str(&receiver.next().await.body).unwrap();
    assert_eq!((posted["clientid"].as_str(), posted["reason"].as_str()), (Some("sub"), Some("go_away")));

    let (status, log) = server.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    let stops: Vec<&str> = log.lines().filter_map(|line| line.split_once("stopped ")).map(|(_, what)| what).collect();
    let order: Vec<&str> = stops.iter().filter_map(|what| what.split_whitespace().next()).collect();
    assert_eq!(order, ["mqtt", "http", "rules", "history"], "{log}");
}

#[tokio::test]
async fn an_interrupt_stops_it_as_well() {
    let home = Home::new();
    let server = home.serve();
    connect(Version::V311, server.mqtt, "a", None).await.unwrap();
    server.signal("INT");
    let (status, log) = server.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn after_a_kill_it_starts_again_on_the_same_data() {
    let home = Home::new();
    let server = home.serve();
    server.signal("KILL");
    server.wait();
    home.serve();
}
