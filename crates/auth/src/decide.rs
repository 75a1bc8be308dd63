//! From credentials to a decision, or to the question whether a password has a certain hash.

use std::net::IpAddr;
use std::sync::Arc;

use bytestring::ByteString;
use events::ConnackReason;

use crate::acl::SUPERUSER;
use crate::config::Anonymous;
use crate::identity::{Credentials, Decision, Identity};
use crate::users::{User, Users};

/// What credentials lead to.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// Decided without looking at a password.
    Decided(Decision),
    /// It depends on whether `password` has the hash `stored`.
    Verify {
        username: &'a str,
        password: &'a [u8],
        /// For an unknown user the hash of no password, which costs as much to compare.
        stored: &'a Arc<str>,
        /// `None` where the user is unknown.
        user: Option<&'a User>,
    },
}

/// The first step. Without a password a client is anonymous or refused; a password that is given is always checked.
pub(crate) fn first_step<'a>(anonymous: Anonymous, users: &'a Users, credentials: &Credentials<'a>) -> Step<'a> {
    match (credentials.username, credentials.password) {
        (_, None) if is_open(anonymous, credentials.peer.ip()) => Step::Decided(Decision::Allow(Identity {
            username: credentials.username.map(ByteString::from),
            client_id: credentials.client_id.into(),
            roles: Arc::default(),
            anonymous: true,
            superuser: false,
        })),
        (_, None) => Step::Decided(Decision::Deny(ConnackReason::NotAuthorized)),
        // MQTT 5 allows a password without a user name; here passwords belong to users.
        (None, Some(_)) => Step::Decided(Decision::Deny(ConnackReason::BadUsernameOrPassword)),
        (Some(username), Some(password)) => {
            let user = users.get(username);
            let stored = user.map_or(users.decoy(), |user| &user.stored);
            Step::Verify { username, password, stored, user }
        }
    }
}

/// The decision when it is known whether the password is right.
pub(crate) fn last_step(user: Option<&User>, right: bool, credentials: &Credentials<'_>) -> Decision {
    match user {
        Some(user) if right => Decision::Allow(Identity {
            username: Some(user.name.clone()),
            client_id: credentials.client_id.into(),
            roles: user.roles.clone(),
            anonymous: false,
            superuser: user.roles.iter().any(|role| &**role == SUPERUSER),
        }),
        Some(_) | None => Decision::Deny(ConnackReason::BadUsernameOrPassword),
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
    use crate::password::{TEST_COST, hash};

    fn credentials<'a>(peer: &str, username: Option<&'a str>, password: Option<&'a str>) -> Credentials<'a> {
        let peer = peer.parse().unwrap();
        Credentials { client_id: "c", username, password: password.map(str::as_bytes), peer, listener: "default" }
    }

    fn users() -> Users {
        Users::parse(&format!("pump:{}:superuser,crew\n", hash(b"secret", &TEST_COST).unwrap())).unwrap()
    }

    #[test]
    fn without_a_password_the_address_decides_whatever_the_user_name() {
        let users = users();
        for (anonymous, peer, open) in [
            (Anonymous::Loopback, "127.0.0.1:1", true),
            (Anonymous::Loopback, "127.8.9.1:1", true),
            (Anonymous::Loopback, "[::1]:1", true),
            (Anonymous::Loopback, "[::ffff:127.0.0.1]:1", true),
            (Anonymous::Loopback, "10.0.0.1:1", false),
            (Anonymous::Loopback, "[2001:db8::1]:1", false),
            (Anonymous::No, "127.0.0.1:1", false),
            (Anonymous::Yes, "10.0.0.1:1", true),
        ] {
            for username in [None, Some("u_emqx"), Some("pump")] {
                match first_step(anonymous, &users, &credentials(peer, username, None)) {
                    Step::Decided(Decision::Allow(identity)) => {
                        assert!(open, "{anonymous:?} {peer}");
                        assert!(identity.anonymous && !identity.superuser && identity.roles.is_empty());
                        assert_eq!(identity.username.as_deref(), username);
                    }
                    Step::Decided(Decision::Deny(reason)) => {
                        assert_eq!((open, reason), (false, ConnackReason::NotAuthorized), "{anonymous:?} {peer}");
                    }
                    Step::Verify { .. } => panic!("there is no password to verify"),
                }
            }
        }
    }

    #[test]
    fn a_password_is_checked_even_where_anonymous_clients_get_in() {
        let users = users();
        for (username, known) in [("pump", true), ("stranger", false), ("", false)] {
            let step = first_step(Anonymous::Yes, &users, &credentials("127.0.0.1:1", Some(username), Some("")));
            let Step::Verify { user, stored, .. } = step else { panic!("expected a question, found {step:?}") };
            assert_eq!(user.is_some(), known);
            assert_eq!(stored == users.decoy(), !known);
        }
        let step = first_step(Anonymous::Yes, &users, &credentials("127.0.0.1:1", None, Some("x")));
        assert!(matches!(step, Step::Decided(Decision::Deny(ConnackReason::BadUsernameOrPassword))), "{step:?}");
    }

    #[test]
    fn a_right_password_gives_name_and_roles_and_an_unknown_user_is_refused_whatever_comes_out() {
        let users = users();
        let credentials = credentials("10.0.0.1:1", Some("pump"), Some("secret"));
        let Decision::Allow(identity) = last_step(users.get("pump"), true, &credentials) else {
            panic!("expected the user to be let in")
        };
        assert_eq!(identity.username.as_deref(), Some("pump"));
        assert!(identity.superuser && !identity.anonymous && identity.roles.len() == 2);
        let refused = Decision::Deny(ConnackReason::BadUsernameOrPassword);
        assert_eq!(last_step(users.get("pump"), false, &credentials), refused);
        assert_eq!(last_step(None, true, &credentials), refused);
    }
}
