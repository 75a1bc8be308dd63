//! Every case of the language is as it says.

mod cases_of_the_language;

use base64::Engine as _;
use cases_of_the_language::{COUNT, Case, Outcome, SITE, all};
use events::{Map, Timestamp, Value};
use serde_json::Value as Json;
use sql::{Context, Jq, Query, Rows, Store};

#[test]
fn every_case_is_as_it_says() {
    let cases = all();
    assert_eq!(cases.len(), COUNT);
    let report: String = cases.iter().filter_map(|case| case.difference(&outcome(case))).collect();
    assert!(report.is_empty(), "{report}");
}

#[test]
fn an_explanation_comes_to_what_the_evaluation_comes_to() {
    let jq = Jq::unbounded();
    for case in all() {
        let Ok((query, _)) = Query::compile_open(case.sql()) else { continue };
        let columns = columns_of(case.context());
        let (store, other_store) = (Store::new(), Store::new());
        let ctx = Context { jq: Some(&jq), ..Context::new(Timestamp::SAMPLE, &store) };
        let explained = query.explain(case.sql(), &columns, &ctx).outcome;
        if query.matches(&columns) {
            let ctx = Context { jq: Some(&jq), ..Context::new(Timestamp::SAMPLE, &other_store) };
            assert_eq!(explained, query.eval(&columns, &ctx), "{case:?}");
        } else {
            assert_eq!(explained, Ok(Rows::NoMatch), "{case:?}");
        }
    }
}

fn outcome(case: &Case) -> Outcome {
    let sql = case.sql();
    let query = match Query::compile_open(sql) {
        Ok((query, _)) => query,
        Err(diagnostics) => return Outcome::Error(sql::render(&diagnostics, "case", sql, 0)),
    };
    let columns = columns_of(case.context());
    if !query.matches(&columns) {
        return Outcome::NoMatch;
    }
    let store = Store::new();
    let env = |name: &str| (name == SITE.0).then(|| SITE.1.to_owned());
    let jq = Jq::unbounded();
    let ctx = Context { env: &env, jq: Some(&jq), ..Context::new(Timestamp::SAMPLE, &store) };
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
