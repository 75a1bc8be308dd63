//! `/healthz`: the process answers. `/readyz`: it takes connections. Both are open, for probes have no keys.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::Api;
use crate::problem::Problem;

/// The process answers.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// Clients may connect: everything has started and nothing is being stopped.
pub(crate) async fn ready(State(api): State<Api>) -> Response {
    if api.is_ready() {
        return "ready\n".into_response();
    }
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "NOT_READY", "the broker is starting or stopping").into_response()
}
