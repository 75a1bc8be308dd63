//! What is known of a connection: where it comes from, and what went through it.

use std::net::SocketAddr;
use std::sync::Arc;

use auth::PeerCertificate;
use bytestring::ByteString;
use events::{ConnId, Timestamp};
use mqtt::Version;

use crate::clock::Now;
use crate::listener::Listener;

/// A network connection, as it was accepted.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) conn_id: ConnId,
    /// The address of the client.
    pub(crate) peername: SocketAddr,
    /// Our own address.
    pub(crate) sockname: SocketAddr,
    pub(crate) listener: Arc<Listener>,
    pub(crate) accepted: Now,
    /// What the TLS handshake has said, where the listener has TLS.
    pub(crate) tls: Option<Box<TlsFacts>>,
}

/// What a TLS handshake has said about the client.
#[derive(Debug)]
pub(crate) struct TlsFacts {
    /// The host that the client has asked for (SNI).
    pub(crate) server_name: Option<ByteString>,
    /// `1.2` or `1.3`.
    pub(crate) version: &'static str,
    /// The certificate of the client, which is good.
    pub(crate) certificate: Option<Arc<PeerCertificate>>,
}

impl Peer {
    /// The certificate of the client.
    pub(crate) fn certificate(&self) -> Option<&PeerCertificate> {
        self.tls.as_ref()?.certificate.as_deref()
    }
}

/// Packets and bytes of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) packets_received: u64,
    pub(crate) packets_sent: u64,
    pub(crate) bytes_received: u64,
    pub(crate) bytes_sent: u64,
    /// When the last packet came; the connection's beginning before the first one.
    pub(crate) last_packet: Option<Now>,
}

/// Who is behind a connection, once CONNECT has said it.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) client_id: ByteString,
    pub(crate) username: Option<ByteString>,
    pub(crate) proto_name: &'static str,
    pub(crate) proto_ver: u8,
    /// When it was accepted; `None` where it was refused.
    pub(crate) connected_at: Option<Timestamp>,
}

impl Client {
    /// A client that is not accepted yet.
    pub(crate) fn new(client_id: ByteString, username: Option<ByteString>, version: Version) -> Client {
        Client {
            client_id,
            username,
            proto_name: version.protocol_name(),
            proto_ver: version.level(),
            connected_at: None,
        }
    }
}
