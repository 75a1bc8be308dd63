//! Accepts connections.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use events::DisconnectReason;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bind::{Accepted, LOCAL, Listening, canonical};
use crate::clock::{Clock, Now};
use crate::connection::facts::Peer;
use crate::connection::{Connection, socket};
use crate::ending::Ending;
use crate::hub::{Hub, Wakers};
use crate::listener::Listener;
use crate::stats::add;
use crate::transport::{self, Stream};

/// The pause after an error of accept, doubled until it is a second: too many open files do not go away by asking again.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_secs(1);
/// Silence after which the system asks whether the other end is still there: a client without keep-alive may be gone
/// for ever without a word.
const TCP_KEEPALIVE: Duration = Duration::from_secs(300);

/// What an accept loop needs.
#[derive(Clone, Debug)]
pub(crate) struct Acceptor {
    pub(crate) hub: Arc<Hub>,
    pub(crate) listener: Arc<Listener>,
    pub(crate) clock: Clock,
    pub(crate) tracker: TaskTracker,
    /// Ends the loop.
    pub(crate) accepting: CancellationToken,
    /// Ends connections that have no session.
    pub(crate) closing: CancellationToken,
}

impl Acceptor {
    /// Accepts until it is told to stop.
    pub(crate) async fn run(self, socket: Listening) {
        let mut pause = FIRST_PAUSE;
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.accepting.cancelled() => return,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok(accepted) => {
                    pause = FIRST_PAUSE;
                    self.handle_accepted(accepted);
                }
                Err(error) => {
                    tracing::warn!(listener = &*self.listener.name, %error, "a connection could not be accepted");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LAST_PAUSE);
                }
            }
        }
    }

    fn handle_accepted(&self, accepted: Accepted) {
        let now = self.clock.now();
        add(&self.hub.counters.connections_accepted, 1);
        let (stream, peername, sockname) = match accepted {
            Accepted::Tcp(stream, peername) => {
                prepare(&stream);
                let sockname = stream.local_addr().map_or(LOCAL, canonical);
                (Stream::Tcp(stream), peername, sockname)
            }
            Accepted::Unix(stream) => (Stream::Unix(stream), LOCAL, LOCAL),
        };
        let listener = &self.listener;
        let peer = Peer {
            conn_id: self.hub.next_conn_id(),
            peername,
            sockname,
            listener: Arc::clone(listener),
            accepted: now,
            tls: None,
        };
        let before_count = listener.connections_count.fetch_add(1, Ordering::Relaxed);
        let (max, refusals_max) = (listener.config.max_connections, listener.config.refusals_max);
        if before_count >= max.saturating_add(refusals_max) {
            add(&self.hub.counters.connections_shed, 1);
            tell_end(now, &self.hub, peer, &Ending::in_silence(DisconnectReason::TooManyConnection));
            listener.connections_count.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let (hub, closing) = (Arc::clone(&self.hub), self.closing.clone());
        let (clock, is_surplus, counted) = (self.clock, before_count >= max, Counted(Arc::clone(listener)));
        match stream {
            // A future of its own, so that plain connections do not keep the room of the others.
            Stream::Tcp(stream) if transport::has_layers(&listener.config) => {
                self.tracker.spawn(async move {
                    if let Some((stream, peer)) = Box::pin(open(stream, peer, (&hub, clock), &closing)).await {
                        socket::run(stream, hub, Arc::new(peer), (clock, is_surplus), closing).await;
                    }
                    drop(counted);
                });
            }
            stream @ (Stream::Tcp(_) | Stream::Unix(_) | Stream::Layered(_)) => {
                self.tracker.spawn(async move {
                    socket::run(stream, hub, Arc::new(peer), (clock, is_surplus), closing).await;
                    drop(counted);
                });
            }
        }
    }
}

/// Takes a connection through the layers of its listener, within the time that CONNECT has. Tells of its end where it
/// comes to one.
async fn open(
    stream: TcpStream,
    mut peer: Peer,
    (hub, clock): (&Arc<Hub>, Clock),
    closing: &CancellationToken,
) -> Option<(Stream, Peer)> {
    let timeout_ms = peer.listener.config.connect_timeout_ms;
    let deadline = clock.instant(peer.accepted.mono_ms + u64::from(timeout_ms));
    let mut shown = None;
    let opened = tokio::select! {
        biased;
        () = closing.cancelled() => Err(Ending::in_silence(DisconnectReason::GoAway)),
        opened = timeout_at(deadline.into(), transport::open(stream, &mut peer, &mut shown)) => match opened {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(transport::ending_of(&error)),
            Err(_elapsed) => Err(Ending::in_silence(DisconnectReason::ConnectTimeout)
                .because(format!("expected the connection to be opened within {timeout_ms} ms"))),
        },
    };
    let now = clock.now();
    if let Some(shown) = shown {
        hub.tell_certificate(now, &peer, &shown);
    }
    match opened {
        Ok(stream) => Some((stream, peer)),
        Err(ending) => {
            tell_end(now, hub, peer, &ending);
            None
        }
    }
}

/// Tells of the end of a connection that has never been one.
fn tell_end(now: Now, hub: &Arc<Hub>, peer: Peer, ending: &Ending) {
    Connection::new(Arc::clone(hub), Arc::new(peer), true).handle_end(now, ending, &mut Wakers::new());
}

/// Sets the options of a socket.
fn prepare(stream: &TcpStream) {
    // Output is gathered into one write by turn; waiting for more would only delay it.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a socket would not take TCP_NODELAY");
    }
    let keepalive = TcpKeepalive::new().with_time(TCP_KEEPALIVE);
    if let Err(error) = SockRef::from(stream).set_tcp_keepalive(&keepalive) {
        tracing::debug!(%error, "a socket would not take SO_KEEPALIVE");
    }
}

/// A connection in the listener's count, for as long as its task lives.
struct Counted(Arc<Listener>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections_count.fetch_sub(1, Ordering::Relaxed);
    }
}
