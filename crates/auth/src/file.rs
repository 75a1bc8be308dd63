//! Reading, locking and replacing the small text files of this crate. This is the file I/O of the crate.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::{AuthError, Fault};

/// The text of a file; `None` where there is none.
pub(crate) fn read_text(path: &Path) -> Result<Option<String>, AuthError> {
    match fs::read(path) {
        Ok(bytes) => to_text(path, bytes).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(AuthError::File { verb: "read", path: path.into(), source }),
    }
}

/// What changes when a file is edited, replaced or removed; the default where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<SystemTime>,
    len: u64,
    inode: u64,
}

impl Stamp {
    /// A file that cannot be looked at has the stamp of none; reading it tells why.
    pub(crate) fn of(path: &Path) -> Stamp {
        fs::metadata(path).map_or_else(
            |_| Stamp::default(),
            |meta| Stamp { modified: meta.modified().ok(), len: meta.len(), inode: meta.ino() },
        )
    }
}

/// A file that this process alone changes, until it is dropped. Readers need no lock: they see the old text or the new.
#[derive(Debug)]
pub(crate) struct LockedFile {
    path: PathBuf,
    file: File,
    text: String,
}

impl LockedFile {
    /// Waits for the lock and reads the text. A file that is not there is made, empty, for its owner alone.
    pub(crate) fn open(path: &Path) -> Result<LockedFile, AuthError> {
        let failed = |verb| move |source| AuthError::File { verb, path: path.into(), source };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed("write"))?;
        }
        loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(path)
                .map_err(failed("write"))?;
            file.lock().map_err(failed("lock"))?;
            // Whoever held the lock may have put another file in the place of the one that was locked.
            let locked = file.metadata().map_err(failed("read"))?;
            if !fs::metadata(path).is_ok_and(|now| (now.dev(), now.ino()) == (locked.dev(), locked.ino())) {
                continue;
            }
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(failed("read"))?;
            let text = to_text(path, bytes)?;
            return Ok(LockedFile { path: path.into(), file, text });
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Puts `text` in place at once, readable by its owner alone: written beside, synced, renamed.
    pub(crate) fn replace(self, text: &str) -> Result<(), AuthError> {
        self.write(text).map_err(|source| AuthError::File { verb: "write", path: self.path.clone(), source })
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let beside = self.path.with_file_name(format!(".{name}.new"));
        // Left behind by a process that was killed; nobody else writes it, as we hold the lock.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        new.write_all(text.as_bytes())?;
        // A command run as root must not take the file away from the user the broker runs as.
        let (owner, ours) = (self.file.metadata()?, new.metadata()?);
        if (owner.uid(), owner.gid()) != (ours.uid(), ours.gid()) {
            fchown(&new, Some(owner.uid()), Some(owner.gid()))?;
        }
        new.sync_all()?;
        fs::rename(&beside, &self.path)?;
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)?.sync_all()
    }
}

fn to_text(path: &Path, bytes: Vec<u8>) -> Result<String, AuthError> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        let message = "expected UTF-8, found other bytes".to_owned();
        AuthError::Broken { path: path.into(), faults: vec![Fault { line, message, help: None }] }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_is_replaced_whole_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("below/users");
        let file = LockedFile::open(&path).unwrap();
        assert_eq!(file.text(), "");
        let before = Stamp::of(&path);
        fs::write(path.with_file_name(".users.new"), "left behind").unwrap();
        file.replace("one\n").unwrap();
        assert_eq!(read_text(&path).unwrap().as_deref(), Some("one\n"));
        assert_ne!(Stamp::of(&path), before);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn two_writers_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    for line in 0..25 {
                        let file = LockedFile::open(path).unwrap();
                        let text = format!("{}{writer}:{line}\n", file.text());
                        file.replace(&text).unwrap();
                    }
                });
            }
        });
        assert_eq!(read_text(&path).unwrap().unwrap().lines().count(), 100);
    }

    #[test]
    fn bytes_that_are_no_text_are_told_with_their_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("acl");
        fs::write(&path, b"user a\ntopic \xFF\n").unwrap();
        let error = read_text(&path).unwrap_err().to_string();
        assert!(error.ends_with("acl:2: expected UTF-8, found other bytes"), "{error}");
    }
}
