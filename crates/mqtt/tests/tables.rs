//! The tables of the crate against tables 2-4 and 2-6 of the standard, and what the builder makes of them.

use std::num::{NonZeroU16, NonZeroU32};

use mqtt::{
    ConnectReturnCode, EncodeError, PacketType, Properties, PropertyId, PropertyType, PropertyValue, ReasonCode,
    Version,
};

#[test]
fn reason_codes_have_the_numbers_and_names_of_the_standard() {
    let expected = "00 success, 01 granted_qos1, 02 granted_qos2, 04 disconnect_with_will_message, \
        10 no_matching_subscribers, 11 no_subscription_existed, 18 continue_authentication, 19 re_authenticate, \
        80 unspecified_error, 81 malformed_packet, 82 protocol_error, 83 implementation_specific_error, \
        84 unacceptable_protocol_version, 85 client_identifier_not_valid, 86 bad_username_or_password, \
        87 not_authorized, 88 server_unavailable, 89 server_busy, 8A banned, 8B server_shutting_down, \
        8C bad_authentication_method, 8D keepalive_timeout, 8E session_taken_over, 8F topic_filter_invalid, \
        90 topic_name_invalid, 91 packet_identifier_inuse, 92 packet_identifier_not_found, \
        93 receive_maximum_exceeded, 94 topic_alias_invalid, 95 packet_too_large, 96 message_rate_too_high, \
        97 quota_exceeded, 98 administrative_action, 99 payload_format_invalid, 9A retain_not_supported, \
        9B qos_not_supported, 9C use_another_server, 9D server_moved, 9E shared_subscriptions_not_supported, \
        9F connection_rate_exceeded, A0 maximum_connect_time, A1 subscription_identifiers_not_supported, \
        A2 wildcard_subscriptions_not_supported";
    let found: Vec<String> = ReasonCode::ALL.iter().map(|code| format!("{:02X} {code}", code.code())).collect();
    assert_eq!(found.join(", "), expected);
    for code in ReasonCode::ALL {
        assert_eq!(ReasonCode::try_from(code.code()), Ok(*code));
        assert_eq!(ReasonCode::from_name(code.name()), Some(*code));
    }
    assert_eq!(ReasonCode::try_from(0x9F + 0x10), Err(0xAF));
    assert_eq!(ReasonCode::from_name("normal"), None);
}

#[test]
fn reason_codes_stand_in_the_packets_of_the_standard() {
    for (packet, expected) in [
        (PacketType::Connack, "00 80 81 82 83 84 85 86 87 88 89 8A 8C 90 95 97 99 9A 9B 9C 9D 9F"),
        (PacketType::Puback, "00 10 80 83 87 90 91 97 99"),
        (PacketType::Pubrec, "00 10 80 83 87 90 91 97 99"),
        (PacketType::Pubrel, "00 92"),
        (PacketType::Pubcomp, "00 92"),
        (PacketType::Suback, "00 01 02 80 83 87 8F 91 97 9E A1 A2"),
        (PacketType::Unsuback, "00 11 80 83 87 8F 91"),
        (
            PacketType::Disconnect,
            "00 04 80 81 82 83 87 89 8B 8C 8D 8E 8F 90 93 94 95 96 97 98 99 9A 9B 9C 9D 9E 9F A0 A1 A2",
        ),
        (PacketType::Auth, "00 18 19"),
        (PacketType::Publish, ""),
    ] {
        let allowed = ReasonCode::ALL.iter().filter(|code| code.is_allowed_in(packet));
        let found: Vec<String> = allowed.map(|code| format!("{:02X}", code.code())).collect();
        assert_eq!(found.join(" "), expected, "{packet}");
    }
}

