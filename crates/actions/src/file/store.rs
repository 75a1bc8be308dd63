//! The files below a directory: opened when they are needed, rotated, written to, closed when there are too many.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use engine::{ErrorClass, ItemOutcome};
use parking_lot::Mutex;

use super::Fsync;

/// When a file makes room for a new one, and how many old ones stay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rotation {
    pub(super) bytes_max: u64,
    /// The length of a period; `None`: only the size counts.
    pub(super) every_ms: Option<u64>,
    pub(super) keep: u32,
}

/// Lines for one file.
#[derive(Debug)]
pub(super) struct Append {
    /// Below the directory.
    pub(super) path: String,
    /// The first line of the file, if it has one.
    pub(super) header: Option<Arc<str>>,
    pub(super) lines: String,
}

/// A directory of files.
#[derive(Debug)]
pub(super) struct Store {
    dir: PathBuf,
    rotation: Rotation,
    fsync: Fsync,
    mode: u32,
    open_max: usize,
    /// The one that was used last stands last.
    open: Mutex<VecDeque<OpenFile>>,
}

#[derive(Debug)]
struct OpenFile {
    path: String,
    file: File,
    bytes: u64,
    /// When it was written to, in ms since 1970.
    written_ms: u64,
    /// It ends within a line, as after a power loss.
    is_torn: bool,
}

impl Store {
    /// The files below `dir`. Nothing is opened.
    pub(super) const fn new(dir: PathBuf, rotation: Rotation) -> Store {
        let open = Mutex::new(VecDeque::new());
        Store { dir, rotation, fsync: Fsync::Batch, mode: 0o640, open_max: 64, open }
    }

    pub(super) fn with_fsync(self, fsync: Fsync) -> Store {
        Store { fsync, ..self }
    }

    pub(super) fn with_mode(self, mode: u32) -> Store {
        Store { mode, ..self }
    }

    pub(super) fn with_open_max(self, open_max: usize) -> Store {
        Store { open_max, ..self }
    }

    /// Where the file `path` stands.
    pub(super) fn place(&self, path: &str) -> PathBuf {
        self.dir.join(path)
    }

    /// Writes to one file after the other and says what became of each. Of one `Append` all lines are written or none.
    pub(super) fn append_all(&self, appends: &[Append]) -> Vec<ItemOutcome> {
        let mut open = self.open.lock();
        appends.iter().map(|append| self.outcome(append, self.append(&mut open, append))).collect()
    }

    /// Makes a file in the directory and removes it.
    pub(super) fn check(&self) -> io::Result<()> {
        self.check_dir()?;
        let place = self.dir.join(format!(".signalbox-{:016x}", now_ms()));
        let made = OpenOptions::new().write(true).create_new(true).mode(self.mode).open(&place);
        made.and_then(|_| fs::remove_file(&place))
            .map_err(|error| in_words(&format!("cannot write into `{}`", self.dir.display()), &error))
    }

    /// A directory that is not there is not made: it may be one that is mounted later.
    fn check_dir(&self) -> io::Result<()> {
        match fs::metadata(&self.dir) {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(io::Error::other(format!("`{}` is no directory", self.dir.display()))),
            Err(error) => Err(in_words(&format!("no directory `{}`", self.dir.display()), &error)),
        }
    }

    fn outcome(&self, append: &Append, written: io::Result<()>) -> ItemOutcome {
        match written {
            Ok(()) => ItemOutcome::Delivered,
            // A name that the file system does not take will not do later either.
            Err(error) if error.kind() == ErrorKind::InvalidFilename => {
                ItemOutcome::Rejected { class: ErrorClass::Unsendable, reason: format!("path: {error}") }
            }
            Err(error) => {
                let reason = match self.check_dir() {
                    Ok(()) => format!("cannot write `{}`: {error}", append.path),
                    Err(error) => error.to_string(),
                };
                ItemOutcome::Retry { class: ErrorClass::Unavailable, reason, after: None }
            }
        }
    }

