//! Every reason that an event can give, one row each: name, number on the wire, meaning, remedy.
//!
//! The sets are closed. A reason that is not in its table cannot be emitted, and a reason in a table that no script
//! makes happen fails a test.

use crate::column::Column;
use crate::{Type, Value};

/// A reason as people read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonRow {
    /// The name in events, rules and the history.
    pub name: &'static str,
    /// What has happened.
    pub meaning: &'static str,
    /// What to do about it; empty where nothing needs doing.
    pub remedy: &'static str,
}

macro_rules! reasons {
    ($(#[$attribute:meta])* $type:ident { $($variant:ident = $name:literal: $meaning:literal, $remedy:literal;)* }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $type { $(#[doc = $meaning] $variant,)* }

        impl $type {
            /// Every row of the table, in order.
            pub const ALL: &'static [$type] = &[$($type::$variant,)*];

            /// The row of this reason.
            pub const fn row(self) -> ReasonRow {
                match self {
                    $($type::$variant => ReasonRow { name: $name, meaning: $meaning, remedy: $remedy },)*
                }
            }

            /// The name in events, rules and the history.
            pub const fn name(self) -> &'static str {
                self.row().name
            }
        }

        impl Column for $type {
            const TYPE: Type = Type::Text;
            fn to_value(&self) -> Value {
                Value::from_static(self.name())
            }
        }
    };
}

reasons! {
    /// How a CONNECT was answered. MQTT 5 names first, then the three that only MQTT 3.1 and 3.1.1 have.
    ConnackReason {
        Success = "success": "the connection was accepted", "";
        UnspecifiedError = "unspecified_error": "the broker does not tell why it refused", "`detail` has the reason; `tell_refusals` of the listener tells it to the client too";
        MalformedPacket = "malformed_packet": "the CONNECT packet could not be decoded", "update or fix the MQTT library of the client; `detail` names the field";
        ProtocolError = "protocol_error": "the CONNECT packet breaks a rule of MQTT", "fix the client; `detail` names the rule";
        ImplementationSpecificError = "implementation_specific_error": "the CONNECT packet is valid but this broker does not take it", "`detail` names what is not taken, such as a will that is not the UTF-8 it says it is";
        UnacceptableProtocolVersion = "unacceptable_protocol_version": "the broker does not speak the MQTT version the client asked for", "use MQTT 3.1, 3.1.1 or 5";
        ClientIdentifierNotValid = "client_identifier_not_valid": "the client identifier is well-formed but not allowed here", "`detail` says what is wrong with it: its length, its pattern, or that it is empty for a session that is to be kept";
        BadUsernameOrPassword = "bad_username_or_password": "the user is unknown or the password is wrong", "check the user name and password of the client; `signalbox users list` shows who is known";
        NotAuthorized = "not_authorized": "the client may not connect", "give a user name and password, or allow anonymous clients for this listener in `[auth]`";
        ServerUnavailable = "server_unavailable": "the broker cannot serve the client at the moment", "let the client try again later; the broker's log says what is missing";
        ServerBusy = "server_busy": "the broker has too much to do at the moment", "let the client try again with a growing delay; `detail` says what is short, and `memory_max_mib` is the limit of memory";
        Banned = "banned": "the client is banned", "`signalbox bans list` shows by whom and why; `signalbox bans remove` lifts it";
        BadAuthenticationMethod = "bad_authentication_method": "the authentication method is not one the broker knows", "use a user name and password";
        TopicNameInvalid = "topic_name_invalid": "the topic of the will is not one this client may name", "fix the will topic of the client";
        PacketTooLarge = "packet_too_large": "the CONNECT packet is larger than the broker takes", "send a smaller will, or raise `connect_bytes_max` of the listener";
        QuotaExceeded = "quota_exceeded": "the listener holds as many connections as it may", "raise `max_connections` of the listener, or find out who holds them";
        RetainNotSupported = "retain_not_supported": "the will asks to be retained and the listener does not retain", "clear the retain flag of the will, or set `retain_available`";
        QosNotSupported = "qos_not_supported": "the QoS of the will is higher than the listener offers", "lower the QoS of the will, or raise `max_qos`";
        UseAnotherServer = "use_another_server": "the client is to use another server for now", "let the client follow the server reference";
        ServerMoved = "server_moved": "the client is to use another server from now on", "change the address in the client";
        ConnectionRateExceeded = "connection_rate_exceeded": "too many connections in too short a time", "let clients wait longer between attempts, or raise `connect_rate_max` of the listener, of `[limits.client]` or of `[limits.address]`; `detail` says which";
        ConnectionAccepted = "connection_accepted": "the connection was accepted (MQTT 3.1 and 3.1.1)", "";
        MalformedUsernameOrPassword = "malformed_username_or_password": "the user name or password is not well-formed (MQTT 3.1 and 3.1.1)", "send both as MQTT wants them: UTF-8 user name, and no password without a user name";
        UnauthorizedClient = "unauthorized_client": "the client may not connect, or its user name or password is wrong (MQTT 3.1 and 3.1.1)", "check user name and password of the client; `signalbox users list` shows who is known";
    }
}

