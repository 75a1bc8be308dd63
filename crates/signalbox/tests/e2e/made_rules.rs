//! Rules that are made, changed and removed over the API, in the shapes of EMQX.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::CONNACK_RULE;
use crate::support::api::Caller;
use crate::support::client::{Subscriber, publish_all};
use crate::support::receiver::Receiver;
use crate::support::server::Home;

/// A rule as EMQX's tools send it.
fn copies(topic: &str) -> Value {
    json!({
        "id": "copies",
        "name": "Copies",
        "sql": "SELECT\n  clientid, payload.n AS n\nFROM \"t/#\"",
        "actions": [{ "function": "republish", "args": { "topic": topic, "payload": "${.}", "qos": 1 } }],
        "description": "Tells what was published.",
        "metadata": { "ticket": 7 },
    })
}

#[tokio::test]
async fn a_rule_takes_part_at_once_and_is_there_after_a_restart() {
    let home = Home::new();
    let server = home.serve();
    let admin = Caller::new(&home, &server, "admin");
    let mut sub = Subscriber::start(&server, "sub", "told/#").await;

    let made = admin.post("/rules", copies("told/a")).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let rule = &made.body;
    for (name, expected) in [
        ("id", json!("copies")),
        ("name", json!("Copies")),
        ("enable", json!(true)),
        ("from", json!(["t/#"])),
        ("source", json!("api")),
        ("compat", json!("emqx")),
        ("status", json!("running")),
        ("metadata", json!({ "ticket": 7 })),
        ("sql", copies("told/a")["sql"].clone()),
        ("actions", copies("told/a")["actions"].clone()),
        ("description", json!("Tells what was published.")),
    ] {
        assert_eq!(rule[name], expected, "{name}: {rule}");
    }
    assert!(rule["created_at"].as_str().unwrap().ends_with('Z') && rule.get("file").is_none(), "{rule}");
    assert_eq!(rule["action_details"][0]["type"], "republish");
    publish_all(server.mqtt, "pump-1", "t/1", &["{\"n\":1}".to_owned()]).await;
    let message = sub.next().await;
    assert_eq!((message.topic.as_str(), message.json()), ("told/a", json!({ "clientid": "pump-1", "n": 1 })));

    let changed = admin.put("/rules/copies", json!({ "actions": copies("told/b")["actions"] })).await;
    assert_eq!((changed.status, &changed.body["description"]), (200, &rule["description"]), "{}", changed.body);
    assert_eq!(changed.body["created_at"], rule["created_at"]);
    publish_all(server.mqtt, "pump-1", "t/1", &["{\"n\":2}".to_owned()]).await;
    assert_eq!(sub.next().await.topic, "told/b");

    let off = admin.put("/rules/copies", json!({ "enable": false })).await;
    assert_eq!((&off.body["enable"], &off.body["status"]), (&false.into(), &"disabled".into()));
    drop((sub, server));
    let server = home.serve();
    let admin = admin.at(&server);
    let again = admin.get("/rules/copies").await;
    assert_eq!((again.status, again.etag), (200, off.etag));
    assert_eq!(again.body["enable"], false, "what was changed last is what is there: {}", again.body);

    assert_eq!(admin.put("/rules/copies", json!({ "enable": true })).await.status, 200);
    let mut sub = Subscriber::start(&server, "sub", "told/#").await;
    publish_all(server.mqtt, "pump-1", "t/1", &["{\"n\":3}".to_owned()]).await;
    assert_eq!(sub.next().await.json()["n"], 3);
    assert_eq!(admin.delete("/rules/copies").await.status, 204);
    for gone in [admin.get("/rules/copies").await, admin.delete("/rules/copies").await] {
        assert_eq!((gone.status, &gone.body["code"]), (404, &"NOT_FOUND".into()));
    }
    assert_eq!(admin.get("/rules").await.body["meta"]["count"], 0);
}

