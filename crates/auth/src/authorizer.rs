//! Services that are asked what a client may do, where no rule of ours says it.
//!
//! They answer as EMQX's do: 204, which allows, or 200 with `{"result": "allow" | "deny" | "ignore"}`. 401 and 403 deny.
//! Anything else is a failure.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytestring::ByteString;
use events::Timestamp;
use futures_util::future::join_all;
use parking_lot::Mutex;
use serde_json::Value;

use crate::acl::Effect;
use crate::authenticator::http::HttpOptions;
use crate::authenticator::outside::Outside;
use crate::authenticator::{Counts, OnFailure, SourceStats};
use crate::certificate::PeerCertificate;
use crate::clock::Clock;
use crate::error::AuthError;
use crate::http_question::HttpQuestion;
use crate::identity::{Attributes, Credentials, Identity};
use crate::passwords::Passwords;
use crate::template::{Facts, Request, Scope};

/// Questions of one packet that are asked at a time.
const AT_A_TIME: usize = 8;
/// Subscriptions of a connection that are remembered as allowed. Beyond it what they bring is cut to what rules allow,
/// where other subscriptions of the client are.
const GRANTED_MAX: usize = 10_000;

/// A service that says what clients may do.
#[derive(Clone, Debug)]
pub struct AuthorizerOptions {
    /// What becomes of a question that it cannot answer.
    pub on_failure: OnFailure,
    /// What is asked, how, and how much.
    pub http: HttpOptions,
}

/// How a client is connected, as far as a service may want to know.
#[derive(Clone, Copy, Debug)]
pub struct Connected<'a> {
    /// The address of the client.
    pub peer: SocketAddr,
    /// The name of the listener.
    pub listener: &'a str,
    /// The certificate of the client.
    pub certificate: Option<&'a Arc<PeerCertificate>>,
}

/// What a client wants to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) action: &'static str,
    /// The topic; of a subscription the filter.
    pub(crate) topic: ByteString,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
}

/// What a service says; nothing where it has no opinion.
type Ruling = Option<Effect>;

/// A service, checked.
#[derive(Debug)]
pub(crate) struct Authorizer {
    name: ByteString,
    question: HttpQuestion,
    outside: Outside<Ruling>,
    passwords: Passwords,
    on_failure: OnFailure,
    counts: Counts,
    clock: Clock,
    /// It has not answered the last question: told once.
    is_failing: AtomicBool,
}

impl Authorizer {
    pub(crate) fn new(
        (name, path): (&str, &str),
        options: &AuthorizerOptions,
        passwords: Passwords,
        clock: Clock,
    ) -> Result<Authorizer, AuthError> {
        let HttpOptions { question, client, limits } = &options.http;
        Ok(Authorizer {
            name: name.into(),
            question: HttpQuestion::new(path, question, client, Scope::Request)?,
            outside: Outside::new(limits, clock),
            passwords,
            on_failure: options.on_failure,
            counts: Counts::default(),
            clock,
            is_failing: AtomicBool::new(false),
        })
    }

    /// Forgets every answer.
    pub(crate) fn forget(&self) {
        self.outside.forget();
    }

    pub(crate) fn stats(&self) -> SourceStats {
        self.counts.stats(&self.name, "http")
    }

    /// What is remembered.
    fn look(&self, facts: &Facts<'_>) -> Option<Ruling> {
        if !self.outside.remembers() {
            return None;
        }
        self.outside.recall(&self.passwords.digest_of(&self.name, &self.question.text(facts)))
    }

