//! What the tests with services outside need: a real HTTP server, signers of tokens, a handle with authenticators.

mod http_server;
mod signers;

use auth::{Auth, AuthConfig, AuthError, AuthenticatorOptions};

pub(crate) use http_server::{Answers, HttpServer};
pub(crate) use signers::{Signer, signer};

/// A handle without files.
pub(crate) fn open(authenticators: Vec<(String, AuthenticatorOptions)>) -> Auth {
    try_open(authenticators).expect("the options are sound")
}

/// The same, or what is wrong.
pub(crate) fn try_open(authenticators: Vec<(String, AuthenticatorOptions)>) -> Result<Auth, AuthError> {
    let config = AuthConfig { users_file: None, acl_file: None, authenticators, ..AuthConfig::default() };
    Auth::open(&config, std::path::Path::new("/nonexistent"))
}
