//! A token of OAuth 2 for our own requests: asked for with client credentials (RFC 6749, section 4.4), kept while it is
//! good, and asked for again before it is not.

use std::time::{Duration, Instant};

use engine::ErrorClass;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Url};
use tokio::sync::Mutex;

use super::request::percent_encoded;
use super::{NoAnswer, basic, class_of_network, network_reason};
use crate::secret::Secret;

/// A token without `expires_in` is kept for so long.
const LIFETIME_DEFAULT: Duration = Duration::from_secs(300);

/// A new token is asked for when so little is left of the old one, or a quarter of its time where that is less.
const EARLY_MAX: Duration = Duration::from_secs(60);

/// More than this of an answer is not read.
const ANSWER_BYTES_MAX: usize = 65_536;

/// The option `oauth2` of a connector.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Oauth2Options {
    pub(super) token_url: String,
    client_id: String,
    client_secret: Secret,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    audience: Option<String>,
    #[serde(default)]
    client_auth: ClientAuth,
}

/// Where the credentials of the client stand (RFC 6749, section 2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClientAuth {
    #[default]
    Basic,
    Body,
}

/// Where tokens come from, and the one that is good now.
#[derive(Debug)]
pub(super) struct Tokens {
    url: Url,
    /// The credentials, where they are a header.
    authorization: Option<HeaderValue>,
    form: Secret,
    /// Held while one is asked for, so that many requests ask once.
    current: Mutex<Option<Token>>,
}

#[derive(Debug)]
struct Token {
    /// `Bearer ...`, which is never printed.
    authorization: HeaderValue,
    renew_at: Instant,
}

impl Tokens {
    pub(super) fn new(options: &Oauth2Options, url: Url) -> Tokens {
        let Oauth2Options { token_url: _, client_id, client_secret, scope, audience, client_auth } = options;
        let mut form = "grant_type=client_credentials".to_owned();
        let mut add = |name: &str, value: &str| form.push_str(&format!("&{name}={}", percent_encoded(value)));
        for (name, value) in [("scope", scope), ("audience", audience)] {
            if let Some(value) = value {
                add(name, value);
            }
        }
        let authorization = match client_auth {
            ClientAuth::Basic => Some(basic(&percent_encoded(client_id), &percent_encoded(client_secret.expose()))),
            ClientAuth::Body => {
                add("client_id", client_id);
                add("client_secret", client_secret.expose());
                None
            }
        };
        Tokens { url, authorization, form: Secret::from(form), current: Mutex::new(None) }
    }

    /// The header of a token that is good: the one that is there, or a new one.
    pub(super) async fn authorization(&self, client: &Client) -> Result<HeaderValue, NoAnswer> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| now() < token.renew_at) {
            return Ok(token.authorization.clone());
        }
        let token = self.ask(client).await?;
        Ok(current.insert(token).authorization.clone())
    }

    /// Forgets a token that was refused, unless there is another by now.
    pub(super) async fn forget(&self, refused: &HeaderValue) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|token| token.authorization == refused) {
            *current = None;
        }
    }

    async fn ask(&self, client: &Client) -> Result<Token, NoAnswer> {
        let mut request = client.post(self.url.clone()).header(ACCEPT, "application/json");
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let response = request.body(self.form.expose().to_owned()).send().await;
        let mut response = response.map_err(|error| no_token(class_of_network(&error), &network_reason(&error)))?;
        let status = response.status();
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES_MAX {
                break;
            }
        }
        if status.is_success() {
            return Token::read(&body);
        }
        let class = match status.as_u16() {
            429 => ErrorClass::Throttled,
            400..=499 => ErrorClass::Unauthorized,
            _ => ErrorClass::Unavailable,
        };
        Err(no_token(class, &format!("answered {}{}", status.as_u16(), error_of(&body))))
    }
}

impl Token {
    /// Reads the answer of the service (RFC 6749, section 5.1).
    fn read(body: &[u8]) -> Result<Token, NoAnswer> {
        let wrong = |what: &str| no_token(ErrorClass::Refused, what);
        let answer: serde_json::Value =
            serde_json::from_slice(body).map_err(|_| wrong("expected an answer in JSON, found something else"))?;
        let token = answer["access_token"].as_str().ok_or_else(|| wrong("the answer has no `access_token`"))?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| wrong("the token does not fit into a header"))?;
        authorization.set_sensitive(true);
        // Some services write the number as text.
        let expires_in = &answer["expires_in"];
        let lifetime_s = expires_in.as_u64().or_else(|| expires_in.as_str()?.parse().ok());
        // Longer than a year is as good as for ever, and fits every clock.
        let lifetime = lifetime_s.map_or(LIFETIME_DEFAULT, |s| Duration::from_secs(s.min(31_536_000)));
        Ok(Token { authorization, renew_at: now() + lifetime - EARLY_MAX.min(lifetime / 4) })
    }
}

fn no_token(class: ErrorClass, what: &str) -> NoAnswer {
    NoAnswer { class, reason: format!("no token: {what}") }
}

/// What the service says is wrong (RFC 6749, section 5.2): `: invalid_client`. Nothing else of its answer is shown.
fn error_of(body: &[u8]) -> String {
    let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    match answer["error"].as_str() {
        Some(error) => format!(": {}", error.chars().filter(|c| !c.is_control()).take(100).collect::<String>()),
        None => String::new(),
    }
}

#[expect(clippy::disallowed_methods, reason = "how old a token is, is asked of the clock, at the edge")]
fn now() -> Instant {
    Instant::now()
}
