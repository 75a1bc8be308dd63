//! `/api/v5/sources`: other systems whose messages rules listen to, and how they are, in EMQX's shapes.
//!
//! Sources are declared in the configuration, so nothing here changes one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use engine::{QoS, SourceCounts, SourceState, SourceStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::connectors::{NodeStatus, test_failed};
use super::time::rfc3339;
use crate::Api;
use crate::access::{Operator, Viewer};
use crate::extract::Named;
use crate::problem::Problem;

/// What `{id}` is.
const SOURCE: &str = "The identifier of the source, `type:name`, or its name alone";

/// A source and how it is now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Source {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    connector: String,
    enable: bool,
    parameters: Parameters,
    /// The other side, `host:port`.
    server: String,
    /// `connected`, `connecting`, `disconnected`; `stopped` where it is switched off or no rule listens to it.
    status: &'static str,
    /// What is wrong, or why it is stopped.
    status_reason: String,
    /// Since when the status is what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_since: Option<String>,
    node_status: Vec<NodeStatus>,
    /// What a rule writes in FROM.
    from: String,
    /// The rules that listen to it.
    rules: Vec<String>,
    /// Who may change it: it stands in the configuration.
    source: &'static str,
}

/// What a source listens to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SourceParameters)]
struct Parameters {
    /// The topic filters, with commas between them.
    topic: String,
    qos: u8,
}

/// The account of a source.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SourceMetrics)]
pub(crate) struct Metrics {
    metrics: Counts,
    node_metrics: Vec<NodeCounts>,
}

/// The account of a source on a node.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SourceNodeCounts)]
struct NodeCounts {
    node: String,
    metrics: Counts,
}

/// It balances: `received = accepted + dropped + returned + waiting`.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = SourceCounts)]
struct Counts {
    received: u64,
    accepted: u64,
    dropped: u64,
    returned: u64,
    waiting: u64,
    redelivered: u64,
    connects: u64,
    sessions_lost: u64,
}

/// Lists the sources
///
/// They stand in the configuration.
#[utoipa::path(get, path = "/api/v5/sources", tag = "sources",
    responses((status = 200, description = "All of them", body = Vec<Source>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn list(_viewer: Viewer, State(api): State<Api>) -> Json<Vec<Source>> {
    Json(api.engine.sources().into_iter().map(|source| Source::of(&api, source)).collect())
}

/// Shows a source
#[utoipa::path(get, path = "/api/v5/sources/{id}", tag = "sources", params(("id" = String, Path, description = SOURCE)),
    responses((status = 200, description = "The source", body = Source)), security(("bearer" = ["viewer"])))]
pub(crate) async fn show(
    _viewer: Viewer,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<Json<Source>, Problem> {
    let source = find(&api, &id)?;
    Ok(Json(Source::of(&api, source)))
}

/// Shows the account of a source
///
/// It balances: `received = accepted + dropped + returned + waiting`.
#[utoipa::path(get, path = "/api/v5/sources/{id}/metrics", tag = "sources", params(("id" = String, Path, description = SOURCE)),
    responses((status = 200, description = "The account", body = Metrics)), security(("bearer" = ["viewer"])))]
pub(crate) async fn metrics(
    _viewer: Viewer,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<Json<Metrics>, Problem> {
    let metrics = Counts::of(find(&api, &id)?.counts);
    Ok(Json(Metrics { metrics, node_metrics: vec![NodeCounts { node: api.node.to_string(), metrics }] }))
}

/// Asks the other side of a source whether it is there and lets us listen
#[utoipa::path(post, path = "/api/v5/sources/{id}/start", tag = "sources", params(("id" = String, Path, description = SOURCE)),
    responses((status = 204, description = "It is there"),
        (status = 400, description = "It is not, or refuses us: `TEST_FAILED`", body = Problem)), security(("bearer" = ["operator"])))]
pub(crate) async fn start(
    _operator: Operator,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    let source = find(&api, &id)?;
    match api.engine.check_source(source.topic.name()).await {
        Some(Err(error)) => Err(test_failed(&error)),
        Some(Ok(())) | None => Ok(StatusCode::NO_CONTENT),
    }
}

/// A source by `type:name`, or by its name alone.
fn find(api: &Api, id: &str) -> Result<SourceStatus, Problem> {
    let is_it =
        |source: &SourceStatus| source.topic.name() == id || id == format!("{}:{}", source.kind, source.topic.name());
    api.engine.sources().into_iter().find(is_it).ok_or_else(|| Problem::not_found("source", id))
}

impl Source {
    fn of(api: &Api, source: SourceStatus) -> Source {
        let SourceStatus { topic, kind, connector, server, filters, qos, state, reason, since, counts: _ } = source;
        let (status, stopped) = status_of(state);
        let status_reason = reason.map_or_else(|| stopped.to_owned(), |reason| reason.to_string());
        Source {
            kind,
            name: topic.name().to_owned(),
            connector,
            enable: state != SourceState::Disabled,
            parameters: Parameters { topic: filters.join(","), qos: number_of(qos) },
            server,
            status,
            node_status: vec![NodeStatus { node: api.node.to_string(), status, status_reason: status_reason.clone() }],
            status_reason,
            status_since: since.map(rfc3339),
            from: topic.to_string(),
            rules: api.engine.rules_of_source(&topic).iter().map(ToString::to_string).collect(),
            source: "file",
        }
    }
}

/// The status in EMQX's words, and why it is none of a connection.
const fn status_of(state: SourceState) -> (&'static str, &'static str) {
    match state {
        SourceState::Disabled => ("stopped", "the configuration says `enabled = false`"),
        SourceState::Idle => ("stopped", "no rule listens to it"),
        SourceState::Connecting => ("connecting", ""),
        SourceState::Connected => ("connected", ""),
        SourceState::Disconnected => ("disconnected", ""),
    }
}

const fn number_of(qos: QoS) -> u8 {
    match qos {
        QoS::AtMostOnce => 0,
        QoS::AtLeastOnce => 1,
        QoS::ExactlyOnce => 2,
    }
}

impl Counts {
    const fn of(counts: SourceCounts) -> Counts {
        let SourceCounts { received, redelivered, accepted, dropped, returned, waiting, connects, sessions_lost } =
            counts;
        Counts { received, accepted, dropped, returned, waiting, redelivered, connects, sessions_lost }
    }
}
