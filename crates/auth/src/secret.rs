//! Text that must not be shown: secrets, tokens, header values.

use std::fmt;

/// Text that is used but never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one place that uses it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Secret {
        Secret(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// What stands for a text that is not shown.
pub const HIDDEN: &str = "******";

/// A text as it may be shown under its key: references stay as written, literal secrets are hidden.
pub fn without_secret(path: &str, text: &str) -> String {
    let is_reference = text.contains("${env:") || text.contains("${file:");
    if !is_reference && names_a_secret(path) { HIDDEN.to_owned() } else { without_password(text) }
}

/// Whether the name of an option says that its value is nobody's business.
fn names_a_secret(path: &str) -> bool {
    const TELLING: [&str; 12] = [
        "password",
        "passwd",
        "secret",
        "token",
        "authorization",
        "api_key",
        "x-api-key",
        "cookie",
        "bearer",
        "key_pem",
        "nkey",
        "credentials",
    ];
    let last = path.rsplit('.').next().unwrap_or(path).to_lowercase();
    // `token_url` of OAuth 2 is an address.
    TELLING.iter().any(|word| last.contains(word)) && !last.ends_with("_url")
}

/// A URL without the password of its user part.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (authority, tail) = match rest.find(['/', '?', '#']) {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, password)) if !password.starts_with("${") => format!("{scheme}://{name}:{HIDDEN}@{host}{tail}"),
            Some(_) | None => text.to_owned(),
        },
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden_and_references_are_shown() {
        assert_eq!(without_secret("connectors.db.password", "hunter2"), HIDDEN);
        assert_eq!(without_secret("connectors.db.password", "${env:PW}"), "${env:PW}");
        assert_eq!(without_secret("connectors.web.headers.Authorization", "Bearer x"), HIDDEN);
        assert_eq!(without_secret("connectors.db.url", "postgres://u:p@h/db"), "postgres://u:******@h/db");
        assert_eq!(without_secret("connectors.web.url", "https://h/x?a=b@c"), "https://h/x?a=b@c");
        assert_eq!(without_secret("oauth2.token_url", "https://h/token"), "https://h/token");
    }
}
