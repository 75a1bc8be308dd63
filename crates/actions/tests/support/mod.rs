//! What the tests of this crate share.

pub(crate) mod authority;
pub(crate) mod http_server;
pub(crate) mod mosquitto;
#[expect(dead_code, reason = "shared with the fault test, which uses more of it")]
pub(crate) mod postgres;
#[path = "../../src/test_row.rs"]
mod test_row;

use std::io::Write;
use std::sync::{Arc, Mutex};

use actions::{Connectors, Console, Registry};
use bytestring::ByteString;
use engine::{
    Action, ActionFactory as _, ActionSpec, ConfigError, ItemOutcome, Outcome, Output, PublishRefused, PublishRequest,
    Publisher, Via,
};
use events::{EventId, Timestamp, Type, Value};

use test_row::Row;

/// A registry, what it publishes, and what it prints.
pub(crate) struct World {
    pub(crate) registry: Registry,
    pub(crate) published: Arc<Published>,
    pub(crate) printed: Printed,
}

/// Keeps what is published.
#[derive(Debug, Default)]
pub(crate) struct Published(Mutex<Vec<PublishRequest>>);

impl Published {
    pub(crate) fn take(&self) -> Vec<PublishRequest> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Publisher for Published {
    fn publish(&self, message: PublishRequest) -> Result<(), PublishRefused> {
        self.0.lock().unwrap().push(message);
        Ok(())
    }
}

/// Keeps what is printed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl World {
    /// With the connectors of a configuration: the tables below `[connectors]`.
    pub(crate) fn new(connectors: &str) -> World {
        let connectors = Connectors::read(&connectors.parse().unwrap()).unwrap();
        let (published, printed) = (Arc::new(Published::default()), Printed::default());
        let publisher: Arc<dyn Publisher> = Arc::<Published>::clone(&published);
        World { registry: Registry::new(connectors, publisher, Console::new(printed.clone())), published, printed }
    }

    /// With one connector, named `there`.
    pub(crate) fn with_connector(options: &str) -> World {
        World::new(&format!("[there]\n{options}"))
    }

    pub(crate) fn try_action(&self, via: Via<'_>, options: &str) -> Result<Box<dyn Action>, Vec<ConfigError>> {
        let options: toml::Table = options.parse().unwrap();
        let fields: Vec<(ByteString, Type)> = [
            ("clientid", Type::Text),
            ("username", Type::Text),
            ("reason_code", Type::Text),
            ("timestamp", Type::Timestamp),
            ("value", Type::Any),
        ]
        .map(|(name, kind)| (name.into(), kind))
        .into();
        self.registry.build(&ActionSpec {
            rule: "connack",
            name: "action",
            via,
            options: &options,
            output_fields: Some(&fields),
        })
    }

    /// An action of the connector `there`.
    pub(crate) fn action(&self, options: &str) -> Box<dyn Action> {
        self.try_action(Via::Connector("there"), options).unwrap_or_else(|errors| panic!("{errors:?}"))
    }
}

/// The row of the first rule, for the client `clientid`.
pub(crate) fn connack(clientid: &str) -> String {
    format!(r#"{{"clientid":"{clientid}","username":"u_emqx","reason_code":"success","timestamp":1645003578856}}"#)
}

/// Output number `n`, with the row that `json` says.
pub(crate) fn output(n: u32, json: &str) -> Output {
    let Row(row) = serde_json::from_str(json).unwrap();
    let client_id = row.get("clientid").and_then(Value::as_text).map(Into::into);
    Output {
        row: Arc::new(row),
        event_id: EventId(u128::from(n)),
        rule: "connack".into(),
        action: "action".into(),
        row_number: 0,
        client_id,
        trigger: "$events/client_connack".into(),
        hops: 0,
        created: Timestamp::SAMPLE,
    }
}

/// What became of every output of a batch.
pub(crate) fn items(outcome: Outcome, len: usize) -> Vec<ItemOutcome> {
    let one = match outcome {
        Outcome::PerItem(items) => {
            assert_eq!(items.len(), len, "every output has an outcome");
            return items;
        }
        Outcome::Delivered => ItemOutcome::Delivered,
        Outcome::Retry { class, reason, after } => ItemOutcome::Retry { class, reason, after },
        Outcome::Rejected { class, reason } => ItemOutcome::Rejected { class, reason },
    };
    vec![one; len]
}

/// `delivered`, `retry: ...`, `rejected: ...`.
pub(crate) fn words(outcome: Outcome, len: usize) -> Vec<String> {
    let word = |item: ItemOutcome| match item {
        ItemOutcome::Delivered => "delivered".to_owned(),
        ItemOutcome::Retry { reason, .. } => format!("retry: {reason}"),
        ItemOutcome::Rejected { reason, .. } => format!("rejected: {reason}"),
    };
    items(outcome, len).into_iter().map(word).collect()
}

/// Sends what is to be tried again until all is decided, as the buffer of the engine does.
pub(crate) async fn send_until_decided(action: &dyn Action, batch: &[Output]) -> Vec<String> {
    let mut said = words(action.send(batch).await, batch.len());
    while said.iter().any(|said| said.starts_with("retry: ")) {
        // As the engine waits between attempts: a loop that tries for the port of a server that is away gets it for itself.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let open: Vec<usize> = (0..batch.len()).filter(|&at| said[at].starts_with("retry: ")).collect();
        let again: Vec<Output> = open.iter().map(|&at| batch[at].clone()).collect();
        let answers = words(action.send(&again).await, again.len());
        for (at, answer) in open.into_iter().zip(answers) {
            said[at] = answer;
        }
    }
    said
}

/// Sends as the buffer of the engine does: a batch that is rejected as a whole is offered again in halves.
pub(crate) async fn send_bisected(action: &dyn Action, batch: &[Output]) -> Vec<String> {
    let mut waiting = vec![batch];
    let mut said = Vec::new();
    while let Some(batch) = waiting.pop() {
        let outcome = action.send(batch).await;
        if matches!(outcome, Outcome::Rejected { .. }) && batch.len() > 1 {
            let (left, right) = batch.split_at(batch.len() / 2);
            waiting.extend([right, left]);
        } else {
            said.extend(words(outcome, batch.len()));
        }
    }
    said
}
