//! `/api/v5/api_key`: the keys of this API, in EMQX's shape. The text of a key is told once, when it is made.

use auth::{ApiKey, AuthError, Role};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use events::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::page::blocking;
use super::time::{now, parse_ms, rfc3339};
use crate::Api;
use crate::access::Admin;
use crate::extract::{Body, Named};
use crate::openapi::one_of;
use crate::problem::Problem;

/// What `{name}` is.
const KEY: &str = "The name of the key";

/// A key as it is told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(crate) struct Key {
    name: String,
    /// The user name of HTTP Basic: the name.
    api_key: String,
    /// The text of the key, only when it is made: the password of HTTP Basic, or what stands behind `Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_secret: Option<String>,
    #[schema(schema_with = roles)]
    role: &'static str,
    desc: String,
    enable: bool,
    created_at: String,
    /// A time, or `infinity`.
    expired_at: String,
    expired: bool,
}

/// A key as a program asks for it, or what of it is to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiKeyChange)]
pub(crate) struct Asked {
    /// What it may do; `administrator` is `admin`, too. The role of a viewer where none is sent.
    #[serde(default, deserialize_with = "role")]
    #[schema(schema_with = roles_of_emqx, required = false)]
    role: Option<Role>,
    /// What it is for.
    desc: Option<String>,
    /// Whether it opens anything.
    enable: Option<bool>,
    /// From when on it opens nothing any more: RFC 3339, or `infinity`.
    expired_at: Option<String>,
}

/// A key that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiKey)]
pub(crate) struct New {
    /// Letters, digits, `_` and `-`.
    #[schema(example = "grafana", pattern = "^[A-Za-z0-9_-]{1,256}$")]
    name: String,
    /// What it may do; `administrator` is `admin`, too. The role of a viewer where none is sent.
    #[serde(default, deserialize_with = "role")]
    #[schema(schema_with = roles_of_emqx, required = false)]
    role: Option<Role>,
    /// What it is for.
    desc: Option<String>,
    /// Whether it opens anything.
    enable: Option<bool>,
    /// From when on it opens nothing any more: RFC 3339, or `infinity`.
    expired_at: Option<String>,
}

/// Lists the keys of this API
#[utoipa::path(get, path = "/api/v5/api_key", tag = "keys",
    responses((status = 200, description = "All of them, by name", body = Vec<Key>)), security(("bearer" = ["admin"])))]
pub(crate) async fn list(_admin: Admin, State(api): State<Api>) -> Json<Vec<Key>> {
    Json(api.keys.list().iter().map(Key::of).collect())
}

/// Shows a key without its text
#[utoipa::path(get, path = "/api/v5/api_key/{name}", tag = "keys", params(("name" = String, Path, description = KEY)),
    responses((status = 200, description = "The key", body = Key)), security(("bearer" = ["admin"])))]
pub(crate) async fn show(
    _admin: Admin,
    State(api): State<Api>,
    Named(name): Named<String>,
) -> Result<Json<Key>, Problem> {
    let keys = api.keys.list();
    let key = keys.iter().find(|key| key.name == name);
    key.map(|key| Json(Key::of(key))).ok_or_else(|| Problem::not_found("key", &name))
}

/// Makes a key
///
/// Its text, `api_secret`, is told this once.
#[utoipa::path(post, path = "/api/v5/api_key", tag = "keys", request_body = New,
    responses((status = 200, description = "The key with its text", body = Key)), security(("bearer" = ["admin"])))]
pub(crate) async fn create(
    Admin { by, .. }: Admin,
    State(api): State<Api>,
    Body(New { name, role, desc, enable, expired_at }): Body<New>,
) -> Result<Json<Key>, Problem> {
    let asked = Asked { role, desc, enable, expired_at };
    blocking(move || {
        let mut file = api.keys.edit().map_err(|error| problem(&error))?;
        let new = file.add(&name, role.unwrap_or(Role::Viewer), now()).map_err(|error| problem(&error))?;
        let key = file.key(&name).map_err(|error| problem(&error))?;
        asked.apply(key)?;
        let told = Key { api_secret: Some(new.secret().to_owned()), ..Key::of(key) };
        file.save().map_err(|error| problem(&error))?;
        tracing::info!(name, key = &*by.name, "an api key is made");
        Ok(Json(told))
    })
    .await?
}

