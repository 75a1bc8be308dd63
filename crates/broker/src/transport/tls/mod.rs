//! TLS of a listener: its certificates, whom it trusts, and how both are exchanged while it runs.
//!
//! `files.rs` reads certificates and keys, `words.rs` says what went wrong in a handshake, `certificate.rs` reads what
//! a client has shown.

mod certificate;
mod der;
mod files;
mod handshake;
mod words;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::server::{NoServerSessionStorage, ProducesTickets};
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion, version};

use files::{Contents, Resolver, Trust};
pub(super) use handshake::accept;

/// The settings of TLS on a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificate for clients that name no host, or one nobody knows.
    pub certificate: KeyPairFiles,
    /// Further certificates, for the hosts they are for.
    pub by_host: Vec<KeyPairFiles>,
    /// Whether clients show certificates.
    pub clients: ClientCertificates,
    /// The lowest version that is spoken.
    pub version_min: TlsVersion,
    /// Whether clients may resume a session by a ticket, which saves the asymmetric cryptography.
    pub session_tickets: bool,
}

/// The files of a certificate and its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPairFiles {
    /// The certificate, and behind it those of the authorities up to one that clients trust.
    pub cert_file: PathBuf,
    /// Its private key: PKCS #8, PKCS #1 or SEC 1.
    pub key_file: PathBuf,
    /// The hosts it is for, such as `mqtt.example.com` or `*.example.com`; those it names itself where this is empty.
    pub hosts: Vec<String>,
}

/// Whether clients show certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not asked.
    No,
    /// They are asked; one that is shown must be good.
    Optional(AuthorityFiles),
    /// Who shows none is refused.
    Required(AuthorityFiles),
}

/// Who may sign certificates of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityFiles {
    /// Certificates of authorities, PEM.
    pub ca_file: PathBuf,
    /// What they have revoked, PEM.
    pub crl_file: Option<PathBuf>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2.
    V12,
    /// 1.3.
    V13,
}

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("`{}` cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("expected {expected} in `{}`, found {found}", path.display())]
    Contents {
        /// The file.
        path: PathBuf,
        /// What it is for.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// The key is not the one of the certificate.
    #[error("expected `{}` to be the key of `{}`, found another key", key.display(), cert.display())]
    OtherKey {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}

/// TLS as a listener uses it. Cloning gives another handle of the same.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    config: TlsConfig,
    current: ArcSwap<Loaded>,
    /// What was read last, whether it could be used or not.
    tried: Mutex<Contents>,
}

/// What handshakes use.
struct Loaded {
    config: Arc<ServerConfig>,
    resolver: Arc<Resolver>,
    trust: Option<Trust>,
    tickets: Option<Arc<dyn ProducesTickets>>,
}

impl Tls {
    /// Reads the files.
    pub fn load(config: TlsConfig) -> Result<Tls, TlsError> {
        let contents = Contents::read(&config)?;
        let loaded = Loaded::new(&config, &contents)?;
        let current = ArcSwap::from_pointee(loaded);
        Ok(Tls(Arc::new(Inner { config, current, tried: Mutex::new(contents) })))
    }

    /// Reads the files again where they have changed; whether they had. New handshakes use what they hold now,
    /// connections go on. What cannot be used is told once, and the old certificates stay.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let inner = &*self.0;
        let contents = Contents::read(&inner.config)?;
        let mut tried = inner.tried.lock();
        if *tried == contents {
            return Ok(false);
        }
        // Noted first, so that one mistake is told once.
        tried.clone_from(&contents);
        let loaded = Loaded::new(&inner.config, &contents)?;
        inner.current.store(Arc::new(loaded));
        Ok(true)
    }

    /// When the first of the certificates expires, as the time of day in ms.
    pub fn expires_at_ms(&self) -> i64 {
        self.0.current.load().resolver.expires_at_ms()
    }
}

impl Loaded {
    fn new(config: &TlsConfig, contents: &Contents) -> Result<Loaded, TlsError> {
        let resolver = Arc::new(Resolver::new(config, contents)?);
        let trust = Trust::new(config, contents)?;
        // Tickets of before are void with this: what they stand for was checked against the old files.
        let tickets = if config.session_tickets { aws_lc_rs::Ticketer::new().ok() } else { None };
        let without_clients = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions(config.version_min))
            .expect("the provider has cipher suites for both versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Resolver>::clone(&resolver));
        let server = Arc::new(with_tickets(without_clients, tickets.as_ref()));
        Ok(Loaded { config: server, resolver, trust, tickets })
    }
}

fn with_tickets(mut config: ServerConfig, tickets: Option<&Arc<dyn ProducesTickets>>) -> ServerConfig {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    match tickets {
        Some(tickets) => config.ticketer = Arc::clone(tickets),
        None => config.send_tls13_tickets = 0,
    }
    config
}

/// The cryptography, chosen once: there may be another one in the tree.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: std::sync::LazyLock<Arc<CryptoProvider>> =
        std::sync::LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));
    Arc::clone(&PROVIDER)
}

fn versions(min: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    static ALL: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];
    match min {
        TlsVersion::V12 => &ALL,
        TlsVersion::V13 => &ALL[..1],
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("config", &self.0.config).finish_non_exhaustive()
    }
}
