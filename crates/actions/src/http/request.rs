//! The request that an output becomes: method, URL, headers, body.

use bytes::Bytes;
use engine::{ActionSpec, ConfigError, Output, Preview, PreviewPart};
use events::Value;
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::HttpActionOptions;
use super::body::Body;
use super::trace::{new_span, traceparent};
use crate::template::Text;

/// Requests are made of this; everything that does not depend on the output is decided when it is built.
#[derive(Debug)]
pub(super) struct RequestTemplate {
    method: Method,
    /// The address of the connector, without a `/` at its end where a path follows.
    base: String,
    path: Option<Text>,
    headers: Vec<(HeaderName, Text)>,
    body: Body,
    /// Where the trace stands that the request belongs to.
    trace: Option<Trace>,
    /// Whether `content-type` is still to be said.
    needs_content_type: bool,
}

/// A request, ready to be sent.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: reqwest::Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
}

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

/// Which trace a request belongs to.
#[derive(Debug)]
enum Trace {
    New,
    Of(Text),
}

impl Method {
    /// Whether the row goes into the body when the action names none.
    pub(super) const fn has_body(self) -> bool {
        match self {
            Method::Post | Method::Put | Method::Patch => true,
            Method::Get | Method::Head | Method::Delete | Method::Options => false,
        }
    }
}

impl From<Method> for reqwest::Method {
    fn from(method: Method) -> reqwest::Method {
        match method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
            Method::Options => reqwest::Method::OPTIONS,
        }
    }
}

impl RequestTemplate {
    /// Reads the options of an action of a connector at `url` with `headers` of its own.
    pub(super) fn new(
        options: &HttpActionOptions,
        spec: &ActionSpec<'_>,
        url: &Url,
        connector_headers: &HeaderMap,
    ) -> Result<RequestTemplate, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let mut compile =
            |path: &[&str], text: &str| Text::compile(text, path, spec).map_err(|wrong| errors.extend(wrong)).ok();
        let path = options.path.as_deref().and_then(|path| compile(&["path"], path));
        let trace = match options.traceparent.as_deref() {
            Some("new") => Some(Trace::New),
            Some(text) => compile(&["traceparent"], text).map(Trace::Of),
            None => None,
        };
        let mut headers = Vec::new();
        for (name, value) in &options.headers {
            if let Some(text) = compile(&["headers", name], value) {
                headers.push((name.as_str(), text));
            }
        }
        errors.extend(options.path.as_deref().and_then(wrong_path));
        let body = Body::new(options, spec).map_err(|wrong| errors.extend(wrong)).unwrap_or(Body::None);
        let mut named = Vec::new();
        for (name, text) in headers {
            match header(name, &text) {
                Ok(name) => named.push((name, text)),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let says_type =
            connector_headers.contains_key(CONTENT_TYPE) || named.iter().any(|(name, _)| *name == CONTENT_TYPE);
        let mut base = url.as_str().to_owned();
        if path.is_some() && base.ends_with('/') {
            base.pop();
        }
        let method = options.method;
        Ok(RequestTemplate { method, base, path, headers: named, body, trace, needs_content_type: !says_type })
    }

    /// The request for `output`, or why there is none.
    pub(super) fn request(&self, output: &Output) -> Result<Request, String> {
        self.request_as(output, &new_span())
    }

    fn request_as(&self, output: &Output, span: &str) -> Result<Request, String> {
        let url = self.url(output)?;
        let mut headers = HeaderMap::new();
        headers.insert(IDEMPOTENCY_KEY, ascii(&output.output_id().to_string()));
        for (name, text) in &self.headers {
            let value = text.render(output).map_err(|missing| format!("header `{name}`: {missing}"))?;
            let value = HeaderValue::from_str(&value).map_err(|_| {
                format!("header `{name}`: expected text without line breaks and control characters, found {value:?}")
            })?;
            headers.insert(name.clone(), value);
        }
        if let Some(trace) = &self.trace {
            headers.insert(TRACEPARENT, ascii(&trace.parent(output, span)));
        }
        if let Some(content_type) = self.body.content_type().filter(|_| self.needs_content_type) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        let body = self.body.render(output)?;
        Ok(Request { method: self.method.into(), url, headers, body })
    }

    /// The request part by part, with what the connector adds.
    pub(super) fn preview(&self, output: &Output, added: &[(HeaderName, &str)]) -> Preview {
        let request = match self.request_as(output, "(new for every request)") {
            Ok(request) => request,
            Err(reason) => return Preview { parts: Vec::new(), rejected: Some(reason) },
        };
        let line = format!("{} {}", request.method, request.url);
        let mut parts = vec![match &self.path {
            Some(path) => path.part("request", line, output),
            None => PreviewPart::constant("request", line),
        }];
        for (name, shown) in added.iter().filter(|(name, _)| !request.headers.contains_key(name)) {
            parts.push(PreviewPart::constant(format!("header {name}"), *shown));
        }
        for (name, value) in &request.headers {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let text = self.headers.iter().find(|(known, _)| known == name).map(|(_, text)| text);
            let name = format!("header {name}");
            parts.push(match text {
                Some(text) => text.part(name, value, output),
                None => PreviewPart::constant(name, value),
            });
        }
        if let Some(body) = request.body {
            let placeholders = self.body.placeholders(output);
            parts.push(PreviewPart { placeholders, ..PreviewPart::constant("body", Value::from_bytes(body)) });
        }
        Preview { parts, rejected: None }
    }

    fn url(&self, output: &Output) -> Result<Url, String> {
        let mut text = self.base.clone();
        if let Some(path) = &self.path {
            let path = path.render_with(output, percent_encode).map_err(|missing| format!("path: {missing}"))?;
            if path.split('?').next().is_some_and(has_dot_segment) {
                return Err(format!("path: a segment of `{path}` is `.` or `..` and would lead elsewhere"));
            }
            if !path.starts_with(['/', '?']) {
                text.push('/');
            }
            text.push_str(&path);
        }
        Url::parse(&text).map_err(|error| format!("`{text}` is no URL: {error}"))
    }
}

impl Trace {
    fn parent(&self, output: &Output, span: &str) -> String {
        let parent = match self {
            Trace::New => None,
            // Where there is none, the output begins one.
            Trace::Of(text) => text.render(output).ok(),
        };
        traceparent(parent.as_deref(), output.output_id(), span)
    }
}

/// Belongs to the trace of the sender (W3C Trace Context).
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Stands for what is secret.
pub(super) const MASK: &str = "***";

/// Names the output, so that the service can tell a repetition (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("hexadecimal digits are a header value")
}

