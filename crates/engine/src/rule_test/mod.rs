//! The tests of a rule file: an event goes in, and the rows are compared with what is expected.

mod comparison;

use std::fmt::Write as _;

use bytestring::ByteString;
use events::{EventType, Map, SourceTopic, Timestamp, given_column};
use sql::{Columns, Context, Diagnostic, Query, Rows, Source, Store};

use crate::checked::{CheckedRule, name_of};
use crate::codes;
use crate::given_event::{GivenEvent, WrongField};
use crate::rule_file::{Expectation, TestCase};

pub use comparison::{Difference, FieldComparison};

/// A test that can be run.
#[derive(Debug)]
pub struct RuleTest {
    name: String,
    event: GivenEvent,
    expectation: Expectation,
}

/// What a test of a rule showed.
#[derive(Clone, Debug, PartialEq)]
pub struct TestReport {
    /// The name of the test.
    pub name: String,
    /// What differs from what was expected; empty where the test passed.
    pub differences: Vec<Difference>,
    /// Where rows were expected and there is none: why there is none.
    pub why: Vec<String>,
}

impl TestReport {
    /// Whether all is as expected.
    pub const fn is_passed(&self) -> bool {
        self.differences.is_empty()
    }
}

impl RuleTest {
    /// The test that `case` describes for a rule with this query.
    pub(crate) fn new(case: TestCase, query: &Query, problems: &mut Vec<Diagnostic>) -> Option<RuleTest> {
        let mut event = GivenEvent::sample(source_of(&case, query, problems)?);
        let mut is_right = true;
        for field in case.fields {
            let given = given_column(field.name.into(), field.value).map_err(WrongField::Value);
            let Err(wrong) = given.and_then(|(name, value)| event.set(&name, value)) else { continue };
            problems.push(match wrong {
                WrongField::Unknown { message, help } => {
                    Diagnostic::error(codes::TEST_EVENT, field.name_span, message).with_help_if(help)
                }
                WrongField::Value(message) => Diagnostic::error(codes::TEST_EVENT, field.value_span, message),
            });
            is_right = false;
        }
        // Who names the reason of a CONNACK means that of every version.
        event.set_connack_reason();
        is_right.then_some(RuleTest { name: case.name, event, expectation: case.expectation })
    }

    /// What it shows, in the words of the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs the test on its rule: always at the time of the sample, with an empty store and environment.
    pub fn run(&self, rule: &CheckedRule) -> TestReport {
        let columns = self.event.columns();
        let store = Store::new();
        let (mut differences, mut why) = (Vec::new(), Vec::new());
        if rule.query.matches(&columns) {
            let result = rule.query.eval(&columns, &context(rule, &store));
            let result = result.map(Rows::into_vec).map_err(|error| rule.located(&error));
            differences = self.expectation.compare(&result);
            if !differences.is_empty() && result.is_ok_and(|rows| rows.is_empty()) {
                why = why_no_row(rule, &columns);
            }
        } else {
            let told = "the event is not one that FROM names; look at its `topic`";
            differences.push(Difference::Told(told.to_owned()));
            why = why_no_row(rule, &columns);
        }
        TestReport { name: self.name.clone(), differences, why }
    }
}

impl Expectation {
    fn compare(&self, found: &Result<Vec<Map>, String>) -> Vec<Difference> {
        let told = match (self, found) {
            (Expectation::Rows(expected), Ok(found)) => return comparison::compare(expected, found, false),
            (Expectation::Exactly(expected), Ok(found)) => return comparison::compare(expected, found, true),
            (Expectation::Rows(_) | Expectation::Exactly(_), Err(error)) => format!("the rule failed: {error}"),
            (Expectation::Error(text), Ok(rows)) => {
                format!("expected an error with `{text}`, found {}", rows_text(rows))
            }
            (Expectation::Error(text), Err(error)) if error.contains(text.as_str()) => return Vec::new(),
            (Expectation::Error(text), Err(error)) => format!("expected an error with `{text}`, found: {error}"),
        };
        vec![Difference::Told(told)]
    }
}

fn why_no_row(rule: &CheckedRule, columns: &dyn Columns) -> Vec<String> {
    let store = Store::new();
    rule.query.explain(&rule.sql, columns, &context(rule, &store)).why_no_row(&rule.sql)
}

/// Tests run at the time of the sample, in an empty environment.
fn context<'a>(rule: &'a CheckedRule, store: &'a Store) -> Context<'a> {
    Context { jq: rule.jq.as_ref(), ..Context::new(Timestamp::SAMPLE, store) }
}

/// The entry of FROM that the event of a test comes by.
fn source_of<'q>(case: &TestCase, query: &'q Query, problems: &mut Vec<Diagnostic>) -> Option<&'q Source> {
    let Some((wanted, span)) = &case.from else { return query.from().first() };
    let kind = EventType::by_topic(wanted).map(|event| event.kind);
    let is_wanted = |source: &&Source| match source {
        Source::Event(own) => Some(*own) == kind,
        Source::Topic(filter) => **filter == **wanted,
        Source::Named(source) => SourceTopic::parse(wanted).is_some_and(|wanted| wanted.as_ref() == Ok(source)),
    };
    let found = query.from().iter().find(is_wanted);
    if found.is_none() {
        let names: Vec<ByteString> = query.from().iter().map(name_of).collect();
        let message = format!("expected one of `{}`, as FROM has them, found `{wanted}`", names.join("`, `"));
        problems.push(Diagnostic::error(codes::TEST_EVENT, span.clone(), message));
    }
    found
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
