//! Extended authentication of MQTT 5: a client and the broker exchange messages until one of them is sure.

use std::fmt;
use std::sync::Arc;

use bytestring::ByteString;
use events::ConnackReason;

use crate::acl::SUPERUSER;
use crate::authenticator::users::UsersSource;
use crate::authenticator::{Answer, Grant, Source};
use crate::identity::{Credentials, Decision, Verdict};
use crate::password::{Stored, parse_all, random_key};
use crate::scram::{Challenged, ClientFirst, ScramCredentials, ScramHash, decoy};
use crate::users::Users;

/// An exchange under way.
pub struct Exchange {
    source: Arc<Source>,
    challenged: Challenged,
    credentials: ScramCredentials,
    /// What the client is if it proves it; `None` where the user is not there.
    grant: Option<Box<Grant>>,
}

/// Without what is kept of the password.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("username", &self.challenged.username).finish_non_exhaustive()
    }
}

impl Exchange {
    /// What the client is to be sent next.
    pub fn challenge(&self) -> &[u8] {
        self.challenged.message()
    }

    /// The end of the exchange: the decision about what the client has sent, and what it is to be sent with a success.
    pub fn finish(self, data: &[u8], credentials: &Credentials<'_>) -> (Decision, Vec<u8>) {
        let Exchange { source, challenged, credentials: of_user, grant } = self;
        let proven = challenged.verify(data, &of_user);
        let (answer, signature) = match (proven, grant) {
            (Ok(signature), Some(grant)) => (Answer::Allow(grant), signature),
            (Ok(_), None) => (Answer::wrong("there is no such user"), Vec::new()),
            (Err(_), None) => (Answer::wrong("there is no such user, or it has no SCRAM credentials"), Vec::new()),
            (Err(wrong), Some(_)) => (Answer::wrong(wrong), Vec::new()),
        };
        source.counts.count(&answer);
        (decided(&source, answer, credentials), signature)
    }
}

/// The hash of a method that is offered.
pub(crate) fn hash_of(method: &str) -> Option<ScramHash> {
    ScramHash::ALL.into_iter().find(|hash| hash.method() == method)
}

/// Begins an exchange with the client's first message; or refuses it.
pub(crate) fn begin(
    (source, users): (&Arc<Source>, &UsersSource),
    (hash, data): (ScramHash, Option<&[u8]>),
    key: &[u8],
    credentials: &Credentials<'_>,
) -> Result<Exchange, Box<Decision>> {
    let first = ClientFirst::parse(data.unwrap_or_default()).map_err(|wrong| {
        let answer = Answer::Deny(ConnackReason::NotAuthorized, ByteString::from_static(wrong));
        source.counts.count(&answer);
        Box::new(decided(source, answer, credentials))
    })?;
    let known = credentials_of(&users.users(), &first.username, hash);
    let (of_user, grant) = match known {
        Some((of_user, grant)) => (of_user, Some(grant)),
        None => (decoy(hash, key, &first.username), None),
    };
    let challenged = first.challenge(hash, (&of_user.salt, of_user.iterations), &random_key());
    Ok(Exchange { source: Arc::clone(source), challenged, credentials: of_user, grant })
}

fn credentials_of(users: &Users, name: &str, hash: ScramHash) -> Option<(ScramCredentials, Box<Grant>)> {
    let user = users.get(name)?;
    let of_user = parse_all(&user.stored).ok()?.into_iter().find_map(|stored| match stored {
        Stored::Scram(credentials) if credentials.hash == hash => Some(credentials),
        Stored::Scram(_) | Stored::Argon2id(..) | Stored::Bcrypt(..) | Stored::Derived(_) | Stored::Salted(_) => None,
    })?;
    let grant = Grant {
        username: Some(user.name.clone()),
        roles: user.roles.clone(),
        superuser: user.roles.iter().any(|role| &**role == SUPERUSER),
        ..Grant::default()
    };
    Some((of_user, Box::new(grant)))
}

fn decided(source: &Source, answer: Answer, credentials: &Credentials<'_>) -> Decision {
    let (verdict, why) = match answer {
        Answer::Allow(grant) => (Verdict::Allow(grant.into_identity(credentials)), None),
        Answer::Deny(reason, why) => (Verdict::Deny(reason), Some(why)),
        Answer::Ignore(why) | Answer::Failed(why) => (Verdict::Deny(ConnackReason::NotAuthorized), Some(why)),
    };
    Decision { verdict, decided_by: source.name.clone(), why }
}
