//! What can go wrong with a journal.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a journal was not opened, or did not take a record.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or the folder cannot be read or written. Nothing was taken up.
    #[error("{doing} `{}`", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A segment was written by another version. Nothing was changed.
    #[error("`{}` has the format {found}, expected {expected}", path.display())]
    Format {
        /// The segment.
        path: PathBuf,
        /// What it says.
        found: u32,
        /// What this version reads and writes.
        expected: u32,
    },
    /// The disk does not take anything at the moment. The journal goes on trying, and takes records again when what it
    /// has is durable.
    #[error("the disk takes nothing: {reason}")]
    Failing {
        /// What the system said last.
        reason: Arc<str>,
    },
    /// More is waiting to be written than may wait.
    #[error("{waiting_bytes} bytes wait to be written, at most {waiting_bytes_max} may")]
    Behind {
        /// How much waits.
        waiting_bytes: usize,
        /// How much may.
        waiting_bytes_max: usize,
    },
    /// The record is larger than any may be.
    #[error("a record of {bytes} bytes, at most {bytes_max} are taken")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        bytes_max: usize,
    },
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
}

impl Error {
    /// For `map_err` where a file or folder is used while a journal is opened.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::Io { doing, path, source }
    }
}
