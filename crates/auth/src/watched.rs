//! A file whose content is in force, and what becomes of it when it changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;

use crate::config::SourceFile;
use crate::error::{AuthError, Fault};
use crate::file::{Stamp, read_text};

/// A file and what it says. A broken file is an error when it is opened, and only then: later the content of before
/// holds.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    /// What it is, for the log: `users file`.
    what: &'static str,
    path: PathBuf,
    parse: fn(&str) -> Result<T, Vec<Fault>>,
    value: ArcSwapOption<T>,
    /// What the file looked like when it was read last; held while it is read, so that an older text never replaces a
    /// newer one.
    stamp: Mutex<Stamp>,
}

impl<T> Watched<T> {
    /// Reads the file; `dir` is where a relative path starts, `help` is for one that must be there and is not.
    pub(crate) fn open(
        what: &'static str,
        file: &SourceFile,
        (dir, help): (&Path, &'static str),
        parse: fn(&str) -> Result<T, Vec<Fault>>,
    ) -> Result<Watched<T>, AuthError> {
        let path = dir.join(&file.path);
        let watched = Watched { what, path, parse, value: ArcSwapOption::empty(), stamp: Mutex::default() };
        let value = watched.read(&mut watched.stamp.lock())?;
        if value.is_none() && file.required {
            return Err(AuthError::Missing { path: watched.path, help });
        }
        watched.value.store(value.map(Arc::new));
        Ok(watched)
    }

    /// What it says; `None` where there is no file.
    pub(crate) fn load(&self) -> arc_swap::Guard<Option<Arc<T>>> {
        self.value.load()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it looks different from when it was read.
    pub(crate) fn has_changed(&self) -> bool {
        *self.stamp.lock() != Stamp::of(&self.path)
    }

    /// Reads it again; whether there is something new. That a file that was there is gone is a mistake: one removed by
    /// accident must not open or close the broker; a restart makes it so.
    pub(crate) fn reload(&self) -> Result<bool, AuthError> {
        let mut stamp = self.stamp.lock();
        let what = self.what;
        match self.read(&mut stamp) {
            Ok(Some(value)) => {
                self.value.store(Some(Arc::new(value)));
                tracing::info!(what, path = %self.path.display(), "a file was read again");
                Ok(true)
            }
            Ok(None) if self.value.load().is_none() => Ok(false),
            Ok(None) => {
                let help = "put it back, or restart to go on without it";
                let error = AuthError::Missing { path: self.path.clone(), help };
                tracing::error!(what, %error, "a file is gone; what it said stays in force");
                Err(error)
            }
            Err(error) => {
                tracing::error!(what, %error, "a file cannot be used; what it said before stays in force");
                Err(error)
            }
        }
    }

    /// The stamp is taken first, so that a change while reading is noticed the next time.
    fn read(&self, stamp: &mut Stamp) -> Result<Option<T>, AuthError> {
        *stamp = Stamp::of(&self.path);
        let Some(text) = read_text(&self.path)? else { return Ok(None) };
        (self.parse)(&text).map(Some).map_err(|faults| AuthError::Broken { path: self.path.clone(), faults })
    }
}
