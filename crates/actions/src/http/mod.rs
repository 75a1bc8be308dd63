//! `http`: sends each output as a request to an HTTP service.
//!
//! Outputs of one client arrive in order; those of different clients go out side by side.

mod outcome;
mod request;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::{
    Action, ActionError, ActionSpec, BoxFuture, ConfigError, ErrorClass, ItemOutcome, Outcome, Output, Preview,
};
use futures_util::stream::{self, StreamExt as _};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, USER_AGENT};
use reqwest::{Client, Response, Url};

use self::outcome::Answer;
use self::request::{Method, Request, RequestTemplate};
use crate::kind::{Connector, Kind, Way};
use crate::options::{Options as _, options, read};
use crate::secret::Secret;

pub(crate) const KIND: Kind = Kind {
    name: "http",
    doc: "Sends each output as a request to an HTTP service. 2xx is delivered; 408, 425, 429, 5xx and a service that cannot be \
          reached are tried again, `Retry-After` respected; any other status gives the output up. What is tried again \
          holds back what waits behind it, so for a service that may never take some output set `retry.attempts` or \
          `buffer.max_age`.",
    connector: HttpOptions::FIELDS,
    action: HttpActionOptions::FIELDS,
    sample_connector: "url = 'http://127.0.0.1:9/mqtt'\nheaders = { authorization = 'Bearer secret' }",
    sample_action: "path = '/connack/${clientid}'\nheaders = { x-reason = '${reason_code}' }",
    way: Way::Connected(|table| Ok(Arc::new(HttpConnector::new(table)?))),
};

options! {
    /// A connector of kind `http`: an HTTP service and how it is talked to.
    struct HttpOptions {
        /// The address, `http://` or `https://`. The `path` of an action is appended to it. Required.
        url: Option<Secret> = None,
        /// Headers of every request. Secrets are written as `${env:NAME}` or `${file:/path}`.
        headers: BTreeMap<String, Secret> = BTreeMap::new(),
        /// How long a request may take, from connecting to the last byte of the answer, in ms. Then it is sent again.
        timeout_ms: u64 = 10_000,
        /// How long connecting may take, in ms.
        connect_timeout_ms: u64 = 5_000,
        /// How many idle connections are kept open. More are opened when they are needed.
        pool_idle_max: u16 = 8,
        /// How long an idle connection is kept open, in ms.
        pool_idle_ms: u64 = 60_000,
        /// Certificates of authorities to trust beside those of the system, in PEM, often `${file:/path}`.
        ca_pem: Option<String> = None,
    }
}

options! {
    /// An action of an `http` connector: the request that each output becomes.
    struct HttpActionOptions {
        /// GET, POST, PUT, PATCH or DELETE.
        method: Method = Method::Post,
        /// Appended to the `url` of the connector; a template. Values are percent-encoded, so that each stays one
        /// segment; one that is NULL, `.` or `..` rejects the output.
        path: Option<String> = None,
        /// Headers of this request, templates; they replace those of the connector. `content-type` is
        /// `application/json` unless it is given, `idempotency-key` is the `output_id`. A value that is NULL or holds
        /// a line break rejects the output.
        headers: BTreeMap<String, String> = BTreeMap::new(),
        /// The body, a template. By default the row as JSON; none for GET and DELETE.
        body: Option<String> = None,
        /// How many requests of a batch may be under way at once, at most 1,024. Requests of one client follow each
        /// other.
        concurrency: u16 = 16,
    }
}

/// An HTTP service.
#[derive(Debug)]
pub(crate) struct HttpConnector {
    url: Url,
    headers: HeaderMap,
    client: Client,
}

impl HttpConnector {
    /// Reads the options. Nothing is opened yet.
    pub(crate) fn new(table: &toml::Table) -> Result<HttpConnector, Vec<ConfigError>> {
        let options: HttpOptions = read(table)?;
        let mut errors = Vec::new();
        let url = url_of(&options).map_err(|error| errors.push(error)).ok();
        let headers = headers_of(&options.headers, &mut errors);
        let client = client_of(&options).map_err(|error| errors.push(error)).ok();
        match (url, client) {
            (Some(url), Some(client)) if errors.is_empty() => Ok(HttpConnector { url, headers, client }),
            _ => Err(errors),
        }
    }

    /// Sends a HEAD request to the address. Whatever status comes back shows that the service is there, but for those
    /// that speak of the credentials or of a service that is not well.
    async fn reach(&self) -> Result<(), ActionError> {
        let request = self.client.head(self.url.clone()).headers(self.headers.clone());
        let answer = match request.send().await {
            Ok(response) => Answer { body: Vec::new(), ..answer_of(response).await },
            Err(error) => return Err(ActionError::new(network_reason(&error))),
        };
        match answer.status {
            401 | 407 => Err(ActionError::new(answer.reason()).with_help("look at the `headers` of the connector")),
            500..=599 => Err(ActionError::new(answer.reason())),
            _ => Ok(()),
        }
    }

