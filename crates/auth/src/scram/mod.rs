//! SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677): a client proves that it knows its password, and the broker that
//! it has what was made of it, and the password does not cross the network.
//!
//! The costly part is the client's, so a fleet that comes back after a restart is checked in microseconds a client.

mod credentials;
mod exchange;

pub(crate) use credentials::{ScramCredentials, ScramHash};
pub(crate) use exchange::{Challenged, ClientFirst, decoy};
