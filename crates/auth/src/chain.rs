//! The way of a client through the authenticators: the first that says yes or no decides.

use std::net::IpAddr;
use std::sync::Arc;

use bytestring::ByteString;
use events::ConnackReason;

use crate::authenticator::users::UsersSource;
use crate::authenticator::{Answer, Kind, OnFailure, Source};
use crate::config::Anonymous;
use crate::identity::{Credentials, Decision, Identity, Verdict};

/// Who is asked, in order, and what holds where nobody has anything to say.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    /// Whether nobody is asked, whatever is given.
    pub(crate) is_open: bool,
    pub(crate) anonymous: Anonymous,
    pub(crate) sources: Vec<Arc<Source>>,
}

impl Chain {
    /// The decision where nobody is asked.
    pub(crate) fn decision_unasked(&self, credentials: &Credentials<'_>) -> Option<Decision> {
        self.is_open.then(|| Decision {
            verdict: Verdict::Allow(anonymous_identity(credentials)),
            decided_by: ByteString::from_static("listener"),
            why: None,
        })
    }

    /// The users whose hashes a password of nobody is compared with.
    pub(crate) fn users(&self) -> Option<(&Arc<Source>, &UsersSource)> {
        self.sources.iter().find_map(|source| match &source.kind {
            Kind::Users(users) => Some((source, users)),
            Kind::Jwt(_) | Kind::Http(_) | Kind::Postgres(_) | Kind::Certificate(_) => None,
        })
    }
}

/// A client on its way through a chain.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// Those who had nothing to say, and why.
    passed: Vec<(Arc<Source>, Answer)>,
}

impl Walk {
    /// Takes what the next one says; the decision where it is one.
    pub(crate) fn take(
        &mut self,
        source: &Arc<Source>,
        answer: Answer,
        credentials: &Credentials<'_>,
    ) -> Option<Decision> {
        let decided = |verdict, why| Some(Decision { verdict, decided_by: source.name.clone(), why });
        match answer {
            Answer::Ignore(_) => {
                self.passed.push((Arc::clone(source), answer));
                None
            }
            Answer::Failed(_) if source.on_failure == OnFailure::Ignore => {
                self.passed.push((Arc::clone(source), answer));
                None
            }
            Answer::Failed(why) => {
                source.counts.count(&Answer::Failed(ByteString::new()));
                decided(Verdict::Deny(ConnackReason::ServerUnavailable), Some(why))
            }
            Answer::Deny(reason, why) => {
                source.counts.count(&Answer::Deny(reason, ByteString::new()));
                decided(Verdict::Deny(reason), Some(why))
            }
            Answer::Allow(grant) => {
                let identity = (*grant).into_identity(credentials);
                source.counts.count(&Answer::Allow(Box::default()));
                decided(Verdict::Allow(identity), None)
            }
        }
    }

    /// Counts those who had nothing to say, once it is decided.
    pub(crate) fn count(&self) {
        for (source, answer) in &self.passed {
            source.counts.count(answer);
        }
    }

    /// The decision where nobody has made one. A client without a password is anonymous, where that is open to it;
    /// a password that is given has to be somebody's.
    pub(crate) fn end(&self, anonymous: Anonymous, credentials: &Credentials<'_>) -> Decision {
        let (verdict, decided_by) = match credentials.password {
            Some(_) => (Verdict::Deny(ConnackReason::BadUsernameOrPassword), "none"),
            None if is_open(anonymous, credentials.peer.ip()) => {
                (Verdict::Allow(anonymous_identity(credentials)), "anonymous")
            }
            None => (Verdict::Deny(ConnackReason::NotAuthorized), "anonymous"),
        };
        let why = matches!(verdict, Verdict::Deny(_)).then(|| self.why());
        Decision { verdict, decided_by: ByteString::from_static(decided_by), why }
    }

    /// Why nobody has decided: `users: there is no such user; fleet: what was given is no token`.
    fn why(&self) -> ByteString {
        let mut words = Vec::new();
        for (source, answer) in &self.passed {
            if let Answer::Ignore(why) | Answer::Failed(why) = answer {
                words.push(format!("{}: {why}", source.name));
            }
        }
        if words.is_empty() { ByteString::from_static("nobody is asked") } else { words.join("; ").into() }
    }
}

