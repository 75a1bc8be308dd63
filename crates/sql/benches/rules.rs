//! Whole evaluations of the rules of `tests/data/bench-rules.jsonl`: a row from an event as it comes from the broker,
//! and from a context of JSON.
//!
//! `cargo bench -p sql`; one thread, so a figure is per core.

use std::hint::black_box;

use bytes::Bytes;
use bytestring::ByteString;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use events::{Body, Event, Kind, Map, Payload, Timestamp, Value};
use sql::{Columns, Context, EventColumns, Query, Rows, Store};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RULES: &str = include_str!("../tests/data/bench-rules.jsonl");

/// A rule with what it is evaluated over.
struct Rule {
    id: String,
    sql: String,
    context: Map,
    event: Event,
}

fn rules() -> Vec<Rule> {
    RULES
        .lines()
        .map(|line| {
            let json: serde_json::Value = serde_json::from_str(line).expect("the file is made of JSON lines");
            let text = |name: &str| json[name].as_str().expect("every rule has an id and a text").to_owned();
            let Value::Map(context) = Value::from_json(&json["context"]) else { unreachable!("a context is a map") };
            Rule { id: text("id"), sql: text("sql"), event: event_of(&context), context: (*context).clone() }
        })
        .collect()
}

/// The event that a context tells of.
fn event_of(context: &Map) -> Event {
    let text = |name: &str| ByteString::from(context.get(name).and_then(Value::as_text).unwrap_or_default());
    let kind = if &*text("event") == "client.connack" { Kind::ClientConnack } else { Kind::MessagePublish };
    let mut event = Event::sample(kind);
    if let Body::ClientConnack(connack) = &mut event.body {
        connack.clientid = text("clientid");
        connack.username = Some(text("username"));
    } else if let Body::MessagePublish(publish) = &mut event.body {
        publish.clientid = text("clientid");
        publish.username = Some(text("username"));
        publish.topic = text("topic");
        publish.payload = Payload(Bytes::from(text("payload").to_string()));
    }
    event
}

/// One evaluation, its rows dropped: a frame of its own, so that a profiler can single it out.
#[inline(never)]
fn evaluate(query: &Query, columns: &dyn Columns, ctx: &Context<'_>) -> Rows {
    query.eval(black_box(columns), ctx).expect("the rules of the bench do not fail")
}

fn bench(criterion: &mut Criterion) {
    let store = Store::new();
    let ctx = Context::new(Timestamp::SAMPLE, &store);
    let rules = rules();
    let mut group = criterion.benchmark_group("event");
    group.throughput(Throughput::Elements(1));
    for rule in &rules {
        let (query, _) = Query::compile(&rule.sql).expect("the rules of the bench are right");
        group.bench_function(&rule.id, |bencher| {
            bencher.iter(|| evaluate(&query, &EventColumns::new(&rule.event), &ctx));
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("context");
    group.throughput(Throughput::Elements(1));
    for rule in &rules {
        let (query, _) = Query::compile_open(&rule.sql).expect("the rules of the bench are right");
        group.bench_function(&rule.id, |bencher| bencher.iter(|| evaluate(&query, &rule.context, &ctx)));
    }
    group.finish();
    let mut group = criterion.benchmark_group("compile");
    for rule in &rules {
        group.bench_function(&rule.id, |bencher| bencher.iter(|| Query::compile(black_box(&rule.sql))));
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
