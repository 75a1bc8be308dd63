//! Writes down what callers change. It goes around every route: a change whose handler says nothing is written down by its
//! path and its answer, and a handler that knows more adds what is different.

use std::net::SocketAddr;
use std::sync::Arc;

use auth::{ApiKey, AuditEntry, AuditFrom};
use axum::body::{Body, Bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::IncomingStream;
use parking_lot::Mutex;
use serde_json::{Map, Value};

use crate::Api;
use crate::listener::Limited;
use crate::routes::page::blocking;
use crate::routes::time::now;

/// What every path of the API begins with.
const BASE: &str = "/api/v5";

/// Requests with the methods of changes that change nothing.
const NO_CHANGES: [&str; 6] =
    ["/rule_test", "/rules/{id}/test", "/connectors_probe", "/actions_probe", "/publish", "/publish/bulk"];

/// Problems are short; more of an answer is not read.
const PROBLEM_BYTES_MAX: usize = 64 * 1024;

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, Limited>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Limited>) -> Peer {
        Peer(*stream.remote_addr())
    }
}

/// What is known of a request while it is answered: who asks, and what is different afterwards.
#[derive(Clone, Debug, Default)]
pub(crate) struct Note(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    key: Option<ApiKey>,
    before: Value,
    after: Value,
}

impl Note {
    /// That of a request; one that is not to change anything has none, and what is noted goes nowhere.
    pub(crate) fn of(parts: &Parts) -> Note {
        parts.extensions.get::<Note>().cloned().unwrap_or_default()
    }

    /// Who asks.
    pub(crate) fn caller(&self, key: &ApiKey) {
        self.0.lock().key = Some(key.clone());
    }

    /// What was there and what is there now, without secrets; null where nothing is. Only what differs is kept.
    pub(crate) fn change(&self, before: Value, after: Value) {
        let (before, after) = differing(before, after);
        let mut noted = self.0.lock();
        (noted.before, noted.after) = (before, after);
    }
}

/// Answers a request, and writes it down where it was to change something. Who has no key changes nothing and is not
/// written down, or strangers could push out what is there.
pub(crate) async fn write_down(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|matched| matched.as_str().to_owned());
    let operation = route.as_deref().and_then(|route| route.strip_prefix(BASE)).map(str::to_owned);
    let (Some(operation), false) = (operation, matches!(method, Method::GET | Method::HEAD | Method::OPTIONS)) else {
        return next.run(request).await;
    };
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(Peer(peer))| peer.ip().to_string());
    let path = request.uri().path();
    let object = path.strip_prefix(BASE).unwrap_or(path).to_owned();
    let note = Note::default();
    request.extensions_mut().insert(note.clone());
    let began = now();
    let (response, failure) = with_failure(next.run(request).await).await;
    let Noted { key, before, after } = std::mem::take(&mut *note.0.lock());
    let Some(key) = key.filter(|_| !NO_CHANGES.contains(&operation.as_str()) && !operation.ends_with("/start")) else {
        return response;
    };
    let entry = AuditEntry {
        at_ms: began.0,
        from: AuditFrom::RestApi,
        by: key.name,
        role: Some(key.role.name().to_owned()),
        source_ip: peer,
        operation,
        method: Some(method.as_str().to_ascii_lowercase()),
        object,
        status: Some(response.status().as_u16()),
        is_done: response.status().is_success(),
        failure,
        duration_ms: u64::try_from(now().0.saturating_sub(began.0)).unwrap_or_default(),
        before,
        after,
    };
    let audit = api.audit.clone();
    match blocking(move || audit.append(&entry)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "a change was not written to the audit log"),
        Err(_) => tracing::error!("writing the audit log has panicked"),
    }
    response
}

/// The answer, and the reason in it where it is a problem.
async fn with_failure(response: Response) -> (Response, Option<String>) {
    let is_problem =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    if !is_problem {
        return (response, None);
    }
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, PROBLEM_BYTES_MAX).await.unwrap_or_else(|_| Bytes::new());
    let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let failure = problem["detail"].as_str().map(str::to_owned);
    (Response::from_parts(parts, Body::from(bytes)), failure)
}

/// Of two objects the fields that are not the same in both.
fn differing(before: Value, after: Value) -> (Value, Value) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let left = |one: &Map<String, Value>, other: &Map<String, Value>| {
                let fields = one.iter().filter(|(name, value)| other.get(*name) != Some(value));
                Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
            };
            (left(&before, &after), left(&after, &before))
        }
        whole => whole,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_different_is_written_down() {
        let (before, after) = (json!({ "a": 1, "b": 2, "c": 3 }), json!({ "a": 1, "b": 5, "d": 4 }));
        assert_eq!(differing(before, after), (json!({ "b": 2, "c": 3 }), json!({ "b": 5, "d": 4 })));
        assert_eq!(differing(Value::Null, json!({ "a": 1 })), (Value::Null, json!({ "a": 1 })));
    }
}
