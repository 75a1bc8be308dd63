//! A real HTTP server whose answers a test decides.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What the server answers.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    status: u16,
    content_type: &'static str,
    body: String,
    delay: Duration,
}

impl Answers {
    pub(crate) fn json(body: impl Into<String>) -> Answers {
        Answers { status: 200, content_type: "application/json", body: body.into(), delay: Duration::ZERO }
    }

    pub(crate) fn status(status: u16) -> Answers {
        Answers { status, content_type: "text/plain", body: String::new(), delay: Duration::ZERO }
    }

    pub(crate) fn after(self, delay: Duration) -> Answers {
        Answers { delay, ..self }
    }
}

/// A request as the server got it.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

type Answer = Arc<dyn Fn(&Received) -> Answers + Send + Sync>;

/// An HTTP server on the loopback.
pub(crate) struct HttpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    _serving: JoinSet<()>,
}

struct Shared {
    answer: Mutex<Answer>,
    received: Mutex<Vec<Received>>,
}

impl HttpServer {
    /// Serves the same answer until another one is set.
    pub(crate) async fn start(answers: Answers) -> HttpServer {
        HttpServer::start_with(move |_| answers.clone()).await
    }

    /// Serves what `answer` says about a request.
    pub(crate) async fn start_with(answer: impl Fn(&Received) -> Answers + Send + Sync + 'static) -> HttpServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared { answer: Mutex::new(Arc::new(answer)), received: Mutex::default() });
        let router = axum::Router::new().fallback(serve).with_state(Arc::clone(&shared));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.expect("it serves until it is dropped") });
        HttpServer { address, shared, _serving: serving }
    }

    pub(crate) fn answer(&self, answers: Answers) {
        *self.shared.answer.lock().expect("nobody panics with it") = Arc::new(move |_| answers.clone());
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What came since the start.
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.shared.received.lock().expect("nobody panics with it").clone()
    }
}

async fn serve(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let received = Received { method, uri, headers, body: String::from_utf8_lossy(&body).into_owned() };
    let answer = shared.answer.lock().expect("nobody panics with it").clone();
    let Answers { status, content_type, body, delay } = answer(&received);
    shared.received.lock().expect("nobody panics with it").push(received);
    tokio::time::sleep(delay).await;
    let status = StatusCode::from_u16(status).expect("a status of HTTP");
    (status, [("content-type", content_type)], body).into_response()
}
