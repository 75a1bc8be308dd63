//! Buffers on disk: what was accepted is delivered although the process is killed in between.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use crate::support::PATIENCE;
use crate::support::client::publish_all;
use crate::support::receiver::Receiver;
use crate::support::server::Home;

const RULE: &str = r#"/*---
[[actions]]
connector = "ops"
path = "/${clientid}"
buffer = { kind = "disk" }
---*/
SELECT clientid, payload FROM "t/#"
"#;

fn messages_of(client: &str) -> Vec<String> {
    (0..40).map(|number| format!("{client} says {number:04}")).collect()
}

/// How often `text` stands in the files below `dir`.
fn occurrences(dir: &Path, text: &str) -> usize {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let each = entries.map(|entry| entry.unwrap().path()).map(|path| {
        if path.is_dir() {
            return occurrences(&path, text);
        }
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
    });
    each.sum()
}

#[tokio::test]
async fn what_a_buffer_on_disk_has_accepted_arrives_in_order_although_the_process_is_killed() {
    let receiver = Receiver::start().await;
    let config = format!("[connectors.ops]\nkind = \"http\"\nurl = \"http://{}\"\n", receiver.address);
    let home = Home::new().with_rule("all", RULE).with_config(&config);
    let address = receiver.stop().await;

    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for round in 0..3 {
        let server = home.serve();
        for client in ["pump-1", "pump-2"] {
            let client = format!("{client}-{round}");
            publish_all(server.mqtt, &client, "t/1", &messages_of(&client)).await;
            expected.insert(format!("/{client}"), messages_of(&client));
        }
        let since = Instant::now();
        while occurrences(&home.path().join("data/buffers/all"), &format!("-{round} says ")) < 80 {
            assert!(since.elapsed() < PATIENCE, "the outputs are not on disk");
        }
        // As by `kill -9`.
        drop(server);
    }

    let mut receiver = Receiver::start_at(address).await;
    let _server = home.serve();
    let mut arrived: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for _ in 0..240 {
        let posted = receiver.next().await;
        let body: serde_json::Value = serde_json::from_str(&posted.body).unwrap();
        arrived.entry(posted.path).or_default().push(body["payload"].as_str().unwrap().to_owned());
    }
    assert_eq!(arrived, expected);
}

#[tokio::test]
async fn a_client_whose_outputs_are_put_off_again_and_again_waits_alone() {
    let mut receiver = Receiver::start().await;
    receiver.put_off(Some("/pump-1"));
    let config = format!("[connectors.ops]\nkind = \"http\"\nurl = \"http://{}\"\n", receiver.address);
    let rule = RULE.replace("buffer =", "batch = { size = 5 }\nretry = { first_ms = 10, max_ms = 20 }\nbuffer =");
    let home = Home::new().with_rule("all", &rule).with_config(&config);
    let server = home.serve();
    publish_all(server.mqtt, "pump-1", "t/1", &messages_of("pump-1")).await;
    publish_all(server.mqtt, "pump-2", "t/1", &messages_of("pump-2")).await;

    let payload = |body: &str| serde_json::from_str::<serde_json::Value>(body).unwrap()["payload"].clone();
    let mut others = Vec::new();
    while others.len() < 40 {
        let posted = receiver.next().await;
        match posted.path.as_str() {
            "/pump-1" => assert_eq!(payload(&posted.body), "pump-1 says 0000", "those behind it wait"),
            _ => others.push(payload(&posted.body)),
        }
    }
    assert_eq!(others, messages_of("pump-2"));

    receiver.put_off(None);
    let mut own = Vec::new();
    while own.last() != Some(&serde_json::Value::from("pump-1 says 0039")) {
        own.push(payload(&receiver.next().await.body));
    }
    own.dedup();
    assert_eq!(own, messages_of("pump-1"));
}
