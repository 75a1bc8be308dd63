//! The OpenAPI document: what stands beside each endpoint, and what holds for all of them.
//!
//! An endpoint declares what is its own: parameters, body, answers, the least role. What follows from those is added here:
//! who has no key is answered 401, a query that does not fit 400, and so on, each with a [`Problem`].

use std::sync::LazyLock;

use axum::http::{HeaderName, header};
use utoipa::PartialSchema as _;
use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, KnownFormat, LicenseBuilder, ObjectBuilder, OneOfBuilder, OpenApi, Ref, RefOr,
    Response, ResponseBuilder, Schema, SchemaFormat, Type,
};

use crate::problem::Problem;
use crate::routes;

/// The media type of a [`Problem`].
const PROBLEM: &str = "application/problem+json";

/// An answer that many endpoints have: its status, its name in the document, what it means.
struct Refusal {
    status: &'static str,
    name: &'static str,
    words: &'static str,
}

const NO_KEY: Refusal = Refusal { status: "401", name: "NoKey", words: "No key, or one that is not known" };
const NOT_ALLOWED: Refusal = Refusal {
    status: "403",
    name: "NotAllowed",
    words: "The key is of a lesser role, or a page of another origin asks",
};
const DOES_NOT_FIT: Refusal = Refusal { status: "400", name: "DoesNotFit", words: "What is asked for does not fit" };
const NOT_THERE: Refusal = Refusal { status: "404", name: "NotThere", words: "There is none of that name" };
const TOO_LARGE: Refusal = Refusal { status: "413", name: "TooLarge", words: "The body is too large" };
const NOT_JSON: Refusal = Refusal { status: "415", name: "NotJson", words: "The body is not said to be JSON" };
const IN_A_FILE: Refusal = Refusal { status: "409", name: "InAFile", words: "It stands in a file: `READ_ONLY`" };
const NOT_AS_EXPECTED: Refusal =
    Refusal { status: "412", name: "NotAsExpected", words: "It is not as was expected: `PRECONDITION_FAILED`" };
const NOT_KEPT: Refusal = Refusal { status: "503", name: "NotKept", words: "The disk does not take it" };

impl Refusal {
    fn response(&self) -> Response {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        ResponseBuilder::new().description(self.words).content(PROBLEM, content).build()
    }
}

/// The document, as it is served.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let mut text = document().to_pretty_json().expect("a document is written as JSON");
    text.push('\n');
    text
});

/// The document as it is served.
#[cfg(test)]
pub(crate) fn text() -> &'static str {
    &DOCUMENT
}

/// The OpenAPI document
///
/// Describes every endpoint, in OpenAPI 3.1. It needs no key: it says nothing about this broker.
#[utoipa::path(get, path = "/api/v5/openapi.json", tag = "documentation",
    responses((status = 200, description = "The document", content_type = "application/json", body = serde_json::Value)))]
pub(crate) async fn show() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/json")], &DOCUMENT)
}

/// The OpenAPI document where EMQX has it
#[utoipa::path(get, path = "/api-docs/swagger.json", tag = "documentation", operation_id = "swagger",
    responses((status = 200, description = "The document", content_type = "application/json", body = serde_json::Value)))]
