//! Signalbox and Mosquitto side by side: the same load on each in turn, medians and their ratio.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use mqtt::{QoS, Version};

use super::logins::Logins;
use super::process::{Broker, load_average, pin_self};
use super::pubsub::{self, Layout};
use super::{Output, storm};

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Runs of each broker and profile.
    pub(crate) rounds: usize,
    /// The measured part of a run.
    pub(crate) measure: Duration,
    /// Clients of the connect storm.
    pub(crate) connections: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Signalbox,
    Mosquitto,
    MosquittoNodelay,
}

const PEERS: [Peer; 3] = [Peer::Signalbox, Peer::Mosquitto, Peer::MosquittoNodelay];

impl Peer {
    const fn name(self) -> &'static str {
        match self {
            Peer::Signalbox => "signalbox",
            Peer::Mosquitto => "mosquitto",
            Peer::MosquittoNodelay => "mosquitto, set_tcp_nodelay",
        }
    }

    fn start(self, dir: &Path) -> Result<Broker> {
        let broker = match self {
            Peer::Signalbox => Broker::start_signalbox(dir)?,
            Peer::Mosquitto => Broker::start_mosquitto(dir, false)?,
            Peer::MosquittoNodelay => Broker::start_mosquitto(dir, true)?,
        };
        broker.pin(0);
        Ok(broker)
    }
}

const PROFILES: [(&str, Layout, QoS, usize, usize, u64); 6] = [
    ("one to one, QoS 0", Layout::OneToOne, QoS::AtMostOnce, 50, 50, 20),
    ("one to one, QoS 1", Layout::OneToOne, QoS::AtLeastOnce, 50, 50, 20),
    ("one to one, QoS 2", Layout::OneToOne, QoS::ExactlyOnce, 50, 50, 20),
    ("fan-in 100 to 1, QoS 1", Layout::FanIn, QoS::AtLeastOnce, 100, 1, 4),
    ("fan-out 1 to 200, QoS 0", Layout::FanOut, QoS::AtMostOnce, 1, 200, 20),
    ("fan-out 1 to 200, QoS 1", Layout::FanOut, QoS::AtLeastOnce, 1, 200, 20),
];

/// Runs every profile and prints a table as it goes.
pub(crate) async fn run(plan: Plan, out: &mut Output) -> Result<()> {
    let work = tempfile_dir()?;
    // The load on the last processor, the brokers on the first: with one processor both share it.
    pin_self(std::thread::available_parallelism()?.get() - 1);
    out.line(&format!(
        "load average {}, {} rounds of {} s each, 256 bytes a message, brokers on one processor, MQTT 3.1.1",
        load_average(),
        plan.rounds,
        plan.measure.as_secs_f64()
    ));
    out.line("");
    out.line(&format!(
        "{:<26} {:<27} {:>10} {:>11} {:>7} {:>9} {:>9} {:>6} {:>9}",
        "profile", "broker", "messages/s", "CPU us/msg", "ratio", "p50 ms", "p99 ms", "lost", "reordered"
    ));
    for (name, layout, qos, publishers, subscribers, window) in PROFILES {
        let load = pubsub::Plan {
            layout,
            qos,
            version: Version::V311,
            publishers,
            subscribers,
            window,
            payload_bytes: 256,
            through: "",
            keeps_sessions: false,
            warm_up: Duration::from_millis(500),
            measure: plan.measure,
        };
        profile(name, load, plan.rounds, work.as_ref(), out).await?;
    }
    out.line("");
    out.line(&format!(
        "{:<26} {:<27} {:>10} {:>11} {:>7} {:>9} {:>9} {:>9} {:>9} {:>10}",
        "profile", "broker", "connects/s", "CPU us", "ratio", "p50 ms", "p99 ms", "max ms", "KiB each", "idle CPU %"
    ));
    connections("connections", plan, (work.as_ref(), &Logins::default()), out).await?;
    let with_passwords = work.as_ref().join("with_passwords");
    let logins = Logins::make(&with_passwords, plan.connections)?;
    connections("with passwords", plan, (&with_passwords, &logins), out).await
}