impl ConnackReason {
    /// The reason code in an MQTT 5 CONNACK; `None` for the names that only earlier versions have.
    pub const fn v5_code(self) -> Option<u8> {
        Some(match self {
            ConnackReason::Success => 0x00,
            ConnackReason::UnspecifiedError => 0x80,
            ConnackReason::MalformedPacket => 0x81,
            ConnackReason::ProtocolError => 0x82,
            ConnackReason::ImplementationSpecificError => 0x83,
            ConnackReason::UnacceptableProtocolVersion => 0x84,
            ConnackReason::ClientIdentifierNotValid => 0x85,
            ConnackReason::BadUsernameOrPassword => 0x86,
            ConnackReason::NotAuthorized => 0x87,
            ConnackReason::ServerUnavailable => 0x88,
            ConnackReason::ServerBusy => 0x89,
            ConnackReason::Banned => 0x8A,
            ConnackReason::BadAuthenticationMethod => 0x8C,
            ConnackReason::TopicNameInvalid => 0x90,
            ConnackReason::PacketTooLarge => 0x95,
            ConnackReason::QuotaExceeded => 0x97,
            ConnackReason::RetainNotSupported => 0x9A,
            ConnackReason::QosNotSupported => 0x9B,
            ConnackReason::UseAnotherServer => 0x9C,
            ConnackReason::ServerMoved => 0x9D,
            ConnackReason::ConnectionRateExceeded => 0x9F,
            ConnackReason::ConnectionAccepted
            | ConnackReason::MalformedUsernameOrPassword
            | ConnackReason::UnauthorizedClient => return None,
        })
    }

    /// The nearest name that MQTT 5 has.
    pub const fn under_v5(self) -> ConnackReason {
        match self {
            ConnackReason::ConnectionAccepted => ConnackReason::Success,
            ConnackReason::MalformedUsernameOrPassword => ConnackReason::BadUsernameOrPassword,
            ConnackReason::UnauthorizedClient => ConnackReason::NotAuthorized,
            ConnackReason::Success
            | ConnackReason::UnspecifiedError
            | ConnackReason::MalformedPacket
            | ConnackReason::ProtocolError
            | ConnackReason::ImplementationSpecificError
            | ConnackReason::UnacceptableProtocolVersion
            | ConnackReason::ClientIdentifierNotValid
            | ConnackReason::BadUsernameOrPassword
            | ConnackReason::NotAuthorized
            | ConnackReason::ServerUnavailable
            | ConnackReason::ServerBusy
            | ConnackReason::Banned
            | ConnackReason::BadAuthenticationMethod
            | ConnackReason::TopicNameInvalid
            | ConnackReason::PacketTooLarge
            | ConnackReason::QuotaExceeded
            | ConnackReason::RetainNotSupported
            | ConnackReason::QosNotSupported
            | ConnackReason::UseAnotherServer
            | ConnackReason::ServerMoved
            | ConnackReason::ConnectionRateExceeded => self,
        }
    }

