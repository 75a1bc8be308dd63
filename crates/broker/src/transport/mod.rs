//! What lies between the network and MQTT: PROXY header, TLS, WebSocket.
//!
//! Plain TCP and Unix sockets are used as they are. Where a listener has more, [`open`] takes the connection through it,
//! and what comes out is a stream of MQTT bytes all the same.

mod proxy;
mod tls;
mod websocket;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use auth::PeerCertificate;
use bytestring::ByteString;
use events::{CertificateStatus, DisconnectReason, Initiator};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

pub use tls::{AuthorityFiles, ClientCertificates, KeyPairFiles, Tls, TlsConfig, TlsError, TlsVersion};

use crate::config::ListenerConfig;
use crate::connection::facts::Peer;
use crate::ending::Ending;
use proxy::Proxied;
use websocket::WebSocket;

/// A stream of MQTT bytes.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// With TLS, WebSocket or both on it.
    Layered(Box<dyn Duplex>),
}

/// A stream of bytes in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A certificate that a client has shown.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) certificate: Arc<PeerCertificate>,
    /// The serial number of the authority that signed it, where it is one that is trusted itself.
    pub(crate) authority_serial: Option<ByteString>,
    pub(crate) status: CertificateStatus,
    /// Why it was refused.
    pub(crate) words: Option<ByteString>,
}

/// What a layer below MQTT finds wrong. It travels as the source of an [`io::Error`].
#[derive(Debug)]
pub(crate) struct Fault {
    reason: DisconnectReason,
    words: ByteString,
}

impl Fault {
    pub(crate) fn new(reason: DisconnectReason, words: impl Into<ByteString>) -> Fault {
        Fault { reason, words: words.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> io::Error {
        io::Error::other(fault)
    }
}

/// The end of a connection whose stream gave this error.
pub(crate) fn ending_of(error: &io::Error) -> Ending {
    if let Some(fault) = error.get_ref().and_then(|error| error.downcast_ref::<Fault>()) {
        return Ending::in_silence(fault.reason).because(fault.words.clone());
    }
    if error.kind() == io::ErrorKind::UnexpectedEof {
        // TLS that ends without its goodbye: the client closed the connection underneath.
        return Ending::tcp_closed(Initiator::Client, None);
    }
    Ending::tcp_closed(Initiator::Network, Some(ByteString::from(error.to_string())))
}

/// Whether connections of this listener have to be opened before MQTT begins.
pub(crate) const fn has_layers(config: &ListenerConfig) -> bool {
    config.proxy_protocol || config.tls.is_some() || config.websocket_path.is_some()
}

/// Takes a TCP connection through the layers of its listener. What they say about the client is put into `peer`, and
/// the certificate it has shown into `shown`.
pub(crate) async fn open(mut stream: TcpStream, peer: &mut Peer, shown: &mut Option<Shown>) -> io::Result<Stream> {
    let listener = Arc::clone(&peer.listener);
    let config = &listener.config;
    if config.proxy_protocol {
        read_proxy_header(&mut stream, peer).await?;
    }
    let Some(tls) = &config.tls else { return upgrade(stream, config).await };
    check_client_hello(&stream, config).await?;
    let (stream, facts) = tls::accept(stream, tls, shown).await?;
    peer.tls = Some(Box::new(facts));
    if config.websocket_path.is_some() { upgrade(stream, config).await } else { Ok(Stream::Layered(Box::new(stream))) }
}

async fn upgrade<S: Duplex + 'static>(stream: S, config: &ListenerConfig) -> io::Result<Stream> {
    match &config.websocket_path {
        Some(path) => Ok(Stream::Layered(Box::new(WebSocket::accept(stream, path).await?))),
        None => Ok(Stream::Layered(Box::new(stream))),
    }
}

async fn read_proxy_header(stream: &mut TcpStream, peer: &mut Peer) -> io::Result<()> {
    match proxy::read_header(stream).await {
        Ok(Proxied::Itself) => Ok(()),
        Ok(Proxied::Client { source, destination }) => {
            peer.peername = source;
            peer.sockname = destination;
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(Fault::new(DisconnectReason::ProxyProtocolError, error.to_string()).into())
        }
        Err(error) => Err(error),
    }
}

/// Looks at the first bytes: a client without TLS is told apart from one with broken TLS.
async fn check_client_hello(stream: &TcpStream, config: &ListenerConfig) -> io::Result<()> {
    let mut first = [0; 64];
    let len = stream.peek(&mut first).await?;
    let first = first.get(..len).unwrap_or_default();
    let found = match first.first() {
        None => return Err(io::ErrorKind::UnexpectedEof.into()),
        Some(0x16) => return Ok(()),
        Some(0x10) => "an MQTT CONNECT without TLS",
        Some(_) if first.starts_with(b"GET ") => "an HTTP request without TLS",
        Some(_) if first.starts_with(b"PROXY ") || first.starts_with(b"\r\n\r\n\0\r\nQUIT\n") => {
            "a PROXY protocol header"
        }
        Some(_) => "something else",
    };
    let help = if found.starts_with("a PROXY") {
        "set `proxy_protocol = true` for this listener"
    } else if config.websocket_path.is_some() {
        "connect with `wss:`, or to a listener of kind `ws`"
    } else {
        "let the client use TLS, or connect to a listener of kind `tcp`"
    };
    Err(Fault::new(DisconnectReason::TlsError, format!("expected a TLS handshake, found {found}; help: {help}")).into())
}

impl Stream {
    /// Whether the end of a connection is said in a layer above TCP, too.
    pub(crate) const fn says_goodbye(&self) -> bool {
        match self {
            Stream::Tcp(_) | Stream::Unix(_) => false,
            Stream::Layered(_) => true,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Layered(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Layered(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            // The system has what was written.
            Stream::Tcp(_) | Stream::Unix(_) => Poll::Ready(Ok(())),
            Stream::Layered(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Layered(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
