//! What a client says about itself, and what is decided about it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytestring::ByteString;
use events::ConnackReason;

/// What a client shows when it connects.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The client identifier, as the client gave it or as it was assigned.
    pub client_id: &'a str,
    /// The user name, where one was sent.
    pub username: Option<&'a str>,
    /// The password, where one was sent; an empty one counts as sent.
    pub password: Option<&'a [u8]>,
    /// The address of the client.
    pub peer: SocketAddr,
    /// The name of the listener.
    pub listener: &'a str,
}

/// Without the password, which belongs into no log.
impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("has_password", &self.password.is_some())
            .field("peer", &self.peer)
            .field("listener", &self.listener)
            .finish()
    }
}

/// Whether a client may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may, as this.
    Allow(Identity),
    /// It may not. The reason has its MQTT 5 name: `bad_username_or_password`, `not_authorized` or `server_busy`.
    Deny(ConnackReason),
}

/// Who a client is, as far as it matters for what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user name it sent. Where `anonymous` is set nobody has checked it, and it gives no permission.
    pub username: Option<ByteString>,
    /// The client identifier. Nobody checks it.
    pub client_id: ByteString,
    /// The roles of its user; none where it is anonymous.
    pub roles: Arc<[ByteString]>,
    /// Whether it came in without a password.
    pub anonymous: bool,
    /// Whether it has the role `superuser`: the ACL does not bind it.
    pub superuser: bool,
}
