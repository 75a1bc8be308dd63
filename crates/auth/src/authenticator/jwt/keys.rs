//! The keys that tokens are signed with: in the configuration, or fetched from where the signer shows them (RFC 7517).
//!
//! Fetched keys are fetched again every now and then, and when a token names one that is not there; the latter not more
//! often than every [`ON_DEMAND_EVERY`], as anybody can send such tokens. While the signer does not answer, the keys of
//! before stay.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Header};
use std::sync::Arc;
use tokio::sync::Mutex;

use super::super::Answer;
use crate::clock::Clock;
use crate::error::AuthError;
use crate::http_client::{HttpClient, HttpClientOptions};
use crate::secret::Secret;

/// How often, at most, keys are fetched because a token names one that is not there.
const ON_DEMAND_EVERY: Duration = Duration::from_secs(10);
/// How often it is tried again while the signer does not answer.
const AFTER_FAILURE_EVERY: Duration = Duration::from_secs(10);
/// Keys of one signer.
const KEYS_MAX: usize = 64;

/// Who may have signed a token: one of `secret`, `public_key_pem` and `jwks_url`.
#[derive(Clone, Debug, Default)]
pub struct KeyOptions {
    /// What signer and broker both know, for HS256, HS384 and HS512.
    pub secret: Option<Secret>,
    /// Whether the secret is written in base 64.
    pub secret_is_base64: bool,
    /// The public key of the signer, in PEM.
    pub public_key_pem: Option<String>,
    /// Where the signer shows its keys.
    pub jwks_url: Option<String>,
    /// How often they are fetched, in s.
    pub jwks_refresh_s: u32,
    /// How they are fetched.
    pub client: HttpClientOptions,
    /// The algorithms that may be used; all that fit the keys where it is empty.
    pub algorithms: Vec<String>,
}

/// A key and what it is for.
#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

/// The keys.
#[derive(Debug)]
pub(super) struct Keys {
    algorithms: Vec<Algorithm>,
    own: Vec<Key>,
    remote: Option<Remote>,
}

/// Keys that the signer shows.
#[derive(Debug)]
struct Remote {
    url: reqwest::Url,
    client: HttpClient,
    refresh_every: Duration,
    clock: Clock,
    keys: ArcSwapOption<Vec<Key>>,
    /// Held by whoever fetches; the others wait for what comes.
    fetching: Mutex<()>,
    /// When they were fetched last or it was tried, in ms; 0 for never.
    tried_ms: AtomicU64,
}

/// What there is for a token.
pub(super) enum Found {
    /// One of these may have signed it.
    Keys(Vec<DecodingKey>),
    /// Fetching may help.
    Fetch,
    /// There is none, and this is the answer.
    None(Answer),
}

impl Keys {
    pub(super) fn new(path: &str, options: &KeyOptions, clock: Clock) -> Result<Keys, AuthError> {
        let wrong = |option: &str, message: String| AuthError::option(&format!("{path}.{option}"), (message, None));
        let mut algorithms = Vec::new();
        for name in &options.algorithms {
            let algorithm = name
                .parse()
                .map_err(|_| wrong("algorithms", format!("expected an algorithm such as `RS256`, found `{name}`")))?;
            algorithms.push(algorithm);
        }
        let given = [options.secret.is_some(), options.public_key_pem.is_some(), options.jwks_url.is_some()];
        if given.iter().filter(|given| **given).count() != 1 {
            let message = "expected one of `secret`, `public_key_pem` and `jwks_url`".to_owned();
            return Err(AuthError::option(path, (message, None)));
        }
        let mut own = Vec::new();
        if let Some(secret) = &options.secret {
            own.push(secret_key(secret, options.secret_is_base64).map_err(|message| wrong("secret", message))?);
        }
        if let Some(pem) = &options.public_key_pem {
            own.push(pem_key(pem).map_err(|message| wrong("public_key_pem", message))?);
        }
        let remote = options.jwks_url.as_ref().map(|url| Remote::new(path, url, options, clock)).transpose()?;
        Ok(Keys { algorithms, own, remote })
    }

    /// The keys that may have signed a token with this header.
    pub(super) fn find(&self, header: &Header) -> Found {
        if !self.algorithms.is_empty() && !self.algorithms.contains(&header.alg) {
            return Found::None(Answer::Ignore(format!("tokens signed with {:?} are not taken", header.alg).into()));
        }
        let fetched = self.remote.as_ref().map(|remote| remote.keys.load_full());
        let fetched_keys = fetched.as_ref().and_then(Option::as_ref);
        let all = self.own.iter().chain(fetched_keys.iter().flat_map(|keys| keys.iter()));
        let keys: Vec<DecodingKey> = all.filter(|key| key.fits(header)).map(|key| key.key.clone()).collect();
        match &self.remote {
            _ if !keys.is_empty() => Found::Keys(keys),
            Some(remote) if remote.may_fetch() => Found::Fetch,
            Some(_) if fetched_keys.is_none() => Found::None(Answer::Failed("the keys cannot be fetched".into())),
            Some(_) | None => Found::None(Answer::ignore("the token is signed with a key that is not known")),
        }
    }

