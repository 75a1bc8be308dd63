//! Connectors, and actions that rules share, made over the API in the shapes of EMQX.

use serde_json::{Value, json};

use crate::support::api::{Answer, Caller};
use crate::support::client::publish_all;
use crate::support::receiver::{Posted, Receiver};
use crate::support::server::Home;

/// A connector as EMQX's tools send it.
fn hook(receiver: &Receiver) -> Value {
    json!({
        "type": "http",
        "name": "hook",
        "url": format!("http://{}", receiver.address),
        "headers": { "authorization": "Bearer hush", "x-site": "7" },
        "pool_size": 8,
        "connect_timeout": "15s",
        "ssl": { "enable": false },
        "resource_opts": { "health_check_interval": "15s" }
    })
}

fn tell(path: &str) -> Value {
    json!({
        "type": "http",
        "name": "tell",
        "connector": "hook",
        "parameters": { "method": "post", "path": path, "headers": { "x-token": "hush" } },
        "resource_opts": { "inflight_window": 1, "max_buffer_bytes": "1MB" }
    })
}

const RULE: &str = r#"{ "id": "tells", "sql": "SELECT payload.n AS n FROM \"t\"", "actions": ["http:tell"] }"#;

fn rule() -> Value {
    serde_json::from_str(RULE).unwrap()
}

fn refused(answer: &Answer, status: u16, part: &str) {
    let told = answer.body["message"].as_str().unwrap_or_default();
    assert!(answer.status == status && told.contains(part), "expected {status} `{part}`, found {answer:?}");
}

