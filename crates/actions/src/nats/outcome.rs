//! What an answer of a server, or its silence, means for an output.

use std::time::Duration;

use engine::{ActionError, ErrorClass, ItemOutcome};
use serde_json::Value;

/// Why there is no connection, or none any more. It may be there later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) class: ErrorClass,
    pub(super) reason: String,
    pub(super) help: Option<&'static str>,
}

impl Failure {
    pub(super) fn new(class: ErrorClass, reason: impl Into<String>) -> Failure {
        Failure { class, reason: reason.into(), help: None }
    }

    pub(super) fn into_error(self) -> ActionError {
        match self.help {
            Some(help) => ActionError::new(self.reason).with_help(help),
            None => ActionError::new(self.reason),
        }
    }
}

/// Why there is no connection.
pub(super) fn of_io(error: &std::io::Error) -> Failure {
    Failure::new(ErrorClass::Unreachable, format!("no connection: {error}"))
}

/// The error of something that took too long.
pub(super) fn timed_out(what: &str, limit: Duration) -> Failure {
    Failure::new(ErrorClass::Timeout, format!("{what} within {} ms", limit.as_millis()))
}

/// What the server says before it closes the connection.
pub(super) fn of_error(text: &str) -> Failure {
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("authorization violation") || lower.contains("authentication") || lower.contains("revoked") {
        let help = Some("look at `username` and `password`, `token`, `nkey` or `credentials` of the connector");
        return Failure { help, ..Failure::new(ErrorClass::Unauthorized, format!("no connection: {text}")) };
    }
    if lower.starts_with("permissions violation for subscription") {
        let help = Some("allow the user of the connector to subscribe to `_INBOX.>`, where JetStream answers");
        return Failure { help, ..Failure::new(ErrorClass::Unauthorized, text) };
    }
    if lower.contains("maximum connections") {
        return Failure::new(ErrorClass::Unavailable, format!("no connection: {text}"));
    }
    Failure::new(ErrorClass::Unreachable, format!("connection lost: {text}"))
}

/// The subject that a message may not have, where `text` says that: `Permissions Violation for Publish to "a.b"`.
pub(super) fn denied_subject(text: &str) -> Option<&str> {
    text.strip_prefix("Permissions Violation for Publish to ")?.split('"').nth(1)
}

/// What a message gets that we may not publish.
pub(super) fn denied() -> ItemOutcome {
    let reason = "the server does not permit the subject".to_owned();
    ItemOutcome::Rejected { class: ErrorClass::Unauthorized, reason }
}

/// What JetStream answers: that it stored the message, or why not.
///
/// A stream that is not there, has no leader or no room waits for an administrator. `err_code` are those of the server.
pub(super) fn of_ack(status: Option<u16>, payload: &[u8]) -> ItemOutcome {
    let retry = |class, reason: String| ItemOutcome::Retry { class, reason, after: None };
    if status == Some(503) {
        return retry(ErrorClass::Missing, "no stream takes the subject".to_owned());
    }
    let Ok(answer) = serde_json::from_slice::<Value>(payload) else {
        return retry(ErrorClass::Unavailable, "expected the answer of a stream, found something else".to_owned());
    };
    let Some(error) = answer.get("error") else {
        return match answer.get("seq") {
            Some(_) => ItemOutcome::Delivered,
            None => retry(ErrorClass::Unavailable, "expected the answer of a stream, found something else".to_owned()),
        };
    };
    let number = |name: &str| error.get(name).and_then(Value::as_u64).unwrap_or_default();
    let (code, err_code) = (number("code"), number("err_code"));
    let reason = match error.get("description").and_then(Value::as_str) {
        Some(description) => format!("the stream said {description} ({err_code})"),
        None => format!("the stream said {code} ({err_code})"),
    };
    match err_code {
        // Larger than the stream takes.
        10_054 => ItemOutcome::Rejected { class: ErrorClass::Data, reason },
        // What was expected to be the last message is not.
        10_060 | 10_070 | 10_071 => ItemOutcome::Rejected { class: ErrorClass::Constraint, reason },
        // Full: of messages or bytes, of storage, of what the account may have.
        10_002 | 10_023 | 10_028 | 10_047 | 10_077 | 10_122 => retry(ErrorClass::Unavailable, reason),
        10_059 => retry(ErrorClass::Missing, reason),
        _ if code >= 500 => retry(ErrorClass::Unavailable, reason),
        _ => ItemOutcome::Rejected { class: ErrorClass::Refused, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_a_stream_decides() {
        let class = |status, payload: &str| match of_ack(status, payload.as_bytes()) {
            ItemOutcome::Delivered => "delivered".to_owned(),
            ItemOutcome::Retry { class, .. } => format!("retry {class}"),
            ItemOutcome::Rejected { class, .. } => format!("rejected {class}"),
        };
        let error =
            |code, err_code| format!(r#"{{"error":{{"code":{code},"err_code":{err_code},"description":"x"}}}}"#);
        assert_eq!(class(None, r#"{"stream":"S","seq":1,"duplicate":true}"#), "delivered");
        assert_eq!(class(Some(503), ""), "retry missing");
        assert_eq!(class(None, "huh"), "retry unavailable");
        assert_eq!(class(None, &error(400, 10_054)), "rejected data");
        assert_eq!(class(None, &error(400, 10_071)), "rejected constraint");
        assert_eq!(class(None, &error(503, 10_077)), "retry unavailable");
        assert_eq!(class(None, &error(500, 1)), "retry unavailable");
        assert_eq!(class(None, &error(400, 1)), "rejected refused");
    }

    #[test]
    fn what_is_not_permitted_is_told_by_its_subject() {
        assert_eq!(denied_subject("Permissions Violation for Publish to \"a.b\""), Some("a.b"));
        assert_eq!(denied_subject("Permissions Violation for Subscription to \"a.b\""), None);
        assert_eq!(of_error("Authorization Violation").class, ErrorClass::Unauthorized);
        assert_eq!(of_error("Stale Connection").reason, "connection lost: Stale Connection");
    }
}