    /// What an MQTT 3.1 or 3.1.1 client is told instead, and is reported as; `None` where those versions have no code
    /// and the connection is closed without a CONNACK.
    pub const fn before_v5(self) -> Option<ConnackReason> {
        Some(match self {
            ConnackReason::Success | ConnackReason::ConnectionAccepted => ConnackReason::ConnectionAccepted,
            ConnackReason::UnacceptableProtocolVersion => ConnackReason::UnacceptableProtocolVersion,
            ConnackReason::ClientIdentifierNotValid => ConnackReason::ClientIdentifierNotValid,
            ConnackReason::ServerUnavailable
            | ConnackReason::ServerBusy
            | ConnackReason::QuotaExceeded
            | ConnackReason::UseAnotherServer
            | ConnackReason::ServerMoved
            | ConnackReason::ConnectionRateExceeded => ConnackReason::ServerUnavailable,
            ConnackReason::MalformedUsernameOrPassword => ConnackReason::MalformedUsernameOrPassword,
            ConnackReason::BadUsernameOrPassword
            | ConnackReason::NotAuthorized
            | ConnackReason::Banned
            | ConnackReason::BadAuthenticationMethod
            | ConnackReason::TopicNameInvalid
            | ConnackReason::RetainNotSupported
            | ConnackReason::QosNotSupported
            | ConnackReason::UnauthorizedClient => ConnackReason::UnauthorizedClient,
            ConnackReason::UnspecifiedError
            | ConnackReason::MalformedPacket
            | ConnackReason::ProtocolError
            | ConnackReason::ImplementationSpecificError
            | ConnackReason::PacketTooLarge => return None,
        })
    }

    /// The return code of MQTT 3.1 and 3.1.1 [MQTT-3.1.1 table 3.1]; `None` for names that only MQTT 5 has.
    pub const fn v3_code(self) -> Option<u8> {
        Some(match self {
            ConnackReason::ConnectionAccepted => 0,
            ConnackReason::UnacceptableProtocolVersion => 1,
            ConnackReason::ClientIdentifierNotValid => 2,
            ConnackReason::ServerUnavailable => 3,
            ConnackReason::MalformedUsernameOrPassword => 4,
            ConnackReason::UnauthorizedClient => 5,
            ConnackReason::Success
            | ConnackReason::UnspecifiedError
            | ConnackReason::MalformedPacket
            | ConnackReason::ProtocolError
            | ConnackReason::ImplementationSpecificError
            | ConnackReason::BadUsernameOrPassword
            | ConnackReason::NotAuthorized
            | ConnackReason::ServerBusy
            | ConnackReason::Banned
            | ConnackReason::BadAuthenticationMethod
            | ConnackReason::TopicNameInvalid
            | ConnackReason::PacketTooLarge
            | ConnackReason::QuotaExceeded
            | ConnackReason::RetainNotSupported
            | ConnackReason::QosNotSupported
            | ConnackReason::UseAnotherServer
            | ConnackReason::ServerMoved
            | ConnackReason::ConnectionRateExceeded => return None,
        })
    }

    /// Whether the client was accepted.
    pub const fn is_success(self) -> bool {
        matches!(self, ConnackReason::Success | ConnackReason::ConnectionAccepted)
    }
}

