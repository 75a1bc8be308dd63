//! The tests of a rule file: an event goes in, and the rows are compared with what is expected.

use std::fmt::Write as _;

use bytestring::ByteString;
use events::{Event, EventType, Field, Kind, Map, Timestamp, Type, Value, closest};
use sql::{Context, Diagnostic, Overlay, Query, Rows, Source, Store};

use crate::checked::{CheckedRule, name_of};
use crate::codes;
use crate::rule_file::{Expectation, TestCase};

/// A test that can be run.
#[derive(Debug)]
pub(crate) struct RuleTest {
    name: String,
    event: Event,
    replaced: Map,
    expectation: Expectation,
}

/// What a test of a rule showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestReport {
    /// The name of the test.
    pub name: String,
    /// What differs from what was expected, a line each; empty where the test passed.
    pub differences: Vec<String>,
}

impl TestReport {
    /// Whether all is as expected.
    pub fn is_passed(&self) -> bool {
        self.differences.is_empty()
    }
}

impl RuleTest {
    /// The test that `case` describes for a rule with this query.
    pub(crate) fn new(case: TestCase, query: &Query, problems: &mut Vec<Diagnostic>) -> Option<RuleTest> {
        let source = source_of(&case, query, problems)?;
        let (kind, mut replaced) = match source {
            Source::Event(kind) => (*kind, Map::new()),
            Source::Topic(filter) => {
                let topic = Value::Text(topic_of(filter));
                (Kind::MessagePublish, [(ByteString::from_static("topic"), topic)].into_iter().collect())
            }
        };
        let mut is_right = true;
        for field in case.fields {
            let Some((_, declared)) = kind.event_type().field(&field.name) else {
                let names = kind.event_type().fields.iter().map(|field| field.name);
                let message = format!("no field `{}` in `{}`", field.name, name_of(&Source::Event(kind)));
                let help = closest(&field.name, names).map(|name| format!("did you mean `{name}`?"));
                problems.push(Diagnostic::error(codes::TEST_EVENT, field.name_span, message).with_help_if(help));
                is_right = false;
                continue;
            };
            match value_for(declared, field.value) {
                Ok(value) => replaced.insert(ByteString::from_static(declared.name), value),
                Err(message) => {
                    problems.push(Diagnostic::error(codes::TEST_EVENT, field.value_span, message));
                    is_right = false;
                }
            }
        }
        // Who names the reason of a CONNACK means that of every version.
        if let (Some(reason), None) = (replaced.get("reason_code").cloned(), replaced.get("reason_code_v5")) {
            replaced.insert(ByteString::from_static("reason_code_v5"), reason);
        }
        let event = Event::sample(kind);
        is_right.then_some(RuleTest { name: case.name, event, replaced, expectation: case.expectation })
    }

    /// Runs the test: always at the time of the sample, with an empty store and environment.
    pub(crate) fn run(&self, rule: &CheckedRule) -> TestReport {
        let columns = Overlay::new(&self.event, self.replaced.clone());
        let store = Store::new();
        let mut differences = Vec::new();
        if rule.query.matches(&columns) {
            let ctx = Context { jq: rule.jq.as_ref(), ..Context::new(Timestamp::SAMPLE, &store) };
            let result = rule.query.eval(&columns, &ctx);
            let result = result.map(Rows::into_vec).map_err(|error| rule.located(&error));
            compare(&self.expectation, &result, &mut differences);
        } else {
            differences.push("the event is not one that FROM names; look at its `topic`".to_owned());
        }
        TestReport { name: self.name.clone(), differences }
    }
}

/// The entry of FROM that the event of a test comes by.
fn source_of<'q>(case: &TestCase, query: &'q Query, problems: &mut Vec<Diagnostic>) -> Option<&'q Source> {
    let Some((wanted, span)) = &case.from else { return query.from().first() };
    let kind = EventType::by_topic(wanted).map(|event| event.kind);
    let is_wanted = |source: &&Source| match source {
        Source::Event(own) => Some(*own) == kind,
        Source::Topic(filter) => **filter == **wanted,
    };
    let found = query.from().iter().find(is_wanted);
    if found.is_none() {
        let names: Vec<ByteString> = query.from().iter().map(name_of).collect();
        let message = format!("expected one of `{}`, as FROM has them, found `{wanted}`", names.join("`, `"));
        problems.push(Diagnostic::error(codes::TEST_EVENT, span.clone(), message));
    }
    found
}

/// A topic that `filter` matches: `1` for every wildcard.
fn topic_of(filter: &str) -> ByteString {
    let levels: Vec<&str> =
        filter.split('/').map(|level| if matches!(level, "+" | "#") { "1" } else { level }).collect();
    levels.join("/").into()
}

