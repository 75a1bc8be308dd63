//! Changes that are made only to what the caller has seen: ETag, `If-Match`, `If-None-Match` [RFC 9110, 13.1].

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use engine::Condition;
use serde::Serialize;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Type};

use crate::problem::Problem;

/// An answer with the tag of what it tells of, where that can be changed over the API.
#[derive(Debug)]
pub(crate) struct Tagged<T>(pub(crate) Option<u64>, pub(crate) T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let Tagged(revision, body) = self;
        let mut response = Json(body).into_response();
        let tag = revision.and_then(|revision| HeaderValue::from_str(&format!("\"{revision}\"")).ok());
        if let Some(tag) = tag {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// What the headers of a request ask of the object that it changes.
#[derive(Debug)]
pub(crate) struct OnlyIf(pub(crate) Condition);

impl<S: Send + Sync> FromRequestParts<S> for OnlyIf {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<OnlyIf, Problem> {
        of_headers(&parts.headers).map(OnlyIf)
    }
}

impl IntoParams for OnlyIf {
    fn into_params(_place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let header = |name: &str, pattern: &str, words: &str| {
            let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build();
            let header = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header);
            header.description(Some(words)).schema(Some(text)).build()
        };
        vec![
            header(
                "If-Match",
                r#"^(\*|(W/)?"[^",]*"(, (W/)?"[^",]*")*)$"#,
                "Only if the ETag is one of these, or `*`: if it is there",
            ),
            header("If-None-Match", r"^\*$", "`*`: only if it is not there"),
        ]
    }
}

fn of_headers(headers: &HeaderMap) -> Result<Condition, Problem> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
    match (text(header::IF_MATCH), text(header::IF_NONE_MATCH)) {
        (None, None) => Ok(Condition::Always),
        (None, Some("*")) => Ok(Condition::Absent),
        (None, Some(other)) => {
            Err(Problem::bad_request(format!("expected `*` for `If-None-Match` of a change, found `{other}`")))
        }
        (Some("*"), None) => Ok(Condition::Present),
        // A tag that was never one of ours fits nothing, which is what has to be told.
        (Some(tags), None) => {
            let tags: Option<Vec<&str>> = tags.split(',').map(text_of).collect();
            let tags =
                tags.ok_or_else(|| Problem::bad_request("expected `*` or tags such as `\"7\"` for `If-Match`"))?;
            Ok(Condition::Revision(tags.into_iter().filter_map(|tag| tag.parse().ok()).collect()))
        }
        (Some(_), Some(_)) => Err(Problem::bad_request("expected `If-Match` or `If-None-Match`, found both")),
    }
}

/// What stands in a tag.
fn text_of(tag: &str) -> Option<&str> {
    tag.trim().trim_start_matches("W/").strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_of_a_change_say_what_has_to_be_there() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            let headers =
                pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            of_headers(&headers.collect()).ok()
        };
        assert_eq!(of(&[]), Some(Condition::Always));
        assert_eq!(of(&[("if-none-match", "*")]), Some(Condition::Absent));
        assert_eq!(of(&[("if-match", "*")]), Some(Condition::Present));
        assert_eq!(of(&[("if-match", "\"7\", W/\"9\"")]), Some(Condition::Revision(vec![7, 9])));
        assert_eq!(of(&[("if-match", "\"abc\"")]), Some(Condition::Revision(vec![])));
        assert_eq!(of(&[("if-match", "abc")]), None);
        assert_eq!(of(&[("if-none-match", "\"7\"")]), None);
        assert_eq!(of(&[("if-match", "\"7\""), ("if-none-match", "*")]), None);
    }
}
