//! `/api/v5/connectors` and the probes: whether the other sides are there, in EMQX's shapes.
//!
//! Connectors are declared in the configuration, so nothing here changes one.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use engine::{ActionError, ConnectorUse, Via};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use crate::Api;
use crate::access::{Admin, Operator, Viewer};
use crate::problem::Problem;

/// A connector and how it is now.
#[derive(Debug, Serialize)]
pub(crate) struct Connector {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    enable: bool,
    /// `connected` or `disconnected`.
    status: &'static str,
    status_reason: String,
    node_status: Vec<NodeStatus>,
    /// The rules that use it, with the names of their actions.
    actions: Vec<Action>,
    /// Who may change it: it stands in the configuration.
    source: &'static str,
}

/// How something is on a node.
#[derive(Debug, Serialize)]
pub(super) struct NodeStatus {
    pub(super) node: String,
    pub(super) status: &'static str,
    pub(super) status_reason: String,
}

#[derive(Debug, Serialize)]
struct Action {
    rule: String,
    name: String,
}

/// An action as a program wants it tried. Its options stand in `parameters`.
#[derive(Debug, Deserialize)]
pub(crate) struct AskedAction {
    r#type: Option<String>,
    connector: Option<String>,
    #[serde(default)]
    parameters: toml::Table,
}

/// `GET /connectors`: all of them, each asked whether the other side is there.
pub(crate) async fn list(_viewer: Viewer, State(api): State<Api>) -> Json<Vec<Connector>> {
    let known = api.engine.connectors();
    Json(join_all(known.into_iter().map(|known| Connector::ask(&api, known))).await)
}

/// `GET /connectors/{id}`; the identifier is `type:name`.
pub(crate) async fn show(
    _viewer: Viewer,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<Connector>, Problem> {
    let known = find(&api, &id)?;
    Ok(Json(Connector::ask(&api, known).await))
}

/// `POST /connectors/{id}/start`: asks the other side whether it is there.
pub(crate) async fn start(
    _operator: Operator,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let known = find(&api, &id)?;
    match api.engine.check_connector(&known.name).await {
        Some(Err(error)) => Err(test_failed(&error)),
        Some(Ok(())) | None => Ok(StatusCode::NO_CONTENT),
    }
}

/// Everything that would change a connector.
pub(crate) async fn refuse(_operator: Operator) -> Problem {
    Problem::new(StatusCode::CONFLICT, "READ_ONLY", "connectors are declared in the configuration")
        .help("change `[connectors.NAME]` in signalbox.toml and restart; try one with `POST /connectors_probe`")
}

/// `POST /connectors_probe`: the options of a connector, tried and forgotten. It reaches for whatever it is told to, so
/// it takes the key of an administrator.
pub(crate) async fn probe(
    _admin: Admin,
    State(api): State<Api>,
    body: Result<Json<toml::Table>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(mut options) = body.map_err(|refused| Problem::bad_request(refused.body_text()))?;
    // EMQX calls it the type, and sends what it keeps of a connector beside its options.
    if let Some(kind) = options.remove("type") {
        options.entry("kind").or_insert(kind);
    }
    for name in ["name", "enable", "description", "tags"] {
        options.remove(name);
    }
    api.engine.probe_connector(&options).await.map(|()| StatusCode::NO_CONTENT).map_err(|error| test_failed(&error))
}

/// `POST /actions_probe`: an action of a connector that is there, tried and forgotten; a database prepares its statement.
pub(crate) async fn probe_action(
    _admin: Admin,
    State(api): State<Api>,
    body: Result<Json<AskedAction>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(asked) = body.map_err(|refused| Problem::bad_request(refused.body_text()))?;
    let via = match (&asked.connector, &asked.r#type) {
        (Some(connector), _) => Via::Connector(connector),
        (None, Some(kind)) => Via::Kind(kind),
        (None, None) => return Err(Problem::bad_request("expected `connector` or `type`, found neither")),
    };
    let tried = api.engine.probe_action(via, &asked.parameters).await;
    tried.map(|()| StatusCode::NO_CONTENT).map_err(|error| test_failed(&error))
}

impl Connector {
    async fn ask(api: &Api, known: ConnectorUse) -> Connector {
        let ConnectorUse { name, kind, actions } = known;
        let problem = api.engine.check_connector(&name).await.and_then(Result::err);
        let status = if problem.is_none() { "connected" } else { "disconnected" };
        let status_reason = problem.map(|error| error.message).unwrap_or_default();
        let node_status = NodeStatus { node: api.node.to_string(), status, status_reason: status_reason.clone() };
        Connector {
            kind: kind.to_owned(),
            name,
            enable: true,
            status,
            status_reason,
            node_status: vec![node_status],
            actions: actions.into_iter().map(|(rule, name)| Action { rule, name }).collect(),
            source: "file",
        }
    }
}

/// A connector by `type:name`, or by its name alone.
fn find(api: &Api, id: &str) -> Result<ConnectorUse, Problem> {
    let is_it = |known: &ConnectorUse| known.name == id || id == format!("{}:{}", known.kind, known.name);
    api.engine.connectors().into_iter().find(is_it).ok_or_else(|| Problem::not_found("connector", id))
}

/// The other side is not there, or refuses us.
pub(super) fn test_failed(error: &ActionError) -> Problem {
    let problem = Problem::new(StatusCode::BAD_REQUEST, "TEST_FAILED", error.message.clone());
    match &error.help {
        Some(help) => problem.help(help.clone()),
        None => problem,
    }
}
