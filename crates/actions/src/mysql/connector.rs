//! A database, and what a rule writes into it.

use std::str::FromStr as _;
use std::sync::Arc;

use engine::{
    Action, ActionError, ActionSpec, BoxFuture, ConfigError, ErrorClass, ItemOutcome, Outcome, Output, Preview,
};
use events::Value;
use parking_lot::Mutex;
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, SqlSafeStr as _};

use super::parameter::Parameter;
use super::table::Table;
use super::{KIND, MysqlActionOptions, MysqlOptions, outcome};
use crate::connections::{Connections, Lent, Limits, Tls, check_url, timed_out};
use crate::kind::{Connector, Made};
use crate::options::read;
use crate::statement::{Dialect, Source, StatementOptions};

/// A MariaDB or MySQL database.
pub(super) struct MysqlConnector {
    connections: Connections<MySqlConnection>,
}

impl MysqlConnector {
    /// Reads the options. Nothing is opened yet.
    pub(super) fn new(table: &toml::Table) -> Result<MysqlConnector, Vec<ConfigError>> {
        let options: MysqlOptions = read(table)?;
        let MysqlOptions { pool_size, connect_timeout_ms, timeout_ms, .. } = options;
        let limits = Limits { pool_size, connect_timeout_ms, timeout_ms };
        Ok(MysqlConnector { connections: Connections::new(connect_options(&options), limits)? })
    }
}

/// Neither the password nor the address, which may hold one.
impl std::fmt::Debug for MysqlConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let options = self.connections.options();
        f.debug_struct("MysqlConnector")
            .field("host", &options.get_host())
            .field("port", &options.get_port())
            .field("database", &options.get_database())
            .finish_non_exhaustive()
    }
}

impl Connector for MysqlConnector {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn action(self: Arc<Self>, spec: &ActionSpec<'_>) -> Made<Box<dyn Action>> {
        let MysqlActionOptions { sql, table, columns } = read(spec.options)?;
        let into = table.as_deref().map(|table| Table::new(table, &columns));
        let source = Source::new(StatementOptions { sql, table, columns }, Dialect::Mysql, spec)?;
        Ok(Box::new(MysqlAction { connector: self, source, table: into, prepared: Mutex::new(None) }))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(async {
            let connection = self.connections.open().await.map_err(|error| outcome::action_error(&error))?;
            // What is said in parting changes nothing: the database was reached.
            drop(connection.close().await);
            Ok(())
        })
    }
}

/// A rule's use of a database.
#[derive(Debug)]
struct MysqlAction {
    connector: Arc<MysqlConnector>,
    source: Source,
    table: Option<Table>,
    /// What the server has said; asked for with the first batch, forgotten when it may have proved wrong.
    prepared: Mutex<Option<Arc<Prepared>>>,
}

/// What the server says about a statement and its limits.
#[derive(Debug)]
struct Prepared {
    /// Which parameters go into a column that holds a time.
    times: Vec<bool>,
    /// The longest packet that it takes (`max_allowed_packet`).
    packet_bytes_max: usize,
}

type Row<'a> = Vec<Parameter<'a>>;

impl MysqlAction {
    async fn send_batch(&self, batch: &[Output]) -> Outcome {
        match self.try_batch(batch).await {
            Ok(outcome) => outcome,
            Err(error) => {
                if outcome::is_about_value(&error) {
                    // It is offered again in halves, with what the columns are then.
                    *self.prepared.lock() = None;
                }
                outcome::outcome(&error)
            }
        }
    }

    async fn try_batch(&self, batch: &[Output]) -> Result<Outcome, sqlx::Error> {
        let connections = &self.connector.connections;
        let mut lent = connections.take().await?;
        let limit = connections.timeout();
        match tokio::time::timeout(limit, self.execute(&mut lent.connection, batch)).await {
            Ok(result) => {
                self.part_with(lent, result.as_ref().err());
                result
            }
            Err(_) => Err(timed_out("the statement", limit)),
        }
    }

    fn part_with(&self, lent: Lent<'_, MySqlConnection>, error: Option<&sqlx::Error>) {
        match error {
            Some(error) if outcome::breaks_connection(error) => self.connector.connections.forget_idle(),
            Some(_) | None => self.connector.connections.give_back(lent),
        }
    }

