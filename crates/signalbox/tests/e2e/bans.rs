//! Bans by command and API: the banned are refused with the name of that, their connections are ended, and a restart
//! changes nothing.

use serde_json::{Value, json};

use crate::support::client::{Subscriber, Version, connect};
use crate::support::server::Home;

const RULE: &str = "/*---\n[[actions]]\nrepublish = { topic = \"told/${event}\" }\n---*/\n\
    SELECT event, clientid, reason_code, reason, detail FROM \"$events/client_connack\", \"$events/client_disconnected\" \
    WHERE clientid <> 'sub'\n";

async fn refusal(server: &crate::support::server::Server, id: &str, user: Option<&str>) -> Option<String> {
    let credentials = user.map(|user| (user, "x"));
    connect(Version::V5, server.mqtt, id, credentials).await.err()
}

#[tokio::test]
async fn the_banned_are_refused_ended_and_let_in_again() {
    let home = Home::new().with_rule("told", RULE);
    let server = home.serve();
    let mut told = Subscriber::start(&server, "sub", "told/+").await;
    let _loud = Subscriber::start(&server, "loud", "t").await;
    told.next_about("loud").await;
    let added = home.run(&["bans", "add", "--client", "loud", "--for", "1h", "--reason", "sends too much"]);
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    let ended = loop {
        let message = told.next_about("loud").await.json();
        if message["event"] == "client.disconnected" {
            break message;
        }
    };
    assert_eq!(ended["reason"], "banned", "{ended}");
    assert!(ended["detail"].as_str().unwrap().contains("`loud` is banned: sends too much"), "{ended}");
    let refused = refusal(&server, "loud", None).await.unwrap();
    assert!(refused.contains("Banned"), "{refused}");
    let connack = loop {
        let message = told.next_about("loud").await.json();
        if message["event"] == "client.connack" && message["reason_code"] != "success" {
            break message;
        }
    };
    assert_eq!(connack["reason_code"], "banned", "{connack}");
    assert!(refusal(&server, "quiet", None).await.is_none());

    drop(server);
    let server = home.serve();
    assert!(refusal(&server, "loud", None).await.is_some());
    assert_eq!(home.run(&["bans", "remove", "--client", "loud"]).code, Some(0));
    assert_eq!(home.run(&["bans", "remove", "--client", "loud"]).code, Some(2));
    let listed = home.run(&["bans", "list", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&listed.stdout).unwrap(), json!([]));
}

#[tokio::test]
async fn the_api_bans_in_the_shape_of_emqx() {
    let home = Home::new();
    let server = home.serve();
    let added = home.run(&["keys", "add", "ops", "--role", "operator", "--json"]);
    let key = serde_json::from_str::<Value>(&added.stdout).unwrap()["key"].as_str().unwrap().to_owned();
    let http = reqwest::Client::new();
    let post = |body: Value| {
        let request = http.post(server.url("/api/v5/banned")).bearer_auth(&key);
        request.header("content-type", "application/json").body(body.to_string()).send()
    };
    let answer = post(json!({ "as": "clientid_re", "who": "bot-.*", "reason": "bots" })).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let banned: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!((&banned["by"], &banned["until"]), (&"ops".into(), &"infinity".into()), "{banned}");
    assert!(refusal(&server, "bot-1", None).await.unwrap().contains("Banned"));
    assert!(refusal(&server, "robot-1", None).await.is_none());
    for (body, message) in [
        (json!({ "as": "peerhost_net", "who": "10.0.0.0/64" }), "expected a network such as"),
        (json!({ "as": "colour", "who": "red" }), "unknown variant `colour`"),
        (json!({ "as": "clientid", "who": "a", "until": "soon" }), "expected `until` to be a time"),
    ] {
        let answer = post(body).await.unwrap();
        assert_eq!(answer.status().as_u16(), 400);
        let text = answer.text().await.unwrap();
        assert!(text.contains(message), "{text}");
    }
    let url = server.url("/api/v5/banned/clientid_re/bot-.*");
    let removed = http.delete(&url).bearer_auth(&key).send().await.unwrap();
    assert_eq!(removed.status().as_u16(), 204);
    assert!(refusal(&server, "bot-1", None).await.is_none());
    assert_eq!(http.delete(&url).bearer_auth(&key).send().await.unwrap().status().as_u16(), 404);
    assert_eq!(post(json!({ "as": "peerhost_net", "who": "127.0.0.0/8" })).await.unwrap().status().as_u16(), 200);
    assert!(refusal(&server, "anybody", None).await.unwrap().contains("Banned"));
}
