//! Clients that show a certificate: the listener has verified it, and here it becomes a user name.

use std::sync::Arc;

use bytestring::ByteString;

use super::{Answer, Grant};
use crate::acl::SUPERUSER;
use crate::certificate::PeerCertificate;
use crate::identity::Credentials;

/// The options of an authenticator of kind `certificate`.
#[derive(Clone, Debug, Default)]
pub struct CertificateOptions {
    /// What of the certificate is the user name.
    pub username: CertificateName,
    /// Whether a client that sends a user name of its own has to send this one.
    pub username_must_match: bool,
    /// Whether the client identifier has to be this name too.
    pub client_id_must_match: bool,
    /// The roles of all clients with a certificate.
    pub roles: Vec<ByteString>,
}

/// A name in a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertificateName {
    /// The common name of the subject.
    #[default]
    CommonName,
    /// The whole distinguished name of the subject.
    Subject,
    /// The first subject alternative name that is a DNS name.
    DnsName,
    /// The first that is a mail address.
    Email,
    /// The first that is a URI.
    Uri,
    /// The SHA-256 of the certificate.
    Fingerprint,
}

/// An authenticator of kind `certificate`.
#[derive(Debug)]
pub(crate) struct Certificate {
    options: CertificateOptions,
    roles: Arc<[ByteString]>,
}

impl Certificate {
    pub(crate) fn new(options: CertificateOptions) -> Certificate {
        Certificate { roles: options.roles.clone().into(), options }
    }

    pub(super) fn look(&self, credentials: &Credentials<'_>) -> Answer {
        let Some(certificate) = credentials.certificate else { return Answer::ignore("no certificate was shown") };
        let Some(name) = self.options.username.of(certificate) else {
            return Answer::Ignore(format!("the certificate has no {}", self.options.username.words()).into());
        };
        if let Some(sent) = credentials.username.filter(|sent| self.options.username_must_match && *sent != &**name) {
            return Answer::wrong(format!("the certificate is that of `{name}`, the user name is `{sent}`"));
        }
        if self.options.client_id_must_match && credentials.client_id != &**name {
            let client_id = credentials.client_id;
            return Answer::wrong(format!(
                "the certificate is that of `{name}`, the client identifier is `{client_id}`"
            ));
        }
        Answer::Allow(Box::new(Grant {
            username: Some(name.clone()),
            superuser: self.roles.iter().any(|role| &**role == SUPERUSER),
            roles: Arc::clone(&self.roles),
            ..Grant::default()
        }))
    }
}

impl CertificateName {
    fn of(self, certificate: &PeerCertificate) -> Option<&ByteString> {
        let name = match self {
            CertificateName::CommonName => certificate.common_name.as_ref(),
            CertificateName::Subject => Some(&certificate.subject),
            CertificateName::DnsName => certificate.dns_names.first(),
            CertificateName::Email => certificate.emails.first(),
            CertificateName::Uri => certificate.uris.first(),
            CertificateName::Fingerprint => Some(&certificate.fingerprint_sha256),
        };
        name.filter(|name| !name.is_empty())
    }

    const fn words(self) -> &'static str {
        match self {
            CertificateName::CommonName => "common name",
            CertificateName::Subject => "subject",
            CertificateName::DnsName => "DNS name",
            CertificateName::Email => "mail address",
            CertificateName::Uri => "URI",
            CertificateName::Fingerprint => "fingerprint",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(options: CertificateOptions, username: Option<&str>, client_id: &str, shown: bool) -> Answer {
        let certificate = PeerCertificate {
            common_name: Some("pump-17".into()),
            subject: "CN=pump-17,O=Example".into(),
            dns_names: vec!["pump-17.example.com".into()],
            ..PeerCertificate::default()
        };
        Certificate::new(options).look(&Credentials {
            client_id,
            username,
            password: None,
            peer: "10.0.0.1:5".parse().unwrap(),
            listener: "tls",
            certificate: shown.then_some(&certificate),
            at: events::Timestamp::SAMPLE,
        })
    }

    #[test]
    fn a_name_of_the_certificate_is_the_user_name() {
        for (username, expected) in [
            (CertificateName::CommonName, "pump-17"),
            (CertificateName::Subject, "CN=pump-17,O=Example"),
            (CertificateName::DnsName, "pump-17.example.com"),
        ] {
            let options = CertificateOptions { username, roles: vec!["crew".into()], ..CertificateOptions::default() };
            let Answer::Allow(grant) = look(options, Some("anybody"), "c", true) else { panic!("expected to get in") };
            assert_eq!((grant.username.as_deref(), grant.roles.len()), (Some(expected), 1));
        }
        let options = CertificateOptions { username: CertificateName::Email, ..CertificateOptions::default() };
        assert_eq!(look(options, None, "c", true), Answer::Ignore("the certificate has no mail address".into()));
        assert_eq!(look(CertificateOptions::default(), None, "c", false), Answer::ignore("no certificate was shown"));
    }

    #[test]
    fn names_that_have_to_match_do() {
        let strict = || CertificateOptions {
            username_must_match: true,
            client_id_must_match: true,
            ..CertificateOptions::default()
        };
        assert!(matches!(look(strict(), Some("pump-17"), "pump-17", true), Answer::Allow(_)));
        assert!(matches!(look(strict(), None, "pump-17", true), Answer::Allow(_)));
        assert!(matches!(look(strict(), Some("pump-18"), "pump-17", true), Answer::Deny(..)));
        assert!(matches!(look(strict(), None, "pump-18", true), Answer::Deny(..)));
    }
}
