//! One question to the API of a running broker, and its answer.

use anyhow::Context as _;
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

use super::remote::Remote;
use crate::cli;
use crate::outcome::Stop;

/// The API of a running broker.
#[derive(Debug)]
pub(super) struct Api {
    remote: Remote,
    http: reqwest::Client,
}

/// A request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a [&'a str],
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: Option<&'a Value>,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) etag: Option<String>,
    pub(super) body: Value,
}

impl Api {
    /// The one that the options name.
    pub(super) fn new(options: &cli::Remote) -> Result<Api, Stop> {
        let remote = Remote::find(options)?;
        let http = remote.client()?;
        Ok(Api { remote, http })
    }

    /// What it answers to a question.
    pub(super) fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<Value, Stop> {
        self.ask(Method::GET, &self.url(path, query)?, None)
    }

    /// Has something made.
    pub(super) fn post(&self, path: &[&str], body: &Value) -> Result<Value, Stop> {
        self.ask(Method::POST, &self.url(path, &[])?, Some(body).filter(|body| !body.is_null()))
    }

    /// What it answers to a request with headers of its own.
    pub(super) fn call(&self, call: Call<'_>) -> Result<Answer, Stop> {
        let Call { method, path, headers, body } = call;
        let method = method.parse().context("a method of HTTP")?;
        self.send((method, headers), &self.url(path, &[])?, body)
    }

    /// Has something removed.
    pub(super) fn delete(&self, path: &[&str]) -> Result<Value, Stop> {
        self.ask(Method::DELETE, &self.url(path, &[])?, None)
    }

    /// The URL of a resource; each part of the path may hold any characters.
    fn url(&self, path: &[&str], query: &[(&str, String)]) -> Result<Url, Stop> {
        let mut url = self.remote.url("/api/v5")?;
        let cannot =
            || Stop::bad_input(format_args!("`{url}` has no paths"), Some("write it as `http://127.0.0.1:8080`"));
        if url.cannot_be_a_base() {
            return Err(cannot());
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    fn ask(&self, method: Method, url: &Url, body: Option<&Value>) -> Result<Value, Stop> {
        self.send((method, &[]), url, body).map(|answer| answer.body)
    }

    fn send(
        &self,
        (method, headers): (Method, &[(&str, &str)]),
        url: &Url,
        body: Option<&Value>,
    ) -> Result<Answer, Stop> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut request = self.http.request(method, url.clone()).bearer_auth(&self.remote.key);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            if let Some(body) = body {
                request = request.header("content-type", "application/json").body(body.to_string());
            }
            let response = request.send().await.with_context(|| format!("asking `{url}`"))?;
            let status = response.status();
            let etag = response.headers().get("etag").and_then(|tag| tag.to_str().ok()).map(str::to_owned);
            let bytes = response.bytes().await.context("the connection was cut")?;
            let answer =
                if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap_or(Value::Null) };
            if status.is_success() { Ok(Answer { etag, body: answer }) } else { Err(refused(url, status, &answer)) }
        })
    }
}

/// Says what the API has said.
fn refused(url: &Url, status: StatusCode, problem: &Value) -> Stop {
    let help = problem["help"].as_str();
    let key = "make a key with `signalbox keys add NAME --role operator` and put it into SIGNALBOX_API_KEY";
    match problem["detail"].as_str() {
        Some(detail) if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN => {
            Stop::bad_input(detail, Some(key))
        }
        Some(detail) => Stop::bad_input(detail, help),
        None => anyhow::anyhow!("`{url}` answered {status}").into(),
    }
}
