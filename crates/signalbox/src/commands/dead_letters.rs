//! `signalbox dead-letters`: outputs that were given up, looked at and handled through the API of the running broker.

use anyhow::Context as _;
use reqwest::{Method, Url};
use serde_json::Value;

use super::remote::Remote;
use crate::cli::{DeadLetters, LetterFilter};
use crate::outcome::{Outcome, Stop};
use crate::terminal::{say, say_json, table};
use crate::{clock, duration};

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
                    Some(id) => {
                        let row = row.map(given).transpose()?;
                        caller.call(Method::POST, &[id, "replay"], None, row).await?
                    }
                    None => caller.call(Method::POST, &["replay"], Some(&filter), None).await?,
                };
                Ok(say(&done(&answer, "queued again"))?)
            }
            DeadLetters::Edit { id, row, remote } => {
                Caller::new(&remote)?.call(Method::PUT, &[&id], None, Some(given(row)?)).await?;
                Ok(say("edited")?)
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
                let caller = Caller::new(&remote)?;
                let lines = caller.ask(Method::GET, caller.url(&["export"], Some(&filter))?, None).await?;
                Ok(say(String::from_utf8_lossy(&lines).trim_end())?)
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
        if let Some(LetterFilter { rule, action, client, class, since, until }) = filter {
            let (class, since, until) = (class.map(|class| class.to_string()), moment(since), moment(until));
            let named =
                [("rule", rule), ("action", action), ("clientid", client), ("class", &class), ("since", &since)];
            for (name, value) in named.into_iter().chain([("until", &until)]) {
                if let Some(value) = value {
                    url.query_pairs_mut().append_pair(name, value);
                }
            }
        }
        Ok(url)
    }

    async fn send(&self, method: Method, url: Url, body: Option<String>) -> Result<Value, Stop> {
        Ok(serde_json::from_slice(&self.ask(method, url, body).await?).unwrap_or_default())
    }

    /// Sends a request. What the API refuses is told in its words.
    async fn ask(&self, method: Method, url: Url, body: Option<String>) -> Result<Vec<u8>, Stop> {
        let request = self.client.request(method, url.clone()).bearer_auth(&self.remote.key);
        let request = request.body(body.unwrap_or_default());
        let response = request.send().await.with_context(|| format!("asking `{url}`"))?;
        let status = response.status();
        let bytes = response.bytes().await.with_context(|| format!("reading the answer of `{url}`"))?;
        if status.is_success() {
            return Ok(bytes.into());
        }
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
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
        vec![["id", "given up", "rule", "action", "client", "attempts", "class", "reason"].map(str::to_owned).into()];
    rows.extend(letters.iter().map(|letter| {
        let text = |name: &str| letter[name].as_str().unwrap_or("-").to_owned();
        let attempts = letter["attempts"].to_string();
        let at = letter["dead_at"].as_i64().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        let at = at.map_or_else(|| "-".to_owned(), |at| format!("{at:.0}"));
        let (rule, action, client) = (text("rule"), text("action"), text("clientid"));
        vec![text("id"), at, rule, action, client, attempts, text("class"), text("reason")]
    }));
    table(&rows)
}

/// The time of an option as the API reads it: `2h` is two hours ago.
fn moment(text: &Option<String>) -> Option<String> {
    let text = text.as_ref()?;
    let ago_ms = duration::parse(text).ok().and_then(|ago| i64::try_from(ago.as_millis()).ok());
    Some(ago_ms.map_or_else(|| text.clone(), |ago_ms| clock::now().0.saturating_sub(ago_ms).to_string()))
}

/// A row as it was given: `-` stands for what is on stdin.
fn given(row: String) -> Result<String, Stop> {
    if row != "-" {
        return Ok(row);
    }
    Ok(std::io::read_to_string(std::io::stdin()).context("reading the row from stdin")?)
}

/// What was done, for people.
fn done(answer: &Value, verb: &str) -> String {
    let Some(count) = answer["done"].as_u64() else { return verb.to_owned() };
    match answer["left"].as_u64().unwrap_or(0) {
        0 => format!("{count} {verb}"),
        left => format!("{count} {verb}, {left} left: their rule or action is not there any more"),
    }
}
