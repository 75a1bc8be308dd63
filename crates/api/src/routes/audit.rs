//! `/api/v5/audit`: who changed what, in EMQX's shape, newest first.

use auth::{AuditEntry, AuditFrom};
use axum::Json;
use axum::extract::State;
use events::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, PageLimit, PageNumber, Paging, blocking, fits};
use super::time::{Moment, now, rfc3339};
use crate::Api;
use crate::access::Viewer;
use crate::extract::Parameters;
use crate::openapi::one_of;
use crate::problem::Problem;

/// Which entries, and which page of them. Times are RFC 3339 or ms since 1970.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// By what it was made.
    #[param(schema_with = froms, required = false)]
    from: Option<AuditFrom>,
    /// The name of a key, or the user of the system.
    source: Option<String>,
    /// Where the request came from.
    source_ip: Option<String>,
    /// The route or the command.
    operation_id: Option<String>,
    /// The first part of the path, such as `rules`, or the first word of the command.
    operation_type: Option<String>,
    /// Whether it was done.
    #[param(inline)]
    operation_result: Option<Outcome>,
    /// The method of the request.
    http_method: Option<String>,
    /// The status of the answer.
    http_status_code: Option<i32>,
    /// Not before then.
    #[param(inline)]
    gte_created_at: Option<Moment>,
    /// Not after then.
    #[param(inline)]
    lte_created_at: Option<Moment>,
    /// What took so long or longer.
    gte_duration_ms: Option<i64>,
    /// What took so long or less.
    lte_duration_ms: Option<i64>,
    /// A part of what was changed.
    like_object: Option<String>,
    /// Which page, from 1 on.
    #[param(inline)]
    page: Option<PageNumber>,
    /// Items on a page.
    #[param(inline)]
    limit: Option<PageLimit>,
}

/// Whether a change was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AuditResult)]
enum Outcome {
    Success,
    Failure,
}

/// A change, as it is told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct Entry {
    created_at: String,
    node: String,
    #[schema(schema_with = froms)]
    from: AuditFrom,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_ip: Option<String>,
    operation_id: String,
    operation_type: String,
    operation_result: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status_code: Option<u16>,
    duration_ms: u64,
    /// What was changed.
    object: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    /// What was different before and after, without secrets.
    #[serde(skip_serializing_if = "Value::is_null")]
    before: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    after: Value,
}

/// Lists who changed what, the newest first
#[utoipa::path(get, path = "/api/v5/audit", tag = "audit", params(Wanted),
    responses((status = 200, description = "A page of changes", body = Page<Entry>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn list(
    _viewer: Viewer,
    State(api): State<Api>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<Entry>>, Problem> {
    let paging = Paging::new(wanted.page, wanted.limit);
    let audit = api.audit.clone();
    let read = blocking(move || audit.read(now(), usize::MAX, |entry| wanted.means(entry)));
    let entries = read.await?.map_err(|error| {
        tracing::error!(%error, "the audit log cannot be read");
        Problem::internal()
    })?;
    Ok(Json(paging.cut(&entries, |entry| Entry::new(entry, &api.node))))
}

impl Wanted {
    fn means(&self, entry: &AuditEntry) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        let outcome = outcome_of(entry);
        let duration_ms = i64::try_from(entry.duration_ms).unwrap_or(i64::MAX);
        self.from.is_none_or(|from| from == entry.from)
            && is(&self.source, &entry.by)
            && fits(self.source_ip.as_ref(), |ip| entry.source_ip.as_ref() == Some(ip))
            && is(&self.operation_id, &entry.operation)
            && is(&self.operation_type, type_of(entry))
            && self.operation_result.is_none_or(|wanted| wanted == outcome)
            && fits(self.http_method.as_ref(), |method| {
                entry.method.as_ref().is_some_and(|found| found.eq_ignore_ascii_case(method))
            })
            && fits(self.http_status_code.as_ref(), |status| entry.status.map(i32::from) == Some(*status))
            && self.gte_created_at.is_none_or(|Moment(ms)| entry.at_ms >= ms)
            && self.lte_created_at.is_none_or(|Moment(ms)| entry.at_ms <= ms)
            && self.gte_duration_ms.is_none_or(|ms| duration_ms >= ms)
            && self.lte_duration_ms.is_none_or(|ms| duration_ms <= ms)
            && fits(self.like_object.as_ref(), |part| entry.object.contains(part.as_str()))
    }
}

impl Entry {
    fn new(entry: &AuditEntry, node: &str) -> Entry {
        Entry {
            created_at: rfc3339(Timestamp(entry.at_ms)),
            node: node.to_owned(),
            from: entry.from,
            source: entry.by.clone(),
            role: entry.role.clone(),
            source_ip: entry.source_ip.clone(),
            operation_id: entry.operation.clone(),
            operation_type: type_of(entry).to_owned(),
            operation_result: outcome_of(entry),
            http_method: entry.method.clone(),
            http_status_code: entry.status,
            duration_ms: entry.duration_ms,
            object: entry.object.clone(),
            failure: entry.failure.clone(),
            before: entry.before.clone(),
            after: entry.after.clone(),
        }
    }
}

/// What can have made a change.
fn froms() -> RefOr<Schema> {
    one_of(["rest_api", "cli"])
}

const fn outcome_of(entry: &AuditEntry) -> Outcome {
    if entry.is_done { Outcome::Success } else { Outcome::Failure }
}

/// `rules` of `/rules/{id}`, `keys` of `keys add`.
fn type_of(entry: &AuditEntry) -> &str {
    entry.operation.trim_start_matches('/').split(['/', ' ']).next().unwrap_or_default()
}
