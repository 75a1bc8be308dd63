//! What makes, changes and removes actions that rules refer to, in EMQX's shapes: `POST /actions`, `PUT` and
//! `DELETE /actions/{id}`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use engine::{Condition, SharedAction};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::IntoParams;

use super::actions::{ACTION, Action, shown};
use super::connector_changes::{check_name, parts_of, text_of};
use super::page::blocking;
use crate::Api;
use crate::access::{Admin, Operator};
use crate::condition::{OnlyIf, Tagged};
use crate::emqx::{id_here, kind_here};
use crate::extract::{Body, Named, Parameters};
use crate::problem::Problem;
use crate::refused::{already_there, owned_by_file, problem};
use crate::secrets::{hidden, restore};

/// What is to become of the rules that refer to an action that is removed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Removal {
    /// Whether the rules that refer to it are to be rid of it.
    #[serde(default)]
    also_delete_dep_actions: bool,
}

/// Makes an action
///
/// `type`, `name` and the options of the type, as EMQX has them or as they stand in a rule.
#[utoipa::path(post, path = "/api/v5/actions", tag = "actions", params(OnlyIf),
    request_body(content = Object, description = "The action"),
    responses((status = 201, description = "The action, with its ETag", body = Action)), security(("bearer" = ["admin"])))]
pub(crate) async fn create(
    Admin { note, .. }: Admin,
    State(api): State<Api>,
    OnlyIf(condition): OnlyIf,
    Body(sent): Body<Map<String, Value>>,
) -> Result<Response, Problem> {
    let (kind, name) = (kind_here(text_of(&sent, "type")?).to_owned(), text_of(&sent, "name")?.to_owned());
    let action = read(&api, (kind, name), sent, true)?;
    let (id, after) = (action.id(), hidden(&action.given));
    let told = match put(&api, action, Condition::Absent).await {
        Err(problem) if condition == Condition::Always && problem.status() == StatusCode::PRECONDITION_FAILED => {
            Err(already_there(("action", &id)))
        }
        told => told,
    };
    let told = told?;
    note.change(Value::Null, after);
    Ok((StatusCode::CREATED, told).into_response())
}

/// Changes an action
///
/// The whole of it is sent; `******` keeps a secret. With `If-None-Match: *` it makes the action.
#[utoipa::path(put, path = "/api/v5/actions/{id}", tag = "actions", params(("id" = String, Path, description = ACTION), OnlyIf),
    request_body(content = Object, description = "The action"),
    responses((status = 200, description = "The action, with its ETag", body = Action)), security(("bearer" = ["admin"])))]
pub(crate) async fn replace(
    Admin { note, .. }: Admin,
    State(api): State<Api>,
    OnlyIf(condition): OnlyIf,
    Named(id): Named<String>,
    Body(sent): Body<Map<String, Value>>,
) -> Result<Tagged<Action>, Problem> {
    let made = api.engine.made();
    let (mut sent, mut is_enabled) = (Value::Object(sent), true);
    let mut was = Value::Null;
    match made.actions.get(&id_here(&id)) {
        Some(before) => {
            was = hidden(&before.object.given);
            restore(&mut sent, &before.object.given);
            is_enabled = before.object.is_enabled;
        }
        None if condition == Condition::Absent => {}
        None => return Err(not_made(&api, &id)),
    }
    let Value::Object(sent) = sent else { return Err(Problem::internal()) };
    let action = read(&api, parts_of(&id)?, sent, is_enabled)?;
    let after = hidden(&action.given);
    let told = put(&api, action, condition).await?;
    note.change(was, after);
    Ok(told)
}

/// Switches an action on or off
///
/// One that is switched off gets nothing, and keeps what it has.
#[utoipa::path(put, path = "/api/v5/actions/{id}/enable/{enable}", tag = "actions",
    params(("id" = String, Path, description = ACTION), ("enable" = bool, Path, description = "`true` or `false`"), OnlyIf),
    responses((status = 204, description = "Done")), security(("bearer" = ["operator"])))]
pub(crate) async fn enable(
    _operator: Operator,
    State(api): State<Api>,
    OnlyIf(condition): OnlyIf,
    Named((id, is_enabled)): Named<(String, bool)>,
) -> Result<StatusCode, Problem> {
    let made = api.engine.made();
    let Some(before) = made.actions.get(&id_here(&id)) else { return Err(not_made(&api, &id)) };
    let action = SharedAction { is_enabled, ..before.object.clone() };
    let condition = if condition == Condition::Always { Condition::Revision(vec![before.revision]) } else { condition };
    put(&api, action, condition).await.map(|_told| StatusCode::NO_CONTENT)
}

/// Removes an action
///
/// It is refused while rules refer to it, unless they are to be rid of it, too.
#[utoipa::path(delete, path = "/api/v5/actions/{id}", tag = "actions",
    params(("id" = String, Path, description = ACTION), Removal, OnlyIf),
    responses((status = 204, description = "It is gone")), security(("bearer" = ["admin"])))]
pub(crate) async fn remove(
    Admin { note, .. }: Admin,
    State(api): State<Api>,
    OnlyIf(condition): OnlyIf,
    Named(id): Named<String>,
    Parameters(removal): Parameters<Removal>,
) -> Result<StatusCode, Problem> {
    let here = id_here(&id);
    let made = api.engine.made();
    let Some(before) = made.actions.get(&here) else { return Err(not_made(&api, &id)) };
    note.change(hidden(&before.object.given), Value::Null);
    blocking(move || match api.engine.remove_action(&here, removal.also_delete_dep_actions, &condition) {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(refused) => Err(problem(refused, ("action", &id), None)),
    })
    .await?
}

async fn put(api: &Api, action: SharedAction, condition: Condition) -> Result<Tagged<Action>, Problem> {
    let (engine, id) = (api.engine.clone(), action.id());
    let made = blocking(move || engine.put_action(action, &condition)).await?;
    made.map_err(|refused| problem(refused, ("action", &id), None))?;
    shown(api, &id)
}

fn read(
    api: &Api,
    (kind, name): (String, String),
    sent: Map<String, Value>,
    was_enabled: bool,
) -> Result<SharedAction, Problem> {
    check_name(&name)?;
    if (api.emqx.kind)(&kind).is_none() {
        let problem = Problem::bad_request(format!("there is no type `{kind}` of actions"));
        return Err(problem.help(format!("expected one of `{}`", (api.emqx.action_kinds)().join("`, `"))));
    }
    let connector = sent.get("connector").and_then(Value::as_str);
    let of_kind = |name: &str| api.engine.connectors().into_iter().find(|one| one.name == name).map(|one| one.kind);
    if let Some((connector, other)) =
        connector.and_then(|name| Some((name, of_kind(name)?))).filter(|(_, of)| *of != kind)
    {
        let message = format!("expected a connector of the type `{kind}`, found `{connector}`, which is `{other}`");
        return Err(Problem::bad_request(message));
    }
    let entry = (api.emqx.action)(&kind, &sent).map_err(Problem::bad_request)?;
    let is_enabled = sent.get("enable").and_then(Value::as_bool).unwrap_or(was_enabled);
    Ok(SharedAction { kind, name, given: Value::Object(sent), entry, is_enabled })
}

fn not_made(api: &Api, id: &str) -> Problem {
    match shown(api, id) {
        Ok(_of_file) => owned_by_file(("action", id), "the rules that have it")
            .help("change it there; `pause`, `resume` and `drain` work on every action"),
        Err(absent) => absent,
    }
}
