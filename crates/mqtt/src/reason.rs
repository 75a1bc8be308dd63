//! Reason codes of MQTT 5 and the return codes of CONNACK before it.

use std::fmt;

use crate::packet::PacketType;
use crate::packet::carrier::{
    ACK_FIRST, ACK_SECOND, AUTH, CONNACK, Carriers, DISCONNECT, NONE, SUBACK, UNSUBACK, both,
};

macro_rules! reason_codes {
    ($($number:literal $variant:ident $name:literal [$carriers:expr])*) => {
        /// A reason code of MQTT 5. 0x00 is `Success` in every packet: in SUBACK it grants QoS 0, in DISCONNECT it is
        /// the normal disconnection.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum ReasonCode {
            $(
                #[doc = concat!("`", stringify!($number), "` ", $name)]
                $variant = $number,
            )*
        }

        impl ReasonCode {
            /// Every reason code, in ascending order.
            pub const ALL: &'static [ReasonCode] = &[$(ReasonCode::$variant),*];

            /// The name in events and logs, e.g. `bad_username_or_password`.
            pub const fn name(self) -> &'static str {
                match self { $(ReasonCode::$variant => $name,)* }
            }

            /// The number on the wire.
            pub const fn code(self) -> u8 {
                match self { $(ReasonCode::$variant => $number,)* }
            }

            const fn carriers(self) -> Carriers {
                match self { $(ReasonCode::$variant => $carriers,)* }
            }
        }

        impl TryFrom<u8> for ReasonCode {
            /// The number that no packet uses.
            type Error = u8;

            fn try_from(number: u8) -> Result<ReasonCode, u8> {
                match number {
                    $($number => Ok(ReasonCode::$variant),)*
                    other => Err(other),
                }
            }
        }
    };
}

/// Every packet that can carry a refusal.
const REFUSALS: Carriers = both(both(CONNACK, ACK_FIRST), both(SUBACK, both(UNSUBACK, DISCONNECT)));
const CONNECTION: Carriers = both(CONNACK, DISCONNECT);

// Number, variant, name, the packets that may carry it [tables of 2.4 and 3.x.2.1].
reason_codes! {
    0x00 Success "success" [both(REFUSALS, both(ACK_SECOND, AUTH))]
    0x01 GrantedQos1 "granted_qos1" [SUBACK]
    0x02 GrantedQos2 "granted_qos2" [SUBACK]
    0x04 DisconnectWithWillMessage "disconnect_with_will_message" [DISCONNECT]
    0x10 NoMatchingSubscribers "no_matching_subscribers" [ACK_FIRST]
    0x11 NoSubscriptionExisted "no_subscription_existed" [UNSUBACK]
    0x18 ContinueAuthentication "continue_authentication" [AUTH]
    0x19 ReAuthenticate "re_authenticate" [AUTH]
    0x80 UnspecifiedError "unspecified_error" [REFUSALS]
    0x81 MalformedPacket "malformed_packet" [CONNECTION]
    0x82 ProtocolError "protocol_error" [CONNECTION]
    0x83 ImplementationSpecificError "implementation_specific_error" [REFUSALS]
    0x84 UnacceptableProtocolVersion "unacceptable_protocol_version" [CONNACK]
    0x85 ClientIdentifierNotValid "client_identifier_not_valid" [CONNACK]
    0x86 BadUsernameOrPassword "bad_username_or_password" [CONNACK]
    0x87 NotAuthorized "not_authorized" [REFUSALS]
    0x88 ServerUnavailable "server_unavailable" [CONNACK]
    0x89 ServerBusy "server_busy" [CONNECTION]
    0x8A Banned "banned" [CONNACK]
    0x8B ServerShuttingDown "server_shutting_down" [DISCONNECT]
    0x8C BadAuthenticationMethod "bad_authentication_method" [CONNECTION]
    0x8D KeepaliveTimeout "keepalive_timeout" [DISCONNECT]
    0x8E SessionTakenOver "session_taken_over" [DISCONNECT]
    0x8F TopicFilterInvalid "topic_filter_invalid" [both(SUBACK, both(UNSUBACK, DISCONNECT))]
    0x90 TopicNameInvalid "topic_name_invalid" [both(CONNECTION, ACK_FIRST)]
    0x91 PacketIdentifierInUse "packet_identifier_inuse" [both(ACK_FIRST, both(SUBACK, UNSUBACK))]
    0x92 PacketIdentifierNotFound "packet_identifier_not_found" [ACK_SECOND]
    0x93 ReceiveMaximumExceeded "receive_maximum_exceeded" [DISCONNECT]
    0x94 TopicAliasInvalid "topic_alias_invalid" [DISCONNECT]
    0x95 PacketTooLarge "packet_too_large" [CONNECTION]
    0x96 MessageRateTooHigh "message_rate_too_high" [DISCONNECT]
    0x97 QuotaExceeded "quota_exceeded" [both(CONNECTION, both(ACK_FIRST, SUBACK))]
    0x98 AdministrativeAction "administrative_action" [DISCONNECT]
    0x99 PayloadFormatInvalid "payload_format_invalid" [both(CONNECTION, ACK_FIRST)]
    0x9A RetainNotSupported "retain_not_supported" [CONNECTION]
    0x9B QosNotSupported "qos_not_supported" [CONNECTION]
    0x9C UseAnotherServer "use_another_server" [CONNECTION]
    0x9D ServerMoved "server_moved" [CONNECTION]
    0x9E SharedSubscriptionsNotSupported "shared_subscriptions_not_supported" [both(SUBACK, DISCONNECT)]
    0x9F ConnectionRateExceeded "connection_rate_exceeded" [CONNECTION]
    0xA0 MaximumConnectTime "maximum_connect_time" [DISCONNECT]
    0xA1 SubscriptionIdentifiersNotSupported "subscription_identifiers_not_supported" [both(SUBACK, DISCONNECT)]
    0xA2 WildcardSubscriptionsNotSupported "wildcard_subscriptions_not_supported" [both(SUBACK, DISCONNECT)]
}

