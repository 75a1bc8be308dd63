//! The report that CI systems read: JUnit's XML, a test suite for every rule file that has tests.

use std::fmt::Write as _;
use std::time::Duration;

use super::{File, Run, diff};
use crate::terminal::Paint;

/// The whole document.
pub(super) fn document(files: &[File<'_>]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    line(
        &mut out,
        &format!("<testsuites name=\"signalbox rules test\" {}>", totals(files.iter().flat_map(|file| &file.runs))),
    );
    for file in files.iter().filter(|file| !file.runs.is_empty()) {
        let name = file.name();
        let totals = totals(file.runs.iter());
        line(&mut out, &format!("  <testsuite name=\"{}\" {totals} skipped=\"0\">", escaped(&name)));
        for run in &file.runs {
            push_case(&mut out, file.rule.id(), &name, run);
        }
        line(&mut out, "  </testsuite>");
    }
    line(&mut out, "</testsuites>");
    out
}

fn push_case(out: &mut String, rule: &str, file: &str, run: &Run) {
    let attributes = format!(
        "name=\"{}\" classname=\"{}\" file=\"{}\" time=\"{}\"",
        escaped(&run.report.name),
        escaped(rule),
        escaped(file),
        seconds(run.took)
    );
    if run.report.is_passed() {
        return line(out, &format!("    <testcase {attributes}/>"));
    }
    let message = run.report.differences.first().map(ToString::to_string).unwrap_or_default();
    let text = diff::lines(&run.report, &Paint::plain()).join("\n");
    line(out, &format!("    <testcase {attributes}>"));
    line(
        out,
        &format!("      <failure message=\"{}\" type=\"difference\">{}</failure>", escaped(&message), escaped(&text)),
    );
    line(out, "    </testcase>");
}

/// How many there are, and how long they took.
fn totals<'r>(runs: impl Iterator<Item = &'r Run>) -> String {
    let (mut tests, mut failures, mut took) = (0, 0, Duration::ZERO);
    for run in runs {
        tests += 1;
        failures += usize::from(!run.report.is_passed());
        took += run.took;
    }
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" time=\"{}\"", seconds(took))
}

fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

/// Text as it may stand in an attribute or between tags. Characters that XML 1.0 has not got become U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                write!(out, "&#{};", u32::from(character)).expect("writing into a String cannot fail")
            }
            '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_breaks_the_document() {
        assert_eq!(escaped("a<b>&\"c\"\n\u{1}\u{FFFF}é"), "a&lt;b&gt;&amp;&quot;c&quot;&#10;\u{FFFD}\u{FFFD}é");
    }
}
