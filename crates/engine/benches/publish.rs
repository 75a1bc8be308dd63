//! What rules cost the publisher of a message: a thousand rules on other topics must cost about what one costs.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use engine::{
    Action, ActionError, ActionFactory, ActionSpec, BoxFuture, ConfigError, Engine, EngineConfig, Outcome, Output,
    Preview, PreviewPart,
};
use events::{Body, Event, Kind, MessagePublish, Timestamp};

/// Takes everything at once.
struct Swallow;

impl Action for Swallow {
    fn kind(&self) -> &'static str {
        "swallow"
    }

    fn send<'a>(&'a self, _batch: &'a [Output]) -> BoxFuture<'a, Outcome> {
        Box::pin(async { Outcome::Delivered })
    }

    fn preview(&self, output: &Output) -> Preview {
        Preview { parts: vec![PreviewPart::constant("row", output.row.to_json())], rejected: None }
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(async { Ok(()) })
    }
}

impl ActionFactory for Swallow {
    fn build(&self, _spec: &ActionSpec<'_>) -> Result<Box<dyn Action>, Vec<ConfigError>> {
        Ok(Box::new(Swallow))
    }
}

/// An engine with `count` rules, the `n`th of which listens to `filter` with `n` in the place of `{}`.
fn engine_with(count: usize, filter: &str) -> Engine {
    let dir = tempfile::tempdir().expect("a directory for the rules");
    for n in 0..count {
        let filter = filter.replace("{}", &n.to_string());
        let text = format!("/*---\n[[actions]]\nswallow = {{}}\n---*/\nSELECT topic, qos FROM \"{filter}\"");
        std::fs::write(dir.path().join(format!("r{n}.sql")), text).expect("the directory can be written");
    }
    let engine = Engine::new(EngineConfig::default(), Arc::new(Swallow), Arc::new(|| Timestamp::SAMPLE));
    let report = engine.load_dir(dir.path()).expect("the directory can be read");
    assert_eq!(report.taken_up.len(), count);
    engine
}

fn publish(c: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let _guard = runtime.enter();
    let message = MessagePublish { topic: "plant/0/temp".into(), ..MessagePublish::sample() };
    let event = Event { body: Body::MessagePublish(message), ..Event::sample(Kind::MessagePublish) };
    for (name, count, filter) in [
        ("no rules", 0, ""),
        ("1 rule on another topic", 1, "other/{}/temp"),
        ("1000 rules on other topics", 1000, "other/{}/temp"),
        ("1000 rules on other filters", 1000, "other/{}/+/#"),
    ] {
        let engine = engine_with(count, filter);
        c.bench_function(&format!("publish nobody wants: {name}"), |b| {
            b.iter(|| black_box(engine.wants_topic(black_box("plant/0/temp"))));
        });
    }
    for (name, count, filter) in [
        ("1 rule", 1, "plant/{}/temp"),
        ("one of 1000 rules", 1000, "plant/{}/temp"),
        ("one of 1000 filters", 1000, "plant/{}/+"),
    ] {
        let engine = engine_with(count, filter);
        c.bench_function(&format!("publish to {name}"), |b| b.iter(|| engine.on_event(black_box(&event), 0)));
    }
}

criterion_group!(benches, publish);
criterion_main!(benches);
