//! Connections to one database server: at most so many, opened when they are needed, closed when they break.

use std::fmt;
use std::time::Duration;

use engine::ConfigError;
use parking_lot::Mutex;
use sqlx::{ConnectOptions as _, Connection};
use tokio::sync::{Semaphore, SemaphorePermit};

/// The connections of a connector.
///
/// A pool of its own, because the one of sqlx keeps trying until its time is over and then says only that; here the
/// first refusal comes back as it is, and when to try again is decided by the buffer.
pub(crate) struct Connections<C: Connection> {
    options: C::Options,
    connect_timeout: Duration,
    timeout: Duration,
    permits: Semaphore,
    idle: Mutex<Vec<C>>,
}

/// A connection in use. Goes back with [`Connections::give_back`]; is closed when it is dropped.
pub(crate) struct Lent<'a, C> {
    pub(crate) connection: C,
    _permit: SemaphorePermit<'a>,
}

/// How many connections there may be, and how long they may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) pool_size: u16,
    pub(crate) connect_timeout_ms: u64,
    pub(crate) timeout_ms: u64,
}

impl<C: Connection> Connections<C> {
    /// Takes what was read of the address. Nothing is opened yet.
    pub(crate) fn new(
        options: Result<C::Options, ConfigError>,
        limits: Limits,
    ) -> Result<Connections<C>, Vec<ConfigError>> {
        let zeros = [
            ("connect_timeout_ms", limits.connect_timeout_ms),
            ("timeout_ms", limits.timeout_ms),
            ("pool_size", limits.pool_size.into()),
        ];
        let zeros = zeros.into_iter().filter(|(_, value)| *value == 0);
        let wrong = zeros.map(|(name, _)| ConfigError::at(&[name], format!("`{name}`: expected at least 1, found 0")));
        let (options, errors) = match options {
            Ok(options) => (Some(options), wrong.collect()),
            Err(error) => (None, std::iter::once(error).chain(wrong).collect::<Vec<_>>()),
        };
        match options {
            Some(options) if errors.is_empty() => Ok(Connections {
                options,
                connect_timeout: Duration::from_millis(limits.connect_timeout_ms),
                timeout: Duration::from_millis(limits.timeout_ms),
                permits: Semaphore::new(limits.pool_size.into()),
                idle: Mutex::new(Vec::new()),
            }),
            Some(_) | None => Err(errors),
        }
    }

    /// Where they lead to, and as whom.
    pub(crate) const fn options(&self) -> &C::Options {
        &self.options
    }

    /// How long one batch may take.
    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A connection: an idle one, else a new one; waits while all are in use.
    pub(crate) async fn take(&self) -> Result<Lent<'_, C>, sqlx::Error> {
        let permit = self.permits.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.open().await?,
        };
        Ok(Lent { connection, _permit: permit })
    }

    /// A new connection beside all others.
    pub(crate) async fn open(&self) -> Result<C, sqlx::Error> {
        match tokio::time::timeout(self.connect_timeout, self.options.connect()).await {
            Ok(connected) => connected,
            Err(_) => Err(timed_out("connecting", self.connect_timeout)),
        }
    }

    /// Takes back a connection that is of further use.
    pub(crate) fn give_back(&self, lent: Lent<'_, C>) {
        self.idle.lock().push(lent.connection);
    }

    /// Drops every idle connection: one of them was found broken, so the server was away and the others broke with it.
    pub(crate) fn forget_idle(&self) {
        self.idle.lock().clear();
    }
}

/// Without the options, which hold a password.
impl<C: Connection> fmt::Debug for Connections<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("available", &self.permits.available_permits()).finish_non_exhaustive()
    }
}

/// The error of something that took too long.
pub(crate) fn timed_out(what: &str, limit: Duration) -> sqlx::Error {
    let text = format!("{what} took more than {} ms", limit.as_millis());
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, text))
}

/// What an error says that is not one of the database: `no connection: connection refused`.
pub(crate) fn reason(error: &sqlx::Error) -> String {
    use sqlx::Error;
    if let Error::Io(cause) = error {
        format!("no connection: {cause}")
    } else if let Error::Configuration(cause) | Error::Tls(cause) = error {
        format!("no connection: {}", one_line(&cause.to_string()))
    } else if let Error::Encode(cause) = error {
        format!("value cannot be sent: {}", one_line(&cause.to_string()))
    } else {
        one_line(&error.to_string())
    }
}

/// Without line breaks.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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

/// The start of an `url` of a database: a scheme, a user, a host and a database. `help` says how it is written.
pub(crate) fn check_url(url: &str, schemes: [&str; 2], help: &str) -> Result<(), ConfigError> {
    let wrong = |message: String| ConfigError::at(&["url"], message).with_help(help);
    let rest = schemes.iter().find_map(|scheme| url.strip_prefix(scheme)?.strip_prefix("://"));
    let Some(rest) = rest else {
        return Err(wrong(format!("`url`: expected it to begin with `{}://`", schemes[0])));
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    if user.split(':').next().unwrap_or_default().is_empty() {
        return Err(wrong("`url`: expected a user before `@`".to_owned()));
    }
    if path.split('?').next().unwrap_or_default().is_empty() {
        return Err(wrong("`url`: expected a database after the host".to_owned()));
    }
    Ok(())
}