reasons! {
    /// Why a network connection ended.
    DisconnectReason {
        Normal = "normal": "the client said goodbye with DISCONNECT", "";
        DisconnectWithWillMessage = "disconnect_with_will_message": "the client said goodbye and asked for its will to be published", "";
        Takeovered = "takeovered": "another connection with the same client identifier took over", "give every device an identifier of its own; once after a network change it is only the device coming back";
        Banned = "banned": "the client is banned, or was banned while it was connected", "`signalbox bans list` shows by whom and why; `signalbox bans remove` lifts it";
        Kicked = "kicked": "an operator or a program ended the connection", "see who did it in the log";
        KeepaliveTimeout = "keepalive_timeout": "nothing came from the client for one and a half times its keep-alive", "check the network, power saving and load of the device; a longer keep-alive helps on weak networks";
        NotAuthenticated = "not_authenticated": "user name, password or certificate were not accepted", "check the credentials of the client";
        NotAuthorized = "not_authorized": "the client is known but did what it may not do", "give it the permission in the ACL file, or change what it does";
        AuthenticationExpired = "authentication_expired": "the token with which the client came expired", "let the client fetch a new token and connect again before the old one expires";
        TcpClosed = "tcp_closed": "the network connection closed without DISCONNECT", "look for network changes, NAT time-outs, power loss or crashes of the device";
        PingWithoutConnect = "ping_without_connect": "the client sent PINGREQ before CONNECT", "fix the client: CONNECT comes first";
        TooManyConnection = "too_many_connection": "the listener holds as many connections as it may", "raise `max_connections` of the listener, or find out who holds them";
        GoAway = "go_away": "the broker is shutting down", "nothing: the client connects again when the broker is back";
        ServerRestart = "server_restart": "the broker ended without a stop in order, such as by a kill or a power loss, while the client was connected; told when it was back", "find out what ended the broker: the log of the system tells of crashes, of a lack of memory and of power losses; `disconnected_at` is when the broker is last known to have run";
        ClientIdTooLong = "client_id_too_long": "the client identifier is longer than the broker takes", "use a shorter identifier, or raise `client_id.max_len`";
        ClientIdRequired = "client_id_required": "a session is to be kept but the client identifier is empty", "send a client identifier, or set clean session";
        ClientIdInvalid = "client_id_invalid": "the client identifier has control characters, or does not match `client_id.pattern`", "change the identifier of the client; `detail` shows it";
        BadWillMessage = "bad_will_message": "the will names a topic, QoS or flag that the client may not use", "fix the will of the client; `detail` says what is wrong";
        ServerInternalError = "server_internal_error": "the broker made a mistake", "please report it with the log of that time";
        UnsupportedProtocolVersion = "unacceptable_protocol_version": "the client asked for an MQTT version the broker does not speak", "use MQTT 3.1, 3.1.1 or 5";
        ProtocolError = "protocol_error": "the client broke a rule of MQTT", "fix the client; `detail` names the rule";
        MalformedPacket = "malformed_packet": "a packet could not be decoded", "update or fix the MQTT library of the client; `detail` names the field";
        PacketTooLarge = "packet_too_large": "a packet was larger than the broker takes", "send smaller packets, or raise `packet_bytes_max` of the listener";
        NotMqtt = "not_mqtt": "what came was not MQTT, such as TLS or HTTP on the plain MQTT port", "check the address, port and scheme in the client; `detail` says what it looked like";
        TlsError = "tls_error": "the TLS handshake went wrong, or what came was not TLS", "`detail` says what: an authority that is not trusted, an expired certificate, no version or cipher in common, a client without TLS";
        WebsocketError = "websocket_error": "the WebSocket handshake was refused, or a frame breaks a rule", "check path and subprotocol of the client; `detail` says what is wrong";
        ProxyProtocolError = "proxy_protocol_error": "no good PROXY header came, which this listener expects", "turn the PROXY protocol on in the load balancer, or off in the listener";
        ConnectTimeout = "connect_timeout": "no complete CONNECT came in time", "check what opens connections without using them: scanners, health checks, half-open links";
        ReceiveMaximumExceeded = "receive_maximum_exceeded": "the client sent more unacknowledged messages than the broker had allowed", "fix the client: it must respect Receive Maximum";
        TopicAliasInvalid = "topic_alias_invalid": "the client used a topic alias that is too high", "fix the client: it must respect Topic Alias Maximum";
        ServerBusy = "server_busy": "too many clients were waiting for their password to be checked", "let clients wait longer between attempts";
        UseAnotherServer = "use_another_server": "the client was sent to another server", "let the client follow the server reference in `detail`";
        ConnectionRateExceeded = "connection_rate_exceeded": "too many connections in too short a time", "let clients wait longer between attempts, or raise `connect_rate_max` of the listener, of `[limits.client]` or of `[limits.address]`; `detail` says which";
        AdministrativeAction = "administrative_action": "the client reported an administrative action as its reason to disconnect", "";
        ClientError = "client_error": "the client disconnected with an error of its own", "`detail` has the code that it gave";
    }
}

reasons! {
    /// Why a message reached nobody.
    DropReason {
        NoSubscribers = "no_subscribers": "no client subscribes to the topic", "";
        NotAuthorized = "not_authorized": "the publisher may not publish to the topic", "give it the permission in the ACL file";
        PacketIdentifierInUse = "packet_identifier_inuse": "a QoS 2 message came under an identifier that is still in use", "fix the client";
        TopicNameInvalid = "topic_name_invalid": "clients may not publish to this topic", "publish to another topic; `$SYS/`, `$events/` and `$sources/` belong to the broker";
        QuotaExceeded = "quota_exceeded": "the store of retained messages is full", "remove retained messages, or raise the limit";
        QueueFull = "queue_full": "the queue of a receiver was full", "make the receiver faster, or raise its queue";
        PayloadFormatInvalid = "payload_format_invalid": "the payload says it is UTF-8 and is not", "fix the client, or turn `check_payload_format` off";
    }
}

