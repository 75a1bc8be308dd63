//! `mqtt` against a real broker of another make: what arrives there, what waits, what is refused.

use std::fs;

use crate::support::mosquitto::Mosquitto;
use crate::support::{World, connack, output, send_until_decided, words};
use engine::Output;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

fn started() -> (Mosquitto, World) {
    let mosquitto = Mosquitto::start("");
    let world = World::with_connector(&mosquitto.connector());
    (mosquitto, world)
}

fn connacks(clients: &[&str]) -> Vec<Output> {
    (1..).zip(clients).map(|(n, client)| output(n, &connack(client))).collect()
}

// proves 3.1.1: [MQTT-7.0.0-1]
#[tokio::test]
async fn every_qos_arrives_in_order() {
    let (mosquitto, world) = started();
    mosquitto.subscribe();
    for qos in 0..=2 {
        let action = world.action(&format!("topic = 'plant/${{clientid}}'\nqos = {qos}"));
        action.check().await.unwrap();
        assert_eq!(words(action.send(&connacks(&["a", "b", "a"])).await, 3), ["delivered"; 3], "QoS {qos}");
    }
    let expected: Vec<String> = (0..=2)
        .flat_map(|qos| ["a", "b", "a"].map(|client| format!("plant/{client} {qos} {}", connack(client))))
        .collect();
    assert_eq!(mosquitto.collect(9, "%t %q %p"), expected);
}

