//! What a program does with rules over the API, in the shapes of EMQX: tries one, asks for events and actions.

use serde_json::{Value, json};

use crate::admin::ask;
use crate::support::client::publish_all;
use crate::support::receiver::Receiver;
use crate::support::server::{Home, Server};

/// Has the API try a rule with the key of an operator.
async fn try_rule(home: &Home, server: &Server, body: Value) -> (u16, Value) {
    ask(home, server, ("operator", "POST", "/api/v5/rule_test"), Some(body)).await
}

#[tokio::test]
async fn a_rule_is_tried_on_an_event_before_there_is_a_file_of_it() {
    let home = Home::new();
    let server = home.serve();
    let sql = "SELECT payload.msg AS msg, clientid, nothing FROM \"t/#\" WHERE qos > 0";
    let context = json!({ "event_type": "message_publish", "topic": "t/a", "payload": "{\"msg\":\"hello\"}", "qos": 1,
        "clientid": "c_emqx" });
    let (status, row) = try_rule(&home, &server, json!({ "sql": sql, "context": context })).await;
    assert_eq!((status, &row["msg"], &row["clientid"]), (200, &"hello".into(), &"c_emqx".into()), "{row}");

    let each = "FOREACH payload.list AS item DO item.n AS n INCASE item.n > 1 FROM \"t/#\"";
    let list = json!({ "event_type": "message_publish", "payload": { "list": [{ "n": 1 }, { "n": 2 }, { "n": 3 }] } });
    let (status, rows) = try_rule(&home, &server, json!({ "sql": each, "context": list })).await;
    assert_eq!((status, rows), (200, json!([{ "n": 2 }, { "n": 3 }])));

    let takeover = json!({ "event_type": "client_disconnected", "reason": "takeovered", "clientid": "c1" });
    let reasons = "SELECT reason FROM \"$events/client/disconnected\"";
    let (_, row) = try_rule(&home, &server, json!({ "sql": reasons, "context": takeover })).await;
    assert_eq!(row, json!({ "reason": "takenover" }), "a rule sees what EMQX would tell it");
    let ours = json!({ "sql": reasons, "context": takeover, "compat": "signalbox" });
    assert_eq!(try_rule(&home, &server, ours).await.1, json!({ "reason": "takeovered" }));
}

