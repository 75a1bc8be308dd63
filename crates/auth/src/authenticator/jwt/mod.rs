//! Tokens: a client shows a JSON Web Token (RFC 7519) that somebody we trust has signed.
//!
//! A password that is no token, or whose signature is of a key we do not have, is none of ours: another authenticator
//! may know it. A token of ours whose claims are not right is refused.

mod claims;
mod keys;

use events::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::Answer;
use crate::clock::Clock;
use crate::error::AuthError;
use crate::identity::Credentials;
pub use claims::ClaimOptions;
use claims::Claims;
pub(super) use claims::{attributes_of, roles_of, timestamp_of};
pub use keys::KeyOptions;
use keys::{Found, Keys};

/// Bytes of a token; a longer one is none.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// The options of an authenticator of kind `jwt`.
#[derive(Clone, Debug, Default)]
pub struct JwtOptions {
    /// Where the token is.
    pub from: TokenFrom,
    /// Who may have signed it.
    pub keys: KeyOptions,
    /// What it has to say, and what it gives.
    pub claims: ClaimOptions,
}

/// Where a token is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenFrom {
    /// In the password.
    #[default]
    Password,
    /// In the user name.
    Username,
}

/// An authenticator of kind `jwt`.
#[derive(Debug)]
pub(crate) struct Jwt {
    from: TokenFrom,
    keys: Keys,
    claims: Claims,
}

impl Jwt {
    /// Checks the options; nothing is fetched yet. `path` is the section they are in.
    pub(crate) fn new(path: &str, options: &JwtOptions, clock: Clock) -> Result<Jwt, AuthError> {
        Ok(Jwt {
            from: options.from,
            keys: Keys::new(path, &options.keys, clock)?,
            claims: Claims::new(path, &options.claims)?,
        })
    }

    pub(super) fn look(&self, credentials: &Credentials<'_>, now: Timestamp) -> Option<Answer> {
        let (token, header) = match self.token(credentials) {
            Ok(found) => found,
            Err(why) => return Some(Answer::ignore(why)),
        };
        match self.keys.find(&header) {
            Found::Keys(keys) => Some(self.answer((token, header.alg), &keys, credentials, now)),
            Found::None(answer) => Some(answer),
            Found::Fetch => None,
        }
    }

    pub(super) async fn ask(&self, credentials: &Credentials<'_>, now: Timestamp) -> Answer {
        let (token, header) = match self.token(credentials) {
            Ok(found) => found,
            Err(why) => return Answer::ignore(why),
        };
        self.keys.fetch_for(&header).await;
        match self.keys.find(&header) {
            Found::Keys(keys) => self.answer((token, header.alg), &keys, credentials, now),
            Found::None(answer) => answer,
            Found::Fetch => Answer::Failed("the keys cannot be fetched".into()),
        }
    }

    /// Fetches the keys where it is time to; never ends.
    pub(crate) async fn look_after_keys(&self) {
        self.keys.look_after().await;
    }

    fn token<'a>(&self, credentials: &Credentials<'a>) -> Result<(&'a [u8], Header), &'static str> {
        let token = match self.from {
            TokenFrom::Password => credentials.password.ok_or("no password was given")?,
            TokenFrom::Username => credentials.username.ok_or("no user name was given")?.as_bytes(),
        };
        if token.len() > TOKEN_BYTES_MAX {
            return Err("the token is too long");
        }
        let header = decode_header(token).map_err(|_| "what was given is no token")?;
        Ok((token, header))
    }

    /// The claims are believed where one of the keys has signed them.
    fn answer(
        &self,
        (token, algorithm): (&[u8], Algorithm),
        keys: &[DecodingKey],
        credentials: &Credentials<'_>,
        now: Timestamp,
    ) -> Answer {
        let mut validation = Validation::new(algorithm);
        // The claims are compared by ourselves, against the time that was handed in.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let signed = keys.iter().find_map(|key| decode::<Map<String, Value>>(token, key, &validation).ok());
        match signed {
            None => Answer::ignore("the signature of the token is of no known key"),
            Some(token) => match self.claims.grant(&token.claims, credentials, now) {
                Ok(grant) => Answer::Allow(Box::new(grant)),
                Err(why) => Answer::wrong(why),
            },
        }
    }
}