    async fn send(&self, request: Request) -> ItemOutcome {
        let Request { method, url, headers: own, body } = request;
        let mut headers = self.headers.clone();
        headers.extend(own);
        let mut builder = self.client.request(method, url).headers(headers);
        if let Some(body) = body {
            builder = builder.body(body);
        }
        match builder.send().await {
            Ok(response) => answer_of(response).await.outcome(now_s()),
            Err(error) if error.is_builder() => {
                ItemOutcome::Rejected { class: ErrorClass::Unsendable, reason: network_reason(&error) }
            }
            Err(error) => {
                let class = if error.is_timeout() { ErrorClass::Timeout } else { ErrorClass::Unreachable };
                ItemOutcome::Retry { class, reason: network_reason(&error), after: None }
            }
        }
    }
}

impl Connector for HttpConnector {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn action(self: Arc<Self>, spec: &ActionSpec<'_>) -> Result<Box<dyn Action>, Vec<ConfigError>> {
        Ok(Box::new(HttpAction::new(self, spec)?))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(self.reach())
    }
}

/// A rule's use of an HTTP service.
#[derive(Debug)]
pub(crate) struct HttpAction {
    connector: Arc<HttpConnector>,
    template: RequestTemplate,
    concurrency: usize,
}

impl HttpAction {
    /// Reads the options of an action.
    pub(crate) fn new(connector: Arc<HttpConnector>, spec: &ActionSpec<'_>) -> Result<HttpAction, Vec<ConfigError>> {
        let options: HttpActionOptions = read(spec.options)?;
        if !(1..=1_024).contains(&options.concurrency) {
            let message = format!("`concurrency`: expected 1 to 1024, found {}", options.concurrency);
            return Err(vec![ConfigError::at(&["concurrency"], message)]);
        }
        let template = RequestTemplate::new(&options, spec, &connector.url, &connector.headers)?;
        Ok(HttpAction { connector, template, concurrency: usize::from(options.concurrency) })
    }

    /// Sends the outputs of one client one after the other. What follows one that has to wait waits too.
    async fn send_in_order(&self, batch: &[Output], indexes: Vec<usize>) -> Vec<(usize, ItemOutcome)> {
        let mut outcomes: Vec<(usize, ItemOutcome)> = Vec::with_capacity(indexes.len());
        for index in indexes {
            let outcome = match outcomes.last() {
                Some((_, waits @ ItemOutcome::Retry { .. })) => waits.clone(),
                Some((_, ItemOutcome::Delivered | ItemOutcome::Rejected { .. })) | None => {
                    match self.template.request(&batch[index]) {
                        Ok(request) => self.connector.send(request).await,
                        Err(reason) => ItemOutcome::Rejected { class: ErrorClass::Unsendable, reason },
                    }
                }
            };
            outcomes.push((index, outcome));
        }
        outcomes
    }

    async fn send_batch(&self, batch: &[Output]) -> Outcome {
        let chains = by_client(batch).into_iter().map(|indexes| self.send_in_order(batch, indexes));
        let mut outcomes: Vec<(usize, ItemOutcome)> =
            stream::iter(chains).buffer_unordered(self.concurrency).concat().await;
        outcomes.sort_unstable_by_key(|(index, _)| *index);
        Outcome::PerItem(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
    }
}

impl Action for HttpAction {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn send<'a>(&'a self, batch: &'a [Output]) -> BoxFuture<'a, Outcome> {
        Box::pin(self.send_batch(batch))
    }