#[test]
fn properties_have_the_numbers_names_and_types_of_the_standard() {
    let expected = "01 Payload-Format-Indicator Boolean, 02 Message-Expiry-Interval FourByteInteger, \
        03 Content-Type Utf8String, 08 Response-Topic Utf8String, 09 Correlation-Data BinaryData, \
        0B Subscription-Identifier VariableByteInteger, 11 Session-Expiry-Interval FourByteInteger, \
        12 Assigned-Client-Identifier Utf8String, 13 Server-Keep-Alive TwoByteInteger, \
        15 Authentication-Method Utf8String, 16 Authentication-Data BinaryData, \
        17 Request-Problem-Information Boolean, 18 Will-Delay-Interval FourByteInteger, \
        19 Request-Response-Information Boolean, 1A Response-Information Utf8String, 1C Server-Reference Utf8String, \
        1F Reason-String Utf8String, 21 Receive-Maximum TwoByteInteger, 22 Topic-Alias-Maximum TwoByteInteger, \
        23 Topic-Alias TwoByteInteger, 24 Maximum-QoS Boolean, 25 Retain-Available Boolean, \
        26 User-Property Utf8StringPair, 27 Maximum-Packet-Size FourByteInteger, \
        28 Wildcard-Subscription-Available Boolean, 29 Subscription-Identifier-Available Boolean, \
        2A Shared-Subscription-Available Boolean";
    let row = |id: &PropertyId| format!("{:02X} {id} {:?}", id.number(), id.value_type());
    let found: Vec<String> = PropertyId::ALL.iter().map(row).collect();
    assert_eq!(found.join(", "), expected);
    for id in PropertyId::ALL {
        assert_eq!(PropertyId::try_from(id.number()), Ok(*id));
        assert_eq!(PropertyId::from_name(id.name()), Some(*id));
    }
}

#[test]
fn return_codes_have_their_names() {
    let found: Vec<String> = ConnectReturnCode::ALL.iter().map(|code| format!("{} {code}", code.code())).collect();
    assert_eq!(
        found.join(", "),
        "0 connection_accepted, 1 unacceptable_protocol_version, 2 client_identifier_not_valid, 3 server_unavailable, \
         4 malformed_username_or_password, 5 unauthorized_client"
    );
    assert_eq!(ConnectReturnCode::try_from(6), Err(6));
}

/// Every accessor gives what its setter took.
#[test]
fn what_is_set_is_there() {
    let two = NonZeroU16::new(2).unwrap();
    let built = Properties::builder()
        .payload_format_indicator(true)
        .message_expiry_interval_s(0)
        .session_expiry_interval_s(u32::MAX)
        .server_keep_alive_s(30)
        .request_problem_information(false)
        .will_delay_interval_s(5)
        .request_response_information(true)
        .receive_maximum(two)
        .topic_alias_maximum(9)
        .topic_alias(two)
        .maximum_qos(true)
        .retain_available(false)
        .maximum_packet_size_bytes(NonZeroU32::new(100).unwrap())
        .wildcard_subscription_available(true)
        .subscription_identifier_available(false)
        .shared_subscription_available(true);
    let texts = built.content_type("json").and_then(|all| all.response_topic("r/t")).and_then(|all| {
        all.assigned_client_identifier("auto")?
            .authentication_method("m")?
            .response_information("i")?
            .server_reference("s")
    });
    let all = texts
        .and_then(|all| all.reason_string("why")?.correlation_data(&[0, 1])?.authentication_data(&[2]))
        .and_then(|all| all.user_property("a", "1")?.user_property("a", "2")?.subscription_identifier(7))
        .and_then(|all| all.subscription_identifier(268_435_455))
        .unwrap()
        .build();
    assert_eq!(all.payload_format_indicator(), Some(true));
    assert_eq!(all.message_expiry_interval_s(), Some(0), "zero is not absence");
    assert_eq!(all.session_expiry_interval_s(), Some(u32::MAX));
    assert_eq!(all.server_keep_alive_s(), Some(30));
    assert_eq!(all.request_problem_information(), Some(false));
    assert_eq!(all.will_delay_interval_s(), Some(5));
    assert_eq!(all.request_response_information(), Some(true));
    assert_eq!(all.receive_maximum(), Some(two));
    assert_eq!(all.topic_alias_maximum(), Some(9));
    assert_eq!(all.topic_alias(), Some(two));
    assert_eq!(all.maximum_qos(), Some(1));
    assert_eq!(all.retain_available(), Some(false));
    assert_eq!(all.maximum_packet_size_bytes(), Some(100));
    assert_eq!(all.wildcard_subscription_available(), Some(true));
    assert_eq!(all.subscription_identifier_available(), Some(false));
    assert_eq!(all.shared_subscription_available(), Some(true));
    assert_eq!((all.content_type(), all.response_topic()), (Some("json"), Some("r/t")));
    assert_eq!((all.assigned_client_identifier(), all.authentication_method()), (Some("auto"), Some("m")));
    assert_eq!((all.response_information(), all.server_reference()), (Some("i"), Some("s")));
    assert_eq!(all.reason_string(), Some("why"));
    assert_eq!((all.correlation_data(), all.authentication_data()), (Some(&[0, 1][..]), Some(&[2][..])));
    assert_eq!(all.user_properties().collect::<Vec<_>>(), [("a", "1"), ("a", "2")]);
    assert_eq!(all.subscription_identifiers().collect::<Vec<_>>(), [7, 268_435_455]);
    assert_eq!(all.iter().count(), PropertyId::ALL.len() + 2, "every property is set, two of them twice");
    let none = Properties::new();
    assert!(none.is_empty() && PropertyId::ALL.iter().all(|id| none.get(*id).is_none()));
    assert_eq!(none.user_properties().count() + none.subscription_identifiers().count(), 0);
}

