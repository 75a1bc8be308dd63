//! `/api/v5/mqtt/retainer`: the retained messages, in EMQX's shape.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker::RetainedInfo;
use serde::{Deserialize, Serialize};

use super::page::{Page, Paging, Parameters, blocking};
use super::time::rfc3339;
use crate::Api;
use crate::access::{Operator, Viewer};
use crate::problem::Problem;

/// Which messages are wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    page: Option<usize>,
    limit: Option<usize>,
    /// A topic filter.
    topic: Option<String>,
}

/// A message of the list, without its payload.
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    topic: String,
    qos: u8,
    payload_bytes: usize,
    publish_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_s: Option<u64>,
}

/// A message with its payload.
#[derive(Debug, Serialize)]
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

/// `GET /mqtt/retainer/messages`: in the order of the store. The list is not counted, since that would stop whoever
/// publishes retained messages meanwhile.
pub(crate) async fn list(
    _viewer: Viewer,
    State(api): State<Api>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<Listed>>, Problem> {
    let paging = Paging::new(wanted.page, wanted.limit)?;
    let filter = wanted.topic.unwrap_or_else(|| "#".to_owned());
    blocking(move || {
        let found = api.broker.retained_messages(&filter, paging.needed());
        let found = found.map_err(|error| Problem::bad_request(error.to_string()))?;
        Ok(Json(paging.cut_of_some(&found, Listed::new)))
    })
    .await?
}

/// `GET /mqtt/retainer/message/{topic}`.
pub(crate) async fn show(
    _viewer: Viewer,
    State(api): State<Api>,
    Path(topic): Path<String>,
) -> Result<Json<Whole>, Problem> {
    let info = api.broker.retained_message(&topic).ok_or_else(|| Problem::not_found("retained message", &topic))?;
    Ok(Json(Whole { listed: Listed::new(&info), payload: STANDARD.encode(&info.payload) }))
}

/// `DELETE /mqtt/retainer/message/{topic}`.
pub(crate) async fn remove(
    Operator(key): Operator,
    State(api): State<Api>,
    Path(topic): Path<String>,
) -> Result<StatusCode, Problem> {
    if !api.broker.remove_retained(&topic) {
        return Err(Problem::not_found("retained message", &topic));
    }
    tracing::info!(topic, key = &*key.name, "a retained message is removed");
    Ok(StatusCode::NO_CONTENT)
}
