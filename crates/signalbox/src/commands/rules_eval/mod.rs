//! `signalbox rules eval`: rules from standard input, one JSON object a line, answered in order.

mod cache;
mod evaluator;

use std::io::{self, Write as _};

use bytes::Bytes;

use crate::outcome::{Outcome, Stop};

pub(crate) use evaluator::Evaluator;

/// The longest line that is read; a longer one ends the command.
const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How much is read at once. What was answered is written before more is waited for.
const READ_BYTES: usize = 256 * 1024;

/// Answers every line, also those behind one that cannot be read, and says in the end whether there were such.
pub(crate) fn run() -> Outcome {
    let mut input = io::stdin().lock();
    let mut out = io::stdout().lock();
    let mut lines = Lines::default();
    let mut evaluator = Evaluator::new();
    let mut answers = String::new();
    loop {
        let is_end = lines.read_from(&mut input)? == 0;
        if is_end {
            lines.end_last();
        }
        while let Some(line) = lines.next_line() {
            evaluator.answer(line, &mut answers);
            if answers.len() >= READ_BYTES {
                out.write_all(answers.as_bytes())?;
                answers.clear();
            }
        }
        // Who writes a line waits for its answer before the next one, perhaps.
        out.write_all(answers.as_bytes())?;
        out.flush()?;
        answers.clear();
        if is_end {
            break;
        }
        if lines.unread().len() > LINE_BYTES_MAX {
            let message = format_args!("expected lines of at most {LINE_BYTES_MAX} bytes, found a longer one");
            return Err(Stop::bad_input(message, None));
        }
    }
    match evaluator.unreadable_count() {
        0 => Ok(()),
        count => {
            let lines = if count == 1 { "line" } else { "lines" };
            let help = r#"a line is {"id": ..., "sql": "...", "context": {...}}"#;
            Err(Stop::bad_input(format_args!("{count} {lines} could not be read"), Some(help)))
        }
    }
}

/// What was read and not taken yet.
#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to here there is no line break behind `start`.
    searched: usize,
}

impl Lines {
    /// Waits for more and says how much came; nothing at the end of the input.
    fn read_from(&mut self, input: &mut impl io::Read) -> io::Result<usize> {
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        let len = self.bytes.len();
        self.bytes.resize(len + READ_BYTES, 0);
        let read = loop {
            match input.read(self.bytes.get_mut(len..).unwrap_or_default()) {
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.bytes.truncate(len + *read.as_ref().unwrap_or(&0));
        read
    }

    /// The last line needs no line break.
    fn end_last(&mut self) {
        if !self.unread().is_empty() {
            self.bytes.push(b'\n');
        }
    }

    /// The next line that is whole, without its line break; empty ones are passed over.
    fn next_line(&mut self) -> Option<Bytes> {
        loop {
            let found = self.bytes.get(self.searched..)?.iter().position(|byte| *byte == b'\n');
            let Some(found) = found else {
                self.searched = self.bytes.len();
                return None;
            };
            let end = self.searched + found;
            // A copy of its own: what a rule keeps of a line must not keep all that was read with it.
            let line = self.bytes.get(self.start..end).unwrap_or_default().trim_ascii();
            let line = (!line.is_empty()).then(|| Bytes::copy_from_slice(line));
            self.start = end + 1;
            self.searched = self.start;
            if line.is_some() {
                return line;
            }
        }
    }

    fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_they_come() {
        let mut lines = Lines::default();
        let mut taken = Vec::new();
        for mut part in [&b"one\ntw"[..], b"o\r\n\n  \nthr", b"", b"ee"] {
            lines.read_from(&mut part).unwrap();
            while let Some(line) = lines.next_line() {
                taken.push(line);
            }
        }
        assert_eq!(taken, ["one", "two"]);
        lines.end_last();
        assert_eq!(lines.next_line().as_deref(), Some(&b"three"[..]));
        lines.end_last();
        assert_eq!(lines.next_line(), None);
    }
}