impl ReasonCode {
    /// Whether the code refuses or ends something: 0x80 and above.
    pub const fn is_error(self) -> bool {
        self.code() >= 0x80
    }

    /// Whether the standard lists the code for `packet`.
    pub const fn is_allowed_in(self, packet: PacketType) -> bool {
        self.carriers() & packet.carrier() != NONE
    }

    /// The code whose [`ReasonCode::name`] is `name`.
    pub fn from_name(name: &str) -> Option<ReasonCode> {
        ReasonCode::ALL.iter().copied().find(|code| code.name() == name)
    }
}

impl From<ReasonCode> for u8 {
    fn from(code: ReasonCode) -> u8 {
        code.code()
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A return code of CONNACK before MQTT 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ConnectReturnCode {
    /// 0: the client may go on.
    ConnectionAccepted = 0,
    /// 1: the server does not speak the protocol level of the client.
    UnacceptableProtocolVersion = 1,
    /// 2: the client identifier is well-formed and not allowed.
    ClientIdentifierNotValid = 2,
    /// 3: MQTT is not available just now.
    ServerUnavailable = 3,
    /// 4: the data in the user name or password is malformed.
    MalformedUsernameOrPassword = 4,
    /// 5: the client may not connect.
    UnauthorizedClient = 5,
}

impl ConnectReturnCode {
    /// Every return code, in ascending order.
    pub const ALL: &'static [ConnectReturnCode] = &[
        ConnectReturnCode::ConnectionAccepted,
        ConnectReturnCode::UnacceptableProtocolVersion,
        ConnectReturnCode::ClientIdentifierNotValid,
        ConnectReturnCode::ServerUnavailable,
        ConnectReturnCode::MalformedUsernameOrPassword,
        ConnectReturnCode::UnauthorizedClient,
    ];

    /// The name in events and logs, e.g. `unauthorized_client`.
    pub const fn name(self) -> &'static str {
        match self {
            ConnectReturnCode::ConnectionAccepted => "connection_accepted",
            ConnectReturnCode::UnacceptableProtocolVersion => "unacceptable_protocol_version",
            ConnectReturnCode::ClientIdentifierNotValid => "client_identifier_not_valid",
            ConnectReturnCode::ServerUnavailable => "server_unavailable",
            ConnectReturnCode::MalformedUsernameOrPassword => "malformed_username_or_password",
            ConnectReturnCode::UnauthorizedClient => "unauthorized_client",
        }
    }

    /// The number on the wire.
    pub const fn code(self) -> u8 {
        match self {
            ConnectReturnCode::ConnectionAccepted => 0,
            ConnectReturnCode::UnacceptableProtocolVersion => 1,
            ConnectReturnCode::ClientIdentifierNotValid => 2,
            ConnectReturnCode::ServerUnavailable => 3,
            ConnectReturnCode::MalformedUsernameOrPassword => 4,
            ConnectReturnCode::UnauthorizedClient => 5,
        }
    }
}

impl TryFrom<u8> for ConnectReturnCode {
    /// The number that is none.
    type Error = u8;

    fn try_from(number: u8) -> Result<ConnectReturnCode, u8> {
        ConnectReturnCode::ALL.iter().copied().find(|code| code.code() == number).ok_or(number)
    }
}

impl From<ConnectReturnCode> for u8 {
    fn from(code: ConnectReturnCode) -> u8 {
        code.code()
    }
}

impl fmt::Display for ConnectReturnCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
