//! What is no client of MQTT: it is refused with the right reason, told as an event, and disturbs nobody.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::support::PATIENCE;
use crate::support::client::{Subscriber, Version, connect};
use crate::support::server::Home;

const REFUSED_RULE: &str = r#"/*---
[[actions]]
republish = { topic = "refused" }
---*/
SELECT reason, stage, detail, repeated FROM "$events/client_disconnected" WHERE stage <> 'session'
"#;

/// Sends bytes and waits until the broker has closed the connection.
fn send(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // A reset is as good an end as a close.
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "the broker keeps the connection open");
    }
}

#[tokio::test]
async fn what_is_not_mqtt_is_refused_with_its_reason() {
    let home = Home::new().with_rule("refused", REFUSED_RULE);
    let server = home.serve();
    let mut sub = Subscriber::start(&server, "sub", "refused").await;
    let cases: [(&[u8], &str); 6] = [
        (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", "not_mqtt"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "not_mqtt"),
        (b"\x10\xff\xff\xff\x7f", "packet_too_large"),
        (b"\x10\xff\xff\xff\xff\xff", "malformed_packet"),
        (b"\xc0\x00", "ping_without_connect"),
        (b"\x10\x0c\x00\x04MQTT\x09\x02\x00\x3c\x00\x00", "unacceptable_protocol_version"),
    ];
    for (bytes, reason) in cases {
        send(server.mqtt, bytes);
        let event = sub.next().await.json();
        assert_eq!(event["reason"], reason, "{event}");
    }
    connect(Version::V5, server.mqtt, "pump", None).await.unwrap();
}

#[tokio::test]
async fn a_thousand_strangers_are_told_in_few_events_and_a_client_still_connects() {
    const STRANGERS: u64 = 1000;
    let home = Home::new().with_rule("refused", REFUSED_RULE);
    let server = home.serve();
    let mut sub = Subscriber::start(&server, "sub", "refused").await;
    let address = server.mqtt;
    let strangers = tokio::task::spawn_blocking(move || {
        for _ in 0..STRANGERS {
            send(address, b"GET / HTTP/1.1\r\n\r\n");
        }
    });
    while !strangers.is_finished() {
        connect(Version::V5, server.mqtt, "pump", None).await.unwrap();
    }
    strangers.await.unwrap();
    let (mut told, mut events_count) = (0, 0);
    while told < STRANGERS {
        told += sub.next().await.json()["repeated"].as_u64().unwrap();
        events_count += 1;
    }
    assert_eq!(told, STRANGERS);
    assert!(events_count < STRANGERS, "every stranger was told by itself");
}
