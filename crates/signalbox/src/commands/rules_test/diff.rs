//! What differs from what a test expects, field by field, for people.

use engine::{Difference, FieldComparison, TestReport};
use events::{Map, Value};

use crate::terminal::{Paint, shown};

/// The lines below a test that failed: `-` was expected, `+` was found.
pub(super) fn lines(report: &TestReport, paint: &Paint) -> Vec<String> {
    let mut lines = Vec::new();
    if report.differences.iter().any(|difference| !matches!(difference, Difference::Told(_))) {
        lines.push(format!("{} {}", paint.bad("- expected"), paint.good("+ found")));
    }
    for difference in &report.differences {
        match difference {
            Difference::Told(text) => lines.extend(shown(text).lines().map(str::to_owned)),
            Difference::Row { number, fields, .. } => {
                lines.push(format!("row {number} differs"));
                lines.extend(fields_lines(fields, paint));
            }
            Difference::Missing { number, row } => {
                lines.push(format!("expected row {number} is missing"));
                lines.extend(row_lines(row).map(|line| paint.bad(&format!("  - {line}"))));
            }
            Difference::Extra { number, row } => {
                lines.push(format!("row {number} was not expected"));
                lines.extend(row_lines(row).map(|line| paint.good(&format!("  + {line}"))));
            }
        }
    }
    for why in &report.why {
        lines.push(paint.faint(&format!("no row, because {why}")));
    }
    lines
}

fn fields_lines<'f>(fields: &'f [FieldComparison], paint: &'f Paint) -> impl Iterator<Item = String> {
    let width = fields.iter().map(|field| field.path.chars().count()).max().unwrap_or(0);
    let line = move |sign: &str, field: &FieldComparison, value: Option<&Value>| {
        let value = value.map_or_else(|| "no such field".to_owned(), in_json);
        format!("  {sign} {:<width$}  {value}", field.path)
    };
    fields.iter().flat_map(move |field| {
        if field.is_same {
            return vec![paint.faint(&line(" ", field, field.found.as_ref()))];
        }
        let expected = paint.bad(&line("-", field, field.expected.as_ref()));
        vec![expected, paint.good(&line("+", field, field.found.as_ref()))]
    })
}

fn row_lines(row: &Map) -> impl Iterator<Item = String> {
    let width = row.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    row.iter().map(move |(name, value)| format!("{name:<width$}  {}", in_json(value))).collect::<Vec<_>>().into_iter()
}

/// Numbers as JSON has them, which tells 20 from 20.0; text in its quotes.
fn in_json(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Bytes(_)
        | Value::List(_)
        | Value::Map(_) => shown(&value.to_json()).into_owned(),
    }
}
