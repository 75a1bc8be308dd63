//! What fuzzing looks for, a function for each target of `fuzz/`: it takes whatever comes and panics where a promise of
//! this crate does not hold. The tests below do the same for a short while.

#![expect(clippy::wildcard_enum_match_arm, reason = "what is not told apart is compared as a whole")]

use bytes::Bytes;
use events::{Body, Event, Kind, Map, Payload, Timestamp, Value};

use crate::json::{Document, Node, decode};
use crate::syntax::{parse, spans};
use crate::values::path::Place;
use crate::{Context, EventColumns, Limits, Query, Rows, Store, Template, render};

/// No input may take more than this.
const LIMITS: Limits = Limits { steps_max: 10_000, result_bytes_max: 1 << 20, rows_max: 100 };

/// Tokens follow one another and lie in the text.
pub fn lexer(text: &str) {
    let mut end = 0;
    for span in spans(text) {
        assert!(end <= span.start && span.start <= span.end, "tokens overlap at {span:?}");
        assert!(text.get(span.clone()).is_some(), "no place in the text: {span:?}");
        end = span.end;
    }
}

/// A rule is compiled, or told what is wrong at places that can be shown; its tree reads back as it was printed.
pub fn parser(text: &str) {
    for compiled in [Query::compile(text), Query::compile_open(text)] {
        let diagnostics = match compiled {
            Ok((_, warnings)) => warnings,
            Err(wrong) => {
                assert!(!wrong.is_empty(), "refused without a reason");
                wrong
            }
        };
        for diagnostic in &diagnostics {
            let span = &diagnostic.span;
            assert!(span.start <= span.end && span.end <= text.len() + 1, "{diagnostic:?}");
        }
        render(&diagnostics, "rule", text, 3);
    }
    if let Ok(statement) = parse(text) {
        let printed = statement.to_string();
        // Quotes and spaces make it longer than what was written, perhaps longer than a rule may be.
        if printed.len() <= crate::syntax::TEXT_BYTES_MAX {
            let again = parse(&printed)
                .unwrap_or_else(|wrong| panic!("{}", render(&wrong.diagnostics, "printed", &printed, 0)));
            assert_eq!(again.to_string(), printed);
        }
    }
}

/// The reader of JSON agrees with another, which found `theirs`, and its paths with the whole value.
pub fn json(text: &str, theirs: Option<&Value>) {
    let document = Document::read(text.to_owned().into());
    let ours = document.as_ref().ok().and_then(|document| document.root().to_value().ok());
    match (&ours, theirs) {
        (Some(ours), Some(theirs)) => assert!(agree(ours, theirs), "ours {ours:?}, theirs {theirs:?}"),
        // They read 127 levels and we 128; a long integer is a float there, which may be too large for one.
        (Some(_), None) => assert!(text.len() > 250, "only we read {text}"),
        (None, Some(theirs)) => assert!(text.len() > 1000, "only they read {theirs:?}"),
        (None, None) => {}
    }
    if let (Ok(document), Some(ours)) = (&document, &ours) {
        lookups_find(document.root(), ours);
        assert_eq!(decode(&ours.to_json().into()).as_ref(), Some(ours), "what is written reads back");
    }
}

/// Equal, but for what their integers cannot hold: `-0` and what has more than 64 bits are floats there.
fn agree(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::List(ours), Value::List(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs.iter()).all(|(ours, theirs)| agree(ours, theirs))
        }
        (Value::Map(ours), Value::Map(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().all(|(key, ours)| theirs.get(key).is_some_and(|theirs| agree(ours, theirs)))
        }
        (Value::Int(0), Value::Float(theirs)) => *theirs == 0.0,
        (Value::BigInt(ours), Value::Float(theirs)) => ours.to_string().parse() == Ok(*theirs),
        _ => ours == theirs,
    }
}

/// Every member and element is found where it stands.
fn lookups_find(node: Node<'_>, value: &Value) {
    if let Value::Map(map) = value {
        for (key, value) in map.iter() {
            lookups_find(node.member(key).expect("a member is found by its key"), value);
        }
    } else if let Value::List(items) = value {
        let len = i64::try_from(items.len()).unwrap_or(i64::MAX);
        for (at, (element, value)) in (1..).zip(node.elements().zip(items.iter())) {
            lookups_find(element, value);
            for place in [at, at - len - 1] {
                assert_eq!(node.element(Place::of(place)).map(Node::to_value), Some(Ok(value.clone())));
            }
        }
        assert_eq!(node.elements().count(), items.len());
    } else {
        assert_eq!(node.to_value().as_ref(), Ok(value));
    }
}

/// Whatever is unpacked stays below the limit.
pub fn gunzip(bytes: &[u8]) {
    let context: Map = [("payload".into(), Value::Bytes(Bytes::copy_from_slice(bytes)))].into_iter().collect();
    for function in ["gunzip", "unzip", "zip_uncompress", "term_decode"] {
        let (query, _) = Query::compile_open(&format!("SELECT {function}(payload) AS x FROM \"t\""))
            .unwrap_or_else(|wrong| panic!("{wrong:?}"));
        let store = Store::new();
        let ctx = Context { limits: LIMITS, ..Context::new(Timestamp::SAMPLE, &store) };
        if let Ok(Rows::One(row)) = query.eval(&context, &ctx)
            && let Some(Value::Bytes(unpacked)) = row.get("x")
        {
            assert!(unpacked.len() <= LIMITS.result_bytes_max, "{function} made {} bytes", unpacked.len());
        }
    }
}

