//! One publisher of the largest packets beside very many of small ones.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::task::JoinSet;

use crate::support::client::Client;
use crate::support::number;
use crate::support::process::raise_open_files;
use crate::support::server::Home;

/// What is left of 1 MiB for the payload: the packet has a header of 4 bytes, the topic, and its identifier.
const PAYLOAD_LEN: usize = (1 << 20) - 4 - (2 + LARGE.len()) - 2;
const LARGE: &str = "large";

/// What all small publishers together have done before a large packet is through, at least. Measured: 30 to 340. A broker
/// that went on with who sends most would come to less than one.
const SMALL_FOR_LARGE_MIN: usize = 5;

/// Publishes one message after the other until the large ones are through; counts those that are acknowledged.
async fn publish_small(mut publisher: Client, is_over: Arc<AtomicBool>, done: Arc<AtomicUsize>) -> (String, usize) {
    let topic = format!("small/{}", publisher.id);
    let mut count = 0;
    while !is_over.load(Ordering::Relaxed) {
        publisher.publish_acknowledged(&topic, count.to_string().as_bytes()).await;
        count += 1;
        done.store(count, Ordering::Relaxed);
    }
    (topic, count)
}

/// Reads messages of the small publishers until the last one of all, and returns how many each topic had; those of one
/// publisher come in order and without a hole.
async fn read_small(broker: SocketAddr) -> JoinSet<HashMap<String, usize>> {
    let mut reader = Client::connect(broker, "reader of small").await;
    reader.subscribe("small/#").await;
    let mut reading = JoinSet::new();
    reading.spawn(async move {
        let mut counts: HashMap<String, usize> = HashMap::new();
        loop {
            let (topic, payload) = reader.next_message().await;
            if payload == b"end" {
                return counts;
            }
            let count = counts.entry(topic.clone()).or_default();
            assert_eq!(String::from_utf8(payload).unwrap(), count.to_string(), "{topic}");
            *count += 1;
        }
    });
    reading
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_of_the_largest_packets_holds_nobody_up() {
    let publishers_count = number("CHAOS_PUBLISHERS", 50);
    let large_count = number("CHAOS_LARGE", 50);
    raise_open_files();
    let home = Home::new().with_config("[limits]\nqueue_len_max = 10_000_000\nqueue_bytes_max = 4_000_000_000\n");
    let server = home.serve();
    let mut large_reader = Client::connect(server.mqtt, "reader of large").await;
    large_reader.subscribe(LARGE).await;
    let mut small_reading = read_small(server.mqtt).await;
    let mut large = Client::connect(server.mqtt, "publisher of large").await;

    let mut publishers = Vec::new();
    for at in 0..publishers_count {
        publishers.push(Client::connect(server.mqtt, &format!("publisher-{at}")).await);
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let done: Vec<Arc<AtomicUsize>> = publishers.iter().map(|_| Arc::default()).collect();
    let mut small = JoinSet::new();
    for (publisher, done) in publishers.into_iter().zip(&done) {
        small.spawn(publish_small(publisher, Arc::clone(&is_over), Arc::clone(done)));
    }
    let counts_now = || done.iter().map(|done| done.load(Ordering::Relaxed)).collect::<Vec<usize>>();
    let before = counts_now();

    // As much as the connection takes: it waits for no acknowledgement.
    let flood = tokio::task::spawn(async move {
        for number in 0..large_count {
            let mut payload = format!("{number:08}").into_bytes();
            payload.resize(PAYLOAD_LEN, b'x');
            large.publish(LARGE, &payload).await;
        }
        large
    });
    for number in 0..large_count {
        let (_, payload) = large_reader.next_message().await;
        assert!(payload.starts_with(format!("{number:08}").as_bytes()) && payload.len() == PAYLOAD_LEN, "{number}");
    }
    let meanwhile: Vec<usize> = counts_now().iter().zip(before).map(|(after, before)| after - before).collect();
    is_over.store(true, Ordering::Relaxed);
    let mut large = flood.await.unwrap();

    let counts: HashMap<String, usize> = small.join_all().await.into_iter().collect();
    large_reader.publish_acknowledged("small/end", b"end").await;
    assert_eq!(small_reading.join_next().await.unwrap().unwrap(), counts);
    large.assert_acknowledged().await;

    let (small_count, fewest) = (meanwhile.iter().sum::<usize>(), meanwhile.iter().min().unwrap());
    println!("{small_count} small messages, at least {fewest} of each, beside {large_count} large ones");
    assert!(*fewest > 0, "somebody had no turn while {large_count} large messages went through");
    assert!(small_count >= large_count * SMALL_FOR_LARGE_MIN, "{small_count} small, {large_count} large messages");
}
