//! What makes, changes and removes rules, in EMQX's shapes: `POST /rules`, `PUT` and `DELETE /rules/{id}`.
//!
//! A rule is sent in its parts, as EMQX has it (`sql`, `actions`, ...), or as the text of a rule file (`text`).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use engine::{ActionUse, Compat, Condition, MadeRule, MakeRefused, RuleBody, RuleParts};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::page::blocking;
use super::rule_test::compats;
use super::rules::{RULE, Rule, shown};
use crate::Api;
use crate::access::Admin;
use crate::condition::{OnlyIf, Tagged};
use crate::emqx::{Fields, id_here, table_of};
use crate::extract::{Body, Named};
use crate::problem::Problem;
use crate::refused::{owned_by_file, problem};
use crate::secrets::restore;

/// A rule as a program sends it. What is not sent of a rule that is there stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RuleChange)]
pub(crate) struct Sent {
    /// Made up where none is sent.
    id: Option<String>,
    name: Option<String>,
    /// The statement.
    #[schema(example = "SELECT payload.msg AS msg FROM \"t/#\"")]
    sql: Option<String>,
    /// The identifier of an action, `type:name`; EMQX's `{"function": "republish", "args": {}}`; or an entry of `[[actions]]`.
    actions: Option<Vec<Value>>,
    description: Option<String>,
    /// Whether it runs.
    enable: Option<bool>,
    /// What a program keeps beside it.
    metadata: Option<Value>,
    /// `emqx`, the default, or `signalbox`: whose events the rule is written for.
    #[schema(schema_with = compats, required = false)]
    compat: Option<Compat>,
    /// A whole rule file, instead of its parts.
    text: Option<String>,
}

/// What the API tells of a rule beyond what can be sent: programs change what they have read, and send all of it.
const ONLY_TOLD: [&str; 14] = [
    "from",
    "action_details",
    "created_at",
    "last_modified_at",
    "namespace",
    "source",
    "file",
    "status",
    "refused",
    "warnings",
    "last_error",
    "metrics",
    "node_metrics",
    "node",
];

/// Makes a rule
#[utoipa::path(post, path = "/api/v5/rules", tag = "rules", params(OnlyIf), request_body = Sent,
    responses((status = 201, description = "The rule, with its ETag", body = Rule),
        (status = 412, description = "It is there already: `PRECONDITION_FAILED`", body = Problem)), security(("bearer" = ["admin"])))]
pub(crate) async fn create(
    Admin { note, .. }: Admin,
    State(api): State<Api>,
    OnlyIf(condition): OnlyIf,
    Body(body): Body<Map<String, Value>>,
) -> Result<Response, Problem> {
    let mut sent = Sent::read(body)?;
    let id = sent.id.take().unwrap_or_else(|| format!("rule_{:08x}", fastrand::u32(..)));
    let is_asked = condition != Condition::Always;
    let made = blocking(move || match sent.put(&api, &id, None, &Condition::Absent) {
        Err(Refused::Engine(MakeRefused::Condition { .. })) if !is_asked => {
            let problem = Problem::bad_request(format!("there is a rule `{id}` already"));
            Err(problem.help("change it with `PUT /rules/{id}`, or leave `id` out"))
        }
        Err(refused) => Err(refused.told(&id, sent.checked_text())),
        Ok(revision) => {
            note.change(Value::Null, summary(&api, &id));
            told(&api, &id, revision)
        }
    });
    Ok((StatusCode::CREATED, made.await??).into_response())
}

/// Changes a rule
///
/// What is not sent stays as it is. With `If-None-Match: *` it makes the rule.
#[utoipa::path(put, path = "/api/v5/rules/{id}", tag = "rules", params(("id" = String, Path, description = RULE), OnlyIf),
    request_body = Sent,
    responses((status = 200, description = "The rule, with its ETag", body = Rule)), security(("bearer" = ["admin"])))]
