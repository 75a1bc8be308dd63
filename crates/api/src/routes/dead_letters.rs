//! `/api/v5/dead_letters`: outputs that were given up, to be looked at, mended, sent again or dropped.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use engine::{DeadLetter, ErrorClass, Failure, LetterFilter, OutputId, ReplayRefused};
use events::{Map, Timestamp, Value};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, PageLimit, PageNumber, Paging, blocking};
use super::time::Moment;
use crate::Api;
use crate::access::{Operator, Viewer};
use crate::extract::{Named, Parameters};
use crate::openapi::one_of;
use crate::problem::Problem;

/// What `{id}` is.
const LETTER: &str = "The identifier of the output";

/// Which letters, and which page of them.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// The identifier of the rule.
    rule: Option<String>,
    /// The name of the action.
    action: Option<String>,
    /// The client whose event it was.
    clientid: Option<String>,
    /// What kind of error it was in the end.
    #[param(schema_with = classes)]
    class: Option<String>,
    /// Given up from then on; RFC 3339 or ms since 1970.
    #[param(inline)]
    since: Option<Moment>,
    /// Given up before then.
    #[param(inline)]
    until: Option<Moment>,
    /// Which page, from 1 on.
    #[param(inline)]
    page: Option<PageNumber>,
    /// Items on a page.
    #[param(inline)]
    limit: Option<PageLimit>,
}

/// An output that was given up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub(crate) struct Letter {
    /// The identifier of the output.
    id: String,
    rule: String,
    action: String,
    event_id: String,
    clientid: Option<String>,
    /// The topic of the message or event that the rule ran on.
    trigger: String,
    created_at: i64,
    dead_at: i64,
    /// What kind of error it was in the end.
    class: &'static str,
    reason: String,
    attempts: u32,
    /// The last of the attempts, oldest first.
    failures: Vec<Attempt>,
    /// What was sent in the end, part by part, without secrets: a request, a statement with its parameters.
    #[schema(value_type = Object)]
    sent: Box<RawValue>,
    /// The row.
    #[schema(value_type = Object)]
    output: Box<RawValue>,
}

/// An attempt that failed, in ms since 1970.
#[derive(Debug, Serialize, ToSchema)]
struct Attempt {
    at: i64,
    class: &'static str,
    reason: String,
}

/// How many letters were meant, and what became of them.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Done {
    done: usize,
    /// Those whose rule or action is not there any more; they stay.
    left: usize,
}

/// Lists dead letters
#[utoipa::path(get, path = "/api/v5/dead_letters", tag = "dead_letters", params(Wanted),
    responses((status = 200, description = "A page of letters", body = Page<Letter>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn list(
    _viewer: Viewer,
    State(api): State<Api>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<Letter>>, Problem> {
    let paging = Paging::new(wanted.page, wanted.limit);
    let filter = wanted.filter()?;
    blocking(move || Json(paging.cut(&api.engine.dead_letters(&filter), Letter::of))).await
}

/// Exports dead letters
///
/// All that are meant, one JSON object a line.
#[utoipa::path(get, path = "/api/v5/dead_letters/export", tag = "dead_letters", params(Wanted),
    responses((status = 200, description = "Lines of JSON", content_type = "application/x-ndjson", body = String)), security(("bearer" = ["viewer"])))]
pub(crate) async fn export(
    _viewer: Viewer,
    State(api): State<Api>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<impl IntoResponse, Problem> {
    let filter = wanted.filter()?;
    let lines = blocking(move || {
        let mut lines = Vec::new();
        for letter in api.engine.dead_letters(&filter) {
            serde_json::to_writer(&mut lines, &Letter::of(&letter)).map_err(|_not_json| Problem::internal())?;
            lines.push(b'\n');
        }
        Ok::<_, Problem>(lines)
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], lines.await??))
}

/// Shows a dead letter
#[utoipa::path(get, path = "/api/v5/dead_letters/{id}", tag = "dead_letters", params(("id" = String, Path, description = LETTER)),
    responses((status = 200, description = "The letter", body = Letter)), security(("bearer" = ["viewer"])))]
pub(crate) async fn show(
    _viewer: Viewer,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<Json<Letter>, Problem> {
    let letter = api.engine.dead_letter(read_id(&id)?).ok_or_else(|| not_found(&id))?;
    Ok(Json(Letter::of(&letter)))
}

/// Queues the output of a dead letter again
///
/// With the row of the body, where there is one, in place of the one that is kept.
#[utoipa::path(post, path = "/api/v5/dead_letters/{id}/replay", tag = "dead_letters", params(("id" = String, Path, description = LETTER)),
    request_body(content = Option<Object>, description = "Another row"),
    responses((status = 204, description = "It is queued"),
        (status = 409, description = "Its rule or action is not there any more: `NO_ACTION`", body = Problem)), security(("bearer" = ["operator"])))]
pub(crate) async fn replay(
    _operator: Operator,
    State(api): State<Api>,
    Named(id): Named<String>,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let row = read_row(&body)?;
    match api.engine.replay_dead_letter(read_id(&id)?, row) {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(ReplayRefused::NoLetter) => Err(not_found(&id)),
        Err(refused @ ReplayRefused::NoAction) => {
            Err(Problem::new(StatusCode::CONFLICT, "NO_ACTION", refused.to_string())
                .help("bring the rule back with an action of that name, or drop the letter"))
        }
    }
}

