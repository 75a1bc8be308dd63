//! Files of one entry a line, in which people may write comments: the users and the keys.

use std::collections::HashMap;

use crate::error::Fault;

/// A line of such a file.
#[derive(Debug)]
pub(crate) enum Line<T> {
    /// Empty or a comment, kept as it is.
    Text(String),
    Entry(T),
}

/// What is wrong with a line, and how to mend it.
pub(crate) type Wrong = (String, Option<String>);

/// Every line of `text`, or everything that is wrong with it. No two entries, each a `what`, have the same name.
pub(crate) fn read_lines<T>(
    text: &str,
    what: &str,
    name_of: impl Fn(&T) -> &str,
    read: impl Fn(&str) -> Result<T, Wrong>,
) -> Result<Vec<Line<T>>, Vec<Fault>> {
    let mut lines = Vec::new();
    let mut faults = Vec::new();
    let mut seen = HashMap::new();
    for (number, text) in (1..).zip(text.lines()) {
        let trimmed = text.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            lines.push(Line::Text(text.to_owned()));
            continue;
        }
        match read(trimmed) {
            Ok(entry) => {
                let name = name_of(&entry);
                if let Some(first) = seen.insert(name.to_owned(), number) {
                    let message = format!("expected each {what} once, found `{name}` on line {first} too");
                    faults.push(Fault { line: number, message, help: None });
                }
                lines.push(Line::Entry(entry));
            }
            Err((message, help)) => faults.push(Fault { line: number, message, help }),
        }
    }
    if faults.is_empty() { Ok(lines) } else { Err(faults) }
}
