//! The same rule with an HTTP service and a PostgreSQL, and what happens while they are away.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::postgres::Postgres;
use crate::support::PATIENCE;
use crate::support::client::{Subscriber, Version, connect, publish_all};
use crate::support::receiver::Receiver;
use crate::support::server::{Finished, Home};

const HTTP_RULE: &str = r#"/*---
[[actions]]
republish = { topic = "client_connack" }

[[actions]]
connector = "ops"
path = "/connack/${clientid}"
---*/
SELECT clientid, username, reason_code, timestamp FROM "$events/client_connack" WHERE clientid <> 'sub'
"#;

fn config_of(receiver: &Receiver) -> String {
    format!("[connectors.ops]\nkind = \"http\"\nurl = \"http://{}\"\n", receiver.address)
}

#[tokio::test]
async fn the_connack_is_posted_to_an_http_service() {
    let mut receiver = Receiver::start().await;
    let home = Home::new().with_rule("connack", HTTP_RULE).with_config(&config_of(&receiver));
    let server = home.serve();
    let mut sub = Subscriber::start(&server, "sub", "client_connack").await;
    connect(Version::V5, server.mqtt, "pump 17", None).await.unwrap();
    let posted = receiver.next().await;
    assert_eq!((posted.path.as_str(), posted.content_type.as_str()), ("/connack/pump%2017", "application/json"));
    assert_eq!(posted.body, sub.next_about("pump 17").await.payload);
}

#[tokio::test]
async fn what_happened_while_the_http_service_was_away_arrives_when_it_is_back() {
    let receiver = Receiver::start().await;
    let home = Home::new().with_rule("connack", HTTP_RULE).with_config(&config_of(&receiver));
    let server = home.serve();
    let address = receiver.stop().await;

    let mut sub = Subscriber::start(&server, "sub", "client_connack").await;
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for number in 0..30 {
        let client = format!("pump-{}", number % 5);
        connect(Version::V5, server.mqtt, &client, None).await.unwrap();
        // Its CONNACK reaches the topic although the other action of the rule is stuck.
        let message = sub.next_about(&client).await;
        expected.entry(format!("/connack/{client}")).or_default().push(message.payload);
    }

    let mut receiver = Receiver::start_at(address).await;
    let mut arrived: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for _ in 0..30 {
        let posted = receiver.next().await;
        arrived.entry(posted.path).or_default().push(posted.body);
    }
    // Those of one client in their order; different clients are sent side by side.
    assert_eq!(arrived, expected);
}

#[tokio::test]
async fn connectors_test_tells_who_answers() {
    let receiver = Receiver::start().await;
    let home = Home::new().with_config(&config_of(&receiver));
    let answers = test_of_connectors(&home).await;
    assert_eq!(answers.code, Some(0), "{}", answers.stderr);
    receiver.stop().await;
    let silent = test_of_connectors(&home).await;
    assert_eq!(silent.code, Some(1), "{}{}", silent.stdout, silent.stderr);
    assert!(silent.stdout.contains("ops"), "{}", silent.stdout);
}

/// Runs it on another thread, so that the HTTP server of this test can answer meanwhile.
async fn test_of_connectors(home: &Home) -> Finished {
    test_of_connectors_named(home, &["ops"]).await
}

async fn test_of_connectors_named(home: &Home, names: &[&str]) -> Finished {
    let mut command = home.command(&["connectors", "test"]);
    command.args(names);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    Finished::of(output)
}

const POSTGRES_RULE: &str = r#"/*---
[[actions]]
connector = "fleet_db"
sql = "INSERT INTO connacks (clientid, username, reason_code, at) VALUES (${clientid}, ${username}, ${reason_code}, ${timestamp})"
---*/
SELECT clientid, username, reason_code, timestamp FROM "$events/client_connack"
"#;