reasons! {
    /// Why one receiver does not get a message.
    DeliveryDropReason {
        QueueFull = "queue_full": "the queue of the receiver was full", "make the receiver faster, or raise its queue";
        Qos0Msg = "qos0_msg": "the receiver was away and the message, or its subscription, is QoS 0", "publish and subscribe with QoS 1";
        NoLocal = "no_local": "the receiver has published it itself and does not want its own messages", "";
        Expired = "expired": "the message expired before it could be sent", "raise its expiry interval, or make the receiver faster";
        TooLarge = "too_large": "the message is larger than the receiver takes", "raise Maximum Packet Size in the receiver, or publish smaller messages";
        NotAuthorized = "not_authorized": "the receiver may not read the topic, though it subscribes to more than that", "";
        SessionEnd = "session_end": "the session of the receiver ended while the message waited", "let the session expire later, or the receiver come back earlier";
    }
}

reasons! {
    /// Why a session was thrown away.
    DiscardCause {
        CleanStart = "clean_start": "the client asked for a new session", "";
        TakenOver = "taken_over": "another connection took over, and the session was to end with its connection", "";
        ServerRestart = "server_restart": "the broker was started again, and the session was not on its disk", "set `store = \"disk\"` in `[durability]` where sessions are to outlive the broker";
        Limit = "limit": "as many sessions without a connection were kept as may be", "raise `offline_sessions_max`, or let sessions expire earlier";
    }
}

reasons! {
    /// What a client wanted to do with a topic.
    PermissionAction {
        Publish = "publish": "publish to it", "";
        Subscribe = "subscribe": "subscribe to it", "";
    }
}

reasons! {
    /// Whether it may.
    Permission {
        Allow = "allow": "it may", "";
        Deny = "deny": "it may not", "";
    }
}

reasons! {
    /// What ended a subscription.
    UnsubscribeCause {
        Client = "client": "the client sent UNSUBSCRIBE", "";
        SessionEnd = "session_end": "the session ended", "";
    }
}

reasons! {
    /// How a certificate of a client stands.
    CertificateStatus {
        Active = "active": "the certificate is good", "";
        Expired = "expired": "the certificate has expired", "give the client a new certificate, and check its clock";
        NotYetValid = "not_yet_valid": "the certificate is not valid yet", "check the clocks of the broker and of the authority";
        Revoked = "revoked": "the certificate is on the revocation list", "give the client a new certificate, or find out who uses the old one";
        UnknownCa = "unknown_ca": "the certificate is not signed by a trusted authority", "put the authority into `ca_file` of the listener, or let the client send the certificates between";
        WrongPurpose = "wrong_purpose": "the certificate is not for clients", "issue it with the extended key usage `clientAuth`";
        Malformed = "malformed": "the certificate cannot be used", "`reason` says why";
    }
}

reasons! {
    /// Who ended a connection.
    Initiator {
        Client = "client": "the client ended the connection", "";
        Broker = "broker": "the broker ended the connection", "";
        Network = "network": "the network connection broke", "";
    }
}

reasons! {
    /// How far a connection had come when it ended.
    Stage {
        Accepted = "accepted": "the network connection was there, but no CONNECT", "";
        Connect = "connect": "CONNECT had come and was not accepted", "";
        Session = "session": "the client was connected", "";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_snake_case_and_explained() {
        let tables: [Vec<ReasonRow>; 4] = [
            ConnackReason::ALL.iter().map(|reason| reason.row()).collect(),
            DisconnectReason::ALL.iter().map(|reason| reason.row()).collect(),
            DropReason::ALL.iter().map(|reason| reason.row()).collect(),
            UnsubscribeCause::ALL.iter().map(|reason| reason.row()).collect(),
        ];
        for table in tables {
            let mut names: Vec<_> = table.iter().map(|row| row.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), table.len(), "a name stands twice in {names:?}");
            for row in table {
                assert!(row.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{row:?}");
                assert!(!row.meaning.is_empty() && !row.meaning.ends_with('.'), "{row:?}");
            }
        }
    }

    #[test]
    fn every_connack_reason_has_a_number_in_the_version_it_is_reported_for() {
        for &reason in ConnackReason::ALL {
            assert!(reason.v5_code().is_some() || reason.v3_code().is_some(), "{reason:?}");
            assert!(reason.under_v5().v5_code().is_some(), "{reason:?}");
            if let Some(earlier) = reason.before_v5() {
                assert!(earlier.v3_code().is_some(), "{reason:?} becomes {earlier:?}");
            }
        }
        let names_before_v5 = ConnackReason::ALL.iter().filter(|reason| reason.v3_code().is_some()).count();
        let names_of_v5 = ConnackReason::ALL.iter().filter(|reason| reason.v5_code().is_some()).count();
        assert_eq!((names_before_v5, names_of_v5), (6, 21));
    }
}
