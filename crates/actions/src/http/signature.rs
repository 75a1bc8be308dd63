//! A header by which the receiver knows who has sent a request, and that nobody has changed its body.

use engine::ConfigError;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Sha256, Sha512};

use crate::secret::Secret;

/// The option `signature` of a connector.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignatureOptions {
    secret: Secret,
    #[serde(default = "default_header")]
    header: String,
    #[serde(default)]
    algorithm: Algorithm,
    #[serde(default)]
    timestamp_header: Option<String>,
}

fn default_header() -> String {
    "x-signature".to_owned()
}

/// The hash of the HMAC.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Algorithm {
    #[default]
    Sha256,
    Sha512,
}

/// Signs bodies: `sha256=` and the HMAC in lower-case hexadecimal digits, as webhooks of GitHub and others have it.
#[derive(Debug)]
pub(super) struct Signature {
    secret: Secret,
    algorithm: Algorithm,
    header: HeaderName,
    /// Where the time stands that is signed with the body, so that an old request cannot be sent again.
    timestamp_header: Option<HeaderName>,
}

impl Signature {
    pub(super) fn new(options: SignatureOptions) -> Result<Signature, ConfigError> {
        let SignatureOptions { secret, header, algorithm, timestamp_header } = options;
        if secret.expose().is_empty() {
            return Err(ConfigError::at(&["signature"], "`signature.secret`: expected a secret, found an empty text"));
        }
        let header = name_of(&header)?;
        let timestamp_header = timestamp_header.as_deref().map(name_of).transpose()?;
        Ok(Signature { secret, algorithm, header, timestamp_header })
    }

    /// The headers that it sets.
    pub(super) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        [&self.header].into_iter().chain(&self.timestamp_header)
    }

    /// Sets the headers for a body as it is sent. With a time, `TIME.BODY` is signed.
    pub(super) fn sign(&self, now_s: i64, body: &[u8], headers: &mut HeaderMap) {
        let time = self.timestamp_header.as_ref().map(|_| now_s.to_string());
        let prefix = time.as_ref().map(|time| format!("{time}.")).unwrap_or_default();
        let key = self.secret.expose().as_bytes();
        let (name, digits) = match self.algorithm {
            Algorithm::Sha256 => ("sha256", hex(&digest::<Hmac<Sha256>>(key, [prefix.as_bytes(), body]))),
            Algorithm::Sha512 => ("sha512", hex(&digest::<Hmac<Sha512>>(key, [prefix.as_bytes(), body]))),
        };
        headers.insert(self.header.clone(), ascii(&format!("{name}={digits}")));
        if let (Some(name), Some(time)) = (&self.timestamp_header, time) {
            headers.insert(name.clone(), ascii(&time));
        }
    }
}

fn name_of(text: &str) -> Result<HeaderName, ConfigError> {
    HeaderName::from_bytes(text.as_bytes())
        .map_err(|_| ConfigError::at(&["signature"], format!("`signature`: `{text}` is no name of a header")))
}

fn digest<M: Mac + KeyInit>(key: &[u8], parts: [&[u8]; 2]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("an HMAC takes a key of any length");
    parts.into_iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("digits and letters are a header value")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(options: &str, body: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let options: SignatureOptions = toml::from_str(options).unwrap();
        Signature::new(options).unwrap().sign(1_700_000_000, body, &mut headers);
        headers
    }

    #[test]
    fn a_body_is_signed_as_rfc_4231_has_it() {
        let headers = signed("secret = 'Jefe'", b"what do ya want for nothing?");
        assert_eq!(headers["x-signature"], "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let headers =
            signed("secret = 'Jefe'\nalgorithm = 'sha512'\nheader = 'x-hub'", b"what do ya want for nothing?");
        assert!(headers["x-hub"].to_str().unwrap().starts_with("sha512=164b7a7bfcf819e2e395fbe73b56e0a3"));
    }

    #[test]
    fn a_time_is_signed_with_the_body() {
        let headers = signed("secret = 'k'\ntimestamp_header = 'x-time'", b"{}");
        assert_eq!(headers["x-time"], "1700000000");
        assert_eq!(headers["x-signature"], signed("secret = 'k'", b"1700000000.{}")["x-signature"]);
    }

    #[test]
    fn what_is_wrong_is_told_without_the_secret() {
        let options: SignatureOptions = toml::from_str("secret = 'hush'\nheader = 'x y'").unwrap();
        assert!(!format!("{options:?}").contains("hush"));
        assert_eq!(Signature::new(options).unwrap_err().message, "`signature`: `x y` is no name of a header");
    }
}