pub(crate) async fn replace(
    Admin { note, .. }: Admin,
    State(api): State<Api>,
    OnlyIf(condition): OnlyIf,
    Named(id): Named<String>,
    Body(body): Body<Map<String, Value>>,
) -> Result<Tagged<Rule>, Problem> {
    let sent = Sent::read(body)?;
    if let Some(other) = sent.id.as_ref().filter(|sent| **sent != id) {
        return Err(Problem::bad_request(format!("expected `{id}` for `id`, found `{other}`")));
    }
    blocking(move || {
        let there = api.engine.rule(&id);
        if let Some(of_file) = there.as_ref().filter(|rule| !rule.is_made) {
            return Err(owned_by_file(("rule", &id), &of_file.file.display().to_string()));
        }
        if there.is_none() && condition != Condition::Absent {
            return Err(Problem::not_found("rule", &id).help("`POST /rules` makes one"));
        }
        let before = api.engine.made().rules.get(&id).map(|rule| rule.object.clone());
        let was = summary(&api, &id);
        match sent.put(&api, &id, before, &condition) {
            Err(refused) => Err(refused.told(&id, sent.checked_text())),
            Ok(revision) => {
                note.change(was, summary(&api, &id));
                told(&api, &id, revision)
            }
        }
    })
    .await?
}

/// Removes a rule
#[utoipa::path(delete, path = "/api/v5/rules/{id}", tag = "rules",
    params(("id" = String, Path, description = RULE), OnlyIf),
    responses((status = 204, description = "It is gone")), security(("bearer" = ["admin"])))]
pub(crate) async fn remove(
    Admin { note, .. }: Admin,
    State(api): State<Api>,
    OnlyIf(condition): OnlyIf,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    note.change(summary(&api, &id), Value::Null);
    blocking(move || match api.engine.remove_rule(&id, &condition) {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(refused) => Err(problem(refused, ("rule", &id), None)),
    })
    .await?
}

/// Why a rule was not taken.
enum Refused {
    Problem(Problem),
    Engine(MakeRefused),
}

impl Refused {
    fn told(self, id: &str, text: Option<&str>) -> Problem {
        match self {
            Refused::Problem(problem) => problem,
            Refused::Engine(refused) => problem(refused, ("rule", id), text),
        }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Refused {
        Refused::Problem(problem)
    }
}

impl Sent {
    fn read(mut fields: Map<String, Value>) -> Result<Sent, Problem> {
        ONLY_TOLD.iter().for_each(|name| drop(fields.remove(*name)));
        serde_json::from_value(Value::Object(fields)).map_err(|error| Problem::bad_request(error.to_string()))
    }

    /// Hands the rule to the engine, `before` with what was sent in place of what it had.
    fn put(&self, api: &Api, id: &str, before: Option<MadeRule>, condition: &Condition) -> Result<u64, Refused> {
        let (body, was_enabled, metadata, name) = match before {
            Some(MadeRule { body, is_enabled, metadata, name }) => (Some(body), is_enabled, metadata, name),
            None => (None, true, Value::Null, String::new()),
        };
        let rule = MadeRule {
            body: self.body(api, body)?,
            is_enabled: self.enable.unwrap_or(was_enabled),
            metadata: self.metadata.clone().unwrap_or(metadata),
            name: self.name.clone().unwrap_or(name),
        };
        api.engine.put_rule(id, rule, condition).map_err(Refused::Engine)
    }

    fn body(&self, api: &Api, before: Option<RuleBody>) -> Result<RuleBody, Problem> {
        let has_parts =
            self.sql.is_some() || self.actions.is_some() || self.description.is_some() || self.compat.is_some();
        match (&self.text, before) {
            (Some(_), _) if self.sql.is_some() => {
                Err(Problem::bad_request("expected `sql` or `text`, found both").help("`text` is a whole rule file"))
            }
            (Some(text), _) => Ok(RuleBody::Text(text.clone())),
            (None, Some(RuleBody::Text(text))) if !has_parts => Ok(RuleBody::Text(text)),
            (None, Some(RuleBody::Text(_))) if self.sql.is_none() => {
                Err(Problem::bad_request("the rule was made of a `text`, which holds its actions and its description")
                    .help("send the whole `text`, or `sql` and everything else"))
            }
            (None, Some(RuleBody::Parts(parts))) => self.parts(api, Some(parts)),
            (None, Some(RuleBody::Text(_)) | None) => self.parts(api, None),
        }
    }

