//! The data directory: one process at a time, and a layout this version knows.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::outcome::Stop;

/// The layout of the directory that this version reads and writes.
const FORMAT_VERSION: u32 = 1;

/// A data directory that belongs to this process until it is dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Locked; the system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl DataDir {
    /// Takes the directory, and makes it where it is not there.
    pub(crate) fn open(path: &Path) -> Result<DataDir, Stop> {
        create(path)?;
        let lock = lock(path)?;
        check_format(path)?;
        Ok(DataDir { path: path.to_path_buf(), _lock: lock })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// The hashes of the API's keys.
pub(crate) fn keys_file(data: &Path) -> PathBuf {
    data.join("keys")
}

/// What clients may do, made by command.
pub(crate) fn rules_file(data: &Path) -> PathBuf {
    data.join("acl_rules")
}

/// Who may not connect.
pub(crate) fn bans_file(data: &Path) -> PathBuf {
    data.join("bans")
}

/// The certificates of clients that were seen.
pub(crate) fn certificates_file(data: &Path) -> PathBuf {
    data.join("certificates")
}

/// What survives of sessions, retained messages and wills.
pub(crate) fn sessions_directory(data: &Path) -> PathBuf {
    data.join("sessions")
}

/// What tells this data directory from all others, for the client identifiers of sources: a number that is made once.
pub(crate) fn installation(data: &Path) -> Result<String, Stop> {
    let file = data.join("installation");
    let problem = |what: &str| format!("{what} `{}`", file.display());
    match fs::read_to_string(&file) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => {}
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {}
        Err(cause) => return Err(anyhow::Error::new(cause).context(problem("reading")).into()),
    }
    let number = format!("{:016x}", fastrand::u64(..));
    // Another name first: a kill must not leave half a number.
    let new = file.with_extension("new");
    let written = fs::write(&new, format!("{number}\n")).and_then(|()| fs::rename(&new, &file));
    written.with_context(|| problem("writing"))?;
    Ok(number)
}

/// Makes the directory where it is not there, for its owner alone: it holds hashes, keys and messages.
pub(crate) fn create(path: &Path) -> Result<(), Stop> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|cause| {
        Stop::bad_input(
            format_args!("the data directory `{}` cannot be made: {cause}", path.display()),
            Some("name another with `--data DIR`"),
        )
    })
}

fn lock(path: &Path) -> Result<File, Stop> {
    let file = path.join("lock");
    let opened = File::options().read(true).write(true).create(true).truncate(false).open(&file);
    let mut lock = opened.map_err(|cause| {
        Stop::bad_input(
            format_args!("the data directory `{}` cannot be written: {cause}", path.display()),
            Some("name another with `--data DIR`"),
        )
    })?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Only for the message; without the number it still says what is wrong.
            drop(lock.read_to_string(&mut holder));
            let holder = if holder.trim().is_empty() {
                "another process".to_owned()
            } else {
                format!("process {}", holder.trim())
            };
            return Err(Stop::bad_input(
                format_args!("the data directory `{}` is in use by {holder}", path.display()),
                Some("stop that process, or name another directory with `--data DIR`"),
            ));
        }
        Err(TryLockError::Error(cause)) => {
            return Err(anyhow::Error::new(cause).context(format!("locking `{}`", file.display())).into());
        }
    }
    lock.set_len(0)
        .and_then(|()| writeln!(lock, "{}", std::process::id()))
        .with_context(|| format!("writing `{}`", file.display()))?;
    Ok(lock)
}

fn check_format(path: &Path) -> Result<(), Stop> {
    let file = path.join("format");
    match fs::read_to_string(&file) {
        Ok(text) if text.trim().parse() == Ok(FORMAT_VERSION) => Ok(()),
        Ok(text) => Err(Stop::bad_input(
            format_args!(
                "the data directory `{}` has the format `{}`, expected `{FORMAT_VERSION}`",
                path.display(),
                text.trim()
            ),
            Some("use the version of signalbox that wrote it, or another directory with `--data DIR`"),
        )),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            fs::write(&file, format!("{FORMAT_VERSION}\n")).with_context(|| format!("writing `{}`", file.display()))?;
            Ok(())
        }
        Err(cause) => Err(anyhow::Error::new(cause).context(format!("reading `{}`", file.display())).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &Path) -> String {
        match DataDir::open(path) {
            Err(Stop::BadInput(text)) => text,
            other => panic!("expected a refusal, found {other:?}"),
        }
    }

    #[test]
    fn a_directory_belongs_to_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/data");
        let first = DataDir::open(&path).unwrap();
        let text = refusal(&path);
        assert!(text.contains(&format!("in use by process {}", std::process::id())), "{text}");
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn an_installation_keeps_its_number() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let number = installation(dir.path()).unwrap();
        assert_eq!(installation(dir.path()).unwrap(), number);
        assert_ne!(installation(other.path()).unwrap(), number);
    }

    #[test]
    fn a_format_of_another_version_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("format"), "7\n").unwrap();
        assert!(refusal(dir.path()).contains("has the format `7`, expected `1`"));
        assert_eq!(fs::read_to_string(dir.path().join("format")).unwrap(), "7\n");
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(refusal(file.path()).contains("cannot be"));
    }
}
