//! The API of a running broker, and `events tail` over it.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::support::CONNACK_RULE;
use crate::support::client::{Version, connect};
use crate::support::server::Home;

#[tokio::test]
async fn events_tail_prints_what_happens_to_a_client() {
    let home = Home::new();
    let server = home.serve();
    let mut tail = home
        .command(&["events", "tail", "--client", "pump", "--event", "client_connack", "--event", "client_disconnected"])
        // A proxy is for the way to others: the broker is here, and the key is not the proxy's business.
        .env("http_proxy", "http://127.0.0.1:9")
        .env_remove("no_proxy")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = tail.stdout.take().unwrap();
    let printed = tokio::task::spawn_blocking(move || {
        BufReader::new(stdout).lines().take(2).map(|line| line.unwrap()).collect::<Vec<String>>()
    });
    // The tail tells nobody when it has begun; so the client comes until it was seen.
    while !printed.is_finished() {
        connect(Version::V5, server.mqtt, "pump", None).await.unwrap();
        connect(Version::V5, server.mqtt, "valve", None).await.unwrap();
    }
    let printed = printed.await.unwrap();
    tail.kill().unwrap();
    tail.wait().unwrap();
    let names: Vec<serde_json::Value> = printed.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(names.iter().all(|event| event["clientid"] == "pump"), "{printed:?}");
    assert!(["client.connack", "client.disconnected"].contains(&names[0]["event"].as_str().unwrap()), "{printed:?}");
}

#[test]
fn events_tail_without_a_broker_says_so() {
    let finished = Home::new().run(&["events", "tail"]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("no broker runs in the data directory"), "{}", finished.stderr);
}

#[tokio::test]
async fn the_api_is_closed_without_a_key_and_to_other_origins() {
    let home = Home::new().with_rule("connack", CONNACK_RULE);
    let server = home.serve();
    let http = reqwest::Client::new();
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    assert_eq!(status(http.get(server.url("/healthz"))).await, 200);
    assert_eq!(status(http.get(server.url("/readyz"))).await, 200);
    let refused = http.get(server.url("/api/v5/rules")).send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 401);
    let problem = refused.text().await.unwrap();
    assert!(problem.contains("signalbox keys add NAME"), "{problem}");

    let added = home.run(&["keys", "add", "test", "--json"]);
    let key: serde_json::Value = serde_json::from_str(&added.stdout).unwrap();
    let key = key["key"].as_str().unwrap();
    let ask = |path: &str| http.get(server.url(path)).bearer_auth(key);
    assert_eq!(status(ask("/api/v5/rules").header("origin", "http://evil.example")).await, 403);
    assert_eq!(status(ask("/api/v5/rules").header("host", "evil.example")).await, 403);

    let mistyped = ask("/api/v5/events/tail?clinet=pump").send().await.unwrap();
    assert_eq!(mistyped.status().as_u16(), 400);
    assert_eq!(mistyped.headers()["content-type"], "application/problem+json");
    let problem = mistyped.text().await.unwrap();
    assert!(problem.contains("clinet"), "{problem}");

    connect(Version::V5, server.mqtt, "pump", None).await.unwrap();
    let rule: serde_json::Value =
        serde_json::from_str(&ask("/api/v5/rules/connack").send().await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!((rule["id"].as_str(), rule["enable"].as_bool()), (Some("connack"), Some(true)), "{rule}");
    assert_eq!(status(ask("/metrics")).await, 200);
}
