//! The certificates of clients that were seen before, over restarts.

use std::collections::HashSet;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::certificate::PeerCertificate;
use crate::error::AuthError;
use crate::file::read_text;

/// Certificates that are remembered. Beyond it new ones are new each time they come.
const CERTIFICATES_MAX: usize = 200_000;

/// The certificates that were seen. Cloning gives another handle of the same.
#[derive(Clone, Default)]
pub struct SeenCertificates(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    fingerprints: HashSet<[u8; 32]>,
    /// A line for each; `None` where nothing is kept.
    file: Option<File>,
}

impl SeenCertificates {
    /// Reads the file that was written before, and goes on with it. A line that is none of ours is left alone.
    pub fn open(path: &Path) -> Result<SeenCertificates, AuthError> {
        let text = read_text(path)?.unwrap_or_default();
        let fingerprints = text.lines().filter_map(|line| digits(line.split(' ').next()?)).collect();
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        let file = opened.map_err(|source| AuthError::File { verb: "write", path: path.into(), source })?;
        Ok(SeenCertificates(Arc::new(Mutex::new(Seen { fingerprints, file: Some(file) }))))
    }

    /// Whether a certificate was not seen before; it is from now on.
    pub fn is_new(&self, certificate: &PeerCertificate) -> bool {
        let Some(fingerprint) = digits(&certificate.fingerprint_sha256) else { return true };
        let mut seen = self.0.lock();
        if seen.fingerprints.contains(&fingerprint) {
            return false;
        }
        if seen.fingerprints.len() < CERTIFICATES_MAX {
            seen.fingerprints.insert(fingerprint);
            let line = format!("{} {}\n", certificate.fingerprint_sha256, certificate.subject.escape_debug());
            if let Some(Err(error)) = seen.file.as_mut().map(|file| file.write_all(line.as_bytes())) {
                tracing::warn!(%error, "a certificate that was seen is not remembered over a restart");
            }
        }
        true
    }
}

/// Without the certificates, of which there may be many.
impl fmt::Debug for SeenCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenCertificates").field("len", &self.0.lock().fingerprints.len()).finish_non_exhaustive()
    }
}

fn digits(text: &str) -> Option<[u8; 32]> {
    let pairs =
        text.as_bytes().chunks_exact(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    pairs.collect::<Option<Vec<u8>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(digit: char) -> PeerCertificate {
        let fingerprint_sha256 = digit.to_string().repeat(64).into();
        PeerCertificate { fingerprint_sha256, subject: "CN=a b\nc".into(), ..PeerCertificate::default() }
    }

    #[test]
    fn a_certificate_is_new_once_over_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("certificates");
        let seen = SeenCertificates::open(&path).unwrap();
        assert!(seen.is_new(&certificate('a')) && !seen.is_new(&certificate('a')));
        drop(seen);
        let seen = SeenCertificates::open(&path).unwrap();
        assert!(!seen.is_new(&certificate('a')) && seen.is_new(&certificate('b')));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
    }
}
