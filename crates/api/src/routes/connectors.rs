//! `/api/v5/connectors` and the probes: whether the other sides are there, in EMQX's shapes.
//!
//! Connectors are declared in the configuration, so nothing here changes one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use engine::{ActionError, ConnectorUse, Via};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Api;
use crate::access::{Admin, Operator, Viewer};
use crate::extract::{Body, Named};
use crate::problem::Problem;

/// What `{id}` is.
const CONNECTOR: &str = "The identifier of the connector, `type:name`, or its name alone";

/// A connector and how it is now.
#[derive(Debug, Serialize, ToSchema)]
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
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NodeStatus {
    pub(super) node: String,
    pub(super) status: &'static str,
    pub(super) status_reason: String,
}

/// An action of a rule.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectorUse)]
struct Action {
    rule: String,
    name: String,
}

/// An action as a program wants it tried.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ActionProbe)]
pub(crate) struct AskedAction {
    /// The kind, for those that need no connector.
    r#type: Option<String>,
    /// The name of a connector.
    connector: Option<String>,
    /// The options of the action.
    #[serde(default)]
    #[schema(value_type = Object)]
    parameters: toml::Table,
}

/// Lists the connectors
///
/// Each is asked whether the other side is there.
#[utoipa::path(get, path = "/api/v5/connectors", tag = "connectors",
    responses((status = 200, description = "All of them", body = Vec<Connector>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn list(_viewer: Viewer, State(api): State<Api>) -> Json<Vec<Connector>> {
    let known = api.engine.connectors();
    Json(join_all(known.into_iter().map(|known| Connector::ask(&api, known))).await)
}

/// Shows a connector
#[utoipa::path(get, path = "/api/v5/connectors/{id}", tag = "connectors", params(("id" = String, Path, description = CONNECTOR)),
    responses((status = 200, description = "The connector", body = Connector)), security(("bearer" = ["viewer"])))]
pub(crate) async fn show(
    _viewer: Viewer,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<Json<Connector>, Problem> {
    let known = find(&api, &id)?;
    Ok(Json(Connector::ask(&api, known).await))
}

/// Asks the other side of a connector whether it is there
#[utoipa::path(post, path = "/api/v5/connectors/{id}/start", tag = "connectors", params(("id" = String, Path, description = CONNECTOR)),
    responses((status = 204, description = "It is there"),
        (status = 400, description = "It is not, or refuses us: `TEST_FAILED`", body = Problem)), security(("bearer" = ["operator"])))]
pub(crate) async fn start(
    _operator: Operator,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    let known = find(&api, &id)?;
    match api.engine.check_connector(&known.name).await {
        Some(Err(error)) => Err(test_failed(&error)),
        Some(Ok(())) | None => Ok(StatusCode::NO_CONTENT),
    }
}

/// Refuses to make a connector
#[utoipa::path(post, path = "/api/v5/connectors", tag = "connectors",
    responses((status = 409, description = "Connectors stand in the configuration", body = Problem)), security(("bearer" = ["operator"])))]
pub(crate) async fn refuse_new(_operator: Operator) -> Problem {
    read_only()
}

/// Refuses to change a connector
#[utoipa::path(put, path = "/api/v5/connectors/{id}", tag = "connectors", params(("id" = String, Path, description = CONNECTOR)),
    responses((status = 409, description = "Connectors stand in the configuration", body = Problem)), security(("bearer" = ["operator"])))]
pub(crate) async fn refuse_change(_operator: Operator) -> Problem {
    read_only()
}

/// Refuses to delete a connector
#[utoipa::path(delete, path = "/api/v5/connectors/{id}", tag = "connectors", params(("id" = String, Path, description = CONNECTOR)),
    responses((status = 409, description = "Connectors stand in the configuration", body = Problem)), security(("bearer" = ["operator"])))]
pub(crate) async fn refuse_removal(_operator: Operator) -> Problem {
    read_only()
}

/// Refuses to switch a connector on or off
#[utoipa::path(put, path = "/api/v5/connectors/{id}/enable/{enable}", tag = "connectors",
    params(("id" = String, Path, description = CONNECTOR), ("enable" = bool, Path, description = "`true` or `false`")),
    responses((status = 409, description = "Connectors stand in the configuration", body = Problem)), security(("bearer" = ["operator"])))]
pub(crate) async fn refuse_switch(_operator: Operator) -> Problem {
    read_only()
}

/// Everything that would change a connector.
fn read_only() -> Problem {
    Problem::new(StatusCode::CONFLICT, "READ_ONLY", "connectors are declared in the configuration")
        .help("change `[connectors.NAME]` in signalbox.toml and restart; try one with `POST /connectors_probe`")
}

/// Tries the options of a connector
///
/// The body is what would stand in `[connectors.NAME]`, with EMQX's `type` for `kind` where that is nearer. It is tried
/// and forgotten. It reaches for whatever it is told to, so it takes the key of an administrator.
#[utoipa::path(post, path = "/api/v5/connectors_probe", tag = "connectors",
    request_body(content = Object, description = "The options"),
    responses((status = 204, description = "The other side is there"),
        (status = 400, description = "It is not, or refuses us, or the options are wrong: `TEST_FAILED`", body = Problem)),
    security(("bearer" = ["admin"])))]
pub(crate) async fn probe(
    _admin: Admin,
    State(api): State<Api>,
    Body(mut options): Body<toml::Table>,
) -> Result<StatusCode, Problem> {
    // EMQX calls it the type, and sends what it keeps of a connector beside its options.
    if let Some(kind) = options.remove("type") {
        options.entry("kind").or_insert(kind);
    }
    for name in ["name", "enable", "description", "tags"] {
        options.remove(name);
    }
    api.engine.probe_connector(&options).await.map(|()| StatusCode::NO_CONTENT).map_err(|error| test_failed(&error))
}

/// Tries an action
///
/// Its connector must be there. A database prepares the statement. Nothing is sent, and the action is forgotten.
#[utoipa::path(post, path = "/api/v5/actions_probe", tag = "actions", operation_id = "probe", request_body = AskedAction,
    responses((status = 204, description = "It could run"),
        (status = 400, description = "It could not: `TEST_FAILED`", body = Problem)),
    security(("bearer" = ["admin"])))]
pub(crate) async fn probe_action(
    _admin: Admin,
    State(api): State<Api>,
    Body(asked): Body<AskedAction>,
) -> Result<StatusCode, Problem> {
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
