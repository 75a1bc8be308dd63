//! `signalbox dead-letters`: outputs that were given up, looked at and handled through the API of the running broker.

use anyhow::Context as _;
use reqwest::{Method, Url};
use serde_json::Value;

use super::remote::Remote;
use crate::cli::{DeadLetters, LetterFilter};
use crate::outcome::{Outcome, Stop};
use crate::terminal::{say, say_json, table};

const PATH: &str = "/api/v5/dead_letters";

/// Letters asked for at once.
const PAGE_LEN: usize = 1_000;

/// Runs the command.
pub(crate) fn run(command: DeadLetters) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            DeadLetters::List { filter, output, remote } => {
                let letters = Caller::new(&remote)?.list(&filter).await?;
                if output.json { Ok(say_json(&Value::Array(letters))?) } else { Ok(say(&listed(&letters))?) }
            }
            DeadLetters::Show { id, remote } => {
                Ok(say_json(&Caller::new(&remote)?.call(Method::GET, &[&id], None, None).await?)?)
            }
            DeadLetters::Replay { id, all: _, row, filter, remote } => {
                let caller = Caller::new(&remote)?;
                let answer = match &id {
                    Some(id) => caller.call(Method::POST, &[id, "replay"], None, row).await?,
                    None => caller.call(Method::POST, &["replay"], Some(&filter), None).await?,
                };
                Ok(say(&done(&answer, "queued again"))?)
            }
            DeadLetters::Drop { id, all: _, filter, remote } => {
                let caller = Caller::new(&remote)?;
                let answer = match &id {
                    Some(id) => caller.call(Method::DELETE, &[id], None, None).await?,
                    None => caller.call(Method::DELETE, &[], Some(&filter), None).await?,
                };
                Ok(say(&done(&answer, "dropped"))?)
            }
            DeadLetters::Export { filter, remote } => {
                for letter in Caller::new(&remote)?.list(&filter).await? {
                    say(&letter.to_string())?;
                }
                Ok(())
            }
        }
    })
}

/// A broker and what asks it.
struct Caller {
    remote: Remote,
    client: reqwest::Client,
}

impl Caller {
    fn new(options: &crate::cli::Remote) -> Result<Caller, Stop> {
        let remote = Remote::find(options)?;
        let client = remote.client()?;
        Ok(Caller { remote, client })
    }

    /// Every letter that is meant.
    async fn list(&self, filter: &LetterFilter) -> Result<Vec<Value>, Stop> {
        let mut letters = Vec::new();
        for page in 1.. {
            let mut url = self.url(&[], Some(filter))?;
            let (page, limit) = (page.to_string(), PAGE_LEN.to_string());
            url.query_pairs_mut().append_pair("page", &page).append_pair("limit", &limit);
            let mut answer = self.send(Method::GET, url, None).await?;
            if let Value::Array(data) = answer["data"].take() {
                letters.extend(data);
            }
            if answer["meta"]["hasnext"] != true {
                break;
            }
        }
        Ok(letters)
    }

    async fn call(
        &self,
        method: Method,
        path: &[&str],
        filter: Option<&LetterFilter>,
        body: Option<String>,
    ) -> Result<Value, Stop> {
        self.send(method, self.url(path, filter)?, body).await
    }

    fn url(&self, path: &[&str], filter: Option<&LetterFilter>) -> Result<Url, Stop> {
        let mut url = self.remote.url(PATH)?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        if let Some(LetterFilter { rule, action, client }) = filter {
            for (name, value) in [("rule", rule), ("action", action), ("clientid", client)] {
                if let Some(value) = value {
                    url.query_pairs_mut().append_pair(name, value);
                }
            }
        }
        Ok(url)
    }

    /// Sends a request. What the API refuses is told in its words.
    async fn send(&self, method: Method, url: Url, body: Option<String>) -> Result<Value, Stop> {
        let request = self.client.request(method, url.clone()).bearer_auth(&self.remote.key);
        let request = request.body(body.unwrap_or_default());
        let response = request.send().await.with_context(|| format!("asking `{url}`"))?;
        let status = response.status();
        let bytes = response.bytes().await.with_context(|| format!("reading the answer of `{url}`"))?;
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        match answer["detail"].as_str() {
            Some(detail) => Err(Stop::bad_input(format_args!("{detail}"), answer["help"].as_str())),
            None => Err(anyhow::anyhow!("`{url}` answered {status}").into()),
        }
    }
}

/// The letters as a table.
fn listed(letters: &[Value]) -> String {
    if letters.is_empty() {
        return "no dead letters".to_owned();
    }
    let mut rows: Vec<Vec<String>> =
        vec![["id", "rule", "action", "client", "attempts", "reason"].map(str::to_owned).into()];
    rows.extend(letters.iter().map(|letter| {
        let text = |name: &str| letter[name].as_str().unwrap_or("-").to_owned();
        let attempts = letter["attempts"].to_string();
        vec![text("id"), text("rule"), text("action"), text("clientid"), attempts, text("reason")]
    }));
    table(&rows)
}

/// What was done, for people.
fn done(answer: &Value, verb: &str) -> String {
    let Some(count) = answer["done"].as_u64() else { return verb.to_owned() };
    match answer["left"].as_u64().unwrap_or(0) {
        0 => format!("{count} {verb}"),
        left => format!("{count} {verb}, {left} left: their rule or action is not there any more"),
    }
}
