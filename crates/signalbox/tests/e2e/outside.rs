//! The same rule with an HTTP service and a PostgreSQL, and what happens while they are away.

use crate::support::client::{Subscriber, Version, connect};
use crate::support::receiver::Receiver;
use crate::support::server::Home;

const HTTP_RULE: &str = r#"/*---
[[actions]]
republish = { topic = "client_connack" }

[[actions]]
connector = "ops"
path = "/connack/${clientid}"
---*/
SELECT clientid, username, reason_code, timestamp FROM "$events/client_connack" WHERE clientid <> 'sub'
"#;

fn config_of(receiver: &Receiver) -> String {
    format!("[connectors.ops]\nkind = \"http\"\nurl = \"http://{}\"\n", receiver.address)
}

#[tokio::test]
async fn the_connack_is_posted_to_an_http_service() {
    let mut receiver = Receiver::start().await;
    let home = Home::new().with_rule("connack", HTTP_RULE).with_config(&config_of(&receiver));
    let server = home.serve();
    let mut sub = Subscriber::start(&server, "sub", "client_connack").await;
    connect(Version::V5, server.mqtt, "pump 17", None).await.unwrap();
    let posted = receiver.next().await;
    assert_eq!((posted.path.as_str(), posted.content_type.as_str()), ("/connack/pump%2017", "application/json"));
    assert_eq!(posted.body, sub.next_about("pump 17").await.payload);
}

#[tokio::test]
async fn what_happened_while_the_http_service_was_away_arrives_in_order_when_it_is_back() {
    let receiver = Receiver::start().await;
    let home = Home::new().with_rule("connack", HTTP_RULE).with_config(&config_of(&receiver));
    let server = home.serve();
    let address = receiver.stop().await;

    let mut sub = Subscriber::start(&server, "sub", "client_connack").await;
    let clients: Vec<String> = (0..20).map(|number| format!("pump-{number}")).collect();
    for client in &clients {
        connect(Version::V5, server.mqtt, client, None).await.unwrap();
        // Its CONNACK reaches the topic although the other action of the rule is stuck.
        sub.next_about(client).await;
    }

    let mut receiver = Receiver::start_at(address).await;
    for client in &clients {
        let posted = receiver.next().await;
        assert_eq!(posted.path, format!("/connack/{client}"));
    }
}

#[tokio::test]
async fn connectors_test_tells_who_answers() {
    let receiver = Receiver::start().await;
    let home = Home::new().with_config(&config_of(&receiver));
    let answers = test_of_connectors(&home).await;
    assert_eq!(answers.code, Some(0), "{}", answers.stderr);
    receiver.stop().await;
    let silent = test_of_connectors(&home).await;
    assert_eq!(silent.code, Some(1), "{}{}", silent.stdout, silent.stderr);
    assert!(silent.stdout.contains("ops"), "{}", silent.stdout);
}

/// Runs it on another thread, so that the HTTP server of this test can answer meanwhile.
async fn test_of_connectors(home: &Home) -> crate::support::server::Finished {
    let mut command = home.command(&["connectors", "test", "ops"]);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    crate::support::server::Finished::of(output)
}
