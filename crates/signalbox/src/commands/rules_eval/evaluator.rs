//! One line in, one line out.

use std::fmt::Write as _;

use bytes::Bytes;
use bytestring::ByteString;
use events::{Map, Value};
use sql::{Context, Diagnostic, Document, Jq, JsonNode, Query, Rows, Store};

use super::cache::{Cache, Compiled};
use crate::{clock, context, jq};

/// The code of what is wrong with a line rather than with its rule.
const INPUT: &str = "input";

/// Answers lines. Rules that were compiled are kept for the lines that follow, and so is what they put into the store.
#[derive(Debug)]
pub(crate) struct Evaluator {
    cache: Cache,
    store: Store,
    jq: Jq,
    unreadable_count: usize,
}

/// A line, as far as it has to be understood.
struct Request<'d> {
    /// As it stands in the line.
    id: &'d str,
    sql: &'d str,
    context: Option<JsonNode<'d>>,
}

/// Why a line has no rows.
struct Refused {
    code: &'static str,
    message: String,
    span: Option<(usize, usize)>,
}

impl Evaluator {
    /// An evaluator with an empty store.
    pub(crate) fn new() -> Evaluator {
        Evaluator { cache: Cache::default(), store: Store::new(), jq: jq::of_tool(), unreadable_count: 0 }
    }

    /// Appends the answer to `line`, and a line break.
    pub(crate) fn answer(&mut self, line: Bytes, out: &mut String) {
        let document = match document_of(line) {
            Ok(document) => document,
            Err(message) => return self.refuse(message, out),
        };
        let root = document.root();
        let sql = root.member("sql").and_then(JsonNode::as_text);
        let Some(sql) = sql else {
            let found = if root.member("sql").is_some() { "another type" } else { "none" };
            return self.refuse(format!("the line cannot be read: expected text at `sql`, found {found}"), out);
        };
        let id = root.member("id").map_or("null", JsonNode::as_json);
        let request = Request { id, sql: &sql, context: root.member("context") };
        out.push_str("{\"id\":");
        out.push_str(request.id);
        match self.rows(&request) {
            Ok(Rows::NoMatch) => out.push_str(",\"no_match\":true}\n"),
            Ok(rows) => write_rows(rows, out),
            Err(refused) => write_refused(&refused, out),
        }
    }

    /// How many lines could not be read.
    pub(crate) const fn unreadable_count(&self) -> usize {
        self.unreadable_count
    }

    fn rows(&mut self, request: &Request<'_>) -> Result<Rows, Refused> {
        let compiled = self.cache.get(request.sql, compile);
        let query = match &*compiled {
            Ok(query) => query,
            Err(diagnostic) => return Err(Refused::of(diagnostic)),
        };
        let columns = columns(request.context).map_err(Refused::input)?;
        let names_its_source = columns.get("topic").is_some() || columns.get("event").is_some();
        if names_its_source && !query.matches(&columns) {
            return Ok(Rows::NoMatch);
        }
        let seed = fastrand::u64(..);
        let jq = Some(&self.jq);
        let ctx = Context { env: &environment, seed, jq, ..Context::new(clock::now(), &self.store) };
        query.eval(&columns, &ctx).map_err(|error| Refused::of(&error.into()))
    }

    fn refuse(&mut self, message: String, out: &mut String) {
        self.unreadable_count += 1;
        out.push_str("{\"id\":null");
        write_refused(&Refused::input(message), out);
    }
}

impl Refused {
    fn input(message: String) -> Refused {
        Refused { code: INPUT, message, span: None }
    }

    fn of(diagnostic: &Diagnostic) -> Refused {
        let span = (diagnostic.span.start, diagnostic.span.end);
        Refused { code: diagnostic.code, message: diagnostic.message.clone(), span: Some(span) }
    }
}

/// The first thing that is wrong with a text is told, as it stands in the text.
fn compile(text: &str) -> Compiled {
    Query::compile_open(text).map(|(query, _warnings)| query).map_err(|diagnostics| {
        let first = diagnostics.into_iter().min_by_key(|diagnostic| diagnostic.span.start);
        first.expect("a rule is refused with a diagnostic")
    })
}

#[expect(clippy::disallowed_methods, reason = "`getenv` in a rule reads the environment of this process")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The line as JSON: an object.
fn document_of(line: Bytes) -> Result<Document, String> {
    let unreadable = |what: String| format!("the line cannot be read: {what}");
    let text = ByteString::try_from(line).map_err(|_| unreadable("it is not UTF-8".to_owned()))?;
    let document = Document::read(text.clone()).map_err(|_| {
        let at = Document::not_json_at(&text).unwrap_or_default();
        unreadable(format!("it is no JSON from byte {at} on"))
    })?;
    if document.root().members().is_none() {
        return Err(unreadable(format!("expected an object, found `{}`", shortened(document.root().as_json()))));
    }
    Ok(document)
}

fn shortened(json: &str) -> String {
    const SHOWN_MAX: usize = 40;
    if json.len() <= SHOWN_MAX { json.to_owned() } else { json.chars().take(SHOWN_MAX).chain("...".chars()).collect() }
}

fn columns(context: Option<JsonNode<'_>>) -> Result<Map, String> {
    let Some(context) = context else { return Ok(Map::new()) };
    let Some(members) = context.members() else {
        return Err(format!("`context`: expected an object, found `{}`", shortened(context.as_json())));
    };
    context::columns(members)
}

fn write_rows(rows: Rows, out: &mut String) {
    out.push_str(",\"outputs\":[");
    for (at, row) in rows.into_vec().iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        row.write_json(out);
    }
    out.push_str("]}\n");
}

fn write_refused(refused: &Refused, out: &mut String) {
    out.push_str(",\"error\":{\"code\":");
    Value::from_static(refused.code).write_json(out);
    out.push_str(",\"message\":");
    Value::from(refused.message.as_str()).write_json(out);
    match refused.span {
        Some((start, end)) => {
            write!(out, ",\"span\":[{start},{end}]}}}}").expect("writing into a String cannot fail");
            out.push('\n');
        }
        None => out.push_str(",\"span\":null}}\n"),
    }
}
