//! Subscribers that do not read, beside one that does.

use tokio::net::TcpSocket;

use crate::support::attacker::Attacker;
use crate::support::client::Client;
use crate::support::number;
use crate::support::packets::connect_v311;
use crate::support::process::resident_kib;
use crate::support::server::Home;
use crate::support::witness::Witness;

const SLOW_COUNT: usize = 5;
const PAYLOAD_LEN: usize = 8 << 10;
/// Messages that are published before it is looked whether the others have them.
const AT_ONCE: usize = 20;
/// Bytes that may wait for each client.
const QUEUE_BYTES_MAX: usize = 256 << 10;
/// What five full queues may cost at most in KiB, with what is written and not taken by the system yet, and what the
/// allocator keeps. Measured: 4,400, for 600 messages and for 5,000.
const MEMORY_KIB_MAX: u64 = 8 << 10;

/// A payload that begins with its number.
fn payload(number: usize) -> Vec<u8> {
    let mut payload = format!("{number:08}").into_bytes();
    payload.resize(PAYLOAD_LEN, b'x');
    payload
}

fn number_of(payload: &[u8]) -> usize {
    std::str::from_utf8(&payload[..8]).unwrap().parse().unwrap()
}

#[tokio::test]
async fn who_does_not_read_costs_a_queue_and_its_drops_are_counted_and_told() {
    let count = number("CHAOS_MESSAGES", 600);
    let home = Home::new().with_config(&format!("[limits]\nqueue_bytes_max = {QUEUE_BYTES_MAX}\n"));
    let server = home.serve();
    let mut witness = Witness::of_events(&home, &server, "delivery_dropped").await;
    let mut slow = Vec::new();
    for at in 0..SLOW_COUNT {
        let socket = TcpSocket::new_v4().unwrap();
        // Otherwise the system would take some MiB for it.
        socket.set_recv_buffer_size(4096).unwrap();
        let connection = Attacker::open_through(socket, server.mqtt).await;
        let id = format!("slow-{at}");
        let mut client = Client::begin(connection, &id, &connect_v311(&id, 0)).await;
        client.subscribe("t").await;
        slow.push(client);
    }
    let mut reader = Client::connect(server.mqtt, "reader").await;
    reader.subscribe("t").await;
    let mut publisher = Client::connect(server.mqtt, "publisher").await;
    let before_kib = resident_kib(server.pid());

    let mut peak_kib = before_kib;
    for first in (0..count).step_by(AT_ONCE) {
        let numbers = first..count.min(first + AT_ONCE);
        for number in numbers.clone() {
            publisher.publish_acknowledged("t", &payload(number)).await;
        }
        for number in numbers {
            assert_eq!(number_of(&reader.next_message().await.1), number, "the reader lacks what others do not read");
        }
        let dropped_count = usize::try_from(witness.metric("signalbox_deliveries_dropped_total").await).unwrap();
        while witness.seen.len() < dropped_count {
            witness.wait_until("not every drop is told", |_| true).await;
        }
        peak_kib = peak_kib.max(resident_kib(server.pid()));
    }
    println!("{} deliveries dropped; {before_kib} KiB before, at most {peak_kib} KiB", witness.seen.len());
    assert!(!witness.seen.is_empty(), "the system took everything; more messages are needed");
    assert!(peak_kib <= before_kib + MEMORY_KIB_MAX, "{before_kib} KiB before, at most {peak_kib} KiB");

    // Now they read: what was kept for them comes in order, and what they lack is what was told.
    for client in &mut slow {
        let told: Vec<_> = witness.seen.iter().filter(|event| event["clientid"] == *client.id).collect();
        for event in &told {
            assert_eq!((&event["reason"], &event["topic"]), (&"queue_full".into(), &"t".into()), "{event}");
        }
        let mut next = 0;
        for _ in told.len()..count {
            let number = number_of(&client.next_message().await.1);
            assert!(number >= next, "{number} came after {next} to {}", client.id);
            next = number + 1;
        }
        client.ping().await;
    }
}
