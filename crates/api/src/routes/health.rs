//! `/healthz`: the process answers. `/readyz`: it takes connections. Both are open, for probes have no keys.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::Api;
use crate::problem::Problem;

/// Tells that the process answers
#[utoipa::path(get, path = "/healthz", tag = "health",
    responses((status = 200, description = "It does", content_type = "text/plain", body = String)))]
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// Tells whether clients may connect
///
/// They may when everything has started and nothing is being stopped.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, description = "They may", content_type = "text/plain", body = String),
        (status = 503, description = "They may not: `NOT_READY`", body = Problem)))]
pub(crate) async fn ready(State(api): State<Api>) -> Response {
    if api.is_ready() {
        return "ready\n".into_response();
    }
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "NOT_READY", "the broker is starting or stopping").into_response()
}
