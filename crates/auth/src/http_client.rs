//! Requests to services that know about clients: bounded in time and in what is read.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Client, Request, Response, Url};

use crate::error::AuthError;
use crate::secret::Secret;

/// Bytes of an answer; a longer one is none.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// How a service is talked to.
#[derive(Clone, Debug)]
pub struct HttpClientOptions {
    /// Headers of every request.
    pub headers: BTreeMap<String, Secret>,
    /// How long a request may take, from connecting to the last byte of the answer, in ms.
    pub timeout_ms: u32,
    /// How long connecting may take, in ms.
    pub connect_timeout_ms: u32,
    /// Certificates of authorities to trust beside those of the system, in PEM.
    pub ca_pem: Option<String>,
}

impl Default for HttpClientOptions {
    fn default() -> HttpClientOptions {
        HttpClientOptions { headers: BTreeMap::new(), timeout_ms: 5_000, connect_timeout_ms: 2_000, ca_pem: None }
    }
}

/// A client for such a service.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient(Client);

impl HttpClient {
    pub(crate) fn new(path: &str, options: &HttpClientOptions) -> Result<HttpClient, AuthError> {
        let wrong = |option: &str, message: String| AuthError::option(&format!("{path}.{option}"), (message, None));
        for (option, value) in [("timeout_ms", options.timeout_ms), ("connect_timeout_ms", options.connect_timeout_ms)]
        {
            if value == 0 {
                return Err(wrong(option, "expected at least 1, found 0".to_owned()));
            }
        }
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("signalbox/", env!("CARGO_PKG_VERSION"))));
        for (name, value) in &options.headers {
            let option = format!("headers.{name}");
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| wrong(&option, "expected the name of a header".to_owned()))?;
            let mut value = HeaderValue::from_str(value.expose())
                .map_err(|_| wrong(&option, "expected text without line breaks".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let mut builder = Client::builder()
            .default_headers(headers)
            .timeout(Duration::from_millis(u64::from(options.timeout_ms)))
            .connect_timeout(Duration::from_millis(u64::from(options.connect_timeout_ms)))
            .redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = &options.ca_pem {
            let authorities = reqwest::Certificate::from_pem_bundle(pem.as_bytes())
                .map_err(|error| wrong("ca_pem", format!("expected certificates in PEM: {error}")))?;
            builder = builder.tls_certs_merge(authorities);
        }
        let client = builder.build().map_err(|error| AuthError::option(path, (network_reason(&error), None)))?;
        Ok(HttpClient(client))
    }

    /// An address of a service, checked; or what is wrong with it.
    pub(crate) fn url(text: &str) -> Result<Url, (String, Option<String>)> {
        let help = || Some("write it as `https://host/path`".to_owned());
        let url = Url::parse(text).map_err(|error| (format!("expected a URL, found `{text}`: {error}"), help()))?;
        if matches!(url.scheme(), "http" | "https") {
            Ok(url)
        } else {
            Err((format!("expected `http` or `https`, found `{}`", url.scheme()), help()))
        }
    }

    /// The client itself, to build a request with.
    pub(crate) const fn inner(&self) -> &Client {
        &self.0
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&self, request: Request) -> Result<(u16, Vec<u8>), String> {
        let response = self.0.execute(request).await.map_err(|error| network_reason(&error))?;
        let status = response.status().as_u16();
        Ok((status, body_of(response).await?))
    }

    /// A document in JSON.
    pub(crate) async fn get_json(&self, url: Url) -> Result<serde_json::Value, String> {
        let request = self.0.get(url).build().map_err(|error| network_reason(&error))?;
        let (status, body) = self.send(request).await?;
        if status != 200 {
            return Err(format!("expected status 200, found {status}"));
        }
        serde_json::from_slice(&body).map_err(|error| format!("expected JSON: {error}"))
    }
}

async fn body_of(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| network_reason(&error))? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(format!("the answer is longer than {ANSWER_BYTES_MAX} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
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