    async fn execute(&self, connection: &mut MySqlConnection, batch: &[Output]) -> Result<Outcome, sqlx::Error> {
        let prepared = self.prepared(connection).await?;
        let values: Vec<Result<Vec<Value>, String>> = batch.iter().map(|output| self.source.values(output)).collect();
        let mut rows = Vec::with_capacity(batch.len());
        let mut outcomes = Vec::with_capacity(batch.len());
        for values in &values {
            match values.as_deref().map_err(Clone::clone).and_then(|values| self.row(values, &prepared)) {
                Ok(row) => {
                    rows.push(row);
                    outcomes.push(ItemOutcome::Delivered);
                }
                Err(reason) => outcomes.push(ItemOutcome::Rejected { class: ErrorClass::Data, reason }),
            }
        }
        let complete = rows.len() == batch.len();
        self.write(connection, rows, prepared.packet_bytes_max).await?;
        Ok(if complete { Outcome::Delivered } else { Outcome::PerItem(outcomes) })
    }

    fn row<'a>(&self, values: &'a [Value], prepared: &Prepared) -> Result<Row<'a>, String> {
        let times = prepared.times.iter().copied().chain(std::iter::repeat(false));
        let named = values.iter().zip(times).zip(self.source.names());
        let row: Row<'a> = named
            .map(|((value, is_time), name)| {
                Parameter::new(value, is_time).map_err(|problem| format!("{name}: {problem}"))
            })
            .collect::<Result<_, _>>()?;
        let (bytes, most) = (bytes_of(&row), prepared.packet_bytes_max);
        if bytes > most {
            return Err(format!("expected a row of at most {most} bytes (`max_allowed_packet`), found {bytes}"));
        }
        Ok(row)
    }

    /// Writes all rows or none of them.
    async fn write(
        &self,
        connection: &mut MySqlConnection,
        rows: Vec<Row<'_>>,
        packet_bytes_max: usize,
    ) -> Result<(), sqlx::Error> {
        let mut parts = parts_of(rows, self.source.statement().rows_max(Dialect::Mysql), packet_bytes_max);
        match (parts.pop(), parts.is_empty()) {
            (None, _) => Ok(()),
            (Some(only), true) => self.write_some(connection, only).await,
            (Some(last), false) => {
                let mut transaction = connection.begin().await?;
                for part in parts {
                    self.write_some(&mut transaction, part).await?;
                }
                self.write_some(&mut transaction, last).await?;
                transaction.commit().await
            }
        }
    }

    async fn write_some(&self, connection: &mut MySqlConnection, rows: Vec<Row<'_>>) -> Result<(), sqlx::Error> {
        let text = self.source.statement().text(rows.len(), &[], Dialect::Mysql);
        let mut arguments = MySqlArguments::default();
        for parameter in rows.into_iter().flatten() {
            parameter.add_to(&mut arguments)?;
        }
        // Values are parameters; the text is the operator's own, analysed when the rule was read.
        sqlx::query_with(AssertSqlSafe(text), arguments).execute(connection).await.map(drop)
    }

    async fn prepared(&self, connection: &mut MySqlConnection) -> Result<Arc<Prepared>, sqlx::Error> {
        let known = self.prepared.lock().clone();
        if let Some(prepared) = known {
            return Ok(prepared);
        }
        let prepared = Arc::new(self.prepare(connection).await?);
        *self.prepared.lock() = Some(Arc::clone(&prepared));
        Ok(prepared)
    }

    /// Has the server read the statement, and asks what it does not say of itself.
    async fn prepare(&self, connection: &mut MySqlConnection) -> Result<Prepared, sqlx::Error> {
        let text = self.source.statement().text(1, &[], Dialect::Mysql);
        (&mut *connection).prepare(AssertSqlSafe(text).into_sql_str()).await?;
        let longest: u64 = sqlx::query_scalar("SELECT @@max_allowed_packet").fetch_one(&mut *connection).await?;
        let times = match &self.table {
            Some(table) => table.times(connection).await?,
            None => Vec::new(),
        };
        Ok(Prepared { times, packet_bytes_max: usize::try_from(longest).unwrap_or(usize::MAX) })
    }

    /// Connects and prepares the statement as the first batch would.
    async fn try_statement(&self) -> Result<(), ActionError> {
        let connection = self.connector.connections.open().await;
        let mut connection = connection.map_err(|error| outcome::action_error(&error))?;
        let mut tried = self.prepare(&mut connection).await.map(|_| Ok(()));
        if let (Ok(_), Some(table)) = (&tried, &self.table) {
            tried = table.check_unique(&mut connection).await;
        }
        // What is said in parting changes nothing.
        drop(connection.close().await);
        tried.map_err(|error| outcome::action_error(&error))?
    }
}

