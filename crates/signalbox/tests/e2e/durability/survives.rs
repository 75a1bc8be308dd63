//! What is there again after the broker was killed, piece by piece.

use mqtt::{Ack, Connect, Disconnect, Packet, Publish, QoS, ReasonCode, Version};

use super::device::{Wire, id, keeping, publish, will};
use crate::support::server::{Home, Server};

/// Kills the broker, as by `kill -9`, and starts it again.
fn killed(home: &Home, server: Server) -> Server {
    drop(server);
    home.serve()
}

/// Publishes at QoS 1 for somebody who is away: when that is acknowledged, everything that has happened before is on
/// disk.
fn publish_all(server: &Server, messages: &[(&str, &str)]) {
    let mut wire = Wire::must_open(server.mqtt, keeping("publisher", Version::V311));
    for (topic, payload) in messages {
        wire.publish_acknowledged(publish(topic, payload, QoS::AtLeastOnce, None));
    }
}

fn payload(message: &Publish) -> &str {
    std::str::from_utf8(&message.payload).unwrap()
}

#[test]
fn subscriptions_and_what_waits_survive_and_what_was_taken_back_does_not() {
    let home = Home::new();
    let server = home.serve();
    let mut wire = Wire::must_open(server.mqtt, keeping("away", Version::V311));
    wire.subscribe("kept/+", QoS::ExactlyOnce);
    wire.subscribe("taken/back", QoS::AtLeastOnce);
    let filters = vec!["taken/back".into()];
    let unsubscribe = mqtt::Unsubscribe { packet_id: id(9), properties: mqtt::Properties::new(), filters };
    wire.send(&Packet::Unsubscribe(unsubscribe)).unwrap();
    assert!(matches!(wire.receive().unwrap(), Packet::Unsuback(_)));
    drop(wire);
    publish_all(&server, &[("kept/a", "1"), ("taken/back", "2"), ("kept/b", "3")]);

    let server = killed(&home, server);
    publish_all(&server, &[("kept/a", "4"), ("taken/back", "5")]);
    let server = killed(&home, server);
    let mut wire = Wire::must_open(server.mqtt, keeping("away", Version::V311));
    assert!(wire.session_present);
    let got: Vec<String> = (0..3).map(|_| payload(&wire.receive_publish()).to_owned()).collect();
    assert_eq!(got, ["1", "3", "4"]);
    assert_eq!(wire.receive_rest(), []);
}

#[test]
fn what_is_under_way_is_sent_again_under_its_identifier() {
    let home = Home::new();
    let server = home.serve();
    let mut wire = Wire::must_open(server.mqtt, keeping("away", Version::V5));
    wire.subscribe("#", QoS::ExactlyOnce);
    drop(wire);
    let mut publisher = Wire::must_open(server.mqtt, keeping("publisher", Version::V5));
    for (number, qos) in [(1, QoS::AtLeastOnce), (2, QoS::ExactlyOnce), (3, QoS::ExactlyOnce), (4, QoS::ExactlyOnce)] {
        publisher.send(&Packet::Publish(publish("t", &number.to_string(), qos, Some(id(number))))).unwrap();
        publisher.receive().unwrap();
    }
    let mut wire = Wire::must_open(server.mqtt, keeping("away", Version::V5));
    let sent: Vec<Publish> = (0..4).map(|_| wire.receive_publish()).collect();
    // The client has all of them; of the third the broker knows that, and of the fourth the exchange is over.
    wire.send(&Packet::Pubrec(Ack::new(sent[3].packet_id.unwrap()))).unwrap();
    assert!(matches!(wire.receive().unwrap(), Packet::Pubrel(_)));
    wire.send(&Packet::Pubcomp(Ack::new(sent[3].packet_id.unwrap()))).unwrap();
    wire.send(&Packet::Pubrec(Ack::new(sent[2].packet_id.unwrap()))).unwrap();
    assert!(matches!(wire.receive().unwrap(), Packet::Pubrel(_)));

    let server = killed(&home, server);
    let mut wire = Wire::must_open(server.mqtt, keeping("away", Version::V5));
    let again: Vec<Packet> = (0..3).map(|_| wire.receive().unwrap()).collect();
    let [Packet::Publish(first), Packet::Publish(second), Packet::Pubrel(third)] = again.as_slice() else {
        panic!("expected PUBLISH, PUBLISH, PUBREL, found {again:?}");
    };
    assert_eq!((first, second), (&Publish { dup: true, ..sent[0].clone() }, &Publish { dup: true, ..sent[1].clone() }));
    assert_eq!(Some(third.packet_id), sent[2].packet_id);
    // The next message gets an identifier of its own.
    wire.puback(first.packet_id.unwrap()).unwrap();
    publish_all(&server, &[("t", "5")]);
    let next = wire.receive_publish();
    assert!(sent[1..].iter().all(|sent| sent.packet_id != next.packet_id));
}

