//! What an operator sees of it: the live tail of events and the metrics.

use std::collections::HashSet;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::PATIENCE;
use super::server::{Home, Server};

/// Reads events and metrics of a broker with an API key.
#[derive(Debug)]
pub(crate) struct Witness {
    http: reqwest::Client,
    url: String,
    key: String,
    events: mpsc::Receiver<Value>,
    /// Events that were received while others were looked for.
    pub(crate) seen: Vec<Value>,
    /// Connections whose end was asked for: a later one may come from the same address.
    answered: HashSet<u64>,
    reading: JoinHandle<()>,
}

impl Witness {
    /// Makes a key and begins to watch how connections begin and end.
    pub(crate) async fn of(home: &Home, server: &Server) -> Witness {
        let beginnings_and_ends = "client_connack,client_disconnected,certificate_registered,certificate_rejected";
        Witness::of_events(home, server, beginnings_and_ends).await
    }

    /// Makes a key and begins to watch these events, separated by commas.
    pub(crate) async fn of_events(home: &Home, server: &Server, events: &str) -> Witness {
        let added = home.run(&["keys", "add", "witness", "--json"]);
        let added: Value = serde_json::from_str(&added.stdout).unwrap();
        let key = added["key"].as_str().unwrap().to_owned();
        let http = reqwest::Client::new();
        let tail = server.url(&format!("/api/v5/events/tail?event={events}"));
        // Who has the head of the answer is subscribed.
        let response = http.get(tail).bearer_auth(&key).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        let (tx, events) = mpsc::channel(100_000);
        let reading = tokio::task::spawn(read_events(response, tx));
        Witness { http, url: server.url("/metrics"), key, events, seen: Vec::new(), answered: HashSet::new(), reading }
    }

    /// The event of the end of the connection that came from `peer`, as soon as it is there.
    pub(crate) async fn ending_of(&mut self, peer: SocketAddr) -> Value {
        let peer = peer.to_string();
        let answered = self.answered.clone();
        let is_wanted = |event: &Value| {
            event["event"] == "client.disconnected"
                && event["peername"] == *peer
                && !answered.contains(&event["conn_id"].as_u64().unwrap())
        };
        let found = self.seen.iter().position(is_wanted);
        let index = if let Some(index) = found {
            index
        } else {
            self.wait_until(&format!("nothing tells of the end of {peer}"), is_wanted).await;
            self.seen.len() - 1
        };
        let ending = self.seen[index].clone();
        self.answered.insert(ending["conn_id"].as_u64().unwrap());
        ending
    }

    /// Waits until an event fits, which is the last one seen then.
    pub(crate) async fn wait_until(&mut self, otherwise: &str, mut fits: impl FnMut(&Value) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let next = timeout_at(deadline, self.events.recv()).await;
            let event = next.unwrap_or_else(|_| panic!("{otherwise}")).expect("the live tail ended");
            let is_last = fits(&event);
            self.seen.push(event);
            if is_last {
                return;
            }
        }
    }

    /// A number of `/metrics`.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let response = self.http.get(&self.url).bearer_auth(&self.key).send().await.unwrap();
        let text = response.text().await.unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no `{name}` in:\n{text}")).parse().unwrap()
    }

    /// Waits until a number of `/metrics` is `expected`.
    pub(crate) async fn wait_for_metric(&self, name: &str, expected: u64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.metric(name).await;
            if found == expected {
                return;
            }
            assert!(Instant::now() < deadline, "`{name}` is {found}, expected {expected}");
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

async fn read_events(mut response: reqwest::Response, tx: mpsc::Sender<Value>) {
    let mut buf = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        buf.extend_from_slice(&chunk);
        while let Some(end) = buf.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = buf.drain(..end + 2).collect();
            let block = String::from_utf8(block).unwrap();
            assert!(!block.contains("event: gap"), "the live tail has lost events: {block}");
            let Some(data) = block.lines().find_map(|line| line.strip_prefix("data: ")) else { continue };
            if tx.send(serde_json::from_str(data).unwrap()).await.is_err() {
                return;
            }
        }
    }
}
