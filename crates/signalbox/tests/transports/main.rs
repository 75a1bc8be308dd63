//! The ways to the broker beside plain TCP, with clients of other makes and the real binary: TLS, WebSocket, PROXY
//! protocol, Unix sockets, IPv6.

#![expect(clippy::unwrap_used, reason = "whatever is not there ends the test, and the place says what it was")]
#![expect(clippy::disallowed_methods, reason = "a test is an edge: it waits with deadlines and has tasks of its own")]

mod certificates;
mod proxy;
mod sockets;
mod support;
mod tls;
mod websocket;
