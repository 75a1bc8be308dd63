//! Who changes what over the API and by commands: the audit log, `rules plan` and `apply`, `actions`.

use serde_json::{Value, json};

use crate::support::api::Caller;
use crate::support::client::{Subscriber, publish_all};
use crate::support::receiver::Receiver;
use crate::support::server::{Finished, Home};

/// Runs a command on another thread, so that an HTTP server of the test can answer meanwhile.
async fn run(home: &Home, arguments: &[&str]) -> Finished {
    let mut command = home.command(arguments);
    Finished::of(tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap())
}

async fn json_of(home: &Home, arguments: &[&str], code: i32) -> Value {
    let said = run(home, arguments).await;
    assert_eq!(said.code, Some(code), "{arguments:?}: {}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_with_who_made_it_and_without_secrets() {
    let home = Home::new();
    let server = home.serve();
    let admin = Caller::new(&home, &server, "admin");
    let viewer = Caller::new(&home, &server, "viewer");
    let connector =
        json!({ "type": "http", "name": "hook", "url": "http://127.0.0.1:1", "headers": { "authorization": "hush" } });
    assert_eq!(admin.post("/connectors", connector).await.status, 201);
    let rule = json!({ "id": "hot", "sql": "SELECT * FROM \"t\"" });
    assert_eq!(admin.post("/rules", rule.clone()).await.status, 201);
    assert_eq!(admin.put("/rules/hot", json!({ "sql": "SELECT qos FROM \"t\"" })).await.status, 200);
    assert_eq!(viewer.delete("/rules/hot").await.status, 403);
    assert_eq!(admin.post("/rules", rule).await.status, 400);
    assert_eq!(Caller::with_key(&server, "sbx_stranger").delete("/rules/hot").await.status, 401);
    assert_eq!(admin.post("/rule_test", json!({ "sql": "SELECT * FROM \"t\"" })).await.status, 200);
    let banned = home.run(&["bans", "add", "--client", "pump-17", "--reason", "too much"]);
    assert_eq!(banned.code, Some(0), "{}", banned.stderr);

    let entries = viewer.get("/audit").await.body;
    let told: Vec<String> = entries["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
            format!("{} {} {} {}", text("source"), text("operation_id"), text("object"), text("operation_result"))
        })
        .filter(|told| !told.starts_with("uid") || told.contains("bans"))
        .collect();
    let uid = told.first().unwrap().split(" bans").next().unwrap().to_owned();
    assert_eq!(
        told,
        [
            format!("{uid} bans add pump-17 success"),
            "caller-admin /rules /rules failure".to_owned(),
            "caller-viewer /rules/{id} /rules/hot failure".to_owned(),
            "caller-admin /rules/{id} /rules/hot success".to_owned(),
            "caller-admin /rules /rules success".to_owned(),
            "caller-admin /connectors /connectors success".to_owned(),
        ]
    );
    let found = async |query: &str| viewer.get(&format!("/audit?{query}")).await.body["data"].clone();
    let changed = found("http_method=put&operation_type=rules").await[0].clone();
    assert_eq!(changed["before"], json!({ "sql": "SELECT * FROM \"t\"" }), "only what differs: {changed}");
    assert_eq!(changed["after"], json!({ "sql": "SELECT qos FROM \"t\"" }));
    assert_eq!(
        (&changed["from"], &changed["role"], &changed["source_ip"]),
        (&"rest_api".into(), &"admin".into(), &"127.0.0.1".into())
    );
    let made = found("operation_type=connectors").await[0].clone();
    assert_eq!(made["after"]["headers"]["authorization"], "******", "{made}");
    let refused = found("source=caller-viewer&operation_result=failure").await[0].clone();
    assert_eq!((&refused["http_status_code"], refused["failure"].is_string()), (&403.into(), true), "{refused}");
    let keys = found("from=cli&operation_type=keys&like_object=caller-admin").await;
    assert_eq!(keys[0]["after"], json!({ "role": "admin" }), "{keys}");
    assert_eq!(found("gte_created_at=2100-01-01T00:00:00Z").await, json!([]));
    assert_eq!(viewer.get("/audit?gte_created_at=soon").await.status, 400);
    assert_eq!(viewer.get("/audit?limit=1&page=2").await.body["meta"]["page"], 2);

    let listed = run(&home, &["audit", "--what", "rules", "--failed"]).await;
    assert!(listed.stdout.contains("caller-viewer") && !listed.stdout.contains("pump-17"), "{}", listed.stdout);
    let listed = json_of(&home, &["audit", "--by", "caller-viewer", "--since", "1h", "--json"], 0).await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
}

