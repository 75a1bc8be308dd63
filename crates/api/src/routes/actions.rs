//! `/api/v5/actions`: the actions of all rules, in EMQX's shapes; and `/api/v5/rules/{rule}/actions/{action}`: what an
//! operator does to one of them while it runs.
//!
//! EMQX's actions stand beside its rules, ours in them: actions of the same kind and name in several rules are one here.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use engine::{ActionState, ActionStatus, ConnectorUse, Operation};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::connectors::{NodeStatus, test_failed};
use crate::Api;
use crate::access::{Operator, Viewer};
use crate::extract::Named;
use crate::problem::Problem;

/// What `{id}` is.
const ACTION: &str = "The identifier of the action, `type:name`";

/// An action and how it is now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Action {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    /// Left out where the kind needs none, as `republish`.
    #[serde(skip_serializing_if = "Option::is_none")]
    connector: Option<String>,
    enable: bool,
    /// `connected`, `disconnected`, `stopped`, or `inconsistent` where the rules that have it differ.
    status: &'static str,
    status_reason: String,
    node_status: Vec<NodeStatus>,
    rules: Vec<String>,
    /// Who may change it: it stands in the files of its rules.
    source: &'static str,
}

/// The ledger of an action, under EMQX's names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActionMetrics)]
pub(crate) struct Metrics {
    metrics: Counts,
    node_metrics: Vec<NodeCounts>,
}

/// What a node has counted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActionNodeCounts)]
struct NodeCounts {
    node: String,
    metrics: Counts,
}

/// It balances: `matched = success + failed + dropped + queuing + inflight`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ActionCounts)]
struct Counts {
    matched: u64,
    success: u64,
    /// Refused for good, or given to the fallback action.
    failed: u64,
    dropped: u64,
    #[serde(rename = "dropped.expired")]
    dropped_expired: u64,
    #[serde(rename = "dropped.queue_full")]
    dropped_queue_full: u64,
    #[serde(rename = "dropped.resource_stopped")]
    dropped_resource_stopped: u64,
    #[serde(rename = "dropped.other")]
    dropped_other: u64,
    retried: u64,
    queuing: u64,
    queuing_bytes: u64,
    inflight: u64,
}

/// What is done to an action.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Operation)]
pub(crate) enum Operated {
    Pause,
    Resume,
    Drain,
}

/// An action in the rules that have it, by identifier.
type Uses = Vec<(String, ActionStatus)>;

/// Lists the actions of all rules
#[utoipa::path(get, path = "/api/v5/actions", tag = "actions",
    responses((status = 200, description = "All of them, by identifier", body = Vec<Action>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn list(_viewer: Viewer, State(api): State<Api>) -> Json<Vec<Action>> {
    let connectors = api.engine.connectors();
    Json(all(&api).into_values().filter_map(|uses| Action::of(&uses, &connectors, &api)).collect())
}

/// Shows an action
#[utoipa::path(get, path = "/api/v5/actions/{id}", tag = "actions", params(("id" = String, Path, description = ACTION)),
    responses((status = 200, description = "The action", body = Action)), security(("bearer" = ["viewer"])))]
pub(crate) async fn show(
    _viewer: Viewer,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<Json<Action>, Problem> {
    let uses = find(&api, &id)?;
    Action::of(&uses, &api.engine.connectors(), &api).map(Json).ok_or_else(|| Problem::not_found("action", &id))
}

/// Tells what became of the outputs of an action
#[utoipa::path(get, path = "/api/v5/actions/{id}/metrics", tag = "actions", params(("id" = String, Path, description = ACTION)),
    responses((status = 200, description = "The counters", body = Metrics)), security(("bearer" = ["viewer"])))]
pub(crate) async fn metrics(
    _viewer: Viewer,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<Json<Metrics>, Problem> {
    let metrics = find(&api, &id)?.iter().fold(Counts::default(), |sum, (_, status)| sum.and(status));
    Ok(Json(Metrics { metrics, node_metrics: vec![NodeCounts { node: api.node.to_string(), metrics }] }))
}

/// Asks the other side of an action whether it is there
///
/// Every rule that has the action asks.
#[utoipa::path(post, path = "/api/v5/actions/{id}/start", tag = "actions", params(("id" = String, Path, description = ACTION)),
    responses((status = 204, description = "It is there"),
        (status = 400, description = "It is not, or refuses us: `TEST_FAILED`", body = Problem)), security(("bearer" = ["operator"])))]
pub(crate) async fn start(
    _operator: Operator,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    let uses = find(&api, &id)?;
    let checks = uses.iter().map(async |(rule, status)| match api.engine.check_action(rule, &status.name).await {
        Some(Err(error)) => Err(test_failed(&error)),
        Some(Ok(())) | None => Ok(()),
    });
    try_join_all(checks).await.map(|_all| StatusCode::NO_CONTENT)
}

/// Refuses to make an action
#[utoipa::path(post, path = "/api/v5/actions", tag = "actions",
    responses((status = 409, description = "Actions are parts of files", body = Problem)), security(("bearer" = ["operator"])))]
pub(crate) async fn refuse_new(_operator: Operator) -> Problem {
    read_only()
}

/// Refuses to change an action
#[utoipa::path(put, path = "/api/v5/actions/{id}", tag = "actions", params(("id" = String, Path, description = ACTION)),
    responses((status = 409, description = "Actions are parts of files", body = Problem)), security(("bearer" = ["operator"])))]
