//! What a client says about itself, and what is decided about it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytestring::ByteString;
use events::{ConnackReason, Timestamp};

use crate::acl::Rule;
use crate::certificate::PeerCertificate;

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
    /// The certificate of the client, where its listener speaks TLS and the client has shown one.
    pub certificate: Option<&'a PeerCertificate>,
    /// When it connects.
    pub at: Timestamp,
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
            .field("certificate", &self.certificate.map(|certificate| &certificate.subject))
            .finish()
    }
}

/// Whether a client may connect, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may.
    pub verdict: Verdict,
    /// Who decided: the name of an authenticator; where none of them had anything to say, `anonymous` for a client
    /// without a password and `none` for one with a password that nobody knows.
    pub decided_by: ByteString,
    /// Why, in words for events and the log. The client is not told.
    pub why: Option<ByteString>,
}

/// Whether a client may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may, as this.
    Allow(Identity),
    /// It may not. The reason has its MQTT 5 name, such as `bad_username_or_password`, `not_authorized` or
    /// `server_busy`.
    Deny(ConnackReason),
}

/// Who a client is, as far as it matters for what it may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user name it sent. Where `anonymous` is set nobody has checked it, and it gives no permission.
    pub username: Option<ByteString>,
    /// The client identifier. Nobody checks it.
    pub client_id: ByteString,
    /// The roles of its user; none where it is anonymous.
    pub roles: Arc<[ByteString]>,
    /// Whether it came in without a password.
    pub anonymous: bool,
    /// Whether no rule binds it: it has the role `superuser`, or whoever let it in says so.
    pub superuser: bool,
    /// When it is not this any more and has to go: a token expires.
    pub expires_at: Option<Timestamp>,
    /// What its token, or the service that let it in, says it may do.
    pub rules: Option<Arc<[Rule]>>,
    /// What its token, or the service that let it in, says about it: `${client_attrs.NAME}` in rules.
    pub attributes: Attributes,
}

/// Names and values.
pub type Attributes = Arc<[(ByteString, ByteString)]>;

/// The value of an attribute.
pub(crate) fn attribute<'a>(attributes: &'a [(ByteString, ByteString)], name: &str) -> Option<&'a str> {
    attributes.iter().find(|(of, _)| *of == *name).map(|(_, value)| &**value)
}
