//! Why a connection ends, and what the client is told of it.

use bytestring::ByteString;
use events::{DisconnectReason, Initiator};
use mqtt::{DecodeError, DecodeErrorKind, PacketType, Properties, ReasonCode};

/// The end of a connection.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ending {
    pub(crate) reason: DisconnectReason,
    pub(crate) initiator: Initiator,
    /// What an MQTT 5 client is told in DISCONNECT; nothing where it has gone itself.
    pub(crate) code: Option<ReasonCode>,
    /// What exactly happened, in words.
    pub(crate) detail: Option<ByteString>,
    /// The properties of the client's DISCONNECT.
    pub(crate) properties: Properties,
}

impl Ending {
    /// The broker ends it.
    pub(crate) fn by_broker(reason: DisconnectReason, code: ReasonCode) -> Ending {
        Ending { reason, initiator: Initiator::Broker, code: Some(code), detail: None, properties: Properties::new() }
    }

    /// The broker ends it without a word: there is nobody to talk to, or nothing more to say.
    pub(crate) fn in_silence(reason: DisconnectReason) -> Ending {
        Ending { code: None, ..Ending::by_broker(reason, ReasonCode::UnspecifiedError) }
    }

    /// The client closed the network connection, or it broke.
    pub(crate) fn tcp_closed(initiator: Initiator, detail: Option<ByteString>) -> Ending {
        Ending { initiator, detail, ..Ending::in_silence(DisconnectReason::TcpClosed) }
    }

    /// The client said goodbye with `code`.
    pub(crate) fn by_client(code: ReasonCode, properties: Properties) -> Ending {
        const OF_CODES: [(ReasonCode, DisconnectReason); 3] = [
            (ReasonCode::Success, DisconnectReason::Normal),
            (ReasonCode::DisconnectWithWillMessage, DisconnectReason::DisconnectWithWillMessage),
            (ReasonCode::AdministrativeAction, DisconnectReason::AdministrativeAction),
        ];
        let named = OF_CODES.iter().find(|(of, _)| *of == code);
        let reason = named.map_or(DisconnectReason::ClientError, |(_, reason)| *reason);
        let told = reason == DisconnectReason::ClientError || properties.reason_string().is_some();
        let detail = told.then(|| match properties.reason_string() {
            Some(text) => format!("{code}: {text}").into(),
            None => ByteString::from_static(code.name()),
        });
        Ending { reason, initiator: Initiator::Client, code: None, detail, properties }
    }

    /// Bytes that are no packet, or one that may not come now.
    pub(crate) fn undecodable(error: &DecodeError) -> Ending {
        let code = error.reason_code();
        let reason = match (&error.kind, code) {
            (DecodeErrorKind::FirstPacketNotConnect(PacketType::Pingreq), _) => DisconnectReason::PingWithoutConnect,
            (DecodeErrorKind::WrongProtocolName(_) | DecodeErrorKind::UnsupportedVersion(_), _) => {
                DisconnectReason::UnsupportedProtocolVersion
            }
            (_, ReasonCode::PacketTooLarge) => DisconnectReason::PacketTooLarge,
            (_, ReasonCode::TopicAliasInvalid) => DisconnectReason::TopicAliasInvalid,
            (_, ReasonCode::MalformedPacket) => DisconnectReason::MalformedPacket,
            (_, _) => DisconnectReason::ProtocolError,
        };
        Ending::by_broker(reason, code).because(error.to_string())
    }

    /// The same, with what exactly happened.
    pub(crate) fn because(self, detail: impl Into<ByteString>) -> Ending {
        Ending { detail: Some(detail.into()), ..self }
    }

    /// Whether the will is void: the client has said goodbye as it should [MQTT-3.1.2-10], [MQTT-3.14.4-3].
    pub(crate) fn voids_will(&self) -> bool {
        self.reason == DisconnectReason::Normal
    }
}
