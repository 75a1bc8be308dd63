//! What an answer of another broker, or its silence, means for an output.

use engine::{ActionError, ErrorClass, ItemOutcome};
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, PubAckReason, PubRecReason};
use rumqttc::v5::{ConnectionError, StateError};

/// Why there is no connection.
#[derive(Debug)]
pub(super) struct Unconnected {
    pub(super) class: ErrorClass,
    pub(super) error: ActionError,
}

/// What a PUBACK says.
pub(super) fn of_puback(reason: PubAckReason) -> ItemOutcome {
    match reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => ItemOutcome::Delivered,
        PubAckReason::QuotaExceeded => busy(ErrorClass::Throttled, reason),
        PubAckReason::PacketIdentifierInUse => busy(ErrorClass::Unavailable, reason),
        PubAckReason::NotAuthorized => refused(ErrorClass::Unauthorized, reason),
        PubAckReason::PayloadFormatInvalid => refused(ErrorClass::Data, reason),
        PubAckReason::UnspecifiedError | PubAckReason::ImplementationSpecificError | PubAckReason::TopicNameInvalid => {
            refused(ErrorClass::Refused, reason)
        }
    }
}

/// What a PUBREC says; `None` where the message was taken and the exchange goes on.
pub(super) fn of_pubrec(reason: PubRecReason) -> Option<ItemOutcome> {
    match reason {
        PubRecReason::Success | PubRecReason::NoMatchingSubscribers => None,
        PubRecReason::QuotaExceeded => Some(busy(ErrorClass::Throttled, reason)),
        PubRecReason::PacketIdentifierInUse => Some(busy(ErrorClass::Unavailable, reason)),
        PubRecReason::NotAuthorized => Some(refused(ErrorClass::Unauthorized, reason)),
        PubRecReason::PayloadFormatInvalid => Some(refused(ErrorClass::Data, reason)),
        PubRecReason::UnspecifiedError | PubRecReason::ImplementationSpecificError | PubRecReason::TopicNameInvalid => {
            Some(refused(ErrorClass::Refused, reason))
        }
    }
}

/// Why there is no connection.
pub(super) fn of_connecting(error: &ConnectionError) -> Unconnected {
    let ConnectionError::ConnectionRefused(code) = error else {
        let error = ActionError::new(format!("no connection: {}", cause(error)));
        return Unconnected { class: ErrorClass::Unreachable, error };
    };
    let refused = ActionError::new(format!("no connection: refused, {}", words(code)));
    let error = match help(*code) {
        Some(help) => refused.with_help(help),
        None => refused,
    };
    Unconnected { class: class(*code), error }
}

fn class(code: ConnectReturnCode) -> ErrorClass {
    use ConnectReturnCode as Code;
    if matches!(code, Code::BadUserNamePassword | Code::NotAuthorized | Code::Banned | Code::BadAuthenticationMethod) {
        ErrorClass::Unauthorized
    } else if matches!(code, Code::ServerBusy | Code::ServerUnavailable | Code::ServiceUnavailable) {
        ErrorClass::Unavailable
    } else if matches!(code, Code::QuotaExceeded | Code::ConnectionRateExceeded) {
        ErrorClass::Throttled
    } else {
        ErrorClass::Refused
    }
}

fn help(code: ConnectReturnCode) -> Option<&'static str> {
    use ConnectReturnCode as Code;
    if matches!(code, Code::BadUserNamePassword | Code::NotAuthorized | Code::Banned) {
        Some("look at `username` and `password` of the connector")
    } else if matches!(code, Code::ClientIdentifierNotValid | Code::BadClientId) {
        Some("look at the `client_id` of the connector")
    } else if matches!(code, Code::UnsupportedProtocolVersion | Code::RefusedProtocolVersion) {
        Some("the other broker has to speak MQTT 5")
    } else {
        None
    }
}

/// Why the connection broke.
pub(super) fn of_breaking(error: &ConnectionError) -> String {
    format!("connection lost: {}", cause(error))
}

fn cause(error: &ConnectionError) -> String {
    match error {
        ConnectionError::Io(error) => error.to_string(),
        ConnectionError::Tls(error) => error.to_string(),
        ConnectionError::Timeout(_) => "timed out".to_owned(),
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, reason_string }) => {
            let text = reason_string.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
            format!("the broker said {}{text}", words(reason_code))
        }
        ConnectionError::MqttState(StateError::AwaitPingResp) => "the broker does not answer".to_owned(),
        ConnectionError::MqttState(StateError::ConnectionAborted) => "closed by the broker".to_owned(),
        ConnectionError::MqttState(StateError::Deserialization(error)) => {
            error.to_string().trim_start_matches("IO: ").to_owned()
        }
        ConnectionError::MqttState(_)
        | ConnectionError::ConnectionRefused(_)
        | ConnectionError::NotConnAck(_)
        | ConnectionError::RequestsDone => error.to_string(),
    }
}

fn busy(class: ErrorClass, reason: impl std::fmt::Debug) -> ItemOutcome {
    ItemOutcome::Retry { class, reason: format!("the broker said {}", words(reason)), after: None }
}

fn refused(class: ErrorClass, reason: impl std::fmt::Debug) -> ItemOutcome {
    ItemOutcome::Rejected { class, reason: format!("the broker said {}", words(reason)) }
}

/// `NotAuthorized` as `not_authorized`.
pub(super) fn words(code: impl std::fmt::Debug) -> String {
    let mut words = String::new();
    for character in format!("{code:?}").chars() {
        if character.is_ascii_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.push(character.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_decides_for_its_output() {
        assert_eq!(of_puback(PubAckReason::NoMatchingSubscribers), ItemOutcome::Delivered);
        let reason = "the broker said quota_exceeded".to_owned();
        assert_eq!(
            of_pubrec(PubRecReason::QuotaExceeded),
            Some(ItemOutcome::Retry { class: ErrorClass::Throttled, reason, after: None })
        );
        let reason = "the broker said not_authorized".to_owned();
        assert_eq!(
            of_puback(PubAckReason::NotAuthorized),
            ItemOutcome::Rejected { class: ErrorClass::Unauthorized, reason }
        );
        assert_eq!(of_pubrec(PubRecReason::Success), None);
    }

    #[test]
    fn a_refusal_is_said_in_the_words_of_the_standard_with_advice() {
        let refused = ConnectionError::ConnectionRefused(ConnectReturnCode::BadUserNamePassword);
        let Unconnected { class, error } = of_connecting(&refused);
        assert_eq!(class, ErrorClass::Unauthorized);
        assert_eq!(error.message, "no connection: refused, bad_user_name_password");
        assert!(error.help.unwrap().contains("`password`"));
    }
}
