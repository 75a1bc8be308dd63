//! The certificates that clients show.

use events::{CertificateRegistered, CertificateRejected, CertificateStatus, Kind};

use crate::clock::Now;
use crate::connection::facts::Peer;
use crate::hub::Hub;
use crate::transport::Shown;

impl Hub {
    /// A client has shown a certificate: one that was not seen before, or one that was refused.
    pub(crate) fn tell_certificate(&self, now: Now, peer: &Peer, shown: &Shown) {
        let certificate = &*shown.certificate;
        if shown.status != CertificateStatus::Active {
            tracing::debug!(peername = %peer.peername, subject = &*certificate.subject, "a certificate was refused");
            if self.bus.wants(Kind::CertificateRejected) {
                self.emit_unauthenticated(now, peer, rejected(peer, shown), shown.status.name());
            }
        } else if self.config.seen_certificates.is_new(certificate) && self.bus.wants(Kind::CertificateRegistered) {
            let body = CertificateRegistered {
                cert_sn: certificate.serial.clone(),
                ca_sn: shown.authority_serial.clone(),
                cert_cn: certificate.common_name.clone(),
                cert_subject: certificate.subject.clone(),
                cert_issuer: certificate.issuer.clone(),
                cert_fingerprint: certificate.fingerprint_sha256.clone(),
                status: shown.status,
                not_before: certificate.not_before,
                not_after: certificate.not_after,
                sni: peer.tls.as_ref().and_then(|tls| tls.server_name.clone()),
                peername: peer.peername,
                sockname: peer.sockname,
            };
            self.emit(now, Some(peer), None, body);
        }
    }
}

fn rejected(peer: &Peer, shown: &Shown) -> CertificateRejected {
    let certificate = &*shown.certificate;
    CertificateRejected {
        cert_sn: certificate.serial.clone(),
        ca_sn: shown.authority_serial.clone(),
        cert_cn: certificate.common_name.clone(),
        cert_subject: certificate.subject.clone(),
        cert_issuer: certificate.issuer.clone(),
        cert_fingerprint: certificate.fingerprint_sha256.clone(),
        status: shown.status,
        reason: shown.status,
        detail: shown.words.clone(),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        peername: peer.peername,
        sockname: peer.sockname,
        repeated: 1,
    }
}
