//! Users in a PostgreSQL database: a query gives the stored password of a client.
//!
//! The query is prepared, and what is known of the client goes over beside it. Its row has `password_hash` and, where it
//! wants, `salt`, `is_superuser` and `roles`; no row is a client that is none of ours.

use std::str::FromStr;
use std::time::Duration;

use bytestring::ByteString;
use events::ConnackReason;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{Column as _, ConnectOptions as _, Row as _, TypeInfo as _, ValueRef as _};

use super::outside::{Outside, OutsideLimits, TooMany};
use super::{Answer, Grant};
use crate::acl::SUPERUSER;
use crate::clock::Clock;
use crate::error::AuthError;
use crate::identity::Credentials;
use crate::password::HashFormat;
use crate::passwords::{Passwords, Question};
use crate::secret::Secret;
use crate::template::{Facts, Place, Scope, Template};

/// The options of an authenticator of kind `postgres`.
#[derive(Clone, Debug, Default)]
pub struct PostgresOptions {
    /// Where the database is.
    pub database: DatabaseOptions,
    /// The query, with places such as `${username}`.
    pub query: String,
    /// How passwords stand in its row.
    pub hash: HashFormat,
    /// How much the database is asked.
    pub limits: OutsideLimits,
}

/// Where a database is.
#[derive(Clone, Debug)]
pub struct DatabaseOptions {
    /// `postgres://user@host:5432/database`.
    pub url: String,
    /// The password of that user.
    pub password: Option<Secret>,
    /// Connections at a time.
    pub pool_size: u32,
    /// How long connecting and a query may take, in ms.
    pub timeout_ms: u32,
    /// Certificates of authorities to trust, in PEM.
    pub ca_pem: Option<String>,
}

impl Default for DatabaseOptions {
    fn default() -> DatabaseOptions {
        DatabaseOptions { url: String::new(), password: None, pool_size: 8, timeout_ms: 5_000, ca_pem: None }
    }
}

/// A database that is asked with one query.
#[derive(Debug)]
pub(crate) struct Database {
    pool: PgPool,
    sql: String,
    places: Vec<Place>,
    timeout: Duration,
}

impl Database {
    /// Checks the options; nothing is connected yet. `path` is their section.
    pub(crate) fn new(
        path: &str,
        options: &DatabaseOptions,
        (query, scope): (&str, Scope),
    ) -> Result<Database, AuthError> {
        let wrong = |option: &str, message: String| AuthError::option(&format!("{path}.{option}"), (message, None));
        let template =
            Template::parse(query, scope).map_err(|wrong| AuthError::option(&format!("{path}.query"), wrong))?;
        let places: Vec<Place> = template.places().cloned().collect();
        if places.is_empty() {
            let message = "expected something of the client in the query, such as `${username}`, found nothing";
            return Err(wrong("query", message.to_owned()));
        }
        if template.places_are_quoted() {
            let message = "expected places without quotes around them, as they are no text but parameters";
            return Err(wrong("query", message.to_owned()));
        }
        if options.pool_size == 0 || options.timeout_ms == 0 {
            let option = if options.pool_size == 0 { "pool_size" } else { "timeout_ms" };
            return Err(wrong(option, "expected at least 1, found 0".to_owned()));
        }
        if !["postgres://", "postgresql://"].iter().any(|scheme| options.url.starts_with(scheme)) {
            return Err(wrong("url", "expected it to begin with `postgres://`".to_owned()));
        }
        let mut connect = PgConnectOptions::from_str(&options.url).map_err(|error| wrong("url", error.to_string()))?;
        if let Some(password) = &options.password {
            connect = connect.password(password.expose());
        }
        if let Some(pem) = &options.ca_pem {
            connect = connect.ssl_root_cert_from_pem(pem.as_bytes().to_vec());
        }
        let timeout = Duration::from_millis(u64::from(options.timeout_ms));
        let pool = PgPoolOptions::new()
            .max_connections(options.pool_size)
            .acquire_timeout(timeout)
            .idle_timeout(Duration::from_secs(600))
            .connect_lazy_with(connect.application_name("signalbox").disable_statement_logging());
        Ok(Database { pool, sql: template.numbered(|n| format!("${n}")), places, timeout })
    }

