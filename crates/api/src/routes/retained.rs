//! `/api/v5/mqtt/retainer`: the retained messages, in EMQX's shape.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker::RetainedInfo;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, PageLimit, PageNumber, Paging, blocking};
use super::time::rfc3339;
use crate::Api;
use crate::access::{Operator, Viewer};
use crate::extract::{Named, Parameters};
use crate::openapi::topic_filter;
use crate::problem::Problem;

/// What `{topic}` is.
const TOPIC: &str = "The topic, each `/` in it written as `%2F`";

/// Which messages are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Which page, from 1 on.
    #[param(inline)]
    page: Option<PageNumber>,
    /// Items on a page.
    #[param(inline)]
    limit: Option<PageLimit>,
    /// A topic filter.
    #[param(schema_with = topic_filter)]
    topic: Option<String>,
}

/// A message of the list, without its payload.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RetainedListed)]
pub(crate) struct Listed {
    topic: String,
    qos: u8,
    payload_bytes: usize,
    publish_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_s: Option<u64>,
}

/// A message with its payload.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Retained)]
pub(crate) struct Whole {
    #[serde(flatten)]
    listed: Listed,
    /// In base64.
    payload: String,
}

impl Listed {
    fn new(info: &RetainedInfo) -> Listed {
        Listed {
            topic: info.topic.to_string(),
            qos: info.qos.into(),
            payload_bytes: info.payload.len(),
            publish_at: rfc3339(info.published_at),
            expires_in_s: info.expires_in_s,
        }
    }
}

/// Lists the retained messages
///
/// In the order of the store. The list is not counted, since that would stop whoever publishes retained messages meanwhile.
#[utoipa::path(get, path = "/api/v5/mqtt/retainer/messages", tag = "retained", params(Wanted),
    responses((status = 200, description = "A page of messages", body = Page<Listed>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn list(
    _viewer: Viewer,
    State(api): State<Api>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<Listed>>, Problem> {
    let paging = Paging::new(wanted.page, wanted.limit);
    let filter = wanted.topic.unwrap_or_else(|| "#".to_owned());
    blocking(move || {
        let found = api.broker.retained_messages(&filter, paging.needed());
        let found = found.map_err(|error| Problem::bad_request(error.to_string()))?;
        Ok(Json(paging.cut_of_some(&found, Listed::new)))
    })
    .await?
}

/// Shows a retained message
#[utoipa::path(get, path = "/api/v5/mqtt/retainer/message/{topic}", tag = "retained", params(("topic" = String, Path, description = TOPIC)),
    responses((status = 200, description = "The message", body = Whole)), security(("bearer" = ["viewer"])))]
pub(crate) async fn show(
    _viewer: Viewer,
    State(api): State<Api>,
    Named(topic): Named<String>,
) -> Result<Json<Whole>, Problem> {
    let info = api.broker.retained_message(&topic).ok_or_else(|| Problem::not_found("retained message", &topic))?;
    Ok(Json(Whole { listed: Listed::new(&info), payload: STANDARD.encode(&info.payload) }))
}

/// Removes a retained message
#[utoipa::path(delete, path = "/api/v5/mqtt/retainer/message/{topic}", tag = "retained", params(("topic" = String, Path, description = TOPIC)),
    responses((status = 204, description = "It is gone")), security(("bearer" = ["operator"])))]
pub(crate) async fn remove(
    Operator(key): Operator,
    State(api): State<Api>,
    Named(topic): Named<String>,
) -> Result<StatusCode, Problem> {
    if !api.broker.remove_retained(&topic) {
        return Err(Problem::not_found("retained message", &topic));
    }
    tracing::info!(topic, key = &*key.name, "a retained message is removed");
    Ok(StatusCode::NO_CONTENT)
}
