//! The short answer to "why not": what decided, in a line each.

use super::{Answer, Explanation, Step};
use crate::Rows;
use crate::diagnostic::one_line;
use crate::values::describe::literal;

impl Explanation {
    /// Why there is no row, in a line each; nothing where there is one, or where the rule failed.
    pub fn why_no_row(&self, text: &str) -> Vec<String> {
        if self.is_unknown {
            return vec![
                "`compat = \"emqx\"`: EMQX has no event where a connection was never accepted, or a session ends"
                    .to_owned(),
            ];
        }
        match &self.outcome {
            Ok(Rows::NoMatch) if !self.is_addressed() => self
                .from
                .iter()
                .filter_map(|entry| {
                    let why = entry.mismatch.as_ref()?;
                    Some(format!("FROM {} does not match: {why}", one_line(text, &entry.span)))
                })
                .collect(),
            Ok(Rows::NoMatch) => {
                self.deciding().into_iter().map(|step| format!("WHERE: {}", said(text, step))).collect()
            }
            Ok(Rows::Many(rows)) if rows.is_empty() => self.why_no_element(text),
            Ok(Rows::One(_) | Rows::Many(_)) | Err(_) => Vec::new(),
        }
    }

    fn why_no_element(&self, text: &str) -> Vec<String> {
        let Some(through) = &self.through else { return Vec::new() };
        if let Some(note) = &through.note {
            return vec![format!("FOREACH {} has no elements: {note}", one_line(text, &through.span))];
        }
        let elements = (1..).zip(&through.elements);
        elements
            .filter_map(|(number, element)| {
                let incase = element.incase.as_ref()?;
                let deciding = incase.deciding().into_iter().map(|step| said(text, step)).collect::<Vec<_>>();
                Some(format!("INCASE, element {number}: {}", deciding.join("; ")))
            })
            .collect()
    }
}

/// `payload.temp > 30` is false: `payload.temp` is 21.
fn said(text: &str, step: &Step) -> String {
    let mut said = format!("`{}` is {}", one_line(text, &step.span), shown(&step.answer));
    let mut operands = Vec::new();
    for operand in &step.steps {
        let mut part = format!("`{}` is {}", one_line(text, &operand.span), shown(&operand.answer));
        if let Some(note) = &operand.note {
            part = format!("{part} ({note})");
        }
        operands.push(part);
    }
    operands.extend(step.note.clone());
    if !operands.is_empty() {
        said = format!("{said}: {}", operands.join(", "));
    }
    said
}

fn shown(answer: &Answer) -> String {
    match answer {
        Answer::Value(value) => literal(value),
        Answer::Failed(error) => format!("not to be evaluated: {error}"),
        Answer::Skipped => "not evaluated".to_owned(),
    }
}
