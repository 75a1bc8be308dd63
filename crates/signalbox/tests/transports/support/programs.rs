//! Clients of other makes: paho-mqtt, the programs of Mosquitto, OpenSSL.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use super::server::Finished;

/// A Python that has paho-mqtt: that of the system, for which Debian has a package, or the first one in the path.
fn python() -> &'static str {
    let has_paho = |python: &&str| {
        let found = Command::new(python).args(["-c", "import paho.mqtt.client"]).stderr(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    };
    let python = ["/usr/bin/python3", "python3"].into_iter().find(has_paho);
    python.expect("the tests need paho-mqtt for Python: apt-get install python3-paho-mqtt")
}

/// Runs `transport_client.py`, which connects, subscribes, and sends itself messages of many sizes.
pub(crate) fn paho(address: SocketAddr, arguments: &[&str]) -> Finished {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transports/transport_client.py");
    let port = address.port().to_string();
    let host = if address.is_ipv6() { "::1" } else { "127.0.0.1" };
    Finished::of(Command::new(python()).args([script, host, &port]).args(arguments).output().unwrap())
}

/// What `transport_client.py` says when all went well.
pub(crate) const ALL_WELL: &str = "connack 0\nsuback\nechoed 0 1 125 126 1000 65535 65536 300000\nclosed 0\n";

/// Publishes with `mosquitto_pub`.
pub(crate) fn mosquitto_pub(arguments: &[&str]) -> Finished {
    let output = Command::new("mosquitto_pub").args(arguments).args(["-t", "t", "-m", "m", "-q", "1"]).output();
    Finished::of(output.expect("the tests need mosquitto_pub: apt-get install mosquitto-clients"))
}

/// Shakes hands with `openssl s_client` and prints what it has seen.
pub(crate) fn s_client(address: SocketAddr, arguments: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &format!("127.0.0.1:{}", address.port())]).args(arguments);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("the tests need openssl: apt-get install openssl");
    // `Q` ends it once the handshake is done.
    drop(child.stdin.take().unwrap().write_all(b"Q\n"));
    let output = child.wait_with_output().unwrap();
    [output.stdout, output.stderr].iter().map(|said| String::from_utf8_lossy(said)).collect()
}
