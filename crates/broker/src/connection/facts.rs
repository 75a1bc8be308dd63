//! What is known of a connection: where it comes from, and what went through it.

use std::net::SocketAddr;
use std::sync::Arc;

use auth::{Connected, PeerCertificate};
use bytestring::ByteString;
use events::{ConnId, LazyMap, Timestamp};
use mqtt::{Connect, Version};

use crate::clock::Now;
use crate::hub::Hub;
use crate::listener::Listener;
use crate::properties::lazy_map;
use crate::stats::add;

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
    /// How the client is connected, for services that are asked what it may do.
    pub(crate) fn connected(&self) -> Connected<'_> {
        let certificate = self.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
        Connected { peer: self.peername, listener: &self.listener.name, certificate }
    }

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
    /// Bytes of whole packets, or of what was found to be none.
    bytes_handled: u64,
    /// Bytes of the packet whose rest is still to come.
    bytes_begun: u64,
    pub(crate) bytes_sent: u64,
    /// When the last packet came; the connection's beginning before the first one.
    pub(crate) last_packet: Option<Now>,
}

impl Traffic {
    /// Every byte that came.
    pub(crate) fn bytes_received(&self) -> u64 {
        self.bytes_handled + self.bytes_begun
    }

    /// Counts bytes that are handled, and those behind them that are the beginning of a packet.
    pub(crate) fn count_bytes(&mut self, handled_len: usize, begun_len: usize, hub: &Hub) {
        let number = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
        self.bytes_handled += number(handled_len);
        self.bytes_begun = number(begun_len);
        add(&hub.counters.bytes_received, number(handled_len));
    }

    /// Counts the beginning of a packet that will never be whole, at the end of the connection.
    pub(crate) fn count_rest(&self, hub: &Hub) {
        add(&hub.counters.bytes_received, self.bytes_begun);
    }
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
    /// The keep-alive it asked for.
    pub(crate) keepalive_s: u16,
    pub(crate) clean_start: bool,
    /// How long its session outlives the connection: what it asked for, and once it is accepted what it was given.
    pub(crate) expiry_interval_s: u32,
    /// The properties of its CONNECT.
    pub(crate) properties: LazyMap,
}

impl Client {
    /// A client that is not accepted yet.
    pub(crate) fn of_connect(connect: &Connect) -> Client {
        Client {
            // Copies: what CONNECT says is a slice of its packet, and events are kept.
            client_id: copied(&connect.client_id),
            username: connect.username.as_ref().map(copied),
            keepalive_s: connect.keepalive_s,
            clean_start: connect.clean_start,
            expiry_interval_s: connect.properties.session_expiry_interval_s().unwrap_or(0),
            properties: lazy_map(&connect.properties),
            ..Client::undecoded(ByteString::new(), connect.version)
        }
    }

    /// A client whose CONNECT could not be decoded behind its identifier.
    pub(crate) fn undecoded(client_id: ByteString, version: Version) -> Client {
        Client {
            client_id,
            username: None,
            proto_name: version.protocol_name(),
            proto_ver: version.level(),
            connected_at: None,
            keepalive_s: 0,
            clean_start: true,
            expiry_interval_s: 0,
            properties: LazyMap::empty(),
        }
    }
}

/// A copy of what may be a slice of a packet.
pub(crate) fn copied(text: &ByteString) -> ByteString {
    ByteString::from(text.as_ref() as &str)
}
