//! What an HTTP service refuses is a dead letter: listed, mended, sent again and dropped by commands.

use std::time::Instant;

use crate::support::PATIENCE;
use crate::support::client::publish_all;
use crate::support::receiver::Receiver;
use crate::support::server::{Finished, Home};

const RULE: &str = r#"/*---
[[actions]]
connector = "ops"
path = "/${place}"
---*/
SELECT clientid, payload.place AS place FROM "t"
"#;

/// Runs it on another thread, so that the HTTP server of this test can answer meanwhile.
async fn letters(home: &Home, arguments: &[&str]) -> Finished {
    let mut command = home.command(&[&["dead-letters"], arguments].concat());
    Finished::of(tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap())
}

/// Waits until so many letters are listed.
async fn wait_for_letters(home: &Home, count: usize) -> Vec<serde_json::Value> {
    let since = Instant::now();
    loop {
        let listed = letters(home, &["list", "--json"]).await;
        assert_eq!(listed.code, Some(0), "{}", listed.stderr);
        let listed: Vec<serde_json::Value> = serde_json::from_str(&listed.stdout).unwrap();
        if listed.len() == count {
            return listed;
        }
        assert!(since.elapsed() < PATIENCE, "{listed:?}");
    }
}

#[tokio::test]
async fn a_letter_shows_the_request_that_was_refused_and_hides_its_secrets() {
    let mut receiver = Receiver::start().await;
    receiver.answer(422);
    let config = format!(
        "[connectors.ops]\nkind = \"http\"\nurl = \"http://{}\"\nheaders = {{ authorization = \"Bearer hush\" }}\n",
        receiver.address
    );
    let home = Home::new().with_rule("all", RULE).with_config(&config);
    let server = home.serve();
    publish_all(server.mqtt, "pump-1", "t", &["{\"place\": \"hall 3\"}".to_owned()]).await;
    let letter = wait_for_letters(&home, 1).await.remove(0);
    assert_eq!(receiver.next().await.path, "/hall%203");
    assert_eq!((&letter["class"], &letter["failures"][0]["class"]), (&"data".into(), &"data".into()));
    let sent = &letter["sent"];
    assert_eq!(sent["request"], format!("POST http://{}/hall%203", receiver.address));
    assert_eq!(sent["header authorization"], "***");
    assert_eq!(sent["body"], r#"{"clientid":"pump-1","place":"hall 3"}"#);
    let listed = letters(&home, &["list", "--class", "dta"]).await;
    assert!(listed.code == Some(2) && listed.stderr.contains("one of `unreachable`"), "{}", listed.stderr);
}

#[tokio::test]
async fn a_refused_output_is_listed_mended_sent_again_and_dropped() {
    let mut receiver = Receiver::start().await;
    let config = format!("[connectors.ops]\nkind = \"http\"\nurl = \"http://{}\"\n", receiver.address);
    let home = Home::new().with_rule("all", RULE).with_config(&config);
    let server = home.serve();
    // A path may not hold NULL, so that nothing is sent for it.
    publish_all(server.mqtt, "pump-1", "t", &["{}".to_owned(), "{\"place\": null}".to_owned()]).await;
    let listed = wait_for_letters(&home, 2).await;
    assert_eq!((&listed[0]["rule"], &listed[0]["clientid"]), (&"all".into(), &"pump-1".into()));
    // A kill could come before the disk has the second.
    server.signal("TERM");
    let (status, log) = server.wait();
    assert!(status.success(), "{log}");

    let _server = home.serve();
    let ids: Vec<&str> = listed.iter().map(|letter| letter["id"].as_str().unwrap()).collect();
    let shown = letters(&home, &["show", ids[0]]).await;
    assert!(shown.stdout.contains("place") && shown.stdout.contains("failures"), "{}", shown.stdout);
    let row = r#"{"clientid": "pump-1", "place": "hall 3"}"#;
    let replayed = letters(&home, &["replay", ids[0], "--row", row]).await;
    assert_eq!((replayed.code, replayed.stdout.trim()), (Some(0), "queued again"), "{}", replayed.stderr);
    assert_eq!(receiver.next().await.path, "/hall%203");
    assert_eq!(letters(&home, &["replay", "--all"]).await.stdout.trim(), "1 queued again");
    wait_for_letters(&home, 1).await;
    let row = r#"{"clientid": "pump-1", "place": "hall 4"}"#;
    assert_eq!(letters(&home, &["edit", ids[1], "--row", row]).await.stdout.trim(), "edited");
    let exported = letters(&home, &["export", "--class", "unsendable", "--since", "1h"]).await;
    let exported: Vec<serde_json::Value> =
        exported.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((exported.len(), &exported[0]["output"]["place"]), (1, &"hall 4".into()), "{exported:?}");
    assert_eq!(letters(&home, &["list", "--until", "1h"]).await.stdout.trim(), "no dead letters");
    assert_eq!(letters(&home, &["drop", "--all", "--rule", "all"]).await.stdout.trim(), "1 dropped");
    let gone = letters(&home, &["drop", ids[1]]).await;
    assert_eq!(gone.code, Some(2), "{}", gone.stderr);
    assert!(gone.stderr.contains("there is no dead letter"), "{}", gone.stderr);
}
