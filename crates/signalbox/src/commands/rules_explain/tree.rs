//! A tree of expressions as lines: the text, what it is worth, and what is to be said of it.

use sql::{Answer, Step, literal, one_line};

use crate::terminal::Paint;

/// Values stand in one column as long as the texts before them are not longer than this.
const TEXT_WIDTH_MAX: usize = 56;

/// A line before its column is known.
struct Line {
    branch: String,
    text: String,
    value: String,
    note: String,
}

/// The lines of a tree, each with two spaces before it.
pub(super) fn lines(sql: &str, root: &Step, paint: &Paint) -> Vec<String> {
    let mut tree = Tree { sql, paint, lines: Vec::new() };
    tree.push(root, "", "");
    let lines = tree.lines;
    let width = |line: &Line| line.branch.chars().count() + line.text.chars().count();
    let column = lines.iter().map(width).filter(|width| *width <= TEXT_WIDTH_MAX).max().unwrap_or(TEXT_WIDTH_MAX);
    lines
        .iter()
        .map(|line| {
            let gap = " ".repeat(column.saturating_sub(width(line)) + 2);
            let note = if line.note.is_empty() { String::new() } else { format!("  {}", line.note) };
            format!("  {}{}{gap}{}{note}", paint.faint(&line.branch), line.text, line.value)
        })
        .collect()
}

struct Tree<'t> {
    sql: &'t str,
    paint: &'t Paint,
    lines: Vec<Line>,
}

impl Tree<'_> {
    /// A step behind its `branch`; what is inside of it stands behind `below` and branches of its own.
    fn push(&mut self, step: &Step, branch: &str, below: &str) {
        // The innermost ones are marked; that those around them decide, too, is seen.
        let is_innermost = step.decides && !step.steps.iter().any(|step| step.decides);
        let mark = (is_innermost && !self.lines.is_empty()).then(|| self.paint.strong("<- decides"));
        let note = step.note.as_ref().map(|note| self.paint.faint(note));
        self.lines.push(Line {
            branch: branch.to_owned(),
            text: one_line(self.sql, &step.span),
            value: answer(&step.answer, self.paint),
            note: mark.into_iter().chain(note).collect::<Vec<_>>().join("  "),
        });
        for (number, inner) in (1..).zip(&step.steps) {
            let is_last = number == step.steps.len();
            let (corner, next) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.push(inner, &format!("{below}{corner}"), &format!("{below}{next}"));
        }
    }
}

fn answer(answer: &Answer, paint: &Paint) -> String {
    match answer {
        Answer::Value(events::Value::Bool(true)) => paint.good("true"),
        Answer::Value(events::Value::Bool(false)) => paint.bad("false"),
        Answer::Value(value) => literal(value),
        Answer::Failed(_) => paint.bad("failed"),
        Answer::Skipped => paint.faint("not evaluated"),
    }
}
