//! Messages of another broker as rows of a rule: with a real Mosquitto, and with a second Signalbox.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use mqtt::{Connect, Packet, QoS, Version};
use serde_json::{Value, json};

use crate::admin::ask;
use crate::durability::device::{Wire, id, keeping, publish};
use crate::limits::metric;
use crate::mosquitto::Mosquitto;
use crate::support::PATIENCE;
use crate::support::client::{Subscriber, publish_all};
use crate::support::receiver::Receiver;
use crate::support::server::{Home, Server};

/// A connector `plant` to `address`, and a source of the same name.
fn config_of(connector: &str, more: &str) -> String {
    format!("[connectors.plant]\n{connector}\n[sources.plant]\nconnector = 'plant'\n{more}\n")
}

fn connector_to(address: SocketAddr) -> String {
    format!("kind = 'mqtt'\nurl = 'mqtt://{address}'")
}

async fn get(home: &Home, server: &Server, path: &str) -> Value {
    let (status, body) = ask(home, server, ("viewer", "GET", path), None).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// Waits until the source is as `wanted` says, and gives what is told of it.
async fn wait_for_status(home: &Home, server: &Server, wanted: impl Fn(&Value) -> bool) -> Value {
    let since = Instant::now();
    loop {
        let source = get(home, server, "/api/v5/sources/mqtt:plant").await;
        if wanted(&source) {
            return source;
        }
        assert!(since.elapsed() < PATIENCE, "{source}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn wait_until_connected(home: &Home, server: &Server) -> Value {
    wait_for_status(home, server, |source| source["status"] == "connected").await
}

const IN_RULE: &str = "/*---\n[[actions]]\nrepublish = { topic = 'in' }\n---*/\nSELECT * FROM \"$sources/mqtt:plant\"";

#[tokio::test]
async fn a_message_of_another_broker_is_a_row_with_all_that_is_known_of_it() {
    let mosquitto = Mosquitto::start("");
    let config = config_of(&mosquitto.connector(), "topics = ['plant/#', 'office/#']");
    let home = Home::new().with_rule("in", IN_RULE).with_config(&config);
    let server = home.serve();
    let mut inbox = Subscriber::start(&server, "inbox", "in").await;
    let source = wait_until_connected(&home, &server).await;
    mosquitto.publish(&["-t", "plant/7/temp", "-D", "publish", "user-property", "line", "3"], &["21.5".to_owned()]);
    let row = inbox.next().await.json();
    let port = mosquitto.port();
    for (column, expected) in [
        ("event", json!("$sources/mqtt:plant")),
        ("source", json!("plant")),
        ("server", json!(format!("127.0.0.1:{port}"))),
        ("topic", json!("plant/7/temp")),
        ("payload", json!("21.5")),
        ("qos", json!(1)),
        ("dup", json!(false)),
        ("retain", json!(false)),
        ("node", json!("signalbox@127.0.0.1")),
        ("clientid", json!(null)),
    ] {
        assert_eq!(row[column], expected, "{column}");
    }
    assert_eq!(row["pub_props"]["User-Property"], json!({ "line": "3" }));
    assert_eq!(row["message_received_at"], row["timestamp"]);
    assert!(row["id"].as_str().is_some_and(|id| id.len() == 32), "{row}");

    let expected = json!({ "type": "mqtt", "name": "plant", "connector": "plant", "enable": true,
        "parameters": { "topic": "plant/#,office/#", "qos": 1 }, "from": "$sources/mqtt:plant", "rules": ["in"] });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(source[name], *value, "{name}");
    }
    let metrics = get(&home, &server, "/api/v5/sources/mqtt:plant/metrics").await["metrics"].clone();
    assert_eq!((&metrics["received"], &metrics["accepted"], &metrics["connects"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(metric(&home, &server, "signalbox_source_received_total{source=\"plant\",type=\"mqtt\"}").await, 1);
}

#[tokio::test]
async fn a_source_is_connected_while_a_rule_listens_and_the_other_broker_keeps_the_rest() {
    let mosquitto = Mosquitto::start("");
    let config = config_of(&mosquitto.connector(), "topics = ['plant/#']");
    let home = Home::new().with_rule("in", IN_RULE).with_config(&config);
    let server = home.serve();
    let mut inbox = Subscriber::start(&server, "inbox", "in").await;
    wait_until_connected(&home, &server).await;
    std::fs::remove_file(home.path().join("rules/in.sql")).unwrap();
    let source = wait_for_status(&home, &server, |source| source["status"] == "stopped").await;
    assert_eq!(source["status_reason"], "no rule listens to it");
    mosquitto.publish(&["-t", "plant/1"], &(1..=3).map(|n| n.to_string()).collect::<Vec<_>>());
    home.write("rules/in.sql", IN_RULE);
    for n in 1..=3 {
        assert_eq!(inbox.next().await.json()["payload"], json!(n.to_string()));
    }
}

#[tokio::test]
async fn messages_wait_while_a_rule_that_may_drop_nothing_has_no_room() {
    let mosquitto = Mosquitto::start("");
    let mut receiver = Receiver::start().await;
    let connectors = format!("[connectors.ops]\nkind = 'http'\nurl = 'http://{}'\n", receiver.address);
    let config = config_of(&mosquitto.connector(), "topics = ['plant/#']\nunacked_max = 5") + &connectors;
    let rule = "/*---\n[[actions]]\nconnector = 'ops'\npath = '/in'\nbatch.size = 1\n\
                buffer = { max_len = 2, overflow = 'block_rule' }\n\
                ---*/\nSELECT payload FROM \"$sources/mqtt:plant\"";
    let home = Home::new().with_rule("in", rule).with_config(&config);
    let server = home.serve();
    wait_until_connected(&home, &server).await;
    let pause = ask(&home, &server, ("operator", "POST", "/api/v5/rules/in/actions/ops/pause"), None).await;
    assert_eq!(pause.0, 204, "{}", pause.1);
    mosquitto.publish(&["-t", "plant/1"], &(1..=30).map(|n| n.to_string()).collect::<Vec<_>>());
    let wait_for = async |wanted: fn(u64, u64) -> bool| {
        let since = Instant::now();
        loop {
            let metrics = get(&home, &server, "/api/v5/sources/plant/metrics").await["metrics"].clone();
            if wanted(metrics["accepted"].as_u64().unwrap(), metrics["waiting"].as_u64().unwrap()) {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "{metrics}");
        }
    };
    // Two are in the buffer, at least five are not acknowledged (Mosquitto 2.0.11 sends more of them than it may), and
    // the other broker has the rest.
    wait_for(|accepted, waiting| accepted == 2 && waiting >= 5).await;
    ask(&home, &server, ("operator", "POST", "/api/v5/rules/in/actions/ops/resume"), None).await;
    for n in 1..=30 {
        assert_eq!(receiver.next().await.body, format!("{{\"payload\":\"{n}\"}}"));
    }
    wait_for(|accepted, waiting| (accepted, waiting) == (30, 0)).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_source_is_told_before_anything_starts() {
    let home = Home::new();
    let connector = "[connectors.plant]\nkind = 'mqtt'\nurl = 'mqtt://127.0.0.1:9'\n[connectors.ops]\nkind = 'http'\n\
                     url = 'http://127.0.0.1:9'\n";
    for (source, message, help) in [
        ("topics = ['a']", "`connector` is missing", "name a connector of kind `mqtt`"),
        ("connector = 'plnt'\ntopics = ['a']", "no connector `plnt`", "did you mean `plant`?"),
        ("connector = 'ops'\ntopics = ['a']", "a connector of kind `http` is no way in", "of the kind `mqtt`"),
        ("connector = 'plant'", "`topics`: expected at least one topic filter", "topics = [\"plant/#\"]"),
        ("connector = 'plant'\ntopics = ['a/#/b']", "`topics`: `a/#/b` is no topic filter", ""),
        ("connector = 'plant'\ntopics = ['a']\nqos = 2", "`qos`: expected 0 or 1, found 2", "with 1 none is lost"),
        ("connector = 'plant'\ntopic = ['a']", "unknown option `topic`", "did you mean `topics`?"),
        ("connector = 'plant'\ntopics = ['a']\nkind = 'nats'", "`kind`: expected \"mqtt\"", ""),
    ] {
        home.write("signalbox.toml", &format!("{connector}[sources.plant]\n{source}\n"));
        let checked = home.run(&["config", "check"]);
        assert_eq!(checked.code, Some(2), "{source}: {}", checked.stdout);
        assert!(checked.stderr.contains(&format!("`sources.plant`: {message}")), "{source}: {}", checked.stderr);
        assert!(checked.stderr.contains(help), "{source}: {}", checked.stderr);
    }
    home.write("signalbox.toml", &format!("{connector}[sources.plant]\nconnector = 'plant'\ntopics = ['a']\n"));
    home.write("rules/in.sql", "SELECT topic FROM \"$sources/mqtt:plnt\"");
    let checked = home.run(&["rules", "check"]);
    assert_eq!(checked.code, Some(2), "{}", checked.stdout);
    assert!(checked.stderr.contains("error[E203]: no source `$sources/mqtt:plnt`"), "{}", checked.stderr);
    assert!(checked.stderr.contains("help: did you mean `$sources/mqtt:plant`?"), "{}", checked.stderr);
}

#[test]
fn connectors_test_tells_whether_a_source_may_listen() {
    let mosquitto = Mosquitto::start("");
    let home = Home::new().with_config(&config_of(&mosquitto.connector(), "topics = ['$share/g/plant/#']"));
    let tested = home.run(&["connectors", "test"]);
    assert_eq!((tested.code, tested.stdout.as_str()), (Some(0), "connector plant: ok\nsource plant: ok\n"));
    home.write("signalbox.toml", &config_of(&connector_to(([127, 0, 0, 1], 9).into()), "topics = ['plant/#']"));
    let tested = home.run(&["connectors", "test", "plant"]);
    assert_eq!(tested.code, Some(1), "{}", tested.stdout);
    assert!(tested.stdout.contains("source plant: no connection"), "{}", tested.stdout);
}

#[test]
fn a_test_in_a_rule_file_and_eval_speak_of_messages_of_a_source() {
    let config = config_of(&connector_to(([127, 0, 0, 1], 9).into()), "topics = ['plant/#']");
    let rule = r#"/*---
[[tests]]
name = "degrees"
event = { topic = "plant/1/temp", payload = { temp = 20 } }
expect = [{ device = "1", kelvin = 293, source = "plant" }]
---*/
SELECT nth(2, split(topic, '/')) AS device, payload.temp + 273 AS kelvin, source FROM "$bridges/mqtt:plant"
"#;
    let home = Home::new().with_rule("kelvin", rule).with_config(&config);
    let tested = home.run(&["rules", "test"]);
    assert_eq!(tested.code, Some(0), "{}{}", tested.stdout, tested.stderr);
    let checked = home.run(&["rules", "check"]);
    assert!(checked.stderr.contains("`$bridges/mqtt:plant` is read as `$sources/mqtt:plant`"), "{}", checked.stderr);
    let given = json!({ "id": 1, "sql": "SELECT server, event FROM \"$bridges/mqtt:b1\"",
        "context": { "event": "$bridges/mqtt:b1", "server": "h:1" } });
    let answer = home.run_with_input(&["rules", "eval"], &format!("{given}\n")).stdout;
    assert!(answer.contains(r#"{"server":"h:1","event":"$bridges/mqtt:b1"}"#), "{answer}");
}

/// A Signalbox under a rule that sends to `there` what comes below `loop/`, with the connector to that address.
fn passing_on(there: SocketAddr) -> Home {
    let rule = "/*---\n[[actions]]\nconnector = 'plant'\ntopic = '${topic}'\npayload = '${payload}'\n---*/\n\
                SELECT topic, payload FROM \"loop/#\"";
    Home::new().with_rule("on", rule).with_config(&format!("[connectors.plant]\n{}", connector_to(there)))
}

#[tokio::test]
async fn two_brokers_that_hand_a_message_to_each_other_in_a_circle_come_to_an_end() {
    let (here, there) = (free_address(), free_address());
    let (home, other) = (passing_on(there), passing_on(here));
    let (server, _other) = (serve_at(&home, here), serve_at(&other, there));
    let mut watcher = Subscriber::start(&server, "watcher", "loop/#").await;
    publish_all(server.mqtt, "pump-1", "loop/a", &["round".to_owned()]).await;
    // What was published here, and comes back after 2, 4, 6 and 8 rules; none sends it on after the 8th.
    for _ in 0..5 {
        assert_eq!(watcher.next().await.topic, "loop/a");
    }
    let since = Instant::now();
    let letters = loop {
        let letters = get(&home, &server, "/api/v5/dead_letters").await;
        if letters["data"].as_array().is_some_and(|letters| !letters.is_empty()) {
            break letters["data"].clone();
        }
        assert!(since.elapsed() < PATIENCE, "{letters}");
    };
    let reason = letters[0]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("rules have passed the message on 8 times already, at most 8 are allowed"), "{letters}");
}

fn serve_at(home: &Home, mqtt: SocketAddr) -> Server {
    home.serve_at((mqtt, ([127, 0, 0, 1], 0).into()), &[])
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

const DURABLE_RULE: &str = "/*---\n[[actions]]\nconnector = 'ops'\npath = '/in'\nbuffer.kind = 'disk'\n---*/\n\
                            SELECT payload FROM \"$sources/mqtt:plant\"";

/// Messages under way at a time.
const WINDOW: u64 = 20;

/// Publishes numbers from `first` at QoS 1 until `progress` is closed or the broker is gone, and gives the highest that
/// was acknowledged.
fn publish_until_killed(address: SocketAddr, first: u64, progress: &std::sync::mpsc::SyncSender<()>) -> u64 {
    let connect = Connect { clean_start: true, ..keeping("press", Version::V311) };
    let Ok(mut wire) = Wire::open(address, connect) else { return first - 1 };
    let (mut sent, mut acknowledged) = (first - 1, first - 1);
    let mut converse = || -> std::io::Result<()> {
        loop {
            while sent < acknowledged + WINDOW {
                sent += 1;
                let packet_id = id(u16::try_from(sent % 60_000 + 1).unwrap());
                wire.send(&Packet::Publish(publish("plant/1", &sent.to_string(), QoS::AtLeastOnce, Some(packet_id))))?;
            }
            if matches!(wire.receive()?, Packet::Puback(_)) {
                acknowledged += 1;
                if progress.send(()).is_err() {
                    return Ok(());
                }
            }
        }
    };
    let _ended = converse();
    acknowledged
}

/// How often one of the two is killed.
const KILLS: u32 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_the_other_broker_has_acknowledged_is_lost_whoever_is_killed() {
    let receiver = Receiver::start().await;
    let there = free_address();
    let other = Home::new();
    let connectors = format!("[connectors.ops]\nkind = 'http'\nurl = 'http://{}'\n", receiver.address);
    let config = config_of(&connector_to(there), "topics = ['plant/#']\nretry_max_ms = 250") + &connectors;
    let home = Home::new().with_rule("in", DURABLE_RULE).with_config(&config);
    let start_other = || serve_at(&other, there);
    let address = receiver.stop().await;

    let (mut remote, mut server) = (start_other(), home.serve());
    wait_until_connected(&home, &server).await;
    let mut first = 1;
    let mut acknowledged = BTreeSet::new();
    for round in 0..KILLS {
        let (tx, progress) = sync_channel(1);
        let publishing = std::thread::spawn(move || publish_until_killed(there, first, &tx));
        for _ in 0..fastrand::u32(50..300) {
            progress.recv_timeout(3 * PATIENCE).expect("messages are acknowledged");
        }
        if round % 2 == 0 {
            drop(server);
            server = home.serve();
        } else {
            drop(remote);
            remote = start_other();
        }
        drop(progress);
        let last = tokio::task::spawn_blocking(|| publishing.join().unwrap()).await.unwrap();
        acknowledged.extend(first..=last);
        first = last + WINDOW + 1;
        wait_until_connected(&home, &server).await;
    }
    let mut receiver = Receiver::start_at(address).await;
    let mut missing = acknowledged.clone();
    while !missing.is_empty() {
        let posted: Value = serde_json::from_str(&receiver.next().await.body).unwrap();
        missing.remove(&posted["payload"].as_str().unwrap().parse().unwrap());
    }
    let metrics = get(&home, &server, "/api/v5/sources/plant/metrics").await["metrics"].clone();
    let count = |name: &str| metrics[name].as_u64().unwrap();
    assert_eq!(count("received"), count("accepted") + count("dropped") + count("returned") + count("waiting"));
    drop(remote);
}
