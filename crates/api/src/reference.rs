//! `api/README.md`: the endpoints by what they are about, made of the OpenAPI document. `BLESS=1 cargo test -p api` rewrites
//! it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::openapi;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../api/README.md");

/// What stands above the tables.
const INTRODUCTION: &str = include_str!("reference.md");

/// One table for each tag, one line for each endpoint.
fn reference() -> String {
    let document: Value = serde_json::from_str(openapi::text()).unwrap();
    let mut tables: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let tag = operation["tags"][0].as_str().unwrap();
            let role = operation["security"][0]["bearer"][0].as_str().unwrap_or("none");
            let summary = operation["summary"].as_str().unwrap();
            let line = format!("| `{} {path}` | {role} | {summary}{} |", method.to_uppercase(), filters(operation));
            tables.entry(tag).or_default().push(line);
        }
    }
    let mut text = INTRODUCTION.to_owned();
    for (tag, lines) in tables {
        writeln!(text, "\n## {}\n\n| endpoint | key | |\n|---|---|---|\n{}", tag.replace('_', " "), lines.join("\n"))
            .unwrap();
    }
    text
}

/// The parameters of the query.
fn filters(operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let names = parameters.filter(|parameter| parameter["in"] == "query").map(|parameter| &parameter["name"]);
    let names: Vec<String> = names.map(|name| format!("`{}`", name.as_str().unwrap())).collect();
    if names.is_empty() { String::new() } else { format!(". Query: {}", names.join(", ")) }
}

#[test]
fn the_kept_reference_is_made_of_the_document() {
    let fresh = reference();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(KEPT, &fresh).unwrap();
    }
    let kept = std::fs::read_to_string(KEPT).unwrap_or_default();
    assert!(kept == fresh, "api/README.md is stale; run `BLESS=1 cargo test -p api`");
}
