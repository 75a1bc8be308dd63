//! A device connects, and its CONNACK reaches a topic: what the README promises.

use serde_json::json;

use crate::support::CONNACK_RULE;
use crate::support::client::{MosquittoSub, Subscriber, Version, connect, mosquitto_pub};
use crate::support::server::{Home, Server};

fn started() -> (Home, Server) {
    let home = Home::new().with_rule("connack", CONNACK_RULE);
    let server = home.serve();
    (home, server)
}

/// Exactly the four fields, in the order of the SELECT, and a time of these years.
fn assert_is_exactly(payload: &str, client: &str, user: Option<&str>, reason: &str) {
    let value: serde_json::Value = serde_json::from_str(payload).unwrap();
    let timestamp = value["timestamp"].as_i64().unwrap();
    assert!((1_700_000_000_000..4_000_000_000_000).contains(&timestamp), "{payload}");
    let user = json!(user);
    let expected =
        format!(r#"{{"clientid":"{client}","username":{user},"reason_code":"{reason}","timestamp":{timestamp}}}"#);
    assert_eq!(payload, expected);
}

#[test]
fn mosquitto_gets_the_connack_of_mosquitto() {
    let (_home, server) = started();
    let mut sub = MosquittoSub::start(&server, "sub", "client_connack");
    for (version, reason) in [("5", "success"), ("311", "connection_accepted"), ("31", "connection_accepted")] {
        let (published, said) =
            mosquitto_pub(&server, &["-V", version, "-i", "conn", "-u", "u_emqx", "-t", "t", "-m", "hello"]);
        assert!(published, "{said}");
        let mut message = sub.next();
        // Its own CONNACK may still have been under way when it subscribed.
        while message.contains(r#""clientid":"sub""#) {
            message = sub.next();
        }
        let payload = message.strip_prefix("client_connack 0 0 ").expect("QoS 0, not retained");
        assert_is_exactly(payload, "conn", Some("u_emqx"), reason);
    }
}

#[tokio::test]
async fn rumqttc_gets_the_connack_of_rumqttc() {
    let (_home, server) = started();
    let mut sub = Subscriber::start(&server, "sub", "client_connack").await;
    for (version, reason) in [(Version::V5, "success"), (Version::V311, "connection_accepted")] {
        connect(version, server.mqtt, "conn", None).await.unwrap();
        let message = sub.next_about("conn").await;
        assert_is_exactly(&message.payload, "conn", None, reason);
        assert_eq!((message.topic.as_str(), message.qos, message.retain), ("client_connack", 0, false));
    }
}

#[tokio::test]
async fn nothing_is_retained_for_who_comes_later() {
    let (_home, server) = started();
    connect(Version::V5, server.mqtt, "early", None).await.unwrap();
    let mut late = Subscriber::start(&server, "late", "client_connack").await;
    connect(Version::V5, server.mqtt, "marker", None).await.unwrap();
    // The CONNACK of `late` itself may still be under way when it subscribes.
    let mut first = late.next().await.json();
    if first["clientid"] == "late" {
        first = late.next().await.json();
    }
    assert_eq!(first["clientid"], "marker");
}

#[tokio::test]
async fn a_wrong_password_is_told_with_the_reason_of_its_version() {
    let home = Home::new().with_rule("connack", CONNACK_RULE);
    let added = home.run_with_input(&["users", "add", "pump", "--password-stdin"], "right\n");
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    let server = home.serve();
    let mut sub = Subscriber::start(&server, "sub", "client_connack").await;

    for (version, user, password, refused, reason) in [
        (Version::V5, "pump", "wrong", Err("BadUserNamePassword"), "bad_username_or_password"),
        (Version::V5, "nobody", "wrong", Err("BadUserNamePassword"), "bad_username_or_password"),
        (Version::V311, "pump", "wrong", Err("NotAuthorized"), "unauthorized_client"),
        (Version::V311, "nobody", "wrong", Err("NotAuthorized"), "unauthorized_client"),
        (Version::V5, "pump", "right", Ok(()), "success"),
        (Version::V311, "pump", "right", Ok(()), "connection_accepted"),
    ] {
        let id = format!("{user}-{password}-{version:?}");
        let answer = connect(version, server.mqtt, &id, Some((user, password))).await;
        assert_eq!(answer, refused.map_err(str::to_owned), "{id}");
        let message = sub.next_about(&id).await;
        assert_is_exactly(&message.payload, &id, Some(user), reason);
    }
}

#[tokio::test]
async fn a_user_that_is_added_while_the_broker_runs_can_connect() {
    let (home, server) = started();
    let credentials = Some(("late", "secret"));
    assert!(connect(Version::V5, server.mqtt, "a", credentials).await.is_err());
    let added = home.run_with_input(&["users", "add", "late", "--password-stdin"], "secret\n");
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    server.signal("HUP");
    let deadline = tokio::time::Instant::now() + crate::support::PATIENCE;
    while connect(Version::V5, server.mqtt, "a", credentials).await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "the new user is not known");
    }
}
