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

/// Its topic needs a user name, and clients without one have none.
const NEEDS_USER: &str = r#"/*---
[[actions]]
republish = { topic = "of/${username}" }
---*/
SELECT username FROM "$events/client_connack"
"#;

#[tokio::test]
async fn the_account_of_an_action_that_did_not_deliver_everything_is_told_at_the_end() {
    let home = Home::new().with_rule("user", NEEDS_USER);
    let mut server = home.serve();
    connect(Version::V5, server.mqtt, "a", None).await.unwrap();
    server.wait_for_log("an output was rejected");
    server.signal("TERM");
    let line = server.wait_for_log("did not deliver everything");
    for word in ["in=1", "delivered=0", "dead=1", "dropped=0"] {
        assert!(line.contains(word), "{line}");
    }
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
