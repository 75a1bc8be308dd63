//! What happens to the certificates that clients show on listeners with mutual TLS.

use std::net::SocketAddr;

use bytestring::ByteString;

use super::client::{PEER, SOCK};
use super::event;
use crate::{CertificateStatus, Timestamp};

event! {
    /// A client has shown a certificate that this broker has not seen before.
    ///
    /// Emitted after the TLS handshake that accepted it, before CONNECT. What was seen is remembered over restarts.
    CertificateRegistered {
        /// The serial number of the certificate, in hexadecimal digits.
        cert_sn: ByteString = "5f3a9c".into(),
        /// The serial number of the authority that signed it; NULL where that is not one of `ca_file` itself.
        ca_sn: Option<ByteString> = Some("01".into()),
        /// The common name of its subject.
        cert_cn: Option<ByteString> = Some("pump-17".into()),
        /// The distinguished name of its subject.
        cert_subject: ByteString = "CN=pump-17, O=Plant".into(),
        /// The distinguished name of the authority that signed it.
        cert_issuer: ByteString = "CN=Plant CA".into(),
        /// SHA-256 of the certificate, in hexadecimal digits.
        cert_fingerprint: ByteString = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        /// How it stands: `active`.
        status: CertificateStatus = CertificateStatus::Active,
        /// When it begins to be valid, in ms.
        not_before: Timestamp = Timestamp::SAMPLE,
        /// When it expires, in ms.
        not_after: Timestamp = Timestamp::SAMPLE,
        /// The host that the client has asked for (SNI).
        sni: Option<ByteString> = Some("mqtt.example.com".into()),
        /// The address of the client, `host:port`.
        peername: SocketAddr = PEER,
        /// The address of the listener, `host:port`.
        sockname: SocketAddr = SOCK,
    }
}

event! {
    /// A client has shown a certificate that was refused.
    ///
    /// Emitted after the TLS handshake that failed, before `client_disconnected` with the reason `tls_error`. Beyond a
    /// number a second and source address the last one is told with their number in `repeated`.
    CertificateRejected {
        /// The serial number of the certificate, in hexadecimal digits.
        cert_sn: ByteString = "5f3a9c".into(),
        /// The serial number of the authority that signed it; NULL where that is not one of `ca_file` itself.
        ca_sn: Option<ByteString> = Some("01".into()),
        /// The common name of its subject.
        cert_cn: Option<ByteString> = Some("pump-17".into()),
        /// The distinguished name of its subject.
        cert_subject: ByteString = "CN=pump-17, O=Plant".into(),
        /// The distinguished name of the authority that signed it.
        cert_issuer: ByteString = "CN=Plant CA".into(),
        /// SHA-256 of the certificate, in hexadecimal digits.
        cert_fingerprint: ByteString = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        /// How it stands.
        status: CertificateStatus = CertificateStatus::Expired,
        /// Why it was refused; the same as `status`.
        reason: CertificateStatus = CertificateStatus::Expired,
        /// What exactly is wrong with it, in words.
        detail: Option<ByteString> = Some("the certificate has expired".into()),
        /// When it begins to be valid, in ms.
        not_before: Timestamp = Timestamp::SAMPLE,
        /// When it expires, in ms.
        not_after: Timestamp = Timestamp::SAMPLE,
        /// The address of the client, `host:port`.
        peername: SocketAddr = PEER,
        /// The address of the listener, `host:port`.
        sockname: SocketAddr = SOCK,
        /// How many such refusals this one stands for; 1 unless they came too fast.
        repeated: u32 = 1,
    }
}
