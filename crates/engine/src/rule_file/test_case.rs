//! One of `[[tests]]`: an event, and the rows that are expected of it.

use std::ops::Range;

use bytestring::ByteString;
use events::{BASE64_KEY, Map, Value};
use sql::Diagnostic;

use super::node::{Entry, Node, NodeKind};
use super::reader::{Reader, expected};
use crate::codes;

/// A test as it is written.
#[derive(Debug)]
pub(crate) struct TestCase {
    pub(crate) name: String,
    /// Which entry of FROM the event comes by: a topic of an event, or a topic filter. The first one where not given.
    pub(crate) from: Option<(String, Range<usize>)>,
    /// The fields that differ from the sample, with the places of key and value.
    pub(crate) fields: Vec<Override>,
    pub(crate) expectation: Expectation,
}

/// A field of the event that differs from the sample.
#[derive(Debug)]
pub(crate) struct Override {
    pub(crate) name: String,
    pub(crate) name_span: Range<usize>,
    pub(crate) value: Value,
    pub(crate) value_span: Range<usize>,
}

/// What a test expects.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expectation {
    /// Rows with at least these fields, in this order.
    Rows(Vec<Map>),
    /// Exactly these rows.
    Exactly(Vec<Map>),
    /// An error whose message has this text in it.
    Error(String),
}

impl TestCase {
    pub(super) fn read(node: &Node, problems: &mut Vec<Diagnostic>) -> Option<TestCase> {
        let mut reader = Reader::new(node, "a test", problems);
        let span = reader.span();
        let name = reader.text("name", problems).map(|(name, _)| name.to_owned());
        let from = reader.text("from", problems).map(|(from, span)| (from.to_owned(), span));
        let fields = reader.take("event").map(|entry| fields(entry, problems)).unwrap_or_default();
        let rows = reader.list("expect", problems).map(|items| Expectation::Rows(rows_of(items, problems)));
        let exact = reader.list("expect_exact", problems).map(|items| Expectation::Exactly(rows_of(items, problems)));
        let error = reader.text("expect_error", problems).map(|(text, _)| Expectation::Error(text.to_owned()));
        reader.finish(problems);

        let mut expectations = [rows, exact, error].into_iter().flatten();
        let (Some(expectation), None) = (expectations.next(), expectations.next()) else {
            let message = "expected exactly one of `expect`, `expect_exact` and `expect_error` in a test";
            problems.push(
                Diagnostic::error(codes::MISSING_KEY, span, message)
                    .with_help("`expect = []` means that the rule does not match"),
            );
            return None;
        };
        let Some(name) = name else {
            let message = "expected a `name` that says what the test shows";
            problems.push(Diagnostic::error(codes::MISSING_KEY, span, message));
            return None;
        };
        Some(TestCase { name, from, fields, expectation })
    }
}

fn fields(entry: &Entry, problems: &mut Vec<Diagnostic>) -> Vec<Override> {
    if !matches!(entry.value.kind, NodeKind::Table(_)) {
        problems.push(expected(&entry.value, "a table for `event`"));
    }
    let override_of = |entry: &Entry| Override {
        name: entry.key.clone(),
        name_span: entry.key_span.clone(),
        value: value_of(&entry.value),
        value_span: entry.value.span.clone(),
    };
    entry.value.entries().iter().map(override_of).collect()
}

fn rows_of(items: &[Node], problems: &mut Vec<Diagnostic>) -> Vec<Map> {
    for item in items.iter().filter(|item| !matches!(item.kind, NodeKind::Table(_))) {
        problems.push(expected(item, "a table for a row"));
    }
    items.iter().map(|item| map_of(item.entries())).collect()
}

fn map_of(entries: &[Entry]) -> Map {
    entries.iter().map(|entry| (ByteString::from(entry.key.as_str()), value_of(&entry.value))).collect()
}

/// The value of the rule language. TOML has no NULL, so `{ "$null" = true }` stands for it, and `{ "$b64" = "..." }` for
/// bytes that are no text.
fn value_of(node: &Node) -> Value {
    match &node.kind {
        NodeKind::Text(text) => Value::from(text.as_str()),
        NodeKind::Int(number) => Value::Int(*number),
        NodeKind::Float(number) => Value::Float(*number),
        NodeKind::Bool(value) => Value::Bool(*value),
        NodeKind::Datetime(time) => Value::from(time.to_string()),
        NodeKind::List(items) => items.iter().map(value_of).collect::<Vec<_>>().into(),
        NodeKind::Table(entries) => match entries.as_slice() {
            [entry] if entry.key == "$null" => Value::Null,
            [entry] if entry.key == BASE64_KEY => bytes_of(entry).unwrap_or_else(|| map_of(entries).into()),
            entries => map_of(entries).into(),
        },
    }
}

fn bytes_of(entry: &Entry) -> Option<Value> {
    entry.value.as_text().and_then(Value::from_base64)
}