#[tokio::test]
async fn more_than_may_be_unacknowledged_at_once_arrives_whole() {
    let mosquitto = Mosquitto::start("");
    let world = World::with_connector(&mosquitto.connector());
    mosquitto.subscribe();
    let batch: Vec<Output> = (1..=1_500).map(|n| output(n, &format!(r#"{{"value":{n}}}"#))).collect();
    let action = world.action("topic = 'plant/x'\npayload = '${value}'\nqos = 2");
    assert_eq!(words(action.send(&batch).await, 1_500), vec!["delivered"; 1_500]);
    let expected: Vec<String> = (1..=1_500).map(|n| n.to_string()).collect();
    assert_eq!(mosquitto.collect(1_500, "%p"), expected);
}

#[tokio::test]
async fn properties_and_retain_go_along() {
    let (mosquitto, world) = started();
    mosquitto.subscribe();
    let action = world.action(
        "topic = 'plant/a'\nretain = true\nuser_properties = { rule = '${rule_id}' }\n\
         properties = { content_type = 'application/json', message_expiry_interval = 3600, response_topic = 'plant/r' }",
    );
    assert_eq!(words(action.send(&connacks(&["a"])).await, 1), ["delivered"]);
    assert_eq!(mosquitto.collect(1, "%C %R %P %E"), ["application/json plant/r rule:connack signalbox-hops:1 3600"]);
}

#[tokio::test]
async fn what_the_broker_does_not_allow_is_rejected_alone() {
    let (mosquitto, world) = started();
    mosquitto.subscribe();
    for qos in [1, 2] {
        let action = world.action(&format!("topic = '${{clientid}}'\npayload = '${{clientid}}'\nqos = {qos}"));
        let batch = connacks(&["plant/1", "office/1", "plant/#", "plant/2"]);
        // Mosquitto 2.0.11 says no, and then ends the connection, with what was behind.
        let said = send_until_decided(&*action, &batch).await;
        assert_eq!((&*said[0], &*said[3]), ("delivered", "delivered"), "QoS {qos}");
        assert_eq!(said[1], "rejected: the broker said not_authorized", "QoS {qos}");
        assert!(said[2].starts_with("rejected: topic: expected no wildcard"), "QoS {qos}: {said:?}");
    }
    let mut arrived = mosquitto.collect(4, "%p");
    arrived.dedup();
    assert_eq!(arrived[..2], ["plant/1", "plant/2"]);
}

#[tokio::test]
async fn what_the_broker_says_it_does_not_take_is_not_sent() {
    let mosquitto = Mosquitto::start("max_packet_size 200\nmax_qos 1\nretain_available false");
    let world = World::with_connector(&mosquitto.connector());
    let send = async |options: &str| {
        let action = world.action(&format!("topic = 'plant/a'\n{options}"));
        words(action.send(&connacks(&["a"])).await, 1).remove(0)
    };
    assert_eq!(send("qos = 2").await, "rejected: qos: the other broker takes at most 1, found 2");
    assert_eq!(send("retain = true").await, "rejected: retain: the other broker retains nothing");
    let long = format!("payload = '{}'", "x".repeat(200));
    let said = send(&long).await;
    assert!(said.starts_with("rejected: the other broker takes packets of at most 200 bytes, found 2"), "{said}");
    assert_eq!(send("qos = 1").await, "delivered");
}

#[tokio::test]
async fn while_the_broker_is_away_outputs_wait() {
    let (mut mosquitto, world) = started();
    let action = world.action("topic = 'plant/${clientid}'");
    assert_eq!(words(action.send(&connacks(&["a"])).await, 1), ["delivered"]);
    mosquitto.stop();
    let said = words(action.send(&connacks(&["a", "b"])).await, 2);
    assert!(
        said.iter().all(|said| said.starts_with("retry: connection lost") || said.starts_with("retry: no connection")),
        "{said:?}"
    );
    let said = words(action.send(&connacks(&["a"])).await, 1);
    assert_eq!(said, ["retry: no connection: Connection refused (os error 111)"]);
    assert_eq!(action.check().await.unwrap_err().message, "no connection: Connection refused (os error 111)");
    mosquitto.start_again();
    assert_eq!(words(action.send(&connacks(&["a", "b"])).await, 2), ["delivered", "delivered"]);
}

#[tokio::test]
async fn a_wrong_password_waits_and_the_test_says_what_to_do() {
    let mosquitto = Mosquitto::start("");
    let world = World::with_connector(&mosquitto.connector().replace(Mosquitto::PASSWORD, "wrong"));
    let action = world.action("topic = 'plant/a'");
    let error = action.check().await.unwrap_err();
    assert_eq!(error.message, "no connection: refused, not_authorized");
    assert!(error.help.unwrap().contains("`password`"));
    assert_eq!(words(action.send(&connacks(&["a"])).await, 1), ["retry: no connection: refused, not_authorized"]);
}

#[tokio::test]
async fn a_broker_that_acknowledges_nothing_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let broker = async {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut bytes = [0; 1_024];
            assert!(socket.read(&mut bytes).await.unwrap() > 0, "CONNECT");
            // CONNACK without properties [MQTT-3.2], and no word more.
            socket.write_all(&[0x20, 3, 0, 0, 0]).await.unwrap();
            while socket.read(&mut bytes).await.unwrap_or(0) > 0 {}
        }
    };
    let world = World::with_connector(&format!("kind = 'mqtt'\nurl = 'mqtt://127.0.0.1:{port}'\ntimeout_ms = 200"));
    let sends = async {
        let action = world.action("topic = 'a'");
        for _ in 0..2 {
            let said = words(action.send(&connacks(&["a", "b"])).await, 2);
            assert_eq!(said, ["retry: no acknowledgement within 200 ms"; 2]);
        }
        // At QoS 0 nothing is waited for.
        let action = world.action("topic = 'a'\nqos = 0");
        assert_eq!(words(action.send(&connacks(&["a"])).await, 1), ["delivered"]);
    };
    tokio::select! {
        () = sends => {}
        () = broker => {}
    }
}

#[tokio::test]
async fn the_broker_is_known_by_its_certificate_and_knows_ours() {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "an authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&key).unwrap().pem();
    let authority = Issuer::new(params, key);
    let signed = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        (certificate.pem(), key.serialize_pem())
    };
    let pki = tempfile::tempdir().unwrap();
    let (server, client) = (signed("localhost"), signed("signalbox"));
    let files = [("ca.pem", ca.clone()), ("server.pem", server.0), ("server.key", server.1)];
    for (name, text) in files {
        fs::write(pki.path().join(name), text).unwrap();
    }
    let mosquitto = Mosquitto::start(
        &"cafile {pki}/ca.pem\ncertfile {pki}/server.pem\nkeyfile {pki}/server.key\nrequire_certificate true"
            .replace("{pki}", &pki.path().display().to_string()),
    );
    let url = format!("mqtts://localhost:{}", mosquitto.port());
    let connector = mosquitto.connector().replace(&format!("mqtt://127.0.0.1:{}", mosquitto.port()), &url);
    let send = async |options: &str| {
        let world = World::with_connector(&format!("{connector}{options}"));
        words(world.action("topic = 'plant/a'").send(&connacks(&["a"])).await, 1).remove(0)
    };
    let (cert, key) = client;
    let all = format!("ca_pem = '''{ca}'''\ncert_pem = '''{cert}'''\nkey_pem = '''{key}'''");
    assert_eq!(send(&all).await, "delivered");
    let said = send("").await;
    assert!(said.starts_with("retry: no connection: ") && said.contains("UnknownIssuer"), "{said}");
    let said = send(&format!("ca_pem = '''{ca}'''")).await;
    assert!(said.starts_with("retry: "), "without a certificate of ours: {said}");
}
