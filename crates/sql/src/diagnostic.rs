//! What is wrong with the text of a rule, and where; and how that is shown to people.

use std::ops::Range;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The rule runs, but probably not as meant.
    Warning,
    /// The rule is refused.
    Error,
}

impl Severity {
    /// `warning` or `error`.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One thing that is wrong with a text, with the place it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// One of [`crate::codes`]; never given a second meaning.
    pub code: &'static str,
    /// Whether the rule is refused.
    pub severity: Severity,
    /// The bytes of the text it is about.
    pub span: Range<usize>,
    /// What is wrong: lower case, no full stop, names in backticks.
    pub message: String,
    /// What was probably meant.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error.
    pub fn error(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic { code, severity: Severity::Error, span, message: message.into(), help: None }
    }

    /// A warning.
    pub fn warning(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, span, message) }
    }

    /// The same with a help.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// The same with a help, where there is one.
    #[must_use]
    pub fn with_help_if(mut self, help: Option<String>) -> Diagnostic {
        self.help = help;
        self
    }

    /// Line and column of the beginning, both from 1; the column counts characters. `line_offset` is the number of
    /// lines that stand before `text` in its file.
    pub fn position(&self, text: &str, line_offset: usize) -> (usize, usize) {
        let place = Place::of(text, &self.span);
        (line_offset + place.line, place.column)
    }

    /// The message with its line of the text and a caret below, as compilers print it.
    ///
    /// `line_offset` is the number of lines that stand before `text` in `file`.
    pub fn render(&self, file: &str, text: &str, line_offset: usize) -> String {
        let head = format!("{}[{}]: {}", self.severity.name(), self.code, self.message);
        let below = self.help.as_ref().map(|help| format!("help: {help}"));
        let file = File { name: file, text, line_offset };
        render_in(&head, below.as_deref().unwrap_or_default(), &self.span, &file)
    }
}

/// A text, and where it stands.
struct File<'t> {
    name: &'t str,
    text: &'t str,
    /// The number of lines before it in its file.
    line_offset: usize,
}

/// `head`, the place in `text`, and `below` behind the carets, as diagnostics are shown.
pub fn render_place(head: &str, below: &str, span: &Range<usize>, name: &str, text: &str) -> String {
    render_in(head, below, span, &File { name, text, line_offset: 0 })
}

fn render_in(head: &str, below: &str, span: &Range<usize>, file: &File<'_>) -> String {
    let place = Place::of(file.text, span);
    let line_number = (file.line_offset + place.line).to_string();
    let margin = " ".repeat(line_number.len());
    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| {
        let text = text.to_string();
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(format_args!("{head}"));
    line(format_args!("{margin}--> {}:{line_number}:{}", file.name, place.column));
    line(format_args!("{margin} |"));
    // One column each, so that the carets stay below what they mean, and none that a terminal obeys.
    let plain = place.text.trim_end().replace('\t', " ").replace(char::is_control, "\u{FFFD}");
    line(format_args!("{line_number} | {plain}"));
    let indent = " ".repeat(place.column - 1);
    let carets = "^".repeat(place.width);
    line(format_args!("{margin} | {indent}{carets} {below}"));
    out
}

/// Every diagnostic of a text as [`Diagnostic::render`] shows it, in the order of the text, an empty line between.
pub fn render(diagnostics: &[Diagnostic], file: &str, text: &str, line_offset: usize) -> String {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|diagnostic| diagnostic.span.start);
    let shown: Vec<String> = sorted.iter().map(|diagnostic| diagnostic.render(file, text, line_offset)).collect();
    shown.join("\n")
}

/// The longest part of a text that is shown in one line, in characters.
const ONE_LINE_MAX: usize = 72;

/// A part of a text in one line: white space is one space, and what is long ends in `...`.
pub fn one_line(text: &str, span: &Range<usize>) -> String {
    let words: Vec<&str> = text.get(span.clone()).unwrap_or_default().split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().nth(ONE_LINE_MAX).is_none() {
        return line;
    }
    line.chars().take(ONE_LINE_MAX - 3).chain("...".chars()).collect()
}

/// Words as a choice in a sentence: `` `a`, `b` or `c` ``.
pub(crate) fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} or {last}", before.join(", ")),
        None => String::new(),
    }
}

/// Where a span begins, and the line it begins in.
struct Place<'t> {
    line: usize,
    column: usize,
    width: usize,
    text: &'t str,
}

impl<'t> Place<'t> {
    fn of(text: &'t str, span: &Range<usize>) -> Place<'t> {
        let start = floor_boundary(text, span.start);
        let end = floor_boundary(text, span.end).max(start);
        let (before, _) = text.split_at(start);
        let line = before.matches('\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let (_, from_line) = text.split_at(line_start);
        let line_text = from_line.split('\n').next().unwrap_or_default();
        let line_end = line_start + line_text.len();
        let characters = |from: usize, to: usize| text.get(from..to).map_or(0, |part| part.chars().count());
        Place {
            line,
            column: characters(line_start, start) + 1,
            width: characters(start, end.min(line_end)).max(1),
            text: line_text.trim_end_matches('\r'),
        }
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_points_into_its_file() {
        let text = "SELECT clientid, reson\nFROM \"$events/client_disconnected\"";
        let diagnostic = Diagnostic::error("E103", 17..22, "no field `reson` in `$events/client_disconnected`")
            .with_help("did you mean `reason`?");
        assert_eq!(
            diagnostic.render("rules/alert.sql", text, 10),
            "error[E103]: no field `reson` in `$events/client_disconnected`\n  \
             --> rules/alert.sql:11:18\n   \
             |\n\
             11 | SELECT clientid, reson\n   \
             |                  ^^^^^ help: did you mean `reason`?\n"
        );
    }

    #[test]
    fn a_line_is_shown_without_what_a_terminal_obeys() {
        let text = "SELECT '\u{1b}[2J',\tx\r\nFROM \"t\"";
        let shown = Diagnostic::error("E103", 15..16, "no `x`").render("f", text, 0);
        assert!(shown.contains("1 | SELECT '\u{FFFD}[2J', x\n  |                ^\n"), "{shown}");
    }

    #[test]
    fn a_span_outside_of_the_text_points_at_its_end() {
        let diagnostic = Diagnostic::error("E101", 90..99, "expected FROM");
        assert_eq!(diagnostic.position("é", 0), (1, 2));
        assert_eq!(diagnostic.position("", 0), (1, 1));
        assert!(diagnostic.render("f", "a\nb", 0).contains("f:2:2"));
    }
}
