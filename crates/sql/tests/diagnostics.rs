//! What people are told. `data/diagnostics.txt` has texts that are wrong with everything that is said about them;
//! `BLESS=1 cargo test -p sql` writes it anew.

mod wrong_rules;

use std::path::Path;

use sql::{Diagnostic, Query};

#[test]
fn people_are_told_what_is_wrong_where_and_what_was_meant() {
    let mut told = String::new();
    for wrong in wrong_rules::all() {
        let shown = sql::render(&wrong.diagnostics(), wrong.file(), &wrong.text, 0);
        told.push_str(&format!("# {}\n\n{shown}\n", wrong.about));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/diagnostics.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &told).unwrap();
    }
    assert_eq!(told, std::fs::read_to_string(&path).unwrap_or_default(), "run with BLESS=1 where this is meant");
}

#[test]
fn everything_there_is_to_say_is_said_of_something() {
    let mut silent: Vec<&str> = sql::codes::ALL.iter().map(|(code, _)| *code).collect();
    for wrong in wrong_rules::all() {
        let diagnostics = wrong.diagnostics();
        assert!(!diagnostics.is_empty(), "nothing is said of `{}`", wrong.text);
        silent.retain(|code| diagnostics.iter().all(|diagnostic| diagnostic.code != *code));
    }
    assert!(silent.is_empty(), "no text of `wrong_rules` leads to {silent:?}");
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
    for (from, code) in [("a/#/b", "E202"), ("$share/g/t", "E202"), ("$bridges/http:b", "E203")] {
        assert_eq!(codes(&format!("SELECT clentid FROM \"{from}\"")), ["E103", code], "a wrong filter hides nothing");
    }
    assert_eq!(codes("SELECT a = b = c, 1 +, [1..2 FROM \"t\""), ["E013", "E010", "E010"]);
    assert_eq!(
        codes(
            "SELECT upper(1 +, clientid), lower(2 *), FROM \"a/#/b\", 5, \"t\" WHERE (qos == 1) AND clentid = 'a' OR qos <"
        ),
        ["E010", "E010", "E010", "E202", "E010", "E010", "E103", "E010"],
        "in calls, clauses and conditions, and the names in what could be read"
    );
    assert_eq!(
        codes(
            "FOREACH payload.l[] AS s DO s..x, upcase(s.y) AS y, CASE WHEN THEN 1 END AS z INCASE s.x >> 1 FROM \"t\" WHERE y ! 1"
        ),
        ["E014", "E010", "E101", "E010", "E010", "E103", "E001"],
        "WHERE does not see what DO makes"
    );
    assert_eq!(codes("INSERT INTO x SELECT clentid FROM t/# WHERE qos = 1"), ["E010", "E103", "E010"]);
    assert_eq!(codes("SELECT 1 + AS n, n + 1 AS m FROM \"t\" WHERE n > 1"), ["E010"], "`n` was passed over");
    assert_eq!(codes("FOREACH payload.l AS e INCASE e > 1 DO upcase(e) AS x FROM \"t\" WHERE 1 ="), ["E011", "E010"]);
    assert_eq!(codes("SELECT clientid FROM \"t\"; SELECT topic FROM \"t\""), ["E011"]);
    assert_eq!(codes(&format!("SELECT {} FROM \"t\"", ",".repeat(5000))).len(), 100, "the first hundred are enough");
}