const POSTS: &str = "/*---\n[[actions]]\nconnector = \"hook\"\n---*/\nSELECT payload.n AS n FROM \"t\"\n";
const TELLS: &str = "/*---\n[[actions]]\nrepublish = { topic = \"told\" }\n---*/\nSELECT qos FROM \"u\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_planned_and_applied_and_what_was_changed_otherwise_is_told() {
    let mut receiver = Receiver::start().await;
    let home = Home::new();
    let server = home.serve();
    std::fs::create_dir(home.path().join("wanted")).unwrap();
    let connectors = format!(
        "[connectors.hook]\nkind = \"http\"\nurl = \"http://{}\"\nheaders = {{ authorization = \"hush\" }}\n",
        receiver.address
    );
    home.write("wanted/connectors.toml", &connectors);
    home.write("wanted/posts.sql", POSTS);
    home.write("wanted/tells.sql", TELLS);
    let plan = async |more: &[&str], code: i32| {
        json_of(&home, &[&["rules", "plan", "wanted", "--json"], more].concat(), code).await
    };
    let steps = |plan: &Value| -> Vec<String> {
        let steps = plan["steps"].as_array().unwrap().iter();
        steps
            .map(|step| {
                format!(
                    "{} {}{}",
                    step["do"].as_str().unwrap(),
                    step["name"].as_str().unwrap(),
                    if step["drift"] == true { " drift" } else { "" }
                )
            })
            .collect()
    };
    assert_eq!(steps(&plan(&[], 1).await), ["create hook", "create posts", "create tells"]);
    let applied = run(&home, &["rules", "apply", "wanted"]).await;
    assert_eq!(applied.code, Some(0), "{}", applied.stderr);
    assert!(applied.stdout.contains("+ connector hook") && applied.stderr.contains("3 steps are done"), "{applied:?}");
    publish_all(server.mqtt, "pump-1", "t", &["{\"n\":1}".to_owned()]).await;
    assert_eq!(receiver.next().await.body, "{\"n\":1}");
    assert_eq!(plan(&[], 0).await, json!({ "steps": [], "as_wanted": 3, "left_alone": [] }));

    let admin = Caller::new(&home, &server, "admin");
    let other = json!({ "id": "other", "sql": "SELECT * FROM \"x\"" });
    assert_eq!(admin.post("/rules", other).await.status, 201);
    assert_eq!(admin.put("/rules/posts", json!({ "enable": false })).await.status, 200);
    home.write("wanted/tells.sql", &TELLS.replace("SELECT qos", "SELECT topic"));
    let drifted = plan(&[], 1).await;
    assert_eq!(steps(&drifted), ["change posts drift", "change tells"]);
    assert_eq!(drifted["left_alone"], json!(["other"]));
    let mut sub = Subscriber::start(&server, "sub", "told").await;
    assert_eq!(run(&home, &["rules", "apply", "wanted", "--json"]).await.code, Some(0));
    publish_all(server.mqtt, "pump-1", "u", &["x".to_owned()]).await;
    assert_eq!(sub.next().await.json(), json!({ "topic": "u" }));
    assert_eq!(admin.get("/rules/posts").await.body["enable"], true);

    std::fs::remove_file(home.path().join("wanted/posts.sql")).unwrap();
    assert_eq!(steps(&plan(&[], 0).await), Vec::<String>::new());
    assert_eq!(steps(&plan(&["--prune"], 1).await), ["delete posts"]);
    assert_eq!(run(&home, &["rules", "apply", "wanted", "--prune"]).await.code, Some(0));
    assert_eq!(admin.get("/rules/posts").await.status, 404);
    assert_eq!(admin.get("/rules/other").await.status, 200, "what was made otherwise is left alone");

    home.write("wanted/wrong.sql", "SELECT nosuch(1) FROM \"t\"\n");
    let refused = run(&home, &["rules", "apply", "wanted"]).await;
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("0 of 1 steps are done") && refused.stderr.contains("nosuch"),
        "{}",
        refused.stderr
    );
}

#[tokio::test]
async fn actions_are_listed_paused_and_resumed_by_commands() {
    let home = Home::new().with_rule("tells", TELLS);
    let server = home.serve();
    let mut sub = Subscriber::start(&server, "sub", "told").await;
    let state = || -> (Value, Value) {
        let listed = home.run(&["actions", "list", "--rule", "tells", "--json"]);
        let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
        (listed[0]["state"].clone(), listed[0]["queued"].clone())
    };
    assert_eq!(home.run(&["actions", "pause", "republish:republish"]).code, Some(0));
    publish_all(server.mqtt, "pump-1", "u", &["1".to_owned()]).await;
    assert_eq!(state(), ("paused".into(), 1.into()));
    assert_eq!(home.run(&["actions", "resume", "republish", "--rule", "tells"]).code, Some(0));
    assert_eq!(sub.next().await.json(), json!({ "qos": 1 }));
    assert_eq!(state().0, "running");
    let of_file = home.run(&["actions", "disable", "republish:republish"]);
    assert_eq!(of_file.code, Some(2));
    assert!(of_file.stderr.contains("change it there"), "{}", of_file.stderr);
    let no_id = home.run(&["actions", "drain", "republish"]);
    assert!(no_id.code == Some(2) && no_id.stderr.contains("expected `type:name`"), "{}", no_id.stderr);
    assert!(home.run(&["actions", "list"]).stdout.starts_with("RULE "));
}
