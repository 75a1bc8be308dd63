//! `file`: appends each output as a line to a file below a directory.
//!
//! `path.rs` says which file, `line.rs` what stands in it, `store.rs` opens, rotates and writes.

mod line;
mod path;
mod store;

use std::sync::Arc;

use engine::{
    Action, ActionError, ActionSpec, BoxFuture, ConfigError, ErrorClass, ItemOutcome, Outcome, Output, Preview,
};

use self::line::LineTemplate;
use self::path::PathTemplate;
use self::store::{Append, Rotation, Store};
use crate::kind::{Connector, Kind, Way};
use crate::measure::{ByteLen, SpanMs, size};
use crate::options::{Options as _, options, read};

pub(crate) const KIND: Kind = Kind {
    name: "file",
    doc: "Appends each output as a line to a file: JSON, CSV or text of your own. Files are rotated by size and time; \
          what cannot be written, because a disk is full or a directory is gone, waits and is tried again.",
    connector: FileOptions::FIELDS,
    action: FileActionOptions::FIELDS,
    sample_connector: "dir = '/var/log/signalbox'\nrotate_every = '1d'",
    sample_action: "path = 'connacks/${clientid}.csv'\nformat = 'csv'\ncolumns = ['timestamp', 'clientid', 'reason_code']",
    way: Way::Connected(|table| Ok(Arc::new(FileConnector::new(table)?))),
};

options! {
    /// A connector of kind `file`: a directory and how files in it are kept.
    struct FileOptions {
        /// The directory in which all files stand. It has to be there; directories below it are made. Required.
        dir: Option<String> = None,
        /// A file is rotated before a batch that would make it larger than this; a batch is not divided.
        rotate_size: ByteLen = size("64MiB"),
        /// A file is rotated when a batch comes in a later period than the one before it: `"1h"`, `"1d"`. Periods are
        /// counted in UTC, so that a day ends at midnight there. By default only its size counts.
        rotate_every: Option<SpanMs> = None,
        /// How many rotated files are kept for each file, at most 1,000. `connacks.csv.1` is the youngest.
        keep: u32 = 10,
        /// `batch`: a batch counts as delivered when it will survive a power loss; `never`: when the system has it.
        fsync: Fsync = Fsync::Batch,
        /// The permissions of new files, in octal, less what the umask of the process takes away.
        mode: String = String::from("0640"),
        /// How many files are kept open at once, at most 1,024. The one that has waited longest is closed first.
        open_files_max: u16 = 64,
    }
}

options! {
    /// An action of a `file` connector.
    struct FileActionOptions {
        /// The file below `dir`, a template with an extension: `connacks/${clientid}.ndjson`. Of a value, what is
        /// neither letter nor digit nor one of `-._~@` is percent-encoded, so that it stays one name; one that is
        /// NULL, `.` or `..` rejects the output. By default `${rule_id}.ndjson`, with `format = "csv"`
        /// `${rule_id}.csv`. A template of what clients choose makes as many files as they like.
        path: Option<String> = None,
        /// `ndjson`: the row as JSON; `csv`: the `columns` with commas between them, and their names in the first
        /// line of each file.
        format: Option<Format> = None,
        /// The columns of CSV: fields of the row, or paths into them such as `payload.temp`. By default all fields of
        /// the rule. NULL is empty; lists and maps are JSON.
        columns: Vec<String> = Vec::new(),
        /// The line, a template, in place of a `format`. Line breaks in values are written as `\n` and `\r`; a variable
        /// that is NULL rejects the output.
        line: Option<String> = None,
    }
}

/// When what was written has to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fsync {
    /// Before a batch counts as delivered.
    Batch,
    /// When the system gets round to it.
    Never,
}

/// How a row becomes a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// One object of JSON.
    Ndjson,
    /// Comma-separated values (RFC 4180), with `\n` at the end of a line.
    Csv,
}

