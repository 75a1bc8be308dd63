//! Where a server is: the `url` of a connector whose protocol is not HTTP.

use engine::ConfigError;
use reqwest::Url;

/// What a `url` may begin with, and how it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schemes {
    /// Scheme and port without TLS.
    pub(crate) plain: (&'static str, u16),
    /// Scheme and port with TLS.
    pub(crate) tls: (&'static str, u16),
    /// How to write it.
    pub(crate) help: &'static str,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// A name or an address; that of IPv6 has its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_tls: bool,
    /// What stands behind host and port, without the slash.
    pub(crate) path: String,
}

impl Address {
    /// Reads the option `url`. A user and a password have options of their own, so that they are kept secret.
    pub(crate) fn read(url: Option<&str>, schemes: &Schemes) -> Result<Address, ConfigError> {
        let wrong = |message: String| ConfigError::at(&["url"], message).with_help(schemes.help);
        let Some(url) = url else {
            return Err(ConfigError::at(&[], "`url` is missing").with_help(schemes.help));
        };
        let url = Url::parse(url).map_err(|error| wrong(format!("`url`: {error}")))?;
        let (default_port, is_tls) = match url.scheme() {
            scheme if scheme == schemes.plain.0 => (schemes.plain.1, false),
            scheme if scheme == schemes.tls.0 => (schemes.tls.1, true),
            other => {
                let (plain, tls) = (schemes.plain.0, schemes.tls.0);
                return Err(wrong(format!("`url`: expected `{plain}` or `{tls}`, found `{other}`")));
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            let error = wrong("`url`: expected no user and no password".to_owned());
            return Err(error.with_help("write them as `username` and `password`"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("`url`: expected neither `?` nor `#`".to_owned()));
        }
        let path = url.path().trim_start_matches('/').to_owned();
        match url.host_str() {
            Some(host) if !host.is_empty() => {
                Ok(Address { host: host.to_owned(), port: url.port().unwrap_or(default_port), is_tls, path })
            }
            Some(_) | None => Err(wrong("`url`: expected a host".to_owned())),
        }
    }

    /// Refuses a path.
    pub(crate) fn without_path(self, schemes: &Schemes) -> Result<Address, ConfigError> {
        if self.path.is_empty() {
            return Ok(self);
        }
        Err(ConfigError::at(&["url"], "`url`: expected nothing behind host and port").with_help(schemes.help))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMES: Schemes = Schemes { plain: ("mqtt", 1_883), tls: ("mqtts", 8_883), help: "write it so" };

    fn read(url: &str) -> Result<Address, String> {
        Address::read(Some(url), &SCHEMES).map_err(|error| error.message)
    }

    #[test]
    fn an_address_names_scheme_host_and_port() {
        let address = |host: &str, port, is_tls, path: &str| {
            Ok(Address { host: host.to_owned(), port, is_tls, path: path.to_owned() })
        };
        assert_eq!(read("mqtt://broker"), address("broker", 1_883, false, ""));
        assert_eq!(read("mqtts://10.0.0.1:1234/"), address("10.0.0.1", 1_234, true, ""));
        assert_eq!(read("mqtt://[::1]:99/7"), address("[::1]", 99, false, "7"));
    }

    #[test]
    fn what_names_no_server_is_refused() {
        for (url, message) in [
            ("broker:1883", "`url`: expected `mqtt` or `mqtts`, found `broker`"),
            ("mqtt://me:pw@x", "`url`: expected no user and no password"),
            ("mqtt://x?a=b", "`url`: expected neither `?` nor `#`"),
            ("mqtt:///x", "`url`: expected a host"),
        ] {
            assert_eq!(read(url), Err(message.to_owned()), "{url}");
        }
        assert!(read("mqtt://x/y").unwrap().without_path(&SCHEMES).is_err());
    }
}
