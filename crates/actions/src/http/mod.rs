//! `http`: sends each output as a request to an HTTP service.
//!
//! Outputs of one client arrive in order; those of different clients go out side by side.
//!
//! `request.rs` says what a request is, `client.rs` what it is sent with, `outcome.rs` what its answer means.

mod body;
mod client;
mod guard;
mod outcome;
mod request;
mod signature;
mod token;
mod trace;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use engine::{
    Action, ActionError, ActionSpec, BoxFuture, ConfigError, ErrorClass, ItemOutcome, Outcome, Output, Preview,
};
use futures_util::stream::{self, StreamExt as _};
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, Response, Url};

use self::client::{basic, client_of, guard_of, headers_of, health_of, url_of};
use self::guard::PrivateAddresses;
use self::outcome::Answer;
use self::request::{MASK, Method, Request, RequestTemplate};
use self::signature::{Signature, SignatureOptions};
use self::token::{Oauth2Options, Tokens};
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
        /// Who we are, by HTTP Basic. There may be one of `username`, `bearer`, `oauth2` and a header `authorization`.
        username: Option<String> = None,
        /// The password of `username`.
        password: Option<Secret> = None,
        /// A token that stays the same; the requests say `authorization: Bearer ...`.
        bearer: Option<Secret> = None,
        /// Tokens of OAuth 2 by client credentials: `{ token_url, client_id, client_secret }`, and where the service
        /// wants them `scope`, `audience` and `client_auth = "body"` (else the credentials go by HTTP Basic). A token is
        /// kept, replaced a minute before it expires, and once when a request is answered 401.
        oauth2: Option<Oauth2Options> = None,
        /// Signs bodies: `{ secret }`, and `header` (else `x-signature`), `algorithm` (`sha256`, `sha512`) and
        /// `timestamp_header`. The header is `sha256=` and the HMAC of the body as it is sent, in hexadecimal digits;
        /// with `timestamp_header` that header has the time in s, and `TIME.BODY` is signed.
        signature: Option<SignatureOptions> = None,
        /// `gzip` compresses bodies.
        compression: Option<Compression> = None,
        /// Where the service says that it is well, such as `/health`: a path beside that of `url`. It is asked with GET
        /// while outputs do not get through, and 2xx means yes. By default the `url` is asked with HEAD, and any answer
        /// but 401, 407 and 5xx means yes.
        health_path: Option<String> = None,
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
        /// Our certificate for services that ask for one (mutual TLS), in PEM, with those that lead to its authority.
        client_cert_pem: Option<String> = None,
        /// The key of `client_cert_pem`, in PEM.
        client_key_pem: Option<Secret> = None,
        /// `refuse` keeps the connector to public addresses, whatever the name in `url` resolves to: not to loopback,
        /// private and link-local networks, nor the metadata services of clouds. The address that is connected to is
        /// the one that was checked. By default the `url` is trusted: nothing of an event can change its host.
        private_addresses: PrivateAddresses = PrivateAddresses::Allow,
        /// Networks that are let through with `refuse`: `["10.1.0.0/16"]`.
        allowed_networks: Vec<String> = Vec::new(),
    }
}

options! {
    /// An action of an `http` connector: the request that each output becomes.
    struct HttpActionOptions {
        /// GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.
        method: Method = Method::Post,
        /// Appended to the `url` of the connector; a template. Values are percent-encoded, so that each stays one
        /// segment; one that is NULL, `.` or `..` rejects the output.
        path: Option<String> = None,
        /// Headers of this request, templates; they replace those of the connector. `content-type` is
        /// `application/json` unless it is given, `idempotency-key` is the `output_id`. A value that is NULL or holds
        /// a line break rejects the output.
        headers: BTreeMap<String, String> = BTreeMap::new(),
        /// The body, a template. By default the row as JSON; none for GET, HEAD, DELETE and OPTIONS.
        body: Option<String> = None,
        /// The body as JSON with templates in it: `{ device = "${clientid}", site = { name = "a" } }`. A text that is
        /// nothing but one variable becomes its value, with its type.
        json: toml::Table = toml::Table::new(),
        /// The body as a form, `application/x-www-form-urlencoded`; values are templates. One that is NULL rejects the
        /// output.
        form: BTreeMap<String, String> = BTreeMap::new(),
        /// The header `traceparent` (W3C Trace Context). `new` begins a trace for every output, whose identifier is the
        /// `output_id`; a template such as `${trace}` goes on with the trace that it holds, and begins one where it
        /// holds none. The rule selects it: `pub_props.'User-Property'.traceparent AS trace`.
        traceparent: Option<String> = None,
        /// How many requests of a batch may be under way at once, at most 1,024. Requests of one client follow each
        /// other.
        concurrency: u16 = 16,
    }
}

/// How bodies are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Compression {
    Gzip,
}

/// An HTTP service.
#[derive(Debug)]
pub(crate) struct HttpConnector {
    url: Url,
    /// What is asked with GET whether the service is well.
    health: Option<Url>,
    headers: HeaderMap,
    tokens: Option<Tokens>,
    signature: Option<Signature>,
    compression: Option<Compression>,
    client: Client,
}

impl HttpConnector {
    /// Reads the options. Nothing is opened yet.
    pub(crate) fn new(table: &toml::Table) -> Result<HttpConnector, Vec<ConfigError>> {
        let mut options: HttpOptions = read(table)?;
        let mut errors = Vec::new();
        let headers = headers_of(&options, &mut errors);
        let parts = HttpConnector::parts(&mut options).map_err(|error| errors.push(error)).ok();
        let health = parts.as_ref().and_then(|(url, ..)| {
            let path = options.health_path.as_deref()?;
            health_of(url, path).map_err(|error| errors.push(error)).ok()
        });
        match parts {
            Some((url, client, tokens, signature)) if errors.is_empty() => {
                Ok(HttpConnector { url, health, headers, tokens, signature, compression: options.compression, client })
            }
            _ => Err(errors),
        }
    }

