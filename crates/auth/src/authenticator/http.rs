//! A service that is asked over HTTP whether a client may connect.
//!
//! It answers as EMQX's do: status 200 with `{"result": "allow" | "deny" | "ignore", "is_superuser", "roles",
//! "client_attrs", "acl", "expire_at"}` or 204, which allows. 401 and 403 deny. Anything else is a failure.

use bytestring::ByteString;
use events::ConnackReason;
use serde_json::{Map, Value};

use super::jwt::{attributes_of, roles_of, timestamp_of};
use super::outside::{Outside, OutsideLimits, TooMany};
use super::{Answer, Grant};
use crate::acl::{SUPERUSER, rules_of_json};
use crate::clock::Clock;
use crate::error::AuthError;
use crate::http_client::HttpClientOptions;
use crate::http_question::{HttpQuestion, HttpQuestionOptions};
use crate::identity::Credentials;
use crate::passwords::Passwords;
use crate::template::{Facts, Scope};

/// The options of an authenticator of kind `http`.
#[derive(Clone, Debug, Default)]
pub struct HttpOptions {
    /// What is asked.
    pub question: HttpQuestionOptions,
    /// How the service is talked to.
    pub client: HttpClientOptions,
    /// How much it is asked.
    pub limits: OutsideLimits,
}

/// An authenticator of kind `http`.
#[derive(Debug)]
pub(crate) struct Http {
    name: String,
    question: HttpQuestion,
    outside: Outside<Answer>,
    passwords: Passwords,
}

impl Http {
    pub(crate) fn new(
        (name, path): (&str, &str),
        options: &HttpOptions,
        passwords: Passwords,
        clock: Clock,
    ) -> Result<Http, AuthError> {
        Ok(Http {
            name: name.to_owned(),
            question: HttpQuestion::new(path, &options.question, &options.client, Scope::Connect)?,
            outside: Outside::new(&options.limits, clock),
            passwords,
        })
    }

    /// What is remembered.
    pub(super) fn look(&self, credentials: &Credentials<'_>) -> Option<Answer> {
        if !self.outside.remembers() {
            return None;
        }
        let question = self.passwords.digest_of(&self.name, &self.question.text(&Facts::of(credentials)));
        let answer = self.outside.recall(&question)?;
        // What was true until some time is asked anew after it.
        let is_over =
            matches!(&answer, Answer::Allow(grant) if grant.expires_at.is_some_and(|at| at <= credentials.at));
        (!is_over).then_some(answer)
    }

    pub(super) async fn ask(&self, credentials: &Credentials<'_>) -> Answer {
        let facts = Facts::of(credentials);
        match self.outside.in_turn(self.question.ask(&facts)).await {
            Err(TooMany) => Answer::Deny(ConnackReason::ServerBusy, "too many wait for the service".into()),
            Ok(Err(failure)) => Answer::Failed(failure.into()),
            Ok(Ok((status, body))) => {
                let answer = answer(status, &body, credentials);
                if self.outside.remembers() && !matches!(answer, Answer::Failed(_)) {
                    let question = self.passwords.digest_of(&self.name, &self.question.text(&facts));
                    self.outside.remember(question, answer.clone());
                }
                answer
            }
        }
    }
}

fn answer(status: u16, body: &[u8], credentials: &Credentials<'_>) -> Answer {
    match status {
        204 => Answer::Allow(Box::new(Grant { username: username_of(None, credentials), ..Grant::default() })),
        401 | 403 => Answer::wrong(format!("the service has answered {status}")),
        200 => match serde_json::from_slice(body) {
            Ok(Value::Object(map)) => of_map(&map, credentials).unwrap_or_else(|wrong| Answer::Failed(wrong.into())),
            Ok(found) => Answer::Failed(format!("expected a JSON object from the service, found `{found}`").into()),
            Err(_) => Answer::Failed("expected JSON from the service, found something else".into()),
        },
        _ => Answer::Failed(format!("the service has answered {status}").into()),
    }
}

