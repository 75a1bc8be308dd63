//! TLS with clients of other makes; what goes wrong is said in words; certificates are exchanged while clients stay.

use std::io::{Read as _, Write as _};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use crate::support::attacker::Attacker;
use crate::support::packets::CONNECT_V311;
use crate::support::pki::{Authority, Purpose};
use crate::support::programs::{ALL_WELL, mosquitto_pub, paho, s_client};
use crate::support::server::{Home, Server};
use crate::support::witness::Witness;

/// A listener `secure` with `server.pem`.
pub(crate) const SECURE: &str = "\
[listeners.secure]
kind = 'tls'
bind = '127.0.0.1:0'
[listeners.secure.tls]
cert_file = 'server.pem'
key_file = 'server.key'
";

/// A home with an authority in `ca.pem`, a certificate of the server, and this configuration.
pub(crate) fn home_with(config: &str) -> (Home, Authority) {
    let home = Home::new().with_config(config);
    let authority = Authority::new("Plant CA");
    authority.write(&home, "ca.pem");
    authority.sign(&home, "server", (Purpose::Server, 1));
    (home, authority)
}

/// The end of a connection whose first bytes are these.
async fn ending_of(witness: &mut Witness, server: &Server, bytes: &[u8]) -> String {
    let mut attacker = Attacker::open_with(server.listener("secure"), bytes).await;
    attacker.read_to_end().await;
    let ending = witness.ending_of(attacker.address).await;
    assert_eq!((&ending["reason"], &ending["stage"]), (&"tls_error".into(), &"accepted".into()), "{ending}");
    ending["detail"].as_str().unwrap().to_owned()
}

