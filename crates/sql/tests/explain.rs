//! What is told of an evaluation: every condition with its operands, and why something is NULL.

#![expect(clippy::unwrap_used, reason = "whatever is not there ends the test, and the place says what it was")]
#![expect(clippy::string_slice, reason = "the texts of the tests are ASCII")]

use std::fmt::Write as _;

use events::{Map, Timestamp, Value};
use sql::{Answer, Columns, Context, Explanation, Overlay, Query, Step, Store};

const MESSAGE: &str = r#"{"topic":"plant/17","qos":1,"username":null,
    "payload":"{\"temp\":21,\"unit\":\"abc\",\"list\":[1,{\"a\":null}],\"inner\":\"{\\\"x\\\":1}\"}"}"#;

fn context(json: &str) -> Map {
    let Value::Map(map) = Value::from_json(&serde_json::from_str(json).unwrap()) else { panic!("{json}") };
    (*map).clone()
}

fn explain(text: &str, columns: &dyn Columns) -> Explanation {
    let (query, _) = Query::compile_open(text).unwrap_or_else(|wrong| panic!("{}", sql::render(&wrong, "f", text, 0)));
    let store = Store::new();
    query.explain(text, columns, &Context::new(Timestamp::SAMPLE, &store))
}

/// A line for every step: how deep it is, whether it decides, its text, its value and its note.
fn lines(text: &str, step: &Step, depth: usize, out: &mut String) {
    let value = match &step.answer {
        Answer::Value(value) => value.to_json(),
        Answer::Failed(error) => format!("failed: {error}"),
        Answer::Skipped => "skipped".to_owned(),
    };
    let mark = if step.decides { "*" } else { " " };
    let note = step.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
    writeln!(out, "{mark}{}{} -> {value}{note}", "  ".repeat(depth), &text[step.span.clone()]).unwrap();
    for step in &step.steps {
        lines(text, step, depth + 1, out);
    }
}

fn check(condition: &str, expected: &str) {
    let text = format!("SELECT payload.temp * 2 AS twice, clientid AS c FROM \"plant/#\" WHERE {condition}");
    let explanation = explain(&text, &context(MESSAGE));
    let mut found = String::new();
    lines(&text, explanation.filter.as_ref().unwrap(), 0, &mut found);
    let expected: Vec<&str> = expected.lines().map(str::trim_end).filter(|line| !line.trim().is_empty()).collect();
    let indent = expected.iter().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let shift =
        if expected.first().is_some_and(|line| line.trim_start().starts_with('*')) { indent } else { indent - 1 };
    let expected: Vec<&str> = expected.iter().map(|line| &line[shift..]).collect();
    assert_eq!(found.lines().collect::<Vec<_>>(), expected, "{condition}");
}

#[test]
fn a_condition_is_a_tree_of_operands_with_the_ones_that_decide() {
    check(
        "qos = 1 AND payload.temp > 30 AND username = 'ops'",
        "
        *qos = 1 AND payload.temp > 30 AND username = 'ops' -> false
           qos = 1 -> true
             qos -> 1
        *  payload.temp > 30 -> false
             payload.temp -> 21
           username = 'ops' -> skipped",
    );
    check(
        "NOT (qos = 2 OR payload.temp BETWEEN 20 AND 30)",
        "
        *NOT (qos = 2 OR payload.temp BETWEEN 20 AND 30) -> false
        *  (qos = 2 OR payload.temp BETWEEN 20 AND 30) -> true
             qos = 2 -> false
               qos -> 1
        *    payload.temp BETWEEN 20 AND 30 -> true
               payload.temp -> 21",
    );
    check(
        "CASE payload.unit WHEN 'c' THEN true WHEN lower('ABC') THEN qos > 1 ELSE false END",
        "
        *CASE payload.unit WHEN 'c' THEN true WHEN lower('ABC') THEN qos > 1 ELSE false END -> false
           payload.unit -> \"abc\"
           'c' -> false
           lower('ABC') -> true
           qos > 1 -> false
             qos -> 1",
    );
}

#[test]
fn an_alias_is_explained_by_the_field_that_makes_it() {
    check(
        "twice > 50 AND upper(payload.unit) IN ('A', c, 'ABC')",
        "
        *twice > 50 AND upper(payload.unit) IN ('A', c, 'ABC') -> false
        *  twice > 50 -> false
             twice -> 42
               payload.temp * 2 -> 42
                 payload.temp -> 21
           upper(payload.unit) IN ('A', c, 'ABC') -> skipped",
    );
}

#[test]
fn a_comparison_that_surprises_says_why() {
    for (condition, line) in [
        ("payload.unit > 5", "the text 'abc' against the number 5: not comparable, so neither is less"),
        ("username = 'ops'", "a comparison with NULL is false"),
        ("NOT username", "NOT of NULL is false"),
        ("payload.list > 1", "the list [1,{\"a\":null}] against the number 1: not comparable, so neither is less"),
        ("username LIKE 'a%'", "NULL is like nothing"),
        ("username IN ('a')", "NULL equals only NULL"),
        ("payload.gone * 2 > 1", "a comparison with NULL is false"),
        ("payload.flag", "`payload` has no key `flag`; there are `temp`, `unit`, `list`, `inner`"),
    ] {
        let text = format!("SELECT 1 AS one FROM \"plant/#\" WHERE {condition}");
        let explanation = explain(&text, &context(MESSAGE));
        assert_eq!(explanation.filter.unwrap().note.as_deref(), Some(line), "{condition}");
    }
}