    async fn ask(&self, facts: &Facts<'_>) -> Ruling {
        let began = self.clock.since();
        let answered = self.outside.in_turn(self.question.ask(facts)).await;
        self.counts.waited(self.clock.since().saturating_sub(began));
        let ruling = match answered {
            Ok(Ok((status, body))) => ruling(status, &body),
            Ok(Err(failure)) => Err(failure),
            Err(_too_many) => Err("too many questions wait for the service".to_owned()),
        };
        match ruling {
            Ok(ruling) => {
                self.counts.count_effect(ruling);
                if self.is_failing.swap(false, Ordering::Relaxed) {
                    tracing::info!(authorizer = &*self.name, "the service answers again");
                }
                if self.outside.remembers() {
                    let question = self.passwords.digest_of(&self.name, &self.question.text(facts));
                    self.outside.remember(question, ruling);
                }
                ruling
            }
            Err(failure) => {
                self.counts.count_failure();
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(authorizer = &*self.name, failure, "the service does not say what clients may do");
                }
                match self.on_failure {
                    OnFailure::Deny => Some(Effect::Deny),
                    OnFailure::Ignore => None,
                }
            }
        }
    }
}

fn ruling(status: u16, body: &[u8]) -> Result<Ruling, String> {
    match status {
        204 => Ok(Some(Effect::Allow)),
        401 | 403 => Ok(Some(Effect::Deny)),
        200 => {
            let body: Value = serde_json::from_slice(body)
                .map_err(|_| "expected JSON from the service, found something else".to_owned())?;
            match body.get("result").and_then(Value::as_str) {
                Some("allow") => Ok(Some(Effect::Allow)),
                Some("deny") => Ok(Some(Effect::Deny)),
                Some("ignore") => Ok(None),
                Some(found) => Err(format!("expected a `result` of `allow`, `deny` or `ignore`, found `{found}`")),
                None => Err("expected a `result` from the service, found none".to_owned()),
            }
        }
        _ => Err(format!("the service has answered {status}")),
    }
}

/// The services that are asked about one client, and what they have said about the packet at hand.
#[derive(Debug)]
pub(crate) struct Asked {
    services: Arc<[Authorizer]>,
    who: Who,
    known: Mutex<Vec<(Wish, Ruled)>>,
    /// Filters of subscriptions that a service has allowed.
    granted: Mutex<Vec<ByteString>>,
}

/// What came of a question, and whose answer it is.
#[derive(Clone, Copy, Debug)]
struct Ruled {
    ruling: Ruling,
    by: usize,
}

/// Whom a question is about.
#[derive(Debug)]
struct Who {
    client_id: ByteString,
    username: Option<ByteString>,
    attributes: Attributes,
    peer: SocketAddr,
    listener: ByteString,
    certificate: Option<Arc<PeerCertificate>>,
}

impl Who {
    fn credentials(&self) -> Credentials<'_> {
        Credentials {
            client_id: &self.client_id,
            username: self.username.as_deref(),
            password: None,
            peer: self.peer,
            listener: &self.listener,
            certificate: self.certificate.as_deref(),
            at: Timestamp(0),
        }
    }
}

impl Asked {
    pub(crate) fn new(services: Arc<[Authorizer]>, identity: &Identity, connected: &Connected<'_>) -> Asked {
        let who = Who {
            client_id: identity.client_id.clone(),
            username: identity.username.clone(),
            attributes: Arc::clone(&identity.attributes),
            peer: connected.peer,
            listener: connected.listener.into(),
            certificate: connected.certificate.cloned(),
        };
        Asked { services, who, known: Mutex::default(), granted: Mutex::default() }
    }

    /// Forgets what was said about the packet before.
    pub(crate) fn begin(&self) {
        self.known.lock().clear();
    }

    /// Whether it is known what the services say. What is remembered of them stays known until it is used.
    pub(crate) fn knows(&self, wish: &Wish) -> bool {
        let mut known = self.known.lock();
        if known.iter().any(|(of, _)| of == wish) {
            return true;
        }
        let recalled = self.recall(wish);
        known.extend(recalled.map(|ruled| (wish.clone(), ruled)));
        recalled.is_some()
    }

