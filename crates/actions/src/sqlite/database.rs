//! The file of a database: opened when it is needed, written to by one at a time, opened anew after an error.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use events::Value;
use parking_lot::Mutex;
use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{Connection, Error, OpenFlags, ToSql, TransactionBehavior};

use super::{Synchronous, outcome};

/// A database and its connection, which all actions share: SQLite has one writer at a time anyway.
#[derive(Debug)]
pub(super) struct Database {
    path: PathBuf,
    synchronous: Synchronous,
    busy_timeout: Duration,
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    /// Device and number of the file.
    identity: Option<(u64, u64)>,
}

/// The parameters for one output.
#[derive(Debug)]
pub(super) struct Row {
    /// The place of the output in its batch.
    pub(super) at: usize,
    pub(super) values: Vec<Value>,
}

impl Database {
    /// The database in the file `path`. Nothing is opened.
    pub(super) fn new(path: PathBuf, synchronous: Synchronous, busy_timeout_ms: u32) -> Database {
        let busy_timeout = Duration::from_millis(busy_timeout_ms.into());
        Database { path, synchronous, busy_timeout, open: Mutex::new(None) }
    }

    /// Opens the file and prepares `statement`.
    pub(super) fn check(&self, statement: Option<&str>) -> Result<(), Error> {
        let connection = self.open()?;
        // A file that is no database is found out only when something is read.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        statement.map_or(Ok(()), |statement| connection.prepare(statement).map(drop))
    }

    /// Executes `statement` for each row in one transaction. Says which rows were refused, and why; the others are
    /// there. With an error none is.
    pub(super) fn write(&self, statement: &str, rows: &[Row]) -> Result<Vec<(usize, Error)>, Error> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut slot = self.open.lock();
        // A file that was moved or removed can still be written to, and nobody would see it.
        let identity = self.identity();
        let mut open = match slot.take() {
            Some(open) if open.identity == identity => open,
            Some(_) | None => Open { connection: self.open()?, identity },
        };
        let refused = execute(&mut open.connection, statement, rows)?;
        // One that met an error is not kept: what is wrong with it is not known.
        *slot = Some(open);
        Ok(refused)
    }

    fn identity(&self) -> Option<(u64, u64)> {
        std::fs::metadata(&self.path).ok().map(|found| (found.dev(), found.ino()))
    }

    fn open(&self) -> Result<Connection, Error> {
        // Without CREATE: where the file is not mounted yet, none is made in its place.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(self.busy_timeout)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        let synchronous = match self.synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(connection)
    }
}

fn execute(connection: &mut Connection, statement: &str, rows: &[Row]) -> Result<Vec<(usize, Error)>, Error> {
    // A writer from the beginning: one that becomes it later is refused at once where another writes.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut refused = Vec::new();
    {
        let mut prepared = transaction.prepare_cached(statement)?;
        for row in rows {
            let mut executed = Ok(());
            for (at, value) in (1..).zip(&row.values) {
                executed = executed.and_then(|()| prepared.raw_bind_parameter(at, Parameter(value)));
            }
            let executed = executed.and_then(|()| {
                // What a SELECT or RETURNING gives back is not wanted, but it has to be asked for.
                let mut returned = prepared.raw_query();
                while returned.next()?.is_some() {}
                Ok(())
            });
            match executed {
                Ok(()) => {}
                // The statement is undone, and what came before it is there still [sqlite.org/lang_conflict.html].
                Err(error) if outcome::is_about_row(&error) && !transaction.is_autocommit() => {
                    refused.push((row.at, error));
                }
                Err(error) => return Err(error),
            }
        }
    }
    transaction.commit()?;
    Ok(refused)
}

/// A value as SQLite stores it.
struct Parameter<'v>(&'v Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>, Error> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Bool(value) => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*value))),
            Value::Int(value) => ToSqlOutput::Borrowed(ValueRef::Integer(*value)),
            Value::Float(value) => ToSqlOutput::Borrowed(ValueRef::Real(*value)),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            // An integer beyond 64 bit keeps its digits as text.
            Value::BigInt(_) | Value::List(_) | Value::Map(_) => ToSqlOutput::Owned(SqlValue::Text(self.0.to_json())),
        })
    }
}
