//! What clients may use up: how often they come, how much they publish.

use crate::support::PATIENCE;
use crate::support::client::{Subscriber, Version, connect, publish_all};
use crate::support::server::{Home, Server};

/// A number of `/metrics`.
pub(crate) async fn metric(home: &Home, server: &Server, name: &str) -> u64 {
    let added = home.run(&["keys", "add", "metrics", "--role", "viewer", "--json"]);
    let key = serde_json::from_str::<serde_json::Value>(&added.stdout).unwrap()["key"].as_str().unwrap().to_owned();
    let request = reqwest::Client::new().get(server.url("/metrics")).bearer_auth(key);
    let text = request.send().await.unwrap().text().await.unwrap();
    assert_eq!(home.run(&["keys", "remove", "metrics"]).code, Some(0));
    let line = text.lines().find(|line| line.split(' ').next() == Some(name));
    line.unwrap_or_else(|| panic!("no `{name}` in:\n{text}")).split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn who_comes_too_often_is_refused_by_address_and_by_client() {
    let home = Home::new().with_config(
        "[limits.address]\nconnect_rate_max = '5/h'\n[limits.client]\nconnect_rate_max = '2/h'\n\
         [listeners.other]\nbind = '127.0.0.1:0'\nconnect_rate_max = 1\n",
    );
    let server = home.serve();
    let come = |address, id| connect(Version::V5, address, id, None);
    assert_eq!(come(server.mqtt, "loop").await, Ok(()));
    assert_eq!(come(server.mqtt, "loop").await, Ok(()));
    assert!(come(server.mqtt, "loop").await.unwrap_err().contains("ConnectionRateExceeded"), "the client");
    assert_eq!(come(server.listener("other"), "patient").await, Ok(()));
    assert_eq!(come(server.mqtt, "last").await, Ok(()));
    assert!(come(server.mqtt, "new").await.unwrap_err().contains("ConnectionRateExceeded"), "the address");
    let refused = connect(Version::V311, server.mqtt, "new", None).await.unwrap_err();
    assert!(refused.contains("ServiceUnavailable"), "{refused}");
}

#[tokio::test]
async fn who_publishes_too_much_is_slowed_down_and_loses_nothing() {
    let home = Home::new().with_config("[limits.client]\nmessage_rate_max = '40/s'\n");
    let server = home.serve();
    let mut subscriber = Subscriber::start(&server, "sub", "t").await;
    let began = tokio::time::Instant::now();
    let payloads: Vec<String> = (0..60).map(|n| n.to_string()).collect();
    publish_all(server.mqtt, "pub", "t", &payloads).await;
    assert!(began.elapsed().as_millis() >= 450, "20 more than at once, at 40 a second: {:?}", began.elapsed());
    for payload in payloads {
        assert_eq!(subscriber.next().await.payload, payload);
    }
    assert!(metric(&home, &server, "signalbox_reads_paused_total").await > 0);
}

#[test]
fn a_rate_that_is_none_is_told_with_what_was_expected() {
    let home = Home::new().with_config("[limits.client]\nmessage_rate_max = 'often'\n");
    let refused = home.run(&["config", "check"]);
    assert_eq!(refused.code, Some(2));
    for words in ["`limits.client.message_rate_max`: expected a rate such as `100/s`", "found the text `often`"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn who_comes_and_goes_all_the_time_is_banned_where_that_is_asked_for() {
    let home = Home::new().with_config("[flapping]\nenabled = true\nmax_count = 3\nwindow_s = 600\nban_s = 900\n");
    let server = home.serve();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut accepted_count = 0;
    let refused = loop {
        match connect(Version::V5, server.mqtt, "loop", None).await {
            Ok(()) => accepted_count += 1,
            Err(refused) => break refused,
        }
        assert!(tokio::time::Instant::now() < deadline, "accepted {accepted_count} times");
    };
    assert!(accepted_count >= 4 && refused.contains("Banned"), "after {accepted_count}: {refused}");
    assert_eq!(connect(Version::V5, server.mqtt, "quiet", None).await, Ok(()));
    let listed = home.run(&["bans", "list", "--json"]);
    let bans: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!((&bans[0]["who"], &bans[0]["by"]), (&"loop".into(), &"flapping".into()), "{bans}");
    assert_eq!(home.run(&["bans", "remove", "--client", "loop"]).code, Some(0));
}

#[tokio::test]
async fn nobody_is_banned_for_coming_and_going_unless_asked_for() {
    let home = Home::new();
    let server = home.serve();
    for _ in 0..30 {
        assert_eq!(connect(Version::V5, server.mqtt, "loop", None).await, Ok(()));
    }
    assert_eq!(home.run(&["bans", "list", "--json"]).stdout.trim(), "[]");
}

#[tokio::test]
async fn without_memory_new_clients_are_refused_and_counted() {
    let home = Home::new().with_config("[limits]\nmemory_max_mib = 1\n");
    let mut server = home.serve();
    server.wait_for_log("new clients are refused");
    assert!(connect(Version::V5, server.mqtt, "a", None).await.unwrap_err().contains("ServerBusy"));
    let refused = connect(Version::V311, server.mqtt, "a", None).await.unwrap_err();
    assert!(refused.contains("ServiceUnavailable"), "{refused}");
    assert_eq!(metric(&home, &server, "signalbox_connects_refused_memory_total").await, 2);
    assert!(metric(&home, &server, "signalbox_memory_bytes").await > 1 << 20);
}
