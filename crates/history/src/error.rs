//! What can go wrong, and how it is said.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// What can go wrong with the history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The folder or a file in it cannot be used; the cause is attached.
    #[error("cannot {verb} `{}`", path.display())]
    File {
        /// `make`, `list`, `remove` or `rename`.
        verb: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite cannot do what was asked; the cause is attached.
    #[error("cannot {verb} the slice `{}`", path.display())]
    Slice {
        /// `make`, `open`, `read`, `write` or `seal`.
        verb: &'static str,
        /// The slice.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A slice was written by a newer Signalbox.
    #[error(
        "expected a slice of format {known} or older, found {found} in `{}`\nhelp: run the Signalbox that wrote it, or move the folder away to begin a new history",
        path.display()
    )]
    Newer {
        /// The slice.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format this Signalbox knows.
        known: i64,
    },
    /// The thread that writes the history cannot be started; the cause is attached.
    #[error("cannot start the thread of the history")]
    Thread(#[source] io::Error),
    /// The history was closed.
    #[error("the history is closed")]
    Closed,
}

impl HistoryError {
    pub(crate) fn slice(verb: &'static str, path: &Path) -> impl Fn(rusqlite::Error) -> HistoryError + use<> {
        let path = path.to_path_buf();
        move |source| HistoryError::Slice { verb, path: path.clone(), source }
    }

    pub(crate) fn file(verb: &'static str, path: &Path) -> impl Fn(io::Error) -> HistoryError + use<> {
        let path = path.to_path_buf();
        move |source| HistoryError::File { verb, path: path.clone(), source }
    }

    /// Whether the slice is beyond reading, now and later; a full disk or a busy file is not.
    pub(crate) fn is_broken_slice(&self) -> bool {
        match self {
            HistoryError::Slice { source, .. } => is_broken(source),
            HistoryError::File { .. } | HistoryError::Newer { .. } | HistoryError::Thread(_) | HistoryError::Closed => {
                false
            }
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the errors of SQLite are not our enum and may become more")]
fn is_broken(error: &rusqlite::Error) -> bool {
    match error {
        // A file that lost its tables, or has others: written over, or cut short.
        rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::QueryReturnedNoRows => true,
        rusqlite::Error::SqliteFailure(failure, _) | rusqlite::Error::SqlInputError { error: failure, .. } => matches!(
            failure.code,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown | ErrorCode::TypeMismatch
        ),
        _ => false,
    }
}