async fn profile(name: &str, load: pubsub::Plan, rounds: usize, dir: &Path, out: &mut Output) -> Result<()> {
    let mut seen: [Vec<pubsub::Figures>; 3] = Default::default();
    for _ in 0..rounds {
        for (peer, figures) in PEERS.into_iter().zip(&mut seen) {
            let broker = peer.start(dir)?;
            figures.push(pubsub::run(broker.address, broker.process(), load).await?);
        }
    }
    let ours = median(&seen[0], |figures| figures.cpu_us);
    for (peer, figures) in PEERS.into_iter().zip(&seen) {
        let cpu_us = median(figures, |figures| figures.cpu_us);
        out.line(&format!(
            "{:<26} {:<27} {:>10.0} {:>11.2} {:>7.2} {:>9.2} {:>9.2} {:>6} {:>9}",
            name,
            peer.name(),
            median(figures, |figures| figures.rate),
            cpu_us,
            ours / cpu_us,
            median(figures, |figures| figures.latency.quantile_ms(0.5)),
            median(figures, |figures| figures.latency.quantile_ms(0.99)),
            figures.iter().map(|figures| figures.lost).sum::<u64>(),
            figures.iter().map(|figures| figures.reordered).sum::<u64>(),
        ));
        out.record(&[
            ("profile", name.into()),
            ("broker", peer.name().into()),
            ("cpu_us_per_message", cpu_us.into()),
            ("ratio_ours_to_this", (ours / cpu_us).into()),
            ("messages_per_s", median(figures, |figures| figures.rate).into()),
        ]);
    }
    Ok(())
}

/// A storm of connects, without passwords or with the ones that stand in `dir` for both brokers.
async fn connections(name: &str, plan: Plan, (dir, logins): (&Path, &Logins), out: &mut Output) -> Result<()> {
    let name = format!("{} {name}", plan.connections);
    let storm = storm::Plan { count: plan.connections, in_flight: 200, settle: Duration::from_secs(2) };
    let mut seen: [Vec<storm::Figures>; 3] = Default::default();
    for _ in 0..plan.rounds {
        for (peer, figures) in PEERS.into_iter().zip(&mut seen) {
            let broker = peer.start(dir)?;
            figures.push(storm::run(broker.address, broker.process(), storm, logins).await?);
        }
    }
    let ours = median(&seen[0], |figures| figures.cpu_us);
    for (peer, figures) in PEERS.into_iter().zip(&seen) {
        let cpu_us = median(figures, |figures| figures.cpu_us);
        out.line(&format!(
            "{:<26} {:<27} {:>10.0} {:>11.1} {:>7.2} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>10.2}",
            name,
            peer.name(),
            median(figures, |figures| figures.rate),
            cpu_us,
            ours / cpu_us,
            median(figures, |figures| figures.latency.quantile_ms(0.5)),
            median(figures, |figures| figures.latency.quantile_ms(0.99)),
            median(figures, |figures| figures.latency.quantile_ms(1.0)),
            median(figures, |figures| figures.rss_kib),
            median(figures, |figures| figures.idle_cpu_percent),
        ));
        out.record(&[
            ("profile", name.as_str().into()),
            ("broker", peer.name().into()),
            ("cpu_us_per_connect", cpu_us.into()),
            ("ratio_ours_to_this", (ours / cpu_us).into()),
            ("rss_kib_per_connection", median(figures, |figures| figures.rss_kib).into()),
        ]);
    }
    Ok(())
}

pub(super) fn median<T>(figures: &[T], of: impl Fn(&T) -> f64) -> f64 {
    let mut values: Vec<f64> = figures.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A directory for the brokers' files, gone when the comparison ends.
pub(super) fn tempfile_dir() -> Result<WorkDir> {
    let path = std::env::temp_dir().join(format!("signalbox-bench-{}", std::process::id()));
    std::fs::create_dir_all(&path)?;
    Ok(WorkDir(path))
}

pub(super) struct WorkDir(PathBuf);

impl AsRef<Path> for WorkDir {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
