//! `made.json` in the data directory. It is replaced as a whole and synced before a change counts as made.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::MadeObjects;

/// The name in the data directory.
pub(super) const NAME: &str = "made.json";

/// The layout that this version reads and writes.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Written<'o> {
    format: u32,
    objects: &'o MadeObjects,
}

#[derive(Deserialize)]
struct Read {
    objects: MadeObjects,
}

/// Looked at alone, so that a layout of another version is told as such.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// What was written; nothing where nothing ever was.
pub(super) fn read(path: &Path) -> io::Result<MadeObjects> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(MadeObjects::default()),
        Err(error) => return Err(error),
    };
    let broken = |why: String| io::Error::new(io::ErrorKind::InvalidData, format!("`{}`: {why}", path.display()));
    let Format { format } = serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
    if format != FORMAT {
        return Err(broken(format!("expected the format {FORMAT}, found {format}")));
    }
    let Read { objects } = serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
    Ok(objects)
}

/// Puts `objects` in place: written beside, synced, renamed. Only its owner may read it: connectors have secrets.
pub(super) fn write(path: &Path, objects: &MadeObjects) -> io::Result<()> {
    let beside = path.with_extension("json.new");
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(&serde_json::to_vec_pretty(&Written { format: FORMAT, objects })?)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_layout_and_a_broken_file_are_told_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        assert_eq!(read(&path).unwrap(), MadeObjects::default());
        for (text, said) in
            [("{\"format\": 7}", "expected the format 1, found 7"), ("{\"format\": 1, \"obj", "EOF while parsing")]
        {
            fs::write(&path, text).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains(NAME), "{error}");
        }
    }
}
