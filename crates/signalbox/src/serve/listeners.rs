//! The listeners: from their configuration to sockets, and their certificates while they run.

use std::sync::Arc;
use std::time::Duration;

use broker::{
    AuthorityFiles, Bind, Bound, Broker, ClientCertificates, KeyPairFiles, ListenerConfig, Tls, TlsConfig, TlsError,
};
use tokio::time::MissedTickBehavior;

use super::wiring::taken;
use crate::clock;
use crate::config::{AckAfter, Config, Listener, ListenerTables, TlsTables, TlsVersion, Transport, VerifyClients};
use crate::outcome::Stop;

/// How often it is looked whether files of certificates have changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Before the end of a certificate it is time to say so.
const EXPIRES_SOON_MS: i64 = 14 * 24 * 3600 * 1000;

/// The listeners of a running broker.
#[derive(Debug)]
pub(crate) struct Listeners(Vec<Open>);

#[derive(Debug)]
struct Open {
    name: String,
    kind: &'static str,
    bound: Bound,
    tls: Option<Tls>,
}

impl Listeners {
    /// Opens all of them. Certificates are read before the first one listens.
    pub(super) async fn open(config: &Config, broker: &Broker) -> Result<Listeners, Stop> {
        let mut ready = Vec::new();
        for (name, tables) in &config.listeners {
            ready.push((name, tables, listener_config(name, tables)?));
        }
        let mut open = Vec::new();
        for (name, tables, settings) in ready {
            let (tls, bind) = (settings.tls.clone(), settings.bind.clone());
            let bound = broker.listen(name, settings).await.map_err(|cause| match bind {
                Bind::Tcp(address) => taken(address, &format!("listeners.{name}.bind"), &cause),
                Bind::Unix { path, .. } => Stop::bad_input(
                    format_args!("`{}` cannot be listened on: {cause}", path.display()),
                    Some(&format!("choose another path with `path` in `[listeners.{name}.unix]`")),
                ),
            })?;
            let kind = tables.options.kind.word();
            tracing::info!(listener = &**name, kind, %bound, "listening");
            open.push(Open { name: name.clone(), kind, bound, tls });
        }
        let listeners = Listeners(open);
        listeners.warn_of_expiry();
        Ok(listeners)
    }

    /// Where the listener `default` is.
    pub(super) fn default(&self) -> &Bound {
        let default = self.0.iter().find(|open| open.name == "default");
        &default.expect("the configuration always has a listener `default`").bound
    }

    /// A line for each, for people who have just started the broker.
    pub(super) fn lines(&self) -> Vec<String> {
        let word = |open: &Open| if open.kind == "tcp" { "mqtt" } else { open.kind };
        self.0.iter().map(|open| format!("{:<6} {} ({})", word(open), open.bound, open.name)).collect()
    }

    /// The port of a listener that every MQTT client can use.
    pub(super) fn plain_port(&self) -> Option<u16> {
        self.0.iter().filter(|open| open.kind == "tcp").find_map(|open| match &open.bound {
            Bound::Tcp(address) => Some(address.port()),
            Bound::Unix(_) => None,
        })
    }

    /// Takes up changed certificates, for ever.
    pub(super) async fn look_after_certificates(self: Arc<Listeners>) {
        if self.0.iter().all(|open| open.tls.is_none()) {
            return;
        }
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let listeners = Arc::clone(&self);
            if tokio::task::spawn_blocking(move || listeners.reload_certificates()).await.is_err() {
                tracing::error!("reading certificates again has panicked");
            }
        }
    }

    /// Takes up changed certificates. What cannot be used is told once, and those of before stay.
    pub(super) fn reload_certificates(&self) {
        for open in &self.0 {
            let Some(tls) = &open.tls else { continue };
            let listener = &*open.name;
            match tls.reload_if_changed() {
                Ok(true) => {
                    tracing::info!(listener, "new certificates are in use");
                    self.warn_of_expiry();
                }
                Ok(false) => {}
                Err(error) => {
                    let error = format!("{:#}", anyhow::Error::new(error));
                    tracing::warn!(listener, error, "changed certificates cannot be used, those of before stay");
                }
            }
        }
    }

    fn warn_of_expiry(&self) {
        for open in &self.0 {
            let left_ms = open.tls.as_ref().map_or(i64::MAX, |tls| tls.expires_at_ms().saturating_sub(clock::now().0));
            if left_ms <= 0 {
                tracing::warn!(listener = open.name, "a certificate has expired");
            } else if left_ms < EXPIRES_SOON_MS {
                tracing::warn!(listener = open.name, days = left_ms / 86_400_000, "a certificate expires soon");
            }
        }
    }
}

