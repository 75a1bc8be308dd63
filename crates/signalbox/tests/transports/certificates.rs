//! Mutual TLS: whose certificate is good gets in, is told of once, and is named in the events of its connections; any
//! other is refused with the reason.

use serde_json::Value;

use crate::support::pki::{Authority, Purpose};
use crate::support::programs::mosquitto_pub;
use crate::support::server::{Finished, Home, Server};
use crate::support::witness::Witness;
use crate::tls::{SECURE, home_with};

/// Clients must show certificates of `ca.pem`, which has revoked number 66.
fn mutual(verify: &str) -> (Home, Authority) {
    let (home, authority) =
        home_with(&format!("{SECURE}verify = '{verify}'\nca_file = 'ca.pem'\ncrl_file = 'crl.pem'\n"));
    authority.revoke(&home, "crl.pem", &[66]);
    (home, authority)
}

/// Connects with the certificate of that name, or without one.
fn publish(home: &Home, server: &Server, name: Option<&str>) -> Finished {
    let port = server.listener("secure").port().to_string();
    let file = |name: &str| home.path().join(name).display().to_string();
    let ca = file("ca.pem");
    let mut arguments = vec!["-p".to_owned(), port, "--cafile".to_owned(), ca];
    if let Some(name) = name {
        arguments.extend(["--cert".to_owned(), file(&format!("{name}.pem"))]);
        arguments.extend(["--key".to_owned(), file(&format!("{name}.key"))]);
    }
    mosquitto_pub(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

async fn wait_for_end(witness: &mut Witness) -> Value {
    witness.wait_until("nothing tells of the end", |event| event["event"] == "client.disconnected").await;
    witness.seen.last().unwrap().clone()
}

#[tokio::test]
async fn a_good_certificate_is_registered_once_and_named_in_the_events() {
    let (home, authority) = mutual("required");
    authority.sign(&home, "pump-17", (Purpose::Client, 0x1234));
    for round in 0..2 {
        let server = home.serve();
        // The key of the round before is known already.
        home.run(&["keys", "remove", "witness"]);
        let mut witness = Witness::of(&home, &server).await;
        for _ in 0..2 {
            let said = publish(&home, &server, Some("pump-17"));
            assert_eq!(said.code, Some(0), "{}", said.stderr);
            wait_for_end(&mut witness).await;
        }
        let registered: Vec<&Value> =
            witness.seen.iter().filter(|event| event["event"] == "certificate.registered").collect();
        assert_eq!(registered.len(), usize::from(round == 0), "{registered:?}");
        for event in registered {
            assert_eq!(event["cert_cn"], "pump-17");
            assert_eq!((&event["cert_sn"], &event["ca_sn"]), (&"1234".into(), &"4d".into()), "{event}");
            assert_eq!((&event["status"], &event["listener"]), (&"active".into(), &"secure".into()), "{event}");
            assert_eq!(event["not_after"], 2_208_988_800_000_i64, "{event}");
        }
        let connack = witness.seen.iter().find(|event| event["event"] == "client.connack").unwrap();
        assert_eq!((&connack["cert_cn"], &connack["tls_version"]), (&"pump-17".into(), &"1.3".into()), "{connack}");
        assert_eq!(connack["cert_fingerprint"].as_str().unwrap().len(), 64);
    }
}

#[tokio::test]
async fn a_bad_certificate_is_refused_with_its_reason() {
    let (home, authority) = mutual("required");
    authority.sign_until(&home, "expired", (Purpose::Client, 2), 2021);
    authority.sign(&home, "revoked", (Purpose::Client, 66));
    authority.sign(&home, "for-servers", (Purpose::Server, 3));
    Authority::new("Other CA").sign(&home, "foreign", (Purpose::Client, 4));
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    for (name, reason, words) in [
        ("expired", "expired", "the certificate has expired; help: give the client a new certificate"),
        ("revoked", "revoked", "the certificate is on the revocation list"),
        ("for-servers", "wrong_purpose", "the certificate is not for clients"),
        ("foreign", "unknown_ca", "not signed by a trusted authority; help: put the authority into `ca_file`"),
    ] {
        assert_ne!(publish(&home, &server, Some(name)).code, Some(0), "{name}");
        let ending = wait_for_end(&mut witness).await;
        assert_eq!(ending["reason"], "tls_error");
        assert!(ending["detail"].as_str().unwrap().contains(words), "{ending}");
        let rejected = witness.seen.iter().rfind(|event| event["event"] == "certificate.rejected").unwrap();
        assert_eq!((&rejected["cert_cn"], &rejected["reason"]), (&name.into(), &reason.into()), "{rejected}");
        assert_eq!(rejected["conn_id"], ending["conn_id"]);
    }
    let before = witness.seen.len();
    assert_ne!(publish(&home, &server, None).code, Some(0));
    let ending = wait_for_end(&mut witness).await;
    assert!(
        ending["detail"].as_str().unwrap().contains("expected a certificate of the client, found none"),
        "{ending}"
    );
    assert_eq!(witness.seen.len(), before + 1, "a certificate that was not shown is told of");
}

#[tokio::test]
async fn where_certificates_are_optional_a_bad_one_is_refused_all_the_same() {
    let (home, authority) = mutual("optional");
    authority.sign(&home, "good", (Purpose::Client, 2));
    authority.sign(&home, "revoked", (Purpose::Client, 66));
    let server = home.serve();
    assert_eq!(publish(&home, &server, None).code, Some(0));
    assert_eq!(publish(&home, &server, Some("good")).code, Some(0));
    assert_ne!(publish(&home, &server, Some("revoked")).code, Some(0));
}
