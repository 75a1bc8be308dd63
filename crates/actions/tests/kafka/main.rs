//! `kafka` against a mock: the fake cluster of the client library, over real sockets. No Kafka can be installed from Debian.

#[cfg(test)]
#[path = "../support/disturbance.rs"]
mod disturbance;
#[cfg(test)]
#[expect(dead_code, reason = "every target of tests uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;

use disturbance::{first_seen, numbered, send_while};
use engine::{Action, ErrorClass, ItemOutcome, Output};
use krafka::error::ErrorCode;
use krafka::testing::{ApiKey, Control, FakeBroker};
use support::{World, connack, items, output, words};

/// Three brokers that are none, and topics of four partitions.
async fn cluster(topics: &[&str]) -> Arc<FakeBroker> {
    let cluster = FakeBroker::start_cluster(3).await.expect("three free ports");
    for topic in topics {
        assert!(cluster.create_topic(topic, 4));
    }
    Arc::new(cluster)
}

fn world(cluster: &FakeBroker, options: &str) -> World {
    let brokers: Vec<String> = cluster.bootstrap_servers().split(',').map(|broker| format!("'{broker}'")).collect();
    World::with_connector(&format!("kind = 'kafka'\nbrokers = [{}]\n{options}", brokers.join(", ")))
}

async fn said(action: &dyn Action, batch: &[Output]) -> Vec<String> {
    words(action.send(batch).await, batch.len())
}

/// Partition, key and value of every record of a topic.
fn records(cluster: &FakeBroker, topic: &str) -> Vec<(i32, String, String)> {
    let text = |bytes: Option<bytes::Bytes>| String::from_utf8(bytes.unwrap_or_default().into()).expect("it is text");
    let all = cluster.all_records(topic).expect("the topic is there");
    all.into_iter().map(|record| (record.partition, text(record.key), text(record.value))).collect()
}