    fn preview(&self, output: &Output) -> Preview {
        self.template.preview(output, &self.connector.headers)
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(self.connector.reach())
    }
}

/// The places of a batch, those of one client together; those without a client are one chain too.
fn by_client(batch: &[Output]) -> Vec<Vec<usize>> {
    let mut chains: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for (index, output) in batch.iter().enumerate() {
        chains.entry(output.client_id.as_deref()).or_default().push(index);
    }
    // The client that has waited longest goes first.
    let mut chains: Vec<Vec<usize>> = chains.into_values().collect();
    chains.sort_unstable();
    chains
}

fn url_of(options: &HttpOptions) -> Result<Url, ConfigError> {
    let Some(url) = &options.url else {
        return Err(ConfigError::at(&[], "`url` is missing").with_help("write `url = \"https://host/path\"`"));
    };
    let wrong = |message: String| ConfigError::at(&["url"], message);
    let url = Url::parse(url.expose()).map_err(|error| wrong(format!("`url`: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong(format!("`url`: expected `http` or `https`, found `{}`", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let help = "write `headers = { authorization = \"Basic ...\" }`";
        return Err(wrong("`url`: expected no user and no password".to_owned()).with_help(help));
    }
    if url.query().is_some() || url.fragment().is_some() {
        let help = "write the query in the `path` of the action";
        return Err(wrong("`url`: expected no query and no fragment".to_owned()).with_help(help));
    }
    Ok(url)
}

fn headers_of(headers: &BTreeMap<String, Secret>, errors: &mut Vec<ConfigError>) -> HeaderMap {
    let mut map = HeaderMap::new();
    map.insert(USER_AGENT, HeaderValue::from_static(concat!("signalbox/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in headers {
        let at = ["headers", name.as_str()];
        let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
            let error = ConfigError::at(&at, format!("`{name}` is no name of a header"));
            errors.push(ConfigError { at_key: true, ..error });
            continue;
        };
        match HeaderValue::from_str(value.expose()) {
            Ok(mut value) => {
                value.set_sensitive(true);
                map.insert(parsed, value);
            }
            Err(_) => {
                let message = format!("header `{name}`: expected text without line breaks and control characters");
                errors.push(ConfigError::at(&at, message).with_help("a file of a secret often ends with a line break"));
            }
        }
    }
    map
}

fn client_of(options: &HttpOptions) -> Result<Client, ConfigError> {
    for (name, value) in [("timeout_ms", options.timeout_ms), ("connect_timeout_ms", options.connect_timeout_ms)] {
        if value == 0 {
            return Err(ConfigError::at(&[name], format!("`{name}`: expected at least 1, found 0")));
        }
    }
    let mut builder = Client::builder()
        .timeout(Duration::from_millis(options.timeout_ms))
        .connect_timeout(Duration::from_millis(options.connect_timeout_ms))
        .pool_max_idle_per_host(usize::from(options.pool_idle_max))
        .pool_idle_timeout(Duration::from_millis(options.pool_idle_ms))
        .redirect(reqwest::redirect::Policy::none());
    if let Some(pem) = &options.ca_pem {
        let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes())
            .map_err(|error| ConfigError::at(&["ca_pem"], format!("`ca_pem`: {error}")))?;
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(|error| ConfigError::at(&[], network_reason(&error)))
}

/// Reads an answer. Of its body only the beginning is kept; a little more is read, so that the connection can be used
/// again.
async fn answer_of(mut response: Response) -> Answer {
    const KEPT_BYTES: usize = 1_024;
    const READ_BYTES: usize = 65_536;
    let header =
        |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
    let mut answer = Answer {
        status: response.status().as_u16(),
        retry_after: header(RETRY_AFTER),
        location: header(LOCATION),
        body: Vec::new(),
    };
    let mut read = 0;
    // The status has decided; a body that breaks off changes nothing.
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        let missing = KEPT_BYTES - answer.body.len();
        answer.body.extend(chunk.iter().take(missing));
        if read > READ_BYTES {
            break;
        }
    }
    answer
}

/// The causes of an error from the outside in, without the address, which may hold what is not for logs.
fn network_reason(error: &reqwest::Error) -> String {
    let mut reason = if error.is_timeout() {
        "timed out".to_owned()
    } else if error.is_connect() {
        "no connection".to_owned()
    } else if error.is_builder() {
        "no request".to_owned()
    } else {
        "connection lost".to_owned()
    };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !reason.ends_with(&text) {
            reason.push_str(": ");
            reason.push_str(&text);
        }
        cause = error.source();
    }
    reason
}

#[expect(clippy::disallowed_methods, reason = "a `retry-after` that is a date is compared with the clock, at the edge")]
fn now_s() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_output::output;

    #[test]
    fn outputs_of_one_client_are_one_chain_and_the_oldest_goes_first() {
        let of = |client: Option<&str>| Output { client_id: client.map(Into::into), ..output("{}") };
        let batch = [of(Some("z")), of(Some("a")), of(None), of(Some("z")), of(None)];
        assert_eq!(by_client(&batch), [vec![0, 3], vec![1], vec![2, 4]]);
    }

    #[test]
    fn a_connector_that_cannot_work_is_refused() {
        for (text, message) in [
            ("", "`url` is missing"),
            ("url = 'ops.example.com'", "`url`: relative URL without a base"),
            ("url = 'ftp://x/'", "`url`: expected `http` or `https`, found `ftp`"),
            ("url = 'http://me:pw@x/'", "`url`: expected no user and no password"),
            ("url = 'http://x/?a=1'", "`url`: expected no query and no fragment"),
            ("url = 'http://x/'\nheaders = { a = \"b\\n\" }", "header `a`: expected text without line breaks"),
            ("url = 'http://x/'\ntimeout_ms = 0", "`timeout_ms`: expected at least 1, found 0"),
            (
                "url = 'https://x/'\nca_pem = '''-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----'''",
                "`ca_pem`: ",
            ),
        ] {
            let errors = HttpConnector::new(&text.parse().unwrap()).unwrap_err();
            assert!(errors[0].message.starts_with(message), "{text}: {errors:?}");
        }
    }

    #[test]
    fn a_secret_header_is_not_shown() {
        let connector = HttpConnector::new(&KIND.sample_connector.parse().unwrap()).unwrap();
        let shown = format!("{connector:?}");
        assert!(!shown.contains("Bearer") && shown.contains("Sensitive"), "{shown}");
    }
}
