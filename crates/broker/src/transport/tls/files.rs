//! Certificates and keys in PEM files.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error as RustlsError, RootCertStore};

use super::{AuthorityFiles, ClientCertificates, KeyPairFiles, TlsConfig, TlsError, certificate, provider};

/// Bytes of a file; a longer one is not what it is said to be.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// What the files hold, by path.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Contents(HashMap<PathBuf, Vec<u8>>);

impl Contents {
    /// Reads every file of `config`.
    pub(super) fn read(config: &TlsConfig) -> Result<Contents, TlsError> {
        let mut contents = HashMap::new();
        let pairs = std::iter::once(&config.certificate).chain(&config.by_host);
        let mut paths: Vec<&PathBuf> = pairs.flat_map(|pair| [&pair.cert_file, &pair.key_file]).collect();
        if let Some(files) = authority_files(&config.clients) {
            paths.push(&files.ca_file);
            paths.extend(&files.crl_file);
        }
        for path in paths {
            contents.insert(path.clone(), read_file(path)?);
        }
        Ok(Contents(contents))
    }

    fn of(&self, path: &Path) -> &[u8] {
        self.0.get(path).map_or(&[], Vec::as_slice)
    }

    /// The PEM sections of one kind in a file, at least one.
    fn sections<T: PemObject>(&self, path: &Path, expected: &'static str) -> Result<Vec<T>, TlsError> {
        let wrong = |found: String| TlsError::Contents { path: path.into(), expected, found };
        let sections: Vec<T> = T::pem_slice_iter(self.of(path))
            .collect::<Result<_, _>>()
            .map_err(|error| wrong(format!("broken PEM: {error}")))?;
        if sections.is_empty() {
            return Err(wrong("none".to_owned()));
        }
        Ok(sections)
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |source| TlsError::File { path: path.into(), source };
    let len = std::fs::metadata(path).map_err(failed)?.len();
    if len > FILE_BYTES_MAX {
        let expected = "certificates or a key";
        return Err(TlsError::Contents { path: path.into(), expected, found: format!("{len} bytes") });
    }
    std::fs::read(path).map_err(failed)
}

const fn authority_files(clients: &ClientCertificates) -> Option<&AuthorityFiles> {
    match clients {
        ClientCertificates::No => None,
        ClientCertificates::Optional(files) | ClientCertificates::Required(files) => Some(files),
    }
}

/// Chooses a certificate by the host that the client names (RFC 6066, section 3).
pub(super) struct Resolver {
    default: Arc<CertifiedKey>,
    by_host: HashMap<String, Arc<CertifiedKey>>,
    expires_at_ms: i64,
}

impl Resolver {
    pub(super) fn new(config: &TlsConfig, contents: &Contents) -> Result<Resolver, TlsError> {
        let default = certified(&config.certificate, contents)?;
        let mut resolver =
            Resolver { default: Arc::clone(&default), by_host: HashMap::new(), expires_at_ms: expiry_ms(&default) };
        for pair in &config.by_host {
            let key = certified(pair, contents)?;
            resolver.expires_at_ms = resolver.expires_at_ms.min(expiry_ms(&key));
            let hosts = if pair.hosts.is_empty() { hosts_of(&key) } else { pair.hosts.clone() };
            for host in hosts {
                resolver.by_host.insert(host.to_ascii_lowercase(), Arc::clone(&key));
            }
        }
        Ok(resolver)
    }

    pub(super) const fn expires_at_ms(&self) -> i64 {
        self.expires_at_ms
    }

    /// The certificate for a host: that of its name, or of all names beside it, as `*.example.com`.
    fn find(&self, host: &str) -> Option<&Arc<CertifiedKey>> {
        self.by_host.get(host).or_else(|| {
            let (_, domain) = host.split_once('.')?;
            self.by_host.get(&format!("*.{domain}"))
        })
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let found = hello.server_name().and_then(|host| self.find(&host.to_ascii_lowercase()));
        Some(Arc::clone(found.unwrap_or(&self.default)))
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("hosts", &self.by_host.keys()).finish_non_exhaustive()
    }
}

fn certified(pair: &KeyPairFiles, contents: &Contents) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain: Vec<CertificateDer<'static>> = contents.sections(&pair.cert_file, "a certificate")?;
    let mut keys: Vec<PrivateKeyDer<'static>> = contents.sections(&pair.key_file, "a private key")?;
    let key = keys.remove(0);
    match CertifiedKey::from_der(chain, key, &provider()) {
        Ok(certified) => Ok(Arc::new(certified)),
        Err(RustlsError::InconsistentKeys(_)) => {
            Err(TlsError::OtherKey { cert: pair.cert_file.clone(), key: pair.key_file.clone() })
        }
        Err(error) => {
            let (path, expected) = (pair.key_file.clone(), "a key and certificate that fit each other");
            Err(TlsError::Contents { path, expected, found: error.to_string() })
        }
    }
}

fn hosts_of(key: &CertifiedKey) -> Vec<String> {
    let leaf = key.cert.first().and_then(|der| certificate::read(der));
    leaf.map_or_else(Vec::new, |leaf| leaf.dns_names.iter().map(ToString::to_string).collect())
}

fn expiry_ms(key: &CertifiedKey) -> i64 {
    key.cert.first().and_then(|der| certificate::read(der)).map_or(i64::MAX, |leaf| leaf.not_after.0)
}

/// Checks certificates of clients.
pub(super) struct Trust {
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    /// The serial numbers of the authorities, by their subject.
    serials: HashMap<String, String>,
}

impl Trust {
    /// `None` where clients are not asked for certificates.
    pub(super) fn new(config: &TlsConfig, contents: &Contents) -> Result<Option<Trust>, TlsError> {
        let Some(files) = authority_files(&config.clients) else { return Ok(None) };
        let wrong = |expected, found: String| TlsError::Contents { path: files.ca_file.clone(), expected, found };
        let expected = "certificates of authorities";
        let authorities: Vec<CertificateDer<'static>> = contents.sections(&files.ca_file, expected)?;
        let (mut roots, mut serials) = (RootCertStore::empty(), HashMap::new());
        for authority in authorities {
            if let Some(read) = certificate::read(&authority) {
                serials.insert(read.subject.to_string(), read.serial.to_string());
            }
            roots.add(authority).map_err(|error| wrong(expected, error.to_string()))?;
        }
        let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        if let Some(crl_file) = &files.crl_file {
            let lists: Vec<CertificateRevocationListDer<'static>> =
                contents.sections(crl_file, "a certificate revocation list")?;
            // A list of one authority says nothing about the certificates of another one.
            builder = builder.with_crls(lists).allow_unknown_revocation_status().only_check_end_entity_revocation();
        }
        if let ClientCertificates::Optional(_) = config.clients {
            builder = builder.allow_unauthenticated();
        }
        let verifier = builder.build().map_err(|error| {
            let path = files.crl_file.clone().unwrap_or_else(|| files.ca_file.clone());
            TlsError::Contents { path, expected: "lists that can be used", found: error.to_string() }
        })?;
        Ok(Some(Trust { verifier, serials }))
    }

    /// The serial number of the authority of that subject.
    pub(super) fn serial_of(&self, authority: &str) -> Option<&str> {
        self.serials.get(authority).map(String::as_str)
    }
}
