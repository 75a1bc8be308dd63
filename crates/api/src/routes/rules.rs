//! `/api/v5/rules`: the rules, in EMQX's shape with what Signalbox knows beyond it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use engine::{
    ActionStatus, ActionUse, BufferKind, Compat, Drops, Ledger, Made, MadeObjects, MadeRule, RuleBody, RuleCounts,
    RuleState, RuleStatus,
};
use events::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, PageLimit, PageNumber, Paging, fits};
use super::rule_test::compats;
use super::time::rfc3339;
use crate::Api;
use crate::access::{Operator, Viewer};
use crate::condition::Tagged;
use crate::emqx::{id_here, id_there, kind_there};
use crate::extract::{Named, Parameters};
use crate::problem::Problem;
use crate::secrets::hidden;

/// What `{id}` is.
pub(super) const RULE: &str = "The identifier of the rule; of one that is a file, its name without `.sql`";

/// Which rules, and which page of them; `like_...` looks for a part.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Only those that run, or only those that do not.
    enable: Option<bool>,
    /// An entry of FROM, as it is written.
    from: Option<String>,
    /// A part of the identifier.
    like_id: Option<String>,
    /// A part of an entry of FROM.
    like_from: Option<String>,
    /// A part of the description.
    like_description: Option<String>,
    /// The identifier of an action, `type:name`.
    action: Option<String>,
    /// Which page, from 1 on.
    #[param(inline)]
    page: Option<PageNumber>,
    /// Items on a page.
    #[param(inline)]
    limit: Option<PageLimit>,
}

/// A rule and how it is now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rule {
    id: String,
    name: String,
    sql: String,
    from: Vec<String>,
    /// Identifiers, `type:name`; of a rule that was made over the API what was sent.
    actions: Vec<Value>,
    action_details: Vec<Action>,
    enable: bool,
    description: String,
    /// Who may change it: `api`, or `file`, where it is changed there.
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(flatten)]
    #[schema(value_type = MadeOverApi)]
    made: Option<MadeOverApi>,
    status: &'static str,
    /// Why the last edit of the file was refused, while an older version runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    warnings: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<LastError>,
}