impl Action for MysqlAction {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn send<'a>(&'a self, batch: &'a [Output]) -> BoxFuture<'a, Outcome> {
        Box::pin(self.send_batch(batch))
    }

    fn preview(&self, output: &Output) -> Preview {
        self.source.preview(output)
    }

    fn prepare(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(self.try_statement())
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(self.try_statement())
    }
}

/// Rows by statements: each of at most `rows_max` rows that fit into a packet together.
fn parts_of(rows: Vec<Row<'_>>, rows_max: usize, packet_bytes_max: usize) -> Vec<Vec<Row<'_>>> {
    let mut parts: Vec<Vec<Row<'_>>> = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let more = bytes_of(&row);
        match parts.last_mut() {
            Some(part) if part.len() < rows_max && bytes + more <= packet_bytes_max => {
                bytes += more;
                part.push(row);
            }
            Some(_) | None => {
                bytes = more;
                parts.push(vec![row]);
            }
        }
    }
    parts
}

fn bytes_of(row: &Row<'_>) -> usize {
    row.iter().map(Parameter::bytes).sum()
}

fn connect_options(options: &MysqlOptions) -> Result<MySqlConnectOptions, ConfigError> {
    const HELP: &str = "write it as `mysql://user@host:3306/database`, the password apart from it in `password`";
    let Some(url) = &options.url else {
        return Err(ConfigError::at(&[], "`url` is missing").with_help(HELP));
    };
    check_url(url.expose(), ["mysql", "mariadb"], HELP)?;
    let mut connect = MySqlConnectOptions::from_str(url.expose())
        .map_err(|error| ConfigError::at(&["url"], format!("`url`: {error}")).with_help(HELP))?;
    if let Some(password) = &options.password {
        connect = connect.password(password.expose());
    }
    if let Some(tls) = options.tls {
        connect = connect.ssl_mode(tls.into());
    }
    if let Some(pem) = &options.ca_pem {
        connect = connect.ssl_ca_from_pem(pem.as_bytes().to_vec());
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
    Ok(connect.disable_statement_logging())
}

impl From<Tls> for MySqlSslMode {
    fn from(tls: Tls) -> MySqlSslMode {
        match tls {
            Tls::Disable => MySqlSslMode::Disabled,
            Tls::Prefer => MySqlSslMode::Preferred,
            Tls::Require => MySqlSslMode::Required,
            Tls::VerifyCa => MySqlSslMode::VerifyCa,
            Tls::VerifyFull => MySqlSslMode::VerifyIdentity,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_that_cannot_work_is_refused() {
        for (text, message) in [
            ("", "`url` is missing"),
            ("url = 'postgres://a@b/c'", "`url`: expected it to begin with `mysql://`"),
            ("url = 'mysql://host/db'", "`url`: expected a user before `@`"),
            ("url = 'mysql://me@host'", "`url`: expected a database after the host"),
            ("url = 'mysql://me@host/db'\ncert_pem = 'x'", "`cert_pem` needs a `key_pem`"),
            ("url = 'mysql://me@host/db'\npool_size = 0", "`pool_size`: expected at least 1, found 0"),
        ] {
            let errors = MysqlConnector::new(&text.parse().unwrap()).unwrap_err();
            assert_eq!(errors[0].message, message, "{text}");
        }
    }

    #[test]
    fn rows_that_do_not_fit_together_go_in_several_statements() {
        let rows = |lens: &[usize]| lens.iter().map(|&len| vec![Parameter::Text("x".repeat(len).into())]).collect();
        let lens = |parts: Vec<Vec<Row<'_>>>| parts.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lens(parts_of(rows(&[5, 5, 5, 5]), 3, 1_000)), [3, 1]);
        assert_eq!(lens(parts_of(rows(&[5, 50, 5, 5]), 9, 80)), [2, 2]);
        assert!(parts_of(rows(&[]), 9, 80).is_empty());
    }
}
