//! `nats` against a real server: what is stored and heard there, what waits, what is refused.

#[cfg(test)]
#[path = "../support/disturbance.rs"]
mod disturbance;
#[cfg(test)]
#[path = "../support/nats.rs"]
mod server;
#[cfg(test)]
#[expect(dead_code, reason = "every target of tests uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use disturbance::{first_seen, numbered, send_while};
use engine::{Action, ErrorClass, ItemOutcome, Output};
use nkeys::KeyPair;
use serde_json::{Value, json};
use server::Nats;
use support::authority::Authority;
use support::{World, connack, items, output, words};
use tokio::net::TcpListener;

fn started() -> (Nats, World) {
    let nats = Nats::start("");
    nats.make_stream(&json!({}));
    let world = World::with_connector(&nats.connector());
    (nats, world)
}

async fn said(action: &dyn Action, batch: &[Output]) -> Vec<String> {
    words(action.send(batch).await, batch.len())
}

#[tokio::test]
async fn the_connack_rule_is_stored_once() {
    let (nats, world) = started();
    let action =
        world.action("subject = 'plant.connack.${clientid}'\nheaders = { why = '${reason_code}', none = '${value}' }");
    action.check().await.unwrap();
    let batch = [output(1, &connack("a")), output(2, &connack("b")), output(3, &connack("a"))];
    for _ in 0..2 {
        assert_eq!(said(&*action, &batch).await, ["delivered"; 3]);
    }
    let expected = batch.each_ref().map(|output| {
        let client = output.client_id.as_deref().unwrap();
        let header = format!("NATS/1.0\r\nNats-Msg-Id: {}\r\nwhy: success\r\n\r\n", output.output_id());
        [format!("plant.connack.{client}"), header, connack(client)]
    });
    assert_eq!(nats.stored(), expected);
}

#[tokio::test]
async fn without_jetstream_whoever_listens_hears_it() {
    let (nats, world) = started();
    let mut client = nats.client();
    client.subscribe("plant.>");
    let action =
        world.action("subject = 'plant.${clientid}'\npayload = '${value}'\njetstream = false\nheaders = { x = '1' }");
    assert_eq!(said(&*action, &numbered("a.b", 0..500)).await, vec!["delivered"; 500]);
    for n in 0..500 {
        assert_eq!(client.next(), ["plant.a.b", "NATS/1.0\r\nx: 1", &n.to_string()]);
    }
}