#[test]
fn a_message_of_qos_2_is_taken_once_over_a_kill() {
    let home = Home::new();
    let server = home.serve();
    Wire::must_open(server.mqtt, keeping("away", Version::V311)).subscribe("#", QoS::ExactlyOnce);
    let message = Packet::Publish(publish("t", "once", QoS::ExactlyOnce, Some(id(7))));
    let mut wire = Wire::must_open(server.mqtt, keeping("publisher", Version::V311));
    wire.send(&message).unwrap();
    assert!(matches!(wire.receive().unwrap(), Packet::Pubrec(_)));

    let server = killed(&home, server);
    let mut wire = Wire::must_open(server.mqtt, keeping("publisher", Version::V311));
    wire.send(&message).unwrap();
    assert!(matches!(wire.receive().unwrap(), Packet::Pubrec(_)));
    wire.send(&Packet::Pubrel(Ack::new(id(7)))).unwrap();
    assert!(matches!(wire.receive().unwrap(), Packet::Pubcomp(_)));

    // Released, the identifier is free: what comes under it is another message.
    let server = killed(&home, server);
    let mut wire = Wire::must_open(server.mqtt, keeping("publisher", Version::V311));
    wire.send(&message).unwrap();
    assert!(matches!(wire.receive().unwrap(), Packet::Pubrec(_)));
    let mut away = Wire::must_open(server.mqtt, keeping("away", Version::V311));
    assert_eq!((payload(&away.receive_publish()), payload(&away.receive_publish())), ("once", "once"));
    assert_eq!(away.receive_rest(), []);
}

#[test]
fn retained_messages_survive_with_their_properties_and_cleared_ones_stay_away() {
    let home = Home::new();
    let server = home.serve();
    let properties = mqtt::Properties::builder().content_type("text/plain").unwrap().build();
    let mut wire = Wire::must_open(server.mqtt, keeping("publisher", Version::V5));
    for (topic, text) in [("a", "old"), ("a", "new"), ("b", "gone"), ("b", ""), ("$own/c", "kept")] {
        let message = publish(topic, text, QoS::AtLeastOnce, None);
        wire.publish_acknowledged(Publish { retain: true, properties: properties.clone(), ..message });
    }
    let server = killed(&home, server);
    let mut wire = Wire::must_open(server.mqtt, Connect { clean_start: true, ..keeping("looks", Version::V5) });
    let mut found = Vec::new();
    for filter in ["#", "$own/#"] {
        wire.subscribe(filter, QoS::AtMostOnce);
        found.extend(wire.receive_rest());
    }
    let found: Vec<&Publish> =
        found.iter().filter_map(|p| if let Packet::Publish(m) = p { Some(m) } else { None }).collect();
    let texts: Vec<(&str, &str)> = found.iter().map(|message| (&*message.topic, payload(message))).collect();
    assert_eq!(texts, [("a", "new"), ("$own/c", "kept")]);
    assert_eq!(found[0].properties.content_type(), Some("text/plain"));
    assert!(found.iter().all(|message| message.retain));
}

#[test]
fn a_delayed_will_is_published_after_a_restart() {
    let home = Home::new();
    let server = home.serve();
    Wire::must_open(server.mqtt, keeping("away", Version::V5)).subscribe("wills/#", QoS::AtLeastOnce);
    let mourned = |name: &str, delay_s| {
        let will = Some(will(&format!("wills/{name}"), delay_s));
        Wire::must_open(server.mqtt, Connect { will, ..keeping(name, Version::V5) })
    };
    // One has gone, one is there when the broker is killed, one says goodbye, and one has much time left.
    let mut gone = mourned("gone", 1);
    gone.send(&Packet::Disconnect(Disconnect::new(ReasonCode::DisconnectWithWillMessage))).unwrap();
    assert!(gone.receive().is_err());
    let _there = mourned("there", 1);
    let mut polite = mourned("polite", 1);
    polite.send(&Packet::Disconnect(Disconnect::new(ReasonCode::Success))).unwrap();
    assert!(polite.receive().is_err());
    let _later = mourned("later", 3600);
    publish_all(&server, &[("wills/none", "published")]);

    let server = killed(&home, server);
    let mut away = Wire::must_open(server.mqtt, keeping("away", Version::V5));
    let mut topics: Vec<String> = (0..3).map(|_| away.receive_publish().topic.to_string()).collect();
    topics.sort();
    assert_eq!(topics, ["wills/gone", "wills/none", "wills/there"]);
    assert_eq!(away.receive_rest(), []);
}

#[test]
fn a_session_that_was_thrown_away_does_not_come_back() {
    let home = Home::new();
    let server = home.serve();
    Wire::must_open(server.mqtt, keeping("a", Version::V5)).subscribe("#", QoS::AtLeastOnce);
    publish_all(&server, &[("t", "for nobody")]);
    drop(Wire::must_open(server.mqtt, Connect { clean_start: true, ..keeping("a", Version::V311) }));
    let server = killed(&home, server);
    let mut wire = Wire::must_open(server.mqtt, keeping("a", Version::V5));
    assert!(!wire.session_present);
    assert_eq!(wire.receive_rest(), []);
}

#[test]
fn sessions_survive_a_stop_in_order_too_unless_they_are_kept_in_memory() {
    for (store, survives) in [("disk", true), ("memory", false)] {
        let home = Home::new().with_config(&format!("[durability]\nstore = \"{store}\"\n"));
        let server = home.serve();
        Wire::must_open(server.mqtt, keeping("a", Version::V311)).subscribe("#", QoS::AtLeastOnce);
        server.signal("TERM");
        assert!(server.wait().0.success());
        let server = home.serve();
        assert_eq!(Wire::must_open(server.mqtt, keeping("a", Version::V311)).session_present, survives, "{store}");
        assert_eq!(home.path().join("data/sessions").exists(), survives);
    }
}
