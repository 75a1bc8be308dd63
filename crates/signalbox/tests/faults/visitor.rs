//! Clients that come and go, so that there are events.

use std::time::Duration;

use mqtt::{Packet, ReasonCode};
use tokio::time::sleep;

use crate::load::Progress;
use crate::wire::Wire;

/// Between two looks whether the next visit is due.
const PAUSE: Duration = Duration::from_millis(20);

/// Connects and goes again, with a word or without, until there is to be no more. Says how often it was let in.
pub(crate) async fn run(id: String, progress: Progress) -> u64 {
    let (mut attempts, mut visits) = (0, 0);
    while !progress.is_over() {
        if attempts >= progress.visits_due_each() {
            sleep(PAUSE).await;
            continue;
        }
        attempts += 1;
        let Ok(mut wire) = Wire::open(progress.broker, &id, false).await else {
            sleep(PAUSE).await;
            continue;
        };
        visits += 1;
        progress.count_visit();
        if fastrand::bool() {
            wire.queue(&Packet::Disconnect(mqtt::Disconnect::new(ReasonCode::Success)));
            // The broker may be killed meanwhile.
            drop(wire.flush().await);
        }
    }
    visits
}