#[tokio::test]
async fn a_poison_output_does_not_take_its_neighbours() {
    let nats = Nats::start("max_payload: 1000");
    nats.make_stream(&json!({ "max_msg_size": 500 }));
    let world = World::with_connector(&nats.connector());
    let long = |n: u32, len: usize| output(n, &format!(r#"{{"clientid":"plant.x","value":"{}"}}"#, "x".repeat(len)));
    let clients =
        ["plant.a", "office.a", "plant..a", "plant.*", "plant.b"].map(|client| numbered(client, 0..1).remove(0));
    let batch: Vec<Output> = clients.into_iter().chain([long(7, 600), long(8, 2_000), long(9, 10)]).collect();
    for jetstream in [true, false] {
        let action =
            world.action(&format!("subject = '${{clientid}}'\npayload = '${{value}}'\njetstream = {jetstream}"));
        let said = said(&*action, &batch).await;
        let too_large_for_stream = "rejected: the stream said message size exceeds maximum allowed (10054)";
        let expected = [
            "delivered",
            "rejected: the server does not permit the subject",
            "rejected: subject: expected no empty token, found `plant..a`",
            "rejected: subject: expected neither blanks nor wildcards, found `plant.*`",
            "delivered",
            if jetstream { too_large_for_stream } else { "delivered" },
            "rejected: the server takes messages of at most 1000 bytes, found",
            "delivered",
        ];
        for (said, expected) in said.iter().zip(expected) {
            assert!(said.starts_with(expected), "jetstream = {jetstream}: {said}");
        }
    }
}

#[tokio::test]
async fn nothing_is_lost_or_overtaken_when_the_server_is_killed() {
    let mut nats = Nats::absent("");
    let world = World::with_connector(&nats.connector());
    let action = world.action(
        "subject = 'plant.${clientid}'\npayload = '${value}'\nheaders = { Nats-Msg-Id = '${clientid}-${value}' }",
    );
    // It is not there at the start.
    let waits = said(&*action, &numbered("a", 0..1)).await;
    assert_eq!(waits, ["retry: no connection: Connection refused (os error 111)"]);
    assert_eq!(action.check().await.unwrap_err().message, "no connection: Connection refused (os error 111)");
    nats.start_again();
    nats.make_stream(&json!({}));
    let sent = send_while(&*action, move |progress| {
        for batches in [3, 2, 1, 4] {
            (0..batches).for_each(|_| progress.recv().unwrap());
            nats.kill();
            nats.start_again();
        }
        (0..2).for_each(|_| progress.recv().unwrap());
        let stored = nats.stored();
        for client in ["plant.a", "plant.b"] {
            let numbers: Vec<&str> =
                stored.iter().filter(|[subject, _, _]| subject == client).map(|[_, _, value]| value.as_str()).collect();
            let seen = first_seen(numbers.iter().copied());
            assert!(seen.len() >= 240, "{client}: {}", seen.len());
            assert_eq!(seen.len(), numbers.len(), "each is stored once");
            assert!(seen.iter().copied().eq(0..u32::try_from(seen.len()).unwrap()), "{client}: {seen:?}");
        }
    })
    .await;
    assert!(sent >= 240, "{sent}");
}

#[tokio::test]
async fn while_no_stream_takes_it_or_it_is_full_an_output_waits() {
    let nats = Nats::start("");
    let world = World::with_connector(&nats.connector());
    let action = world.action("subject = 'plant.${clientid}'\npayload = '${value}'");
    let waits = |item: &ItemOutcome, expected: ErrorClass, text: &str| {
        let ItemOutcome::Retry { class, reason, .. } = item else { panic!("{item:?}") };
        assert_eq!((*class, reason.as_str()), (expected, text));
    };
    let missing = items(action.send(&numbered("a", 0..1)).await, 1);
    waits(&missing[0], ErrorClass::Missing, "no stream takes the subject");
    nats.make_stream(&json!({ "max_msgs": 1, "discard": "new" }));
    let full = items(action.send(&numbered("a", 0..2)).await, 2);
    assert_eq!(full[0], ItemOutcome::Delivered);
    waits(&full[1], ErrorClass::Unavailable, "the stream said maximum messages exceeded (10077)");
    let purged = nats.client().request("$JS.API.STREAM.PURGE.S", &json!({}));
    assert_eq!(purged["purged"], 1);
    assert_eq!(said(&*action, &numbered("a", 1..2)).await, ["delivered"]);
}

#[tokio::test]
async fn who_is_not_let_in_waits_and_the_test_says_what_to_do() {
    let nats = Nats::start("");
    let unsigned = format!("kind = 'nats'\nurl = 'nats://127.0.0.1:{}'\n", nats.port());
    for connector in
        [nats.connector().replace(Nats::PASSWORD, "hunter2"), unsigned.clone(), format!("{unsigned}token = 'hunter2'")]
    {
        let world = World::with_connector(&connector);
        let action = world.action("subject = 'plant.${clientid}'");
        let error = action.check().await.unwrap_err();
        assert_eq!(error.message, "no connection: Authorization Violation");
        assert!(error.help.unwrap().contains("`password`"));
        let [ItemOutcome::Retry { class, reason, .. }] = &*items(action.send(&numbered("a", 0..1)).await, 1) else {
            panic!("{connector}")
        };
        assert!(*class == ErrorClass::Unauthorized && !reason.contains("hunter2"), "{reason}");
    }
}

/// What the server and the library of NATS call a JWT: signed with a key of theirs.
fn jwt(issuer: &KeyPair, subject: &KeyPair, nats: &Value) -> String {
    let head = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"ed25519-nkey"}"#);
    let claims = json!({
        "jti": "of a test", "iat": 1_645_003_578, "iss": issuer.public_key(), "sub": subject.public_key(), "name": "test", "nats": nats,
    });
    let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = URL_SAFE_NO_PAD.encode(issuer.sign(signed.as_bytes()).expect("the key has a seed"));
    format!("{signed}.{signature}")
}

#[tokio::test]
async fn tokens_keys_and_credentials_sign_in() {
    let check = async |nats: &Nats, login: &str| {
        let url = format!("kind = 'nats'\nurl = 'nats://127.0.0.1:{}'\n", nats.port());
        let action =
            World::with_connector(&format!("{url}{login}")).action("subject = 'a.${clientid}'\njetstream = false");
        said(&*action, &numbered("a", 0..1)).await.remove(0)
    };
    let nats = Nats::start_with_users("authorization { token: \"open sesame\" }");
    assert_eq!(check(&nats, "token = 'open sesame'").await, "delivered");

    let (user, stranger) = (KeyPair::new_user(), KeyPair::new_user());
    let nats = Nats::start_with_users(&format!("authorization {{ users = [ {{ nkey: {} }} ] }}", user.public_key()));
    assert_eq!(check(&nats, &format!("nkey = '{}'", user.seed().unwrap())).await, "delivered");
    let refused = check(&nats, &format!("nkey = '{}'", stranger.seed().unwrap())).await;
    assert_eq!(refused, "retry: no connection: Authorization Violation");

    let (operator, account) = (KeyPair::new_operator(), KeyPair::new_account());
    let unlimited = json!({ "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1 });
    let of_operator = jwt(&operator, &operator, &json!({ "type": "operator", "version": 2 }));
    let of_account = jwt(&operator, &account, &json!({ "type": "account", "version": 2, "limits": unlimited }));
    let of_user = jwt(&account, &user, &json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 }));
    let nats = Nats::start_with_users(&format!(
        "operator: {of_operator}\nresolver: MEMORY\nresolver_preload: {{ {}: {of_account} }}",
        account.public_key()
    ));
    let credentials = format!(
        "-----BEGIN NATS USER JWT-----\n{of_user}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        user.seed().unwrap()
    );
    assert_eq!(check(&nats, &format!("credentials = '''{credentials}'''")).await, "delivered");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let world =
        World::with_connector(&format!("kind = 'nats'\nurl = 'nats://127.0.0.1:{port}'\nconnect_timeout_ms = 100"));
    let action = world.action("subject = 'a'");
    assert_eq!(said(&*action, &numbered("a", 0..1)).await, ["retry: no connection: no answer within 100 ms"]);
    // A stream that never answers: somebody else takes what is meant for it.
    let nats = Nats::start("");
    let mut client = nats.client();
    client.subscribe("plant.>");
    let world = World::with_connector(&format!("{}timeout_ms = 200", nats.connector()));
    let action = world.action("subject = 'plant.a'");
    assert_eq!(said(&*action, &numbered("a", 0..1)).await, ["retry: no answer within 200 ms"]);
}

#[tokio::test]
async fn the_server_is_known_by_its_certificate_and_knows_ours() {
    let (authority, pki) = (Authority::new(), tempfile::tempdir().unwrap());
    let (server, client) = (authority.sign(), authority.sign());
    for (name, text) in [("ca", &authority.pem), ("cert", &server.cert_pem), ("key", &server.key_pem)] {
        fs::write(pki.path().join(name), text).unwrap();
    }
    let nats = Nats::start(
        &"tls { cert_file: \"DIR/cert\", key_file: \"DIR/key\", ca_file: \"DIR/ca\", verify: true }"
            .replace("DIR", &pki.path().display().to_string()),
    );
    let send = async |scheme: &str, tls: &str| {
        let world = World::with_connector(&format!("{}{tls}", nats.connector().replace("nats://", scheme)));
        said(&*world.action("subject = 'plant.a'\njetstream = false"), &numbered("a", 0..1)).await.remove(0)
    };
    let trust = format!("ca_pem = '''{}'''\n", authority.pem);
    let ours = format!("cert_pem = '''{}'''\nkey_pem = '''{}'''", client.cert_pem, client.key_pem);
    assert_eq!(send("tls://", &format!("{trust}{ours}")).await, "delivered");
    let stranger = send("tls://", &ours).await;
    assert!(stranger.starts_with("retry: no connection: ") && stranger.contains("UnknownIssuer"), "{stranger}");
    let unknown = send("tls://", &trust).await;
    assert!(unknown.starts_with("retry: "), "without a certificate of ours: {unknown}");
    assert_eq!(send("nats://", "").await, "retry: no connection: the server wants TLS");
}