/// Reads the certificates of all listeners; gives how many have some.
pub(crate) fn check_certificates(config: &Config) -> Result<usize, Stop> {
    let mut count = 0;
    for (name, tables) in &config.listeners {
        count += usize::from(listener_config(name, tables)?.tls.is_some());
    }
    Ok(count)
}

fn listener_config(name: &str, tables: &ListenerTables) -> Result<ListenerConfig, Stop> {
    let mut settings = plain_config(&tables.options);
    let redirect = tables.redirect.as_ref();
    settings.redirect = redirect
        .map(|redirect| broker::Redirect { server: redirect.server.as_str().into(), permanent: redirect.permanent });
    match &tables.transport {
        Transport::Tcp => {}
        Transport::Tls(tls) => settings.tls = Some(load_tls(name, tls)?),
        Transport::Ws(websocket) => settings.websocket_path = Some(websocket.path.clone()),
        Transport::Wss(tls, websocket) => {
            settings.tls = Some(load_tls(name, tls)?);
            settings.websocket_path = Some(websocket.path.clone());
        }
        Transport::Unix(unix) => {
            settings.bind = Bind::Unix { path: unix.path.as_path().to_owned(), mode: unix.mode.0 };
        }
    }
    Ok(settings)
}

fn plain_config(options: &Listener) -> ListenerConfig {
    ListenerConfig {
        bind: Bind::Tcp(options.bind),
        proxy_protocol: options.proxy_protocol,
        tls: None,
        websocket_path: None,
        max_connections: options.max_connections,
        refusals_max: options.refusals_max,
        packet_bytes_max: options.packet_bytes_max,
        connect_bytes_max: options.connect_bytes_max,
        connect_timeout_ms: options.connect_timeout_ms,
        max_qos: options.max_qos,
        retain_available: options.retain_available,
        ack_after: match options.ack_after {
            AckAfter::Memory => broker::AckAfter::Memory,
            AckAfter::Disk => broker::AckAfter::Disk,
        },
        redirect: None,
        mountpoint: options.mountpoint.clone(),
        rates: broker::Rates {
            connects: options.connect_rate_max,
            messages: options.message_rate_max,
            bytes: options.byte_rate_max,
        },
        tell_refusals: options.tell_refusals,
    }
}

fn load_tls(name: &str, tables: &TlsTables) -> Result<Tls, Stop> {
    let options = &tables.options;
    let authorities = || AuthorityFiles {
        ca_file: options.ca_file.as_path().to_owned(),
        crl_file: options.crl_file.as_ref().map(|path| path.as_path().to_owned()),
    };
    let by_host = tables.certificates.iter().map(|certificate| KeyPairFiles {
        cert_file: certificate.cert_file.as_path().to_owned(),
        key_file: certificate.key_file.as_path().to_owned(),
        hosts: certificate.hosts.clone(),
    });
    let config = TlsConfig {
        certificate: KeyPairFiles {
            cert_file: options.cert_file.as_path().to_owned(),
            key_file: options.key_file.as_path().to_owned(),
            hosts: Vec::new(),
        },
        by_host: by_host.collect(),
        clients: match options.verify {
            VerifyClients::No => ClientCertificates::No,
            VerifyClients::Optional => ClientCertificates::Optional(authorities()),
            VerifyClients::Required => ClientCertificates::Required(authorities()),
        },
        version_min: match options.min_version {
            TlsVersion::V12 => broker::TlsVersion::V12,
            TlsVersion::V13 => broker::TlsVersion::V13,
        },
        session_tickets: options.session_tickets,
    };
    Tls::load(config).map_err(|error| unusable(name, error))
}

fn unusable(name: &str, error: TlsError) -> Stop {
    let help = match &error {
        TlsError::File { .. } => "name the files with `cert_file`, `key_file`, `ca_file`",
        TlsError::Contents { .. } => "the files are PEM: blocks of text between `-----BEGIN` and `-----END`",
        TlsError::OtherKey { .. } => "look whether one of the two files is older than the other",
    };
    let error = format!("{:#}", anyhow::Error::new(error));
    Stop::bad_input(format_args!("`[listeners.{name}.tls]`: {error}"), Some(help))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Given;

    #[test]
    fn the_defaults_of_the_file_are_those_of_the_broker() {
        let config = Config::load(&Given { file: Some("/dev/null".into()), ..Given::default() }).unwrap();
        let listener = &config.listeners["default"];
        let expected = ListenerConfig::new(listener.options.bind);
        assert_eq!(format!("{:?}", listener_config("default", listener).unwrap()), format!("{expected:?}"));
    }
}