    /// The rows for a client, at most `rows_max` of them; or what went wrong.
    pub(crate) async fn rows(&self, facts: &Facts<'_>, rows_max: usize) -> Result<Vec<PgRow>, String> {
        use futures_util::TryStreamExt as _;
        let mut query = sqlx::query(sqlx::AssertSqlSafe(self.sql.clone()));
        for place in &self.places {
            query = query.bind(place.value(facts).map(std::borrow::Cow::into_owned));
        }
        let asked = async {
            let mut rows = Vec::new();
            let mut stream = query.fetch(&self.pool);
            while let Some(row) = stream.try_next().await? {
                if rows.len() == rows_max {
                    break;
                }
                rows.push(row);
            }
            Ok::<_, sqlx::Error>(rows)
        };
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("the database took more than {} ms", self.timeout.as_millis())),
        }
    }
}

/// A column as text, whatever its type; `None` where it is not there or NULL.
pub(crate) fn text_of(row: &PgRow, name: &str) -> Option<String> {
    let column = row.columns().iter().find(|column| column.name() == name)?.ordinal();
    let raw = row.try_get_raw(column).ok()?;
    if raw.is_null() {
        return None;
    }
    match raw.type_info().name() {
        "BOOL" => row.try_get::<bool, _>(column).ok().map(|value| value.to_string()),
        "INT2" => row.try_get::<i16, _>(column).ok().map(|value| value.to_string()),
        "INT4" => row.try_get::<i32, _>(column).ok().map(|value| value.to_string()),
        "INT8" => row.try_get::<i64, _>(column).ok().map(|value| value.to_string()),
        "TEXT[]" | "VARCHAR[]" => row.try_get::<Vec<String>, _>(column).ok().map(|values| values.join(",")),
        _ => row.try_get_unchecked::<String, _>(column).ok(),
    }
}

/// An authenticator of kind `postgres`.
#[derive(Debug)]
pub(crate) struct Postgres {
    database: Database,
    hash: HashFormat,
    outside: Outside<()>,
    passwords: Passwords,
}

impl Postgres {
    pub(crate) fn new(
        path: &str,
        options: &PostgresOptions,
        passwords: Passwords,
        clock: Clock,
    ) -> Result<Postgres, AuthError> {
        let database = Database::new(path, &options.database, (&options.query, Scope::Connect))?;
        Ok(Postgres { database, hash: options.hash, outside: Outside::new(&options.limits, clock), passwords })
    }

    pub(super) async fn ask(&self, credentials: &Credentials<'_>) -> Answer {
        let Some(password) = credentials.password else { return Answer::ignore("no password was given") };
        let facts = Facts::of(credentials);
        let rows = match self.outside.in_turn(self.database.rows(&facts, 1)).await {
            Err(TooMany) => return Answer::Deny(ConnackReason::ServerBusy, "too many wait for the database".into()),
            Ok(Err(failure)) => return Answer::Failed(failure.into()),
            Ok(Ok(rows)) => rows,
        };
        let Some(row) = rows.first() else { return Answer::ignore("the database has no row for the client") };
        let Some(hash) = text_of(row, "password_hash") else {
            return Answer::Failed("expected a column `password_hash` that is not NULL".into());
        };
        let stored = match self.hash.stored(&hash, text_of(row, "salt").as_deref()) {
            Ok(stored) => stored,
            Err(found) => return Answer::Failed(format!("`password_hash` is {found}").into()),
        };
        let question = Question {
            username: credentials.username.unwrap_or_default(),
            password,
            stored: &stored,
            peer: credentials.peer.ip(),
        };
        match self.passwords.verify(&question).await {
            Ok(true) => Answer::Allow(Box::new(grant(row, credentials))),
            Ok(false) => Answer::wrong("the password is wrong"),
            Err(reason) => Answer::Deny(reason, reason.row().meaning.into()),
        }
    }
}

fn grant(row: &PgRow, credentials: &Credentials<'_>) -> Grant {
    let is_superuser = text_of(row, "is_superuser").is_some_and(|text| matches!(&*text, "true" | "1" | "t"));
    let roles = text_of(row, "roles").unwrap_or_default();
    let roles: Vec<ByteString> =
        roles.split(',').map(str::trim).filter(|role| !role.is_empty()).map(ByteString::from).collect();
    Grant {
        username: credentials.username.map(ByteString::from),
        superuser: is_superuser || roles.iter().any(|role| &**role == SUPERUSER),
        roles: roles.into(),
        ..Grant::default()
    }
}
