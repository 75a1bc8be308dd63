//! `signalbox bench`: the built-in load generator.
//!
//! It loads only loopback addresses, and every run is bounded in time. One thread drives all connections, so that on a
//! small machine the broker has the other processors to itself. What counts is the broker's CPU per message: unlike
//! rates and latencies it hardly moves with whatever else the machine does.

mod clock;
mod compare;
mod eval;
mod latency;
mod link;
mod logins;
mod packets;
mod process;
mod pubsub;
mod rules;
mod storm;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use mqtt::{QoS, Version};

use logins::Logins;
use process::Process;

/// Measure a broker or the rules: connections, messages, Signalbox beside Mosquitto, republished messages, `rules eval`.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start Signalbox and Mosquitto in turn and compare them under the same load.
    Compare {
        /// Runs of each broker and profile; the table shows medians.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// The measured part of a run, in s.
        #[arg(long, default_value_t = 3.0)]
        seconds: f64,
        /// Clients of the connect storm.
        #[arg(long, default_value_t = 5000)]
        connections: usize,
        /// Print one JSON array instead of the table.
        #[arg(long)]
        json: bool,
    },
    /// Connect many clients, then hold them idle.
    Connect {
        #[command(flatten)]
        target: Target,
        /// How many clients.
        #[arg(long, default_value_t = 5000)]
        count: usize,
        /// How many wait for their CONNACK at a time.
        #[arg(long, default_value_t = 200)]
        in_flight: usize,
        /// Lines `name:password`, which the clients use in turn.
        #[arg(long, value_name = "FILE")]
        logins: Option<PathBuf>,
        /// Print one JSON array instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Answer the lines of `signalbox rules eval`, without the pipe around it.
    Eval {
        /// How long each of the two measurements takes, in s.
        #[arg(long, default_value_t = 2.0)]
        seconds: f64,
        /// Print one JSON array instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Start Signalbox with rules and without: what a republished message costs, and what a receiver that is not there.
    Rules {
        /// Runs of each case; the table shows medians.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// The measured part of a run, in s.
        #[arg(long, default_value_t = 3.0)]
        seconds: f64,
        /// Print one JSON array instead of the table.
        #[arg(long)]
        json: bool,
    },
    /// Publish and subscribe, each message followed to everyone who should get it.
    Pubsub {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        load: Load,
        /// Print one JSON array instead of text.
        #[arg(long)]
        json: bool,
    },
}

/// The broker to be measured.
#[derive(Debug, Clone, Copy, Args)]
struct Target {
    /// Where it listens for MQTT; a loopback address.
    #[arg(long, default_value = "127.0.0.1:1883", value_name = "HOST:PORT")]
    to: SocketAddr,
    /// Its process, whose CPU time and memory are read.
    #[arg(long)]
    pid: u32,
}

#[derive(Debug, Clone, Copy, Args)]
struct Load {
    /// Who publishes to whom.
    #[arg(long, value_enum, default_value = "one-to-one")]
    layout: pubsub::Layout,
    /// QoS of publishers and subscriptions.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=2))]
    qos: u8,
    /// MQTT version: 4 for 3.1.1, 5 for 5.0.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(4..=5))]
    mqtt: u8,
    /// How many publish.
    #[arg(long, default_value_t = 50)]
    publishers: usize,
    /// How many subscribe.
    #[arg(long, default_value_t = 50)]
    subscribers: usize,
    /// Messages of a publisher that may be outstanding.
    #[arg(long, default_value_t = 20)]
    window: u64,
    /// Bytes of a payload.
    #[arg(long, default_value_t = 256)]
    payload_bytes: usize,
    /// Sessions outlive their connections: what waits for them is to survive.
    #[arg(long)]
    keep_sessions: bool,
    /// The measured part of the run, in s.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

impl Bench {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<()> {
        crate::system::raise_open_files();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, self.command.run())
    }
}

impl Command {
    async fn run(self) -> Result<()> {
        match self {
            Command::Compare { rounds, seconds, connections, json } => {
                if rounds == 0 || !(0.1..=60.0).contains(&seconds) {
                    bail!("expected at least one round and 0.1 to 60 seconds, found {rounds} and {seconds}");
                }
                let mut out = Output::new(json);
                compare::run(
                    compare::Plan { rounds, measure: Duration::from_secs_f64(seconds), connections },
                    &mut out,
                )
                .await?;
                out.finish()
            }
            Command::Connect { target, count, in_flight, logins, json } => {
                let plan = storm::Plan { count, in_flight, settle: Duration::from_secs(2) };
                let logins = logins.map_or_else(|| Ok(Logins::default()), |path| Logins::read(&path))?;
                let figures = storm::run(target.checked()?, Process::new(target.pid), plan, &logins).await?;
                let mut out = Output::new(json);
                out.figure("connects/s", "connects_per_s", figures.rate);
                out.figure("CONNACK p50, ms", "connack_p50_ms", figures.latency.quantile_ms(0.5));
                out.figure("CONNACK p99, ms", "connack_p99_ms", figures.latency.quantile_ms(0.99));
                out.figure("the slowest, ms", "connack_max_ms", figures.latency.quantile_ms(1.0));
                out.figure("CPU per connect, us", "cpu_us_per_connect", figures.cpu_us);
                out.figure("memory per idle connection, KiB", "rss_kib_per_connection", figures.rss_kib);
                out.figure("CPU while idle, %", "idle_cpu_percent", figures.idle_cpu_percent);
                out.finish()
            }
            Command::Eval { seconds, json } => {
                if !(0.1..=60.0).contains(&seconds) {
                    bail!("expected 0.1 to 60 seconds, found {seconds}");
                }
                let figures = eval::run(Duration::from_secs_f64(seconds))?;
                let mut out = Output::new(json);
                out.figure("lines/CPU s, one text", "lines_per_cpu_s_one_text", figures.one_text);
                out.figure("lines/CPU s, distinct texts", "lines_per_cpu_s_distinct_texts", figures.distinct_texts);
                out.finish()
            }
            Command::Rules { rounds, seconds, json } => {
                if rounds == 0 || !(0.1..=60.0).contains(&seconds) {
                    bail!("expected at least one round and 0.1 to 60 seconds, found {rounds} and {seconds}");
                }
                let mut out = Output::new(json);
                rules::run(rounds, Duration::from_secs_f64(seconds), &mut out).await?;
                out.finish()
            }
            Command::Pubsub { target, load, json } => {
                let figures = pubsub::run(target.checked()?, Process::new(target.pid), load.plan()?).await?;
                let mut out = Output::new(json);
                out.figure("delivered messages/s", "messages_per_s", figures.rate);
                out.figure("CPU per delivered message, us", "cpu_us_per_message", figures.cpu_us);
                out.figure("latency p50, ms", "p50_ms", figures.latency.quantile_ms(0.5));
                out.figure("latency p99, ms", "p99_ms", figures.latency.quantile_ms(0.99));
                out.figure("latency p99.9, ms", "p999_ms", figures.latency.quantile_ms(0.999));
                out.figure("lost", "lost", latency::count_of(figures.lost));
                out.figure("reordered", "reordered", latency::count_of(figures.reordered));
                out.finish()
            }
        }
    }
}

impl Target {
    fn checked(self) -> Result<SocketAddr> {
        if !self.to.ip().is_loopback() {
            bail!("`{}` is not a loopback address; the load generator loads nothing else", self.to);
        }
        Ok(self.to)
    }
}

impl Load {
    fn plan(self) -> Result<pubsub::Plan> {
        let Ok(qos) = QoS::try_from(self.qos) else { bail!("expected QoS 0, 1 or 2, found {}", self.qos) };
        if !(0.1..=600.0).contains(&self.seconds) {
            bail!("expected 0.1 to 600 seconds, found {}", self.seconds);
        }
        Ok(pubsub::Plan {
            layout: self.layout,
            qos,
            version: if self.mqtt == 5 { Version::V5 } else { Version::V311 },
            publishers: self.publishers,
            subscribers: self.subscribers,
            window: self.window,
            payload_bytes: self.payload_bytes,
            through: "",
            keeps_sessions: self.keep_sessions,
            warm_up: Duration::from_secs(1),
            measure: Duration::from_secs_f64(self.seconds),
        })
    }
}

/// Where figures go: lines for people as they come, or one JSON array at the end.
#[derive(Debug)]
struct Output {
    json: Option<Vec<serde_json::Value>>,
}

impl Output {
    fn new(json: bool) -> Output {
        Output { json: json.then(Vec::new) }
    }

    /// A line for people.
    fn line(&mut self, text: &str) {
        if self.json.is_none() {
            // A reader that has gone away (`| head`) ends the run with the next write that matters.
            drop(writeln!(std::io::stdout(), "{text}"));
        }
    }

    /// A record for programs.
    fn record(&mut self, fields: &[(&str, serde_json::Value)]) {
        if let Some(records) = &mut self.json {
            records.push(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect());
        }
    }

    fn figure(&mut self, label: &str, name: &str, value: f64) {
        self.line(&format!("{label:<34} {value:>12.2}"));
        self.record(&[("figure", name.into()), ("value", value.into())]);
    }

    fn finish(self) -> Result<()> {
        if let Some(records) = self.json {
            writeln!(std::io::stdout(), "{}", serde_json::Value::Array(records))?;
        }
        Ok(())
    }
}
