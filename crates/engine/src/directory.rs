//! Rule files on disk: one file of I/O, so that everything else can be tested with texts.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::checked::{FILE_BYTES_MAX, RuleSource};

/// What tells that a directory of rules has changed without reading its files.
pub(crate) type Fingerprint = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// A file in a directory of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// What it is called and what stands in it.
    pub(crate) source: RuleSource,
    /// Why it cannot be read as text, where it cannot.
    pub(crate) unreadable: Option<String>,
    /// Whether it was made over the API, and stands in no file.
    pub(crate) is_made: bool,
    /// Whether it rests, whatever its header says.
    pub(crate) is_switched_off: bool,
}

/// Reads every rule file of `dir`, by name. Files that editors leave behind and other names are passed over.
pub(crate) fn read(dir: &Path) -> io::Result<Vec<Found>> {
    let mut files = Vec::new();
    for (path, len, _) in fingerprint(dir)? {
        let text = if len > u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX) {
            Err(format!("expected at most {FILE_BYTES_MAX} bytes in a rule file, found {len}"))
        } else {
            match fs::read(&path).map(String::from_utf8) {
                Ok(Ok(text)) => Ok(text),
                Ok(Err(error)) => {
                    Err(format!("expected UTF-8, found another byte at {}", error.utf8_error().valid_up_to()))
                }
                // It went away between the listing and the reading.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => Err(format!("the file cannot be read: {error}")),
            }
        };
        let id = path.file_stem().unwrap_or_default().to_string_lossy().into();
        let (text, unreadable) = match text {
            Ok(text) => (text, None),
            Err(reason) => (String::new(), Some(reason)),
        };
        let source = RuleSource { id, file: path, text: text.into() };
        files.push(Found { source, unreadable, is_made: false, is_switched_off: false });
    }
    Ok(files)
}

/// Names, lengths and times of the rule files of `dir`, by name.
pub(crate) fn fingerprint(dir: &Path) -> io::Result<Fingerprint> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        // Follows links, as configuration management likes to make them.
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if metadata.is_file() && is_rule_file(&path) {
            files.push((path, metadata.len(), metadata.modified().ok()));
        }
    }
    files.sort();
    Ok(files)
}

/// Whether the name is that of a rule: `<id>.sql`, and no hidden or half-written file of an editor, such as
/// `.#a.sql`, `#a.sql#`, `.a.sql.swp` or `a.sql~`.
fn is_rule_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.extension() == Some(OsStr::new("sql")) && !name.starts_with(['.', '#', '~'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_files_are_read_and_what_editors_leave_is_not() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.sql", "a.sql", "README.md", ".hidden.sql", ".#a.sql", "#a.sql#", ".a.sql.swp", "a.sql~", "4913"]
        {
            fs::write(dir.path().join(name), name).unwrap();
        }
        fs::write(dir.path().join("c.sql"), [0x53, 0xFF]).unwrap();
        fs::create_dir(dir.path().join("d.sql")).unwrap();
        let found = read(dir.path()).unwrap();
        let read: Vec<_> =
            found.iter().map(|found| (&*found.source.id, &*found.source.text, found.unreadable.as_deref())).collect();
        let not_utf8 = Some("expected UTF-8, found another byte at 1");
        assert_eq!(read, [("a", "a.sql", None), ("b", "b.sql", None), ("c", "", not_utf8)]);
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(&dir.path().join("gone")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