#[tokio::test]
async fn a_rule_that_is_tried_and_has_no_row_is_told_why() {
    let home = Home::new();
    let server = home.serve();
    let refused = async |sql: &str, context: Value| {
        let (status, problem) = try_rule(&home, &server, json!({ "sql": sql, "context": context })).await;
        let said = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        (status, said("code"), format!("{}; {}", said("message"), said("help")))
    };
    let message = |topic: &str| json!({ "event_type": "message_publish", "topic": topic, "qos": 0 });
    for (sql, context, code, part) in [
        ("SELECT * FROM \"t/#\" WHERE qos > 0", message("t/a"), (412, "NOT_MATCH"), "qos"),
        ("SELECT * FROM \"t/#\"", message("u"), (412, "NOT_MATCH"), "does not match"),
        ("SELECT * FROM \"$events/client/ping\"", message("t/a"), (412, "NOT_MATCH"), "does not match"),
        ("SELECT *\nFORM \"t/#\"", message("t/a"), (400, "BAD_REQUEST"), "line 2, column 1"),
        ("SELECT nosuch(1) FROM \"t/#\"", message("t/a"), (400, "BAD_REQUEST"), "line 1, column 8"),
        ("SELECT 1 - clientid AS n FROM \"t/#\"", message("t/a"), (400, "BAD_REQUEST"), "line 1, column"),
        (
            "SELECT * FROM \"t/#\"",
            json!({ "event_type": "client_conected" }),
            (400, "BAD_REQUEST"),
            "`client_connected`",
        ),
        ("SELECT * FROM \"t/#\"", json!({ "clientId": "c" }), (400, "BAD_REQUEST"), "`clientid`"),
        ("SELECT * FROM \"t/#\"", json!({ "qos": "high" }), (400, "BAD_REQUEST"), "for `qos`"),
    ] {
        let (status, found, told) = refused(sql, context).await;
        assert_eq!((status, found.as_str()), code, "{sql}: {told}");
        assert!(told.contains(part), "{sql}: expected `{part}`, found `{told}`");
    }
    let body = Some(json!({ "sql": "SELECT * FROM \"t/#\"", "context": {} }));
    let (status, _) = ask(&home, &server, ("viewer", "POST", "/api/v5/rule_test"), body).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn every_event_that_is_listed_has_an_example_that_runs_on_its_examples() {
    let home = Home::new();
    let server = home.serve();
    let (status, events) = ask(&home, &server, ("viewer", "GET", "/api/v5/rule_events"), None).await;
    let events = events.as_array().unwrap();
    assert_eq!((status, events.len()), (200, 21));
    for event in events {
        let name = event["event"].as_str().unwrap();
        let test_columns = event["test_columns"].as_object().unwrap();
        let columns: Vec<&str> =
            event["columns"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert!(test_columns.keys().all(|column| columns.contains(&column.as_str())), "{name}");
        for words in [&event["title"]["en"], &event["description"]["en"], &test_columns["timestamp"][1]] {
            assert!(words.as_str().is_some_and(|words| !words.is_empty() && !words.contains("  ")), "{name}");
        }
        let mut context: serde_json::Map<String, Value> =
            test_columns.iter().map(|(column, test)| (column.clone(), test[0].clone())).collect();
        context.insert("event_type".to_owned(), name.trim_start_matches("$events/").into());
        let (status, row) = try_rule(&home, &server, json!({ "sql": event["sql_example"], "context": context })).await;
        assert_eq!(status, 200, "{name}: {row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_actions_of_all_rules_are_listed_with_what_became_of_their_rows() {
    let mut receiver = Receiver::start().await;
    let config = format!("[connectors.ops]\nkind = \"http\"\nurl = \"http://{}\"\n", receiver.address);
    let posts = "/*---\n[[actions]]\nconnector = \"ops\"\n---*/\nSELECT id FROM \"t/#\"\n";
    let told = "/*---\n[[actions]]\nname = \"back\"\nrepublish = { topic = \"told\" }\n---*/\nSELECT id FROM \"x\"\n";
    let home = Home::new().with_rule("one", posts).with_rule("two", posts).with_rule("told", told).with_config(&config);
    let server = home.serve();
    let get = async |path: &str| ask(&home, &server, ("viewer", "GET", path), None).await;

    let (_, listed) = get("/api/v5/actions").await;
    let listed = listed.as_array().unwrap();
    let names: Vec<(&Value, &Value)> = listed.iter().map(|action| (&action["type"], &action["name"])).collect();
    assert_eq!(names, [(&"http".into(), &"ops".into()), (&"republish".into(), &"back".into())]);
    let (status, shown) = get("/api/v5/actions/http:ops").await;
    assert_eq!((status, &shown["connector"], &shown["rules"]), (200, &"ops".into(), &json!(["one", "two"])));
    assert_eq!((&shown["status"], &shown["enable"]), (&"connected".into(), &true.into()));
    assert_eq!(shown["node_status"][0]["status"], "connected");
    assert!(listed[1].get("connector").is_none() && get("/api/v5/actions/http:none").await.0 == 404);

    let operate = async |method, path: &str| ask(&home, &server, ("operator", method, path), None).await.0;
    for rule in ["one", "two"] {
        assert_eq!(operate("POST", &format!("/api/v5/rules/{rule}/actions/ops/pause")).await, 204);
    }
    publish_all(server.mqtt, "pump-1", "t/1", &["{}".to_owned()]).await;
    let metrics = async || get("/api/v5/actions/http:ops/metrics").await.1;
    let counted = metrics().await;
    let counts = &counted["metrics"];
    assert_eq!((&counts["matched"], &counts["queuing"], &counts["success"]), (&2.into(), &2.into(), &0.into()));
    assert_eq!(&counted["node_metrics"][0]["metrics"], counts);
    for rule in ["one", "two"] {
        assert_eq!(operate("POST", &format!("/api/v5/rules/{rule}/actions/ops/resume")).await, 204);
        receiver.next().await;
    }
    let counts = metrics().await["metrics"].clone();
    let sum: u64 =
        ["success", "failed", "dropped", "queuing", "inflight"].map(|name| counts[name].as_u64().unwrap()).iter().sum();
    assert_eq!((sum, counts["matched"].as_u64()), (2, Some(2)), "{counts}");

    assert_eq!(operate("POST", "/api/v5/actions/http:ops/start").await, 204);
    assert_eq!(operate("PUT", "/api/v5/actions/http:ops/enable/false").await, 409);
    let admin = ask(&home, &server, ("admin", "DELETE", "/api/v5/actions/http:ops"), None).await;
    assert_eq!((admin.0, &admin.1["code"]), (409, &"READ_ONLY".into()));
    receiver.stop().await;
    let (status, gone) = ask(&home, &server, ("operator", "POST", "/api/v5/actions/http:ops/start"), None).await;
    assert_eq!((status, &gone["code"]), (400, &"TEST_FAILED".into()), "{gone}");
}
