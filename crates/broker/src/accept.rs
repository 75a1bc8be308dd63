//! Accepts connections.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use events::DisconnectReason;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::connection::facts::Peer;
use crate::connection::{Connection, socket};
use crate::ending::Ending;
use crate::hub::{Hub, Wakers};
use crate::listener::Listener;
use crate::stats::add;

/// Connections the system holds until we accept them.
const BACKLOG: i32 = 4096;
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

/// Binds a listening socket.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `[::]` takes IPv4 too, as it does by default on most systems.
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(StdListener::from(socket))
}

impl Acceptor {
    /// Accepts until it is told to stop.
    pub(crate) async fn run(self, socket: TcpListener) {
        let mut pause = FIRST_PAUSE;
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.accepting.cancelled() => return,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peername)) => {
                    pause = FIRST_PAUSE;
                    self.handle_accepted(stream, peername);
                }
                Err(error) => {
                    tracing::warn!(listener = &*self.listener.name, %error, "a connection could not be accepted");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LAST_PAUSE);
                }
            }
        }
    }

    fn handle_accepted(&self, stream: TcpStream, peername: SocketAddr) {
        let listener = &self.listener;
        let sockname = stream.local_addr().unwrap_or(listener.config.bind);
        // Output is gathered into one write by turn; waiting for more would only delay it.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a socket would not take TCP_NODELAY");
        }
        let keepalive = TcpKeepalive::new().with_time(TCP_KEEPALIVE);
        if let Err(error) = SockRef::from(&stream).set_tcp_keepalive(&keepalive) {
            tracing::debug!(%error, "a socket would not take SO_KEEPALIVE");
        }
        let now = self.clock.now();
        add(&self.hub.counters.connections_accepted, 1);
        let peer = Arc::new(Peer {
            conn_id: self.hub.next_conn_id(),
            peername,
            sockname,
            listener: Arc::clone(listener),
            accepted: now,
        });
        let before_count = listener.connections_count.fetch_add(1, Ordering::Relaxed);
        let (max, refusals_max) = (listener.config.max_connections, listener.config.refusals_max);
        if before_count >= max.saturating_add(refusals_max) {
            add(&self.hub.counters.connections_shed, 1);
            let ending = Ending::in_silence(DisconnectReason::TooManyConnection);
            Connection::new(Arc::clone(&self.hub), peer, true).handle_end(now, &ending, &mut Wakers::new());
            listener.connections_count.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let (hub, closing) = (Arc::clone(&self.hub), self.closing.clone());
        let (clock, is_surplus, counted) = (self.clock, before_count >= max, Counted(Arc::clone(listener)));
        self.tracker.spawn(async move {
            socket::run(stream, hub, peer, (clock, is_surplus), closing).await;
            drop(counted);
        });
    }
}

/// A connection in the listener's count, for as long as its task lives.
struct Counted(Arc<Listener>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections_count.fetch_sub(1, Ordering::Relaxed);
    }
}