/// A directory of files.
#[derive(Debug)]
pub(crate) struct FileConnector {
    store: Arc<Store>,
}

impl FileConnector {
    /// Reads the options. Nothing is opened yet.
    pub(crate) fn new(table: &toml::Table) -> Result<FileConnector, Vec<ConfigError>> {
        let options: FileOptions = read(table)?;
        let mut errors = Vec::new();
        if options.dir.is_none() {
            let error = ConfigError::at(&[], "`dir` is missing");
            errors.push(error.with_help("write `dir = \"/var/log/signalbox\"`"));
        }
        let limits = [("keep", options.keep, 0, 1_000), ("open_files_max", options.open_files_max.into(), 1, 1_024)];
        for (name, value, min, max) in limits {
            if !(min..=max).contains(&value) {
                let message = format!("`{name}`: expected {min} to {max}, found {value}");
                errors.push(ConfigError::at(&[name], message));
            }
        }
        let mode = u32::from_str_radix(&options.mode, 8).ok().filter(|mode| *mode <= 0o777);
        if mode.is_none() {
            let message = format!("`mode`: expected permissions in octal, found `{}`", options.mode);
            errors.push(ConfigError::at(&["mode"], message).with_help("write `mode = \"0640\"`"));
        }
        match (options.dir, mode) {
            (Some(dir), Some(mode)) if errors.is_empty() => {
                let rotation = Rotation {
                    bytes_max: options.rotate_size.0,
                    every_ms: options.rotate_every.map(|every| every.0),
                    keep: options.keep,
                };
                let store = Store::new(dir.into(), rotation)
                    .with_fsync(options.fsync)
                    .with_mode(mode)
                    .with_open_max(options.open_files_max.into());
                Ok(FileConnector { store: Arc::new(store) })
            }
            (Some(_) | None, _) => Err(errors),
        }
    }

    async fn try_dir(&self) -> Result<(), ActionError> {
        let store = Arc::clone(&self.store);
        match tokio::task::spawn_blocking(move || store.check()).await {
            Ok(checked) => checked.map_err(|error| {
                let help = "make the directory, and let the user of signalbox write there; outputs wait until then";
                ActionError::new(error.to_string()).with_help(help)
            }),
            Err(error) => Err(ActionError::new(error.to_string())),
        }
    }
}

impl Connector for FileConnector {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn action(self: Arc<Self>, spec: &ActionSpec<'_>) -> Result<Box<dyn Action>, Vec<ConfigError>> {
        Ok(Box::new(FileAction::new(self, spec)?))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(self.try_dir())
    }
}

/// A rule's use of a directory.
#[derive(Debug)]
pub(crate) struct FileAction {
    connector: Arc<FileConnector>,
    path: PathTemplate,
    line: LineTemplate,
}

impl FileAction {
    /// Reads the options of an action.
    pub(crate) fn new(connector: Arc<FileConnector>, spec: &ActionSpec<'_>) -> Result<FileAction, Vec<ConfigError>> {
        let options: FileActionOptions = read(spec.options)?;
        let default = match options.format {
            Some(Format::Csv) => "${rule_id}.csv",
            Some(Format::Ndjson) | None => "${rule_id}.ndjson",
        };
        let path = PathTemplate::new(options.path.as_deref().unwrap_or(default), spec);
        let line = LineTemplate::new(options.format, &options.columns, options.line.as_deref(), spec);
        match (path, line) {
            (Ok(path), Ok(line)) => Ok(FileAction { connector, path, line }),
            (path, line) => Err(path.err().into_iter().chain(line.err()).flatten().collect()),
        }
    }

    /// What is to be appended, file by file, and for each output the number of its file or why it has none.
    fn appends(&self, batch: &[Output]) -> (Vec<Append>, Vec<Result<usize, String>>) {
        let mut appends: Vec<Append> = Vec::new();
        let places = batch
            .iter()
            .map(|output| {
                let path = self.path.render(output)?;
                let line = self.line.render(output)?;
                let place = appends.iter().position(|append| append.path == path).unwrap_or_else(|| {
                    appends.push(Append { path, header: self.line.header(), lines: String::new() });
                    appends.len() - 1
                });
                appends[place].lines.push_str(&line);
                Ok(place)
            })
            .collect();
        (appends, places)
    }

