//! A rule as it stands in a file: a header of TOML in a comment, and SQL.

mod header;
mod node;
mod reader;
mod test_case;

use sql::Diagnostic;

pub(crate) use header::{ActionEntry, Header, is_name};
pub(crate) use test_case::{Expectation, TestCase};

use crate::codes;

/// Begins a header. It has to be the first thing in the file.
const OPEN: &str = "/*---";
/// Ends a header.
pub(crate) const CLOSE: &str = "---*/";

/// A rule file, taken apart.
#[derive(Debug)]
pub(crate) struct RuleFile<'t> {
    pub(crate) header: Header,
    /// The SQL alone.
    pub(crate) sql: &'t str,
    /// The byte of the file at which the SQL begins.
    pub(crate) sql_start: usize,
}

impl<'t> RuleFile<'t> {
    /// Takes `text` apart. What can be read is returned, whatever else is wrong.
    pub(crate) fn parse(text: &'t str, problems: &mut Vec<Diagnostic>) -> RuleFile<'t> {
        let content = text.trim_start_matches('\u{FEFF}').trim_start();
        let start = text.len() - content.len();
        let Some(after_open) = content.strip_prefix(OPEN) else {
            return RuleFile { header: Header::default(), sql: content.trim_end(), sql_start: start };
        };
        let Some((toml, after_close)) = after_open.split_once(CLOSE) else {
            let message = format!("expected `{CLOSE}` after `{OPEN}`, found the end of the file");
            problems.push(Diagnostic::error(codes::HEADER_SYNTAX, start..start + OPEN.len(), message));
            return RuleFile { header: Header::default(), sql: "", sql_start: text.len() };
        };
        let header = Header::parse(toml, start + OPEN.len(), problems);
        let sql = after_close.trim_start();
        RuleFile { header, sql: sql.trim_end(), sql_start: text.len() - sql.len() }
    }
}

/// A diagnostic of a part of a file, as one of the file.
pub(crate) fn shifted(mut diagnostic: Diagnostic, offset: usize) -> Diagnostic {
    diagnostic.span = diagnostic.span.start + offset..diagnostic.span.end + offset;
    diagnostic
}
