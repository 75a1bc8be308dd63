//! What makes, changes and removes connectors, in EMQX's shapes: `POST /connectors`, `PUT` and `DELETE /connectors/{id}`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use engine::{Condition, MadeConnector, MakeRefused};
use serde_json::{Map, Value};

use super::connectors::{self, CONNECTOR, Connector};
use super::page::blocking;
use crate::Api;
use crate::access::{Admin, Operator};
use crate::condition::{OnlyIf, Tagged};
use crate::emqx::{kind_here, kind_there};
use crate::extract::{Body, Named};
use crate::problem::Problem;
use crate::refused::{already_there, owned_by_file, problem};
use crate::secrets::{hidden, restore};

/// Makes a connector
///
/// `type`, `name` and the options of the type, as EMQX has them or as they stand in the configuration.
#[utoipa::path(post, path = "/api/v5/connectors", tag = "connectors", params(OnlyIf),
    request_body(content = Object, description = "The connector"),
    responses((status = 201, description = "The connector, with its ETag", body = Connector)), security(("bearer" = ["admin"])))]
pub(crate) async fn create(
    Admin { note, .. }: Admin,
    State(api): State<Api>,
    OnlyIf(condition): OnlyIf,
    Body(sent): Body<Map<String, Value>>,
) -> Result<Response, Problem> {
    let kind = kind_here(text_of(&sent, "type")?).to_owned();
    let name = text_of(&sent, "name")?.to_owned();
    check_name(&name)?;
    let connector = read(&api, &kind, sent, true)?;
    let id = format!("{}:{name}", kind_there(&kind));
    let after = hidden(&connector.given);
    let told = put(&api, (name, id.clone()), connector, Condition::Absent).await;
    let told = match told {
        Err(problem) if condition == Condition::Always && problem.status() == StatusCode::PRECONDITION_FAILED => {
            Err(already_there(("connector", &id)).help("connectors of all kinds share their names"))
        }
        told => told,
    };
    let told = told?;
    note.change(Value::Null, after);
    Ok((StatusCode::CREATED, told).into_response())
}

/// Changes a connector
///
/// The whole of it is sent; `******` keeps a secret. With `If-None-Match: *` it makes the connector.
#[utoipa::path(put, path = "/api/v5/connectors/{id}", tag = "connectors", params(("id" = String, Path, description = CONNECTOR), OnlyIf),
    request_body(content = Object, description = "The connector"),
    responses((status = 200, description = "The connector, with its ETag", body = Connector)), security(("bearer" = ["admin"])))]
pub(crate) async fn replace(
    Admin { note, .. }: Admin,
    State(api): State<Api>,
    OnlyIf(condition): OnlyIf,
    Named(id): Named<String>,
    Body(sent): Body<Map<String, Value>>,
) -> Result<Tagged<Connector>, Problem> {
    let (kind, name) = parts_of(&id)?;
    check_name(&name)?;
    let made = api.engine.made();
    let before = made.connectors.get(&name).filter(|made| made.object.kind == kind);
    let (mut sent, mut is_enabled) = (Value::Object(sent), true);
    match before {
        Some(before) => {
            restore(&mut sent, &before.object.given);
            is_enabled = before.object.is_enabled;
        }
        None if condition == Condition::Absent => {}
        None => return Err(not_made(&api, &id)),
    }
    let Value::Object(sent) = sent else { return Err(Problem::internal()) };
    let connector = read(&api, &kind, sent, is_enabled)?;
    let (was, after) = (before.map_or(Value::Null, |before| hidden(&before.object.given)), hidden(&connector.given));
    let told = put(&api, (name, id), connector, condition).await?;
    note.change(was, after);
    Ok(told)
}

/// Switches a connector on or off
///
/// The actions of one that is switched off get nothing, and keep what they have.
#[utoipa::path(put, path = "/api/v5/connectors/{id}/enable/{enable}", tag = "connectors",
    params(("id" = String, Path, description = CONNECTOR), ("enable" = bool, Path, description = "`true` or `false`"), OnlyIf),
    responses((status = 204, description = "Done")), security(("bearer" = ["operator"])))]
