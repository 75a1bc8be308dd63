//! Where a PostgreSQL is, who we are to it, and whom we trust.

use std::str::FromStr as _;

use engine::ConfigError;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::PostgresOptions;
use crate::connections::{Tls, check_url};
use crate::secret::Secret;

const URL_HELP: &str = "write it as `postgres://user@host:5432/database`, the password apart from it in `password`";

/// Reads the address, and who we are.
pub(super) fn connect_options(options: &PostgresOptions) -> Result<PgConnectOptions, ConfigError> {
    let Some(url) = options.url.as_ref().map(Secret::expose) else {
        return Err(ConfigError::at(&[], "`url` is missing").with_help(URL_HELP));
    };
    check_url(url, ["postgres", "postgresql"], URL_HELP)?;
    let mut connect = PgConnectOptions::from_str(url)
        .map_err(|error| ConfigError::at(&["url"], format!("`url`: {error}")).with_help(URL_HELP))?;
    if let Some(password) = &options.password {
        connect = connect.password(password.expose());
    }
    if let Some(tls) = options.tls {
        connect = connect.ssl_mode(tls.into());
    }
    if let Some(pem) = &options.ca_pem {
        connect = connect.ssl_root_cert_from_pem(pem.as_bytes().to_vec());
    }
    match (&options.cert_pem, &options.key_pem) {
        (None, None) => {}
        (Some(cert), Some(key)) => {
            connect = connect.ssl_client_cert_from_pem(cert).ssl_client_key_from_pem(key.expose());
        }
        (Some(_), None) => return Err(ConfigError::at(&["cert_pem"], "`cert_pem` needs a `key_pem`")),
        (None, Some(_)) => return Err(ConfigError::at(&["key_pem"], "`key_pem` needs a `cert_pem`")),
    }
    // Statements are not logged: they are the same every time, and their values are data of devices.
    Ok(connect.application_name("signalbox").disable_statement_logging())
}

impl From<Tls> for PgSslMode {
    fn from(tls: Tls) -> PgSslMode {
        match tls {
            Tls::Disable => PgSslMode::Disable,
            Tls::Prefer => PgSslMode::Prefer,
            Tls::Require => PgSslMode::Require,
            Tls::VerifyCa => PgSslMode::VerifyCa,
            Tls::VerifyFull => PgSslMode::VerifyFull,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(text: &str) -> Result<PgConnectOptions, ConfigError> {
        connect_options(&crate::options::read(&text.parse().unwrap()).unwrap())
    }

    #[test]
    fn a_url_names_user_and_database() {
        for (options, message) in [
            ("", "`url` is missing"),
            ("url = 'mysql://a@b/c'", "`url`: expected it to begin with `postgres://`"),
            ("url = 'postgres://host/db'", "`url`: expected a user before `@`"),
            ("url = 'postgres://user@host'", "`url`: expected a database after the host"),
            ("url = 'postgres://user@host/?sslmode=require'", "`url`: expected a database after the host"),
            ("url = 'postgres://user@host/db'\ncert_pem = 'x'", "`cert_pem` needs a `key_pem`"),
        ] {
            assert_eq!(connect(options).unwrap_err().message, message);
        }
        let options = connect("url = 'postgres://me:hunter2@db:5433/fleet'\npassword = 'hunter3'").unwrap();
        assert_eq!((options.get_host(), options.get_port(), options.get_database()), ("db", 5433, Some("fleet")));
    }
}
