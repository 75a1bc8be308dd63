//! What becomes of a rule over columns of JSON, as a text that a table can hold.

use events::{Map, Timestamp, Value};
use serde_json::Value as Json;
use sql::{Context, Query, Rows, Store};

/// The rows one behind the other as JSON, `none` for no match, or the code of the first error.
pub(crate) fn outcome(sql: &str, columns: &str) -> String {
    let query = match Query::compile_open(sql) {
        Ok((query, _)) => query,
        Err(diagnostics) => {
            let first = diagnostics.iter().min_by_key(|diagnostic| diagnostic.span.start);
            return first.expect("what is refused is told").code.to_owned();
        }
    };
    let columns: serde_json::Map<String, Json> = serde_json::from_str(columns).expect("the columns are JSON");
    let columns: Map = columns.iter().map(|(name, value)| (name.as_str().into(), Value::from_json(value))).collect();
    if !query.matches(&columns) {
        return "none".to_owned();
    }
    let store = Store::new();
    match query.eval(&columns, &Context::new(Timestamp::SAMPLE, &store)) {
        Ok(Rows::NoMatch) => "none".to_owned(),
        Ok(rows) => rows.into_vec().iter().map(Map::to_json).collect(),
        Err(error) => error.code.to_owned(),
    }
}
