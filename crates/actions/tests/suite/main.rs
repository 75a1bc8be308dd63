//! Actions at the edge of the crate, against real servers.

mod contract;
mod file;
mod guide;
mod http;
mod http_credentials;
mod mqtt;
mod postgres;
mod reference;
mod sqlite;
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
