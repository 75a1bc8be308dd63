//! Standard output and standard error: the one place that writes to them, apart from the log.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

/// A line on standard output.
pub(crate) fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A value on standard output as one line of JSON.
pub(crate) fn say_json(value: &serde_json::Value) -> io::Result<()> {
    say(&value.to_string())
}

/// A line on standard error, as [`shown`]; where that is closed there is nobody to tell.
pub(crate) fn complain(text: &str) {
    drop(writeln!(io::stderr().lock(), "{}", shown(text)));
}

/// Text from elsewhere as it may be shown: control characters but line breaks and tabs stand as their escapes, so that
/// nobody's names move the cursor or colour the screen.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    let is_harmful = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmful(character) {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// Whether people read standard error.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Colours and weights, where somebody looks at standard output and has not asked for none (<https://no-color.org>).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    is_on: bool,
}

impl Paint {
    /// As standard output wants it.
    pub(crate) fn of_stdout() -> Paint {
        let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Paint { is_on: io::stdout().is_terminal() && !is_refused && !is_dumb }
    }

    /// Plain text.
    pub(crate) const fn plain() -> Paint {
        Paint { is_on: false }
    }

    /// What is as it should be.
    pub(crate) fn good(&self, text: &str) -> String {
        self.in_style("32", text)
    }

    /// What is not.
    pub(crate) fn bad(&self, text: &str) -> String {
        self.in_style("31", text)
    }

    /// What stands out.
    pub(crate) fn strong(&self, text: &str) -> String {
        self.in_style("1", text)
    }

    /// What stands back.
    pub(crate) fn faint(&self, text: &str) -> String {
        self.in_style("2", text)
    }

    fn in_style(&self, code: &str, text: &str) -> String {
        if self.is_on && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Rows in columns, each as wide as its widest cell.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing into a String cannot fail.
            let _written = write!(line, "{cell:<width$}  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out.pop();
    out
}

/// A table of JSON objects: each column has a heading and the name of the field that stands below it.
pub(crate) fn table_of(columns: &[(&str, &str)], objects: &[serde_json::Value]) -> String {
    let heading = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
    let rows = objects.iter().map(|object| columns.iter().map(|(_, field)| cell(&object[*field])).collect());
    table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>())
}

/// A JSON value as people read it. What came from clients cannot move the cursor.
pub(crate) fn cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "-".to_owned(),
        serde_json::Value::String(text) => text
            .chars()
            .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
            .collect(),
        other @ (serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_)) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_does_nothing_to_the_terminal() {
        assert_eq!(shown("a\n\tb\u{1b}[31m\r\u{9b}é\u{7f}"), "a\n\tb\\u{1b}[31m\\r\\u{9b}é\\u{7f}");
        assert!(matches!(shown("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["long".to_owned(), "c".to_owned()]];
        assert_eq!(table(&rows), "a     b\nlong  c");
        assert_eq!(table(&[]), "");
    }
}
