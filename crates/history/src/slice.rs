//! One slice: an SQLite file with the events of a stretch of time.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytestring::ByteString;
use events::{Past, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Transaction, params, params_from_iter};

use crate::columns::{Client, Row};
use crate::error::HistoryError;
use crate::record::{GAP, Position, Query, Record};
use crate::shelf::SliceInfo;
use crate::standing;

/// What makes a slice, in order.
const MIGRATIONS: [&str; 2] = [
    include_str!("../../../migrations/sqlite/0001_events.sql"),
    include_str!("../../../migrations/sqlite/0002_standing.sql"),
];
/// What `PRAGMA user_version` says after all [`MIGRATIONS`].
const FORMAT: i64 = 2;
/// `SgBx`, what `PRAGMA application_id` says, so that `file` and we can tell a slice from other SQLite files.
const APPLICATION_ID: i64 = 0x5367_4278;

/// The fact when the process is last known to have run, in ms since 1970-01-01 UTC.
pub(crate) const ALIVE: &str = "alive_ms";

/// The client of rows that stand in every time line.
const EVERYBODY: i64 = 0;
/// Client identifiers whose numbers are at hand; beyond it they are all forgotten and looked up again.
const CLIENTS_MAX: usize = 100_000;

/// The slice that is written.
#[derive(Debug)]
pub(crate) struct Slice {
    info: SliceInfo,
    connection: Connection,
    clients: HashMap<ByteString, i64>,
}

impl Slice {
    /// Makes the slice in which `past` goes on.
    pub(crate) fn create(dir: &Path, serial: u64, past: &Past) -> Result<Slice, HistoryError> {
        let path = path_of(dir, serial);
        let failed = HistoryError::slice("make", &path);
        let connection = Connection::open(&path).map_err(&failed)?;
        let set_up = || {
            // Smaller pages would split the rows of a batch, larger ones write more than they carry.
            connection.pragma_update(None, "page_size", 8192)?;
            prepare(&connection)?;
            let transaction = connection.unchecked_transaction()?;
            migrate(&transaction)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            standing::write(&transaction, past)?;
            transaction.commit()
        };
        set_up().map_err(&failed)?;
        let info = SliceInfo { serial, path, rows: 0, bytes: 0, times: None, last_seq: 0, is_sealed: false };
        Ok(Slice { info, connection, clients: HashMap::new() })
    }

    /// Opens a slice that was not sealed, to go on with it. Says whether it was closed when the process ended.
    pub(crate) fn resume(info: SliceInfo) -> Result<(Slice, bool), HistoryError> {
        let failed = HistoryError::slice("open", &info.path);
        let connection = Connection::open(&info.path).map_err(&failed)?;
        let set_up = || {
            prepare(&connection)?;
            let check: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
            if check != "ok" {
                return Err(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
                    Some(check),
                ));
            }
            let transaction = connection.unchecked_transaction()?;
            migrate(&transaction)?;
            transaction.commit()?;
            let was_closed = fact(&connection, "clean")?.is_some();
            connection.execute("DELETE FROM slice WHERE key = 'clean'", [])?;
            Ok(was_closed)
        };
        let was_closed = set_up().map_err(&failed)?;
        Ok((Slice { info, connection, clients: HashMap::new() }, was_closed))
    }

    /// Appends rows, all or none.
    pub(crate) fn append(&mut self, rows: &[Row]) -> Result<(), HistoryError> {
        let failed = HistoryError::slice("write", &self.info.path);
        if self.clients.len() > CLIENTS_MAX {
            self.clients.clear();
        }
        let inserted = insert(&self.connection, &mut self.clients, rows);
        if let Err(source) = inserted {
            // Numbers given in the transaction that was rolled back are no numbers.
            self.clients.clear();
            return Err(failed(source));
        }
        for row in rows {
            self.info.handle_row(Timestamp(row.timestamp), row.seq.and_then(|seq| seq.try_into().ok()));
        }
        self.info.bytes = size_of(&self.info.path);
        Ok(())
    }

    /// Says in the slice that the process runs at `now`, though nothing happens that is worth a row.
    pub(crate) fn note_alive(&self, now: Timestamp) -> Result<(), HistoryError> {
        set_fact(&self.connection, ALIVE, now.0).map_err(HistoryError::slice("write", &self.info.path))
    }

    /// Indexes the slice and closes it for good.
    pub(crate) fn seal(self) -> Result<SliceInfo, HistoryError> {
        let Slice { mut info, connection, .. } = self;
        let seal = || {
            let transaction = connection.unchecked_transaction()?;
            transaction.execute_batch("CREATE INDEX IF NOT EXISTS events_client ON events (client)")?;
            let (first, last) = info.times.unwrap_or_default();
            for (key, value) in [
                ("rows", i64::try_from(info.rows).unwrap_or(i64::MAX)),
                ("first_ms", first.0),
                ("last_ms", last.0),
                ("last_seq", i64::try_from(info.last_seq).unwrap_or(i64::MAX)),
                ("sealed", 1),
            ] {
                set_fact(&transaction, key, value)?;
            }
            transaction.commit()?;
            // A file that stands alone. Where a reader is in the way, the log beside it stays and does no harm.
            connection.pragma_update(None, "wal_checkpoint", "TRUNCATE")?;
            if let Err(error) = connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())) {
                tracing::debug!(slice = %info.path.display(), %error, "a sealed slice keeps its log");
            }
            Ok(())
        };
        seal().map_err(HistoryError::slice("seal", &info.path))?;
        drop(connection);
        info.is_sealed = true;
        info.bytes = size_of(&info.path);
        Ok(info)
    }

    /// Says in the slice that it was closed in order: nothing that happened is missing.
    pub(crate) fn close(self) -> Result<(), HistoryError> {
        set_fact(&self.connection, "clean", 1).map_err(HistoryError::slice("write", &self.info.path))
    }

    pub(crate) fn info(&self) -> &SliceInfo {
        &self.info
    }
}

