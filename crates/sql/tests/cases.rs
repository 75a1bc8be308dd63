//! The cases of the language: rule texts with contexts and what becomes of them.
//!
//! `data/not_yet.txt` lists the cases that do not pass yet. It must be exact: a case that fails and is not listed fails
//! the test, and so does one that passes and is.

use std::collections::BTreeSet;

use base64::Engine as _;
use events::{Map, Timestamp, Value};
use serde_json::Value as Json;
use sql::{Context, Query, Rows, Store};

const CASES: &str = include_str!("data/rule-sql.jsonl");
const NOT_YET: &str = include_str!("data/not_yet.txt");

#[test]
fn every_case_is_as_it_says() {
    let expected: BTreeSet<&str> = NOT_YET.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let (mut failing, mut report) = (BTreeSet::new(), String::new());
    let cases: Vec<Json> = CASES.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(cases.len(), 392);
    for case in &cases {
        let id = case["id"].as_str().unwrap();
        if let Err(found) = check(case) {
            failing.insert(id);
            if !expected.contains(id) {
                report.push_str(&format!("{id}: {}\n  expected {}\n  found    {found}\n", case["sql"], case["expect"]));
            }
        }
    }
    let passing: Vec<&&str> = expected.iter().filter(|id| !failing.contains(**id)).collect();
    assert!(passing.is_empty(), "these pass and stand in data/not_yet.txt: {passing:?}");
    assert!(report.is_empty(), "{report}");
}

fn check(case: &Json) -> Result<(), String> {
    let found = outcome(case["sql"].as_str().expect("every case has a text"), &case["context"]);
    let expect = &case["expect"];
    let as_expected = match &found {
        Outcome::Error(_) => expect.get("error").is_some(),
        Outcome::NoMatch => expect.get("no_match").is_some(),
        Outcome::Rows(rows) => expect.get("outputs").and_then(Json::as_array).is_some_and(|outputs| {
            outputs.len() == rows.len() && outputs.iter().zip(rows).all(|(output, row)| same_row(output, row))
        }),
    };
    if as_expected { Ok(()) } else { Err(format!("{found:?}")) }
}

#[derive(Debug)]
enum Outcome {
    Error(#[expect(dead_code, reason = "shown by Debug where a case fails")] String),
    NoMatch,
    Rows(Vec<Json>),
}

fn outcome(sql: &str, context: &Json) -> Outcome {
    let query = match Query::compile_open(sql) {
        Ok((query, _)) => query,
        Err(diagnostics) => return Outcome::Error(sql::render(&diagnostics, "case", sql, 0)),
    };
    let columns = columns_of(context);
    if !query.matches(&columns) {
        return Outcome::NoMatch;
    }
    let store = Store::new();
    let env = |name: &str| (name == "EMQXVAR_SITE").then(|| "plant-9".to_owned());
    let ctx = Context { env: &env, ..Context::new(Timestamp::SAMPLE, &store) };
    match query.eval(&columns, &ctx) {
        Err(error) => Outcome::Error(error.to_string()),
        Ok(Rows::NoMatch) => Outcome::NoMatch,
        Ok(rows) => Outcome::Rows(
            rows.into_vec().iter().map(|row| serde_json::from_str(&row.to_json()).expect("a row is JSON")).collect(),
        ),
    }
}

fn columns_of(context: &Json) -> Map {
    let mut columns = Map::new();
    for (name, value) in context.as_object().expect("a context is a map") {
        match (name.as_str(), value) {
            ("payload_b64", Json::String(text)) => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("`payload_b64` is base 64");
                columns.insert("payload".into(), Value::from_bytes(bytes.into()));
            }
            (name, value) => columns.insert(name.into(), Value::from_json(value)),
        }
    }
    columns
}

/// Rows are the same when they have the same keys and values; where `{"$undefined": true}` is expected, NULL or nothing
/// may stand.
fn same_row(expected: &Json, found: &Json) -> bool {
    match (expected, found) {
        (Json::Object(expected), Json::Object(found)) => {
            expected.iter().all(|(key, value)| match found.get(key) {
                Some(found) => same_row(value, found),
                None => is_undefined(value),
            }) && found.keys().all(|key| expected.contains_key(key))
        }
        (expected, Json::Null) if is_undefined(expected) => true,
        (Json::Array(expected), Json::Array(found)) => {
            expected.len() == found.len()
                && expected.iter().zip(found).all(|(expected, found)| same_row(expected, found))
        }
        (expected, found) => expected == found,
    }
}

fn is_undefined(value: &Json) -> bool {
    value.get("$undefined").is_some()
}
