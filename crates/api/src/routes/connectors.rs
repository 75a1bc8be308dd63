//! `/api/v5/connectors` and the probes: whether the other sides are there, in EMQX's shapes.
//!
//! What changes one is in `connector_changes.rs`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use engine::{ActionError, ConnectorUse, Via};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::given::Given;
use crate::Api;
use crate::access::{Admin, Operator, Viewer};
use crate::condition::Tagged;
use crate::emqx::{id_here, kind_here, kind_there};
use crate::extract::{Body, Named};
use crate::problem::Problem;

/// What `{id}` is.
pub(super) const CONNECTOR: &str = "The identifier of the connector, `type:name`, or its name alone";

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
    /// Who may change it: `api`, or `file`, where it stands in the configuration.
    source: &'static str,
    #[serde(flatten)]
    #[schema(value_type = Given)]
    made: Option<Given>,
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
    let known = all(&api);
    Json(join_all(known.into_iter().map(|known| Connector::ask(&api, known))).await)
}

/// Shows a connector
#[utoipa::path(get, path = "/api/v5/connectors/{id}", tag = "connectors", params(("id" = String, Path, description = CONNECTOR)),
    responses((status = 200, description = "The connector", body = Connector)), security(("bearer" = ["viewer"])))]
pub(crate) async fn show(
    _viewer: Viewer,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<Tagged<Connector>, Problem> {
    let known = find(&api, &id)?;
    Ok(Connector::ask(&api, known).await.tagged(&api))
}

/// Lists the connectors without their options
#[utoipa::path(get, path = "/api/v5/connectors_summary", tag = "connectors",
    responses((status = 200, description = "All of them", body = Vec<Connector>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn summary(viewer: Viewer, State(api): State<Api>) -> Json<Vec<Connector>> {
    let Json(mut connectors) = list(viewer, State(api)).await;
    connectors.iter_mut().filter_map(|connector| connector.made.as_mut()).for_each(Given::without_options);
    Json(connectors)
}

/// Lists the types of connectors
#[utoipa::path(get, path = "/api/v5/connector_types", tag = "connectors",
    responses((status = 200, description = "Their names", body = Vec<String>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn types(_viewer: Viewer, State(api): State<Api>) -> Json<Vec<&'static str>> {
    Json((api.emqx.connector_kinds)().into_iter().map(kind_there).collect())
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
    Body(asked): Body<Map<String, Value>>,
) -> Result<StatusCode, Problem> {
    let kind = asked.get("type").or(asked.get("kind")).and_then(Value::as_str).map(kind_here);
    let Some(kind) = kind else { return Err(Problem::bad_request("expected text for `type`, found none")) };
    let options = (api.emqx.connector)(kind, &asked).map_err(Problem::bad_request)?;
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
        (None, Some(kind)) => Via::Kind(kind_here(kind)),
        (None, None) => return Err(Problem::bad_request("expected `connector` or `type`, found neither")),
    };
    let tried = api.engine.probe_action(via, &asked.parameters).await;
    tried.map(|()| StatusCode::NO_CONTENT).map_err(|error| test_failed(&error))
}

impl Connector {
    /// What is known of it, with how it is now where it is not switched off.
    pub(super) async fn ask(api: &Api, known: ConnectorUse) -> Connector {
        let made = api.engine.made();
        let made = made.connectors.get(&known.name).filter(|made| made.object.kind == known.kind);
        let is_enabled = made.is_none_or(|made| made.object.is_enabled);
        let problem = match made {
            _ if !is_enabled => None,
            Some(made) => problem_of(api, &known.name, &made.object.options).await,
            None => api.engine.check_connector(&known.name).await.and_then(Result::err),
        };
        let status = match &problem {
            _ if !is_enabled => "stopped",
            None => "connected",
            Some(_) => "disconnected",
        };
        let status_reason = problem.map(|error| error.message).unwrap_or_default();
        let node_status = NodeStatus { node: api.node.to_string(), status, status_reason: status_reason.clone() };
        Connector {
            kind: kind_there(known.kind).to_owned(),
            name: known.name,
            enable: is_enabled,
            status,
            status_reason,
            node_status: vec![node_status],
            actions: known.actions.into_iter().map(|(rule, name)| Action { rule, name }).collect(),
            source: if made.is_some() { "api" } else { "file" },
            made: made.map(Given::of_connector),
        }
    }

    /// The tag of one that was made over the API.
    pub(super) fn tagged(self, api: &Api) -> Tagged<Connector> {
        let made = api.engine.made();
        let revision = made.connectors.get(&self.name).filter(|_| self.source == "api").map(|made| made.revision);
        Tagged(revision, self)
    }
}

/// Why the other side of a connector that was made over the API is not there. One that could not be taken up at the last
/// start says why.
async fn problem_of(api: &Api, name: &str, options: &toml::Table) -> Option<ActionError> {
    match api.engine.check_connector(name).await {
        Some(checked) => checked.err(),
        None => api.engine.probe_connector(options).await.err(),
    }
}

/// Every connector: those of the configuration and those that were made over the API.
fn all(api: &Api) -> Vec<ConnectorUse> {
    let mut all = api.engine.connectors();
    let made = api.engine.made();
    for (name, connector) in &made.connectors {
        // Not all that were made can still be used.
        if let (false, Some(kind)) = (all.iter().any(|one| one.name == *name), (api.emqx.kind)(&connector.object.kind))
        {
            all.push(ConnectorUse { name: name.clone(), kind, actions: Vec::new() });
        }
    }
    all
}

/// A connector by `type:name`, or by its name alone.
pub(super) fn find(api: &Api, id: &str) -> Result<ConnectorUse, Problem> {
    let here = id_here(id);
    let is_it = |known: &ConnectorUse| known.name == id || here == format!("{}:{}", known.kind, known.name);
    all(api).into_iter().find(is_it).ok_or_else(|| Problem::not_found("connector", id))
}

/// The other side is not there, or refuses us.
pub(super) fn test_failed(error: &ActionError) -> Problem {
    let problem = Problem::new(StatusCode::BAD_REQUEST, "TEST_FAILED", error.message.clone());
    match &error.help {
        Some(help) => problem.help(help.clone()),
        None => problem,
    }
}
