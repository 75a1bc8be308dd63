//! `signalbox events tail`: the live tail of the API, one JSON object a line.

use anyhow::Context as _;
use reqwest::{StatusCode, Url};

use super::remote::Remote;
use crate::cli::Events;
use crate::outcome::{Outcome, Stop};
use crate::terminal::{complain, say};

/// The path of the live tail.
const PATH: &str = "/api/v5/events/tail";

/// The longest event that is taken; the API sends none that long.
const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Runs the command.
pub(crate) fn run(command: Events) -> Outcome {
    let Events::Tail(tail) = command;
    let remote = Remote::find(&tail.remote)?;
    let mut url = remote.url(PATH)?;
    if let Some(client) = &tail.client {
        url.query_pairs_mut().append_pair("client", client);
    }
    if !tail.events.is_empty() {
        url.query_pairs_mut().append_pair("event", &tail.events.join(","));
    }
    let client = remote.client()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            outcome = follow(&client, url, &remote.key) => outcome,
            interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        }
    })
}

/// Prints what comes until the broker ends it or nobody reads any more.
async fn follow(client: &reqwest::Client, url: Url, key: &str) -> Outcome {
    let request = client.get(url.clone()).bearer_auth(key).header("accept", "text/event-stream");
    let mut response = request.send().await.with_context(|| format!("asking `{url}`"))?;
    check_status(response.status(), &url)?;
    let mut events = Stream::default();
    while let Some(chunk) = response.chunk().await.context("the connection was cut")? {
        for data in events.push(&chunk)? {
            if say(&data).is_err() {
                return Ok(());
            }
        }
    }
    complain("the broker has ended the tail");
    Ok(())
}

fn check_status(status: StatusCode, url: &Url) -> Result<(), Stop> {
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Stop::bad_input(
            format_args!("`{url}` answered {status}"),
            Some("make a key with `signalbox keys add NAME` and put it into SIGNALBOX_API_KEY"),
        )),
        StatusCode::BAD_REQUEST => Err(Stop::bad_input(
            format_args!("`{url}` answered {status}: an event of that name does not exist"),
            Some("events are named as their topics, such as `client_connack`"),
        )),
        other => Err(anyhow::anyhow!("`{url}` answered {other}").into()),
    }
}

/// Takes server-sent events apart: the data of each, as text.
#[derive(Debug, Default)]
struct Stream {
    rest: Vec<u8>,
    data: String,
}

impl Stream {
    /// The data of the events that end in `chunk`.
    fn push(&mut self, chunk: &[u8]) -> anyhow::Result<Vec<String>> {
        self.rest.extend_from_slice(chunk);
        anyhow::ensure!(self.rest.len() <= EVENT_BYTES_MAX, "a line is longer than {EVENT_BYTES_MAX} bytes");
        let mut done = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() && !self.data.is_empty() {
                done.push(std::mem::take(&mut self.data));
            } else if let Some(data) = line.strip_prefix("data:") {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            }
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_put_together_from_chunks() {
        let mut stream = Stream::default();
        assert!(stream.push(b": hello\n\nid: 5\ndata: {\"a\"").unwrap().is_empty());
        assert_eq!(stream.push(b":1}\n\ndata: 2\r\n\r\nda").unwrap(), ["{\"a\":1}", "2"]);
        assert_eq!(stream.push(b"ta: 3\n\n").unwrap(), ["3"]);
    }
}