/// Waits until a query answers `expected`: rows arrive in batches, a moment after the event.
fn wait_for(postgres: &Postgres, sql: &str, expected: &str) {
    let since = Instant::now();
    loop {
        let answer = postgres.query(sql);
        if answer.trim() == expected {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "`{sql}` answers `{answer}`, expected `{expected}`");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connack_stands_as_a_row_in_postgres_also_when_that_was_away() {
    let postgres = Postgres::start();
    postgres.query("CREATE TABLE connacks (clientid text, username text, reason_code text, at bigint)");
    let config = format!("[connectors.fleet_db]\n{}", postgres.connector());
    let home = Home::new().with_rule("connack", POSTGRES_RULE).with_config(&config);
    let tested = home.run(&["connectors", "test"]);
    assert_eq!(tested.code, Some(0), "{}{}", tested.stdout, tested.stderr);
    assert!(tested.stdout.contains("action fleet_db of rule connack: ok"), "{}", tested.stdout);

    let server = home.serve();
    connect(Version::V5, server.mqtt, "pump-1", None).await.unwrap();
    let row = "SELECT concat_ws(' ', clientid, username IS NULL, reason_code, at > 1700000000000) FROM connacks";
    wait_for(&postgres, row, "pump-1 t success t");

    postgres.stop();
    for number in 2..=10 {
        connect(Version::V311, server.mqtt, &format!("pump-{number}"), None).await.unwrap();
    }
    postgres.start_again();
    let all = "SELECT string_agg(clientid, ' ' ORDER BY at, length(clientid), clientid) FROM connacks";
    wait_for(&postgres, all, "pump-1 pump-2 pump-3 pump-4 pump-5 pump-6 pump-7 pump-8 pump-9 pump-10");
}

#[test]
fn a_statement_that_the_database_refuses_is_found_by_connectors_test() {
    let postgres = Postgres::start();
    let config = format!("[connectors.fleet_db]\n{}", postgres.connector());
    let home = Home::new().with_rule("connack", POSTGRES_RULE).with_config(&config);
    let tested = home.run(&["connectors", "test", "fleet_db"]);
    assert_eq!(tested.code, Some(1), "{}{}", tested.stdout, tested.stderr);
    assert!(tested.stdout.contains("connector fleet_db: ok"), "{}", tested.stdout);
    assert!(tested.stdout.contains("connacks"), "{}", tested.stdout);
}

#[test]
fn a_statement_that_the_database_refuses_is_told_when_the_rule_is_taken_up() {
    let postgres = Postgres::start();
    let config = format!("[connectors.fleet_db]\n{}", postgres.connector());
    let home = Home::new().with_rule("connack", POSTGRES_RULE).with_config(&config);
    let mut server = home.serve();
    let told = server.wait_for_log("the other side does not take an action as it is");
    assert!(
        told.contains("relation \\\"connacks\\\" does not exist (42P01)") && told.contains("create the table"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_that_connectors_schema_prints_takes_the_rows_of_the_rule() {
    const SQL: &str = "SELECT clientid, qos, qos > 0 AS sure, timestamp, payload, payload.x AS x, payload.x * 2 AS twice, \
                       pub_props FROM \"t\"";
    let postgres = Postgres::start();
    let config = format!("[connectors.my_postgres]\n{}", postgres.connector());
    let home = Home::new().with_rule("readings", SQL).with_config(&config);
    let printed = home.run(&["connectors", "schema", "readings"]);
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    let (table, action) = printed.stdout.split_once("\n-- The action that fills it:\n").unwrap();
    postgres.query(table);
    let columns = "SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY ordinal_position) \
                   FROM information_schema.columns WHERE table_name = 'readings'";
    assert_eq!(
        postgres.query(columns),
        "output_id text, clientid text, qos bigint, sure boolean, timestamp timestamp with time zone, payload bytea, \
         x text, twice text, pub_props jsonb"
    );
    let action: String = action.lines().map(|line| format!("{}\n", line.trim_start_matches("-- "))).collect();
    let home = home.with_rule("readings", &format!("/*---\n{action}---*/\n{SQL}"));
    let tested = home.run(&["connectors", "test"]);
    assert_eq!(tested.code, Some(0), "{}{}", tested.stdout, tested.stderr);
    let server = home.serve();
    publish_all(server.mqtt, "pump-1", "t", &["{\"x\": 21.5}".to_owned()]).await;
    let row = "SELECT concat_ws(' ', clientid, sure, timestamp > '2020-01-01', convert_from(payload, 'UTF8'), x, twice::float = 43, \
               jsonb_typeof(pub_props), length(output_id)) FROM readings";
    wait_for(&postgres, row, "pump-1 t t {\"x\": 21.5} 21.5 t object 32");

    let all = home.with_rule("all", "SELECT * FROM \"t\"").run(&["connectors", "schema", "all"]);
    assert!(all.code == Some(2) && all.stderr.contains("instead of `*`"), "{}", all.stderr);
}

const ELSEWHERE_RULE: &str = r#"/*---
[[actions]]
connector = "central"
topic = "plant-7/${clientid}"
qos = 2
user_properties = { event = "${event_id}" }

[[actions]]
connector = "log"
format = "csv"
columns = ["clientid", "reason_code"]
---*/
SELECT clientid, username, reason_code, timestamp FROM "$events/client_connack"
"#;

#[tokio::test]
async fn the_connack_goes_to_another_broker_and_into_a_file() {
    let central_home = Home::new();
    let central = central_home.serve();
    let mut sub = Subscriber::start(&central, "sub", "plant-7/#").await;
    let home = Home::new().with_rule("connack", ELSEWHERE_RULE);
    let dir = home.path().join("log");
    std::fs::create_dir(&dir).unwrap();
    let home = home.with_config(&format!(
        "[connectors.central]\nkind = \"mqtt\"\nurl = \"mqtt://{}\"\n\n[connectors.log]\nkind = \"file\"\ndir = \"{}\"\n",
        central.mqtt,
        dir.display()
    ));
    let answers = test_of_connectors_named(&home, &["central", "log"]).await;
    assert_eq!(answers.code, Some(0), "{}{}", answers.stdout, answers.stderr);

    let server = home.serve();
    connect(Version::V5, server.mqtt, "pump-17", None).await.unwrap();
    let message = sub.next_about("pump-17").await;
    assert_eq!(message.topic, "plant-7/pump-17");
    server.signal("TERM");
    let (status, log) = server.wait();
    assert!(status.success(), "{log}");
    let lines = std::fs::read_to_string(dir.join("connack.csv")).unwrap();
    assert_eq!(lines, "clientid,reason_code\npump-17,success\n");
}
