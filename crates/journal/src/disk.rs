//! The few things a journal asks of the file system once it is open, so that tests can let each of them go wrong.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
}

/// A file system.
pub(crate) trait Disk: Send {
    /// Makes an empty file; one that is there already is an error.
    fn create(&mut self, path: &Path) -> io::Result<OpenFile>;
    /// Writes all of `bytes` at the end.
    fn write(&mut self, file: &mut OpenFile, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything that was written is durable, if the file is.
    fn sync(&mut self, file: &OpenFile) -> io::Result<()>;
    /// Returns when the names in `dir` are durable.
    fn sync_dir(&mut self, dir: &Path) -> io::Result<()>;
    /// Cuts a file.
    fn truncate(&mut self, file: &OpenFile, len: u64) -> io::Result<()>;
    /// Removes a file; one that is not there is none to remove.
    fn remove(&mut self, path: &Path) -> io::Result<()>;
}

/// The file system of the machine.
#[derive(Debug)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn create(&mut self, path: &Path) -> io::Result<OpenFile> {
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(OpenFile { path: path.to_path_buf(), file: options.open(path)? })
    }

    fn write(&mut self, file: &mut OpenFile, bytes: &[u8]) -> io::Result<()> {
        file.file.write_all(bytes)
    }

    fn sync(&mut self, file: &OpenFile) -> io::Result<()> {
        file.file.sync_data()
    }

    fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        sync_dir(dir)
    }

    fn truncate(&mut self, file: &OpenFile, len: u64) -> io::Result<()> {
        file.file.set_len(len)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