#[tokio::test]
async fn the_connack_rule_is_appended_by_client() {
    let cluster = cluster(&["connacks"]).await;
    for (round, compression) in (1..).zip(["none", "gzip", "snappy", "lz4"]) {
        let world = world(&cluster, &format!("compression = '{compression}'"));
        let action = world.action("topic = 'connacks'\nheaders = { why = '${reason_code}', none = '${value}' }");
        action.check().await.unwrap();
        let batch = [output(1, &connack("a")), output(2, &connack("b")), output(3, &connack("a"))];
        assert_eq!(said(&*action, &batch).await, ["delivered"; 3], "{compression}");
        let all = records(&cluster, "connacks");
        assert_eq!(all.len(), 3 * round, "{compression}");
        assert!(all.iter().all(|(_, client, row)| *row == connack(client)), "{compression}: {all:?}");
        let partitions = |client: &str| {
            let mut of: Vec<i32> = all.iter().filter(|(_, key, _)| key == client).map(|(at, _, _)| *at).collect();
            of.dedup();
            of
        };
        // Where Java's client puts them too: murmur2 of the key.
        assert_eq!((partitions("a").len(), partitions("b").len()), (1, 1), "{all:?}");
    }
    let record = &cluster.all_records("connacks").unwrap()[0];
    let headers = format!("{:?}", record.headers);
    assert!(headers.contains("output_id") && headers.contains("why") && !headers.contains("none"), "{headers}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_overtaken_when_brokers_go_and_come() {
    let cluster = cluster(&["t"]).await;
    let world = world(&cluster, "");
    let action = world.action("topic = 't'\npayload = '${value}'");
    let disturbed = Arc::clone(&cluster);
    let sent = send_while(&*action, move |progress| {
        let wait = |batches: u32| (0..batches).for_each(|_| progress.recv().unwrap());
        for round in 0..3 {
            wait(3);
            (0..3).chain(1..4).for_each(|broker| disturbed.crash(broker));
            (0..3).chain(1..4).for_each(|broker| disturbed.restart(broker));
            wait(2);
            // What was appended and not answered for is sent again, and stands there once.
            disturbed.on_times(ApiKey::Produce, 2, |_| Control::ApplyThen(Box::new(Control::Disconnect)));
            wait(2);
            for error in [ErrorCode::NotLeaderForPartition, ErrorCode::NotEnoughReplicas, ErrorCode::RequestTimedOut] {
                disturbed.on_once(ApiKey::Produce, move |_| Control::Error(error));
            }
            disturbed.set_leader("t", round, 1 + round % 2);
            wait(2);
        }
    })
    .await;
    assert!(sent >= 20 * 27, "{sent}");
    let all = records(&cluster, "t");
    for client in ["a", "b"] {
        let numbers: Vec<&str> =
            all.iter().filter(|(_, key, _)| key == client).map(|(_, _, number)| number.as_str()).collect();
        let seen = first_seen(numbers.iter().copied());
        assert!(seen.len() >= usize::try_from(sent).unwrap(), "{client}: {} of {sent}", seen.len());
        assert!(seen.iter().copied().eq(0..u32::try_from(seen.len()).unwrap()), "{client}: {seen:?}");
        assert_eq!(numbers.len(), seen.len(), "each stands there once");
    }
}

#[tokio::test]
async fn a_poison_output_does_not_take_its_neighbours() {
    let cluster = cluster(&["t"]).await;
    let world = world(&cluster, "connect_timeout_ms = 500");
    let action = world.action("topic = '${clientid}'\nkey = 'all'\npayload = '${value}'");
    let batch = ["t", "plant/7", "missing", "t"].map(|topic| numbered(topic, 0..1).remove(0));
    let answers = items(action.send(&batch).await, 4);
    assert_eq!((&answers[0], &answers[3]), (&ItemOutcome::Delivered, &ItemOutcome::Delivered), "{answers:?}");
    let reason = "topic: expected 1 to 249 of letters, digits, `.`, `_` and `-`, found `plant/7`".to_owned();
    assert_eq!(answers[1], ItemOutcome::Rejected { class: ErrorClass::Unsendable, reason });
    assert!(matches!(&answers[2], ItemOutcome::Retry { .. }), "a topic that is not there: {answers:?}");
    cluster.on_once(ApiKey::Produce, |_| Control::Error(ErrorCode::MessageTooLarge));
    let answers = items(action.send(&[numbered("t", 1..2).remove(0)]).await, 1);
    assert!(matches!(&answers[0], ItemOutcome::Rejected { class: ErrorClass::Data, .. }), "{answers:?}");
    assert_eq!(said(&*action, &[numbered("t", 2..3).remove(0)]).await, ["delivered"]);
    let values: Vec<String> = records(&cluster, "t").into_iter().map(|(_, _, value)| value).collect();
    assert_eq!(values, ["0", "0", "2"]);
}

#[tokio::test]
async fn what_an_administrator_mends_waits() {
    let nobody = World::with_connector("kind = 'kafka'\nbrokers = ['127.0.0.1:9']\nconnect_timeout_ms = 500");
    let waits = said(&*nobody.action("topic = 't'"), &numbered("a", 0..1)).await.remove(0);
    assert!(waits.starts_with("retry: no connection: "), "{waits}");
    assert!(nobody.action("topic = 't'").check().await.is_err());
    let cluster = cluster(&["t"]).await;
    let world = world(&cluster, "connect_timeout_ms = 500\ntimeout_ms = 1000");
    let action = world.action("topic = 't'");
    for (error, class) in [
        (ErrorCode::TopicAuthorizationFailed, ErrorClass::Unauthorized),
        (ErrorCode::NotEnoughReplicas, ErrorClass::Timeout),
    ] {
        cluster.on(ApiKey::Produce, move |_| Control::Error(error));
        let [ItemOutcome::Retry { class: found, reason, .. }] = &*items(action.send(&numbered("a", 0..1)).await, 1)
        else {
            panic!("{error:?}")
        };
        assert_eq!(*found, class, "{reason}");
        cluster.clear_hooks();
        assert_eq!(said(&*action, &numbered("a", 0..1)).await, ["delivered"], "after {error:?}");
    }
}

#[tokio::test]
async fn who_is_not_let_in_waits_and_the_test_says_what_to_do() {
    let cluster = cluster(&["t"]).await;
    cluster.require_sasl_plain("signalbox", "open sesame");
    let login = |password: &str| {
        format!(
            "sasl = 'plain'\nusername = 'signalbox'\npassword = '{password}'\nconnect_timeout_ms = 1000\ntimeout_ms = 1000"
        )
    };
    let action = world(&cluster, &login("open sesame")).action("topic = 't'");
    assert_eq!(said(&*action, &numbered("a", 0..1)).await, ["delivered"]);
    let action = world(&cluster, &login("hunter2")).action("topic = 't'");
    let error = action.check().await.unwrap_err();
    assert!(error.help.as_deref().is_some_and(|help| help.contains("`password`")), "{error:?}");
    let [ItemOutcome::Retry { class, reason, .. }] = &*items(action.send(&numbered("a", 0..1)).await, 1) else {
        panic!("it waits")
    };
    assert!(*class == ErrorClass::Unauthorized && !reason.contains("hunter2"), "{reason}");
}