#[test]
fn clients_of_other_makes_speak_tls() {
    let (home, _authority) = home_with(SECURE);
    let server = home.serve();
    let ca = home.path().join("ca.pem").display().to_string();
    for version in ["3.1.1", "5"] {
        let said = paho(server.listener("secure"), &[version, "tcp", "--ca", &ca]);
        assert_eq!(said.stdout, ALL_WELL, "{}", said.stderr);
    }
    let port = server.listener("secure").port().to_string();
    for version in ["tlsv1.2", "tlsv1.3"] {
        let said = mosquitto_pub(&["-p", &port, "--cafile", &ca, "--tls-version", version]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
    }
}

#[tokio::test]
async fn a_client_without_tls_is_told_apart() {
    let (home, _authority) = home_with(SECURE);
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    let told = ending_of(&mut witness, &server, CONNECT_V311).await;
    assert!(told.contains("found an MQTT CONNECT without TLS; help: let the client use TLS"), "{told}");
    let told = ending_of(&mut witness, &server, b"GET / HTTP/1.1\r\n\r\n").await;
    assert!(told.contains("found an HTTP request without TLS"), "{told}");
    let told = ending_of(&mut witness, &server, b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n").await;
    assert!(told.contains("set `proxy_protocol = true`"), "{told}");
    let told = ending_of(&mut witness, &server, b"\x16\x03\x01\x00\x05hello").await;
    assert!(told.contains("TLS handshake"), "{told}");
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_broker_is_told() {
    let (home, _authority) = home_with(SECURE);
    let other = Authority::new("Other CA").write(&home, "other.pem");
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    let port = server.listener("secure").port().to_string();
    let said = mosquitto_pub(&["-p", &port, "--cafile", &other.display().to_string()]);
    assert_ne!(said.code, Some(0));
    witness.wait_until("nothing tells of the alert", |event| event["event"] == "client.disconnected").await;
    let ending = witness.seen.last().unwrap();
    assert_eq!(ending["reason"], "tls_error", "{ending}");
    let detail = ending["detail"].as_str().unwrap();
    assert!(detail.contains("does not trust the authority that signed the certificate of this listener"), "{detail}");
}

#[tokio::test]
async fn a_version_that_is_too_old_is_told() {
    let (home, _authority) = home_with(&format!("{SECURE}min_version = '1.3'\n"));
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    let said = s_client(server.listener("secure"), &["-tls1_2"]);
    assert!(said.contains("alert protocol version"), "{said}");
    witness.wait_until("nothing tells of the version", |event| event["event"] == "client.disconnected").await;
    let ending = witness.seen.last().unwrap();
    assert!(ending["detail"].as_str().unwrap().contains("no TLS version in common"), "{ending}");
    let said = s_client(server.listener("secure"), &["-tls1_3"]);
    assert!(said.contains("CN = server"), "{said}");
}

#[test]
fn the_certificate_is_that_of_the_host_the_client_asks_for() {
    let config = format!(
        "{SECURE}[listeners.secure.tls.certificates.fleet]\nhosts = ['*.fleet.example']\n\
         cert_file = 'fleet.pem'\nkey_file = 'fleet.key'\n\
         [listeners.secure.tls.certificates.own]\ncert_file = 'own.example.pem'\nkey_file = 'own.example.key'\n"
    );
    let (home, authority) = home_with(&config);
    authority.sign(&home, "fleet", (Purpose::Server, 2));
    authority.sign(&home, "own.example", (Purpose::Server, 3));
    let server = home.serve();
    let cases = [("a.fleet.example", "fleet"), ("own.example", "own.example"), ("fleet.example", "server")];
    for (host, name) in cases {
        let said = s_client(server.listener("secure"), &["-servername", host]);
        assert!(said.contains(&format!("CN = {name}\n")), "{host}: {said}");
    }
    let said = s_client(server.listener("secure"), &["-noservername"]);
    assert!(said.contains("CN = server\n"), "{said}");
}

#[test]
fn a_session_is_resumed_by_a_ticket_unless_that_is_turned_off() {
    for (option, has_tickets) in [("", true), ("session_tickets = false\n", false)] {
        let (home, _authority) = home_with(&format!("{SECURE}{option}"));
        let server = home.serve();
        let file = home.path().join("session");
        let session = file.display().to_string();
        let first = s_client(server.listener("secure"), &["-tls1_2", "-sess_out", &session]);
        assert!(first.contains("New, TLSv1.2"), "{first}");
        assert_eq!(file.exists(), has_tickets);
        if has_tickets {
            let second = s_client(server.listener("secure"), &["-tls1_2", "-sess_in", &session]);
            assert!(second.contains("Reused, TLSv1.2"), "{second}");
        }
    }
}

#[test]
fn a_new_certificate_is_taken_up_while_clients_stay() {
    let (home, authority) = home_with(SECURE);
    let mut server = home.serve();
    let address = server.listener("secure");
    let ca = home.path().join("ca.pem").display().to_string();
    let mut tls = Command::new("openssl");
    tls.args(["s_client", "-quiet", "-connect", &address.to_string()]);
    tls.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut staying = tls.spawn().expect("the tests need openssl: apt-get install openssl");
    let (mut to_broker, mut from_broker) = (staying.stdin.take().unwrap(), staying.stdout.take().unwrap());
    exchange(&mut to_broker, &mut from_broker, CONNECT_V311, b"\x20\x02\x00\x00");

    authority.sign(&home, "server", (Purpose::Server, 0xBEEF));
    server.wait_for_log("new certificates are in use");
    let said = s_client(address, &["-showcerts"]);
    let serial = |said: &str| {
        let file = home.path().join("shown.pem");
        std::fs::write(&file, said).unwrap();
        let file = file.display().to_string();
        let shown = Command::new("openssl").args(["x509", "-in", &file, "-noout", "-serial"]).output();
        String::from_utf8(shown.unwrap().stdout).unwrap()
    };
    assert_eq!(serial(&said), "serial=BEEF\n");

    home.write("server.pem", "this is no certificate");
    let warning = server.wait_for_log("changed certificates cannot be used");
    assert!(warning.contains("expected a certificate in") && warning.contains("found none"), "{warning}");
    assert_eq!(serial(&s_client(address, &["-showcerts"])), "serial=BEEF\n");

    let said = paho(address, &["5", "tcp", "--ca", &ca]);
    assert_eq!(said.stdout, ALL_WELL, "{}", said.stderr);
    exchange(&mut to_broker, &mut from_broker, b"\xc0\x00", b"\xd0\x00");
    staying.kill().unwrap();
    staying.wait().unwrap();
}

/// Sends a packet, and reads its answer.
fn exchange(to: &mut ChildStdin, from: &mut ChildStdout, packet: &[u8], expected: &[u8]) {
    to.write_all(packet).unwrap();
    to.flush().unwrap();
    let mut answer = vec![0; expected.len()];
    from.read_exact(&mut answer).unwrap();
    assert_eq!(answer, expected);
}

#[test]
fn certificates_that_cannot_be_used_are_told_at_the_start() {
    let (home, authority) = home_with(SECURE);
    authority.sign(&home, "other", (Purpose::Server, 2));
    let key = std::fs::read_to_string(home.path().join("other.key")).unwrap();
    let good = std::fs::read_to_string(home.path().join("server.key")).unwrap();
    for (text, message) in [
        (&*key, "found another key"),
        ("nothing", "expected a private key in"),
        (&good.replace("-----END", "-----DNE"), "expected a private key in"),
    ] {
        home.write("server.key", text);
        for command in ["check", "serve"] {
            let said = if command == "check" { home.run(&["config", "check"]) } else { home.run(&["serve"]) };
            assert_eq!(said.code, Some(2), "{}", said.stderr);
            assert!(said.stderr.contains("`[listeners.secure.tls]`: "), "{}", said.stderr);
            assert!(said.stderr.contains(message), "{}", said.stderr);
        }
    }
    std::fs::remove_file(home.path().join("server.key")).unwrap();
    let said = home.run(&["config", "check"]);
    assert!(said.stderr.contains("cannot be read") && said.stderr.contains("`key_file`"), "{}", said.stderr);
}