#[tokio::test]
async fn a_rule_that_is_wrong_is_refused_with_the_place_and_nothing_is_different() {
    let home = Home::new().with_rule("connack", CONNACK_RULE);
    let server = home.serve();
    let admin = Caller::new(&home, &server, "admin");
    assert_eq!(admin.post("/rules", copies("told")).await.status, 201);
    let sql = |sql: &str| json!({ "id": "x", "sql": sql });
    let own = |action: Value| json!({ "id": "x", "sql": "SELECT * FROM \"t\"", "actions": [action] });
    for (body, part) in [
        (sql("SELECT *\nFORM \"t/#\""), "line 2, column 1"),
        (sql("SELECT nosuch(1) FROM \"t/#\""), "line 1, column 8"),
        (json!({ "id": "x" }), "expected `sql` or `text`"),
        (json!({ "id": "", "sql": "SELECT * FROM \"t\"" }), "letters, digits"),
        (json!({ "id": "a/b", "sql": "SELECT * FROM \"t\"" }), "found `a/b`"),
        (json!({ "id": 7, "sql": "SELECT * FROM \"t\"" }), "expected a string"),
        (json!({ "id": "x", "sq": "SELECT * FROM \"t\"" }), "unknown field `sq`"),
        (json!({ "id": "x", "sql": "SELECT * FROM \"t\"", "text": "SELECT * FROM \"t\"" }), "found both"),
        (json!({ "id": "x", "text": "/*---\nenabled = 7\n---*/\nSELECT * FROM \"t\"" }), "line 2, column 11"),
        (own(json!("http:none")), "no action `http:none`"),
        (own(json!({ "function": "shout" })), "no function `shout`"),
        (own(json!({ "function": "republish", "args": {} })), "topic"),
        (own(json!({ "connector": "none" })), "no connector `none`"),
        (own(json!({ "republish": { "topic": "---*/" } })), "cannot stand"),
        (own(json!(5)), "found `5`"),
        (copies("told"), "there is a rule `copies` already"),
    ] {
        let refused = admin.post("/rules", body.clone()).await;
        let told = format!("{} {}", refused.body["message"], refused.body["help"]);
        assert_eq!((refused.status, &refused.body["code"]), (400, &"BAD_REQUEST".into()), "{body}: {told}");
        assert!(told.contains(part), "{body}: expected `{part}`, found {told}");
    }
    let placed = admin.post("/rules", sql("SELECT nosuch(1) FROM \"t/#\"")).await.body["errors"][0].clone();
    assert_eq!((&placed["line"], &placed["column"], &placed["span"][0]), (&1.into(), &8.into(), &7.into()), "{placed}");

    let broken = admin.put("/rules/copies", json!({ "sql": "SELECT * FORM \"t\"" })).await;
    assert_eq!(broken.status, 400, "{}", broken.body);
    assert_eq!(admin.get("/rules/copies").await.body["sql"], copies("")["sql"]);
    assert_eq!(admin.put("/rules/none", json!({ "enable": true })).await.status, 404);
    for of_file in [
        admin.put("/rules/connack", json!({ "enable": false })).await,
        admin.delete("/rules/connack").await,
        admin.post("/rules", json!({ "id": "connack", "sql": "SELECT * FROM \"t\"" })).await,
    ] {
        assert_eq!((of_file.status, &of_file.body["code"]), (409, &"READ_ONLY".into()), "{}", of_file.body);
        assert!(of_file.body["message"].as_str().unwrap().contains("connack.sql"), "{}", of_file.body);
    }
    let operator = Caller::new(&home, &server, "operator");
    assert_eq!(operator.post("/rules", sql("SELECT * FROM \"t\"")).await.status, 403);
    assert_eq!(operator.delete("/rules/copies").await.status, 403);
    let ids =
        admin.get("/rules").await.body["data"].as_array().unwrap().iter().map(|rule| rule["id"].clone()).collect();
    assert_eq!(Value::Array(ids), json!(["connack", "copies"]));
}

#[tokio::test]
async fn a_change_is_made_only_to_what_its_maker_has_seen() {
    let home = Home::new();
    let server = home.serve();
    let admin = Caller::new(&home, &server, "admin");
    let put = async |headers: &[(&str, &str)], body: Value| admin.send(("PUT", "/rules/copies"), headers, body).await;
    let made = put(&[("if-none-match", "*")], copies("a")).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let first = made.etag.unwrap();
    assert_eq!(admin.get("/rules/copies").await.etag.as_ref(), Some(&first));
    let taken = put(&[("if-none-match", "*")], copies("b")).await;
    assert_eq!((taken.status, &taken.body["code"]), (412, &"PRECONDITION_FAILED".into()));

    let second = put(&[("if-match", &first)], json!({ "description": "two" })).await;
    assert_eq!(second.status, 200);
    let late = put(&[("if-match", &first)], json!({ "description": "lost" })).await;
    assert_eq!(late.status, 412, "{}", late.body);
    assert!(late.body["message"].as_str().unwrap().contains(&*second.etag.clone().unwrap()), "{}", late.body);
    assert_eq!(admin.send(("DELETE", "/rules/copies"), &[("if-match", &first)], Value::Null).await.status, 412);
    assert_eq!(admin.get("/rules/copies").await.body["description"], "two");
    let seen = second.etag.unwrap();
    assert_eq!(admin.send(("DELETE", "/rules/copies"), &[("if-match", &seen)], Value::Null).await.status, 204);
    assert_eq!(admin.post("/rules", copies("a")).await.status, 201);
    assert_ne!(admin.get("/rules/copies").await.etag, Some(seen), "a tag is never given twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_changed_under_load_and_nothing_that_is_queued_is_lost() {
    let receiver = Receiver::start().await;
    let config = format!("[connectors.ops]\nkind = \"http\"\nurl = \"http://{}\"\n", receiver.address);
    let home = Home::new().with_config(&config);
    let server = home.serve();
    let admin = Caller::new(&home, &server, "admin");
    let rule = |path: &str| json!({ "id": "posts", "sql": "SELECT payload.n AS n FROM \"t\"", "actions": [{ "connector": "ops", "path": path }] });
    assert_eq!(admin.post("/rules", rule("/0")).await.status, 201);
    let address = receiver.stop().await;
    let payloads: Vec<String> = (0..500).map(|n| format!("{{\"n\":{n}}}")).collect();
    let mqtt = server.mqtt;
    let publishing = tokio::task::spawn(async move { publish_all(mqtt, "pump-1", "t", &payloads).await });
    for round in 1..=10 {
        assert_eq!(admin.put("/rules/posts", rule(&format!("/{round}"))).await.status, 200);
    }
    publishing.await.unwrap();
    let mut receiver = Receiver::start_at(address).await;
    let mut arrived = BTreeSet::new();
    while arrived.len() < 500 {
        let posted = receiver.next().await;
        // It is asked whether it is there, too.
        let Ok(row) = serde_json::from_str::<Value>(&posted.body) else { continue };
        arrived.insert(row["n"].as_u64().unwrap());
    }
    let shown = admin.get("/rules/posts").await.body;
    let ledger = &shown["action_details"][0]["ledger"];
    assert_eq!((&ledger["in"], &ledger["dropped"], &ledger["dead"]), (&500.into(), &0.into(), &0.into()), "{ledger}");
}
