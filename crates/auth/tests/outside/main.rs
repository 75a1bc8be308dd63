//! Those outside who say who may connect, for real: signers of tokens, an HTTP server, a PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

#[path = "../../../actions/tests/support/postgres.rs"]
#[allow(dead_code, clippy::allow_attributes, reason = "it is shared with the tests of the actions")]
mod postgres;
mod services;
mod support;
mod tokens;
