//! How clients stand at the end of a slice: as they stood when it began, and what its events have changed.
//!
//! Nothing of it is kept while events are written. It is read when a slice is followed by the next one, which begins with
//! it, and when the history is opened, for the endings that a process has not told which ended without a word.

use events::{Past, Standing, Timestamp};
use rusqlite::{Connection, OpenFlags, Transaction, params};

use crate::error::HistoryError;
use crate::record::{GAP, GapCause};
use crate::shelf::SliceInfo;
use crate::slice::{ALIVE, BUSY, fact};

/// How clients stand at the end of a slice; of those of which nothing has begun and not ended the last `departed_max`.
pub(crate) fn read(info: &SliceInfo, departed_max: usize) -> Result<Past, HistoryError> {
    let read = || {
        let connection = Connection::open_with_flags(&info.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(BUSY)?;
        let mut past = Past::default();
        if connection.table_exists(None, "standing")? {
            take_beginning(&connection, &mut past)?;
        }
        take_events(&connection, &mut past)?;
        past.forget_beyond(departed_max);
        let last = info.times.map(|(_, last)| last);
        past.ran_until = fact(&connection, ALIVE)?.map(Timestamp).into_iter().chain(last).max().unwrap_or_default();
        Ok(past)
    };
    read().map_err(HistoryError::slice("read", &info.path))
}

/// Writes how clients stand when a slice begins.
pub(crate) fn write(transaction: &Transaction<'_>, past: &Past) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare("INSERT INTO standing (clientid, json) VALUES (?1, ?2)")?;
    for (clientid, standing) in past.clients() {
        let json = serde_json::to_string(standing).expect("a standing has only keys that are text");
        statement.execute(params![clientid, json])?;
    }
    Ok(())
}

fn take_beginning(connection: &Connection, past: &mut Past) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT clientid, json FROM standing ORDER BY place")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        // One that cannot be read is forgotten: its client begins anew.
        if let Ok(standing) = serde_json::from_str::<Standing>(row.get_ref(1)?.as_str()?) {
            past.put(row.get(0)?, standing);
        }
    }
    Ok(())
}

fn take_events(connection: &Connection, past: &mut Past) -> rusqlite::Result<()> {
    let sql = "SELECT event, reason, json FROM events WHERE seq IS NOT NULL OR event = 'gap' ORDER BY row";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        match row.get_ref(0)?.as_str()? {
            GAP => {
                if row.get_ref(1)?.as_str_or_null()?.and_then(GapCause::named).is_some_and(GapCause::loses_numbers) {
                    past.handle_gap();
                }
            }
            event => past.take(event, row.get_ref(2)?.as_str()?),
        }
    }
    Ok(())
}
