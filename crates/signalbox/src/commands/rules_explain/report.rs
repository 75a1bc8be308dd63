//! An explanation for people.

use engine::{ActionPreview, CheckedRule, Explained, Placeholder};
use events::Map;
use sql::{Rows, Through, literal, one_line};

use super::tree;
use crate::terminal::{Paint, shown};

/// The most elements of a list and rows that are shown; `--json` has all.
const SHOWN_MAX: usize = 20;

/// The whole report. `is_sample` says that nobody has given an event.
pub(super) fn text(rule: &CheckedRule, explained: &Explained, is_sample: bool, paint: &Paint) -> String {
    let mut report = Report { rule, explained, paint, lines: Vec::new() };
    report.push_head(is_sample);
    report.push_from();
    report.push_filter();
    if let Some(through) = &explained.explanation.through {
        report.push_through(through);
    }
    report.push_outcome();
    report.push_actions();
    report.lines.join("\n")
}

struct Report<'r> {
    rule: &'r CheckedRule,
    explained: &'r Explained,
    paint: &'r Paint,
    lines: Vec<String>,
}

impl Report<'_> {
    fn push_head(&mut self, is_sample: bool) {
        let file = self.rule.source().file.display().to_string();
        let topic =
            self.explained.topic.as_ref().map(|topic| format!(", topic {}", literal(topic))).unwrap_or_default();
        self.lines.push(format!("{} on `{}`{topic}", self.paint.strong(&file), self.explained.event));
        if is_sample {
            let said = "  the sample of the first entry of FROM; `--event FILE` takes an event of yours";
            self.lines.push(self.paint.faint(said));
        } else if !self.explained.of_sample.is_empty() {
            let names = self.explained.of_sample.join(", ");
            self.lines.push(self.paint.faint(&format!("  not given, so as in the sample: {names}")));
        }
    }

    fn push_from(&mut self) {
        self.push_title("FROM");
        for entry in &self.explained.explanation.from {
            let text = one_line(self.rule.sql(), &entry.span);
            self.lines.push(match &entry.mismatch {
                None => format!("  {text}  {}", self.paint.good("matches")),
                Some(why) => format!("  {text}  {}  {}", self.paint.bad("does not match"), self.paint.faint(why)),
            });
        }
    }

    fn push_filter(&mut self) {
        let Some(filter) = &self.explained.explanation.filter else { return };
        self.push_title("WHERE");
        self.lines.extend(tree::lines(self.rule.sql(), filter, self.paint));
    }

    fn push_through(&mut self, through: &Through) {
        self.push_title("FOREACH");
        let count = match through.elements.len() {
            0 => "no elements".to_owned(),
            1 => "1 element".to_owned(),
            len => format!("{len} elements"),
        };
        let note = through.note.as_ref().map(|note| format!("  {}", self.paint.faint(note))).unwrap_or_default();
        self.lines.push(format!("  {}  {count}{note}", one_line(self.rule.sql(), &through.span)));
        for (number, element) in (1..=SHOWN_MAX).zip(&through.elements) {
            let Some(incase) = &element.incase else { continue };
            self.lines.push(format!("  element {number}: {}", literal(&element.value)));
            let lines = tree::lines(self.rule.sql(), incase, self.paint);
            self.lines.extend(lines.into_iter().map(|line| format!("  {line}")));
        }
        self.push_more(through.elements.len(), "elements");
    }

    fn push_outcome(&mut self) {
        self.lines.push(String::new());
        let outcome = &self.explained.explanation.outcome;
        let rows: &[Map] = match outcome {
            Err(_) => {
                let told = self.explained.error.as_deref().unwrap_or_default();
                self.lines.push(format!("{}{}", self.paint.bad("the rule fails"), self.failing_element()));
                self.lines.extend(told.trim_end().lines().map(str::to_owned));
                return;
            }
            Ok(Rows::NoMatch) => &[],
            Ok(Rows::One(row)) => std::slice::from_ref(row),
            Ok(Rows::Many(rows)) => rows,
        };
        if rows.is_empty() {
            self.lines.push(self.paint.bad("no row"));
            let why = match self.explained.explanation.is_addressed() {
                true => self.explained.explanation.why_no_row(self.rule.sql()),
                // It stands right above.
                false => vec!["no entry of FROM matches the event".to_owned()],
            };
            self.lines.extend(why.iter().take(SHOWN_MAX).map(|line| format!("  {line}")));
        }
        for (number, row) in (1..=SHOWN_MAX).zip(rows) {
            self.lines.push(self.paint.good(&format!("row {number}")));
            let width = row.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
            for (name, value) in row.iter() {
                let origin = self.origin(name).map(|origin| format!("  {}", self.paint.faint(&origin)));
                let line = format!("  {name:<width$}  {}{}", literal(value), origin.unwrap_or_default());
                self.lines.push(line);
            }
        }
        self.push_more(rows.len(), "rows");
    }

    /// Which element of FOREACH a rule fails on: the one that was come to and has no row.
    fn failing_element(&self) -> String {
        let elements = self.explained.explanation.through.as_ref().map(|through| through.elements.as_slice());
        match elements {
            Some([before @ .., last]) if last.row.is_none() => {
                format!(" on element {}: {}", before.len() + 1, literal(&last.value))
            }
            Some(_) | None => String::new(),
        }
    }

    fn push_actions(&mut self) {
        for preview in self.explained.previews.iter().filter(|preview| preview.row_number < SHOWN_MAX) {
            self.push_action(preview);
        }
    }

    fn push_action(&mut self, action: &ActionPreview) {
        let of_row =
            if self.explained.row_count() > 1 { format!(", row {}", action.row_number + 1) } else { String::new() };
        let kind = if *action.name == *action.kind { String::new() } else { format!(" ({})", action.kind) };
        let told = if action.is_fallback { " is a fallback; it would send" } else { " would send" };
        self.push_title(&format!("action `{}`{kind}{of_row}{told}", action.name));
        if let Some(reason) = &action.preview.rejected {
            self.lines.push(format!("  {}  {reason}", self.paint.bad("nothing: the output is rejected")));
        }
        let width = action.preview.parts.iter().map(|part| part.name.chars().count()).max().unwrap_or(0);
        for part in &action.preview.parts {
            let value = part.value.as_text().map_or_else(|| literal(&part.value), |text| shown(text).into_owned());
            for (number, line) in value.split('\n').enumerate() {
                let name = if number == 0 { part.name.as_str() } else { "" };
                self.lines.push(format!("  {name:<width$}  {line}").trim_end().to_owned());
            }
            for placeholder in &part.placeholders {
                let line = format!("  {:<width$}    {}", "", self.placeholder(placeholder));
                self.lines.push(self.paint.faint(&line));
            }
        }
    }

    /// `${t}` is 31.5, from `payload.temp`.
    fn placeholder(&self, placeholder: &Placeholder) -> String {
        let Some(root) = &placeholder.root else { return "${} is the whole row".to_owned() };
        let value = literal(&placeholder.value);
        let origin = self.origin(root).map(|origin| format!("  {origin}")).unwrap_or_default();
        format!("${{{}}} is {value}{origin}", placeholder.text)
    }

    /// The expression that makes a field of the row, where it is not named like it.
    fn origin(&self, name: &str) -> Option<String> {
        let (_, span) = self.explained.origins.iter().find(|(known, _)| *known == name)?;
        let text = one_line(self.rule.sql(), span);
        (text != name).then(|| format!("from {text}"))
    }

    fn push_title(&mut self, title: &str) {
        self.lines.push(String::new());
        self.lines.push(self.paint.strong(title));
    }

    fn push_more(&mut self, len: usize, what: &str) {
        if len > SHOWN_MAX {
            self.lines.push(self.paint.faint(&format!("  and {} more {what}; `--json` has all", len - SHOWN_MAX)));
        }
    }
}
