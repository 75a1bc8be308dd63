//! What is told of the ends that a kill has made, when the broker is back.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use mqtt::{Connect, Disconnect, Packet, Properties, Publish, QoS, ReasonCode, Version};

use super::device::{Wire, keeping, publish, will};
use crate::support::server::Home;

const ENDED: &str = r#"/*---
[[actions]]
republish = { topic = "told/ended/${clientid}", qos = 1 }
---*/
SELECT clientid FROM "$events/client_disconnected" WHERE reason = 'server_restart'
"#;

const EXPIRED: &str = r#"/*---
[[actions]]
republish = { topic = "told/expired/${clientid}", qos = 1 }
---*/
SELECT clientid FROM "$events/session_expired" WHERE expiry_interval > 0
"#;

#[test]
fn rules_hear_of_connections_and_sessions_that_ended_while_the_broker_was_not_there() {
    let home = Home::new().with_rule("ended", ENDED).with_rule("expired", EXPIRED);
    let server = home.serve();
    let mut away = Wire::must_open(server.mqtt, keeping("away", Version::V5));
    away.subscribe("told/#", QoS::AtLeastOnce);
    away.subscribe("wills/#", QoS::AtLeastOnce);
    let properties = Properties::builder().session_expiry_interval_s(1).build();
    let mut parked = Wire::must_open(server.mqtt, Connect { properties, ..keeping("parked", Version::V5) });
    parked.send(&Packet::Disconnect(Disconnect::new(ReasonCode::Success))).unwrap();
    assert!(parked.receive().is_err());
    // Its session ends with its connection, so that its will is not delayed.
    let will = Some(will("wills/there", 3600));
    let _there = Wire::must_open(server.mqtt, Connect { will, clean_start: true, ..keeping("there", Version::V311) });
    // When that is acknowledged, sessions and wills are on disk. To be told who is there takes longer than the history
    // takes to write.
    let retained = Publish { retain: true, ..publish("noted", "x", QoS::AtLeastOnce, None) };
    away.publish_acknowledged(retained);
    assert_eq!(home.run(&["clients", "list"]).code, Some(0));

    drop(server);
    // The time of a session runs on.
    sleep(Duration::from_millis(1100));
    let server = home.serve();
    let mut away = Wire::must_open(server.mqtt, keeping("away", Version::V5));
    let expected = ["told/ended/away", "told/ended/there", "told/expired/parked", "wills/there"];
    let mut topics = BTreeSet::new();
    while topics.len() < expected.len() {
        let Ok(packet) = away.receive() else { panic!("expected {expected:?}, found {topics:?}") };
        let Packet::Publish(message) = packet else { panic!("expected PUBLISH, found {packet:?}") };
        assert!(topics.insert(message.topic.to_string()), "`{}` came twice", message.topic);
    }
    assert!(topics.iter().eq(&expected), "expected {expected:?}, found {topics:?}");
    assert_eq!(away.receive_rest(), []);
}