/// What is known of a rule because it was made over the API.
#[derive(Debug, Serialize, ToSchema)]
struct MadeOverApi {
    #[schema(required = false)]
    created_at: String,
    #[schema(required = false)]
    last_modified_at: String,
    #[serde(skip_serializing_if = "Value::is_null")]
    #[schema(required = false)]
    metadata: Value,
    /// Whose events it is written for; a text says that itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = compats, required = false)]
    compat: Option<Compat>,
    /// The rule file that it was made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// An action of a rule and how it is now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RuleAction)]
struct Action {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    /// `connected`, or `disconnected` while nothing gets through.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<String>,
    /// `running`, `disabled`, `paused` or `draining`.
    state: &'static str,
    /// Where its outputs wait: `memory` or `disk`.
    buffer: &'static str,
    ledger: LedgerRow,
    /// Why outputs were dropped.
    dropped_by: DropsRow,
    retried: u64,
    held_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    disk: Option<Disk>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<LastError>,
}

/// What became of the outputs of an action: `in` is the sum of the others at every moment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Ledger)]
struct LedgerRow {
    r#in: u64,
    delivered: u64,
    queued: u64,
    in_flight: u64,
    dead: u64,
    expired: u64,
    dropped: u64,
    fallen_back: u64,
}

/// Why outputs were dropped.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Drops)]
struct DropsRow {
    overflow: u64,
    closed: u64,
    draining: u64,
    damaged: u64,
}

/// The disk of a buffer.
#[derive(Debug, Serialize, ToSchema)]
struct Disk {
    bytes: u64,
    /// Outputs that came in while the disk took nothing, and are only in memory.
    not_on_disk: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing: Option<String>,
}

/// What went wrong last, and when, in ms since 1970.
#[derive(Debug, Serialize, ToSchema)]
struct LastError {
    at: i64,
    error: String,
}

/// The counters of a rule, under EMQX's names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RuleMetrics)]
pub(crate) struct Metrics {
    id: String,
    metrics: Counts,
    node_metrics: Vec<NodeCounts>,
}

/// What a node has counted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RuleNodeCounts)]
struct NodeCounts {
    node: String,
    metrics: Counts,
}

/// `matched = passed + failed`.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = RuleCounts)]
struct Counts {
    matched: u64,
    passed: u64,
    failed: u64,
    #[serde(rename = "failed.exception")]
    failed_exception: u64,
    #[serde(rename = "failed.no_result")]
    failed_no_result: u64,
    payload_not_json: u64,
    blocked: u64,
    #[serde(rename = "actions.total")]
    actions_total: u64,
    #[serde(rename = "actions.success")]
    actions_success: u64,
    #[serde(rename = "actions.failed")]
    actions_failed: u64,
}

/// Lists the rules
#[utoipa::path(get, path = "/api/v5/rules", tag = "rules", params(Wanted),
    responses((status = 200, description = "A page of rules", body = Page<Rule>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn list(
    _viewer: Viewer,
    State(api): State<Api>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<Rule>>, Problem> {
    let paging = Paging::new(wanted.page, wanted.limit);
    let rules: Vec<RuleStatus> = api.engine.rules().into_iter().filter(|rule| wanted.means(rule)).collect();
    let made = api.engine.made();
    Ok(Json(paging.cut(&rules, |rule| Rule::of(rule.clone(), &made))))
}

/// Shows a rule
#[utoipa::path(get, path = "/api/v5/rules/{id}", tag = "rules", params(("id" = String, Path, description = RULE)),
    responses((status = 200, description = "The rule", body = Rule)), security(("bearer" = ["viewer"])))]
pub(crate) async fn show(
    _viewer: Viewer,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<Tagged<Rule>, Problem> {
    let made = api.engine.made();
    let rule = api.engine.rule(&id).ok_or_else(|| Problem::not_found("rule", &id))?;
    let rule = Rule::of(rule, &made);
    Ok(Tagged(rule.made.is_some().then(|| made.rules.get(&id).map(|made| made.revision)).flatten(), rule))
}

/// Tells what a rule and its actions have counted
#[utoipa::path(get, path = "/api/v5/rules/{id}/metrics", tag = "rules", params(("id" = String, Path, description = RULE)),
    responses((status = 200, description = "The counters", body = Metrics)), security(("bearer" = ["viewer"])))]
pub(crate) async fn metrics(
    _viewer: Viewer,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<Json<Metrics>, Problem> {
    let rule = api.engine.rule(&id).ok_or_else(|| Problem::not_found("rule", &id))?;
    let metrics = Counts::from(rule.counts);
    Ok(Json(Metrics { id, metrics, node_metrics: vec![NodeCounts { node: api.node.to_string(), metrics }] }))
}

/// Sets the counters of a rule to 0
#[utoipa::path(put, path = "/api/v5/rules/{id}/metrics/reset", tag = "rules",
    params(("id" = String, Path, description = RULE)), responses((status = 204, description = "Done")), security(("bearer" = ["operator"])))]
pub(crate) async fn reset_metrics(
    _operator: Operator,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    if api.engine.reset_metrics(&id) { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("rule", &id)) }
}

impl Wanted {
    fn means(&self, rule: &RuleStatus) -> bool {
        let Wanted { enable, from, like_id, like_from, like_description, action, page: _, limit: _ } = self;
        let has = |text: &str, part: &String| text.contains(part.as_str());
        enable.is_none_or(|enable| enable == (rule.state == RuleState::Running))
            && fits(from.as_ref(), |from| rule.from.iter().any(|one| **one == **from))
            && fits(like_id.as_ref(), |part| has(&rule.id, part))
            && fits(like_from.as_ref(), |part| rule.from.iter().any(|one| has(one, part)))
            && fits(like_description.as_ref(), |part| has(&rule.description, part))
            && fits(action.as_ref(), |id| {
                rule.actions.iter().any(|one| id_here(id) == format!("{}:{}", one.kind, one.name))
            })
    }
}

