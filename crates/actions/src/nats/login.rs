//! Who we are to a server: a password, a token, a key, or what stands in a credentials file.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::ConfigError;
use nkeys::KeyPair;
use serde_json::{Map, Value};

use super::NatsOptions;
use crate::secret::Secret;

/// How we sign in.
pub(super) enum Login {
    Nobody,
    User {
        name: String,
        password: Secret,
    },
    Token(Secret),
    /// The server's nonce is signed; `jwt` says whose key it is where the server does not know.
    Key {
        pair: Box<KeyPair>,
        jwt: Option<Secret>,
    },
}

impl Login {
    /// Reads the options, of which one says who we are.
    pub(super) fn new(options: &NatsOptions) -> Result<Login, ConfigError> {
        let given = [
            ("username", options.username.is_some()),
            ("token", options.token.is_some()),
            ("nkey", options.nkey.is_some()),
            ("credentials", options.credentials.is_some()),
        ];
        let mut given = given.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name);
        if let (Some(first), Some(second)) = (given.next(), given.next()) {
            let message = format!("expected one of `{first}` and `{second}`, found both");
            return Err(ConfigError::at(&[second], message));
        }
        match (&options.username, &options.password) {
            (Some(name), password) => {
                return Ok(Login::User { name: name.clone(), password: password.clone().unwrap_or_default() });
            }
            (None, Some(_)) => {
                let error = ConfigError::at(&["password"], "`password` needs a `username`");
                return Err(error.with_help("write `username = \"...\"` beside it"));
            }
            (None, None) => {}
        }
        if let Some(token) = &options.token {
            return Ok(Login::Token(token.clone()));
        }
        if let Some(seed) = &options.nkey {
            return Ok(Login::Key { pair: pair_of("nkey", seed.expose())?, jwt: None });
        }
        match &options.credentials {
            Some(credentials) => of_credentials(credentials.expose()),
            None => Ok(Login::Nobody),
        }
    }

    /// Adds to CONNECT who we are. `nonce` is what the server wants signed.
    pub(super) fn add_to(&self, connect: &mut Map<String, Value>, nonce: &str) -> Result<(), String> {
        let mut add = |name: &str, value: &str| drop(connect.insert(name.to_owned(), value.into()));
        match self {
            Login::Nobody => {}
            Login::User { name, password } => {
                add("user", name);
                add("pass", password.expose());
            }
            Login::Token(token) => add("auth_token", token.expose()),
            Login::Key { pair, jwt } => {
                let signature = pair.sign(nonce.as_bytes()).map_err(|error| error.to_string())?;
                add("sig", &URL_SAFE_NO_PAD.encode(signature));
                match jwt {
                    Some(jwt) => add("jwt", jwt.expose()),
                    None => add("nkey", &pair.public_key()),
                }
            }
        }
        Ok(())
    }
}

/// A credentials file holds a JWT and a seed, each between a line of dashes with BEGIN and one with END.
fn of_credentials(text: &str) -> Result<Login, ConfigError> {
    let part = |name: &str| {
        let (_, behind) = text.split_once(&format!("-BEGIN {name}-"))?;
        let (inside, _) = behind.split_once(&format!("-END {name}-"))?;
        Some(inside.trim_matches(|c: char| c == '-' || c.is_whitespace()))
    };
    let (Some(jwt), Some(seed)) = (part("NATS USER JWT"), part("USER NKEY SEED")) else {
        let message = "`credentials`: expected what stands in a credentials file, a JWT and a seed";
        return Err(
            ConfigError::at(&["credentials"], message).with_help("write `credentials = \"${file:/path/user.creds}\"`")
        );
    };
    Ok(Login::Key { pair: pair_of("credentials", seed)?, jwt: Some(Secret::from(jwt.to_owned())) })
}

fn pair_of(name: &str, seed: &str) -> Result<Box<KeyPair>, ConfigError> {
    // What is wrong with it is not said: it is secret.
    KeyPair::from_seed(seed.trim())
        .map(Box::new)
        .map_err(|_| ConfigError::at(&[name], format!("`{name}`: expected the seed of an NKEY, `SU...`")))
}