fn wrong_path(path: &str) -> Option<ConfigError> {
    if path.contains('#') {
        let error = ConfigError::at(&["path"], "`path`: expected no fragment, found `#`");
        return Some(error.with_help("write `%23` for the character itself"));
    }
    let dots = path.split('?').next().is_some_and(has_dot_segment);
    dots.then(|| ConfigError::at(&["path"], "`path`: expected no segment `.` or `..`"))
}

/// Checks name and constant value of a header.
fn header(name: &str, value: &Text) -> Result<HeaderName, ConfigError> {
    let at = ["headers", name];
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        let error = ConfigError::at(&at, format!("`{name}` is no name of a header"));
        ConfigError { at_key: true, ..error }
    })?;
    for piece in value.literals() {
        if HeaderValue::from_str(piece).is_err() {
            let message = format!("header `{name}`: expected text without line breaks and control characters");
            return Err(ConfigError::at(&at, message));
        }
    }
    Ok(parsed)
}

/// Whether a segment is `.` or `..`, also where it is percent-encoded: a URL resolves both.
fn has_dot_segment(path: &str) -> bool {
    path.split(['/', '\\'])
        .any(|segment| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | ".."))
}

/// Appends `value` so that it stays one segment of a path or one value of a query: everything but the unreserved
/// characters (RFC 3986, section 2.3) is encoded.
pub(super) fn percent_encode(value: &str, out: &mut String) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.extend(['%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}

/// The same of one value.
pub(super) fn percent_encoded(value: &str) -> String {
    let mut out = String::new();
    percent_encode(value, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_output::{output, spec};

    fn template(options: &str) -> Result<RequestTemplate, Vec<ConfigError>> {
        let options: toml::Table = options.parse().unwrap();
        let read = crate::options::read(&options)?;
        let url = Url::parse("https://ops.example.com/mqtt/").unwrap();
        RequestTemplate::new(&read, &spec(&options), &url, &HeaderMap::new())
    }

    fn request(options: &str, row: &str) -> Result<Request, String> {
        template(options).unwrap().request(&output(row))
    }

    #[test]
    fn an_output_is_posted_as_json_by_default() {
        let row = r#"{"clientid":"conn","timestamp":1}"#;
        let request = request("", row).unwrap();
        assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://ops.example.com/mqtt/"));
        assert_eq!(request.body.as_deref(), Some(row.as_bytes()));
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(request.headers["idempotency-key"].len(), 32);
    }

    #[test]
    fn values_stay_in_their_place_of_the_url() {
        let path = |path: &str, clientid: &str| {
            let row = format!("{{\"clientid\":{}}}", serde_json::Value::from(clientid));
            request(&format!("path = '{path}'"), &row).map(|request| request.url.to_string())
        };
        let base = "https://ops.example.com/mqtt";
        assert_eq!(path("/c/${clientid}", "pump-17"), Ok(format!("{base}/c/pump-17")));
        assert_eq!(path("c/${clientid}/x", "a/b ?#%é"), Ok(format!("{base}/c/a%2Fb%20%3F%23%25%C3%A9/x")));
        assert_eq!(path("?id=${clientid}&n=1", "a&b=c"), Ok(format!("{base}?id=a%26b%3Dc&n=1")));
        assert_eq!(path("/v1.0/${clientid}..x", ".."), Ok(format!("{base}/v1.0/....x")));
        for traversal in [".", ".."] {
            let reason = path("/c/${clientid}", traversal).unwrap_err();
            assert!(reason.contains("would lead elsewhere"), "{reason}");
        }
    }

    #[test]
    fn a_header_is_never_injected() {
        let options = "headers = { x-client = 'id ${clientid}' }";
        let sent = request(options, r#"{"clientid":"pump-17"}"#).unwrap();
        assert_eq!(sent.headers["x-client"], "id pump-17");
        let reason = request(options, r#"{"clientid":"a\r\nx-admin: 1"}"#).unwrap_err();
        assert_eq!(
            reason,
            "header `x-client`: expected text without line breaks and control characters, \
             found \"id a\\r\\nx-admin: 1\""
        );
    }

    #[test]
    fn a_get_has_no_body_unless_it_is_named() {
        assert_eq!(request("method = 'GET'", "{}").unwrap().body, None);
        let named =
            request("method = 'DELETE'\nbody = 'x=${a}'\nheaders = { content-type = 'text/plain' }", r#"{"a":null}"#);
        let named = named.unwrap();
        assert_eq!(
            (named.body.as_deref(), &named.headers["content-type"]),
            (Some(&b"x=null"[..]), &HeaderValue::from_static("text/plain"))
        );
    }

    #[test]
    fn a_body_is_json_or_a_form_made_of_templates() {
        let row = r#"{"clientid":"a \"b\"&c","n":7,"at":null}"#;
        let json =
            request("json = { device = '${clientid}', n = '${n}', at = '${at}', list = ['x-${n}', 1.5, true] }", row);
        let body = json.unwrap().body.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body, serde_json::json!({"at": null, "device": "a \"b\"&c", "list": ["x-7", 1.5, true], "n": 7}));
        let form = request("form = { device = '${clientid}', 'n&' = '${n}' }", row).unwrap();
        assert_eq!(form.headers["content-type"], "application/x-www-form-urlencoded");
        assert_eq!(form.body.as_deref(), Some(&b"device=a%20%22b%22%26c&n%26=7"[..]));
        let reason = request("form = { at = '${at}' }", row).unwrap_err();
        assert!(reason.starts_with("form field `at`:"), "{reason}");
    }

    #[test]
    fn a_trace_of_the_row_goes_on_and_another_is_named_after_the_output() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let row = format!("{{\"trace\":\"00-{trace}-00f067aa0ba902b7-01\"}}");
        let sent = |options: &str, row: &str| {
            let traceparent = request(options, row).unwrap().headers["traceparent"].to_str().unwrap().to_owned();
            traceparent.split('-').nth(1).unwrap().to_owned()
        };
        assert_eq!(sent("traceparent = '${trace}'", &row), trace);
        let output_id = output("{}").output_id().to_string();
        assert_eq!(sent("traceparent = '${trace}'", r#"{"trace":null}"#), output_id);
        assert_eq!(sent("traceparent = 'new'", &row), output_id);
        assert!(!request("", &row).unwrap().headers.contains_key("traceparent"));
    }

    #[test]
    fn what_is_wrong_is_said_when_the_action_is_built() {
        for (options, message) in [
            ("body = 'a'\nform = { a = 'b' }", "expected one of `body`, `form` and `json`, found `body` and `form`"),
            ("method = 'FETCH'", "`method`: unknown variant `FETCH`"),
            ("path = '/a/../b'", "`path`: expected no segment `.` or `..`"),
            ("path = '/a#b'", "`path`: expected no fragment, found `#`"),
            ("headers = { 'x y' = 'z' }", "`x y` is no name of a header"),
            ("headers = { x = \"a\\nb\" }", "header `x`: expected text without line breaks"),
        ] {
            let errors = template(options).unwrap_err();
            assert!(errors[0].message.starts_with(message), "{options}: {errors:?}");
        }
    }
}
