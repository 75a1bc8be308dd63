//! Unix sockets and IPv6.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::programs::{ALL_WELL, mosquitto_pub, paho};
use crate::support::server::Home;
use crate::support::witness::Witness;

#[tokio::test]
async fn a_unix_socket_serves_clients_of_this_machine_and_survives_a_kill() {
    let config = "[listeners.local]\nkind = 'unix'\n[listeners.local.unix]\npath = 'mqtt.sock'\nmode = '600'\n";
    let home = Home::new().with_config(config);
    let path = home.path().join("mqtt.sock");
    // What the first one leaves behind is replaced by the second one.
    let first = home.serve();
    first.signal("KILL");
    first.wait();
    assert!(path.exists());
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let said = mosquitto_pub(&["--unix", &path.display().to_string()]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let ending = witness.ending_of("127.0.0.1:0".parse().unwrap()).await;
    assert_eq!((&ending["listener"], &ending["reason"]), (&"local".into(), &"normal".into()), "{ending}");
    let second = home.run(&["serve", "--data", "elsewhere", "--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    assert_eq!(second.code, Some(2));
    assert!(second.stderr.contains("another process listens there"), "{}", second.stderr);
    server.signal("TERM");
    assert!(server.wait().0.success());
    assert!(!path.exists());
}

#[tokio::test]
async fn a_listener_for_all_addresses_takes_ipv4_and_ipv6() {
    let home = Home::new().with_config("[listeners.both]\nbind = '[::]:0'\n[listeners.six]\nbind = '[::1]:0'\n");
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    let port = server.listener("both").port();
    for (address, host) in [
        (format!("127.0.0.1:{port}"), "127.0.0.1:"),
        (format!("[::1]:{port}"), "[::1]:"),
        (server.listener("six").to_string(), "[::1]:"),
    ] {
        let said = paho(address.parse().unwrap(), &["5", "tcp"]);
        assert_eq!(said.stdout, ALL_WELL, "{}", said.stderr);
        witness.wait_until("nothing tells of the end", |event| event["event"] == "client.disconnected").await;
        let peername = witness.seen.last().unwrap()["peername"].as_str().unwrap().to_owned();
        assert!(peername.starts_with(host), "{peername}");
    }
}
