//! `/api/v5/authorization`: what clients may do, under EMQX's paths.

use axum::extract::State;
use axum::http::StatusCode;

use crate::Api;
use crate::access::Operator;

/// Asks services anew what clients may do
///
/// What they have said before is forgotten.
#[utoipa::path(delete, path = "/api/v5/authorization/cache", tag = "authorization",
    responses((status = 204, description = "It is forgotten")), security(("bearer" = ["operator"])))]
pub(crate) async fn forget(Operator(key): Operator, State(api): State<Api>) -> StatusCode {
    let services = api.broker.auth().forget_answers();
    tracing::info!(services, key = &*key.name, "answers what clients may do are forgotten");
    StatusCode::NO_CONTENT
}