/// Changes a key
///
/// What is not sent stays as it is.
#[utoipa::path(put, path = "/api/v5/api_key/{name}", tag = "keys", params(("name" = String, Path, description = KEY)),
    request_body = Asked, responses((status = 200, description = "The key", body = Key)), security(("bearer" = ["admin"])))]
pub(crate) async fn change(
    Admin { by, .. }: Admin,
    State(api): State<Api>,
    Named(name): Named<String>,
    Body(asked): Body<Asked>,
) -> Result<Json<Key>, Problem> {
    blocking(move || {
        let mut file = api.keys.edit().map_err(|error| problem(&error))?;
        let key = file.key(&name).map_err(|error| problem(&error))?;
        asked.apply(key)?;
        let told = Key::of(key);
        file.save().map_err(|error| problem(&error))?;
        tracing::info!(name, key = &*by.name, "an api key is changed");
        Ok(Json(told))
    })
    .await?
}

/// Removes a key
///
/// It opens nothing any more at once.
#[utoipa::path(delete, path = "/api/v5/api_key/{name}", tag = "keys",
    params(("name" = String, Path, description = KEY)), responses((status = 204, description = "It is gone")),
    security(("bearer" = ["admin"])))]
pub(crate) async fn remove(
    Admin { by, .. }: Admin,
    State(api): State<Api>,
    Named(name): Named<String>,
) -> Result<StatusCode, Problem> {
    blocking(move || {
        let mut file = api.keys.edit().map_err(|error| problem(&error))?;
        file.remove(&name).map_err(|error| problem(&error))?;
        file.save().map_err(|error| problem(&error))?;
        tracing::info!(name, key = &*by.name, "an api key is removed");
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}

impl Key {
    fn of(key: &ApiKey) -> Key {
        Key {
            name: key.name.clone(),
            api_key: key.name.clone(),
            api_secret: None,
            role: key.role.name(),
            desc: key.description().to_owned(),
            enable: key.is_enabled,
            created_at: rfc3339(key.created),
            expired_at: key.expires.map_or_else(|| "infinity".to_owned(), rfc3339),
            expired: key.is_expired(now()),
        }
    }
}

impl Asked {
    fn apply(self, key: &mut ApiKey) -> Result<(), Problem> {
        if let Some(text) = &self.desc {
            key.describe(text).map_err(|error| problem(&error))?;
        }
        key.role = self.role.unwrap_or(key.role);
        key.is_enabled = self.enable.unwrap_or(key.is_enabled);
        match self.expired_at.as_deref() {
            None => {}
            Some("infinity" | "undefined") => key.expires = None,
            Some(text) => {
                let expires_ms = parse_ms(text).ok_or_else(|| {
                    let wanted = "expected `expired_at` to be a time such as `2026-01-31T12:00:00Z` or `infinity`";
                    Problem::bad_request(format!("{wanted}, found `{text}`"))
                })?;
                key.expires = Some(Timestamp(expires_ms));
            }
        }
        Ok(())
    }
}

fn roles() -> RefOr<Schema> {
    one_of(Role::ALL.map(Role::name))
}

fn roles_of_emqx() -> RefOr<Schema> {
    one_of(Role::ALL.map(Role::name).into_iter().chain(["administrator"]))
}

fn role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Role>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let name = if name == "administrator" { "admin" } else { &name };
    name.parse().map(Some).map_err(serde::de::Error::custom)
}

fn problem(error: &AuthError) -> Problem {
    match error {
        AuthError::Unknown { name, .. } => Problem::not_found("key", name),
        AuthError::Name { .. } => Problem::bad_request(error.to_string()),
        AuthError::Exists { name, .. } => Problem::bad_request(format!("there is a key `{name}` already"))
            .help("remove it with `DELETE /api_key/{name}`, or take another name"),
        AuthError::File { .. }
        | AuthError::Missing { .. }
        | AuthError::Broken { .. }
        | AuthError::Option { .. }
        | AuthError::Ban { .. }
        | AuthError::Rule { .. }
        | AuthError::HashCost(_) => {
            tracing::error!(%error, "the keys file cannot be changed");
            Problem::internal()
        }
    }
}