    async fn write(&self, batch: &[Output]) -> Outcome {
        let (appends, places) = self.appends(batch);
        let store = Arc::clone(&self.connector.store);
        // A disk may take its time.
        let written = tokio::task::spawn_blocking(move || store.append_all(&appends)).await;
        let written = match written {
            Ok(written) => written,
            Err(error) => {
                return Outcome::Retry {
                    class: ErrorClass::Unavailable,
                    reason: format!("cannot write: {error}"),
                    after: None,
                };
            }
        };
        let outcome = |place: Result<usize, String>| match place {
            Ok(place) => written[place].clone(),
            Err(reason) => ItemOutcome::Rejected { class: ErrorClass::Unsendable, reason },
        };
        Outcome::PerItem(places.into_iter().map(outcome).collect())
    }
}

impl Action for FileAction {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn send<'a>(&'a self, batch: &'a [Output]) -> BoxFuture<'a, Outcome> {
        Box::pin(self.write(batch))
    }

    fn preview(&self, output: &Output) -> Preview {
        match (self.path.render(output), self.line.render(output)) {
            (Ok(path), Ok(line)) => {
                let path = self.path.part(self.connector.store.place(&path).display().to_string(), output);
                let parts = [path].into_iter().chain(self.line.parts(line.trim_end(), output)).collect();
                Preview { parts, rejected: None }
            }
            (Err(reason), _) | (_, Err(reason)) => Preview { parts: Vec::new(), rejected: Some(reason) },
        }
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(self.connector.try_dir())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_output::spec;

    #[test]
    fn a_connector_that_cannot_work_is_refused() {
        for (text, message) in [
            ("", "`dir` is missing"),
            ("dir = '/x'\nmode = '0999'", "`mode`: expected permissions in octal, found `0999`"),
            ("dir = '/x'\nmode = '1777'", "`mode`: expected permissions in octal"),
            ("dir = '/x'\nkeep = 1001", "`keep`: expected 0 to 1000, found 1001"),
            ("dir = '/x'\nopen_files_max = 0", "`open_files_max`: expected 1 to 1024, found 0"),
            ("dir = '/x'\nrotate_size = '0MiB'", "`rotate_size`: expected a size such as `64MiB`, found \"0MiB\""),
            ("dir = '/x'\nrotate_every = 'daily'", "`rotate_every`: expected a time such as `1d`, found \"daily\""),
        ] {
            let errors = FileConnector::new(&text.parse().unwrap()).unwrap_err();
            assert!(errors[0].message.starts_with(message), "{text}: {errors:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_when_the_action_is_built() {
        let connector = Arc::new(FileConnector::new(&"dir = '/x'".parse().unwrap()).unwrap());
        for (options, message) in [
            ("path = '../a.csv'", "`path`: expected no `.` and `..` in it, found `../a.csv`"),
            ("path = '/etc/a.csv'", "`path`: expected it to stand below `dir`, found `/etc/a.csv`"),
            ("path = '${clientid}'", "`path`: expected it to end in an extension"),
            ("path = 'a.1'", "`path`: expected it to end in an extension"),
            ("columns = ['a']", "`columns`: only `format = \"csv\"` has columns"),
            ("format = 'csv'", "`columns` is missing"),
            ("format = 'csv'\nline = 'x'", "expected either `format` or `line`, found both"),
            ("line = '${a'", "expected `}`"),
        ] {
            let options: toml::Table = options.parse().unwrap();
            let errors = FileAction::new(Arc::clone(&connector), &spec(&options)).unwrap_err();
            assert!(errors[0].message.starts_with(message), "{options}: {errors:?}");
        }
    }
}
