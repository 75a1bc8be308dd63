//! Rules of what clients may do, made while the broker runs: by command and over the API, for clients that are connected.

use std::time::Instant;

use rumqttc::v5;
use rumqttc::v5::mqttbytes::v5::PubAckReason;
use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::api::Caller;
use crate::support::server::{Home, Server};

const RULES: &str = "/authorization/sources/built_in_database/rules";

/// A client of MQTT 5 that stays connected and asks whether it may publish.
struct Publisher {
    client: v5::AsyncClient,
    events: v5::EventLoop,
}

impl Publisher {
    fn new(server: &Server, id: &str) -> Publisher {
        let mut options = v5::MqttOptions::new(id, server.mqtt.ip().to_string(), server.mqtt.port());
        options.set_keep_alive(PATIENCE);
        let (client, events) = v5::AsyncClient::new(options, 10);
        Publisher { client, events }
    }

    /// Whether the broker takes a message.
    async fn may_publish(&mut self, topic: &str) -> bool {
        self.client.publish(topic, v5::mqttbytes::QoS::AtLeastOnce, false, "x").await.unwrap();
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.poll()).await.expect("no PUBACK").unwrap();
            if let v5::Event::Incoming(v5::Incoming::PubAck(ack)) = event {
                return ack.reason != PubAckReason::NotAuthorized;
            }
        }
    }

    /// Publishes until a change of the file is taken up.
    async fn until_may_publish(&mut self, topic: &str, wanted: bool) {
        let began = Instant::now();
        while self.may_publish(topic).await != wanted {
            assert!(began.elapsed() < PATIENCE, "expected that `{topic}` can be published: {wanted}");
        }
    }
}

fn run(home: &Home, arguments: &[&str]) {
    let done = home.run(arguments);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
}

#[tokio::test]
async fn rules_by_command_hold_for_clients_that_are_connected() {
    let home = Home::new();
    let server = home.serve();
    let (mut pump, mut other) = (Publisher::new(&server, "pump"), Publisher::new(&server, "other"));
    assert!(pump.may_publish("secret/pump").await);
    run(&home, &["acl", "add", "deny", "publish", "secret/#", "--all"]);
    pump.until_may_publish("secret/pump", false).await;
    assert!(pump.may_publish("open").await, "rules change what they name and nothing else");
    run(&home, &["acl", "add", "allow", "all", "secret/${clientid}", "--client", "pump"]);
    pump.until_may_publish("secret/pump", true).await;
    assert!(!pump.may_publish("secret/other").await);
    assert!(!other.may_publish("secret/other").await);

    let listed = home.run(&["acl", "list", "--json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!((listed[0]["for"].as_str(), listed[1]["name"].as_str()), (Some("all"), Some("pump")), "{listed}");
    let viewer = Caller::new(&home, &server, "viewer");
    let all = viewer.get(&format!("{RULES}/all")).await;
    let rule = json!({ "topic": "secret/#", "permission": "deny", "action": "publish" });
    assert_eq!((all.status, all.body), (200, json!({ "rules": [rule] })));

    drop((pump, other, server));
    let server = home.serve();
    let mut other = Publisher::new(&server, "other");
    assert!(!other.may_publish("secret/other").await, "a restart changes nothing");
    run(&home, &["acl", "remove", "--all", "--topic", "secret/#"]);
    other.until_may_publish("secret/other", true).await;
    let again = home.run(&["acl", "remove", "--all"]);
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    assert!(again.stderr.contains("no such rule for all clients"), "{}", again.stderr);
    let wrong = home.run(&["acl", "add", "deny", "all", "a/#/b", "--all"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
}

#[tokio::test]
async fn rules_over_the_api_have_the_shapes_of_emqx_and_hold_at_once() {
    let home = Home::new();
    let server = home.serve();
    let admin = Caller::new(&home, &server, "admin");
    let mut pump = Publisher::new(&server, "pump");
    assert!(pump.may_publish("up").await);
    let clients = format!("{RULES}/clients");
    let rule = |permission: &str| json!({ "topic": "up", "permission": permission, "action": "publish" });
    let denied = json!([{ "clientid": "pump", "rules": [rule("deny")] }]);
    assert_eq!(admin.post(&clients, denied.clone()).await.status, 204);
    assert!(!pump.may_publish("up").await);
    assert_eq!(admin.post(&clients, denied).await.status, 409);
    let listed = admin.get(&format!("{clients}?like_clientid=um&limit=1")).await.body;
    assert_eq!(listed["data"], json!([{ "clientid": "pump", "rules": [rule("deny")] }]));
    assert_eq!(listed["meta"], json!({ "page": 1, "limit": 1, "count": 1, "hasnext": false }));

    let one = format!("{clients}/pump");
    let allowed = json!({ "clientid": "pump", "rules": [rule("allow")] });
    assert_eq!(admin.put(&one, allowed.clone()).await.status, 204);
    assert!(pump.may_publish("up").await);
    assert_eq!(admin.get(&one).await.body, allowed);
    let deny_all = json!({ "rules": [{ "topic": "#", "permission": "deny", "action": "all", "retain": "all" }] });
    assert_eq!(admin.post(&format!("{RULES}/all"), deny_all).await.status, 204);
    assert!(pump.may_publish("up").await && !pump.may_publish("down").await);
    assert_eq!(admin.delete(&one).await.status, 204);
    assert!(!pump.may_publish("up").await);
    assert_eq!((admin.delete(&one).await.status, admin.get(&one).await.status), (404, 404));
    assert_eq!(admin.delete(&format!("{RULES}/all")).await.status, 204);
    assert!(pump.may_publish("up").await);

    let users = format!("{RULES}/users");
    for (body, detail) in [
        (json!([{ "username": "", "rules": [rule("deny")] }]), "expected the name of a user"),
        (json!([{ "username": "ann", "rules": [rule("perhaps")] }]), "unknown variant `perhaps`"),
    ] {
        let answer = admin.post(&users, body).await;
        assert_eq!(answer.status, 400, "{:?}", answer.body);
        assert!(answer.body["detail"].as_str().unwrap().contains(detail), "{:?}", answer.body);
    }
    let ann = json!([{ "username": "ann", "rules": [rule("allow")] }]);
    let operator = Caller::new(&home, &server, "operator");
    assert_eq!(operator.post(&users, ann.clone()).await.status, 403);
    assert_eq!(admin.post(&users, ann.clone()).await.status, 204);
    assert_eq!(operator.get(&users).await.body["data"], ann);
}
