//! What it costs to find the receivers of a message, to subscribe, and to keep a message.
//!
//! `cargo bench -p broker --bench routing`. One iteration is one message, unless the name says otherwise.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use broker::router::{Granted, Retained, RetainedMessage, Router, Subscriber, SubscriberKey};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use mqtt::Filter;

/// Stands for the handle of a session.
type Target = Arc<u64>;

fn subscribe(router: &Router<Target>, filter: &str, key: u64) {
    let filter = Filter::parse(filter).expect("the benches' filters are well-formed");
    let subscriber = Subscriber { key: SubscriberKey(key), target: Arc::new(key), granted: Granted::default() };
    router.subscribe(&filter, subscriber);
}

fn router(filters: impl IntoIterator<Item = String>) -> Router<Target> {
    let router = Router::new();
    for (key, filter) in (0..).zip(filters) {
        subscribe(&router, &filter, key);
    }
    router
}

fn route(router: &Router<Target>, topic: &str) -> u64 {
    let mut sum = 0;
    router.route(black_box(topic), Some(SubscriberKey(0)), |_| true, |delivery| sum += delivery.key.0);
    sum
}

fn each(pattern: &'static str, count: u32) -> impl Iterator<Item = String> {
    (0..count).map(move |number| pattern.replace('N', &number.to_string()))
}

fn to_one(c: &mut Criterion) {
    let mut group = c.benchmark_group("to one");
    let topic = "devices/77777/commands/reboot";
    let commands = "devices/N/commands/reboot";
    let cases = [
        ("of 100,000 topics", router(each(commands, 100_000))),
        ("of 100,000 topics beside 1,000 wildcards", router(each(commands, 100_000).chain(each("sites/N/+", 1_000)))),
        ("of 100,000 filters with #", router(each("devices/N/#", 100_000))),
        ("of 100,000 filters with +", router(each("devices/N/+/reboot", 100_000))),
    ];
    for (name, router) in &cases {
        assert!(router.has_subscriber(topic));
        group.bench_function(*name, |b| b.iter(|| route(router, topic)));
    }
    group.bench_function("nobody, 100,000 topics", |b| b.iter(|| route(&cases[0].1, "devices/77777/state")));
    group.bench_function("nobody, 100,000 filters with +", |b| b.iter(|| route(&cases[3].1, "devices/77777/state")));
    let shared = router(each("s", 0));
    for key in 0..10 {
        subscribe(&shared, "$share/workers/devices/+/commands/#", key);
    }
    group.bench_function("of a group of 10", |b| b.iter(|| route(&shared, topic)));
    group.finish();
}

fn to_many(c: &mut Criterion) {
    let mut group = c.benchmark_group("to many");
    let alone = router(each("news", 200));
    group.bench_function("200", |b| b.iter(|| route(&alone, "news")));
    let overlapped = router(each("news", 200).chain(["#".to_owned()]));
    group.bench_function("200 and #", |b| b.iter(|| route(&overlapped, "news")));
    let twice = router(each("news", 200));
    for key in 0..200 {
        subscribe(&twice, "+", key);
    }
    group.bench_function("200 who subscribed twice", |b| b.iter(|| route(&twice, "news")));
    group.finish();
}

/// The same message while a second core routes too: what one takes from the other.
fn two_publishers(c: &mut Criterion) {
    let mut group = c.benchmark_group("beside a second publisher");
    let topics = router(each("devices/N/commands", 10_000));
    let filters = router(each("devices/N/#", 10_000));
    for (name, router, other) in [
        ("to another topic", &topics, "devices/2/commands"),
        ("to the same topic", &topics, "devices/1/commands"),
        ("to another topic, wildcards", &filters, "devices/2/commands"),
        ("to the same topic, wildcards", &filters, "devices/1/commands"),
    ] {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    black_box(route(router, other));
                }
            });
            group.bench_function(name, |b| b.iter(|| route(router, "devices/1/commands")));
            done.store(true, Ordering::Relaxed);
        });
    }
    group.finish();
}

fn subscriptions(c: &mut Criterion) {
    let mut group = c.benchmark_group("10,000 subscriptions");
    group.sample_size(10);
    for (name, pattern) in [
        ("to one topic", "news"),
        ("to one filter", "news/#"),
        ("to a topic each", "devices/N/commands"),
        ("to a filter each", "devices/N/#"),
    ] {
        let filters: Vec<Filter> = each(pattern, 10_000)
            .map(|text| Filter::parse(text).expect("the benches' filters are well-formed"))
            .collect();
        let target = Arc::new(0);
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                Router::new,
                |router| {
                    for (key, filter) in (0..).zip(&filters) {
                        let target = Arc::clone(&target);
                        router.subscribe(
                            filter,
                            Subscriber { key: SubscriberKey(key), target, granted: Granted::default() },
                        );
                    }
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn retained(c: &mut Criterion) {
    let mut group = c.benchmark_group("retained");
    let store = Retained::default();
    let message = |expires_at_ms| RetainedMessage { message: Arc::new(0u64), bytes: 100, expires_at_ms };
    let topics: Vec<String> = each("sites/7/devices/N/state", 100_000).collect();
    for topic in &topics {
        store.insert(topic, message(None), 0).expect("100,000 are fewer than the limit");
    }
    group.bench_function("replace one of 100,000", |b| {
        b.iter(|| store.insert(black_box(&topics[77_777]), message(None), 0))
    });
    group.bench_function("replace one that expires", |b| {
        b.iter(|| store.insert(black_box("sites/8/state"), message(Some(1_000)), 0));
    });
    let count = |filter: &str| {
        let mut count = 0u32;
        store.lookup(black_box(filter), 0, |_| {
            count += 1;
            ControlFlow::Continue(())
        });
        count
    };
    assert_eq!(count("sites/7/devices/77777/#"), 1);
    group.bench_function("look one up", |b| b.iter(|| count("sites/7/devices/77777/#")));
    group.sample_size(10);
    group.bench_function("look 100,000 up", |b| b.iter(|| count("sites/+/devices/+/state")));
    group.finish();
}

criterion_group!(benches, to_one, to_many, two_publishers, subscriptions, retained);
criterion_main!(benches);