/// Queues all dead letters that are meant again
#[utoipa::path(post, path = "/api/v5/dead_letters/replay", tag = "dead_letters", params(Wanted),
    responses((status = 200, description = "How many", body = Done)), security(("bearer" = ["operator"])))]
pub(crate) async fn replay_all(
    _operator: Operator,
    State(api): State<Api>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Done>, Problem> {
    let mut done = Done::default();
    for letter in api.engine.dead_letters(&wanted.filter()?) {
        match api.engine.replay_dead_letter(letter.output.output_id(), None) {
            Ok(()) => done.done += 1,
            Err(ReplayRefused::NoLetter | ReplayRefused::NoAction) => done.left += 1,
        }
    }
    Ok(Json(done))
}

/// Mends the row of a dead letter
///
/// The row of the body takes the place of the one that is kept, for a later replay.
#[utoipa::path(put, path = "/api/v5/dead_letters/{id}", tag = "dead_letters", params(("id" = String, Path, description = LETTER)),
    request_body(content = Object, description = "The row"), responses((status = 204, description = "It is kept")), security(("bearer" = ["operator"])))]
pub(crate) async fn edit(
    _operator: Operator,
    State(api): State<Api>,
    Named(id): Named<String>,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let row = read_row(&body)?.ok_or_else(|| Problem::bad_request("expected a row as a JSON object, found nothing"))?;
    if api.engine.edit_dead_letter(read_id(&id)?, row) { Ok(StatusCode::NO_CONTENT) } else { Err(not_found(&id)) }
}

/// Drops a dead letter
#[utoipa::path(delete, path = "/api/v5/dead_letters/{id}", tag = "dead_letters", params(("id" = String, Path, description = LETTER)),
    responses((status = 204, description = "It is gone")), security(("bearer" = ["operator"])))]
pub(crate) async fn drop_one(
    _operator: Operator,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    if api.engine.drop_dead_letter(read_id(&id)?) { Ok(StatusCode::NO_CONTENT) } else { Err(not_found(&id)) }
}

/// Drops all dead letters that are meant
#[utoipa::path(delete, path = "/api/v5/dead_letters", tag = "dead_letters", params(Wanted),
    responses((status = 200, description = "How many", body = Done)), security(("bearer" = ["operator"])))]
pub(crate) async fn drop_all(
    _operator: Operator,
    State(api): State<Api>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Done>, Problem> {
    let letters = api.engine.dead_letters(&wanted.filter()?);
    let dropped = letters.iter().filter(|letter| api.engine.drop_dead_letter(letter.output.output_id()));
    Ok(Json(Done { done: dropped.count(), left: 0 }))
}

impl Wanted {
    fn filter(self) -> Result<LetterFilter, Problem> {
        let Wanted { rule, action, clientid: client_id, class, since, until, page: _, limit: _ } = self;
        let class = class.map(|class| class.parse::<ErrorClass>()).transpose().map_err(Problem::bad_request)?;
        let [since, until] = [since, until].map(|moment| moment.map(|Moment(ms)| Timestamp(ms)));
        Ok(LetterFilter { rule, action, client_id, class, since, until })
    }
}

impl Letter {
    fn of(letter: &DeadLetter) -> Letter {
        let DeadLetter { output, sent, class, reason, at, attempts, failures } = letter;
        let attempt = |failure: &Failure| Attempt {
            at: failure.at.0,
            class: failure.class.name(),
            reason: failure.reason.to_string(),
        };
        Letter {
            id: output.output_id().to_string(),
            rule: output.rule.to_string(),
            action: output.action.to_string(),
            event_id: output.event_id.to_string(),
            clientid: output.client_id.as_ref().map(ToString::to_string),
            trigger: output.trigger.to_string(),
            created_at: output.created.0,
            dead_at: at.0,
            class: class.name(),
            reason: reason.to_string(),
            attempts: *attempts,
            failures: failures.iter().map(attempt).collect(),
            sent: in_json(sent),
            output: in_json(&output.row),
        }
    }
}

fn in_json(map: &Map) -> Box<RawValue> {
    RawValue::from_string(map.to_json()).expect("a map is written as JSON")
}

fn classes() -> RefOr<Schema> {
    one_of(ErrorClass::ALL.map(ErrorClass::name))
}

fn read_id(text: &str) -> Result<OutputId, Problem> {
    text.parse().map_err(|_| not_found(text))
}

fn not_found(id: &str) -> Problem {
    Problem::not_found("dead letter", id)
}

/// The row of a body: a JSON object, or nothing.
fn read_row(body: &[u8]) -> Result<Option<Map>, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let refused = |found: &str| {
        Problem::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", format!("expected a row as a JSON object, found {found}"))
            .help("leave the body empty to send the output as it was")
    };
    let json: serde_json::Value = serde_json::from_slice(body).map_err(|error| refused(&error.to_string()))?;
    match Value::from_json(&json) {
        Value::Map(map) => Ok(Some(std::sync::Arc::unwrap_or_clone(map))),
        Value::Null => Ok(None),
        Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Bytes(_)
        | Value::List(_) => Err(refused("another value")),
    }
}