#[test]
fn a_path_that_is_null_says_at_which_step() {
    for (path, note) in [
        ("payload.tmp", "`payload` has no key `tmp`; did you mean `temp`?"),
        ("payload.temp.x", "`payload.temp` is the number 21, which has no keys"),
        ("payload.list[3]", "`payload.list` has 2 elements"),
        ("payload.list[0]", "there is no `payload.list[0]`: the first element has 1"),
        ("payload.list.a", "`payload.list` is a list; `payload.list[1].a` would lead into its first element"),
        ("payload.list[2].a", "`payload.list[2].a` is `null` there"),
        ("payload.list[payload.unit]", "the index of `payload.list` is no integer"),
        ("payload.inner.y", "`payload.inner` has no key `y`; there are `x`"),
        ("payload.unit.y", "`payload.unit` is the text 'abc', which is no JSON"),
        ("payload.list[2].'a b'", "`payload.list[2]` has no key `a b`; there are `a`"),
    ] {
        let text = format!("SELECT 1 AS one FROM \"plant/#\" WHERE {path} IS NOT NULL");
        let explanation = explain(&text, &context(MESSAGE));
        let filter = explanation.filter.unwrap();
        assert_eq!(filter.steps[0].note.as_deref(), Some(note), "{path}");
    }
    let broken = context(r#"{"topic":"plant/1","payload":"{\"a\" 1}"}"#);
    let text = "SELECT 1 AS one FROM \"plant/#\" WHERE payload.a = 1";
    let note = explain(text, &broken).filter.unwrap().steps[0].note.clone();
    assert_eq!(note.as_deref(), Some("the payload is no JSON from byte 5 on: the text '{\"a\" 1}'"));
    let event = events::Event::sample(events::Kind::ClientDisconnected);
    let text =
        "SELECT 1 AS one FROM \"$events/client_connack\", \"$events/client_disconnected\" WHERE reason_code = 'x'";
    let note = explain(text, &Overlay::new(&event, Map::new())).filter.unwrap().steps[0].note.clone();
    assert_eq!(note.as_deref(), Some("`reason_code` is no field of `client.disconnected`"));
}

#[test]
fn every_entry_of_from_says_why_it_does_not_match() {
    let text = "SELECT 1 AS one FROM \"$events/client_connack\", \"lab/+\", \"plant/#\"";
    let explanation = explain(text, &context(MESSAGE));
    let mismatches: Vec<Option<&str>> = explanation.from.iter().map(|entry| entry.mismatch.as_deref()).collect();
    assert_eq!(
        mismatches,
        [
            Some("it wants `client.connack`, and this is `message.publish`"),
            Some("level 1 of the topic `plant/17` is `plant`, and the filter wants `lab`"),
            None
        ]
    );
    let elsewhere = explain("SELECT 1 AS one FROM \"lab\"", &context(MESSAGE));
    assert!(!elsewhere.is_addressed() && elsewhere.filter.is_none());
}

#[test]
fn the_elements_of_foreach_say_what_became_of_them() {
    let text = "FOREACH payload.list AS s DO s AS it INCASE s > 0 FROM \"plant/#\"";
    let explanation = explain(text, &context(MESSAGE));
    let through = explanation.through.unwrap();
    assert_eq!(&text[through.span.clone()], "payload.list");
    let rows: Vec<Option<String>> =
        through.elements.iter().map(|element| element.row.as_ref().map(Map::to_json)).collect();
    assert_eq!(rows, [Some(r#"{"it":1}"#.to_owned()), None]);
    let incase = through.elements[1].incase.as_ref().unwrap();
    assert!(incase.note.as_ref().unwrap().ends_with("not comparable, so neither is less"), "{incase:?}");
    let none = explain("FOREACH payload.lst AS s DO s AS it FROM \"plant/#\"", &context(MESSAGE));
    assert_eq!(none.through.unwrap().note.as_deref(), Some("`payload` has no key `lst`; did you mean `list`?"));
    let text = "FOREACH payload.temp AS s DO s AS it FROM \"plant/#\"";
    assert_eq!(
        explain(text, &context(MESSAGE)).through.unwrap().note.as_deref(),
        Some("expected a list, found the number 21")
    );
}

#[test]
fn what_fails_is_told_where_it_fails_and_above() {
    let text = "SELECT 1 AS one FROM \"plant/#\" WHERE qos = 1 AND upper(payload.list) = 'X'";
    let explanation = explain(text, &context(MESSAGE));
    let error = explanation.outcome.unwrap_err();
    assert_eq!(&text[error.span.clone()], "payload.list");
    let mut shown = String::new();
    lines(text, explanation.filter.as_ref().unwrap(), 0, &mut shown);
    assert_eq!(shown.matches("failed: ").count(), 3, "{shown}");
}

#[test]
fn nothing_happens_twice() {
    let text = "SELECT 1 AS one FROM \"plant/#\" WHERE proc_dict_put('n', coalesce(proc_dict_get('n'), 0) + 1) IS NULL AND proc_dict_get('n') = 1";
    let mut columns = context(MESSAGE);
    columns.insert("clientid".into(), "c".into());
    let explanation = explain(text, &columns);
    assert_eq!(explanation.filter.unwrap().answer, Answer::Value(Value::Bool(true)));
}

#[test]
fn the_names_of_a_row_come_from_expressions() {
    let text = "SELECT payload.temp AS t, payload.a.b, payload.a.c, * FROM \"plant/#\"";
    let (query, _) = Query::compile_open(text).unwrap();
    let origins: Vec<(String, &str)> =
        query.origins().into_iter().map(|(name, span)| (name.to_string(), &text[span])).collect();
    assert_eq!(origins, [("t".to_owned(), "payload.temp"), ("payload".to_owned(), "payload.a.c")]);
}
