//! `postgres`: writes outputs into a PostgreSQL database, with the values as parameters of a prepared statement.
//!
//! The statement is read by `crate::statement`; `parameter.rs` says how a value becomes a parameter, `outcome.rs` what an
//! error means.

mod connection;
mod outcome;
mod parameter;

use std::sync::Arc;

use engine::{
    Action, ActionError, ActionSpec, BoxFuture, ConfigError, ErrorClass, ItemOutcome, Outcome, Output, Preview,
};
use events::Value;
use parking_lot::Mutex;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Either, Executor as _, SqlSafeStr as _, Statement as _};

use self::connection::connect_options;
use self::parameter::{Declared, Encoding, Parameter};
use crate::connections::{Connections, Lent, Limits, Tls, timed_out};
use crate::kind::{Connector, Kind, Way};
use crate::options::{Options as _, options, read};
use crate::secret::Secret;
use crate::statement::{Dialect, Source, StatementOptions};

pub(crate) const KIND: Kind = Kind {
    name: "postgres",
    doc: "Writes outputs into a PostgreSQL database.",
    connector: PostgresOptions::FIELDS,
    action: PostgresActionOptions::FIELDS,
    sample_connector: "url = 'postgres://signalbox@127.0.0.1:9/fleet'\npassword = 'secret'",
    sample_action: "sql = 'INSERT INTO connacks (clientid, at) VALUES (${clientid}, ${timestamp})'",
    way: Way::Connected(|table| Ok(Arc::new(PostgresConnector::new(table)?))),
};

options! {
    /// A connector of kind `postgres`: a PostgreSQL database and how it is reached.
    struct PostgresOptions {
        /// The address, `postgres://user@host:5432/database`. Required.
        url: Option<Secret> = None,
        /// The password, written as `${env:NAME}` or `${file:/path}`.
        password: Option<Secret> = None,
        /// `disable`, `prefer`, `require`, `verify_ca` or `verify_full`, as `sslmode` of libpq. By default what the
        /// url says, else `prefer`.
        tls: Option<Tls> = None,
        /// Certificates of authorities to trust, in PEM, often `${file:/path}`.
        ca_pem: Option<String> = None,
        /// A certificate to show to the server, in PEM.
        cert_pem: Option<String> = None,
        /// The private key of `cert_pem`, in PEM, written as `${file:/path}`.
        key_pem: Option<Secret> = None,
        /// How many connections may be open at once. An action uses one for each batch that is under way; who finds none
        /// waits.
        pool_size: u16 = 4,
        /// How long connecting may take, in ms.
        connect_timeout_ms: u64 = 5_000,
        /// How long a batch may take, in ms. Then the connection is closed and the batch is sent again.
        timeout_ms: u64 = 30_000,
    }
}

options! {
    /// An action of a `postgres` connector: either `sql`, or `table` and `columns`.
    ///
    /// Values become what the server declares for the parameter: a number is a time in ms where it wants `timestamptz`,
    /// `timestamp`, `date` or `time`; lists and maps are JSON where it wants text or `jsonb`, arrays where it wants
    /// those; text is read by the server where it wants another type; NULL is NULL.
    struct PostgresActionOptions {
        /// A statement with variables where parameters stand: `INSERT INTO t (a, b) VALUES (${clientid}, ${timestamp})`.
        /// Variables are not quoted. A batch of an INSERT with one row of VALUES is sent as one statement with many rows;
        /// of any other statement as one transaction.
        sql: Option<String> = None,
        /// The table to insert into, `events` or `schema.events`, in the case in which it was created.
        table: Option<String> = None,
        /// Which column gets what: `columns = { clientid = "${clientid}", source = "mqtt" }`. Where a column `output_id`
        /// is among them, an output that is there already is not inserted again; that column needs a unique index.
        columns: toml::Table = toml::Table::new(),
    }
}

/// A PostgreSQL database.
pub(crate) struct PostgresConnector {
    connections: Connections<PgConnection>,
}

