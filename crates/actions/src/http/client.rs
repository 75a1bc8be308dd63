//! What a connector connects with: its address, the headers it always sends, its TLS and its limits.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use engine::ConfigError;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Certificate, Client, Identity, Url};

use super::guard::{Guard, PrivateAddresses};
use super::{HttpOptions, network_reason};
use crate::secret::Secret;

/// The address of a connector.
pub(super) fn url_of(options: &HttpOptions) -> Result<Url, ConfigError> {
    let Some(url) = &options.url else {
        return Err(ConfigError::at(&[], "`url` is missing").with_help("write `url = \"https://host/path\"`"));
    };
    let wrong = |message: String| ConfigError::at(&["url"], message);
    let url = Url::parse(url.expose()).map_err(|error| wrong(format!("`url`: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong(format!("`url`: expected `http` or `https`, found `{}`", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let help = "write `username` and `password` beside it";
        return Err(wrong("`url`: expected no user and no password".to_owned()).with_help(help));
    }
    if url.query().is_some() || url.fragment().is_some() {
        let help = "write the query in the `path` of the action";
        return Err(wrong("`url`: expected no query and no fragment".to_owned()).with_help(help));
    }
    Ok(url)
}

/// The headers of every request, that of `username` or `bearer` among them.
pub(super) fn headers_of(options: &HttpOptions, errors: &mut Vec<ConfigError>) -> HeaderMap {
    let mut map = HeaderMap::new();
    map.insert(USER_AGENT, HeaderValue::from_static(concat!("signalbox/", env!("CARGO_PKG_VERSION"))));
    own_headers(&options.headers, &mut map, errors);
    let ways = [
        ("headers.authorization", map.contains_key(AUTHORIZATION)),
        ("username", options.username.is_some()),
        ("bearer", options.bearer.is_some()),
        ("oauth2", options.oauth2.is_some()),
    ];
    let given: Vec<&str> = ways.into_iter().filter_map(|(name, is_given)| is_given.then_some(name)).collect();
    if let [first, second, ..] = &*given {
        let message = format!("expected one way to say who we are, found `{first}` and `{second}`");
        errors.push(ConfigError::at(&[second], message));
    }
    if options.password.is_some() && options.username.is_none() {
        errors.push(ConfigError::at(&["password"], "`password` needs `username`"));
    }
    if let Some(username) = &options.username {
        let password = options.password.as_ref().map_or("", Secret::expose);
        if username.contains(':') {
            errors.push(ConfigError::at(&["username"], "`username`: expected no `:`, which ends it (RFC 7617)"));
        }
        map.insert(AUTHORIZATION, basic(username, password));
    }
    if let Some(bearer) = &options.bearer {
        match secret_header(&format!("Bearer {}", bearer.expose())) {
            Some(value) => drop(map.insert(AUTHORIZATION, value)),
            None => errors.push(not_a_header("bearer", &["bearer"])),
        }
    }
    map
}

fn own_headers(headers: &BTreeMap<String, Secret>, map: &mut HeaderMap, errors: &mut Vec<ConfigError>) {
    for (name, value) in headers {
        let at = ["headers", name.as_str()];
        let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
            let error = ConfigError::at(&at, format!("`{name}` is no name of a header"));
            errors.push(ConfigError { at_key: true, ..error });
            continue;
        };
        match secret_header(value.expose()) {
            Some(value) => drop(map.insert(parsed, value)),
            None => errors.push(not_a_header(&format!("header `{name}`"), &at)),
        }
    }
}

/// The header of a user with a password (RFC 7617).
pub(super) fn basic(username: &str, password: &str) -> HeaderValue {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
    secret_header(&format!("Basic {pair}")).expect("base 64 is a header value")
}

fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn not_a_header(what: &str, at: &[&str]) -> ConfigError {
    ConfigError::at(at, format!("{what}: expected text without line breaks and control characters"))
        .with_help("a file of a secret often ends with a line break")
}

/// The address of a path beside that of `url`.
pub(super) fn health_of(url: &Url, path: &str) -> Result<Url, ConfigError> {
    let joined = url.join(path).ok().filter(|joined| path.starts_with('/') && joined.origin() == url.origin());
    joined.ok_or_else(|| {
        let error = ConfigError::at(&["health_path"], format!("`health_path`: expected a path, found `{path}`"));
        error.with_help("write `health_path = \"/health\"`")
    })
}

/// The guard of a connector that must not reach private addresses. `urls` are those it is told to ask.
pub(super) fn guard_of(options: &HttpOptions, urls: &[(&str, &Url)]) -> Result<Option<Guard>, ConfigError> {
    let guard = Guard::new(&options.allowed_networks)?;
    match options.private_addresses {
        PrivateAddresses::Allow if options.allowed_networks.is_empty() => Ok(None),
        PrivateAddresses::Allow => {
            let error = ConfigError::at(&["allowed_networks"], "`allowed_networks` says nothing while all are allowed");
            Err(error.with_help("write `private_addresses = \"refuse\"` beside it"))
        }
        PrivateAddresses::Refuse => {
            for (name, url) in urls {
                guard.check_url(url).map_err(|message| {
                    ConfigError::at(&[name], format!("`{name}`: {message}"))
                        .with_help("name its network in `allowed_networks`")
                })?;
            }
            Ok(Some(guard))
        }
    }
}

/// What sends the requests.
pub(super) fn client_of(options: &HttpOptions, guard: Option<Guard>) -> Result<Client, ConfigError> {
    for (name, value) in [("timeout_ms", options.timeout_ms), ("connect_timeout_ms", options.connect_timeout_ms)] {
        if value == 0 {
            return Err(ConfigError::at(&[name], format!("`{name}`: expected at least 1, found 0")));
        }
    }
    let mut builder = Client::builder()
        .timeout(Duration::from_millis(options.timeout_ms))
        .connect_timeout(Duration::from_millis(options.connect_timeout_ms))
        .pool_max_idle_per_host(usize::from(options.pool_idle_max))
        .pool_idle_timeout(Duration::from_millis(options.pool_idle_ms))
        .redirect(reqwest::redirect::Policy::none());
    if let Some(guard) = guard {
        // A proxy of the environment would resolve the name itself.
        builder = builder.no_proxy().dns_resolver(guard);
    }
    if let Some(pem) = &options.ca_pem {
        let certificates = Certificate::from_pem_bundle(pem.as_bytes())
            .map_err(|error| ConfigError::at(&["ca_pem"], format!("`ca_pem`: {error}")))?;
        builder = builder.tls_certs_merge(certificates);
    }
    match (&options.client_cert_pem, &options.client_key_pem) {
        (Some(cert), Some(key)) => {
            let pem = format!("{cert}\n{}\n", key.expose());
            // The cause may quote the key.
            let identity = Identity::from_pem(pem.as_bytes()).map_err(|_| {
                let message = "`client_cert_pem`: expected a certificate, and its key in `client_key_pem`, both in PEM";
                ConfigError::at(&["client_cert_pem"], message)
            })?;
            builder = builder.identity(identity);
        }
        (None, None) => {}
        (Some(_), None) => {
            return Err(ConfigError::at(&["client_cert_pem"], "`client_cert_pem` needs `client_key_pem`"));
        }
        (None, Some(_)) => {
            return Err(ConfigError::at(&["client_key_pem"], "`client_key_pem` needs `client_cert_pem`"));
        }
    }
    builder.build().map_err(|error| ConfigError::at(&[], network_reason(&error)))
}