/// The slices of a folder, oldest first.
pub(crate) fn list(dir: &Path) -> Result<Vec<(u64, PathBuf)>, HistoryError> {
    let mut slices = serials(dir)?;
    slices.retain(|(_, path)| path.extension().is_some_and(|extension| extension == "sqlite"));
    slices.sort_unstable();
    Ok(slices)
}

/// A number that no slice of the folder has or had, those that were set aside among them.
pub(crate) fn next_serial(dir: &Path) -> Result<u64, HistoryError> {
    Ok(1 + serials(dir)?.into_iter().map(|(serial, _)| serial).max().unwrap_or(0))
}

/// Every file that belongs to a slice, with the number of the slice.
fn serials(dir: &Path) -> Result<Vec<(u64, PathBuf)>, HistoryError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(HistoryError::file("list", dir))? {
        let path = entry.map_err(HistoryError::file("list", dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.strip_prefix("slice-")?.split_once('.')?.0.parse().ok());
        files.extend(number.map(|serial| (serial, path)));
    }
    Ok(files)
}

/// What is known of a slice that was found in the folder.
pub(crate) fn inspect(serial: u64, path: PathBuf) -> Result<SliceInfo, HistoryError> {
    let failed = HistoryError::slice("open", &path);
    // To be written, so that what a killed process left in the log is taken up.
    let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(&failed)?;
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(&failed);
    let (id, format) = (pragma("application_id")?, pragma("user_version")?);
    if id == APPLICATION_ID && format > FORMAT {
        return Err(HistoryError::Newer { path, found: format, known: FORMAT });
    }
    let read = || {
        let is_sealed = fact(&connection, "sealed")?.is_some();
        let (rows, times, last_seq) = if is_sealed {
            let known = |key| fact(&connection, key).map(Option::unwrap_or_default);
            let times = (Timestamp(known("first_ms")?), Timestamp(known("last_ms")?));
            (known("rows")?, Some(times), known("last_seq")?)
        } else {
            let sql = "SELECT count(*), min(timestamp), max(timestamp), coalesce(max(seq), 0) FROM events";
            let count = |row: &rusqlite::Row<'_>| {
                let (first, last): (Option<i64>, Option<i64>) = (row.get(1)?, row.get(2)?);
                Ok((row.get(0)?, first.map(Timestamp).zip(last.map(Timestamp)), row.get(3)?))
            };
            connection.query_row(sql, [], count)?
        };
        let (rows, last_seq) = (u64::try_from(rows).unwrap_or(0), u64::try_from(last_seq).unwrap_or(0));
        Ok(SliceInfo { serial, bytes: size_of(&path), path: path.clone(), rows, times, last_seq, is_sealed })
    };
    read().map_err(&failed)
}

