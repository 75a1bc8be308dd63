//! Users with passwords in a file.

use std::sync::{Arc, LazyLock};

use events::ConnackReason;

use super::{Answer, Grant};
use crate::acl::SUPERUSER;
use crate::identity::Credentials;
use crate::memory::Known;
use crate::passwords::{Passwords, Question};
use crate::users::{User, Users};
use crate::watched::Watched;

/// The users of a file.
#[derive(Debug)]
pub(crate) struct UsersSource {
    users: Arc<Watched<Users>>,
    passwords: Passwords,
}

static NOBODY: LazyLock<Arc<Users>> =
    LazyLock::new(|| Arc::new(Users::parse("").expect("an empty file has no mistakes")));

impl UsersSource {
    pub(crate) const fn new(users: Arc<Watched<Users>>, passwords: Passwords) -> UsersSource {
        UsersSource { users, passwords }
    }

    /// The users as they are now.
    pub(crate) fn users(&self) -> Arc<Users> {
        self.users.load().clone().unwrap_or_else(|| Arc::clone(&NOBODY))
    }

    pub(super) fn look(&self, credentials: &Credentials<'_>) -> Option<Answer> {
        let users = self.users();
        match asked(&users, credentials) {
            Err(answer) => Some(answer),
            Ok((user, question)) => match self.passwords.look(&question) {
                Known::Right => Some(allow(user)),
                Known::Wrong => Some(Answer::wrong("the password is wrong")),
                Known::Unknown => None,
            },
        }
    }

    pub(super) async fn ask(&self, credentials: &Credentials<'_>) -> Answer {
        let users = self.users();
        let (user, question) = match asked(&users, credentials) {
            Ok(asked) => asked,
            Err(answer) => return answer,
        };
        match self.passwords.verify(&question).await {
            Ok(true) => allow(user),
            Ok(false) => Answer::wrong("the password is wrong"),
            Err(reason) => Answer::Deny(reason, reason.row().meaning.into()),
        }
    }

    /// Compares the password of an unknown user with none, so that the time does not tell that it is unknown.
    pub(crate) fn look_unknown(&self, credentials: &Credentials<'_>) -> bool {
        let users = self.users();
        let decoy = Question { stored: users.decoy(), ..question(credentials, "") };
        self.passwords.look(&decoy) != Known::Unknown
    }

    /// As [`UsersSource::look_unknown`], with a hash where one is needed.
    pub(crate) async fn ask_unknown(&self, credentials: &Credentials<'_>) -> Result<(), ConnackReason> {
        let users = self.users();
        let decoy = Question { stored: users.decoy(), ..question(credentials, "") };
        self.passwords.verify(&decoy).await.map(|_| ())
    }
}

fn asked<'a>(users: &'a Users, credentials: &Credentials<'a>) -> Result<(&'a User, Question<'a>), Answer> {
    if credentials.password.is_none() {
        return Err(Answer::ignore("no password was given"));
    }
    let Some(username) = credentials.username else {
        // MQTT 5 allows a password without a user name; here passwords belong to users.
        return Err(Answer::ignore("a password was given without a user name"));
    };
    let user = users.get(username).ok_or_else(|| Answer::ignore("there is no such user"))?;
    Ok((user, question(credentials, &user.stored)))
}

fn question<'a>(credentials: &Credentials<'a>, stored: &'a str) -> Question<'a> {
    Question {
        username: credentials.username.unwrap_or_default(),
        password: credentials.password.unwrap_or_default(),
        stored,
        peer: credentials.peer.ip(),
    }
}

fn allow(user: &User) -> Answer {
    Answer::Allow(Box::new(Grant {
        username: Some(user.name.clone()),
        roles: user.roles.clone(),
        superuser: user.roles.iter().any(|role| &**role == SUPERUSER),
        ..Grant::default()
    }))
}
