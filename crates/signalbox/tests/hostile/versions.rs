//! CONNECT with a protocol name or level that is not spoken here, and CONNECT that forbids itself.

use serde_json::Value;

use crate::support::attacker::Attacker;
use crate::support::server::Home;
use crate::support::witness::Witness;

/// How a CONNECT is answered and told.
struct Case {
    sent: &'static [u8],
    answer: &'static [u8],
    /// Of `client_connack`; `None` where there is no answer to tell of.
    reason_code: Option<&'static str>,
    reason: &'static str,
    /// A part of the detail.
    detail: &'static str,
}

async fn check(cases: &[Case]) {
    let home = Home::new();
    let server = home.serve();
    let mut witness = Witness::of(&home, &server).await;
    for case in cases {
        let sent = case.sent;
        let mut attacker = Attacker::open_with(server.mqtt, sent).await;
        assert_eq!(attacker.read_to_end().await, case.answer, "{sent:02x?}");
        let ending = witness.ending_of(attacker.address).await;
        assert_eq!(ending["reason"], case.reason, "{sent:02x?}: {ending}");
        assert!(ending["detail"].as_str().unwrap().contains(case.detail), "{sent:02x?}: {ending}");
        let is_its_connack =
            |event: &&Value| event["event"] == "client.connack" && event["conn_id"] == ending["conn_id"];
        let connack = witness.seen.iter().find(is_its_connack);
        assert_eq!(connack.map(|event| event["reason_code"].as_str().unwrap()), case.reason_code, "{sent:02x?}");
        let return_code = case.answer.get(3).map(|code| u64::from(*code));
        assert_eq!(connack.and_then(|event| event["return_code"].as_u64()), return_code, "{sent:02x?}");
    }
    let refused = u64::try_from(cases.iter().filter(|case| case.reason_code.is_some()).count()).unwrap();
    assert_eq!(witness.metric("signalbox_connects_refused_total").await, refused);
    witness.wait_for_metric("signalbox_connections", 0).await;
}

#[tokio::test]
async fn another_protocol_name_gets_no_answer() {
    let case =
        |sent, detail| Case { sent, answer: b"", reason_code: None, reason: "unacceptable_protocol_version", detail };
    // [MQTT-3.1.2-1]
    check(&[
        case(b"\x10\x0c\x00\x04AMQP\x04\x02\x00\x00\x00\x00", "expected `MQTT` or `MQIsdp`, found `AMQP`"),
        case(b"\x10\x0c\x00\x04mqtt\x04\x02\x00\x00\x00\x00", "found `mqtt`"),
        case(b"\x10\x0d\x00\x05MQTT \x04\x02\x00\x00\x00\x00", "found `MQTT `"),
        case(b"\x10\x0c\x00\x04M\x1b[2\x04\x02\x00\x00\x00\x00", "found `M\\u{1b}[2`"),
        case(b"\x10\x08\x00\x00\x04\x02\x00\x00\x00\x00", "found ``"),
    ])
    .await;
}

#[tokio::test]
async fn an_unknown_level_is_answered_in_a_shape_that_its_client_can_read() {
    let case = |sent, answer, detail| Case {
        sent,
        answer,
        reason_code: Some("unacceptable_protocol_version"),
        reason: "unacceptable_protocol_version",
        detail,
    };
    let before_v5 = b"\x20\x02\x00\x01";
    let since_v5 = b"\x20\x03\x00\x84\x00";
    // [MQTT-3.1.2-2]: return code 1 in the shape of MQTT 3 for levels below 5, reason code 0x84 in that of 5 above.
    check(&[
        case(b"\x10\x0d\x00\x04MQTT\x00\x02\x00\x00\x00\x01a", before_v5, "found level 0"),
        case(b"\x10\x0d\x00\x04MQTT\x03\x02\x00\x00\x00\x01a", before_v5, "found level 3"),
        case(b"\x10\x0f\x00\x06MQIsdp\x04\x02\x00\x00\x00\x01a", before_v5, "found level 4"),
        case(b"\x10\x0f\x00\x06MQIsdp\x02\x02\x00\x00\x00\x01a", before_v5, "found level 2"),
        case(b"\x10\x0e\x00\x04MQTT\x06\x02\x00\x00\x00\x00\x01a", since_v5, "found level 6"),
        case(b"\x10\x0e\x00\x04MQTT\x7f\x02\x00\x00\x00\x00\x01a", since_v5, "found level 127"),
    ])
    .await;
}

#[tokio::test]
async fn a_connect_that_forbids_itself_is_answered_where_its_version_has_a_code() {
    check(&[
        // The reserved flag [MQTT-3.1.2-3]: MQTT 3.1.1 has no return code for it.
        Case {
            sent: b"\x10\x0d\x00\x04MQTT\x04\x03\x00\x00\x00\x01a",
            answer: b"",
            reason_code: None,
            reason: "malformed_packet",
            detail: "CONNECT",
        },
        Case {
            sent: b"\x10\x0e\x00\x04MQTT\x05\x03\x00\x00\x00\x00\x01a",
            answer: b"\x20\x03\x00\x81\x00",
            reason_code: Some("malformed_packet"),
            reason: "malformed_packet",
            detail: "CONNECT",
        },
        // A password without a user name [MQTT-3.1.2-22].
        Case {
            sent: b"\x10\x10\x00\x04MQTT\x04\x42\x00\x00\x00\x01a\x00\x01x",
            answer: b"\x20\x02\x00\x04",
            reason_code: Some("malformed_username_or_password"),
            reason: "protocol_error",
            detail: "expected a user name beside the password",
        },
        // A property that stands twice [MQTT-3.1.2-11].
        Case {
            sent: b"\x10\x18\x00\x04MQTT\x05\x02\x00\x00\x0a\x11\x00\x00\x00\x01\x11\x00\x00\x00\x01\x00\x01a",
            answer: b"\x20\x03\x00\x82\x00",
            reason_code: Some("protocol_error"),
            reason: "protocol_error",
            detail: "found it twice",
        },
        // A user name that is not UTF-8 [MQTT-3.1.3-11].
        Case {
            sent: b"\x10\x11\x00\x04MQTT\x05\x82\x00\x00\x00\x00\x01a\x00\x01\xff",
            answer: b"\x20\x03\x00\x81\x00",
            reason_code: Some("malformed_packet"),
            reason: "malformed_packet",
            detail: "expected UTF-8",
        },
        // No identifier and a session that is to be kept [MQTT-3.1.3-8].
        Case {
            sent: b"\x10\x0c\x00\x04MQTT\x04\x00\x00\x00\x00\x00",
            answer: b"\x20\x02\x00\x02",
            reason_code: Some("client_identifier_not_valid"),
            reason: "client_id_required",
            detail: "expected a client identifier for a session that is kept",
        },
    ])
    .await;
}
