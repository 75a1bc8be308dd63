//! Actions at the edge of the crate, against real servers.

mod contract;
mod http;
mod postgres;
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
