//! `signalbox rules eval`: rules from standard input, one JSON object a line, answered in order.

use std::io::{self, BufRead as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use bytestring::ByteString;
use events::{Map, Value};
use serde::Deserialize;
use sql::{Context, Jq, Query, Rows, Store};

use crate::outcome::{Outcome, Stop};
use crate::{clock, jq};

/// The longest line that is read; a longer one is refused.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What stands for a payload of any bytes.
const PAYLOAD_BASE64: &str = "payload_b64";

/// A line of the input.
#[derive(Debug, Deserialize)]
struct Request {
    #[serde(default)]
    id: serde_json::Value,
    sql: String,
    #[serde(default)]
    context: serde_json::Map<String, serde_json::Value>,
}

/// What is answered to a line.
#[derive(Debug)]
enum Answer {
    Rows(Vec<Map>),
    NoMatch,
    Refused { code: &'static str, message: String, span: Option<(usize, usize)> },
}

/// What all lines share.
struct Tools {
    store: Store,
    jq: Jq,
}

/// Answers every line, also those behind one that cannot be read, and says in the end whether there were such.
pub(crate) fn run() -> Outcome {
    let mut input = io::stdin().lock();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let tools = Tools { store: Store::new(), jq: jq::of_tool() };
    let mut unreadable_count = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = io::Read::take(&mut input, LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let (id, answer) = match serde_json::from_slice::<Request>(&line) {
            Ok(request) => {
                let answer = answer(&request, &tools);
                (request.id, answer)
            }
            Err(cause) => {
                unreadable_count += 1;
                (serde_json::Value::Null, unreadable(&cause))
            }
        };
        write_answer(&mut out, &id, &answer)?;
        // Who writes a line waits for its answer before the next one, perhaps.
        if input.fill_buf().is_ok_and(|rest| !rest.contains(&b'\n')) {
            out.flush()?;
        }
    }
    out.flush()?;
    if unreadable_count > 0 {
        let help = r#"a line is {"id": ..., "sql": "...", "context": {...}}"#;
        return Err(Stop::bad_input(format_args!("{unreadable_count} lines could not be read"), Some(help)));
    }
    Ok(())
}

fn unreadable(cause: &serde_json::Error) -> Answer {
    Answer::Refused { code: "input", message: format!("the line cannot be read: {cause}"), span: None }
}

fn answer(request: &Request, tools: &Tools) -> Answer {
    let query = match Query::compile_open(&request.sql) {
        Ok((query, _warnings)) => query,
        Err(diagnostics) => {
            let first = diagnostics.into_iter().min_by_key(|diagnostic| diagnostic.span.start);
            return first.map_or(Answer::NoMatch, |first| Answer::Refused {
                code: first.code,
                message: first.message,
                span: Some((first.span.start, first.span.end)),
            });
        }
    };
    let columns = match columns(&request.context) {
        Ok(columns) => columns,
        Err(message) => return Answer::Refused { code: "input", message, span: None },
    };
    let names_its_source = columns.get("topic").is_some() || columns.get("event").is_some();
    if names_its_source && !query.matches(&columns) {
        return Answer::NoMatch;
    }
    let ctx = Context {
        env: &environment,
        seed: fastrand::u64(..),
        jq: Some(&tools.jq),
        ..Context::new(clock::now(), &tools.store)
    };
    match query.eval(&columns, &ctx) {
        Ok(Rows::NoMatch) => Answer::NoMatch,
        Ok(rows @ (Rows::One(_) | Rows::Many(_))) => Answer::Rows(rows.into_vec()),
        Err(error) => {
            Answer::Refused { code: error.code, message: error.message, span: Some((error.span.start, error.span.end)) }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "`getenv` in a rule reads the environment of this process")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn columns(context: &serde_json::Map<String, serde_json::Value>) -> Result<Map, String> {
    let mut columns = Map::with_capacity(context.len());
    for (name, value) in context.iter().filter(|(name, _)| *name != PAYLOAD_BASE64) {
        columns.insert(ByteString::from(name.as_str()), Value::from_json(value));
    }
    if let Some(payload) = context.get(PAYLOAD_BASE64) {
        let bytes = payload.as_str().and_then(|text| STANDARD.decode(text).ok());
        let bytes = bytes.ok_or_else(|| format!("`{PAYLOAD_BASE64}`: expected base64, found `{payload}`"))?;
        columns.insert(ByteString::from_static("payload"), Value::from_bytes(Bytes::from(bytes)));
    }
    Ok(columns)
}

fn write_answer(out: &mut impl io::Write, id: &serde_json::Value, answer: &Answer) -> io::Result<()> {
    write!(out, "{{\"id\":{id},")?;
    match answer {
        Answer::Rows(rows) => {
            let mut text = String::new();
            for (index, row) in rows.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                row.write_json(&mut text);
            }
            writeln!(out, "\"outputs\":[{text}]}}")
        }
        Answer::NoMatch => writeln!(out, "\"no_match\":true}}"),
        Answer::Refused { code, message, span } => {
            writeln!(out, "\"error\":{}}}", serde_json::json!({ "code": code, "message": message, "span": span }))
        }
    }
}
