//! An engine with a clock that tests turn, and actions that keep what they are given.

#![allow(dead_code, reason = "every test file uses a part of it")]

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engine::{
    Action, ActionError, ActionFactory, ActionSpec, BoxFuture, Clock, ConfigError, Engine, EngineConfig, Outcome,
    Output, Preview, PreviewPart, Via, template,
};
use events::{Body, ClientConnack, Event, EventId, Kind, MessagePublish, Payload, Timestamp};
use parking_lot::Mutex;
use tokio::sync::watch;

/// What every action of a test has been given, and what it shall answer.
#[derive(Clone, Default)]
pub(crate) struct Desk {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// `action: row` of everything that was delivered.
    delivered: watch::Sender<Vec<String>>,
    /// What the next sends are answered; `Delivered` when it is empty.
    answers: Mutex<VecDeque<Outcome>>,
    /// How many batches came.
    sends: watch::Sender<usize>,
}

impl Desk {
    /// Lets the next sends be answered so.
    pub(crate) fn answer(&self, answers: impl IntoIterator<Item = Outcome>) {
        self.inner.answers.lock().extend(answers);
    }

    /// Everything that was delivered so far.
    pub(crate) fn delivered(&self) -> Vec<String> {
        self.inner.delivered.borrow().clone()
    }

    /// Waits until `len` outputs have been delivered, and tells them.
    pub(crate) async fn wait_for(&self, len: usize) -> Vec<String> {
        let mut delivered = self.inner.delivered.subscribe();
        let wait = delivered.wait_for(|delivered| delivered.len() >= len);
        let result = tokio::time::timeout(Duration::from_secs(60), wait).await;
        match result {
            Ok(Ok(delivered)) => delivered.clone(),
            Ok(Err(_)) | Err(_) => panic!("expected {len} outputs, found {:?}", self.delivered()),
        }
    }

    /// Waits until `count` batches have been offered.
    pub(crate) async fn wait_for_sends(&self, count: usize) {
        let mut sends = self.inner.sends.subscribe();
        let wait = sends.wait_for(|sends| *sends >= count);
        tokio::time::timeout(Duration::from_secs(60), wait).await.expect("the batches come").expect("the desk lives");
    }
}

/// Takes the kind `record` and the connectors `desk` and `other`, with the options `topic` (a template) and `tag`.
impl ActionFactory for Desk {
    fn build(&self, spec: &ActionSpec<'_>) -> Result<Box<dyn Action>, Vec<ConfigError>> {
        let mut errors = Vec::new();
        match spec.via {
            Via::Kind("record") | Via::Connector("desk" | "other") => {}
            Via::Kind(kind) => errors.push(ConfigError::unknown_key(&[kind], &["record"])),
            Via::Connector(name) => errors.push(ConfigError::at(&["connector"], format!("no connector `{name}`"))),
        }
        let (mut tag, mut topic) = (String::new(), None);
        for (key, value) in spec.options {
            match (key.as_str(), value) {
                ("tag", toml::Value::String(text)) => tag.clone_from(text),
                ("topic", toml::Value::String(text)) => match template::Template::compile(text) {
                    Ok(template) => {
                        let wrong = template.check(spec.output_fields, &Output::NAMES);
                        errors.extend(wrong.into_iter().map(|wrong| ConfigError::of_template(&["topic"], wrong)));
                        topic = Some(template);
                    }
                    Err(wrong) => {
                        errors.extend(wrong.into_iter().map(|wrong| ConfigError::of_template(&["topic"], wrong)));
                    }
                },
                ("tag" | "topic", _) => errors.push(ConfigError::at(&[key], format!("expected text for `{key}`"))),
                (key, _) => errors.push(ConfigError::unknown_key(&[key], &["topic", "tag"])),
            }
        }
        if errors.is_empty() { Ok(Box::new(Recorder { desk: self.clone(), tag, topic })) } else { Err(errors) }
    }
}

struct Recorder {
    desk: Desk,
    tag: String,
    topic: Option<template::Template>,
}

impl Action for Recorder {
    fn kind(&self) -> &'static str {
        "record"
    }

    fn topic(&self) -> Option<&template::Template> {
        self.topic.as_ref()
    }

    fn send<'a>(&'a self, batch: &'a [Output]) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let answer = self.desk.inner.answers.lock().pop_front();
            self.desk.inner.sends.send_modify(|sends| *sends += 1);
            let outcome = answer.unwrap_or(Outcome::Delivered);
            match &outcome {
                Outcome::Rejected { reason, .. } if reason == "panic" => panic!("as asked"),
                Outcome::Rejected { reason, .. } if reason == "hang" => std::future::pending().await,
                Outcome::Delivered => self.desk.inner.delivered.send_modify(|delivered| {
                    delivered.extend(
                        batch.iter().map(|output| format!("{}{}: {}", output.action, self.tag, output.row.to_json())),
                    );
                }),
                Outcome::Retry { .. } | Outcome::Rejected { .. } | Outcome::PerItem(_) => {}
            }
            outcome
        })
    }

    fn preview(&self, output: &Output) -> Preview {
        Preview { parts: vec![PreviewPart::constant("row", output.row.to_json())], rejected: None }
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(async { Err(ActionError::new("nobody is there")) })
    }
}

/// The time of tokio, which a test can turn, as the engine wants it.
#[expect(clippy::disallowed_methods, reason = "the clock of the tests")]
pub(crate) fn clock() -> Clock {
    let start = tokio::time::Instant::now();
    Arc::new(move || {
        let passed = start.elapsed().as_millis();
        Timestamp(Timestamp::SAMPLE.0 + i64::try_from(passed).expect("a test is short"))
    })
}

/// An engine whose actions hand everything to the desk.
pub(crate) fn engine() -> (Engine, Desk) {
    let desk = Desk::default();
    (Engine::new(EngineConfig::default(), Arc::new(desk.clone()), clock()), desk)
}

/// Writes a rule file.
pub(crate) fn write(dir: &Path, id: &str, text: &str) {
    std::fs::write(dir.join(format!("{id}.sql")), text).expect("the directory of the test can be written");
}

/// A message to `topic`.
pub(crate) fn message(topic: &str, payload: &'static str) -> Event {
    let message =
        MessagePublish { topic: topic.into(), payload: Payload(payload.as_bytes().into()), ..MessagePublish::sample() };
    Event { body: Body::MessagePublish(message), ..Event::sample(Kind::MessagePublish) }
}

/// A successful CONNACK of `client`, the `number`th event.
pub(crate) fn connack(client: &str, number: u128) -> Event {
    let body = Body::ClientConnack(ClientConnack { clientid: client.into(), ..ClientConnack::sample() });
    let mut event = Event::sample(Kind::ClientConnack);
    event.head.event_id = EventId(number);
    event.body = body;
    event
}