#[test]
fn a_second_value_replaces_the_first() {
    let once = Properties::builder().topic_alias_maximum(1).session_expiry_interval_s(2).topic_alias_maximum(3).build();
    assert_eq!(once.topic_alias_maximum(), Some(3));
    assert_eq!(once.iter().count(), 2);
}

#[test]
fn forwarding_without_a_change_shares_the_block() {
    let plain = Properties::builder().user_property("k", "v").unwrap().build();
    assert_eq!(plain.for_forwarding().as_bytes().as_ptr(), plain.as_bytes().as_ptr());
    let aliased = plain.to_builder().topic_alias(NonZeroU16::MIN).build();
    assert_eq!(aliased.for_forwarding(), plain);
}

#[test]
fn the_builder_refuses_what_the_standard_forbids() {
    let long = "x".repeat(65_536);
    for (id, value) in [
        (PropertyId::TopicAlias, PropertyValue::TwoByteInteger(0)),
        (PropertyId::ReceiveMaximum, PropertyValue::TwoByteInteger(0)),
        (PropertyId::MaximumPacketSize, PropertyValue::FourByteInteger(0)),
        (PropertyId::SubscriptionIdentifier, PropertyValue::VariableByteInteger(0)),
        (PropertyId::SubscriptionIdentifier, PropertyValue::VariableByteInteger(268_435_456)),
        (PropertyId::MaximumQos, PropertyValue::Byte(2)),
        (PropertyId::ReasonString, PropertyValue::Utf8String("a\0")),
        (PropertyId::UserProperty, PropertyValue::Utf8StringPair("a\0", "b")),
        (PropertyId::UserProperty, PropertyValue::Utf8StringPair("a", "b\0")),
        (PropertyId::UserProperty, PropertyValue::Utf8String("a")),
        (PropertyId::ContentType, PropertyValue::Byte(1)),
    ] {
        assert_eq!(Properties::builder().set(id, value).unwrap_err(), EncodeError::PropertyValue(id), "{value:?}");
    }
    let error = Properties::builder().reason_string(&long).unwrap_err();
    assert_eq!(error, EncodeError::TooLong { field: "Reason-String", found: 65_536 });
    assert_eq!(error.to_string(), "`Reason-String`: expected at most 65535 bytes, found 65536");
    let error = Properties::builder().correlation_data(long.as_bytes()).unwrap_err();
    assert_eq!(error, EncodeError::TooLong { field: "Correlation-Data", found: 65_536 });
}

#[test]
fn every_type_is_used_and_versions_have_their_order() {
    for wanted in [PropertyType::Boolean, PropertyType::VariableByteInteger, PropertyType::Utf8StringPair] {
        assert!(PropertyId::ALL.iter().any(|id| id.value_type() == wanted), "{wanted:?}");
    }
    assert!(Version::V31 < Version::V311 && Version::V311 < Version::V5);
    assert_eq!([Version::V31, Version::V311, Version::V5].map(Version::level), [3, 4, 5]);
}
