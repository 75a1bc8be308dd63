//! The running broker that a command asks: where its API is, and with which key.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Context as _;
use reqwest::Url;

use crate::cli;
use crate::config::Config;
use crate::outcome::Stop;
use crate::serving::Serving;

/// A running broker.
#[derive(Debug)]
pub(super) struct Remote {
    base: String,
    pub(super) key: String,
    /// Whether it was named by its URL.
    is_named: bool,
}

impl Remote {
    /// The broker of the options, or the one that uses the data directory.
    pub(super) fn find(options: &cli::Remote) -> Result<Remote, Stop> {
        let config = Config::load(&options.sources.given(Vec::new()))?;
        let data = config.root.data_dir.as_path();
        let serving = Serving::read(data);
        let base = match (&options.url, &serving) {
            (Some(url), _) => url.clone(),
            (None, Some(serving)) => format!("http://{}", reachable(serving.http)),
            (None, None) => {
                return Err(Stop::bad_input(
                    format_args!("no broker runs in the data directory `{}`", data.display()),
                    Some("name another with `--data DIR`, or the API of one elsewhere with `--url URL`"),
                ));
            }
        };
        let is_named = options.url.is_some();
        let key = key(options, serving.filter(|_| !is_named))?;
        Ok(Remote { base, key, is_named })
    }

    /// The address of a resource.
    pub(super) fn url(&self, path: &str) -> Result<Url, Stop> {
        let base = &self.base;
        Url::parse(base).and_then(|base| base.join(path)).map_err(|cause| {
            Stop::bad_input(format_args!("`{base}` is no URL: {cause}"), Some("write it as `http://127.0.0.1:8080`"))
        })
    }

    /// What asks it.
    pub(super) fn client(&self) -> anyhow::Result<reqwest::Client> {
        let mut client = reqwest::Client::builder();
        if !self.is_named {
            // The broker is on this machine. A proxy that the environment names cannot reach it, and would see the key.
            client = client.no_proxy();
        }
        client.build().context("preparing the connection")
    }
}

/// The address to connect to for a broker that listens on all of its own.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback: IpAddr = if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        address.set_ip(loopback);
    }
    address
}

#[expect(clippy::disallowed_methods, reason = "the key of a remote broker is no part of the configuration")]
fn key(options: &cli::Remote, serving: Option<Serving>) -> Result<String, Stop> {
    if let Some(file) = &options.key_file {
        let text = std::fs::read_to_string(file)
            .map_err(|cause| Stop::bad_input(format_args!("`{}` cannot be read: {cause}", file.display()), None))?;
        return Ok(text.trim().to_owned());
    }
    std::env::var("SIGNALBOX_API_KEY").ok().or(serving.map(|serving| serving.key)).ok_or_else(|| {
        Stop::bad_input(
            "no key for the API",
            Some("make one with `signalbox keys add NAME` and put it into SIGNALBOX_API_KEY"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_listens_everywhere_is_asked_on_loopback() {
        assert_eq!(reachable("0.0.0.0:8080".parse().unwrap()).to_string(), "127.0.0.1:8080");
        assert_eq!(reachable("10.0.0.1:8080".parse().unwrap()).to_string(), "10.0.0.1:8080");
    }
}
