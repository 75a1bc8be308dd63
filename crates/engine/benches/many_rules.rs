//! What many rules cost: the time and memory to take up 10,000 rule files, and what 1,000 rules on other topics cost the
//! publisher of a message that one of them wants.
//!
//! `cargo bench -p engine --bench many_rules`. The times are those of the best slice, which other work disturbs least.

mod swallow;

use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{Engine, EngineConfig};
use events::{Body, Event, Kind, MessagePublish, Timestamp};

use swallow::Swallow;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An engine with `count` rules, the `n`th of which listens to `plant/n/` and what follows it in `filter`; and how long
/// it took to take them up.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn engine_with(count: usize, filter: &str) -> (Engine, Duration) {
    let dir = tempfile::tempdir().expect("a directory for the rules");
    for n in 0..count {
        let text = format!(
            "/*---\ndescription = \"Rule {n}\"\n\n[[actions]]\nname = \"out\"\nswallow = {{ }}\n---*/\n\
             SELECT clientid, payload.temp AS temp, now_rfc3339() AS at FROM \"plant/{n}/{filter}\" WHERE payload.temp > 30"
        );
        std::fs::write(dir.path().join(format!("r{n}.sql")), text).expect("the directory can be written");
    }
    let engine = Engine::new(EngineConfig::default(), Arc::new(Swallow), Arc::new(|| Timestamp::SAMPLE));
    let start = Instant::now();
    let report = engine.load_dir(dir.path()).expect("the directory can be read");
    let taken = start.elapsed();
    let refused: String = report.refused.iter().take(1).map(|refused| refused.rendered.clone()).collect();
    assert_eq!(report.taken_up.len(), count, "{refused}");
    (engine, taken)
}

/// The least time of one run in any slice.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn best_time(mut run: impl FnMut()) -> Duration {
    const BATCH: u32 = 500;
    let (begin, mut best) = (Instant::now(), Duration::MAX);
    while begin.elapsed() < Duration::from_secs(2) {
        let start = Instant::now();
        (0..BATCH).for_each(|_| run());
        best = best.min(start.elapsed() / BATCH);
    }
    best
}

/// The memory of this process, in bytes, where the system tells.
fn resident_bytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<usize>().ok()? * 1024)
}

fn main() -> std::io::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let _guard = runtime.enter();
    let mut out = std::io::stdout().lock();

    let message = MessagePublish { topic: "plant/0/temp".into(), ..MessagePublish::sample() };
    let event = Event { body: Body::MessagePublish(message), ..Event::sample(Kind::MessagePublish) };
    let publish = |count, filter| {
        let (engine, _) = engine_with(count, filter);
        best_time(|| {
            if engine.wants_topic(black_box("plant/0/temp")) {
                engine.on_event(black_box(&event), 0);
            }
        })
    };
    for (count, filter) in [(0, "temp"), (1000, "pressure"), (1000, "pressure/#")] {
        writeln!(out, "publish that none of {count} rules on `{filter}` wants: {:?}", publish(count, filter))?;
    }
    for (filter, what) in [("temp", "topics"), ("+", "filters")] {
        let (one, thousand) = (publish(1, filter), publish(1000, filter));
        let times = thousand.as_secs_f64() / one.as_secs_f64();
        writeln!(
            out,
            "publish to 1 of 1000 rules on disjoint {what}: {thousand:?}, to 1 rule: {one:?}, {times:.2} times"
        )?;
    }

    let before = resident_bytes();
    let (engine, taken) = engine_with(10_000, "temp");
    writeln!(out, "10000 rules taken up in {taken:?}")?;
    if let (Some(before), Some(after)) = (before, resident_bytes()) {
        writeln!(out, "{} bytes of memory for each", (after.saturating_sub(before)) / 10_000)?;
    }
    drop(engine);
    Ok(())
}
