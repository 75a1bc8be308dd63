//! A client of another make that does everything right: paho-mqtt, in Python, whose facts `paho_client.py` prints.

use std::process::{Command, Stdio};

use crate::support::server::Home;

/// What `paho_client.py` sees. `{REFUSED}` is the code for a wrong password.
const FACTS: &str = "\
connack 0
suback 2
suback 1
connack 0
message up/0 payload-0 qos=0 retain=0
message up/1 payload-1 qos=1 retain=0
message up/2 payload-2 qos=2 retain=0
large message is whole True
message kept/a second qos=1 retain=1
message kept/a third qos=1 retain=0
message kept/a  qos=1 retain=0
message up/after nothing was retained any more qos=0 retain=0
message up/after nothing was retained any more qos=1 retain=0
message will/pump gone qos=1 retain=0
message will/late no will came before this qos=1 retain=0
connack {REFUSED}
";

/// A Python that has paho-mqtt: that of the system, for which Debian has a package, or the first one in the path.
fn python() -> &'static str {
    let has_paho = |python: &&str| {
        let found = Command::new(python).args(["-c", "import paho.mqtt.client"]).stderr(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    };
    let python = ["/usr/bin/python3", "python3"].into_iter().find(has_paho);
    python.expect("the tests need paho-mqtt for Python: apt-get install python3-paho-mqtt")
}

/// Runs `paho_client.py` and compares what it prints.
fn check(version: &str, refused: &str) {
    let home = Home::new();
    let added = home.run_with_input(&["users", "add", "pump", "--password-stdin"], "secret\n");
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    let server = home.serve();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hostile/paho_client.py");
    let (host, port) = (server.mqtt.ip().to_string(), server.mqtt.port().to_string());
    let output = Command::new(python()).args([script, &host, &port, version, "secret"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, FACTS.replace("{REFUSED}", refused), "{complained}");
    assert!(output.status.success(), "{complained}");
}

// proves 3.1.1: [MQTT-7.0.0-2]
#[test]
fn a_client_of_another_make_is_served_in_mqtt_31() {
    check("3.1", "5");
}

#[test]
fn a_client_of_another_make_is_served_in_mqtt_311() {
    check("3.1.1", "5");
}

#[test]
fn a_client_of_another_make_is_served_in_mqtt_5() {
    check("5", "134");
}
