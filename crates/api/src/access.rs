//! Who asks, and whether that key may do it.

use auth::{ApiKey, KeyRefused, Role};
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use base64::Engine as _;

use crate::Api;
use crate::audit::Note;
use crate::problem::Problem;
use crate::routes::time::now;

/// A caller whose key may read. A route that takes one cannot be called without.
#[derive(Clone, Debug)]
pub(crate) struct Viewer;

impl<S> FromRequestParts<S> for Viewer
where
    Api: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Viewer, Problem> {
        key_with(Role::Viewer, parts, &Api::from_ref(state)).map(|_key| Viewer)
    }
}

/// A caller whose key may act on clients and messages, and on what runs.
#[derive(Clone, Debug)]
pub(crate) struct Operator(pub(crate) ApiKey);

impl<S> FromRequestParts<S> for Operator
where
    Api: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Operator, Problem> {
        key_with(Role::Operator, parts, &Api::from_ref(state)).map(Operator)
    }
}

/// A caller whose key may do everything, and what is written down of the request.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    pub(crate) by: ApiKey,
    pub(crate) note: Note,
}

impl<S> FromRequestParts<S> for Admin
where
    Api: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Admin, Problem> {
        let by = key_with(Role::Admin, parts, &Api::from_ref(state))?;
        Ok(Admin { by, note: Note::of(parts) })
    }
}

/// The key of a request, if it may do what `role` may.
fn key_with(role: Role, parts: &Parts, api: &Api) -> Result<ApiKey, Problem> {
    let refused = |detail: &str| Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", detail);
    let Some(header) = parts.headers.get(header::AUTHORIZATION) else {
        let refused = refused("a key is needed");
        return Err(match api.keys.is_empty() {
            true => refused.help("make one: `signalbox keys add NAME --role viewer`"),
            false => refused.help(
                "send it as `authorization: Bearer sbx_...`, or as NAME and key by HTTP Basic; make one with \
                 `signalbox keys add NAME`",
            ),
        });
    };
    let key = match read(header) {
        Some((Some(name), secret)) => api.keys.verify_named(&name, &secret, now()),
        Some((None, secret)) => api.keys.verify(&secret, now()),
        None => Err(KeyRefused::Unknown),
    };
    let key = key.map_err(|why| refused(&why.to_string()).help("see `signalbox keys list`"))?;
    Note::of(parts).caller(&key);
    if key.role < role {
        let detail = format!("the key `{}` is of a {}, and this wants a key of a {role}", key.name, key.role);
        return Err(Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail));
    }
    Ok(key)
}

/// The text of the key in a header, and the name that HTTP Basic has beside it.
fn read(header: &HeaderValue) -> Option<(Option<String>, String)> {
    let (scheme, rest) = header.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some((None, rest.trim().to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = base64::engine::general_purpose::STANDARD.decode(rest.trim()).ok()?;
    let (name, secret) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
    Some((Some(name.to_owned()), secret.to_owned()))
}