/// The next row that is posted; it is asked whether it is there, too.
async fn next_row(receiver: &mut Receiver) -> Posted {
    loop {
        let posted = receiver.next().await;
        if !posted.body.is_empty() {
            return posted;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_and_an_action_are_made_used_changed_and_removed_and_secrets_are_not_told() {
    let mut receiver = Receiver::start().await;
    let home = Home::new();
    let server = home.serve();
    let admin = Caller::new(&home, &server, "admin");
    let made = admin.post("/connectors", hook(&receiver)).await;
    assert_eq!((made.status, &made.body["status"]), (201, &"connected".into()), "{made:?}");
    assert_eq!(made.body["headers"], json!({ "authorization": "******", "x-site": "7" }));
    assert_eq!((&made.body["source"], &made.body["type"]), (&"api".into(), &"http".into()));
    let action = admin.post("/actions", tell("/one")).await;
    assert_eq!((action.status, &action.body["connector"]), (201, &"hook".into()), "{action:?}");
    assert_eq!(action.body["parameters"]["headers"]["x-token"], "******");
    assert_eq!(admin.post("/rules", rule()).await.status, 201);
    assert_eq!(admin.get("/rules/tells").await.body["actions"], json!(["http:tell"]));
    publish_all(server.mqtt, "pump-1", "t", &["{\"n\":1}".to_owned()]).await;
    assert_eq!(next_row(&mut receiver).await.path, "/one");

    refused(&admin.delete("/connectors/http:hook").await, 400, "is used by `http:tell`");
    refused(&admin.delete("/actions/http:tell").await, 400, "is used by `tells`");
    assert_eq!(admin.delete("/connectors/http:hook").await.body["channels"], json!(["http:tell", "tells"]));
    assert_eq!(admin.delete("/actions/http:tell").await.body["rules"], json!(["tells"]));

    // What waits while the other side is away goes where the connector leads then.
    receiver.stop().await;
    publish_all(server.mqtt, "pump-1", "t", &["{\"n\":2}".to_owned(), "{\"n\":3}".to_owned()]).await;
    let mut other = Receiver::start().await;
    let mut moved = made.body.clone();
    moved["url"] = json!(format!("http://{}", other.address));
    let moved = admin.put("/connectors/http:hook", moved).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    for n in 2..=3 {
        assert_eq!(next_row(&mut other).await.body, format!("{{\"n\":{n}}}"));
    }
    let kept = std::fs::read_to_string(home.path().join("data/made.json")).unwrap();
    assert!(kept.contains("Bearer hush"), "a secret that is sent back as it was told is kept");
    let changed = admin.put("/actions/http:tell", tell("/two")).await;
    assert_eq!(changed.status, 200, "{changed:?}");

    drop(server);
    let server = home.serve();
    let admin = admin.at(&server);
    publish_all(server.mqtt, "pump-1", "t", &["{\"n\":4}".to_owned()]).await;
    assert_eq!(next_row(&mut other).await.path, "/two");
    assert_eq!(admin.delete("/actions/http:tell?also_delete_dep_actions=true").await.status, 204);
    assert_eq!(admin.get("/rules/tells").await.body["actions"], json!([]));
    assert_eq!(admin.delete("/connectors/http:hook").await.status, 204);
    assert_eq!(admin.get("/connectors/http:hook").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_switched_off_gets_nothing_and_keeps_what_it_has() {
    let mut receiver = Receiver::start().await;
    let home = Home::new();
    let server = home.serve();
    let admin = Caller::new(&home, &server, "admin");
    for (path, body) in [("/connectors", hook(&receiver)), ("/actions", tell("/")), ("/rules", rule())] {
        assert_eq!(admin.post(path, body).await.status, 201);
    }
    let operator = Caller::new(&home, &server, "operator");
    let publish = async |n: u64| publish_all(server.mqtt, "pump-1", "t", &[format!("{{\"n\":{n}}}")]).await;
    let done = async |method: &str, path: &str| {
        assert_eq!(operator.send((method, path), &[], Value::Null).await.status, 204, "{method} {path}");
    };
    for (n, what) in [(1, "/connectors/http:hook"), (11, "/actions/http:tell")] {
        done("POST", "/actions/http:tell/pause").await;
        publish(n).await;
        done("PUT", &format!("{what}/enable/false")).await;
        publish(n + 1).await;
        let shown = admin.get(what).await.body;
        assert_eq!(shown["enable"], false, "{shown}");
        done("PUT", &format!("{what}/enable/true")).await;
        publish(n + 2).await;
        done("POST", "/actions/http:tell/resume").await;
        for n in [n, n + 2] {
            assert_eq!(next_row(&mut receiver).await.body, format!("{{\"n\":{n}}}"), "{what}");
        }
    }
    assert_eq!(operator.delete("/actions/http:tell").await.status, 403);
}

#[tokio::test]
async fn what_is_wrong_with_a_connector_or_an_action_is_told_and_breaks_no_rule() {
    let receiver = Receiver::start().await;
    let config = format!("[connectors.ops]\nkind = \"http\"\nurl = \"http://{}\"\n", receiver.address);
    let posts = "/*---\n[[actions]]\nconnector = \"ops\"\n---*/\nSELECT id FROM \"u\"\n";
    let home = Home::new().with_config(&config).with_rule("posts", posts);
    let server = home.serve();
    let admin = Caller::new(&home, &server, "admin");
    for (path, body) in [("/connectors", hook(&receiver)), ("/actions", tell("/")), ("/rules", rule())] {
        assert_eq!(admin.post(path, body).await.status, 201);
    }
    let with = |mut body: Value, name: &str, value: Value| {
        body[name] = value;
        body
    };
    let connector = |name: &str, value: Value| with(with(hook(&receiver), "name", json!("x")), name, value);
    for (body, part) in [
        (hook(&receiver), "there is connector `http:hook` already"),
        (connector("name", json!("ops")), "stands in `[connectors.ops]`"),
        (connector("name", json!("a/b")), "found `a/b`"),
        (connector("name", json!(7)), "expected text for `name`"),
        (connector("type", json!("carrier_pigeon")), "no type `carrier_pigeon`"),
        (connector("type", json!("republish")), "needs no connector"),
        (connector("url", json!("no url")), "url"),
        (connector("urll", json!("http://h")), "unknown option `urll`"),
        (connector("password", json!("${env:NO_SUCH_THING}")), "`NO_SUCH_THING` is not set"),
    ] {
        let answer = admin.post("/connectors", body).await;
        refused(&answer, if part.starts_with("stands in") { 409 } else { 400 }, part);
    }
    let action = |name: &str, value: Value| with(with(tell("/"), "name", json!("x")), name, value);
    for (body, part) in [
        (tell("/"), "there is action `http:tell` already"),
        (action("connector", json!("none")), "no connector `none`"),
        (action("type", json!("pgsql")), "expected a connector of the type `postgres`"),
        (action("parameters", json!({ "methd": "post" })), "unknown option `methd`"),
        (action("parameters", json!({ "path": "${" })), "expected `}` after `${`"),
        (action("fallback_actions", json!([{ "kind": "reference" }])), "`fallback`"),
    ] {
        refused(&admin.post("/actions", body).await, 400, part);
    }
    refused(&admin.put("/actions/http:tell", tell("/${clientid}")).await, 400, "rules that use the action `http:tell`");
    refused(&admin.put("/actions/http:ops", tell("/")).await, 409, "stands in");
    refused(&admin.put("/connectors/http:ops", hook(&receiver)).await, 409, "[connectors.ops]");
    refused(&admin.delete("/connectors/http:ops").await, 409, "[connectors.ops]");
    refused(&admin.put("/connectors/http:none", hook(&receiver)).await, 404, "no connector `http:none`");
    let seen = admin.get("/connectors/http:hook").await.etag.unwrap();
    let put =
        async |tag: &str| admin.send(("PUT", "/connectors/http:hook"), &[("if-match", tag)], hook(&receiver)).await;
    assert_eq!(put(&seen).await.status, 200);
    refused(&put(&seen).await, 412, "not as was expected");
    assert_eq!(admin.get("/connectors_summary").await.body[0].get("url"), None);
    let types = admin.get("/connector_types").await.body;
    assert!(types.as_array().unwrap().contains(&"pgsql".into()), "{types}");
    let types = admin.get("/action_types").await.body;
    assert!(types.as_array().unwrap().contains(&"republish".into()), "{types}");
    let names: Vec<Value> =
        admin.get("/actions_summary").await.body.as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, [json!("ops"), json!("tell")]);
}

#[tokio::test]
async fn a_stored_rule_is_tried_on_an_event() {
    let home = Home::new();
    let server = home.serve();
    let admin = Caller::new(&home, &server, "admin");
    let rule = json!({ "id": "hot", "sql": "SELECT payload.t AS t FROM \"t\" WHERE payload.t > 5" });
    assert_eq!(admin.post("/rules", rule).await.status, 201);
    let context =
        |t: u64| json!({ "context": { "event_type": "message_publish", "topic": "t", "payload": { "t": t } } });
    let row = admin.post("/rules/hot/test", context(7)).await;
    assert_eq!((row.status, row.body), (200, json!({ "t": 7 })));
    let none = admin.post("/rules/hot/test", context(3)).await;
    assert_eq!((none.status, &none.body["code"]), (412, &"NOT_MATCH".into()));
    let absent = admin.post("/rules/cold/test", context(3)).await;
    assert_eq!((absent.status, &absent.body["code"]), (404, &"RULE_NOT_FOUND".into()));
    let sends = json!({ "stop_action_after_template_rendering": false });
    refused(&admin.post("/rules/hot/test", sends).await, 400, "sends nothing");
}
