//! Chaos over real sockets, with the real binary: clients that take each other over at random, a broker that is killed,
//! readers that do not read, publishers of the largest packets, and strangers under the identifiers of others. What the
//! broker has told of it must be whole and in order, and nobody else may notice.
//!
//! Each test has a short form that always runs. The long form takes its numbers from the environment, such as
//! `CHAOS_IDENTIFIERS=1000 CHAOS_TAKEOVERS=100 CHAOS_CLIENTS=5000 CHAOS_PUBLISHERS=1000 CHAOS_LARGE=500
//! CHAOS_MESSAGES=5000 CHAOS_ROUNDS=500 cargo nextest run --package signalbox --test chaos`. Peers that are half open
//! are in the tests of hostile peers.

#![expect(clippy::unwrap_used, reason = "whatever is not there ends the test, and the place says what it was")]
#![expect(clippy::disallowed_methods, reason = "a test is an edge: it waits with deadlines and has tasks of its own")]

mod kill;
mod large_packets;
mod slow_readers;
mod strangers;
mod support;
mod takeover;
