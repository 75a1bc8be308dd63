//! How many outputs a second a buffer on disk takes and gives up again: a rule runs on a message, its output of 250 bytes is
//! written and synced, sent to an action that takes it at once, and noted to be off.
//!
//! `cargo bench -p engine --bench disk_buffer`, on the disk of the folder for temporary files. At least 150,000 a second
//! are asked for.

mod swallow;

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{Engine, EngineConfig, Ledger};
use events::{Body, Event, EventId, Kind, MessagePublish, Payload, Timestamp};

use swallow::Swallow;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const OUTPUTS: u32 = 500_000;
const ROUNDS: usize = 5;

const RULE: &str = "/*---\nrequire = \"buffered\"\n\n[[actions]]\nname = \"out\"\nswallow = { }\n\
    buffer = { kind = \"disk\", max_len = 10_000_000, max_bytes = \"4GiB\" }\nbatch = { size = 500 }\n---*/\n\
    SELECT clientid, payload FROM \"plant/#\"";

/// What one round has taken until everything was on disk, and until everything was delivered as well.
struct Round {
    on_disk: Duration,
    delivered: Duration,
    bytes: u64,
}

fn event(number: u32) -> Event {
    let payload = Payload(format!("{number:010} {}", "x".repeat(154)).into_bytes().into());
    let message = MessagePublish { topic: "plant/7/temp".into(), payload, ..MessagePublish::sample() };
    let mut event = Event { body: Body::MessagePublish(message), ..Event::sample(Kind::MessagePublish) };
    event.head.event_id = EventId(u128::from(number));
    event
}

fn ledger(engine: &Engine) -> (Ledger, u64) {
    let rule = engine.rule("bench").expect("the rule of the bench");
    let action = rule.actions.first().expect("its action");
    (action.ledger, action.disk_bytes)
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
async fn round(events: &[Event]) -> Round {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(dir.path().join("rules")).expect("the directory can be written");
    std::fs::write(dir.path().join("rules/bench.sql"), RULE).expect("the directory can be written");
    let config = EngineConfig { data_dir: Some(dir.path().join("data")), ..EngineConfig::default() };
    let engine = Engine::new(config, Arc::new(Swallow), Arc::new(|| Timestamp::SAMPLE));
    let report = engine.load_dir(dir.path().join("rules")).expect("the directory can be read");
    assert_eq!(report.taken_up.len(), 1, "the rule is right");
    let start = Instant::now();
    let mut last = None;
    for event in events {
        last = engine.on_publish(event, 0);
    }
    let pushed_bytes = ledger(&engine).1;
    last.expect("publishers wait").await;
    let on_disk = start.elapsed();
    while ledger(&engine).0.delivered < u64::from(OUTPUTS) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let delivered = start.elapsed();
    assert!(ledger(&engine).0.balances(), "the ledger balances");
    assert_eq!(engine.shutdown(Duration::from_secs(10)).await, 0, "nothing is given up");
    Round { on_disk, delivered, bytes: pushed_bytes }
}

fn main() -> std::io::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let events: Vec<Event> = (0..OUTPUTS).map(event).collect();
    let mut rounds: Vec<Round> = (0..ROUNDS).map(|_| runtime.block_on(round(&events))).collect();
    rounds.sort_by_key(|round| round.on_disk);
    let per_s = |time: Duration| f64::from(OUTPUTS) / time.as_secs_f64();
    let mut out = std::io::stdout().lock();
    for (what, Round { on_disk, delivered, bytes }) in [("best", &rounds[0]), ("median", &rounds[ROUNDS / 2])] {
        writeln!(
            out,
            "disk buffer, {what} of {ROUNDS} rounds of {OUTPUTS} outputs: {:.0} a second on disk, {:.0} a second delivered \
             as well, {} bytes of disk an output",
            per_s(*on_disk),
            per_s(*delivered),
            bytes / u64::from(OUTPUTS)
        )?;
    }
    Ok(())
}
