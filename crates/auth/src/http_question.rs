//! A question over HTTP, with what is known of a client in address, headers and body.

use std::collections::BTreeMap;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use serde_json::Value;

use crate::error::AuthError;
use crate::http_client::{HttpClient, HttpClientOptions};
use crate::template::{Facts, Scope, Template};

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct HttpQuestionOptions {
    /// How.
    pub method: HttpMethod,
    /// The address, with places such as `${clientid}`; what is filled in is percent-encoded.
    pub url: String,
    /// Names and values of the body; of the query where the method is GET.
    pub body: BTreeMap<String, String>,
    /// How the body is written.
    pub encoding: HttpEncoding,
}

/// How a service is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpMethod {
    /// With a body.
    #[default]
    Post,
    /// With a query.
    Get,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpEncoding {
    /// As a JSON object.
    #[default]
    Json,
    /// As a form.
    Form,
}

/// A question, checked.
#[derive(Debug)]
pub(crate) struct HttpQuestion {
    client: HttpClient,
    method: HttpMethod,
    encoding: HttpEncoding,
    url: Template,
    body: Vec<(String, Template)>,
    /// Headers with places in them; the others are those of the client.
    headers: Vec<(HeaderName, Template)>,
}

impl HttpQuestion {
    /// Checks what is asked; `path` is the section of the options.
    pub(crate) fn new(
        path: &str,
        options: &HttpQuestionOptions,
        client: &HttpClientOptions,
        scope: Scope,
    ) -> Result<HttpQuestion, AuthError> {
        let template = |option: String, text: &str| {
            Template::parse(text, scope).map_err(|wrong| AuthError::option(&format!("{path}.{option}"), wrong))
        };
        let url = template("url".to_owned(), &options.url)?;
        // An address with nothing in its places shows whether the rest is one.
        let sample = url.numbered(|_| "x".to_owned());
        HttpClient::url(&sample).map_err(|wrong| AuthError::option(&format!("{path}.url"), wrong))?;
        let mut body = Vec::new();
        for (name, text) in &options.body {
            body.push((name.clone(), template(format!("body.{name}"), text)?));
        }
        let mut constant = client.clone();
        let mut headers = Vec::new();
        for (name, value) in client.headers.iter().filter(|(_, value)| value.expose().contains("${")) {
            constant.headers.remove(name);
            let option = format!("headers.{name}");
            let parsed = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| AuthError::option(&option, ("expected the name of a header".to_owned(), None)))?;
            headers.push((parsed, template(option, value.expose())?));
        }
        let client = HttpClient::new(path, &constant)?;
        Ok(HttpQuestion { client, method: options.method, encoding: options.encoding, url, body, headers })
    }

    /// Asks; gives status and body, or what went wrong.
    pub(crate) async fn ask(&self, facts: &Facts<'_>) -> Result<(u16, Vec<u8>), String> {
        self.client.send(self.request(facts)?).await
    }

    /// Everything in the question that depends on the client: two that are equal have the same answer.
    pub(crate) fn text(&self, facts: &Facts<'_>) -> String {
        let parts = self.body.iter().map(|(_, template)| template).chain(self.headers.iter().map(|(_, header)| header));
        let mut text = self.url.fill_with(facts, percent_encoded);
        for part in parts {
            // A value that is not there is told from an empty one.
            text.push_str(if part.value(facts).is_some() { "\0+" } else { "\0-" });
            text.push_str(&part.fill(facts));
        }
        text
    }

    fn request(&self, facts: &Facts<'_>) -> Result<Request, String> {
        // These are steps in a path, percent-encoded too.
        if self.url.places().any(|place| matches!(place.value(facts).as_deref(), Some("." | ".."))) {
            return Err("a client has `.` or `..` in what goes into the address".to_owned());
        }
        let text = self.url.fill_with(facts, percent_encoded);
        let mut url = Url::parse(&text).map_err(|error| format!("no request: {error}"))?;
        let client = self.client.inner();
        let mut builder = match self.method {
            HttpMethod::Get => {
                if !self.body.is_empty() {
                    let pairs = self.body.iter().map(|(name, template)| (name, template.fill(facts)));
                    url.query_pairs_mut().extend_pairs(pairs);
                }
                client.get(url)
            }
            HttpMethod::Post => {
                let (content_type, body) = self.encoded_body(facts, url.clone());
                client.request(Method::POST, url).header(CONTENT_TYPE, content_type).body(body)
            }
        };
        builder = builder.header(ACCEPT, "application/json");
        for (name, template) in &self.headers {
            let mut value = HeaderValue::from_str(&template.fill(facts))
                .map_err(|_| format!("a client has a line break in what goes into the header `{name}`"))?;
            value.set_sensitive(true);
            builder = builder.header(name, value);
        }
        builder.build().map_err(|error| format!("no request: {error}"))
    }

    fn encoded_body(&self, facts: &Facts<'_>, mut scratch: Url) -> (&'static str, String) {
        match self.encoding {
            HttpEncoding::Json => {
                let value = |template: &Template| template.value(facts).map_or(Value::Null, Value::String);
                let map = self.body.iter().map(|(name, template)| (name.clone(), value(template))).collect();
                ("application/json", Value::Object(map).to_string())
            }
            HttpEncoding::Form => {
                // A query is written as a form is.
                scratch.set_query(None);
                let pairs = self.body.iter().map(|(name, template)| (name, template.fill(facts)));
                scratch.query_pairs_mut().extend_pairs(pairs);
                ("application/x-www-form-urlencoded", scratch.query().unwrap_or_default().to_owned())
            }
        }
    }
}

/// `value` so that it stays one part of an address, whatever is in it.
fn percent_encoded(value: &str, out: &mut String) {
    use std::fmt::Write as _;
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").expect("writing into a String cannot fail"),
        }
    }
}
