//! The handshake of a connection: what the client has shown, or why there is no connection.

use std::io;
use std::sync::Arc;

use events::{CertificateStatus, DisconnectReason};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    DigitallySignedStruct, DistinguishedName, Error, ProtocolVersion, ServerConfig, SignatureScheme,
};
use tokio_rustls::server::TlsStream;

use super::{Loaded, Tls, certificate, provider, versions, with_tickets, words};
use crate::connection::facts::TlsFacts;
use crate::transport::{Fault, Shown};

/// Takes the handshake of a client. What it says about the client is put into `facts`, and a certificate that was shown
/// into `shown`, also where it is refused.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    tls: &Tls,
    shown: &mut Option<Shown>,
) -> io::Result<(TlsStream<S>, TlsFacts)> {
    let loaded = tls.0.current.load_full();
    let (config, witness) = loaded.for_handshake(tls);
    match TlsAcceptor::from(config).accept(stream).await {
        Ok(stream) => {
            let (_, session) = stream.get_ref();
            let certificate = session.peer_certificates().and_then(|chain| certificate::read(chain.first()?));
            let certificate = certificate.map(Arc::new);
            *shown = certificate.as_ref().map(|certificate| Shown {
                certificate: Arc::clone(certificate),
                authority_serial: loaded.authority_serial(&certificate.issuer),
                status: CertificateStatus::Active,
                words: None,
            });
            let facts = TlsFacts {
                server_name: session.server_name().map(Into::into),
                version: version_name(session.protocol_version()),
                certificate,
            };
            Ok((stream, facts))
        }
        Err(error) => {
            let told = words::describe(&error);
            let refused = witness.and_then(|witness| witness.refused.lock().take());
            if let Some((der, error)) = refused
                && let Some(certificate) = certificate::read(&der)
            {
                *shown = Some(Shown {
                    authority_serial: loaded.authority_serial(&certificate.issuer),
                    certificate: Arc::new(certificate),
                    status: words::status_of(&error),
                    words: Some(told.clone().into()),
                });
            }
            Err(Fault::new(DisconnectReason::TlsError, told).into())
        }
    }
}

const fn version_name(version: Option<ProtocolVersion>) -> &'static str {
    match version {
        Some(ProtocolVersion::TLSv1_2) => "1.2",
        _ => "1.3",
    }
}

impl Loaded {
    /// The configuration of one handshake. Where clients show certificates it has a witness of its own, which keeps the
    /// certificate that is refused.
    fn for_handshake(&self, tls: &Tls) -> (Arc<ServerConfig>, Option<Arc<Witness>>) {
        let Some(trust) = &self.trust else { return (Arc::clone(&self.config), None) };
        let witness = Arc::new(Witness { inner: Arc::clone(&trust.verifier), refused: Mutex::default() });
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions(tls.0.config.version_min))
            .expect("the provider has cipher suites for both versions")
            .with_client_cert_verifier(Arc::<Witness>::clone(&witness))
            .with_cert_resolver(Arc::<super::Resolver>::clone(&self.resolver));
        (Arc::new(with_tickets(config, self.tickets.as_ref())), Some(witness))
    }

    fn authority_serial(&self, issuer: &str) -> Option<bytestring::ByteString> {
        self.trust.as_ref()?.serial_of(issuer).map(Into::into)
    }
}

/// Checks a certificate as `inner` does, and keeps the one that is refused: rustls does not hand it on.
#[derive(Debug)]
struct Witness {
    inner: Arc<dyn ClientCertVerifier>,
    refused: Mutex<Option<(CertificateDer<'static>, Error)>>,
}

impl ClientCertVerifier for Witness {
    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.inner.verify_client_cert(end_entity, intermediates, now);
        verified.inspect_err(|error| *self.refused.lock() = Some((end_entity.clone().into_owned(), error.clone())))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
