//! Those who are asked, one after the other, whether a client may connect.
//!
//! Each says yes, no, or that the client is none of its: then the next one is asked. What several of them need stands
//! in `outside.rs`.

pub(crate) mod certificate;
pub(crate) mod http;
pub(crate) mod jwt;
pub(crate) mod outside;
pub(crate) mod postgres;
pub(crate) mod users;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytestring::ByteString;
use events::{ConnackReason, Timestamp};

use crate::acl::{Effect, Rule};
use crate::identity::{Attributes, Credentials, Identity};
use certificate::Certificate;
use http::Http;
use jwt::Jwt;
use postgres::Postgres;
use std::sync::Arc;
use users::UsersSource;

/// What an authenticator says about a client.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// It may connect.
    Allow(Box<Grant>),
    /// It may not, and why in words.
    Deny(ConnackReason, ByteString),
    /// It is none of ours, and why in words.
    Ignore(ByteString),
    /// We cannot tell, because somebody outside does not answer as he should.
    Failed(ByteString),
}

/// What a client is that may connect.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Grant {
    /// The user name, where the authenticator knows it.
    pub(crate) username: Option<ByteString>,
    pub(crate) roles: Arc<[ByteString]>,
    pub(crate) superuser: bool,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) rules: Option<Arc<[Rule]>>,
    pub(crate) attributes: Attributes,
}

impl Answer {
    /// No, with the usual reason.
    pub(crate) fn wrong(why: impl Into<ByteString>) -> Answer {
        Answer::Deny(ConnackReason::BadUsernameOrPassword, why.into())
    }

    /// None of ours.
    pub(crate) const fn ignore(why: &'static str) -> Answer {
        Answer::Ignore(ByteString::from_static(why))
    }
}

impl Grant {
    /// What the client is from now on.
    pub(crate) fn into_identity(self, credentials: &Credentials<'_>) -> Identity {
        let Grant { username, roles, superuser, expires_at, rules, attributes } = self;
        let client_id = credentials.client_id.into();
        Identity { username, client_id, roles, anonymous: false, superuser, expires_at, rules, attributes }
    }
}

/// What becomes of a client when an authenticator cannot tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It is refused with `server_unavailable`, and comes again later.
    #[default]
    Deny,
    /// The next one is asked.
    Ignore,
}

/// An authenticator of a chain.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: ByteString,
    pub(crate) kind: Kind,
    pub(crate) on_failure: OnFailure,
    pub(crate) counts: Counts,
}

/// The kinds of authenticators.
#[derive(Debug)]
pub(crate) enum Kind {
    Users(UsersSource),
    Jwt(Box<Jwt>),
    Http(Box<Http>),
    Postgres(Box<Postgres>),
    Certificate(Certificate),
}

impl Source {
    pub(crate) fn new(name: impl Into<ByteString>, kind: Kind, on_failure: OnFailure) -> Source {
        Source { name: name.into(), kind, on_failure, counts: Counts::default() }
    }

    /// What it says, where it need not wait for anything. Takes some microseconds.
    pub(crate) fn look(&self, credentials: &Credentials<'_>, now: Timestamp) -> Option<Answer> {
        match &self.kind {
            Kind::Users(users) => users.look(credentials),
            Kind::Jwt(jwt) => jwt.look(credentials, now),
            Kind::Http(http) => http.look(credentials),
            Kind::Postgres(_) => None,
            Kind::Certificate(certificate) => Some(certificate.look(credentials)),
        }
    }

    /// What it says.
    pub(crate) async fn ask(&self, credentials: &Credentials<'_>, now: Timestamp) -> Answer {
        match &self.kind {
            Kind::Users(users) => users.ask(credentials).await,
            Kind::Jwt(jwt) => jwt.ask(credentials, now).await,
            Kind::Http(http) => http.ask(credentials).await,
            Kind::Postgres(postgres) => postgres.ask(credentials).await,
            Kind::Certificate(certificate) => certificate.look(credentials),
        }
    }

    /// The word for its kind.
    pub(crate) const fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Users(_) => "users",
            Kind::Jwt(_) => "jwt",
            Kind::Http(_) => "http",
            Kind::Postgres(_) => "postgres",
            Kind::Certificate(_) => "certificate",
        }
    }
}

/// What came of asking.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    allowed: AtomicU64,
    denied: AtomicU64,
    ignored: AtomicU64,
    failed: AtomicU64,
    waited_us: AtomicU64,
}

/// What came of asking an authenticator or authorizer, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceStats {
    /// Its name in the configuration.
    pub name: ByteString,
    /// Its kind.
    pub kind: &'static str,
    /// How often it allowed.
    pub allowed: u64,
    /// How often it denied.
    pub denied: u64,
    /// How often it had nothing to say.
    pub ignored: u64,
    /// How often it could not tell.
    pub failed: u64,
    /// How long clients waited for it in all, in µs.
    pub waited_us: u64,
}

impl Counts {
    pub(crate) fn count(&self, answer: &Answer) {
        let counter = match answer {
            Answer::Allow(_) => &self.allowed,
            Answer::Deny(..) => &self.denied,
            Answer::Ignore(_) => &self.ignored,
            Answer::Failed(_) => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts what an authorizer says.
    pub(crate) fn count_effect(&self, effect: Option<Effect>) {
        let counter = match effect {
            Some(Effect::Allow) => &self.allowed,
            Some(Effect::Deny) => &self.denied,
            None => &self.ignored,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_failure(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn waited(&self, time: Duration) {
        self.waited_us.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn stats(&self, name: &ByteString, kind: &'static str) -> SourceStats {
        let [allowed, denied, ignored, failed, waited_us] =
            [&self.allowed, &self.denied, &self.ignored, &self.failed, &self.waited_us]
                .map(|counter| counter.load(Ordering::Relaxed));
        SourceStats { name: name.clone(), kind, allowed, denied, ignored, failed, waited_us }
    }
}