pub(crate) async fn refuse_change(_operator: Operator) -> Problem {
    read_only()
}

/// Refuses to delete an action
#[utoipa::path(delete, path = "/api/v5/actions/{id}", tag = "actions", params(("id" = String, Path, description = ACTION)),
    responses((status = 409, description = "Actions are parts of files", body = Problem)), security(("bearer" = ["operator"])))]
pub(crate) async fn refuse_removal(_operator: Operator) -> Problem {
    read_only()
}

/// Refuses to switch an action on or off
#[utoipa::path(put, path = "/api/v5/actions/{id}/enable/{enable}", tag = "actions",
    params(("id" = String, Path, description = ACTION), ("enable" = bool, Path, description = "`true` or `false`")),
    responses((status = 409, description = "Actions are parts of files", body = Problem)), security(("bearer" = ["operator"])))]
pub(crate) async fn refuse_switch(_operator: Operator) -> Problem {
    read_only()
}

/// What would change an action.
fn read_only() -> Problem {
    Problem::new(StatusCode::CONFLICT, "READ_ONLY", "actions stand in the files of their rules")
        .help("change the file; it is live within two seconds. `enabled = false` in an action switches it off")
}

/// Pauses, resumes or drains an action of a rule
///
/// An action that is paused keeps its outputs. One that is drained takes no new ones and sends those it has.
#[utoipa::path(post, path = "/api/v5/rules/{rule}/actions/{action}/{operation}", tag = "actions",
    params(("rule" = String, Path, description = "The identifier of the rule"),
        ("action" = String, Path, description = "The name of the action in it"),
        ("operation" = inline(Operated), Path, description = "What to do")),
    responses((status = 204, description = "Done")), security(("bearer" = ["operator"])))]
pub(crate) async fn operate(
    _operator: Operator,
    State(api): State<Api>,
    Named((rule, action, operation)): Named<(String, String, Operated)>,
) -> Result<StatusCode, Problem> {
    let operation = match operation {
        Operated::Pause => Operation::Pause,
        Operated::Resume => Operation::Resume,
        Operated::Drain => Operation::Drain,
    };
    match api.engine.operate_action(&rule, &action, operation) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("action", &format!("{rule}/{action}"))),
    }
}

fn all(api: &Api) -> BTreeMap<String, Uses> {
    let mut all: BTreeMap<String, Uses> = BTreeMap::new();
    for rule in api.engine.rules() {
        for action in rule.actions {
            all.entry(format!("{}:{}", action.kind, action.name)).or_default().push((rule.id.to_string(), action));
        }
    }
    all
}

fn find(api: &Api, id: &str) -> Result<Uses, Problem> {
    all(api).remove(id).ok_or_else(|| Problem::not_found("action", id).help("an identifier is `type:name`"))
}

impl Action {
    /// `None` only where no rule has it.
    fn of(uses: &[(String, ActionStatus)], connectors: &[ConnectorUse], api: &Api) -> Option<Action> {
        let (rule, first) = uses.first()?;
        let is_its = |(of, name): &(String, String)| of == rule && **name == *first.name;
        let connector = connectors.iter().find(|connector| connector.actions.iter().any(is_its));
        let status = status_of(first);
        let status = if uses.iter().all(|(_, other)| status_of(other) == status) { status } else { "inconsistent" };
        let reasons = uses.iter().filter_map(|(_, action)| action.trouble.as_ref());
        let status_reason = reasons.map(|trouble| trouble.reason.to_string()).next().unwrap_or_default();
        Some(Action {
            kind: first.kind,
            name: first.name.to_string(),
            connector: connector.map(|connector| connector.name.clone()),
            enable: uses.iter().any(|(_, action)| action.state != ActionState::Disabled),
            status,
            node_status: vec![NodeStatus { node: api.node.to_string(), status, status_reason: status_reason.clone() }],
            status_reason,
            rules: uses.iter().map(|(rule, _)| rule.clone()).collect(),
            source: "file",
        })
    }
}

fn status_of(action: &ActionStatus) -> &'static str {
    match action.state {
        ActionState::Disabled => "stopped",
        ActionState::Running | ActionState::Paused | ActionState::Draining if action.trouble.is_some() => {
            "disconnected"
        }
        ActionState::Running | ActionState::Paused | ActionState::Draining => "connected",
    }
}

impl Counts {
    /// What another rule has made of the action is added.
    fn and(self, ActionStatus { ledger, drops, retried, held_bytes, .. }: &ActionStatus) -> Counts {
        Counts {
            matched: self.matched + ledger.in_,
            success: self.success + ledger.delivered,
            failed: self.failed + ledger.dead + ledger.fallen_back,
            dropped: self.dropped + ledger.expired + ledger.dropped,
            dropped_expired: self.dropped_expired + ledger.expired,
            dropped_queue_full: self.dropped_queue_full + drops.overflow,
            dropped_resource_stopped: self.dropped_resource_stopped + drops.closed + drops.draining,
            dropped_other: self.dropped_other + drops.damaged,
            retried: self.retried + retried,
            queuing: self.queuing + ledger.queued,
            queuing_bytes: self.queuing_bytes + u64::try_from(*held_bytes).unwrap_or(u64::MAX),
            inflight: self.inflight + ledger.in_flight,
        }
    }
}