    fn parts(&self, api: &Api, before: Option<RuleParts>) -> Result<RuleBody, Problem> {
        let Some(sql) = self.sql.clone().or_else(|| before.as_ref().map(|before| before.sql.clone())) else {
            return Err(Problem::bad_request("expected `sql` or `text`, found neither"));
        };
        let compat = self.compat.or(before.as_ref().map(|before| before.compat)).unwrap_or(Compat::Emqx);
        let (description, kept) = before.map(|before| (before.description, before.actions)).unwrap_or_default();
        let actions = match &self.actions {
            None => kept,
            Some(given) => {
                let fields = api.engine.output_fields(&sql, compat);
                let before = |at: usize| match kept.get(at) {
                    Some(ActionUse::Own { given, .. }) => given.clone(),
                    Some(ActionUse::Shared(_)) | None => Value::Null,
                };
                let mut given = given.clone();
                given.iter_mut().enumerate().for_each(|(at, given)| restore(given, &before(at)));
                given.iter().map(|given| action_use(api, given, fields.as_deref())).collect::<Result<_, _>>()?
            }
        };
        let description = self.description.clone().unwrap_or(description);
        Ok(RuleBody::Parts(RuleParts { sql, description, compat, actions }))
    }

    /// The text that places in problems are in.
    fn checked_text(&self) -> Option<&str> {
        self.text.as_deref().or(self.sql.as_deref())
    }
}

/// An entry of `actions`: `"http:x"`, `{"function": "republish", "args": {...}}`, or an entry of `[[actions]]`.
fn action_use(api: &Api, given: &Value, fields: Fields<'_>) -> Result<ActionUse, Problem> {
    match given {
        Value::String(id) => {
            let (id, made) = (id_here(id), api.engine.made());
            if made.actions.contains_key(&id) {
                return Ok(ActionUse::Shared(id));
            }
            let problem = Problem::bad_request(format!("there is no action `{id}`"));
            Err(match events::closest(&id, made.actions.keys().map(String::as_str)) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem.help("make it with `POST /actions`; an identifier is `type:name`"),
            })
        }
        Value::Object(function) if function.contains_key("function") => {
            let entry = (api.emqx.function)(given, fields).map_err(Problem::bad_request)?;
            Ok(ActionUse::Own { given: given.clone(), entry })
        }
        Value::Object(entry) => {
            let entry = table_of(entry).map_err(Problem::bad_request)?;
            Ok(ActionUse::Own { given: given.clone(), entry })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            Err(Problem::bad_request(format!("expected text or an object in `actions`, found `{given}`")))
        }
    }
}

/// What the audit log keeps of a rule that was made over the API. A text may hold secrets before its SQL.
fn summary(api: &Api, id: &str) -> Value {
    let made = api.engine.made();
    let Some(MadeRule { body, is_enabled, metadata, name }) = made.rules.get(id).map(|made| &made.object) else {
        return Value::Null;
    };
    let mut summary = match body {
        RuleBody::Text(text) => {
            let (header, sql) = text.split_once("---*/").unwrap_or(("", text));
            json!({ "sql": sql.trim(), "header_bytes": header.len() })
        }
        RuleBody::Parts(RuleParts { sql, description, compat, actions }) => json!({
            "sql": sql,
            "description": description,
            "compat": compat,
            "actions": actions.iter().map(shown).collect::<Vec<_>>(),
        }),
    };
    summary["enable"] = (*is_enabled).into();
    summary["name"] = name.as_str().into();
    summary["metadata"] = metadata.clone();
    summary
}

fn told(api: &Api, id: &str, revision: u64) -> Result<Tagged<Rule>, Problem> {
    let rule = api.engine.rule(id).ok_or_else(Problem::internal)?;
    Ok(Tagged(Some(revision), Rule::of(rule, &api.engine.made())))
}
