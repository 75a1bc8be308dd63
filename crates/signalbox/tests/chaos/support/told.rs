//! Everything that a broker has told of its clients, as its history has kept it.

use std::collections::BTreeMap;

use history::{History, HistoryConfig, Query};
use serde_json::Value;

use super::server::{Home, Server};

/// The identifiers of those who only look at what is told of the others.
pub(crate) const OBSERVERS: [&str; 2] = ["observer", "last"];

/// The records of the history, in the order in which things happened.
#[derive(Debug)]
pub(crate) struct Told(pub(crate) Vec<Value>);

impl Told {
    /// Stops the broker in order and reads its history.
    pub(crate) fn by(server: Server, home: &Home) -> Told {
        server.signal("TERM");
        Told::left_by(server, home)
    }

    /// Reads the history of a broker that was told to stop.
    pub(crate) fn left_by(server: Server, home: &Home) -> Told {
        let (status, log) = server.wait();
        assert!(status.success(), "{log}");
        let history = History::open(&home.path().join("data/history"), HistoryConfig::default()).unwrap();
        let mut query = Query { limit: Query::LIMIT_MAX, ..Query::default() };
        let mut records = Vec::new();
        loop {
            let page = history.query(&query).unwrap();
            let Some(last) = page.last() else { break };
            query.before = Some(last.position);
            records.extend(page.into_iter().map(|record| serde_json::from_str(&record.json).unwrap()));
        }
        records.reverse();
        Told(records)
    }

    /// The records with this name.
    pub(crate) fn all(&self, event: &str) -> Vec<&Value> {
        self.0.iter().filter(|record| record["event"] == event).collect()
    }

    /// The events of accepted connections of each client but the observer, in order.
    pub(crate) fn by_client(&self) -> BTreeMap<&str, Vec<&Value>> {
        let mut clients: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for event in self.0.iter().filter(|event| event["client_seq"].is_u64()) {
            let client = event["clientid"].as_str().unwrap();
            if !OBSERVERS.contains(&client) {
                clients.entry(client).or_default().push(event);
            }
        }
        clients
    }

    /// Checks that the numbers of all events rise by one, or that a gap says which are missing; and that those of each
    /// client rise by one from 1 on, in each of its epochs.
    pub(crate) fn assert_numbered(&self) {
        let mut last_seq = 0;
        for record in &self.0 {
            let is_gap = record["event"] == "gap";
            let (first, last) = if is_gap { ("first_seq", "last_seq") } else { ("seq", "seq") };
            assert_eq!(record[first], last_seq + 1, "{record}");
            last_seq = record[last].as_u64().unwrap();
        }
        for (client, events) in self.by_client() {
            let mut last = (0, 0);
            for event in events {
                let epoch = event["client_epoch"].as_u64().unwrap();
                assert!(epoch >= last.0, "{client}: {event}");
                let expected = if epoch == last.0 { last.1 + 1 } else { 1 };
                assert_eq!(event["client_seq"], expected, "{client}: {event}");
                last = (epoch, expected);
            }
        }
    }
}

/// The names of events.
pub(crate) fn names<'a>(events: &[&'a Value]) -> Vec<&'a str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}
