//! The log on standard error: text for people, JSON for programs.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::SubscriberBuilder;

use crate::config::{Config, LogFormat};
use crate::outcome::Stop;
use crate::terminal::is_watched;

/// Begins to log, as `[log]` says.
pub(crate) fn start(config: &Config) -> Result<(), Stop> {
    let filter = EnvFilter::try_new(&config.log.level).map_err(|cause| {
        Stop::bad_input(
            format_args!(
                "`log.level`: expected levels such as `info` or `info,broker=debug`, found `{}`: {cause}",
                config.log.level
            ),
            None,
        )
    })?;
    let builder = SubscriberBuilder::default().with_env_filter(filter).with_writer(io::stderr);
    let as_json = match config.log.format {
        LogFormat::Auto => !is_watched(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let started = if as_json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_ansi(is_watched()).with_target(false).try_init()
    };
    started.map_err(|cause| anyhow::anyhow!("starting the log: {cause}").into())
}
