//! `/api/v5/banned`: who may not connect, in EMQX's shape.

use std::sync::Arc;

use auth::{AuthError, Ban, BanBy};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use events::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{KnownFormat, ObjectBuilder, OneOfBuilder, RefOr, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::page::{Page, PageLimit, PageNumber, Paging, blocking};
use super::time::{now, parse_ms, rfc3339};
use crate::Api;
use crate::access::{Operator, Viewer};
use crate::extract::{Body, Named, Parameters};
use crate::openapi::{one_of, one_of_formats};
use crate::problem::Problem;

/// The last second of the year 9999, since 1970.
const SECONDS_MAX: i64 = 253_402_300_799;

/// Which page is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Which page, from 1 on.
    #[param(inline)]
    page: Option<PageNumber>,
    /// Items on a page.
    #[param(inline)]
    limit: Option<PageLimit>,
}

/// A ban as a program asks for it. Times are RFC 3339 or seconds since 1970, as EMQX takes them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBan)]
pub(crate) struct Asked {
    /// What it goes by.
    #[schema(schema_with = ways)]
    r#as: BanBy,
    /// Whom it is for.
    #[schema(example = "pump-17", min_length = 1)]
    who: String,
    /// Who has made it; the name of the key where nobody is named.
    by: Option<String>,
    /// Why.
    #[serde(default)]
    reason: String,
    /// When it was made; now where no time is given.
    #[schema(schema_with = moments, required = false)]
    at: Option<Moment>,
    /// When it ends, or `infinity`, as where no time is given.
    #[schema(schema_with = moments, required = false)]
    until: Option<Moment>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Moment {
    Seconds(i64),
    Text(String),
}

/// A ban as it is told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Banned {
    r#as: &'static str,
    who: String,
    by: String,
    reason: String,
    at: String,
    /// A time, or `infinity`.
    until: String,
}

impl Banned {
    fn new(ban: &Ban) -> Banned {
        Banned {
            r#as: ban.r#as.name(),
            who: ban.who.clone(),
            by: ban.by.clone(),
            reason: ban.reason.clone(),
            at: rfc3339(Timestamp(ban.at)),
            until: ban.until.map_or_else(|| "infinity".to_owned(), |until| rfc3339(Timestamp(until))),
        }
    }
}

/// Lists the bans
///
/// The newest first.
#[utoipa::path(get, path = "/api/v5/banned", tag = "banned", params(Wanted),
    responses((status = 200, description = "A page of bans", body = Page<Banned>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn list(
    _viewer: Viewer,
    State(api): State<Api>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<Banned>>, Problem> {
    let paging = Paging::new(wanted.page, wanted.limit);
    let mut bans: Vec<Arc<Ban>> = api.broker.bans().list(now());
    bans.sort_unstable_by(|one, other| (other.at, &other.who).cmp(&(one.at, &one.who)));
    Ok(Json(paging.cut(&bans, |ban| Banned::new(ban))))
}

/// Bans clients
///
/// Connections of those who are banned are ended.
#[utoipa::path(post, path = "/api/v5/banned", tag = "banned", request_body = Asked,
    responses((status = 200, description = "The ban", body = Banned)), security(("bearer" = ["operator"])))]
pub(crate) async fn add(
    Operator(key): Operator,
    State(api): State<Api>,
    Body(asked): Body<Asked>,
) -> Result<Json<Banned>, Problem> {
    let ban = Ban {
        r#as: asked.r#as,
        who: asked.who,
        by: asked.by.unwrap_or_else(|| key.name.clone()),
        reason: asked.reason,
        at: moment(asked.at, "at")?.unwrap_or(now().0),
        until: moment(asked.until, "until")?,
    };
    blocking(move || {
        api.broker.bans().add(ban.clone(), now()).map_err(|error| problem(&error))?;
        api.broker.end_banned();
        tracing::info!(who = ban.who, by = ban.by, "a ban is made");
        Ok(Json(Banned::new(&ban)))
    })
    .await?
}

/// Lifts a ban
#[utoipa::path(delete, path = "/api/v5/banned/{as}/{who}", tag = "banned",
    params(("as" = inline(Ways), Path, description = "What it goes by"), ("who" = String, Path, description = "Whom it is for")),
    responses((status = 204, description = "It is lifted")), security(("bearer" = ["operator"])))]
pub(crate) async fn remove(
    Operator(key): Operator,
    State(api): State<Api>,
    Named((by, who)): Named<(BanBy, String)>,
) -> Result<StatusCode, Problem> {
    blocking(move || {
        if !api.broker.bans().remove(by, &who).map_err(|error| problem(&error))? {
            return Err(Problem::not_found("ban", &who));
        }
        tracing::info!(who, key = &*key.name, "a ban is lifted");
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}

/// What bans go by, in a path.
struct Ways;

impl PartialSchema for Ways {
    fn schema() -> RefOr<Schema> {
        ways()
    }
}

impl ToSchema for Ways {}

/// A time of a ban: RFC 3339, seconds since 1970, `infinity` or nothing.
fn moments() -> RefOr<Schema> {
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(SECONDS_MAX));
    let nothing = ObjectBuilder::new().schema_type(Type::Null);
    let time = one_of_formats([KnownFormat::DateTime]);
    RefOr::T(Schema::OneOf(
        OneOfBuilder::new().item(time).item(one_of(["infinity"])).item(seconds).item(nothing).build(),
    ))
}

fn ways() -> RefOr<Schema> {
    one_of(BanBy::ALL.map(BanBy::name))
}

fn moment(asked: Option<Moment>, field: &str) -> Result<Option<i64>, Problem> {
    match asked {
        None => Ok(None),
        Some(Moment::Seconds(seconds)) if (0..=SECONDS_MAX).contains(&seconds) => Ok(Some(seconds * 1000)),
        Some(Moment::Seconds(seconds)) => Err(Problem::bad_request(format!(
            "expected `{field}` to be from 0 to {SECONDS_MAX} seconds since 1970, found {seconds}"
        ))),
        Some(Moment::Text(text)) if text == "infinity" => Ok(None),
        Some(Moment::Text(text)) => parse_ms(&text).map(Some).ok_or_else(|| {
            Problem::bad_request(format!(
                "expected `{field}` to be a time such as `2026-01-31T12:00:00Z`, found `{text}`"
            ))
        }),
    }
}

fn problem(error: &AuthError) -> Problem {
    if let AuthError::Ban { message } = error {
        return Problem::bad_request(message.clone());
    }
    tracing::error!(%error, "a ban cannot be kept");
    Problem::internal()
}
