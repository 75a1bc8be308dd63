//! A rule that says `require = "buffered"`: what was acknowledged arrives although the broker is killed under load.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{SyncSender, sync_channel};

use mqtt::{Ack, Connect, Packet, QoS, Version};

use super::device::{Wire, id, keeping, publish};
use crate::support::PATIENCE;
use crate::support::receiver::Receiver;
use crate::support::server::Home;

const RULE: &str = r#"/*---
require = "buffered"
[[actions]]
connector = "ops"
path = "/${clientid}"
buffer.kind = "disk"
---*/
SELECT clientid, payload FROM "t/#"
"#;

/// Messages that a publisher has under way at a time.
const WINDOW: usize = 10;
const KILLS: usize = 6;

/// Publishes until the broker is gone, and gives the highest number that was acknowledged. The broker answers in order.
fn publish_until_killed(address: SocketAddr, client: &str, qos: QoS, progress: &SyncSender<()>) -> u64 {
    let connect = Connect { clean_start: true, ..keeping(client, Version::V311) };
    // The broker may be killed for the progress of the other client before it has let this one in.
    let Ok(mut wire) = Wire::open(address, connect) else { return 0 };
    let (mut sent, mut acknowledged) = (0, 0);
    let mut converse = || -> io::Result<()> {
        loop {
            while sent < acknowledged + u64::try_from(WINDOW).unwrap() {
                sent += 1;
                let packet_id = id(u16::try_from(sent).unwrap());
                wire.send(&Packet::Publish(publish("t/1", &sent.to_string(), qos, Some(packet_id))))?;
            }
            let answer = wire.receive()?;
            if let Packet::Puback(ack) | Packet::Pubrec(ack) = &answer {
                acknowledged += 1;
                assert_eq!(u64::from(ack.packet_id.get()), acknowledged, "an answer out of order");
                if qos == QoS::ExactlyOnce {
                    wire.send(&Packet::Pubrel(Ack::new(ack.packet_id)))?;
                }
                // Where so much progress waits to be seen, more of it says nothing new.
                let (Ok(()) | Err(_)) = progress.try_send(());
            } else {
                assert!(matches!(answer, Packet::Pubcomp(_)), "expected an acknowledgement, found {answer:?}");
            }
        }
    };
    let _killed = converse();
    acknowledged
}

/// Kills the broker under the load of clients of QoS 1 and 2, again and again. Gives what each was told.
fn acknowledged_before_kills(home: &Home) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for round in 0..KILLS {
        let server = home.serve();
        let address = server.mqtt;
        let clients = [(QoS::AtLeastOnce, format!("one-{round}")), (QoS::ExactlyOnce, format!("two-{round}"))];
        let (tx, progress) = sync_channel(1_000);
        std::thread::scope(|threads| {
            let giving = clients.map(|(qos, client)| {
                let tx = tx.clone();
                threads.spawn(move || {
                    let acknowledged = publish_until_killed(address, &client, qos, &tx);
                    (format!("/{client}"), acknowledged)
                })
            });
            for _ in 0..fastrand::u32(20..120) {
                progress.recv_timeout(3 * PATIENCE).expect("messages are acknowledged");
            }
            // As by `kill -9`.
            drop(server);
            all.extend(giving.map(|thread| thread.join().unwrap()));
        });
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_arrives_although_the_broker_is_killed_under_load() {
    let receiver = Receiver::start().await;
    let config = format!("[connectors.ops]\nkind = \"http\"\nurl = \"http://{}\"\n", receiver.address);
    let home = Home::new().with_rule("all", RULE).with_config(&config);
    let address = receiver.stop().await;
    let (home, acknowledged) = tokio::task::spawn_blocking(move || {
        let acknowledged = acknowledged_before_kills(&home);
        (home, acknowledged)
    })
    .await
    .unwrap();
    assert!(acknowledged.values().sum::<u64>() >= 20 * u64::try_from(KILLS).unwrap(), "{acknowledged:?}");

    let mut missing: BTreeMap<String, BTreeSet<u64>> =
        acknowledged.into_iter().map(|(path, last)| (path, (1..=last).collect())).collect();
    let mut receiver = Receiver::start_at(address).await;
    let _server = home.serve();
    while missing.values().any(|numbers| !numbers.is_empty()) {
        let posted = receiver.next().await;
        let body: serde_json::Value = serde_json::from_str(&posted.body).unwrap();
        let number = body["payload"].as_str().unwrap().parse().unwrap();
        missing.get_mut(&posted.path).expect("a client that was there").remove(&number);
    }
}