impl Rule {
    pub(super) fn of(rule: RuleStatus, made: &MadeObjects) -> Rule {
        // A file of the same name comes first.
        let made = made.rules.get(&*rule.id).filter(|_| rule.is_made);
        let parts = made.and_then(|made| match &made.object.body {
            RuleBody::Parts(parts) => Some(parts),
            RuleBody::Text(_) => None,
        });
        let actions = match parts {
            Some(parts) => parts.actions.iter().map(shown).collect(),
            None => rule.actions.iter().map(|action| id_of(action).into()).collect(),
        };
        Rule {
            name: made
                .map(|made| made.object.name.clone())
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| rule.id.to_string()),
            actions,
            action_details: rule.actions.into_iter().map(Action::from).collect(),
            id: rule.id.to_string(),
            sql: parts.map_or(rule.sql, |parts| parts.sql.clone()),
            from: rule.from.iter().map(ToString::to_string).collect(),
            // A text may say itself that it rests; `status` tells that.
            enable: made.map_or(rule.state == RuleState::Running, |made| made.object.is_enabled),
            description: parts.map_or(rule.description, |parts| parts.description.clone()),
            source: if made.is_some() { "api" } else { "file" },
            file: made.is_none().then(|| rule.file.display().to_string()),
            made: made.map(MadeOverApi::from),
            status: rule.state.name(),
            refused: rule.refused.map(|refused| refused.rendered.clone()),
            warnings: rule.warnings,
            last_error: rule.last_error.map(LastError::from),
        }
    }
}

/// `type:name`.
fn id_of(action: &ActionStatus) -> String {
    format!("{}:{}", kind_there(action.kind), action.name)
}

/// An action of a rule as it was sent.
pub(super) fn shown(used: &ActionUse) -> Value {
    match used {
        ActionUse::Shared(id) => id_there(id).into(),
        ActionUse::Own { given, .. } => hidden(given),
    }
}

impl From<&Made<MadeRule>> for MadeOverApi {
    fn from(made: &Made<MadeRule>) -> MadeOverApi {
        let (compat, text) = match &made.object.body {
            RuleBody::Text(text) => (None, Some(text.clone())),
            RuleBody::Parts(parts) => (Some(parts.compat), None),
        };
        MadeOverApi {
            created_at: rfc3339(Timestamp(made.created_at_ms)),
            last_modified_at: rfc3339(Timestamp(made.modified_at_ms)),
            metadata: made.object.metadata.clone(),
            compat,
            text,
        }
    }
}

impl From<ActionStatus> for Action {
    fn from(action: ActionStatus) -> Action {
        Action {
            kind: kind_there(action.kind),
            name: action.name.to_string(),
            status: if action.trouble.is_some() { "disconnected" } else { "connected" },
            status_reason: action.trouble.map(|trouble| trouble.reason.to_string()),
            state: action.state.name(),
            buffer: action.buffer.name(),
            dropped_by: DropsRow::from(action.drops),
            disk: match action.buffer {
                BufferKind::Memory => None,
                BufferKind::Disk => Some(Disk {
                    bytes: action.disk_bytes,
                    not_on_disk: action.not_on_disk,
                    failing: action.disk_trouble.map(|reason| reason.to_string()),
                }),
            },
            ledger: LedgerRow::from(action.ledger),
            retried: action.retried,
            held_bytes: action.held_bytes,
            last_error: action.last_error.map(|(at, error)| LastError { at: at.0, error: error.to_string() }),
        }
    }
}

impl From<Ledger> for LedgerRow {
    fn from(ledger: Ledger) -> LedgerRow {
        let Ledger { in_, delivered, queued, in_flight, dead, expired, dropped, fallen_back } = ledger;
        LedgerRow { r#in: in_, delivered, queued, in_flight, dead, expired, dropped, fallen_back }
    }
}

impl From<Drops> for DropsRow {
    fn from(Drops { overflow, closed, draining, damaged }: Drops) -> DropsRow {
        DropsRow { overflow, closed, draining, damaged }
    }
}

impl From<(Timestamp, String)> for LastError {
    fn from((at, error): (Timestamp, String)) -> LastError {
        LastError { at: at.0, error }
    }
}

impl From<RuleCounts> for Counts {
    fn from(counts: RuleCounts) -> Counts {
        Counts {
            matched: counts.matched,
            passed: counts.passed,
            failed: counts.failed,
            failed_exception: counts.failed_exception,
            failed_no_result: counts.failed_no_result,
            payload_not_json: counts.payload_not_json,
            blocked: counts.blocked,
            actions_total: counts.actions_total,
            actions_success: counts.actions_success,
            actions_failed: counts.actions_failed,
        }
    }
}
