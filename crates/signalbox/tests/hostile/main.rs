//! Everything that may come to the port of a broker and is no well-behaved client, over real sockets, with the real
//! binary: each is refused with its reason, counted, told as an event, and hinders nobody. And a client of another make
//! that is well-behaved.

#![expect(clippy::unwrap_used, reason = "whatever is not there ends the test, and the place says what it was")]
#![expect(clippy::disallowed_methods, reason = "a test is an edge: it waits with deadlines and has tasks of its own")]

mod crowd;
mod first_bytes;
mod half_open;
mod oversized;
mod paho;
mod session;
mod support;
mod versions;
