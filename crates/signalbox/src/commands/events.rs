//! `signalbox events tail`: the live tail of the API, one JSON object a line.

use anyhow::Context as _;
use reqwest::{StatusCode, Url};

use crate::cli::{Events, Tail};
use crate::config::Config;
use crate::outcome::{Outcome, Stop};
use crate::serving::Serving;
use crate::terminal::{complain, say};

/// The path of the live tail.
const PATH: &str = "/api/v5/events/tail";

/// The longest event that is taken; the API sends none that long.
const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Runs the command.
pub(crate) fn run(command: Events) -> Outcome {
    let Events::Tail(tail) = command;
    let (url, key) = target(&tail)?;
    let mut client = reqwest::Client::builder();
    if tail.url.is_none() {
        // The broker is on this machine. A proxy that the environment names cannot reach it, and would see the key.
        client = client.no_proxy();
    }
    let client = client.build().context("preparing the connection")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            outcome = follow(&client, url, &key) => outcome,
            interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        }
    })
}

/// Where to ask and with which key.
fn target(tail: &Tail) -> Result<(Url, String), Stop> {
    let config = Config::load(&tail.sources.given(Vec::new()))?;
    let data = config.root.data_dir.as_path();
    let serving = Serving::read(data);
    let base = match (&tail.url, &serving) {
        (Some(url), _) => url.clone(),
        (None, Some(serving)) => format!("http://{}", reachable(serving.http)),
        (None, None) => {
            return Err(Stop::bad_input(
                format_args!("no broker runs in the data directory `{}`", data.display()),
                Some("name another with `--data DIR`, or the API of one elsewhere with `--url URL`"),
            ));
        }
    };
    let mut url = Url::parse(&base).and_then(|base| base.join(PATH)).map_err(|cause| {
        Stop::bad_input(format_args!("`{base}` is no URL: {cause}"), Some("write it as `http://127.0.0.1:8080`"))
    })?;
    if let Some(client) = &tail.client {
        url.query_pairs_mut().append_pair("client", client);
    }
    if !tail.events.is_empty() {
        url.query_pairs_mut().append_pair("event", &tail.events.join(","));
    }
    let key = key(tail, serving.filter(|_| tail.url.is_none()))?;
    Ok((url, key))
}

/// The address to connect to for a broker that listens on all of its own.
fn reachable(mut address: std::net::SocketAddr) -> std::net::SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    address
}

#[expect(clippy::disallowed_methods, reason = "the key of a remote broker is no part of the configuration")]
fn key(tail: &Tail, serving: Option<Serving>) -> Result<String, Stop> {
    if let Some(file) = &tail.key_file {
        let text = std::fs::read_to_string(file)
            .map_err(|cause| Stop::bad_input(format_args!("`{}` cannot be read: {cause}", file.display()), None))?;
        return Ok(text.trim().to_owned());
    }
    std::env::var("SIGNALBOX_API_KEY").ok().or(serving.map(|serving| serving.key)).ok_or_else(|| {
        Stop::bad_input(
            "no key for the API",
            Some("make one with `signalbox keys add NAME` and put it into SIGNALBOX_API_KEY"),
        )
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

    #[test]
    fn a_broker_that_listens_everywhere_is_asked_on_loopback() {
        assert_eq!(reachable("0.0.0.0:8080".parse().unwrap()).to_string(), "127.0.0.1:8080");
        assert_eq!(reachable("10.0.0.1:8080".parse().unwrap()).to_string(), "10.0.0.1:8080");
    }
}