    /// Fetches keys because a token names one that is not there, unless that was done lately.
    pub(super) async fn fetch_for(&self, header: &Header) {
        if let Some(remote) = &self.remote {
            let _one_at_a_time = remote.fetching.lock().await;
            // Whoever held the lock may have fetched what is wanted.
            if matches!(self.find(header), Found::Fetch) {
                remote.fetch().await;
            }
        }
    }

    /// Fetches the keys where it is time to; never ends.
    pub(super) async fn look_after(&self) {
        let Some(remote) = &self.remote else { return std::future::pending().await };
        loop {
            let is_there = {
                let _one_at_a_time = remote.fetching.lock().await;
                remote.fetch().await
            };
            tokio::time::sleep(if is_there { remote.refresh_every } else { AFTER_FAILURE_EVERY }).await;
        }
    }
}

impl Key {
    fn fits(&self, header: &Header) -> bool {
        let same_id = match (&self.id, &header.kid) {
            (Some(id), Some(wanted)) => id == wanted,
            (Some(_) | None, None) | (None, Some(_)) => true,
        };
        same_id
            && self.key.family() == header.alg.family()
            && self.algorithm.is_none_or(|algorithm| algorithm == header.alg)
    }
}

impl Remote {
    fn new(path: &str, url: &str, options: &KeyOptions, clock: Clock) -> Result<Remote, AuthError> {
        let url = HttpClient::url(url).map_err(|wrong| AuthError::option(&format!("{path}.jwks_url"), wrong))?;
        Ok(Remote {
            url,
            client: HttpClient::new(path, &options.client)?,
            refresh_every: Duration::from_secs(u64::from(options.jwks_refresh_s.max(1))),
            clock,
            keys: ArcSwapOption::empty(),
            fetching: Mutex::default(),
            tried_ms: AtomicU64::new(0),
        })
    }

    /// Whether it was not tried lately.
    fn may_fetch(&self) -> bool {
        let tried_ms = self.tried_ms.load(Ordering::Relaxed);
        let every_ms = u64::try_from(ON_DEMAND_EVERY.as_millis()).unwrap_or(u64::MAX);
        tried_ms == 0 || self.clock.now_ms() >= tried_ms.saturating_add(every_ms)
    }

    /// Whether it came to something.
    async fn fetch(&self) -> bool {
        self.tried_ms.store(self.clock.now_ms().max(1), Ordering::Relaxed);
        let host = self.url.host_str().unwrap_or_default();
        match self.client.get_json(self.url.clone()).await.and_then(|answer| keys_of(&answer)) {
            Ok(keys) => {
                tracing::debug!(host, keys = keys.len(), "the keys of tokens were fetched");
                self.keys.store(Some(Arc::new(keys)));
                true
            }
            Err(error) => {
                let kept = self.keys.load().as_ref().map_or(0, |keys| keys.len());
                tracing::warn!(host, error, kept, "the keys of tokens cannot be fetched; those of before stay");
                false
            }
        }
    }
}

fn secret_key(secret: &Secret, is_base64: bool) -> Result<Key, String> {
    let key = if is_base64 {
        DecodingKey::from_base64_secret(secret.expose()).map_err(|_| "expected base 64, found other text".to_owned())?
    } else {
        DecodingKey::from_secret(secret.expose().as_bytes())
    };
    let is_empty = key.try_get_as_bytes().is_ok_and(<[u8]>::is_empty);
    if is_empty {
        Err("expected a secret, found an empty text".to_owned())
    } else {
        Ok(Key { id: None, algorithm: None, key })
    }
}

fn pem_key(pem: &str) -> Result<Key, String> {
    let pem = pem.as_bytes();
    let key = DecodingKey::from_rsa_pem(pem)
        .or_else(|_| DecodingKey::from_ec_pem(pem))
        .or_else(|_| DecodingKey::from_ed_pem(pem))
        .map_err(|_| "expected a public key in PEM (RSA, ECDSA or Ed25519), found other text".to_owned())?;
    Ok(Key { id: None, algorithm: None, key })
}

/// The keys of a JSON Web Key Set that can be used. Those of kinds we do not know, and symmetric ones, which nobody
/// should show, are left out.
fn keys_of(answer: &serde_json::Value) -> Result<Vec<Key>, String> {
    let Some(keys) = answer.get("keys").and_then(serde_json::Value::as_array) else {
        return Err("expected a list `keys`, found none".to_owned());
    };
    let usable: Vec<Key> = keys
        .iter()
        .filter_map(|value| {
            let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
            let is_symmetric = matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_));
            if is_symmetric || matches!(jwk.common.public_key_use, Some(PublicKeyUse::Encryption)) {
                return None;
            }
            let key = DecodingKey::from_jwk(&jwk).ok()?;
            // One for encryption alone has an algorithm that signs nothing.
            let algorithm = jwk.common.key_algorithm.map(Algorithm::try_from).transpose().ok()?;
            Some(Key { id: jwk.common.key_id, algorithm, key })
        })
        .filter(|key| key.key.family() != AlgorithmFamily::Hmac)
        .take(KEYS_MAX)
        .collect();
    if usable.is_empty() { Err(format!("expected a usable key, found none among {}", keys.len())) } else { Ok(usable) }
}