impl PostgresConnector {
    /// Reads the options. Nothing is opened yet.
    fn new(table: &toml::Table) -> Result<PostgresConnector, Vec<ConfigError>> {
        let options: PostgresOptions = read(table)?;
        let PostgresOptions { pool_size, connect_timeout_ms, timeout_ms, .. } = options;
        let limits = Limits { pool_size, connect_timeout_ms, timeout_ms };
        Ok(PostgresConnector { connections: Connections::new(connect_options(&options), limits)? })
    }
}

/// Neither the password nor the address, which may hold one.
impl std::fmt::Debug for PostgresConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let options = self.connections.options();
        f.debug_struct("PostgresConnector")
            .field("host", &options.get_host())
            .field("port", &options.get_port())
            .field("database", &options.get_database())
            .finish_non_exhaustive()
    }
}

impl Connector for PostgresConnector {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn action(self: Arc<Self>, spec: &ActionSpec<'_>) -> Result<Box<dyn Action>, Vec<ConfigError>> {
        let PostgresActionOptions { sql, table, columns } = read(spec.options)?;
        let source = Source::new(StatementOptions { sql, table, columns }, Dialect::Postgres, spec)?;
        Ok(Box::new(PostgresAction { connector: self, source, prepared: Mutex::new(None) }))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(async {
            let lent = self.connections.open().await.map_err(|error| outcome::action_error(&error))?;
            // What is said in parting changes nothing: the database was reached.
            drop(lent.close().await);
            Ok(())
        })
    }
}

/// A rule's use of a PostgreSQL database.
#[derive(Debug)]
struct PostgresAction {
    connector: Arc<PostgresConnector>,
    source: Source,
    /// What the server has said about the parameters; asked for with the first batch, forgotten when it proves wrong.
    prepared: Mutex<Option<Arc<Prepared>>>,
}

/// What the server declares for the parameters of one output.
#[derive(Debug)]
struct Prepared {
    declared: Vec<Declared>,
    /// The type to cast to, where a parameter goes over as text.
    casts: Vec<Option<String>>,
}

impl PostgresAction {
    async fn send_batch(&self, batch: &[Output]) -> Outcome {
        match self.try_batch(batch).await {
            Err(error) if outcome::is_stale_statement(&error) => {
                // The table was altered since the statement was prepared: once more with what it is now.
                *self.prepared.lock() = None;
                self.connector.connections.forget_idle();
                self.try_batch(batch).await.unwrap_or_else(|error| outcome::outcome(&error))
            }
            Err(error) => outcome::outcome(&error),
            Ok(outcome) => outcome,
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

    fn part_with(&self, lent: Lent<'_, PgConnection>, error: Option<&sqlx::Error>) {
        match error {
            Some(error) if outcome::breaks_connection(error) => self.connector.connections.forget_idle(),
            Some(error) if outcome::is_stale_statement(error) => {}
            Some(_) | None => self.connector.connections.give_back(lent),
        }
    }

    async fn execute(&self, connection: &mut PgConnection, batch: &[Output]) -> Result<Outcome, sqlx::Error> {
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
        self.write(connection, rows, &prepared.casts).await?;
        Ok(if complete { Outcome::Delivered } else { Outcome::PerItem(outcomes) })
    }

    fn row<'a>(&self, values: &'a [Value], prepared: &Prepared) -> Result<Vec<Parameter<'a>>, String> {
        let named = values.iter().zip(&prepared.declared).zip(self.source.names());
        named
            .map(|((value, declared), name)| {
                Parameter::new(value, declared).map_err(|problem| format!("{name}: {problem}"))
            })
            .collect()
    }

