//! The clients at work.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mqtt::QoS;
use tokio::task::JoinSet;

use crate::plan::Plan;
use crate::publisher::Publisher;
use crate::strikes::Stage;
use crate::visitor;

/// How long clients may take until everything is acknowledged, when nothing is killed any more.
const PATIENCE: Duration = Duration::from_secs(180);

/// All clients.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) progress: Progress,
    publishers: JoinSet<Publisher>,
    visitors: JoinSet<u64>,
}

/// What clients have to do, and what they have done.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) broker: SocketAddr,
    plan: Plan,
    since: Instant,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    promised: AtomicU64,
    visits: AtomicU64,
    is_over: AtomicBool,
}

/// What clients have done in the end.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) publishers: Vec<Publisher>,
    pub(crate) visits: u64,
}

impl Load {
    /// Sends all clients to work. Every other publisher uses QoS 2.
    pub(crate) fn begin(plan: &Plan, broker: SocketAddr) -> Load {
        let progress = Progress { broker, plan: *plan, since: Instant::now(), counts: Arc::default() };
        let (mut publishers, mut visitors) = (JoinSet::new(), JoinSet::new());
        for number in 0..plan.clients {
            let (qos, name) = if number % 2 == 0 { (QoS::AtLeastOnce, "one") } else { (QoS::ExactlyOnce, "two") };
            publishers.spawn(Publisher::new(format!("{name}-{number}"), qos).run(progress.clone()));
            visitors.spawn(visitor::run(format!("visitor-{number}"), progress.clone()));
        }
        Load { progress, publishers, visitors }
    }

    /// Lets clients end, and waits until everything that they have sent is acknowledged.
    pub(crate) async fn finish(mut self, stage: &mut Stage) -> Clients {
        self.progress.counts.is_over.store(true, Ordering::Relaxed);
        let mut clients = Clients { publishers: Vec::new(), visits: 0 };
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            tokio::select! {
                Some(publisher) = self.publishers.join_next() => clients.publishers.push(publisher.unwrap()),
                Some(visits) = self.visitors.join_next() => clients.visits += visits.unwrap(),
                () = stage.look(&self.progress) => {}
                () = tokio::time::sleep_until(deadline) => panic!("not everything is acknowledged"),
                else => return clients,
            }
            if self.publishers.is_empty() && self.visitors.is_empty() {
                return clients;
            }
        }
    }
}

impl Progress {
    pub(crate) fn is_over(&self) -> bool {
        self.counts.is_over.load(Ordering::Relaxed)
    }

    /// How many messages of each publisher are due by now.
    pub(crate) fn due_each(&self) -> u64 {
        self.due(self.plan.messages_per_s())
    }

    pub(crate) fn visits_due_each(&self) -> u64 {
        self.due(self.plan.visits_per_s())
    }

    pub(crate) fn count_promised(&self) {
        self.counts.promised.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_visit(&self) {
        self.counts.visits.fetch_add(1, Ordering::Relaxed);
    }

    /// Messages that were acknowledged, and visits.
    pub(crate) fn so_far(&self) -> (u64, u64) {
        (self.counts.promised.load(Ordering::Relaxed), self.counts.visits.load(Ordering::Relaxed))
    }

    pub(crate) fn seconds(&self) -> u64 {
        self.since.elapsed().as_secs()
    }

    fn due(&self, per_s: u64) -> u64 {
        let ms = u64::try_from(self.since.elapsed().as_millis()).unwrap();
        ms * per_s / 1_000 / self.plan.clients
    }
}
