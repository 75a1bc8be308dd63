//! `sqlite`: writes outputs into a SQLite database, a batch in one transaction.
//!
//! `database.rs` opens the file and executes, `outcome.rs` says what an error means.

mod database;
mod outcome;

use std::sync::Arc;

use engine::{
    Action, ActionError, ActionSpec, BoxFuture, ConfigError, ErrorClass, ItemOutcome, Outcome, Output, Preview,
};

use self::database::{Database, Row};
use crate::kind::{Connector, Kind, Way};
use crate::options::{Options as _, options, read};
use crate::statement::{Dialect, Source, StatementOptions};

pub(crate) const KIND: Kind = Kind {
    name: "sqlite",
    doc: "Writes outputs into a SQLite database, a batch in one transaction. One row that the database refuses does not \
          take its neighbours with it.",
    connector: SqliteOptions::FIELDS,
    action: SqliteActionOptions::FIELDS,
    sample_connector: "path = '/var/lib/fleet/fleet.db'",
    sample_action: "sql = 'INSERT INTO connacks (clientid, at) VALUES (${clientid}, ${timestamp})'",
    way: Way::Connected(|table| Ok(Arc::new(SqliteConnector::new(table)?))),
};

options! {
    /// A connector of kind `sqlite`: a file with a database.
    struct SqliteOptions {
        /// The file. It has to be there; `sqlite3 FILE "CREATE TABLE ..."` makes it. Required.
        path: Option<String> = None,
        /// `full`: a batch counts as delivered when it will survive a power loss; `normal`: a power loss may take the
        /// last batches, and leaves the database whole. As `PRAGMA synchronous`; the journal is a WAL.
        synchronous: Synchronous = Synchronous::Full,
        /// How long to wait while others write, in ms. Then the batch is tried again.
        busy_timeout_ms: u32 = 5_000,
    }
}

options! {
    /// An action of a `sqlite` connector: either `sql`, or `table` and `columns`.
    struct SqliteActionOptions {
        /// A statement with variables where parameters stand: `INSERT INTO t (a, b) VALUES (${clientid}, ${timestamp})`.
        /// Variables are not quoted. It is executed once for each output. Booleans are 0 and 1, lists and maps JSON,
        /// bytes a BLOB.
        sql: Option<String> = None,
        /// The table to insert into.
        table: Option<String> = None,
        /// Which column gets what: `columns = { clientid = "${clientid}", source = "mqtt" }`. Where a column `output_id`
        /// is among them, an output that is there already is not inserted again; that column needs a unique index.
        columns: toml::Table = toml::Table::new(),
    }
}

/// When what was written has to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Synchronous {
    /// With every batch.
    Full,
    /// With every checkpoint.
    Normal,
}

/// A SQLite database.
#[derive(Debug)]
pub(crate) struct SqliteConnector {
    database: Arc<Database>,
}

impl SqliteConnector {
    /// Reads the options. Nothing is opened yet.
    pub(crate) fn new(table: &toml::Table) -> Result<SqliteConnector, Vec<ConfigError>> {
        let options: SqliteOptions = read(table)?;
        let Some(path) = options.path.filter(|path| !path.is_empty()) else {
            let error = ConfigError::at(&[], "`path` is missing");
            return Err(vec![error.with_help("write `path = \"/var/lib/fleet/fleet.db\"`")]);
        };
        Ok(SqliteConnector {
            database: Arc::new(Database::new(path.into(), options.synchronous, options.busy_timeout_ms)),
        })
    }

    /// Opens the database, and prepares `statement` where there is one.
    async fn try_statement(&self, statement: Option<String>) -> Result<(), ActionError> {
        let database = Arc::clone(&self.database);
        match tokio::task::spawn_blocking(move || database.check(statement.as_deref())).await {
            Ok(checked) => checked.map_err(|error| outcome::action_error(&error)),
            Err(error) => Err(ActionError::new(error.to_string())),
        }
    }
}

impl Connector for SqliteConnector {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn action(self: Arc<Self>, spec: &ActionSpec<'_>) -> Result<Box<dyn Action>, Vec<ConfigError>> {
        let SqliteActionOptions { sql, table, columns } = read(spec.options)?;
        let source = Source::new(StatementOptions { sql, table, columns }, Dialect::Sqlite, spec)?;
        Ok(Box::new(SqliteAction { connector: self, source }))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(self.try_statement(None))
    }
}

/// A rule's use of a SQLite database.
#[derive(Debug)]
struct SqliteAction {
    connector: Arc<SqliteConnector>,
    source: Source,
}

impl SqliteAction {
    fn statement(&self) -> String {
        self.source.statement().text(1, &[], Dialect::Sqlite)
    }

    async fn write(&self, batch: &[Output]) -> Outcome {
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut rows: Vec<Row> = Vec::with_capacity(batch.len());
        for (at, output) in batch.iter().enumerate() {
            match self.source.values(output) {
                Ok(values) => {
                    rows.push(Row { at, values });
                    outcomes.push(ItemOutcome::Delivered);
                }
                Err(reason) => outcomes.push(ItemOutcome::Rejected { class: ErrorClass::Unsendable, reason }),
            }
        }
        let (database, statement) = (Arc::clone(&self.connector.database), self.statement());
        let refused = match tokio::task::spawn_blocking(move || database.write(&statement, &rows)).await {
            Ok(Ok(refused)) => refused,
            Ok(Err(error)) => return outcome::outcome(&error),
            Err(error) => {
                let reason = format!("cannot write: {error}");
                return Outcome::Retry { class: ErrorClass::Internal, reason, after: None };
            }
        };
        for (at, error) in refused {
            outcomes[at] = ItemOutcome::Rejected { class: outcome::class(&error), reason: outcome::reason(&error) };
        }
        Outcome::PerItem(outcomes)
    }
}

impl Action for SqliteAction {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn send<'a>(&'a self, batch: &'a [Output]) -> BoxFuture<'a, Outcome> {
        Box::pin(self.write(batch))
    }

    fn preview(&self, output: &Output) -> Preview {
        self.source.preview(output)
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(self.connector.try_statement(Some(self.statement())))
    }
}
