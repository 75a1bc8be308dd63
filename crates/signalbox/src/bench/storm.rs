//! A connect storm, and what the same connections cost while they are idle.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use mqtt::Version;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::clock::now_ns;
use super::latency::{Latency, count_of};
use super::link::Link;
use super::logins::Logins;
use super::process::Process;

/// What to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How many clients connect.
    pub(crate) count: usize,
    /// How many of them wait for their CONNACK at a time.
    pub(crate) in_flight: usize,
    /// How long the connections stay idle before the memory is read.
    pub(crate) settle: Duration,
}

/// What was seen.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    /// CONNECT to CONNACK.
    pub(crate) latency: Latency,
    /// Connections a second.
    pub(crate) rate: f64,
    /// CPU of the broker per connection, in us.
    pub(crate) cpu_us: f64,
    /// Growth of the broker's resident memory per idle connection, in KiB.
    pub(crate) rss_kib: f64,
    /// CPU of the broker while all connections are idle, in percent of one core.
    pub(crate) idle_cpu_percent: f64,
}

/// Connects `plan.count` clients and holds them. One that is refused ends the run.
pub(crate) async fn run(to: SocketAddr, broker: Process, plan: Plan, logins: &Logins) -> Result<Figures> {
    let (cpu_before, rss_before, started) = (broker.cpu_us()?, broker.rss_kib()?, now_ns());
    let turns = Rc::new(Semaphore::new(plan.in_flight));
    let mut opening = JoinSet::new();
    for at in 0..plan.count {
        let (turns, login) = (Rc::clone(&turns), logins.of(at));
        opening.spawn_local(async move {
            let turn = turns.acquire().await?;
            let asked = now_ns();
            let link = Link::open_as(to, Version::V311, (format!("bench-{at}").into(), login), false).await?;
            drop(turn);
            anyhow::Ok((link, now_ns() - asked))
        });
    }
    let mut latency = Latency::default();
    let mut links = Vec::with_capacity(plan.count);
    while let Some(opened) = opening.join_next().await {
        let (link, ns) = opened??;
        latency.add(ns);
        links.push(link);
    }
    let seconds = count_of(now_ns() - started) / 1e9;
    let count = count_of(u64::try_from(links.len())?);
    let cpu_connected = broker.cpu_us()?;
    tokio::time::sleep(plan.settle).await;
    let (cpu_settled, rss_after) = (broker.cpu_us()?, broker.rss_kib()?);
    drop(links);
    Ok(Figures {
        latency,
        rate: count / seconds,
        cpu_us: (cpu_connected - cpu_before) / count,
        rss_kib: (rss_after - rss_before) / count,
        idle_cpu_percent: (cpu_settled - cpu_connected) / plan.settle.as_secs_f64() / 1e4,
    })
}
