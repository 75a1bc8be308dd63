//! Who is killed when, and how it goes meanwhile.

use std::time::{Duration, Instant};

use events::Timestamp;
use fastrand::Rng;
use tokio::time::sleep;

use crate::broker::{Account, Broker, RULES, fixed_address};
use crate::load::{Load, Progress};
use crate::plan::Plan;
use crate::receiver::Receiver;
use crate::say;
use crate::support::postgres::Postgres;

/// How long outputs may take to arrive when nothing is killed any more.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long the dead stay dead, at most, in ms.
const DEAD_MS_MAX: u64 = 2_000;
const SAY_EVERY: Duration = Duration::from_secs(10);

/// Everything that can be killed, and what was seen of it.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) postgres: Postgres,
    pub(crate) receiver: Receiver,
    pub(crate) broker: Broker,
    /// When the broker was killed.
    pub(crate) kills: Vec<Timestamp>,
    /// How often PostgreSQL was killed, was stopped at once, and how often the receiver was killed.
    pub(crate) others: [usize; 3],
    /// How often the ledgers were read.
    pub(crate) looks: u64,
    /// The ledgers as they were last.
    pub(crate) accounts: Vec<Account>,
    pub(crate) problems: Vec<String>,
    rng: Rng,
    said: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Broker,
    Postgres,
    Receiver,
}

impl Stage {
    /// Starts everything.
    pub(crate) async fn set(plan: &Plan) -> Stage {
        let started = tokio::task::spawn_blocking(|| {
            let postgres = Postgres::start();
            for table in RULES {
                // Rows arrive in the order of their numbers: outputs of a client are never under way twice.
                let columns = "arrival bigserial, output_id text UNIQUE, clientid text, n bigint";
                postgres.query(&format!("CREATE TABLE {table} ({columns})"));
            }
            let receiver = Receiver::start(fixed_address());
            let broker = Broker::start(&postgres, &receiver);
            (postgres, receiver, broker)
        });
        let (postgres, receiver, broker) = started.await.unwrap();
        Stage {
            postgres,
            receiver,
            broker,
            kills: Vec::new(),
            others: [0; 3],
            looks: 0,
            accounts: Vec::new(),
            problems: Vec::new(),
            rng: Rng::with_seed(plan.seed),
            said: Instant::now(),
        }
    }

    /// Kills at random until the time is over, and starts again whom it has killed.
    pub(crate) async fn strike(&mut self, plan: &Plan, load: &Load) {
        let begin = Instant::now();
        let (quiet_min, quiet_max) = plan.quiet();
        while begin.elapsed() < plan.duration {
            let quiet = self.rng.u64(ms(quiet_min)..ms(quiet_max));
            self.watch(Duration::from_millis(quiet), &load.progress).await;
            let victims = self.victims();
            tokio::task::block_in_place(|| victims.iter().for_each(|victim| self.kill(*victim)));
            let dead = self.rng.u64(..DEAD_MS_MAX);
            self.watch(Duration::from_millis(dead), &load.progress).await;
            tokio::task::block_in_place(|| victims.iter().for_each(|victim| self.start_again(*victim)));
        }
    }

    /// Mostly one; sometimes two or all of them at once.
    fn victims(&mut self) -> Vec<Victim> {
        let mut all = vec![Victim::Broker, Victim::Postgres, Victim::Receiver];
        self.rng.shuffle(&mut all);
        let count = if self.rng.u8(..4) > 0 { 1 } else { self.rng.usize(2..=3) };
        all.truncate(count);
        all
    }

    fn kill(&mut self, victim: Victim) {
        match victim {
            Victim::Broker => {
                self.broker.kill();
                self.kills.push(now());
            }
            Victim::Postgres if self.rng.bool() => {
                self.postgres.kill();
                self.others[0] += 1;
            }
            Victim::Postgres => {
                self.postgres.stop_at_once();
                self.others[1] += 1;
            }
            Victim::Receiver => {
                self.receiver.kill();
                self.others[2] += 1;
            }
        }
    }

    fn start_again(&mut self, victim: Victim) {
        match victim {
            Victim::Broker => self.broker.start_again(),
            Victim::Postgres => self.postgres.start_again_after_a_kill(),
            Victim::Receiver => self.receiver.start_again(),
        }
    }

    /// Looks at the ledgers, again and again.
    async fn watch(&mut self, time: Duration, progress: &Progress) {
        let watching = async {
            loop {
                self.look(progress).await;
            }
        };
        // What is read of a ledger when the time is over is of no use.
        drop(tokio::time::timeout(time, watching).await);
    }

    /// Looks at the ledgers in a moment, and says now and then how it goes.
    pub(crate) async fn look(&mut self, progress: &Progress) {
        sleep(Duration::from_millis(200)).await;
        self.read_ledgers().await;
        if self.said.elapsed() < SAY_EVERY {
            return;
        }
        self.said = Instant::now();
        let (promised, visits) = progress.so_far();
        let [killed, stopped, receiver] = self.others;
        say(&format!(
            "{:>4} s: {promised} messages acknowledged, {visits} visits, {} outputs wait; killed: the broker {} times, \
             PostgreSQL {}, the receiver {receiver}",
            progress.seconds(),
            self.waiting(),
            self.kills.len(),
            killed + stopped,
        ));
    }

    /// Waits until nothing is left in the buffers.
    pub(crate) async fn wait_until_delivered(&mut self) {
        let since = Instant::now();
        loop {
            self.read_ledgers().await;
            let waiting = self.waiting();
            if waiting == 0 {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "{waiting} outputs still wait: {:#?}", self.accounts);
            if self.said.elapsed() >= SAY_EVERY {
                self.said = Instant::now();
                say(&format!("nothing is killed any more; {waiting} outputs wait"));
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Everything balances whenever it is read, and nothing is lost.
    async fn read_ledgers(&mut self) {
        let accounts = self.broker.accounts().await;
        if accounts.is_empty() {
            return;
        }
        self.looks += 1;
        for account in &accounts {
            let lost: u64 =
                ["dead", "expired", "dropped", "fallen_back"].iter().map(|entry| account.count(entry)).sum();
            if !account.balances() || lost > 0 {
                self.problems.push(format!("the ledger of {} at one moment: {}", account.name, account.ledger));
            }
        }
        self.accounts = accounts;
    }

    fn waiting(&self) -> u64 {
        self.accounts.iter().map(|account| account.count("queued") + account.count("in_flight")).sum()
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_millis()).unwrap())
}
