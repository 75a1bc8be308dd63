//! A real HTTP server that keeps what is posted to it, and can be stopped and started at the same address.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use tokio::sync::{mpsc, oneshot};

use super::PATIENCE;

/// A request as it came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Posted {
    pub(crate) path: String,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

/// What is answered.
#[derive(Debug, Clone)]
struct Answers {
    status: Arc<AtomicU16>,
    /// This path is answered 503.
    put_off: Arc<Mutex<Option<String>>>,
}

/// A running HTTP server.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    posted: mpsc::Receiver<Posted>,
    answers: Answers,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    /// Starts it on a free port.
    pub(crate) async fn start() -> Receiver {
        Receiver::start_at(([127, 0, 0, 1], 0).into()).await
    }

    /// Starts it at an address, such as that of one that was stopped.
    pub(crate) async fn start_at(address: SocketAddr) -> Receiver {
        let (tx, posted) = mpsc::channel(1000);
        let (stop, stopped) = oneshot::channel();
        let answers = Answers { status: Arc::new(AtomicU16::new(204)), put_off: Arc::default() };
        let app = Router::new().fallback(keep).with_state((tx, answers.clone()));
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = axum::serve(listener, app).with_graceful_shutdown(async move { drop(stopped.await) });
        let task = tokio::task::spawn(async move { serving.await.unwrap() });
        Receiver { address, posted, answers, stop: Some(stop), task }
    }

    /// Answers with this status from now on; 204 at first.
    pub(crate) fn answer(&self, status: u16) {
        self.answers.status.store(status, Ordering::Relaxed);
    }

    /// Answers 503 where this path is asked for, from now on.
    pub(crate) fn put_off(&self, path: Option<&str>) {
        *self.answers.put_off.lock().unwrap() = path.map(str::to_owned);
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Posted {
        tokio::time::timeout(PATIENCE, self.posted.recv()).await.expect("nothing was posted").unwrap()
    }

    /// Stops it; its port refuses connections afterwards.
    pub(crate) async fn stop(mut self) -> SocketAddr {
        drop(self.stop.take());
        // Connections that the other side keeps open would hold it up for ever.
        self.task.abort();
        drop((&mut self.task).await);
        self.address
    }
}

async fn keep(
    State((tx, answers)): State<(mpsc::Sender<Posted>, Answers)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let content_type = headers.get("content-type").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let status = match answers.put_off.lock().unwrap().as_deref() {
        Some(path) if path == uri.path() => StatusCode::SERVICE_UNAVAILABLE,
        Some(_) | None => StatusCode::from_u16(answers.status.load(Ordering::Relaxed)).unwrap(),
    };
    // Who asks only whether it is there has posted nothing.
    if method != Method::HEAD {
        tx.send(Posted { path: uri.path().to_owned(), content_type, body }).await.unwrap();
    }
    status
}