fn anonymous_identity(credentials: &Credentials<'_>) -> Identity {
    Identity {
        username: credentials.username.map(ByteString::from),
        client_id: credentials.client_id.into(),
        anonymous: true,
        ..Identity::default()
    }
}

fn is_open(anonymous: Anonymous, peer: IpAddr) -> bool {
    match anonymous {
        Anonymous::No => false,
        Anonymous::Loopback => peer.to_canonical().is_loopback(),
        Anonymous::Yes => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authenticator::certificate::{Certificate, CertificateOptions};

    fn credentials(peer: &str, password: Option<&'static str>) -> Credentials<'static> {
        Credentials {
            client_id: "c",
            username: Some("pump"),
            password: password.map(str::as_bytes),
            peer: peer.parse().unwrap(),
            listener: "default",
            certificate: None,
            at: events::Timestamp::SAMPLE,
        }
    }

    fn source(name: &'static str, on_failure: OnFailure) -> Arc<Source> {
        let kind = Kind::Certificate(Certificate::new(CertificateOptions::default()));
        Arc::new(Source::new(name, kind, on_failure))
    }

    #[test]
    fn without_a_password_the_address_decides_whatever_the_user_name() {
        for (anonymous, peer, open) in [
            (Anonymous::Loopback, "127.0.0.1:1", true),
            (Anonymous::Loopback, "127.8.9.1:1", true),
            (Anonymous::Loopback, "[::1]:1", true),
            (Anonymous::Loopback, "[::ffff:127.0.0.1]:1", true),
            (Anonymous::Loopback, "10.0.0.1:1", false),
            (Anonymous::Loopback, "[::ffff:10.0.0.1]:1", false),
            (Anonymous::No, "127.0.0.1:1", false),
            (Anonymous::Yes, "10.0.0.1:1", true),
        ] {
            let decision = Walk::default().end(anonymous, &credentials(peer, None));
            assert_eq!(&*decision.decided_by, "anonymous");
            match decision.verdict {
                Verdict::Allow(identity) => assert!(open && identity.anonymous && !identity.superuser, "{peer}"),
                Verdict::Deny(reason) => assert_eq!((open, reason), (false, ConnackReason::NotAuthorized), "{peer}"),
            }
        }
    }

    #[test]
    fn a_password_of_nobody_is_refused_even_where_anonymous_clients_get_in() {
        let mut walk = Walk::default();
        let credentials = credentials("127.0.0.1:1", Some("x"));
        assert_eq!(walk.take(&source("a", OnFailure::Deny), Answer::ignore("no such user"), &credentials), None);
        assert_eq!(walk.take(&source("b", OnFailure::Ignore), Answer::Failed("timed out".into()), &credentials), None);
        let decision = walk.end(Anonymous::Yes, &credentials);
        assert_eq!(decision.verdict, Verdict::Deny(ConnackReason::BadUsernameOrPassword));
        assert_eq!((&*decision.decided_by, decision.why.as_deref()), ("none", Some("a: no such user; b: timed out")));
    }

    #[test]
    fn the_first_that_says_yes_or_no_decides() {
        let credentials = credentials("10.0.0.1:1", Some("x"));
        let mut walk = Walk::default();
        let source = source("a", OnFailure::Deny);
        let failed = walk.take(&source, Answer::Failed("timed out".into()), &credentials).unwrap();
        assert_eq!(failed.verdict, Verdict::Deny(ConnackReason::ServerUnavailable));
        let allowed = walk.take(&source, Answer::Allow(Box::default()), &credentials).unwrap();
        assert!(
            matches!(allowed.verdict, Verdict::Allow(identity) if !identity.anonymous && identity.client_id == "c")
        );
        let denied = walk.take(&source, Answer::wrong("no"), &credentials).unwrap();
        assert_eq!((&*denied.decided_by, denied.why.as_deref()), ("a", Some("no")));
        let stats = source.counts.stats(&source.name, "x");
        assert_eq!((stats.allowed, stats.denied, stats.failed), (1, 1, 1));
    }
}
