//! Whom a connection to another server trusts, and which certificate it shows.

use std::sync::Arc;

use engine::ConfigError;
use rustls_platform_verifier::Verifier;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ClientConfig};

use crate::secret::Secret;

/// What the options of a connector say of TLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TlsOptions<'a> {
    /// Authorities beside those of the system.
    pub(crate) ca_pem: Option<&'a str>,
    /// Our certificate.
    pub(crate) cert_pem: Option<&'a str>,
    /// The key of our certificate.
    pub(crate) key_pem: Option<&'a Secret>,
}

impl TlsOptions<'_> {
    /// Refuses what would do nothing where the url has no TLS; `help` says how to write it with TLS.
    pub(crate) fn check_unused(&self, help: &str) -> Result<(), ConfigError> {
        let given = [
            ("ca_pem", self.ca_pem.is_some()),
            ("cert_pem", self.cert_pem.is_some()),
            ("key_pem", self.key_pem.is_some()),
        ];
        match given.into_iter().find(|(_, is_there)| *is_there) {
            Some((name, _)) => Err(ConfigError::at(&[name], format!("`{name}`: the `url` has no TLS")).with_help(help)),
            None => Ok(()),
        }
    }

    /// The TLS of a connector.
    pub(crate) fn client_config(&self) -> Result<ClientConfig, ConfigError> {
        let authorities = match self.ca_pem {
            Some(pem) => certificates("ca_pem", pem)?,
            None => Vec::new(),
        };
        let refused =
            |name: &'static str| move |error: rustls::Error| ConfigError::at(&[name], format!("`{name}`: {error}"));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Verifier::new_with_extra_roots(authorities, Arc::clone(&provider)).map_err(refused("ca_pem"))?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(refused("url"))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        match (self.cert_pem, self.key_pem) {
            (None, None) => Ok(builder.with_no_client_auth()),
            (Some(cert), Some(key)) => {
                let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
                    .map_err(|_| ConfigError::at(&["key_pem"], "`key_pem`: expected a private key in PEM"))?;
                builder.with_client_auth_cert(certificates("cert_pem", cert)?, key).map_err(refused("cert_pem"))
            }
            (Some(_), None) => Err(ConfigError::at(&["cert_pem"], "`cert_pem` needs a `key_pem`")),
            (None, Some(_)) => Err(ConfigError::at(&["key_pem"], "`key_pem` needs a `cert_pem`")),
        }
    }
}

fn certificates(name: &str, pem: &str) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    read.ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or_else(|| ConfigError::at(&[name], format!("`{name}`: expected a certificate in PEM")))
}
