//! The cases of the language: rule texts with contexts, and what is to become of them. The tests of this crate evaluate
//! them, those of the binary hand them to `signalbox rules eval`.

use serde_json::Value as Json;

/// The cases with what EMQX answers, and what one learns the edges of the language from: every one has a note.
const CASES: [&str; 2] = [include_str!("../data/rule-sql.jsonl"), include_str!("../data/edges.jsonl")];

/// How many there are.
pub(crate) const COUNT: usize = 392 + 115;

/// What `getenv('SITE')` is in the cases.
pub(crate) const SITE: (&str, &str) = ("EMQXVAR_SITE", "plant-9");

/// A text, a context, and what is expected.
#[derive(Debug)]
pub(crate) struct Case(Json);

/// What became of a case.
#[derive(Debug)]
pub(crate) enum Outcome {
    Error(#[expect(dead_code, reason = "shown by Debug where a case fails")] String),
    NoMatch,
    Rows(Vec<Json>),
}

/// Every case.
pub(crate) fn all() -> Vec<Case> {
    let lines = CASES.iter().flat_map(|cases| cases.lines());
    lines.map(|line| Case(serde_json::from_str(line).expect("a case is a line of JSON"))).collect()
}

impl Case {
    pub(crate) fn sql(&self) -> &str {
        self.0["sql"].as_str().expect("a case has a text")
    }

    pub(crate) fn context(&self) -> &Json {
        &self.0["context"]
    }

    /// What is wrong with `found`; nothing where it is as expected.
    pub(crate) fn difference(&self, found: &Outcome) -> Option<String> {
        let expect = &self.0["expect"];
        let is_as_expected = match found {
            Outcome::Error(_) => expect.get("error").is_some(),
            Outcome::NoMatch => expect.get("no_match").is_some(),
            Outcome::Rows(rows) => expect.get("outputs").and_then(Json::as_array).is_some_and(|outputs| {
                outputs.len() == rows.len() && outputs.iter().zip(rows).all(|(output, row)| is_same(output, row))
            }),
        };
        let told = || format!("{}: {}\n  expected {expect}\n  found    {found:?}\n", self.0["id"], self.sql());
        (!is_as_expected).then(told)
    }
}

/// Rows are the same when they have the same keys and values; where `{"$undefined": true}` is expected, NULL or nothing
/// may stand.
fn is_same(expected: &Json, found: &Json) -> bool {
    match (expected, found) {
        (Json::Object(expected), Json::Object(found)) => {
            expected.iter().all(|(key, value)| match found.get(key) {
                Some(found) => is_same(value, found),
                None => is_undefined(value),
            }) && found.keys().all(|key| expected.contains_key(key))
        }
        (expected, Json::Null) if is_undefined(expected) => true,
        (Json::Array(expected), Json::Array(found)) => {
            expected.len() == found.len()
                && expected.iter().zip(found).all(|(expected, found)| is_same(expected, found))
        }
        (expected, found) => expected == found,
    }
}

fn is_undefined(value: &Json) -> bool {
    value.get("$undefined").is_some()
}
