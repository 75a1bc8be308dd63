//! What an error of a Kafka cluster, or of the way to it, means for an output.

use engine::{ActionError, ErrorClass, ItemOutcome};
use krafka::KrafkaError;
use krafka::error::ErrorCode;

/// What `error` means for the output that met it.
pub(super) fn item(error: &KrafkaError) -> ItemOutcome {
    let (class, is_for_later) = judge(error);
    let reason = reason(error);
    if is_for_later {
        ItemOutcome::Retry { class, reason, after: None }
    } else {
        ItemOutcome::Rejected { class, reason }
    }
}

/// Why there is no producer: class and words.
pub(super) fn of_connecting(error: &KrafkaError) -> (ErrorClass, String) {
    let (class, _) = judge(error);
    (class, format!("no connection: {}", reason(error)))
}

/// What `error` says to whoever tests the connector.
pub(super) fn action_error(error: &KrafkaError) -> ActionError {
    let (class, message) = of_connecting(error);
    let error = ActionError::new(message);
    match class {
        ErrorClass::Unauthorized => {
            error.with_help("look at `sasl`, `username` and `password` of the connector, and at its certificates")
        }
        ErrorClass::Unreachable
        | ErrorClass::Timeout
        | ErrorClass::Unavailable
        | ErrorClass::Throttled
        | ErrorClass::Missing
        | ErrorClass::Data
        | ErrorClass::Constraint
        | ErrorClass::Refused
        | ErrorClass::Unsendable
        | ErrorClass::Internal => error,
    }
}

/// Class of an error, and whether the same may succeed later. A topic or a right that is missing is mended by an
/// administrator; a record that is too large, or that a policy forbids, does not change by waiting.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the errors of a client library, of which most are those of consumers"
)]
fn judge(error: &KrafkaError) -> (ErrorClass, bool) {
    match error {
        KrafkaError::Network(_) => (ErrorClass::Unreachable, true),
        KrafkaError::Auth { .. } => (ErrorClass::Unauthorized, true),
        KrafkaError::Timeout { .. } | KrafkaError::DeliveryTimeout { .. } => (ErrorClass::Timeout, true),
        KrafkaError::Broker { code, .. } => judge_code(*code),
        KrafkaError::Protocol { kind, .. } if kind.is_retriable() => (ErrorClass::Unavailable, true),
        KrafkaError::Config { .. } | KrafkaError::Protocol { .. } => (ErrorClass::Data, false),
        KrafkaError::Compression { .. } | KrafkaError::Serialization { .. } => (ErrorClass::Unsendable, false),
        _ => (ErrorClass::Unavailable, true),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the codes of the protocol, of which most are those of consumers")]
fn judge_code(code: ErrorCode) -> (ErrorClass, bool) {
    match code {
        ErrorCode::UnknownTopicOrPartition => (ErrorClass::Missing, true),
        ErrorCode::TopicAuthorizationFailed
        | ErrorCode::ClusterAuthorizationFailed
        | ErrorCode::SaslAuthenticationFailed
        | ErrorCode::UnsupportedSaslMechanism => (ErrorClass::Unauthorized, true),
        ErrorCode::ThrottlingQuotaExceeded => (ErrorClass::Throttled, true),
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge | ErrorCode::InvalidTimestamp => {
            (ErrorClass::Data, false)
        }
        ErrorCode::PolicyViolation => (ErrorClass::Constraint, false),
        code if code.is_retriable() => (ErrorClass::Unavailable, true),
        ErrorCode::OutOfOrderSequenceNumber | ErrorCode::UnknownProducerId | ErrorCode::InvalidProducerEpoch => {
            (ErrorClass::Unavailable, true)
        }
        _ => (ErrorClass::Refused, false),
    }
}

fn reason(error: &KrafkaError) -> String {
    let text = if let KrafkaError::Broker { code, message } = error {
        let message = if message.is_empty() { String::new() } else { format!(": {message}") };
        format!("the cluster said {code:?}{message}")
    } else {
        error.to_string()
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_decides() {
        let said = |code| item(&KrafkaError::Broker { code, message: String::new() });
        let reason = "the cluster said UnknownTopicOrPartition".to_owned();
        assert_eq!(
            said(ErrorCode::UnknownTopicOrPartition),
            ItemOutcome::Retry { class: ErrorClass::Missing, reason, after: None }
        );
        for (code, class, is_for_later) in [
            (ErrorCode::NotEnoughReplicas, ErrorClass::Unavailable, true),
            (ErrorCode::NotLeaderForPartition, ErrorClass::Unavailable, true),
            (ErrorCode::TopicAuthorizationFailed, ErrorClass::Unauthorized, true),
            (ErrorCode::MessageTooLarge, ErrorClass::Data, false),
            (ErrorCode::PolicyViolation, ErrorClass::Constraint, false),
            (ErrorCode::InvalidTopic, ErrorClass::Refused, false),
        ] {
            assert_eq!(judge_code(code), (class, is_for_later), "{code:?}");
        }
    }
}
