//! Every reason and every event, made to happen to the real binary over real sockets.
//!
//! `scripts` is in the language of the broker's protocol scripts, with a configuration file and commands; `world.rs`
//! says what is added to it. What a script says of events is looked up in the history that the broker leaves.

#![expect(clippy::unwrap_used, reason = "whatever is not there ends the test, and the place says what it was")]
#![expect(clippy::disallowed_methods, reason = "a test is an edge: it waits with deadlines and has tasks of its own")]

mod authorization;
mod events_of_a_day;
mod interoperability;
#[expect(dead_code, reason = "shared with the scripts of the broker, which may say more")]
#[path = "../../../broker/src/script/notation.rs"]
mod notation;
#[path = "../../../broker/src/script/packets.rs"]
mod packets;
mod reasons;
mod support;
mod world;
