//! What went wrong in a handshake, in words that say what to do.

use std::io;

use events::CertificateStatus;
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

/// What is wrong with a certificate.
pub(super) fn status_of(error: &Error) -> CertificateStatus {
    let Error::InvalidCertificate(error) = error else { return CertificateStatus::Malformed };
    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum of rustls is open")]
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateStatus::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => CertificateStatus::NotYetValid,
        CertificateError::Revoked => CertificateStatus::Revoked,
        CertificateError::UnknownIssuer => CertificateStatus::UnknownCa,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            CertificateStatus::WrongPurpose
        }
        _ => CertificateStatus::Malformed,
    }
}

/// What has ended a handshake.
pub(super) fn describe(error: &io::Error) -> String {
    match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
        Some(error) => of_tls(error),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the client closed the connection during the TLS handshake; help: see whether it trusts the certificate of \
             this listener"
                .to_owned()
        }
        None => format!("the connection broke during the TLS handshake: {error}"),
    }
}

fn of_tls(error: &Error) -> String {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum of rustls is open")]
    match error {
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::NoCertificatesPresented => {
            "expected a certificate of the client, found none; help: give the client one \
            that is signed by an authority in `ca_file`, or set `verify = \"optional\"`"
                .to_owned()
        }
        Error::InvalidCertificate(_) => of_certificate(status_of(error), error),
        Error::PeerIncompatible(reason) => of_incompatible(reason),
        Error::InvalidMessage(_) => "expected a TLS handshake, found something else".to_owned(),
        other => format!("the TLS handshake went wrong: {other}"),
    }
}

fn of_certificate(status: CertificateStatus, error: &Error) -> String {
    match status {
        CertificateStatus::Malformed => format!("the certificate of the client was refused: {error}"),
        CertificateStatus::Active
        | CertificateStatus::Expired
        | CertificateStatus::NotYetValid
        | CertificateStatus::Revoked
        | CertificateStatus::UnknownCa
        | CertificateStatus::WrongPurpose => {
            let row = status.row();
            format!("the certificate of the client was refused: {}; help: {}", row.meaning, row.remedy)
        }
    }
}

fn of_alert(alert: AlertDescription) -> String {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum of rustls is open")]
    let help = match alert {
        AlertDescription::UnknownCA => {
            "it does not trust the authority that signed the certificate of this listener; give the client the \
             certificate of that authority"
        }
        AlertDescription::CertificateExpired => "the certificate of this listener has expired; renew it",
        AlertDescription::BadCertificate | AlertDescription::CertificateUnknown => {
            "it does not accept the certificate of this listener; see whether the name the client connects to is in it"
        }
        AlertDescription::ProtocolVersion => "it speaks none of the TLS versions of this listener",
        AlertDescription::CloseNotify | AlertDescription::UserCanceled => "it gave up",
        _ => "see the log of the client",
    };
    format!("the client ended the TLS handshake with the alert `{alert:?}`; help: {help}")
}

fn of_incompatible(reason: &PeerIncompatible) -> String {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum of rustls is open")]
    match reason {
        PeerIncompatible::NoCipherSuitesInCommon => {
            "client and broker have no cipher suite in common; help: update the TLS library of the client".to_owned()
        }
        PeerIncompatible::NoKxGroupsInCommon => {
            "client and broker have no key exchange group in common; help: allow X25519 or P-256 in the client"
                .to_owned()
        }
        PeerIncompatible::NoSignatureSchemesInCommon => {
            "the client takes no signature that the key of this listener can make; help: use an ECDSA P-256 or RSA key"
                .to_owned()
        }
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::SupportedVersionsExtensionRequired => {
            "client and broker have no TLS version in common; help: update the client, or lower `min_version`"
                .to_owned()
        }
        other => format!("client and broker have no TLS in common: {other:?}"),
    }
}
