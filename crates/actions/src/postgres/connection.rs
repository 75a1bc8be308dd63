//! Connections to one PostgreSQL: at most so many, opened when they are needed, closed when they break.

use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use engine::ConfigError;
use parking_lot::Mutex;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::PostgresOptions;

/// The connections of a connector.
///
/// A pool of its own, because the one of sqlx keeps trying until its time is over and then says only that; here the
/// first refusal comes back as it is, and when to try again is decided by the buffer.
pub(crate) struct Connections {
    options: PgConnectOptions,
    connect_timeout: Duration,
    timeout: Duration,
    permits: Semaphore,
    idle: Mutex<Vec<PgConnection>>,
}

/// A connection in use. Goes back with [`Connections::give_back`]; is closed when it is dropped.
pub(super) struct Lent<'a> {
    pub(super) connection: PgConnection,
    _permit: SemaphorePermit<'a>,
}

impl Connections {
    /// Reads the options. Nothing is opened yet.
    pub(super) fn new(options: &PostgresOptions) -> Result<Connections, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let connect = match &options.url {
            None => Err(ConfigError::at(&[], "`url` is missing").with_help(URL_HELP)),
            Some(url) => connect_options(url.expose(), options),
        };
        for (name, value) in [("connect_timeout_ms", options.connect_timeout_ms), ("timeout_ms", options.timeout_ms)] {
            if value == 0 {
                errors.push(ConfigError::at(&[name], format!("`{name}`: expected at least 1, found 0")));
            }
        }
        if options.pool_size == 0 {
            errors.push(ConfigError::at(&["pool_size"], "`pool_size`: expected at least 1, found 0"));
        }
        match connect {
            Ok(connect) if errors.is_empty() => Ok(Connections {
                options: connect,
                connect_timeout: Duration::from_millis(options.connect_timeout_ms),
                timeout: Duration::from_millis(options.timeout_ms),
                permits: Semaphore::new(usize::from(options.pool_size)),
                idle: Mutex::new(Vec::new()),
            }),
            Ok(_) => Err(errors),
            Err(error) => {
                errors.insert(0, error);
                Err(errors)
            }
        }
    }

    /// How long one batch may take.
    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A connection: an idle one, else a new one; waits while all are in use.
    pub(super) async fn take(&self) -> Result<Lent<'_>, sqlx::Error> {
        let permit = self.permits.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.open().await?,
        };
        Ok(Lent { connection, _permit: permit })
    }

    /// A new connection beside all others.
    pub(super) async fn open(&self) -> Result<PgConnection, sqlx::Error> {
        match tokio::time::timeout(self.connect_timeout, self.options.connect()).await {
            Ok(connected) => connected,
            Err(_) => Err(timed_out("connecting", self.connect_timeout)),
        }
    }

    /// Takes back a connection that is of further use.
    pub(super) fn give_back(&self, lent: Lent<'_>) {
        self.idle.lock().push(lent.connection);
    }

    /// Drops every idle connection: one of them was found broken, so the server was away and the others broke with it.
    pub(super) fn forget_idle(&self) {
        self.idle.lock().clear();
    }
}

/// Neither the password nor the address, which may hold one.
impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("host", &self.options.get_host())
            .field("port", &self.options.get_port())
            .field("database", &self.options.get_database())
            .finish_non_exhaustive()
    }
}

/// The error of something that took too long.
pub(super) fn timed_out(what: &str, limit: Duration) -> sqlx::Error {
    let text = format!("{what} took more than {} ms", limit.as_millis());
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, text))
}

const URL_HELP: &str = "write it as `postgres://user@host:5432/database`, the password apart from it in `password`";

fn connect_options(url: &str, options: &PostgresOptions) -> Result<PgConnectOptions, ConfigError> {
    let wrong = |message: String| ConfigError::at(&["url"], message).with_help(URL_HELP);
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
    let Some(rest) = rest else {
        return Err(wrong("`url`: expected it to begin with `postgres://`".to_owned()));
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    if user.split(':').next().unwrap_or_default().is_empty() {
        return Err(wrong("`url`: expected a user before `@`".to_owned()));
    }
    if path.split('?').next().unwrap_or_default().is_empty() {
        return Err(wrong("`url`: expected a database after the host".to_owned()));
    }
    let mut connect = PgConnectOptions::from_str(url).map_err(|error| wrong(format!("`url`: {error}")))?;
    if let Some(password) = &options.password {
        connect = connect.password(password.expose());
    }
    if let Some(tls) = options.tls {
        connect = connect.ssl_mode(tls.into());
    }
    if let Some(pem) = &options.ca_pem {
        connect = connect.ssl_root_cert_from_pem(pem.as_bytes().to_vec());
    }
    // Statements are not logged: they are the same every time, and their values are data of devices.
    Ok(connect.application_name("signalbox").disable_statement_logging())
}

/// Whether and how the connection is encrypted; the names are those of libpq.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tls {
    /// Never.
    Disable,
    /// If the server wants it.
    Prefer,
    /// Always, whoever the server is.
    Require,
    /// Always, and the certificate of the server is signed by a known authority.
    VerifyCa,
    /// Always, and the certificate is signed and names the host.
    VerifyFull,
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

    fn new(text: &str) -> Result<Connections, Vec<ConfigError>> {
        Connections::new(&crate::options::read(&text.parse().unwrap()).unwrap())
    }

    #[test]
    fn a_url_names_user_and_database() {
        for (url, message) in [
            ("mysql://a@b/c", "`url`: expected it to begin with `postgres://`"),
            ("postgres://host/db", "`url`: expected a user before `@`"),
            ("postgres://user@host", "`url`: expected a database after the host"),
            ("postgres://user@host/?sslmode=require", "`url`: expected a database after the host"),
        ] {
            let errors = new(&format!("url = '{url}'")).unwrap_err();
            assert_eq!(errors[0].message, message);
        }
        assert_eq!(new("pool_size = 0").unwrap_err().len(), 2);
    }

    #[test]
    fn the_password_is_never_shown() {
        let connections = new("url = 'postgres://me:hunter2@db:5433/fleet'\npassword = 'hunter3'").unwrap();
        let shown = format!("{connections:?}");
        assert_eq!(shown, "Connections { host: \"db\", port: 5433, database: Some(\"fleet\"), .. }");
    }
}
