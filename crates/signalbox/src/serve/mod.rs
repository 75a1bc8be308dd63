//! `signalbox serve`: everything put together, run, and taken apart in order.

mod event_path;
pub(crate) mod listeners;
mod logging;
mod observer;
mod publisher;
mod signals;
mod wiring;

use std::io::Write as _;

use crate::cli::Serve;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::outcome::Outcome;
use crate::rights::open_auth;
use crate::{rule_files, system};

use signals::{Asked, Signals};
use wiring::Running;

/// Runs the broker until it is asked to stop.
pub(crate) fn run(arguments: &Serve) -> Outcome {
    let config = Config::load(&arguments.given())?;
    // All that can be wrong is told before anything is opened or answers a client.
    let connectors = config.connectors()?;
    let sources = config.sources(&connectors)?;
    let auth = open_auth(&config)?;
    rule_files::check(&config, &[])?.or_refuse()?;
    logging::start(&config)?;
    let data = DataDir::open(config.root.data_dir.as_path())?;
    let open_files_max = system::raise_open_files();
    tracing::debug!(open_files_max, "every connection is an open file");

    // One worker thread for each processor; blocking work (passwords, rule files) has threads of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_name("signalbox").enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::new()?;
        let running = Running::start(&config, data, auth, (connectors, sources)).await?;
        if let Err(error) = tell_ready(&running) {
            // A broker whose output nobody reads is a broker all the same.
            tracing::warn!(%error, "nobody reads that the broker is ready");
        }
        while signals.next().await == Asked::Reload {
            running.reload();
        }
        tracing::info!("stopping");
        tokio::select! {
            () = running.stop() => Ok(()),
            () = signals.stop_again() => Err(anyhow::anyhow!("asked twice to stop; what was under way is lost").into()),
        }
    })
}

/// Tells on standard output that and where the broker can be used, and what to try first.
fn tell_ready(running: &Running) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in running.introduction() {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "ready mqtt={} http={}", running.mqtt, running.http)?;
    out.flush()
}