pub(crate) async fn enable(
    _operator: Operator,
    State(api): State<Api>,
    OnlyIf(condition): OnlyIf,
    Named((id, is_enabled)): Named<(String, bool)>,
) -> Result<StatusCode, Problem> {
    let (_, name) = parts_of(&id)?;
    let made = api.engine.made();
    let Some(before) = made.connectors.get(&name) else { return Err(not_made(&api, &id)) };
    let connector = MadeConnector { is_enabled, ..before.object.clone() };
    let condition = if condition == Condition::Always { Condition::Revision(vec![before.revision]) } else { condition };
    put(&api, (name, id), connector, condition).await.map(|_told| StatusCode::NO_CONTENT)
}

/// Removes a connector
///
/// It is refused while something uses it.
#[utoipa::path(delete, path = "/api/v5/connectors/{id}", tag = "connectors",
    params(("id" = String, Path, description = CONNECTOR), OnlyIf),
    responses((status = 204, description = "It is gone")), security(("bearer" = ["admin"])))]
pub(crate) async fn remove(
    Admin { note, .. }: Admin,
    State(api): State<Api>,
    OnlyIf(condition): OnlyIf,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    let (_, name) = parts_of(&id)?;
    let made = api.engine.made();
    let Some(before) = made.connectors.get(&name) else { return Err(not_made(&api, &id)) };
    note.change(hidden(&before.object.given), Value::Null);
    blocking(move || match api.engine.remove_connector(&name, &condition) {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(refused) => Err(problem(refused, ("connector", &id), None)),
    })
    .await?
}

async fn put(
    api: &Api,
    (name, id): (String, String),
    connector: MadeConnector,
    condition: Condition,
) -> Result<Tagged<Connector>, Problem> {
    let (engine, of) = (api.engine.clone(), id.clone());
    let made = blocking(move || engine.put_connector(&name, connector, &condition));
    made.await?.map_err(|refused: MakeRefused| problem(refused, ("connector", &of), None))?;
    let known = connectors::find(api, &id)?;
    Ok(Connector::ask(api, known).await.tagged(api))
}

fn read(api: &Api, kind: &str, sent: Map<String, Value>, was_enabled: bool) -> Result<MadeConnector, Problem> {
    if (api.emqx.kind)(kind).is_none() {
        let problem = Problem::bad_request(format!("there is no type `{kind}` of connectors"));
        return Err(problem.help(format!("expected one of `{}`", (api.emqx.connector_kinds)().join("`, `"))));
    }
    let options = (api.emqx.connector)(kind, &sent).map_err(Problem::bad_request)?;
    let is_enabled = sent.get("enable").and_then(Value::as_bool).unwrap_or(was_enabled);
    Ok(MadeConnector { kind: kind.to_owned(), given: Value::Object(sent), options, is_enabled })
}

/// Kind, in our words, and name of `type:name`.
pub(super) fn parts_of(id: &str) -> Result<(String, String), Problem> {
    match id.split_once(':') {
        Some((kind, name)) => Ok((kind_here(kind).to_owned(), name.to_owned())),
        None => Err(Problem::bad_request(format!("expected `type:name` for an identifier, found `{id}`"))),
    }
}

pub(super) fn text_of<'s>(sent: &'s Map<String, Value>, name: &str) -> Result<&'s str, Problem> {
    match sent.get(name) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(Problem::bad_request(format!("expected text for `{name}`, found `{other}`"))),
        None => Err(Problem::bad_request(format!("expected text for `{name}`, found none"))),
    }
}

/// Names stand in identifiers, in files, and in paths of buffers.
pub(super) fn check_name(name: &str) -> Result<(), Problem> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_name = (1..=128).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('.');
    let expected = "expected up to 128 letters, digits, `_`, `-` and `.` for a name";
    if is_name { Ok(()) } else { Err(Problem::bad_request(format!("{expected}, found `{name}`"))) }
}

fn not_made(api: &Api, id: &str) -> Problem {
    match connectors::find(api, id) {
        Ok(known) => owned_by_file(("connector", id), &format!("[connectors.{}]", known.name)),
        Err(absent) => absent,
    }
}
