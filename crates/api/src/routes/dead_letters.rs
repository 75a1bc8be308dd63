//! `/api/v5/dead_letters`: outputs that were given up, to be looked at, mended, sent again or dropped.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use engine::{DeadLetter, Failure, LetterFilter, OutputId, ReplayRefused};
use events::{Map, Value};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Api;
use crate::access::{Operator, Viewer};
use crate::problem::Problem;

/// Letters on a page unless the caller asks for another number, and the most of them.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 10_000;

/// Which letters, and which page of them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    rule: Option<String>,
    action: Option<String>,
    clientid: Option<String>,
    page: Option<usize>,
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Page {
    data: Vec<Letter>,
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
    reason: String,
    attempts: u32,
    /// The last of the attempts, oldest first.
    failures: Vec<Attempt>,
    output: Box<RawValue>,
}

#[derive(Debug, Serialize)]
struct Attempt {
    at: i64,
    reason: String,
}

/// How many letters were meant, and what became of them.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Done {
    done: usize,
    /// Those whose rule or action is not there any more; they stay.
    left: usize,
}

/// `GET /dead_letters`.
pub(crate) async fn list(
    _viewer: Viewer,
    State(api): State<Api>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page>, Problem> {
    let limit = wanted.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let page = wanted.page.unwrap_or(1).max(1);
    let letters = api.engine.dead_letters(&wanted.filter());
    let skipped = (page - 1).saturating_mul(limit);
    let data: Vec<Letter> = letters.iter().skip(skipped).take(limit).map(Letter::of).collect::<Result<_, _>>()?;
    let count = letters.len();
    let hasnext = skipped.saturating_add(data.len()) < count;
    Ok(Json(Page { data, meta: Meta { page, limit, count, hasnext } }))
}

/// `GET /dead_letters/{id}`.
pub(crate) async fn show(
    _viewer: Viewer,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<Letter>, Problem> {
    let letter = api.engine.dead_letter(read_id(&id)?).ok_or_else(|| not_found(&id))?;
    Letter::of(&letter).map(Json)
}

/// `POST /dead_letters/{id}/replay`: queues the output again, with the row of the body where there is one.
pub(crate) async fn replay(
    _operator: Operator,
    State(api): State<Api>,
    Path(id): Path<String>,
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

/// `POST /dead_letters/replay`: queues all that are meant again.
pub(crate) async fn replay_all(
    _operator: Operator,
    State(api): State<Api>,
    Query(wanted): Query<Wanted>,
) -> Json<Done> {
    let mut done = Done::default();
    for letter in api.engine.dead_letters(&wanted.filter()) {
        match api.engine.replay_dead_letter(letter.output.output_id(), None) {
            Ok(()) => done.done += 1,
            Err(ReplayRefused::NoLetter | ReplayRefused::NoAction) => done.left += 1,
        }
    }
    Json(done)
}

/// `DELETE /dead_letters/{id}`.
pub(crate) async fn drop_one(
    _operator: Operator,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    if api.engine.drop_dead_letter(read_id(&id)?) { Ok(StatusCode::NO_CONTENT) } else { Err(not_found(&id)) }
}

/// `DELETE /dead_letters`: drops all that are meant.
pub(crate) async fn drop_all(_operator: Operator, State(api): State<Api>, Query(wanted): Query<Wanted>) -> Json<Done> {
    let letters = api.engine.dead_letters(&wanted.filter());
    let dropped = letters.iter().filter(|letter| api.engine.drop_dead_letter(letter.output.output_id()));
    Json(Done { done: dropped.count(), left: 0 })
}

impl Wanted {
    fn filter(&self) -> LetterFilter {
        let Wanted { rule, action, clientid, page: _, limit: _ } = self;
        LetterFilter { rule: rule.clone(), action: action.clone(), client_id: clientid.clone() }
    }
}

impl Letter {
    fn of(letter: &DeadLetter) -> Result<Letter, Problem> {
        let DeadLetter { output, reason, at, attempts, failures } = letter;
        let row = RawValue::from_string(output.row.to_json())
            .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", error.to_string()))?;
        let attempt = |failure: &Failure| Attempt { at: failure.at.0, reason: failure.reason.to_string() };
        Ok(Letter {
            id: output.output_id().to_string(),
            rule: output.rule.to_string(),
            action: output.action.to_string(),
            event_id: output.event_id.to_string(),
            clientid: output.client_id.as_ref().map(ToString::to_string),
            trigger: output.trigger.to_string(),
            created_at: output.created.0,
            dead_at: at.0,
            reason: reason.to_string(),
            attempts: *attempts,
            failures: failures.iter().map(attempt).collect(),
            output: row,
        })
    }
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
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Bytes(_)
        | Value::List(_) => Err(refused("another value")),
    }
}