    /// Writes all rows or none of them.
    async fn write(
        &self,
        connection: &mut PgConnection,
        mut rows: Vec<Vec<Parameter<'_>>>,
        casts: &[Option<String>],
    ) -> Result<(), sqlx::Error> {
        let rows_max = self.source.statement().rows_max(Dialect::Postgres);
        if rows.len() <= rows_max {
            return if rows.is_empty() { Ok(()) } else { self.write_some(connection, rows, casts).await };
        }
        let mut transaction = connection.begin().await?;
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(rows_max));
            self.write_some(&mut transaction, rows, casts).await?;
            rows = rest;
        }
        transaction.commit().await
    }

    async fn write_some(
        &self,
        connection: &mut PgConnection,
        rows: Vec<Vec<Parameter<'_>>>,
        casts: &[Option<String>],
    ) -> Result<(), sqlx::Error> {
        let text = self.source.statement().text(rows.len(), casts, Dialect::Postgres);
        let mut arguments = PgArguments::default();
        for parameter in rows.into_iter().flatten() {
            parameter.add_to(&mut arguments)?;
        }
        // Values are parameters; the text is the operator's own, analysed when the rule was read.
        sqlx::query_with(AssertSqlSafe(text), arguments).execute(connection).await.map(drop)
    }

    async fn prepared(&self, connection: &mut PgConnection) -> Result<Arc<Prepared>, sqlx::Error> {
        let known = self.prepared.lock().clone();
        if let Some(prepared) = known {
            return Ok(prepared);
        }
        let prepared = Arc::new(self.prepare(connection).await?);
        *self.prepared.lock() = Some(Arc::clone(&prepared));
        Ok(prepared)
    }

    /// Asks the server what it wants for each parameter, and how the types that are cast to are written.
    async fn prepare(&self, connection: &mut PgConnection) -> Result<Prepared, sqlx::Error> {
        let text = self.source.statement().text(1, &[], Dialect::Postgres);
        let statement = (&mut *connection).prepare_with(AssertSqlSafe(text).into_sql_str(), &[]).await?;
        let declared: Vec<Declared> = match statement.parameters() {
            Some(Either::Left(types)) => types.iter().map(Declared::new).collect(),
            Some(Either::Right(_)) | None => Vec::new(),
        };
        let mut casts = Vec::with_capacity(declared.len());
        for parameter in &declared {
            casts.push(match parameter.is_cast() {
                // -1: without a length; a `character` without one would be cut to its first letter.
                true => Some(
                    sqlx::query_scalar("SELECT format_type($1, -1)")
                        .bind(Oid(parameter.oid))
                        .fetch_one(&mut *connection)
                        .await?,
                ),
                false => None,
            });
        }
        Ok(Prepared { declared, casts })
    }

    /// Connects, prepares the statement as the first batch would, and has the server plan it.
    async fn try_statement(&self) -> Result<(), ActionError> {
        let connection = self.connector.connections.open().await;
        let mut connection = connection.map_err(|error| outcome::action_error(&error))?;
        let prepared = self.prepare(&mut connection).await.map_err(|error| outcome::action_error(&error))?;
        let planned = self.plan(&mut connection, &prepared).await;
        // What is said in parting changes nothing.
        drop(connection.close().await);
        planned.map_err(|error| outcome::action_error(&error))?;
        self.check_times(&prepared)
    }

    /// Has the server plan the statement without executing it: that finds a missing unique index or privilege.
    async fn plan(&self, connection: &mut PgConnection, prepared: &Prepared) -> Result<(), sqlx::Error> {
        let text = format!("EXPLAIN {}", self.source.statement().text(1, &prepared.casts, Dialect::Postgres));
        let mut arguments = PgArguments::default();
        for declared in &prepared.declared {
            Parameter::Null(declared.encoding).add_to(&mut arguments)?;
        }
        match sqlx::query_with(AssertSqlSafe(text), arguments).execute(connection).await {
            // The statement was prepared, so only EXPLAIN itself can be the fault: it takes no CALL.
            Err(error) if outcome::is_syntax_error(&error) => Ok(()),
            planned => planned.map(drop),
        }
    }

    fn check_times(&self, prepared: &Prepared) -> Result<(), ActionError> {
        for (at, (declared, name)) in prepared.declared.iter().zip(self.source.names()).enumerate() {
            if matches!(declared.encoding, Encoding::Int2 | Encoding::Int4) && self.source.is_time(at) {
                let message = format!(
                    "{name} is a time in ms, and the statement takes it as {}, which is too small for it",
                    declared.name
                );
                let help = "write `::bigint` behind it, or use a column of type bigint or timestamptz";
                return Err(ActionError::new(message).with_help(help));
            }
        }
        Ok(())
    }
}

impl Action for PostgresAction {
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
