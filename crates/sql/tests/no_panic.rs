//! Whatever a rule says and whatever an event carries: an answer or a diagnostic, never a panic.

use bytes::Bytes;
use events::{Body, Event, Kind, Map, Payload, Timestamp, Value};
use proptest::prelude::{Strategy, prop, prop_oneof, proptest};
use sql::{Context, EventColumns, Limits, Query, Store, Template};

const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "FOREACH",
    "DO",
    "INCASE",
    "AS",
    "AND",
    "OR",
    "NOT",
    "IN",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "LIKE",
    "BETWEEN",
    "IS",
    "NULL",
    "div",
    "mod",
    "*",
    "+",
    "-",
    "/",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "..",
    ":",
    ";",
    "=",
    "!=",
    "<>",
    "<",
    "<=",
    "=~",
    "~=",
    "'text'",
    "'",
    "\"t/#\"",
    "\"$events/#\"",
    "\"",
    "1",
    "-0",
    "2.5",
    "1e5",
    "99999999999999999999",
    "payload",
    "payload.a.b[1]",
    "clientid",
    "item",
    "upper(",
    "split(payload, '/')",
    "regex_match(clientid, '(')",
    "[1..3]",
    "payload.l[2..-1]",
    "a[i]",
    "/*",
    "*/",
    "--",
    "\n",
    "é",
    "_x",
    "true",
    "topic(1)",
    "now_timestamp()",
    "map_put('a.b', 1, payload)",
];

/// Words that rules are made of, in any order.
fn soup() -> impl Strategy<Value = String> {
    let words = prop::sample::select(WORDS);
    prop::collection::vec(words, 0..24).prop_map(|words| words.join(" "))
}

/// Expressions that are well-formed more often than not.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "payload",
        "payload.a",
        "payload.l",
        "payload.l[1]",
        "payload.l[payload.i]",
        "clientid",
        "qos",
        "missing",
        "1",
        "0",
        "-7",
        "2.5",
        "'a'",
        "'12'",
        "''",
        "true",
        "null",
        "[1, 'b', null]",
        "{'k': [1]}",
        "99999999999999999999",
        "[2..4]",
        "flags",
        "topic",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 32, 3, |inner| {
        let operator = prop::sample::select(vec![
            "+", "-", "*", "/", "div", "mod", "=", "!=", "<", ">=", "=~", "AND", "OR", "LIKE", "IN",
        ]);
        let function = prop::sample::select(sql::functions().map(|function| function.name).collect::<Vec<_>>());
        prop_oneof![
            (inner.clone(), operator, inner.clone())
                .prop_map(|(left, operator, right)| format!("({left} {operator} ({right}))")),
            (function, prop::collection::vec(inner.clone(), 0..4))
                .prop_map(|(function, args)| format!("{function}({})", args.join(", "))),
            (inner.clone(), inner.clone()).prop_map(|(when, then)| format!("CASE WHEN {when} THEN {then} ELSE 1 END")),
            inner.clone().prop_map(|inner| format!("(NOT {inner})")),
            inner.prop_map(|inner| format!("(-{inner})")),
        ]
    })
}

fn run(sql: &str, payload: &[u8]) {
    // What one evaluation keeps must not be found by the next one.
    let stores = [Store::new(), Store::new(), Store::new()];
    let limits = Limits { steps_max: 10_000, result_bytes_max: 1 << 20, rows_max: 100 };
    let [first, second, third] =
        stores.each_ref().map(|store| Context { limits, ..Context::new(Timestamp::SAMPLE, store) });
    let mut event = Event::sample(Kind::MessagePublish);
    if let Body::MessagePublish(publish) = &mut event.body {
        publish.payload = Payload(Bytes::copy_from_slice(payload));
    }
    let context: Map = [("payload".into(), Value::from_bytes(Bytes::copy_from_slice(payload)))].into_iter().collect();
    if let Ok((query, _)) = Query::compile(sql) {
        let from_event = query.eval(&event, &first).map(|rows| rows.into_vec().len());
        let from_columns = query.eval(&EventColumns::new(&event), &second).map(|rows| rows.into_vec().len());
        assert_eq!(from_event.is_ok(), from_columns.is_ok(), "{sql}");
    }
    if let Ok((query, _)) = Query::compile_open(sql)
        && let Ok(rows) = query.eval(&context, &third)
    {
        for row in rows.into_vec() {
            serde_json::from_str::<serde_json::Value>(&row.to_json()).expect("a row is JSON");
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_read(text in ".{0,200}") {
        run(&text, b"{}");
        drop(Template::compile(&text));
    }

    #[test]
    fn any_words_are_read(text in soup()) {
        run(&text, br#"{"a":{"b":[1,2]},"l":[1,"x",null],"i":2}"#);
    }

    #[test]
    fn diagnostics_point_into_the_text_and_can_be_shown(text in soup()) {
        if let Err(diagnostics) = Query::compile(&text) {
            assert!(!diagnostics.is_empty());
            for diagnostic in &diagnostics {
                assert!(diagnostic.span.start <= diagnostic.span.end && diagnostic.span.end <= text.len() + 1, "{diagnostic:?}");
            }
            assert!(sql::render(&diagnostics, "rule", &text, 3).contains("rule:"));
        }
    }

    #[test]
    fn any_expression_over_any_payload_is_evaluated(
        expression in expression(),
        payload in prop_oneof![
            ".{0,40}".prop_map(String::into_bytes),
            prop::collection::vec(0u8..=255, 0..40),
            prop::sample::select(vec![
                r#"{"a":"x","l":[1,2,3],"i":2}"#, r#"{"a":-1,"l":[],"i":1e300}"#, "[1,2]", "null", r#"{"a":1E999}"#,
            ]).prop_map(|text| text.as_bytes().to_vec()),
        ],
    ) {
        run(&format!("SELECT {expression} AS x, * FROM \"t\" WHERE x = 1 OR true"), &payload);
        run(&format!("FOREACH {expression} AS x DO x AS y, x.a AS b.c[0] INCASE is_not_null(x) FROM \"t\""), &payload);
    }
}

#[test]
fn nesting_has_a_limit_and_length_has_one() {
    for deep in [
        format!("SELECT {}1{} AS a FROM \"t\"", "(".repeat(50_000), ")".repeat(50_000)),
        format!("SELECT {}1 AS a FROM \"t\"", "- ".repeat(9_000)),
        format!("SELECT {}true AS a FROM \"t\"", "NOT ".repeat(9_000)),
        format!("SELECT {}1{} AS a FROM \"t\"", "[".repeat(9_000), "]".repeat(9_000)),
        format!("SELECT {}1{} AS a FROM \"t\"", "CASE WHEN true THEN ".repeat(2_000), " END".repeat(2_000)),
        format!("SELECT a{}1{} AS a FROM \"t\"", "[a".repeat(9_000), "]".repeat(9_000)),
    ] {
        let diagnostics = Query::compile_open(&deep).unwrap_err();
        assert_eq!(diagnostics[0].code, sql::codes::TOO_DEEP, "{}", diagnostics[0].message);
    }
    let wide = format!("SELECT 1 AS a FROM \"t\" WHERE qos = 1{}", " OR qos = 2".repeat(3_000));
    assert!(Query::compile(&wide).is_ok(), "a chain is wide, not deep");
}