/// A template is compiled and filled in; its placeholders lie in the text.
pub fn template(text: &str) {
    let row: Map = [("a", Value::from(r#"{"b":[1,{"c":null}]}"#)), ("n", Value::Null), ("t", Value::from("x"))]
        .map(|(name, value)| (name.into(), value))
        .into_iter()
        .collect();
    match Template::compile(text) {
        Ok(template) => {
            for variable in template.paths() {
                assert!(text.get(variable.span()).is_some_and(|shown| shown.starts_with("${")), "{variable:?}");
            }
            drop(template.render(&row, &Map::new()));
            template.render_body(&row, &Map::new());
        }
        Err(wrong) => {
            render(&wrong, "template", text, 0);
        }
    }
}

/// A rule, a zero byte, and the JSON of its context: it is evaluated within its limits, its rows are JSON, and it makes
/// no difference whether the payload is kept for several rules.
pub fn evaluate(bytes: &[u8]) {
    let (rule, context) = match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[][..]),
    };
    let Ok(rule) = std::str::from_utf8(rule) else { return };
    let columns = match Value::from_bytes(Bytes::copy_from_slice(context)) {
        Value::Text(text) => decode(&text),
        _ => None,
    };
    let columns = columns.as_ref().and_then(Value::as_map).cloned().unwrap_or_default();
    let payload =
        columns.get("payload").map(|payload| payload.as_text().map_or_else(|| payload.to_json(), str::to_owned));
    let outcome = |query: &Query, columns: &dyn crate::Columns| {
        let store = Store::new();
        let ctx = Context { limits: LIMITS, ..Context::new(Timestamp::SAMPLE, &store) };
        let rows = query.eval(columns, &ctx).map(Rows::into_vec).map_err(|error| error.to_string())?;
        let rows: Vec<String> = rows.iter().map(Map::to_json).collect();
        assert!(rows.iter().all(|row| Document::read(row.as_str().into()).is_ok()), "no JSON: {rows:?}");
        Ok::<_, String>(rows)
    };
    if let Ok((query, _)) = Query::compile_open(rule) {
        drop(outcome(&query, &columns));
    }
    if let Ok((query, _)) = Query::compile(rule) {
        let mut event = Event::sample(Kind::MessagePublish);
        if let Body::MessagePublish(publish) = &mut event.body {
            publish.payload = Payload(payload.map_or_else(|| Bytes::copy_from_slice(context), Bytes::from));
        }
        assert_eq!(outcome(&query, &event), outcome(&query, &EventColumns::new(&event)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rules of the cases with their contexts, which are the seeds of the corpus too.
    fn seeds() -> Vec<(String, String)> {
        include_str!("../tests/data/rule-sql.jsonl")
            .lines()
            .map(|line| {
                let case: serde_json::Value = serde_json::from_str(line).unwrap();
                (case["sql"].as_str().unwrap().to_owned(), case["context"].to_string())
            })
            .collect()
    }

    /// A few bytes of `seed` replaced, put in, taken out or doubled.
    fn mutated(seed: &[u8], changes: &[(usize, u8, u8)]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for (at, what, byte) in changes {
            let at = at % (bytes.len() + 1);
            match what % 4 {
                0 => bytes.insert(at, *byte),
                1 if at < bytes.len() => bytes[at] = *byte,
                2 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.extend_from_within(at..),
            }
        }
        bytes
    }

    fn json_beside_serde(text: &str) {
        json(text, serde_json::from_str(text).ok().map(|json| Value::from_json(&json)).as_ref());
    }

    #[test]
    fn the_cases_themselves_hold() {
        for (rule, context) in seeds() {
            lexer(&rule);
            parser(&rule);
            template(&rule);
            json_beside_serde(&context);
            evaluate(&[rule.as_bytes(), &[0], context.as_bytes()].concat());
        }
    }

    proptest! {
        #[test]
        fn changed_cases_hold(
            seed in prop::sample::select(seeds()),
            changes in prop::collection::vec((any::<usize>(), any::<u8>(), prop_oneof![
                prop::sample::select(b" '\"\\{}[](),.:;*-+=~$/\n0e\xC3\xFF".to_vec()), any::<u8>(),
            ]), 1..6),
        ) {
            let (rule, context) = seed;
            let input = mutated(&[rule.as_bytes(), &[0], context.as_bytes()].concat(), &changes);
            evaluate(&input);
            gunzip(&input);
            let rule = String::from_utf8_lossy(&mutated(rule.as_bytes(), &changes)).into_owned();
            lexer(&rule);
            parser(&rule);
            template(&rule);
            json_beside_serde(&String::from_utf8_lossy(&mutated(context.as_bytes(), &changes)));
        }

        #[test]
        fn documents_of_odd_pieces_are_read_as_others_read_them(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", " ", "\"a\"", "\"\\u0061\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\\q\"", "-0",
                "0.1", "-", "1e5", "1E-400", "1e400", "123456789012345678", "9223372036854775808", "18446744073709551616",
                "true", "null", "\u{1}", "é", "[[[[", "]]]]", "{\"a\":", "\"a\":1,", "\"b\":[1,2.5]",
            ]), 0..12),
        ) {
            json_beside_serde(&pieces.concat());
        }
    }

    #[test]
    fn both_readers_stop_at_the_same_depth() {
        for depth in 120..140 {
            json_beside_serde(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        }
    }

    #[test]
    fn packed_bytes_of_any_kind_are_bounded() {
        use std::io::Write as _;
        let bomb = vec![0; 64 << 20];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&bomb).unwrap();
        gunzip(&gzip.finish().unwrap());
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(&bomb).unwrap();
        gunzip(&zlib.finish().unwrap());
    }
}
