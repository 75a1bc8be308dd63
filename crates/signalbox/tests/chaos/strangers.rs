//! Strangers that come under the identifier of a client that is there.

use serde_json::Value;

use crate::support::attacker::Attacker;
use crate::support::client::{Client, text};
use crate::support::observer::{Observer, come_and_go};
use crate::support::server::Home;
use crate::support::told::{Told, names};
use crate::support::{number, present};

/// CONNECT with these flags under the identifier of the victim.
fn connect(version: u8, flags: u8, credentials: (&str, &str)) -> Vec<u8> {
    connect_as(VICTIM, (version, flags), credentials)
}

fn connect_as(client_id: &str, (version, flags): (u8, u8), (user, password): (&str, &str)) -> Vec<u8> {
    let properties: &[u8] = if version == 5 { &[0] } else { &[] };
    let credentials = [text(user), text(password)].concat();
    let protocol = [b"\x00\x04MQTT", &[version, flags, 0, 0][..], properties].concat();
    let body = [protocol, text(client_id), credentials].concat();
    [&[0x10, u8::try_from(body.len()).unwrap()][..], &body].concat()
}

const VICTIM: &str = "pump";
/// Flags of CONNECT: clean session, user name, password.
const WITH_PASSWORD: u8 = 0xc2;

/// Everything a stranger comes with. None of it is accepted.
fn attempts() -> Vec<Vec<u8>> {
    let right = connect(4, WITH_PASSWORD, ("pump", "secret"));
    let mut attempts = vec![
        connect(4, WITH_PASSWORD, ("pump", "wrong")),
        connect(5, WITH_PASSWORD, ("pump", "wrong")),
        connect(5, WITH_PASSWORD, ("nobody", "secret")),
        // A version that there is not.
        connect(9, WITH_PASSWORD, ("pump", "secret")),
        // The reserved flag [MQTT-3.1.2-3], and a password without its user name [MQTT-3.1.2-22].
        connect(4, WITH_PASSWORD | 1, ("pump", "secret")),
        connect(4, 0x42, ("pump", "secret")),
        // A will of QoS 3 [MQTT-3.1.2-14].
        connect(4, WITH_PASSWORD | 0x1c, ("pump", "secret")),
        // Two wrong ones in a row, and a wrong one with a publish behind it.
        [connect(5, WITH_PASSWORD, ("pump", "wrong")), right.clone()].concat(),
        [connect(5, WITH_PASSWORD, ("pump", "wrong")), b"\x30\x06\x00\x04calmx".to_vec()].concat(),
        // No CONNECT at all.
        b"\x30\x07\x00\x04calmx".to_vec(),
        b"\xe0\x00".to_vec(),
    ];
    // The right one, cut.
    attempts.extend((1..right.len()).step_by(7).map(|len| right[..len].to_vec()));
    attempts
}

#[tokio::test]
async fn strangers_under_its_identifier_do_not_disturb_a_client() {
    let rounds = number("CHAOS_ROUNDS", 5);
    let home = Home::new().with_config("[auth]\nanonymous = 'no'\n");
    for user in ["pump", "valve"] {
        let added = home.run_with_input(&["users", "add", user, "--password-stdin"], "secret\n");
        assert_eq!(added.code, Some(0), "{}", added.stderr);
    }
    Observer::admit(&home);
    let server = home.serve();
    let observer = tokio::spawn(Observer::begin(server.mqtt).await.read());
    let begin = Attacker::open(server.mqtt).await;
    let mut victim = Client::begin(begin, VICTIM, &connect(4, WITH_PASSWORD, ("pump", "secret"))).await;
    victim.subscribe("calm").await;
    let begin = Attacker::open(server.mqtt).await;
    let right = connect_as("valve", (4, WITH_PASSWORD), ("valve", "secret"));
    let mut valve = Client::begin(begin, "valve", &right).await;
    let both = [("pump".to_owned(), victim.address()), ("valve".to_owned(), valve.address())];

    let attempts = attempts();
    for round in 0..rounds {
        for attempt in &attempts {
            let mut stranger = Attacker::open_with(server.mqtt, attempt).await;
            stranger.close_half().await;
            let answer = stranger.read_to_end().await;
            let is_refusal = answer.is_empty() || (answer[0] == 0x20 && answer[3] != 0);
            assert!(is_refusal, "{attempt:02x?}: {answer:02x?}");
        }
        // It hears what is meant for it, and nothing of the strangers.
        valve.publish_acknowledged("calm", round.to_string().as_bytes()).await;
        assert_eq!(victim.next_message().await, ("calm".to_owned(), round.to_string().into_bytes()));
        victim.ping().await;
        assert_eq!(present(&home).into_iter().collect::<Vec<_>>(), both);
    }
    victim.disconnect().await;

    come_and_go(server.mqtt).await;
    let observer = observer.await.unwrap();
    let told = Told::by(server, &home);
    told.assert_numbered();
    observer.assert_has_seen(&told);
    let by_client = told.by_client();
    let events = &by_client[VICTIM];
    let expected = [
        "session.created",
        "client.connack",
        "client.connected",
        "session.subscribed",
        "session.expired",
        "session.unsubscribed",
        "client.disconnected",
    ];
    assert_eq!(names(events), expected);
    assert_eq!(events[6]["reason"], "normal");
    assert_eq!(by_client.len(), 2, "nobody else was accepted");
    // The strangers are told of, and told apart.
    let ended = |event: &&&Value| event["client_seq"].is_null() && event["stage"] != "session";
    let endings = told.all("client.disconnected");
    let strangers: u64 = endings.iter().filter(ended).map(|event| event["repeated"].as_u64().unwrap()).sum();
    assert_eq!(strangers, u64::try_from(rounds * attempts.len()).unwrap());
}
