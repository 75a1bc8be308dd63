//! Who may ask at all: requests from pages of other origins are refused before anything else is looked at.
//!
//! The API is often bound to loopback and trusted for it. A page in the operator's browser could reach it all the same,
//! by a cross-site request or by a name that suddenly resolves to 127.0.0.1. So the `Host` must be an address, `localhost`
//! or a configured name, and an `Origin` must be that of the API itself.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::problem::Problem;

/// The names under which the API may be addressed, beside addresses and `localhost`.
#[derive(Clone, Debug, Default)]
pub struct Hosts(Arc<[String]>);

impl Hosts {
    /// The names of `[http] hosts` in the configuration.
    pub fn new(names: impl IntoIterator<Item = String>) -> Hosts {
        Hosts(names.into_iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Says what is wrong with where a request comes from; `None` where nothing is.
    fn check(&self, headers: &HeaderMap) -> Option<Problem> {
        let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !self.knows(name_of(host)) {
            return Some(
                Problem::new(
                    StatusCode::FORBIDDEN,
                    "host_not_allowed",
                    format!("the host `{host}` is not one of this API"),
                )
                .help("ask by address or `localhost`, or list the name in `[http] hosts`"),
            );
        }
        let origin = headers.get(header::ORIGIN)?;
        let same = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.split_once("://"))
            .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
        if same {
            return None;
        }
        let origin = String::from_utf8_lossy(origin.as_bytes()).into_owned();
        Some(Problem::new(
            StatusCode::FORBIDDEN,
            "origin_not_allowed",
            format!("pages of `{origin}` may not use this API"),
        ))
    }

    fn knows(&self, name: &str) -> bool {
        name.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.0.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// The host without its port and brackets.
fn name_of(host: &str) -> &str {
    if let Some(bracketed) = host.strip_prefix('[') {
        return bracketed.split_once(']').map_or(bracketed, |(address, _)| address);
    }
    host.split_once(':').map_or(host, |(name, _)| name)
}

/// Refuses what comes from elsewhere.
pub(crate) async fn refuse_other_origins(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    match hosts.check(request.headers()) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_and_names_are_served() {
        let hosts = Hosts::new(["Ops.example.com".to_owned()]);
        let cases = [
            ("127.0.0.1:8080", None, true),
            ("[::1]:8080", None, true),
            ("localhost", Some("http://localhost"), true),
            ("localhost:8080", Some("http://localhost:8080"), true),
            ("ops.example.com", Some("https://ops.example.com"), true),
            ("localhost:8080", Some("http://localhost:9090"), false),
            ("127.0.0.1:8080", Some("http://evil.example"), false),
            ("127.0.0.1:8080", Some("null"), false),
            ("rebound.evil.example:8080", None, false),
            ("", None, false),
        ];
        for (host, origin, allowed) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(hosts.check(&headers).is_none(), allowed, "{host} {origin:?}");
        }
    }
}
