//! What people are told. `data/diagnostics.txt` has rules that are wrong with everything that is said about them;
//! `BLESS=1 cargo test -p sql` writes it anew.

use std::path::Path;

use sql::{Diagnostic, Query};

const RULES: &[&str] = &[
    "SELECT clientid, reson\nFROM \"$events/client_disconnected\"",
    "SELECT clentid, upcase(username), split(topic) FROM \"plant/#\" WHERE qos > 'a' AND payloda.x = 1",
    "SELECT payload.name FROM \"t/#\" WHERE payload.name = \"s1\"",
    "SELECT clientid FROM \"$events/client_conack\"",
    "SELECT clientid FROM \"$event/client_connack\"",
    "SELECT topic FROM \"a/#/b\", \"$share/g/t\"",
    "SELECT upper(5), trim([1]), 'x' * 2, -'a', true + 1 FROM \"t\" WHERE strlen(topic)",
    "SELECT regex_match(topic, '(') FROM \"t\"",
    "SELECT a = b = c FROM \"t\"",
    "SELECT 1 ~= 1, _x, 2.5f, payload.l[1].[2] FROM \"t\"",
    "SELECT 'open FROM \"t\"",
    "SELECT 1 AS a",
    "SELECT FROM \"t\"",
    "FOREACH payload.l AS n DO FROM \"t\"",
    "SELECT clientid WHERE qos = 1 FROM \"t\"",
    "SELECT if FROM \"t\"",
    "SELECT upper('a' AS b) FROM \"t\"",
    "SELECT (1 + 2 AS a, [1, 2 AS b, 3 AS c FROM \"t\" WHERE (qos = 1",
    "SELECT CASE ELSE 1 END AS z FROM \"t\"",
    "SELECT clientid FROM \"$events/client_disconnected\" WHERE reason = 'takenover' OR reason = 'kiked'",
    "SELECT [1, 2][1], payload.l[0..2] FROM \"t\"",
    "",
];

#[test]
fn people_are_told_what_is_wrong_where_and_what_was_meant() {
    let mut told = String::new();
    for rule in RULES {
        let diagnostics = match Query::compile(rule) {
            Ok((_, warnings)) => warnings,
            Err(diagnostics) => diagnostics,
        };
        told.push_str(&sql::render(&diagnostics, "rule.sql", rule, 0));
        told.push('\n');
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/diagnostics.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &told).unwrap();
    }
    assert_eq!(told, std::fs::read_to_string(&path).unwrap_or_default(), "run with BLESS=1 where this is meant");
}

#[test]
fn several_mistakes_are_told_in_one_run() {
    let codes = |rule: &str| -> Vec<&str> {
        let mut diagnostics = Query::compile(rule).unwrap_err();
        diagnostics.sort_by_key(|diagnostic: &Diagnostic| diagnostic.span.start);
        diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
    };
    assert_eq!(
        codes("SELECT clentid, upcase(username), split(topic) FROM \"t\" WHERE nope = 1"),
        ["E103", "E101", "E102", "E103"]
    );
    assert_eq!(codes("SELECT a = b = c, 1 +, [1..2 FROM \"t\""), ["E013", "E010", "E010"]);
}