/// `value` as the field takes it; a payload that is written as a table or list is its JSON.
fn value_for(field: &Field, value: Value) -> Result<Value, String> {
    let fits = match (field.ty, &value) {
        (_, Value::Null) => field.optional || field.name == "payload",
        (Type::Any, _)
        | (Type::Bool, Value::Bool(_))
        | (Type::Int | Type::Number | Type::Timestamp, Value::Int(_))
        | (Type::Float | Type::Number, Value::Float(_))
        | (Type::Text | Type::Bytes, Value::Text(_))
        | (Type::List, Value::List(_))
        | (Type::Map, Value::Map(_)) => true,
        (Type::Bytes, Value::Map(_) | Value::List(_)) => return Ok(Value::from(value.to_json())),
        (
            Type::Null
            | Type::Bool
            | Type::Int
            | Type::Float
            | Type::Number
            | Type::Timestamp
            | Type::Text
            | Type::Bytes
            | Type::List
            | Type::Map,
            _,
        ) => false,
    };
    if fits {
        return Ok(value);
    }
    Err(format!("expected {} for `{}`, found {} `{}`", field.ty, field.name, value.type_of(), value.to_json()))
}

fn compare(expectation: &Expectation, found: &Result<Vec<Map>, String>, differences: &mut Vec<String>) {
    let (expected, is_exact) = match (expectation, found) {
        (Expectation::Error(text), Ok(rows)) => {
            return differences.push(format!("expected an error with `{text}`, found {}", rows_text(rows)));
        }
        (Expectation::Error(text), Err(error)) => {
            if !error.contains(text.as_str()) {
                differences.push(format!("expected an error with `{text}`, found: {error}"));
            }
            return;
        }
        (Expectation::Rows(_) | Expectation::Exactly(_), Err(error)) => {
            return differences.push(format!("the rule failed: {error}"));
        }
        (Expectation::Rows(rows), Ok(_)) => (rows, false),
        (Expectation::Exactly(rows), Ok(_)) => (rows, true),
    };
    let Ok(found) = found else { return };
    if expected.len() != found.len() {
        let wanted = if expected.is_empty() {
            "no row".to_owned()
        } else {
            format!("{} row{}", expected.len(), if expected.len() == 1 { "" } else { "s" })
        };
        differences.push(format!("expected {wanted}, found {}", rows_text(found)));
        return;
    }
    let is_one = found.len() == 1;
    for (number, (expected, found)) in (1..).zip(expected.iter().zip(found)) {
        let place = if is_one { String::new() } else { format!("row {number}, ") };
        Comparison { place, is_exact, differences }.compare_maps("", expected, found);
    }
}

/// Compares one row with what is expected of it.
struct Comparison<'d> {
    /// Which row, where there are several.
    place: String,
    /// Whether fields that are not expected are wrong.
    is_exact: bool,
    differences: &'d mut Vec<String>,
}

impl Comparison<'_> {
    /// Compares maps that `path` leads to.
    fn compare_maps(&mut self, path: &str, expected: &Map, found: &Map) {
        for (key, wanted) in expected.iter() {
            match (wanted, found.get(key)) {
                (Value::Map(wanted), Some(Value::Map(value))) => {
                    self.compare_maps(&format!("{path}{key}."), wanted, value);
                }
                (wanted, Some(value)) if is_same(wanted, value, self.is_exact) => {}
                (Value::Null, None) if !self.is_exact => {}
                (wanted, value) => self.push(path, key, Some(wanted), value),
            }
        }
        if self.is_exact {
            for (key, value) in found.iter().filter(|(key, _)| expected.get(key).is_none()) {
                self.push(path, key, None, Some(value));
            }
        }
    }

    fn push(&mut self, path: &str, key: &str, expected: Option<&Value>, found: Option<&Value>) {
        let shown = |value: Option<&Value>| value.map_or_else(|| "no such field".to_owned(), Value::to_json);
        let (expected, found) = (shown(expected), shown(found));
        self.differences.push(format!("{}`{path}{key}`: expected {expected}, found {found}", self.place));
    }
}

/// Where not exact, 20 and 20.0 are the same.
#[expect(clippy::float_cmp, clippy::cast_precision_loss, reason = "a test names the number it means")]
fn is_same(wanted: &Value, found: &Value, is_exact: bool) -> bool {
    match (wanted, found) {
        (Value::Int(int), Value::Float(float)) | (Value::Float(float), Value::Int(int)) if !is_exact => {
            *int as f64 == *float
        }
        (wanted, found) => wanted == found,
    }
}

fn rows_text(rows: &[Map]) -> String {
    let mut text = match rows.len() {
        0 => return "no row".to_owned(),
        1 => "1 row:".to_owned(),
        len => format!("{len} rows:"),
    };
    for row in rows.iter().take(3) {
        write!(text, " {}", row.to_json()).expect("writing into a String cannot fail");
    }
    if rows.len() > 3 {
        text.push_str(" ...");
    }
    text
}