    /// What the services say, and who of them; `Some(None, _)` where none has an opinion, `None` where it is not known.
    pub(crate) fn take(&self, wish: &Wish) -> Option<(Ruling, &str)> {
        let mut known = self.known.lock();
        let at = known.iter().position(|(of, _)| of == wish)?;
        let (_, Ruled { ruling, by }) = known.swap_remove(at);
        Some((ruling, self.services.get(by).map_or("default", |service| &service.name)))
    }

    /// Remembers that a subscription was allowed: deliveries to it are not asked about.
    pub(crate) fn grant(&self, filter: &str) {
        let mut granted = self.granted.lock();
        if granted.len() < GRANTED_MAX && !granted.iter().any(|of| **of == *filter) {
            granted.push(filter.into());
        }
    }

    /// Whether a message of this topic comes by a subscription that was allowed.
    pub(crate) fn is_granted(&self, topic: &str) -> bool {
        self.granted.lock().iter().any(|filter| mqtt::filter::matches(filter, topic))
    }

    fn recall(&self, wish: &Wish) -> Option<Ruled> {
        let credentials = self.who.credentials();
        let facts = self.facts(&credentials, wish);
        for (by, service) in self.services.iter().enumerate() {
            if let Some(effect) = service.look(&facts)? {
                return Some(Ruled { ruling: Some(effect), by });
            }
        }
        Some(Ruled { ruling: None, by: usize::MAX })
    }

    async fn ask(&self, wish: &Wish) -> Ruled {
        let credentials = self.who.credentials();
        let facts = self.facts(&credentials, wish);
        for (by, service) in self.services.iter().enumerate() {
            let ruling = match service.look(&facts) {
                Some(ruling) => ruling,
                None => service.ask(&facts).await,
            };
            if ruling.is_some() {
                return Ruled { ruling, by };
            }
        }
        Ruled { ruling: None, by: usize::MAX }
    }

    fn facts<'a>(&'a self, credentials: &'a Credentials<'a>, wish: &'a Wish) -> Facts<'a> {
        let Wish { action, topic, qos, retain } = wish;
        let request = Request { topic, action, qos: *qos, retain: *retain };
        Facts { credentials, attributes: &self.who.attributes, request: Some(request) }
    }
}

/// What has to be asked before a packet can be handled.
#[derive(Debug)]
pub struct Question {
    asked: Arc<Asked>,
    wishes: Vec<Wish>,
}

impl Question {
    pub(crate) const fn new(asked: Arc<Asked>, wishes: Vec<Wish>) -> Question {
        Question { asked, wishes }
    }

    /// Asks. Afterwards the [`Permissions`](crate::Permissions) that this came from know the answers.
    pub async fn ask(self) {
        for wishes in self.wishes.chunks(AT_A_TIME) {
            let ruled = join_all(wishes.iter().map(|wish| self.asked.ask(wish))).await;
            self.asked.known.lock().extend(wishes.iter().cloned().zip(ruled));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_emqx_reads_them() {
        assert_eq!(ruling(204, b""), Ok(Some(Effect::Allow)));
        assert_eq!(ruling(200, br#"{"result":"allow"}"#), Ok(Some(Effect::Allow)));
        assert_eq!(ruling(200, br#"{"result":"deny"}"#), Ok(Some(Effect::Deny)));
        assert_eq!(ruling(200, br#"{"result":"ignore"}"#), Ok(None));
        assert_eq!(ruling(403, b""), Ok(Some(Effect::Deny)));
    }

    #[test]
    fn what_is_no_answer_is_a_failure_and_says_why() {
        for (status, body, why) in [
            (500, "", "the service has answered 500"),
            (200, "yes", "expected JSON from the service, found something else"),
            (200, "{}", "expected a `result` from the service, found none"),
            (200, r#"{"result":"maybe"}"#, "expected a `result` of `allow`, `deny` or `ignore`, found `maybe`"),
        ] {
            assert_eq!(ruling(status, body.as_bytes()), Err(why.to_owned()), "{status} {body}");
        }
    }
}
