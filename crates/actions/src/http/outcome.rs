//! What an answer of the HTTP service, or its absence, means for an output.

use std::time::Duration;

use engine::{ErrorClass, ItemOutcome};

/// At most this much of a body is shown in a reason.
const SNIPPET_CHARS: usize = 200;

/// At most this long is waited because of `Retry-After`; a service that asks for a year does not stop the action.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// What came back for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The header `retry-after`, as sent.
    pub(super) retry_after: Option<String>,
    /// The header `location`, as sent.
    pub(super) location: Option<String>,
    /// The beginning of the body.
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// What it means. `now_s` is the time in s since 1970, for a `Retry-After` that is a date.
    ///
    /// 2xx has taken the output. 408, 425, 429 and 5xx speak of the service and may be different later (RFC 9110,
    /// section 15, RFC 6585, section 4, RFC 8470, section 5.2); everything else speaks of the request and will be the
    /// same again. A redirection is not followed: it would send the body and the secrets of the headers somewhere that
    /// the configuration does not name.
    pub(super) fn outcome(&self, now_s: i64) -> ItemOutcome {
        match self.status {
            200..=299 => ItemOutcome::Delivered,
            408 | 425 | 429 | 500..=599 => {
                ItemOutcome::Retry { class: self.class(), reason: self.reason(), after: self.retry_after_at(now_s) }
            }
            300..=399 => {
                let to = self.location.as_deref().unwrap_or("nowhere");
                let reason = format!("{}, redirected to `{to}`, not followed", self.reason());
                ItemOutcome::Rejected { class: self.class(), reason }
            }
            _ => ItemOutcome::Rejected { class: self.class(), reason: self.reason() },
        }
    }

    /// What kind of error the status tells.
    const fn class(&self) -> ErrorClass {
        match self.status {
            408 | 504 => ErrorClass::Timeout,
            429 => ErrorClass::Throttled,
            401 | 403 | 407 => ErrorClass::Unauthorized,
            404 | 410 => ErrorClass::Missing,
            400 | 413 | 415 | 422 => ErrorClass::Data,
            409 | 412 => ErrorClass::Constraint,
            425 | 500..=599 => ErrorClass::Unavailable,
            _ => ErrorClass::Refused,
        }
    }

    /// `answered 422: no such device`.
    pub(super) fn reason(&self) -> String {
        match snippet(&self.body) {
            Some(text) => format!("answered {}: {text}", self.status),
            None => format!("answered {}", self.status),
        }
    }

    /// How long the service asks to be left alone: seconds or a date (RFC 9110, section 10.2.3).
    fn retry_after_at(&self, now_s: i64) -> Option<Duration> {
        let text = self.retry_after.as_deref()?.trim();
        let seconds = match text.parse::<u64>() {
            Ok(seconds) => seconds,
            Err(_) => {
                let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
                u64::try_from(date.as_second().saturating_sub(now_s)).unwrap_or(0)
            }
        };
        Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
    }
}

/// The beginning of a body as one line of text.
fn snippet(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(SNIPPET_CHARS) {
        Some((at, _)) => {
            line.truncate(at);
            Some(line + "...")
        }
        None => (!line.is_empty()).then_some(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Answer {
        Answer { status, retry_after: None, location: None, body: Vec::new() }
    }

    #[test]
    fn a_status_decides_between_delivered_retry_and_rejected() {
        let meant = |status| match answer(status).outcome(0) {
            ItemOutcome::Delivered => "delivered",
            ItemOutcome::Retry { .. } => "retry",
            ItemOutcome::Rejected { .. } => "rejected",
        };
        for (statuses, expected) in [
            (&[200, 201, 202, 204, 299][..], "delivered"),
            (&[408, 425, 429, 500, 502, 503, 504, 599], "retry"),
            (&[301, 302, 307, 308, 400, 401, 403, 404, 409, 410, 413, 422], "rejected"),
        ] {
            for &status in statuses {
                assert_eq!(meant(status), expected, "{status}");
            }
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_bounded() {
        let after = |text: &str| {
            let answer = Answer { retry_after: Some(text.to_owned()), ..answer(503) };
            match answer.outcome(784_111_770) {
                ItemOutcome::Retry { after, .. } => after,
                ItemOutcome::Delivered | ItemOutcome::Rejected { .. } => panic!("503 is for later"),
            }
        };
        assert_eq!(after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(7)));
        assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO), "a date that is over");
        assert_eq!(after("99999999999"), Some(RETRY_AFTER_MAX));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn a_reason_shows_the_beginning_of_the_body_on_one_line() {
        let reason = |body: &str| Answer { body: body.into(), ..answer(422) }.reason();
        assert_eq!(reason(""), "answered 422");
        assert_eq!(reason("no\r\n such\u{1b}[31m device\n"), "answered 422: no such [31m device");
        assert_eq!(reason(&"é".repeat(300)), format!("answered 422: {}...", "é".repeat(200)));
    }

    #[test]
    fn a_redirection_is_refused_and_says_where_to() {
        let answer = Answer { location: Some("https://elsewhere/".into()), ..answer(302) };
        assert_eq!(
            answer.outcome(0),
            ItemOutcome::Rejected {
                class: ErrorClass::Refused,
                reason: "answered 302, redirected to `https://elsewhere/`, not followed".into()
            }
        );
    }
}