    fn append(&self, open: &mut VecDeque<OpenFile>, append: &Append) -> io::Result<()> {
        let now_ms = now_ms();
        let known = open.iter().position(|file| file.path == append.path).and_then(|at| open.remove(at));
        let mut file = match known.filter(|file| self.is_still_there(file)) {
            Some(file) => file,
            None => self.open(append)?,
        };
        if self.is_due(&file, append, now_ms) {
            drop(file);
            self.rotate(&append.path)?;
            file = self.open(append)?;
        }
        // A file that could not be written to is not kept: what its length is now is read again.
        file.append(append, self.fsync)?;
        file.written_ms = now_ms;
        open.push_back(file);
        while open.len() > self.open_max {
            open.pop_front();
        }
        Ok(())
    }

    /// Whether the file has not been moved or removed by somebody else.
    fn is_still_there(&self, file: &OpenFile) -> bool {
        let identity = |found: fs::Metadata| (found.dev(), found.ino());
        let ours = file.file.metadata().map(identity).ok();
        ours.is_some() && ours == fs::metadata(self.place(&file.path)).map(identity).ok()
    }

    fn open(&self, append: &Append) -> io::Result<OpenFile> {
        let place = self.place(&append.path);
        self.check_dir()?;
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(self.mode).open(&place)?;
        let found = file.metadata()?;
        if found.len() == 0 && self.fsync == Fsync::Batch {
            sync_parent(&place)?;
        }
        let is_torn = found.len() > 0 && last_byte(&mut file)? != b'\n';
        let written_ms = found.modified().map_or(0, ms_of);
        let bytes = found.len();
        Ok(OpenFile { path: append.path.clone(), file, bytes, written_ms, is_torn })
    }

    fn is_due(&self, file: &OpenFile, append: &Append, now_ms: u64) -> bool {
        if file.bytes == 0 {
            return false;
        }
        let Rotation { bytes_max, every_ms, .. } = self.rotation;
        let is_over = every_ms.is_some_and(|every| file.written_ms / every < now_ms / every);
        is_over || file.bytes.saturating_add(bytes_of(&append.lines)) > bytes_max || !file.has_header(append)
    }

    /// Renames `a.csv` to `a.csv.1`, and before that `a.csv.1` to `a.csv.2` and so on; what is beyond `keep` goes.
    fn rotate(&self, path: &str) -> io::Result<()> {
        let numbered = |number: u32| match number {
            0 => self.place(path),
            _ => self.place(&format!("{path}.{number}")),
        };
        let keep = self.rotation.keep;
        // More than one where `keep` was larger before.
        let mut beyond = keep;
        while remove_if_there(&numbered(beyond))? {
            beyond += 1;
        }
        for number in (0..keep).rev() {
            match fs::rename(numbered(number), numbered(number + 1)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

impl OpenFile {
    /// Appends all of it, or leaves the file as it was.
    fn append(&mut self, append: &Append, fsync: Fsync) -> io::Result<()> {
        let mut text = String::with_capacity(append.lines.len());
        if self.is_torn {
            text.push('\n');
        }
        if self.bytes == 0 {
            text.extend(append.header.as_deref());
        }
        text.push_str(&append.lines);
        let written = self.file.write_all(text.as_bytes()).and_then(|()| match fsync {
            Fsync::Batch => self.file.sync_data(),
            Fsync::Never => Ok(()),
        });
        match written {
            Ok(()) => {
                self.bytes = self.bytes.saturating_add(bytes_of(&text));
                self.is_torn = false;
                Ok(())
            }
            Err(error) => {
                // Part of it may stand there and would stand there twice. A failure of this is said by the next try.
                drop(self.file.set_len(self.bytes));
                Err(error)
            }
        }
    }

    /// Whether the first line of the file is the header that its lines need.
    fn has_header(&self, append: &Append) -> bool {
        let Some(header) = append.header.as_deref() else { return true };
        let mut found = vec![0; header.len()];
        let mut file = &self.file;
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_exact(&mut found));
        read.is_ok() && found == header.as_bytes()
    }
}

fn last_byte(file: &mut File) -> io::Result<u8> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last[0])
}

/// Makes the name of a new file survive a power loss.
fn sync_parent(place: &Path) -> io::Result<()> {
    match place.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

fn remove_if_there(place: &Path) -> io::Result<bool> {
    match fs::remove_file(place) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn in_words(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

fn bytes_of(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

fn ms_of(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "rotation compares the times of files with the clock, at the edge")]
fn now_ms() -> u64 {
    ms_of(SystemTime::now())
}
