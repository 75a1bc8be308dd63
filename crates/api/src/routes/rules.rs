//! `/api/v5/rules`: the rules, in EMQX's shape with what Signalbox knows beyond it.

use axum::Json;
use axum::extract::{Path, State};
use engine::{ActionStatus, BufferKind, Drops, Ledger, RuleCounts, RuleState, RuleStatus};
use events::Timestamp;
use serde::Serialize;

use crate::Api;
use crate::access::Viewer;
use crate::problem::Problem;

/// A page of rules. All of them are on it: rules are few.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    data: Vec<Rule>,
    meta: Meta,
}

#[derive(Debug, Serialize)]
struct Meta {
    page: usize,
    limit: usize,
    count: usize,
    hasnext: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Rule {
    id: String,
    name: String,
    sql: String,
    from: Vec<String>,
    /// Identifiers, `type:name`.
    actions: Vec<String>,
    action_details: Vec<Action>,
    enable: bool,
    description: String,
    /// Who may change it: a rule from a file is changed there.
    source: &'static str,
    file: String,
    status: &'static str,
    /// Why the last edit of the file was refused, while an older version runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    warnings: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<LastError>,
}

#[derive(Debug, Serialize)]
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

#[derive(Debug, Serialize)]
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

#[derive(Debug, Serialize)]
struct DropsRow {
    overflow: u64,
    closed: u64,
    draining: u64,
    damaged: u64,
}

/// The disk of a buffer.
#[derive(Debug, Serialize)]
struct Disk {
    bytes: u64,
    /// Outputs that came in while the disk took nothing, and are only in memory.
    not_on_disk: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing: Option<String>,
}

#[derive(Debug, Serialize)]
struct LastError {
    at: i64,
    error: String,
}

/// The counters of a rule, under EMQX's names.
#[derive(Debug, Serialize)]
pub(crate) struct Metrics {
    id: String,
    metrics: Counts,
    node_metrics: Vec<NodeCounts>,
}

#[derive(Debug, Serialize)]
struct NodeCounts {
    node: String,
    metrics: Counts,
}

#[derive(Clone, Copy, Debug, Serialize)]
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

/// `GET /rules`.
pub(crate) async fn list(_viewer: Viewer, State(api): State<Api>) -> Json<Page> {
    let data: Vec<Rule> = api.engine.rules().into_iter().map(Rule::from).collect();
    let count = data.len();
    Json(Page { data, meta: Meta { page: 1, limit: count, count, hasnext: false } })
}

/// `GET /rules/{id}`.
pub(crate) async fn show(
    _viewer: Viewer,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<Rule>, Problem> {
    let rule = api.engine.rule(&id).ok_or_else(|| Problem::not_found("rule", &id))?;
    Ok(Json(Rule::from(rule)))
}

/// `GET /rules/{id}/metrics`.
pub(crate) async fn metrics(
    _viewer: Viewer,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<Metrics>, Problem> {
    let rule = api.engine.rule(&id).ok_or_else(|| Problem::not_found("rule", &id))?;
    let metrics = Counts::from(rule.counts);
    Ok(Json(Metrics { id, metrics, node_metrics: vec![NodeCounts { node: api.node.to_string(), metrics }] }))
}

impl From<RuleStatus> for Rule {
    fn from(rule: RuleStatus) -> Rule {
        Rule {
            name: rule.id.to_string(),
            actions: rule.actions.iter().map(|action| format!("{}:{}", action.kind, action.name)).collect(),
            action_details: rule.actions.into_iter().map(Action::from).collect(),
            id: rule.id.to_string(),
            sql: rule.sql,
            from: rule.from.iter().map(ToString::to_string).collect(),
            enable: rule.state == RuleState::Running,
            description: rule.description,
            source: "file",
            file: rule.file.display().to_string(),
            status: rule.state.name(),
            refused: rule.refused.map(|refused| refused.rendered.clone()),
            warnings: rule.warnings,
            last_error: rule.last_error.map(LastError::from),
        }
    }
}

impl From<ActionStatus> for Action {
    fn from(action: ActionStatus) -> Action {
        Action {
            kind: action.kind,
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