fn of_map(map: &Map<String, Value>, credentials: &Credentials<'_>) -> Result<Answer, String> {
    match map.get("result").and_then(Value::as_str) {
        Some("allow") => {}
        Some("ignore") => return Ok(Answer::ignore("the service does not know the client")),
        Some("deny") => {
            let why = map.get("reason").and_then(Value::as_str).unwrap_or("the service has refused it");
            return Ok(Answer::wrong(why));
        }
        Some(found) => return Err(format!("expected a `result` of `allow`, `deny` or `ignore`, found `{found}`")),
        None => return Err("expected a `result` from the service, found none".to_owned()),
    }
    let rules = match map.get("acl") {
        None | Some(Value::Null) => None,
        Some(rules) => Some(rules_of_json(rules).map_err(|wrong| format!("`acl` of the service: {wrong}"))?),
    };
    let expires_at = match map.get("expire_at") {
        None | Some(Value::Null) => None,
        Some(at) => Some(timestamp_of(at).ok_or_else(|| format!("`expire_at` of the service is no time: {at}"))?),
    };
    if expires_at.is_some_and(|at| at <= credentials.at) {
        return Ok(Answer::wrong("the service has let it in until a time that is over"));
    }
    let roles = roles_of(map.get("roles"));
    let is_superuser = map.get("is_superuser").is_some_and(|value| *value == Value::Bool(true));
    Ok(Answer::Allow(Box::new(Grant {
        username: username_of(map.get("username"), credentials),
        superuser: is_superuser || roles.iter().any(|role| &**role == SUPERUSER),
        roles: roles.into(),
        expires_at,
        rules,
        attributes: attributes_of(map.get("client_attrs")),
    })))
}

/// The service has seen the user name of CONNECT; it may say that it is another one.
fn username_of(answered: Option<&Value>, credentials: &Credentials<'_>) -> Option<ByteString> {
    answered.and_then(Value::as_str).or(credentials.username).map(ByteString::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Timestamp;

    fn of(status: u16, body: &str) -> Answer {
        let credentials = Credentials {
            client_id: "c1",
            username: Some("ann"),
            password: None,
            peer: "10.0.0.1:5".parse().unwrap(),
            listener: "default",
            certificate: None,
            at: Timestamp(1_000_000),
        };
        answer(status, body.as_bytes(), &credentials)
    }

    #[test]
    fn answers_are_read_as_emqx_reads_them() {
        let Answer::Allow(grant) = of(
            200,
            r#"{"result":"allow","is_superuser":true,"client_attrs":{"site":"north"},"expire_at":2000,
                "acl":[{"permission":"deny","action":"publish","topic":"a"}]}"#,
        ) else {
            panic!("expected to get in")
        };
        assert!(grant.superuser && grant.rules.is_some());
        assert_eq!((grant.username.as_deref(), grant.expires_at), (Some("ann"), Some(Timestamp(2_000_000))));
        assert_eq!(&*grant.attributes, [("site".into(), "north".into())]);
        assert!(matches!(of(204, ""), Answer::Allow(_)));
        assert!(matches!(of(200, r#"{"result":"ignore"}"#), Answer::Ignore(_)));
        assert_eq!(of(200, r#"{"result":"deny","reason":"not paid"}"#), Answer::wrong("not paid"));
        assert!(matches!(of(200, r#"{"result":"allow","expire_at":1000}"#), Answer::Deny(..)));
        assert_eq!(of(403, ""), Answer::wrong("the service has answered 403"));
    }

    #[test]
    fn what_is_no_answer_is_a_failure_and_says_why() {
        for (status, body, why) in [
            (500, "", "the service has answered 500"),
            (404, "", "the service has answered 404"),
            (200, "yes", "expected JSON from the service, found something else"),
            (200, "[]", "expected a JSON object from the service, found `[]`"),
            (200, "{}", "expected a `result` from the service, found none"),
            (200, r#"{"result":"maybe"}"#, "expected a `result` of `allow`, `deny` or `ignore`, found `maybe`"),
            (200, r#"{"result":"allow","acl":7}"#, "`acl` of the service: expected rules, found `7`"),
            (200, r#"{"result":"allow","expire_at":"x"}"#, "`expire_at` of the service is no time: \"x\""),
        ] {
            assert_eq!(of(status, body), Answer::Failed(why.into()), "{status} {body}");
        }
    }
}
