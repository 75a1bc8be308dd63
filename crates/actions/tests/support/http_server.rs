//! A real HTTP server whose answers a test decides.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::serve::Listener;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::authority::Authority;

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Answers with this status, these headers and this body.
    Answer(u16, Vec<(&'static str, &'static str)>, &'static str),
    /// Does not answer.
    Silence,
    /// Closes the connection without an answer.
    Close,
}

/// A request as the server got it.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    /// Text, or nothing where the bytes are none.
    pub(crate) body: String,
    pub(crate) bytes: Bytes,
}

/// An HTTP server on the loopback. Requests are answered with the replies it was given, then with 200.
pub(crate) struct HttpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Arc<Notify>,
    serving: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    replies: Mutex<VecDeque<Reply>>,
    received: Mutex<Vec<Received>>,
}

impl HttpServer {
    pub(crate) async fn start() -> HttpServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut server = HttpServer {
            address: listener.local_addr().unwrap(),
            shared: Arc::default(),
            stop: Arc::default(),
            serving: JoinSet::new(),
        };
        server.serve(listener);
        server
    }

    /// One that speaks TLS with clients that the authority knows.
    pub(crate) async fn start_with_tls(authority: &Authority) -> HttpServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut server = HttpServer {
            address: listener.local_addr().unwrap(),
            shared: Arc::default(),
            stop: Arc::default(),
            serving: JoinSet::new(),
        };
        server.serve(authority.listen(listener));
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The options of a connector for this server, in TOML.
    pub(crate) fn connector(&self) -> String {
        format!("kind = 'http'\nurl = '{}/mqtt'\ntimeout_ms = 60_000\n", self.url())
    }

    pub(crate) fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.replies.lock().unwrap().extend(replies);
    }

    /// How many requests have come since the last call of [`HttpServer::received`].
    pub(crate) fn received_len(&self) -> usize {
        self.shared.received.lock().unwrap().len()
    }

    /// What came since the last call.
    pub(crate) fn received(&self) -> Vec<Received> {
        std::mem::take(&mut self.shared.received.lock().unwrap())
    }

    /// Stops listening and closes every connection.
    pub(crate) async fn stop(&mut self) {
        self.stop.notify_one();
        while let Some(ended) = self.serving.join_next().await {
            ended.unwrap();
        }
    }

    /// Listens again where it did before.
    pub(crate) async fn start_again(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serve(listener);
    }

    fn serve<L: Listener<Addr = SocketAddr>>(&mut self, listener: L) {
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&self.shared));
        let stop = Arc::clone(&self.stop);
        self.serving.spawn(async move {
            axum::serve(listener, router).with_graceful_shutdown(async move { stop.notified().await }).await.unwrap();
        });
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (bytes, body) = (body.clone(), String::from_utf8(body.into()).unwrap_or_default());
    let is_check = method == Method::HEAD;
    shared.received.lock().unwrap().push(Received { method, uri, headers, body, bytes });
    let reply = shared.replies.lock().unwrap().pop_front();
    match reply {
        None => StatusCode::OK.into_response(),
        Some(Reply::Silence) => std::future::pending().await,
        // A handler that ends so takes its connection with it.
        Some(Reply::Close) => std::panic::resume_unwind(Box::new("close the connection")),
        Some(Reply::Answer(status, headers, body)) => {
            let body = if is_check { "" } else { body };
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
    }
}