    fn parts(options: &mut HttpOptions) -> Result<Parts, ConfigError> {
        let url = url_of(options)?;
        let token_url = options.oauth2.as_ref().map(|oauth2| {
            let wrong = |error| ConfigError::at(&["oauth2"], format!("`oauth2.token_url`: {error}"));
            Url::parse(&oauth2.token_url).map_err(wrong)
        });
        let token_url = token_url.transpose()?;
        let asked = [("url", &url)].into_iter().chain(token_url.as_ref().map(|url| ("oauth2", url)));
        let client = client_of(options, guard_of(options, &asked.collect::<Vec<_>>())?)?;
        let tokens = options.oauth2.as_ref().zip(token_url).map(|(oauth2, url)| Tokens::new(oauth2, url));
        Ok((url, client, tokens, options.signature.take().map(Signature::new).transpose()?))
    }

    /// Asks whether the service is well. Where nothing else is known, a HEAD request goes to the address: whatever status
    /// comes back shows that the service is there, but for those that speak of the credentials or of a service that is
    /// not well.
    async fn reach(&self) -> Result<(), ActionError> {
        let (method, url) = match &self.health {
            Some(health) => (reqwest::Method::GET, health),
            None => (reqwest::Method::HEAD, &self.url),
        };
        let asked = Request { method, url: url.clone(), headers: self.headers.clone(), body: None };
        let answer = match self.ask(&asked).await {
            Ok(answer) => answer,
            Err(NoAnswer { reason, .. }) => return Err(ActionError::new(reason)),
        };
        match answer.status {
            200..=299 => Ok(()),
            401 | 407 => Err(ActionError::new(answer.reason()).with_help("look at the credentials of the connector")),
            status if self.health.is_some() || status >= 500 => Err(ActionError::new(answer.reason())),
            _ => Ok(()),
        }
    }

    async fn send(&self, request: Request) -> ItemOutcome {
        match self.ask(&self.dressed(request)).await {
            Ok(answer) => answer.outcome(now_s()),
            Err(NoAnswer { class: class @ ErrorClass::Unsendable, reason }) => ItemOutcome::Rejected { class, reason },
            Err(NoAnswer { class, reason }) => ItemOutcome::Retry { class, reason, after: None },
        }
    }

    /// The request with what the connector adds: its headers, and what depends on the body.
    fn dressed(&self, request: Request) -> Request {
        let Request { method, url, headers: own, body } = request;
        let mut headers = self.headers.clone();
        headers.extend(own);
        let body = match (body, self.compression) {
            (Some(body), Some(Compression::Gzip)) => {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                Some(gzip(&body))
            }
            (body, _) => body,
        };
        if let Some(signature) = &self.signature {
            signature.sign(now_s(), body.as_deref().unwrap_or_default(), &mut headers);
        }
        Request { method, url, headers, body }
    }

    /// What the connector adds to a request, for people: names, and values where they are no secrets.
    fn shown_headers(&self) -> Vec<(HeaderName, &str)> {
        let shown = |value: &HeaderValue| !value.is_sensitive();
        let fixed = self.headers.iter().map(|(name, value)| {
            let text = value.to_str().ok().filter(|_| shown(value));
            (name.clone(), text.unwrap_or(MASK))
        });
        let compression = self.compression.map(|Compression::Gzip| (CONTENT_ENCODING, "gzip"));
        let token = self.tokens.as_ref().map(|_| (AUTHORIZATION, MASK));
        let signed = self.signature.iter().flat_map(Signature::headers).map(|name| (name.clone(), MASK));
        fixed.chain(compression).chain(token).chain(signed).collect()
    }

    /// The answer to a request. A token that is refused is replaced once.
    async fn ask(&self, request: &Request) -> Result<Answer, NoAnswer> {
        let Some(tokens) = &self.tokens else { return self.ask_as(request, None).await };
        let token = tokens.authorization(&self.client).await?;
        let answer = self.ask_as(request, Some(&token)).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        tokens.forget(&token).await;
        let token = tokens.authorization(&self.client).await?;
        self.ask_as(request, Some(&token)).await
    }

    async fn ask_as(&self, request: &Request, token: Option<&HeaderValue>) -> Result<Answer, NoAnswer> {
        let Request { method, url, headers, body } = request;
        let mut builder = self.client.request(method.clone(), url.clone()).headers(headers.clone());
        if let Some(token) = token {
            builder = builder.header(AUTHORIZATION, token);
        }
        if let Some(body) = body {
            builder = builder.body(body.clone());
        }
        match builder.send().await {
            Ok(response) => Ok(answer_of(response).await),
            Err(error) => Err(NoAnswer { class: class_of_network(&error), reason: network_reason(&error) }),
        }
    }
}

/// What a connector is made of beside its headers.
type Parts = (Url, Client, Option<Tokens>, Option<Signature>);

/// Why nothing came back for a request.
#[derive(Debug)]
struct NoAnswer {
    class: ErrorClass,
    reason: String,
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
        self.template.preview(output, &self.connector.shown_headers())
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

fn gzip(body: &[u8]) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let written = encoder.write_all(body).and_then(|()| encoder.finish());
    written.expect("writing into memory does not fail").into()
}

fn class_of_network(error: &reqwest::Error) -> ErrorClass {
    if error.is_builder() {
        ErrorClass::Unsendable
    } else if error.is_timeout() {
        ErrorClass::Timeout
    } else {
        ErrorClass::Unreachable
    }
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
