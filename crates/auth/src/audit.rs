//! The audit log: who changed what, when, from where, and what came of it. One JSON object a line, in two files of the
//! data directory: the one that is written to, and the one before it. Commands append to it, too.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use events::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest entry, in bytes. Of a longer one, what was changed is left out.
const ENTRY_BYTES_MAX: usize = 64 * 1024;

/// How much of the audit log is kept. What comes first counts; the oldest entries go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditLimits {
    /// How long, in ms.
    pub age_max_ms: i64,
    /// How much, in bytes of both files.
    pub bytes_max: u64,
}

/// What made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditFrom {
    /// A caller of the API.
    RestApi,
    /// A command on the machine.
    Cli,
}

/// A change that somebody made, or was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When, in ms since 1970.
    pub at_ms: i64,
    /// By what.
    pub from: AuditFrom,
    /// The name of the key, or the user of the system.
    pub by: String,
    /// The role of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Where the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
    /// What was asked for: a route such as `/rules/{id}`, or a command such as `keys add`.
    pub operation: String,
    /// The method of the request; none of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// What was changed: a path of the API, or the name that a command was given.
    pub object: String,
    /// The status that was answered; none of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Whether it was done.
    pub is_done: bool,
    /// Why it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// How long it took, in ms.
    pub duration_ms: u64,
    /// What was different before, without secrets.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub before: Value,
    /// What is different after it, without secrets.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub after: Value,
}

/// The audit log of a data directory. Cloning gives another handle of the same.
#[derive(Clone, Debug)]
pub struct Audit {
    dir: Arc<Path>,
    limits: AuditLimits,
}

impl Audit {
    /// The log in `dir`, which has to be there; its files are made with the first entry.
    pub fn new(dir: &Path, limits: AuditLimits) -> Audit {
        Audit { dir: dir.into(), limits }
    }

    /// Appends an entry; it is on disk afterwards.
    pub fn append(&self, entry: &AuditEntry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        if line.len() > ENTRY_BYTES_MAX {
            let short = AuditEntry { before: Value::Null, after: Value::Null, ..entry.clone() };
            line = serde_json::to_vec(&short)?;
        }
        line.push(b'\n');
        // Commands append from processes of their own.
        let lock = open(&self.dir.join("audit.lock"))?;
        lock.lock()?;
        self.turn_over(Timestamp(entry.at_ms))?;
        let mut file = open(&self.current())?;
        file.write_all(&line)?;
        file.sync_data()
    }

    /// The entries that are kept and that `is_wanted` wants, newest first; at most `len_max`. A line that cannot be read is
    /// passed over: it was cut by a power loss.
    pub fn read(
        &self,
        now: Timestamp,
        len_max: usize,
        is_wanted: impl Fn(&AuditEntry) -> bool,
    ) -> io::Result<Vec<AuditEntry>> {
        let oldest_ms = now.0.saturating_sub(self.limits.age_max_ms);
        let mut entries = Vec::new();
        for path in [self.before(), self.current()] {
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for line in BufReader::new(file).split(b'\n') {
                let Ok(entry) = serde_json::from_slice::<AuditEntry>(&line?) else { continue };
                if entry.at_ms >= oldest_ms && is_wanted(&entry) {
                    entries.push(entry);
                }
            }
        }
        entries.reverse();
        entries.truncate(len_max);
        Ok(entries)
    }

    /// Begins a new file when the current one has half of the bytes, or begins with what is too old: that goes when the
    /// next file begins, and is not told meanwhile.
    fn turn_over(&self, now: Timestamp) -> io::Result<()> {
        let current = self.current();
        let bytes = match fs::metadata(&current) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut first = Vec::new();
        BufReader::new(File::open(&current)?).read_until(b'\n', &mut first)?;
        let began_ms = serde_json::from_slice::<AuditEntry>(&first).map_or(now.0, |entry| entry.at_ms);
        let is_old = now.0.saturating_sub(began_ms) > self.limits.age_max_ms;
        if is_old || bytes >= self.limits.bytes_max / 2 {
            fs::rename(&current, self.before())?;
        }
        Ok(())
    }

    fn current(&self) -> PathBuf {
        self.dir.join("audit.ndjson")
    }

    fn before(&self) -> PathBuf {
        self.dir.join("audit.1.ndjson")
    }
}

/// For its owner alone: it tells who works on the broker from where.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at_ms: i64) -> AuditEntry {
        AuditEntry {
            at_ms,
            from: AuditFrom::Cli,
            by: "uid 0".to_owned(),
            role: None,
            source_ip: None,
            operation: "keys add".to_owned(),
            method: None,
            object: format!("key-{at_ms}"),
            status: None,
            is_done: true,
            failure: None,
            duration_ms: 0,
            before: Value::Null,
            after: "admin".into(),
        }
    }

    fn times(audit: &Audit, now_ms: i64) -> Vec<i64> {
        let read = audit.read(Timestamp(now_ms), usize::MAX, |_| true).unwrap();
        read.iter().map(|entry| entry.at_ms).collect()
    }

    #[test]
    fn what_was_changed_is_read_newest_first_and_a_cut_line_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let audit = Audit::new(dir.path(), AuditLimits { age_max_ms: 1_000, bytes_max: 1 << 20 });
        assert!(times(&audit, 0).is_empty());
        audit.append(&entry(1)).unwrap();
        fs::write(audit.before(), format!("{}\n{{\"at_ms\": 7", serde_json::to_string(&entry(0)).unwrap())).unwrap();
        audit.append(&entry(2)).unwrap();
        assert_eq!(times(&audit, 2), [2, 1, 0]);
        assert_eq!(audit.read(Timestamp(2), 1, |entry| entry.at_ms < 2).unwrap(), [entry(1)]);
    }

    #[test]
    fn the_log_is_bounded_by_age_and_by_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let audit = Audit::new(dir.path(), AuditLimits { age_max_ms: 1_000, bytes_max: 1 << 20 });
        for at_ms in [0, 400, 600, 1_200] {
            audit.append(&entry(at_ms)).unwrap();
        }
        assert_eq!(times(&audit, 1_200), [1_200, 600, 400]);
        assert!(times(&audit, 9_000).is_empty());
        let audit = Audit::new(dir.path(), AuditLimits { age_max_ms: i64::MAX, bytes_max: 4_000 });
        for at_ms in 2_000..2_100 {
            audit.append(&entry(at_ms)).unwrap();
        }
        let bytes: u64 = [audit.current(), audit.before()].iter().map(|path| fs::metadata(path).unwrap().len()).sum();
        assert!(bytes < 4_500, "{bytes}");
        assert_eq!(times(&audit, 2_100).first(), Some(&2_099));
    }

    #[test]
    fn an_entry_that_is_too_long_is_kept_without_what_was_changed() {
        let dir = tempfile::tempdir().unwrap();
        let audit = Audit::new(dir.path(), AuditLimits { age_max_ms: 1_000, bytes_max: 1 << 20 });
        audit.append(&AuditEntry { after: "x".repeat(ENTRY_BYTES_MAX).into(), ..entry(1) }).unwrap();
        let read = audit.read(Timestamp(1), 10, |_| true).unwrap();
        assert_eq!(read, [AuditEntry { after: Value::Null, ..entry(1) }]);
    }
}
