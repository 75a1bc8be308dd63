//! What is found when a journal is opened: every record that is there, in order, and a report of what is not.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::disk::sync_dir;
use crate::error::Error;
use crate::record::{HEAD_LEN, Position};
use crate::segment::{self, FORMAT, HEADER_LEN, Header, SegmentSpan};

/// What is found when a journal is opened.
#[derive(Debug)]
pub enum Found<'a> {
    /// A record.
    Record {
        /// Its position, as [`crate::Journal::append`] has said.
        position: Position,
        /// What was appended.
        bytes: &'a [u8],
    },
    /// Records that cannot be read any more. The journal goes on behind them.
    Damage(Damage),
    /// The end of the last segment, which a kill or a power loss has cut short and which was cut off. Nothing of it was
    /// durable, unless the disk has damaged the last records.
    Torn(Damage),
}

/// A part of a journal that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub path: PathBuf,
    /// Where in the file the damage begins.
    pub offset: usize,
    /// How many bytes were skipped.
    pub bytes: usize,
    /// How many records are missing, where that is known.
    pub records: Option<u64>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {} bytes at {} cannot be read, ", self.path.display(), self.bytes, self.offset)?;
        match self.records {
            Some(records) => write!(f, "{records} records are missing"),
            None => f.write_str("it is not known how many records are missing"),
        }
    }
}

/// What is left after a journal was read.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    /// The position of the next record.
    pub(crate) next: Position,
    pub(crate) segments: Vec<SegmentSpan>,
}

/// Reads the journal in `dir`, which is made where it is not there. Cuts off a torn end, so that it is reported once.
pub(crate) fn read(dir: &Path, on_found: &mut dyn FnMut(Found<'_>)) -> Result<Opened, Error> {
    make_dir(dir)?;
    let firsts = segments_in(dir)?;
    check_formats(dir, &firsts)?;
    let mut opened = Opened { next: firsts.first().copied().unwrap_or_default(), segments: Vec::new() };
    let mut bytes = Vec::new();
    for (index, first) in firsts.iter().enumerate() {
        if opened.next < *first {
            let missing = first.0 - opened.next.0;
            let path = segment::path_of(dir, opened.next);
            on_found(Found::Damage(Damage { path, offset: 0, bytes: 0, records: Some(missing) }));
        }
        let path = segment::path_of(dir, *first);
        read_whole(&path, &mut bytes)?;
        let limit = firsts.get(index + 1).copied();
        let span = read_segment((&path, *first), &bytes, limit, on_found)?;
        opened.next = span.end;
        if span.bytes > 0 {
            opened.segments.push(span);
        }
    }
    Ok(opened)
}

/// Tells of the records in a segment that is not written any more.
pub(crate) fn read_again(dir: &Path, span: SegmentSpan, on_found: &mut dyn FnMut(Found<'_>)) -> Result<(), Error> {
    let path = segment::path_of(dir, span.first);
    let mut bytes = Vec::new();
    read_whole(&path, &mut bytes)?;
    read_segment((&path, span.first), &bytes, Some(span.end), on_found).map(|_| ())
}

/// Tells of the records in one segment. A span of no bytes: nothing was in it, and it was removed.
fn read_segment(
    (path, first): (&Path, Position),
    bytes: &[u8],
    limit: Option<Position>,
    on_found: &mut dyn FnMut(Found<'_>),
) -> Result<SegmentSpan, Error> {
    let file_bytes = u64_of(bytes.len());
    let header = Header::read(bytes).filter(|(header, _)| header.first == first);
    let Some((header, records)) = header else {
        let damage = Damage { path: path.to_path_buf(), offset: 0, bytes: bytes.len(), records: None };
        return match limit {
            Some(limit) => {
                on_found(Found::Damage(Damage { records: Some(limit.0 - first.0), ..damage }));
                Ok(SegmentSpan { first, end: limit, bytes: file_bytes })
            }
            // It was made and never synced, or is damaged: nobody knows. Its name is needed for what comes next unless
            // a position is left out for every record that may have been in it.
            None if bytes.len() <= HEADER_LEN => {
                on_found(Found::Torn(damage));
                remove(path)?;
                Ok(SegmentSpan { first, end: first, bytes: 0 })
            }
            None => {
                on_found(Found::Damage(damage));
                let end = Position(first.0 + u64_of(bytes.len() / HEAD_LEN) + 1);
                Ok(SegmentSpan { first, end, bytes: file_bytes })
            }
        };
    };
    let scanned = segment::scan((path, header), records, limit, on_found);
    if limit.is_some() {
        return Ok(SegmentSpan { first, end: scanned.end, bytes: file_bytes });
    }
    if scanned.valid_len < bytes.len() {
        let torn = bytes.len() - scanned.valid_len;
        on_found(Found::Torn(Damage {
            path: path.to_path_buf(),
            offset: scanned.valid_len,
            bytes: torn,
            records: None,
        }));
    }
    if scanned.end == first {
        remove(path)?;
        return Ok(SegmentSpan { first, end: first, bytes: 0 });
    }
    if scanned.valid_len < bytes.len() {
        cut(path, scanned.valid_len).map_err(Error::io("cutting off the torn end of", path))?;
    }
    Ok(SegmentSpan { first, end: scanned.end, bytes: u64_of(scanned.valid_len) })
}

/// Makes the folder for its owner alone, and sees to it that it is there after a power loss.
fn make_dir(dir: &Path) -> Result<(), Error> {
    if dir.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(Error::io("making", dir))?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent).map_err(Error::io("syncing", parent)),
        Some(_) | None => Ok(()),
    }
}

fn segments_in(dir: &Path) -> Result<Vec<Position>, Error> {
    let mut firsts = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io("reading", dir))? {
        firsts.extend(segment::first_of(&entry.map_err(Error::io("reading", dir))?.path()));
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// Refuses another version's segments before anything is changed.
fn check_formats(dir: &Path, firsts: &[Position]) -> Result<(), Error> {
    for first in firsts {
        let path = segment::path_of(dir, *first);
        let mut head = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(u64_of(HEADER_LEN)).read_to_end(&mut head));
        read.map_err(Error::io("reading", &path))?;
        match Header::read(&head) {
            Some((header, _)) if header.format != FORMAT => {
                return Err(Error::Format { path, found: header.format, expected: FORMAT });
            }
            Some(_) | None => {}
        }
    }
    Ok(())
}

fn read_whole(path: &Path, bytes: &mut Vec<u8>) -> Result<(), Error> {
    bytes.clear();
    let read = File::open(path).and_then(|mut file| file.read_to_end(bytes));
    read.map(|_| ()).map_err(Error::io("reading", path))
}

fn remove(path: &Path) -> Result<(), Error> {
    let dir = path.parent().expect("a segment is in a folder");
    fs::remove_file(path).and_then(|()| sync_dir(dir)).map_err(Error::io("removing", path))
}

fn cut(path: &Path, len: usize) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(u64_of(len))?;
    file.sync_all()
}

pub(crate) fn u64_of(len: usize) -> u64 {
    u64::try_from(len).expect("no machine has more than 64 bits of address")
}
