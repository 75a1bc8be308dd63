//! The rules of `tests/data/bench-rules.jsonl` beside EMQX's evaluator: from an event to its rows, and on to the JSON
//! text that actions send.
//!
//! `cargo bench -p sql --bench beside_emqx`; one thread, so a figure is per core. Like EMQX's figures these are of the
//! best slice of the time, which other work on the machine disturbs least.

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use bytestring::ByteString;
use events::{Body, Event, Kind, Map, Payload, Timestamp, Value};
use mimalloc::MiMalloc;
use sql::{Context, EventColumns, Query, Rows, Store};

/// The allocator of the binary, counting.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[expect(unsafe_code, reason = "an allocator is unsafe to write; this one only counts")]
// SAFETY: every call goes on to mimalloc as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // One thread: no need for an addition that others see whole.
        ALLOCATIONS.store(ALLOCATIONS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        // SAFETY: the caller keeps what `alloc` wants.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps what `dealloc` wants.
        unsafe { MiMalloc.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.store(ALLOCATIONS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        // SAFETY: the caller keeps what `realloc` wants.
        unsafe { MiMalloc.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const RULES: &str = include_str!("../tests/data/bench-rules.jsonl");

/// Whole rule runs a second and core of EMQX 6.3: its own modules with a parsed rule, without its broker, on the machine
/// that README.md names.
const EMQX: [(&str, f64); 6] = [
    ("i_connack", 140e3),
    ("ii_where_payload", 160e3),
    ("ii_no_match", 265e3),
    ("iii_foreach", 85e3),
    ("iv_star_funcs", 87e3),
    ("v_case_regex_map", 41e3),
];

/// How long each figure is measured, and the slices of that time.
const TIME: Duration = Duration::from_millis(1500);
const SLICE: Duration = Duration::from_millis(1);

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

/// The most runs a second in any slice.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn best_rate(mut run: impl FnMut()) -> f64 {
    let (begin, mut best, mut batch) = (Instant::now(), 0f64, 16u32);
    while begin.elapsed() < TIME {
        let start = Instant::now();
        (0..batch).for_each(|_| run());
        let taken = start.elapsed();
        best = best.max(f64::from(batch) / taken.as_secs_f64());
        if taken < SLICE {
            batch += batch / 4;
        } else if taken > 2 * SLICE {
            batch -= batch / 8;
        }
    }
    best
}

fn allocations(mut run: impl FnMut()) -> u64 {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    run();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

/// One evaluation: a frame of its own, so that a profiler can single it out.
#[inline(never)]
fn evaluate(query: &Query, event: &Event, ctx: &Context<'_>) -> Rows {
    query.eval(black_box(&EventColumns::new(event)), ctx).expect("the rules of the bench do not fail")
}

/// What ten rules over one message cost, measured in one rule over it: the payload is read once.
fn ten_rules(ctx: &Context<'_>) -> f64 {
    let (query, _) = Query::compile(r#"SELECT payload.unit AS unit FROM "t" WHERE payload.temp > 20"#)
        .expect("the rule of the bench is right");
    let event = Event::sample(Kind::MessagePublish);
    let run = |count: u32| {
        let columns = EventColumns::new(&event);
        (0..count).for_each(|_| drop(black_box(query.eval(&columns, ctx))));
    };
    best_rate(|| run(1)) / best_rate(|| run(10))
}

fn main() -> std::io::Result<()> {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let store = Store::new();
    let ctx = Context::new(Timestamp::SAMPLE, &store);
    let mut out = std::io::stdout().lock();
    writeln!(out, "rule              EMQX/s  rows/s  times  allocations  as JSON/s  times")?;
    for line in RULES.lines() {
        let rule: serde_json::Value = serde_json::from_str(line).expect("the file is made of JSON lines");
        let text = |name: &str| rule[name].as_str().expect("every rule has an id and a text");
        let Some((id, emqx)) = EMQX.into_iter().find(|(id, _)| *id == text("id") && id.contains(&filter)) else {
            continue;
        };
        let Value::Map(context) = Value::from_json(&rule["context"]) else { unreachable!("a context is a map") };
        let event = event_of(&context);
        let (query, _) = Query::compile(text("sql")).expect("the rules of the bench are right");
        let rows = best_rate(|| drop(evaluate(&query, &event, &ctx)));
        let allocations = allocations(|| drop(evaluate(&query, &event, &ctx)));
        let mut json = String::new();
        let written = best_rate(|| {
            json.clear();
            evaluate(&query, &event, &ctx).into_vec().iter().for_each(|row| row.write_json(&mut json));
            black_box(&json);
        });
        writeln!(
            out,
            "{id:17} {:5.0}k {:6.0}k {:5.1}x {allocations:12} {:9.0}k {:5.1}x",
            emqx / 1e3,
            rows / 1e3,
            rows / emqx,
            written / 1e3,
            written / emqx
        )?;
    }
    if filter.is_empty() {
        writeln!(out, "ten rules over the payload of one message cost {:.1} times one", ten_rules(&ctx))?;
    }
    Ok(())
}
