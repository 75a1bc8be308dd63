//! `/api/v5/actions`: the actions of all rules, in EMQX's shapes; and `/api/v5/rules/{rule}/actions/{action}`: what an
//! operator does to one of them while it runs.
//!
//! EMQX's actions stand beside its rules. Ours do where they were made over the API; those in files are part of their
//! rules, and of the same kind and name in several rules one here. What changes one is in `action_changes.rs`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use engine::{ActionState, ActionStatus, BreakerState, ConnectorUse, Made, Operation, SharedAction};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::connectors::{NodeStatus, test_failed};
use super::given::Given;
use crate::Api;
use crate::access::{Operator, Viewer};
use crate::condition::Tagged;
use crate::emqx::{id_here, kind_there};
use crate::extract::Named;
use crate::problem::Problem;

/// What `{id}` is.
pub(super) const ACTION: &str = "The identifier of the action, `type:name`";

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
    /// `closed`: it sends. `open`: nothing gets through, and it only asks the other side whether it is there.
    /// `half_open`: the other side is there, and one batch shows whether it takes something. The worst of all rules.
    breaker: &'static str,
    node_status: Vec<NodeStatus>,
    rules: Vec<String>,
    /// Who may change it: `api`, or `file`, where it stands in the files of its rules.
    source: &'static str,
    #[serde(flatten)]
    #[schema(value_type = Given)]
    made: Option<Given>,
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
    let (connectors, made) = (api.engine.connectors(), api.engine.made());
    let all = all(&api).into_iter().map(|(id, uses)| Action::of(&uses, made.actions.get(&id), &connectors, &api));
    Json(all.flatten().collect())
}

/// Shows an action
#[utoipa::path(get, path = "/api/v5/actions/{id}", tag = "actions", params(("id" = String, Path, description = ACTION)),
    responses((status = 200, description = "The action, with its ETag where it can be changed", body = Action)), security(("bearer" = ["viewer"])))]
pub(crate) async fn show(
    _viewer: Viewer,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<Tagged<Action>, Problem> {
    shown(&api, &id)
}

/// An action as it is told.
pub(super) fn shown(api: &Api, id: &str) -> Result<Tagged<Action>, Problem> {
    let uses = find(api, id)?;
    let made = api.engine.made();
    let made = made.actions.get(&id_here(id));
    let action = Action::of(&uses, made, &api.engine.connectors(), api);
    action.map(|action| Tagged(made.map(|made| made.revision), action)).ok_or_else(|| Problem::not_found("action", id))
}

/// Lists the actions without their options
#[utoipa::path(get, path = "/api/v5/actions_summary", tag = "actions",
    responses((status = 200, description = "All of them, by identifier", body = Vec<Action>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn summary(viewer: Viewer, State(api): State<Api>) -> Json<Vec<Action>> {
    let Json(mut actions) = list(viewer, State(api)).await;
    actions.iter_mut().filter_map(|action| action.made.as_mut()).for_each(Given::without_options);
    Json(actions)
}

/// Lists the types of actions
#[utoipa::path(get, path = "/api/v5/action_types", tag = "actions",
    responses((status = 200, description = "Their names", body = Vec<String>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn types(_viewer: Viewer, State(api): State<Api>) -> Json<Vec<&'static str>> {
    Json((api.emqx.action_kinds)().into_iter().map(kind_there).collect())
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

/// Pauses, resumes or drains an action in every rule that has it
///
/// An action that is paused keeps its outputs. One that is drained takes no new ones and sends those it has.
#[utoipa::path(post, path = "/api/v5/actions/{id}/{operation}", tag = "actions",
    params(("id" = String, Path, description = ACTION), ("operation" = inline(Operated), Path, description = "What to do")),
    responses((status = 204, description = "Done")), security(("bearer" = ["operator"])))]
pub(crate) async fn operate_all(
    _operator: Operator,
    State(api): State<Api>,
    Named((id, operation)): Named<(String, Operated)>,
) -> Result<StatusCode, Problem> {
    for (rule, action) in find(&api, &id)? {
        api.engine.operate_action(&rule, &action.name, operation.into());
    }
    Ok(StatusCode::NO_CONTENT)
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
    match api.engine.operate_action(&rule, &action, operation.into()) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("action", &format!("{rule}/{action}"))),
    }
}

impl From<Operated> for Operation {
    fn from(operated: Operated) -> Operation {
        match operated {
            Operated::Pause => Operation::Pause,
            Operated::Resume => Operation::Resume,
            Operated::Drain => Operation::Drain,
        }
    }
}

/// The actions of all rules, and those that were made over the API and are in none, by identifier.
fn all(api: &Api) -> BTreeMap<String, Uses> {
    let made = api.engine.made();
    let mut all: BTreeMap<String, Uses> = made.actions.keys().map(|id| (id.clone(), Uses::new())).collect();
    for rule in api.engine.rules() {
        for action in rule.actions {
            all.entry(format!("{}:{}", action.kind, action.name)).or_default().push((rule.id.to_string(), action));
        }
    }
    all
}

fn find(api: &Api, id: &str) -> Result<Uses, Problem> {
    all(api).remove(&id_here(id)).ok_or_else(|| Problem::not_found("action", id).help("an identifier is `type:name`"))
}

impl Action {
    /// `None` only where no rule has it and nobody has made it.
    fn of(
        uses: &[(String, ActionStatus)],
        made: Option<&Made<SharedAction>>,
        connectors: &[ConnectorUse],
        api: &Api,
    ) -> Option<Action> {
        let first = uses.first();
        let is_its = |(of, name): &(String, String)| first.is_some_and(|(rule, one)| of == rule && **name == *one.name);
        let of_rule = connectors.iter().find(|connector| connector.actions.iter().any(is_its));
        let of_rule = of_rule.map(|connector| connector.name.clone());
        let status = match first {
            Some((_, first)) if uses.iter().all(|(_, other)| status_of(other) == status_of(first)) => status_of(first),
            Some(_) => "inconsistent",
            None if made.is_some_and(|made| !made.object.is_enabled) => "stopped",
            None => "connected",
        };
        let reasons = uses.iter().filter_map(|(_, action)| action.trouble.as_ref());
        let status_reason = reasons.map(|trouble| trouble.reason.to_string()).next().unwrap_or_default();
        Some(Action {
            kind: kind_there(
                made.map_or_else(|| first.map(|(_, first)| first.kind), |made| (api.emqx.kind)(&made.object.kind))?,
            ),
            name: made.map_or_else(
                || first.map(|(_, first)| first.name.to_string()),
                |made| Some(made.object.name.clone()),
            )?,
            connector: made.map_or(of_rule, |made| made.object.connector().map(str::to_owned)),
            enable: match made {
                Some(made) => made.object.is_enabled,
                None => uses.iter().any(|(_, action)| action.state != ActionState::Disabled),
            },
            status,
            node_status: vec![NodeStatus { node: api.node.to_string(), status, status_reason: status_reason.clone() }],
            status_reason,
            breaker: breaker_of(uses),
            rules: uses.iter().map(|(rule, _)| rule.clone()).collect(),
            source: if made.is_some() { "api" } else { "file" },
            made: made.map(Given::of_action),
        })
    }
}

fn breaker_of(uses: &[(String, ActionStatus)]) -> &'static str {
    let is = |state: BreakerState| uses.iter().any(|(_, action)| action.breaker == state);
    let worst = [BreakerState::Open, BreakerState::HalfOpen].into_iter().find(|state| is(*state));
    worst.unwrap_or(BreakerState::Closed).name()
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
