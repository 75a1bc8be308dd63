//! Authorities and the certificates they sign, as PEM files in the directory of a broker.

use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SerialNumber, date_time_ymd,
};

use super::server::Home;

/// An authority.
#[derive(Debug)]
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Server,
    Client,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(SerialNumber::from(77u64));
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// Writes its own certificate.
    pub(crate) fn write(&self, home: &Home, file: &str) -> PathBuf {
        home.write(file, &self.pem);
        home.path().join(file)
    }

    /// Writes a certificate and its key as `NAME.pem` and `NAME.key`.
    pub(crate) fn sign(&self, home: &Home, name: &str, (purpose, serial): (Purpose, u64)) {
        self.sign_until(home, name, (purpose, serial), 2040);
    }

    /// The same, with the year in which it expires.
    pub(crate) fn sign_until(&self, home: &Home, name: &str, (purpose, serial): (Purpose, u64), year: i32) {
        let hosts = match purpose {
            Purpose::Server => vec!["localhost".to_owned(), "127.0.0.1".to_owned(), name.to_owned()],
            Purpose::Client => Vec::new(),
        };
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(serial));
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        params.extended_key_usages = vec![match purpose {
            Purpose::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        home.write(&format!("{name}.key"), &key.serialize_pem());
        home.write(&format!("{name}.pem"), &certificate.pem());
    }

    /// Writes the list of what it has revoked.
    pub(crate) fn revoke(&self, home: &Home, file: &str, serials: &[u64]) {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2040, 1, 1),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        home.write(file, &list.signed_by(&self.issuer).unwrap().pem().unwrap());
    }
}