/// The records of a slice that `query` asks for, newest first, at most `limit`.
pub(crate) fn read(info: &SliceInfo, query: &Query, limit: usize) -> Result<Vec<Record>, HistoryError> {
    let failed = HistoryError::slice("read", &info.path);
    let read = || {
        let connection = Connection::open_with_flags(&info.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(BUSY)?;
        let client = match &query.client {
            None => None,
            Some(name) => Some(client_number(&connection, name)?),
        };
        let (sql, values) = select(info.serial, query, client, limit);
        let mut statement = connection.prepare(&sql)?;
        let records: rusqlite::Result<Vec<Record>> = statement
            .query_map(params_from_iter(values), |row| {
                Ok(Record {
                    position: Position { slice: info.serial, row: row.get(0)? },
                    timestamp: Timestamp(row.get(1)?),
                    event: row.get(2)?,
                    seq: row.get::<_, Option<i64>>(3)?.and_then(|seq| seq.try_into().ok()),
                    json: row.get(4)?,
                })
            })?
            .collect();
        records
    };
    read().map_err(failed)
}

/// Removes a slice and its log.
pub(crate) fn remove(path: &Path) -> Result<(), HistoryError> {
    for file in with_logs(path) {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(HistoryError::file("remove", &file)(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Renames a slice that cannot be read, and its log, so that it is looked at by people and not by us.
pub(crate) fn set_aside(path: &Path) -> Result<PathBuf, HistoryError> {
    let aside = |path: &Path| PathBuf::from(format!("{}.broken", path.display()));
    for file in with_logs(path) {
        match fs::rename(&file, aside(&file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(HistoryError::file("rename", &file)(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(aside(path))
}

/// How long a reader or the writer waits for the other where SQLite needs the whole file, as when a slice is sealed.
pub(crate) const BUSY: Duration = Duration::from_secs(5);

fn path_of(dir: &Path, serial: u64) -> PathBuf {
    dir.join(format!("slice-{serial:010}.sqlite"))
}

fn with_logs(path: &Path) -> [PathBuf; 3] {
    // The log goes first: without its slice it is nothing, while a slice without it is only shorter.
    ["-wal", "-shm", ""].map(|tail| PathBuf::from(format!("{}{tail}", path.display())))
}

fn size_of(path: &Path) -> u64 {
    with_logs(path).iter().filter_map(|file| fs::metadata(file).ok()).map(|meta| meta.len()).sum()
}

/// What every connection that writes begins with. With a write-ahead log and `NORMAL` a killed process loses nothing
/// that was committed; a machine that loses power loses at most what was committed since the last checkpoint, and the
/// file stays whole.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")
}

/// Brings a slice from where it stands to [`FORMAT`].
fn migrate(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let format: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(format).unwrap_or(0);
    MIGRATIONS.iter().skip(done).try_for_each(|migration| transaction.execute_batch(migration))?;
    transaction.pragma_update(None, "user_version", FORMAT)
}

pub(crate) fn fact(connection: &Connection, key: &str) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT value FROM slice WHERE key = ?1")?;
    let mut rows = statement.query([key])?;
    rows.next()?.map(|row| row.get(0)).transpose()
}

fn set_fact(connection: &Connection, key: &str, value: i64) -> rusqlite::Result<()> {
    connection.execute("INSERT OR REPLACE INTO slice (key, value) VALUES (?1, ?2)", params![key, value]).map(|_| ())
}

fn insert(connection: &Connection, clients: &mut HashMap<ByteString, i64>, rows: &[Row]) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    {
        let mut statement = transaction.prepare_cached(
            "INSERT INTO events (event_id, seq, timestamp, event, client, reason, json)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        for row in rows {
            let client = match &row.client {
                Client::Nobody => None,
                Client::Everybody => Some(EVERYBODY),
                Client::One(name) => Some(intern(&transaction, clients, name)?),
            };
            let (event_id, reason) = (row.event_id.as_deref(), row.reason.as_deref());
            statement.execute(params![event_id, row.seq, row.timestamp, row.event, client, reason, row.json])?;
        }
    }
    transaction.commit()
}

/// The number of a client, a new one where it has none.
fn intern(connection: &Connection, clients: &mut HashMap<ByteString, i64>, name: &ByteString) -> rusqlite::Result<i64> {
    if let Some(client) = clients.get(name) {
        return Ok(*client);
    }
    let client = match client_number(connection, name)? {
        EVERYBODY => {
            connection.prepare_cached("INSERT INTO clients (clientid) VALUES (?1)")?.execute([&**name])?;
            connection.last_insert_rowid()
        }
        client => client,
    };
    clients.insert(name.clone(), client);
    Ok(client)
}

/// The number of a client; [`EVERYBODY`] where the slice does not have it.
fn client_number(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare_cached("SELECT client FROM clients WHERE clientid = ?1")?;
    let mut rows = statement.query([name])?;
    rows.next()?.map_or(Ok(EVERYBODY), |row| row.get(0))
}

fn select(serial: u64, query: &Query, client: Option<i64>, limit: usize) -> (String, Vec<Value>) {
    let mut sql = "SELECT row, timestamp, event, seq, json FROM events WHERE 1".to_owned();
    let mut values = Vec::new();
    if let Some(client) = client {
        sql.push_str(" AND client IN (?, ?)");
        values.extend([Value::from(client), Value::from(EVERYBODY)]);
    }
    if !query.kinds.is_empty() {
        sql.push_str(" AND event IN (?");
        values.push(Value::from(GAP.to_owned()));
        for kind in &query.kinds {
            sql.push_str(", ?");
            values.push(Value::from(kind.event_type().name.to_owned()));
        }
        sql.push(')');
    }
    if !query.gaps {
        sql.push_str(" AND event <> ?");
        values.push(Value::from(GAP.to_owned()));
    }
    let before = query.before.filter(|before| before.slice == serial).map(|before| before.row);
    for (condition, value) in [
        (" AND timestamp >= ?", query.since.map(|since| since.0)),
        (" AND timestamp < ?", query.until.map(|until| until.0)),
        (" AND row < ?", before),
    ] {
        if let Some(value) = value {
            sql.push_str(condition);
            values.push(Value::from(value));
        }
    }
    sql.push_str(" ORDER BY row DESC LIMIT ?");
    values.push(Value::from(i64::try_from(limit).unwrap_or(i64::MAX)));
    (sql, values)
}