pub(crate) async fn show_as_emqx() -> ([(HeaderName, &'static str); 1], &'static str) {
    show().await
}

/// All endpoints, each with the answers that follow from what it takes.
fn document() -> OpenApi {
    let mut document = routes::guarded().merge(routes::open()).into_openapi();
    document.info = InfoBuilder::new()
        .title("Signalbox")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Clients, messages, rules and deliveries of a Signalbox broker. The paths and shapes are those of EMQX's API \
             where it has them.\n\nEvery refusal is a `Problem` (RFC 9457).",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let components = document.components.get_or_insert_default();
    components.schemas.insert("Problem".to_owned(), Problem::schema());
    for refusal in
        [NO_KEY, NOT_ALLOWED, DOES_NOT_FIT, NOT_THERE, IN_A_FILE, NOT_AS_EXPECTED, TOO_LARGE, NOT_JSON, NOT_KEPT]
    {
        components.responses.insert(refusal.name.to_owned(), RefOr::T(refusal.response()));
    }
    for (name, scheme, words) in [
        ("bearer", HttpAuthScheme::Bearer, "The text of an API key, `sbx_...`."),
        ("basic", HttpAuthScheme::Basic, "The name of an API key as the user name, its text as the password."),
    ] {
        let scheme = HttpBuilder::new().scheme(scheme).description(Some(words)).build();
        components.security_schemes.insert(name.to_owned(), RefOr::T(SecurityScheme::Http(scheme)));
    }
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            complete(path, operation);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, .. } = item;
    [get, put, post, delete].into_iter().flatten()
}

/// Adds what follows from what an endpoint declares.
fn complete(path: &str, operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next().cloned().unwrap_or_default();
    let name = operation.operation_id.take().unwrap_or_default();
    operation.operation_id = Some(format!("{tag}.{name}"));
    let mut answers: Vec<&Refusal> = Vec::new();
    if let Some(role) = role_of(operation) {
        operation.security.get_or_insert_default().push(SecurityRequirement::new("basic", [&role]));
        answers.extend([&NO_KEY, &NOT_ALLOWED]);
    }
    if operation.parameters.is_some() || operation.request_body.is_some() {
        answers.push(&DOES_NOT_FIT);
    }
    if path.contains('{') {
        answers.push(&NOT_THERE);
    }
    if operation.request_body.is_some() {
        answers.extend([&TOO_LARGE, &NOT_JSON]);
    }
    // What takes a condition changes what is made over the API and kept on disk.
    let is_condition = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(it) if it.name == "If-Match");
    if operation.parameters.iter().flatten().any(is_condition) {
        answers.extend([&IN_A_FILE, &NOT_AS_EXPECTED, &NOT_KEPT]);
    }
    // A problem that an endpoint declares is told as one.
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(Response { content, .. }) = response
            && let Some(told) = content.shift_remove("application/json")
        {
            let problem = RefOr::Ref(Ref::from_schema_name("Problem"));
            let is_problem = matches!(&told, RefOr::T(told) if told.schema.as_ref() == Some(&problem));
            content.insert(if is_problem { PROBLEM } else { "application/json" }.to_owned(), told);
        }
    }
    for refusal in answers {
        let declared = operation.responses.responses.entry(refusal.status.to_owned());
        declared.or_insert_with(|| RefOr::Ref(Ref::from_response_name(refusal.name)));
    }
}

/// The least role that an endpoint declares.
fn role_of(operation: &Operation) -> Option<String> {
    let declared = serde_json::to_value(operation.security.as_ref()?.first()?).ok()?;
    declared.get("bearer")?.get(0)?.as_str().map(str::to_owned)
}

/// The schema of a topic.
pub(crate) fn topic() -> RefOr<Schema> {
    text_like(r"^[^+#\x00]+$", "plant/17/set")
}

/// The schema of a topic filter.
pub(crate) fn topic_filter() -> RefOr<Schema> {
    text_like(r"^(#|(\+|[^/+#\x00]+)(/(\+|[^/+#\x00]*))*(/#)?)$", "plant/#")
}

fn text_like(pattern: &str, example: &str) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
    RefOr::T(Schema::Object(text.examples([example]).build()))
}

/// The schema of a text that fits one of `formats`.
pub(crate) fn one_of_formats(formats: impl IntoIterator<Item = KnownFormat>) -> RefOr<Schema> {
    let text = |format| ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(format)));
    RefOr::T(Schema::OneOf(formats.into_iter().fold(OneOfBuilder::new(), |all, format| all.item(text(format))).build()))
}

/// The schema of a text that is one of `names`.
pub(crate) fn one_of(names: impl IntoIterator<Item = impl Into<String>>) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String);
    RefOr::T(Schema::Object(text.enum_values(Some(names.into_iter().map(Into::into))).build()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Where the document is kept, for people and for programs that are made of it.
    const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../api/openapi.json");

    #[test]
    fn the_kept_document_is_what_is_served() {
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(KEPT, &*DOCUMENT).unwrap();
        }
        let kept = std::fs::read_to_string(KEPT).unwrap_or_default();
        assert!(kept == *DOCUMENT, "api/openapi.json is stale; run `BLESS=1 cargo test -p api`");
    }

    #[test]
    fn everything_that_is_referred_to_is_there() {
        let document: serde_json::Value = serde_json::from_str(&DOCUMENT).unwrap();
        let referred = DOCUMENT.split("\"$ref\": \"#").skip(1).map(|rest| rest.split_once('"').unwrap().0);
        for pointer in referred {
            assert!(document.pointer(pointer).is_some(), "{pointer} is not there");
        }
    }

    #[test]
    fn every_endpoint_says_what_it_is_for_and_who_may_use_it() {
        let mut names = BTreeSet::new();
        let mut document = document();
        for (path, item) in &mut document.paths.paths {
            for operation in operations(item) {
                let name = operation.operation_id.clone().unwrap();
                assert!(operation.summary.as_deref().is_some_and(|words| words.len() > 5), "{path} has no summary");
                assert!(names.insert(name.clone()), "`{name}` of {path} is there twice");
                let is_open =
                    matches!(&*name, "health.live" | "health.ready" | "documentation.show" | "documentation.swagger");
                let role = role_of(operation);
                assert_eq!(role.is_none(), is_open, "{path} {role:?}");
                assert!(role.is_none_or(|role| role.parse::<auth::Role>().is_ok()), "{path} names a role there is not");
            }
        }
        assert!(names.len() > 50, "{}", names.len());
    }
}
