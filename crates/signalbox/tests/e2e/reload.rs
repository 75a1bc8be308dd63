//! Rules are edited while the broker runs.

use std::time::{Duration, Instant};

use crate::support::CONNACK_RULE;
use crate::support::client::{Subscriber, Version, connect};
use crate::support::server::{Home, Server};

/// Two seconds are promised; the rest is for a machine that does much else.
const LIVE_WITHIN: Duration = Duration::from_secs(5);

/// Connects again and again until a message on a topic that begins with `topic` comes.
async fn wait_for_topic(server: &Server, sub: &mut Subscriber, topic: &str) {
    let since = Instant::now();
    loop {
        connect(Version::V5, server.mqtt, "probe", None).await.unwrap();
        if sub.next_about("probe").await.topic == topic {
            return;
        }
        assert!(since.elapsed() < LIVE_WITHIN, "no message on `{topic}`");
    }
}

#[tokio::test]
async fn an_edited_rule_is_live_within_seconds_and_a_broken_one_leaves_the_old_one_running() {
    let home = Home::new().with_rule("connack", CONNACK_RULE);
    let mut server = home.serve();
    let mut sub = Subscriber::start(&server, "sub", "out/#").await;

    home.write("rules/connack.sql", &CONNACK_RULE.replace("\"client_connack\" }", "\"out/a\" }"));
    // Before the edit is live the messages go to another topic.
    let since = Instant::now();
    while sub_is_silent(&server, &mut sub).await {
        assert!(since.elapsed() < LIVE_WITHIN, "the edit is not live");
    }
    wait_for_topic(&server, &mut sub, "out/a").await;

    let broken = CONNACK_RULE.replace("\"client_connack\" }", "\"out/b\" }").replace("reason_code,", "reson_code,");
    home.write("rules/connack.sql", &broken);
    let line = server.wait_for_log("reson_code");
    assert!(line.contains("no field `reson_code`"), "{line}");
    let column = broken.lines().find_map(|line| line.find("reson_code")).unwrap() + 1;
    let at = broken.lines().position(|line| line.contains("reson_code")).unwrap() + 1;
    server.wait_for_log(&format!("connack.sql:{at}:{column}"));
    server.wait_for_log("help: did you mean `reason_code`?");
    wait_for_topic(&server, &mut sub, "out/a").await;

    home.write("rules/connack.sql", &CONNACK_RULE.replace("\"client_connack\" }", "\"out/c\" }"));
    wait_for_topic(&server, &mut sub, "out/c").await;
}

/// Connects once and says whether nothing came within a short time.
async fn sub_is_silent(server: &Server, sub: &mut Subscriber) -> bool {
    connect(Version::V5, server.mqtt, "probe", None).await.unwrap();
    tokio::time::timeout(Duration::from_millis(100), sub.next()).await.is_err()
}

#[test]
fn users_and_acl_are_taken_up_also_while_nobody_connects() {
    let home = Home::new();
    let mut server = home.serve();
    let added = home.run_with_input(&["users", "add", "pump", "--password-stdin"], "a secret\n");
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    server.wait_for_log("users file");
    home.write("acl", "topic read a\n");
    server.wait_for_log("ACL file");
}

#[tokio::test]
async fn a_rule_that_is_added_begins_and_one_that_is_deleted_ends() {
    let home = Home::new();
    let server = home.serve();
    let mut sub = Subscriber::start(&server, "sub", "client_connack").await;
    home.write("rules/connack.sql", CONNACK_RULE);
    let since = Instant::now();
    while sub_is_silent(&server, &mut sub).await {
        assert!(since.elapsed() < LIVE_WITHIN, "the new rule is not live");
    }
    std::fs::remove_file(home.path().join("rules/connack.sql")).unwrap();
    let since = Instant::now();
    while !sub_is_silent(&server, &mut sub).await {
        assert!(since.elapsed() < LIVE_WITHIN, "the deleted rule still runs");
    }
}
