//! What `rules/README.md` says of the differences from EMQX is so: every row of its tables about the language is shown by
//! rules and what becomes of them here. A row that is added has to be shown, too.

mod outcome;

use std::collections::BTreeSet;
use std::path::Path;

use outcome::outcome;
use sql::Query;

/// The tables that are shown here. Functions have examples of their own; words of events are in `language.rs`.
const TABLES: [&str; 5] =
    ["What can be written", "What is refused when the rule is created", "NULL", "Comparing", "Evaluating"];

/// The columns of every rule.
const COLUMNS: &str = r#"{
    "event": "message.publish", "topic": "t", "qos": 1, "i": 2, "l": [1, 2, 3, 4], "nul": null,
    "payload": "{\"n\":null,\"ok\":true,\"x\":1,\"y\":1,\"end\":5,\"i\":2,\"arr\":[10,20,30],\"l\":[1,2],\"k\":{\"a\":1}}"
}"#;

/// The beginning of a row, and rules that show it: the fields of a SELECT or a whole rule, with its rows, `none` or the code
/// of an error. A code with W is that of the first warning where the rule is created, and so is one with `!` an error there.
const SHOWN: &[(&str, &[(&str, &str)])] = &[
    (
        "comparisons, AND",
        &[("(1 = 1) AS a, [1 = 1] AS b, upper(i = 1 AND qos = 2) AS c", r#"{"a":true,"b":[true],"c":"FALSE"}"#)],
    ),
    ("CASE as an operand", &[("1 + CASE WHEN true THEN CASE i WHEN 2 THEN 5 END END AS a", r#"{"a":6}"#)]),
    (
        "`IS [NOT] NULL`",
        &[("nul IS NULL AS a, 'ab' LIKE 'a_' AS b, i BETWEEN 1 AND 2 AS c", r#"{"a":true,"b":true,"c":true}"#)],
    ),
    ("map literals", &[("{'k': 1} AS a", r#"{"a":{"k":1}}"#)]),
    ("`NOT IN`", &[("i NOT IN (1, 3) AS a", r#"{"a":true}"#)]),
    (
        "`NOT` over",
        &[("NOT (i = 1 OR i = 3) AS a, NOT NOT true AS b, NOT i IN (1) AS c", r#"{"a":true,"b":true,"c":true}"#)],
    ),
    (
        "a boolean field",
        &[("SELECT i FROM t WHERE payload.ok", r#"{"i":2}"#), ("CASE WHEN payload.ok THEN 1 END AS a", r#"{"a":1}"#)],
    ),
    ("`''` in a text", &[("'O''Hara' AS a, '''edge''' AS b", r#"{"a":"O'Hara","b":"'edge'"}"#)]),
    ("`TRUE`", &[("TRUE AS a, False AS b, NULL AS c, null AS d", r#"{"a":true,"b":false,"c":null,"d":null}"#)]),
    ("`4e2`", &[("4e2 AS a, .25 AS b", r#"{"a":400.0,"b":0.25}"#)]),
    ("a comment on", &[("SELECT 1 /* one */ AS a FROM t -- the end", r#"{"a":1}"#)]),
    ("`;` at the end", &[("SELECT 1 AS a FROM t;", r#"{"a":1}"#), ("SELECT 1 AS a FROM t;;", "E010")]),
    ("a line that begins", &[("10\n/2 AS a", r#"{"a":5.0}"#)]),
    ("keywords as a step", &[("payload.end AS a", r#"{"a":5}"#)]),
    ("`div` and `mod`", &[("1 AS mod, mod mod 2 AS a", r#"{"mod":1,"a":1}"#)]),
    ("`$event/`", &[("SELECT clientid FROM \"$event/client_connack\"", "W001")]),
    ("unknown functions", &[("nope(1) AS a", "!E101"), ("upper() AS a", "!E102")]),
    ("unknown fields", &[("nope AS a", "!E103"), ("payload.nope.deep AS a", r#"{"a":null}"#)]),
    ("constants of a type", &[("upper(5) AS a", "!E104"), ("'x' * 2 AS a", "!E104")]),
    (
        "constants that a function",
        &[
            ("format_date('sec', 'Z', '%Y') AS a", "!E106"),
            ("hash('crc', topic) AS a", "!E106"),
            ("nth(0, payload.l) AS a", "!E106"),
            ("base64_encode(topic, 'url') AS a", "W014"),
        ],
    ),
    (
        "`clientid[1]`",
        &[
            ("clientid[1] AS a", "W012"),
            ("flags[1] AS a", "W012"),
            ("FOREACH topic AS l DO l FROM t", "W011"),
            ("payload.sensor-1 AS a", "W013"),
        ],
    ),
    ("regular expressions that", &[("regex_match(topic, '(') AS a", "!E105")]),
    ("events that", &[("SELECT event FROM \"$events/schema_validation_failed\"", "!E201")]),
    (
        "unknown events",
        &[
            ("SELECT 1 AS a FROM \"$events/nope\"", "!E201"),
            ("SELECT 1 AS a FROM \"a/#/b\"", "!E202"),
            ("SELECT 1 AS a FROM \"$share/g/t\"", "!E202"),
        ],
    ),
    (
        "`$bridges/mqtt:NAME`",
        &[("SELECT server FROM \"$bridges/mqtt:b1\"", "W017"), ("SELECT server FROM \"$sources/kafka:b1\"", "!E203")],
    ),
    ("placeholders", &[]),
    ("the operator `~=`", &[("1 ~= 1 AS a", "!E001")]),
    (
        "`reason = 'no such reason'`",
        &[
            ("SELECT reason FROM \"$events/client_disconnected\" WHERE reason = 'no such reason'", "W003"),
            ("SELECT topic FROM t WHERE payload.x != NULL", "W003"),
        ],
    ),
    ("`x = NULL`", &[("SELECT topic FROM t WHERE payload.x = NULL", "W004"), ("payload.l[0] AS a", "W005")]),
    (
        "`qos = 'one'`",
        &[
            ("SELECT topic FROM t WHERE qos = 'one'", "W003"),
            ("SELECT topic FROM t WHERE payload.x > 5 AND payload.x < 3", "W003"),
            ("SELECT topic FROM t WHERE 1 = 2", "W003"),
        ],
    ),
    (
        "`qos >= 0`",
        &[
            ("SELECT topic FROM t WHERE qos >= 0", "W006"),
            ("SELECT topic FROM t WHERE payload.x != 'a' OR payload.x != 'b'", "W006"),
        ],
    ),
    (
        "`CASE WHEN t > 10",
        &[
            ("CASE WHEN payload.t > 10 THEN 1 WHEN payload.t > 30 THEN 2 END AS a", "W007"),
            ("payload.x IN ('a', 'a') AS a", "W008"),
        ],
    ),
    (
        "`SELECT reason FROM",
        &[("SELECT reason FROM \"$events/client_connected\", \"$events/client_disconnected\"", "W009")],
    ),
    ("rules that wake", &[]),
    (
        "a missing field",
        &[("nope = nul AS a, payload.n = nope AS b, payload.n AS c", r#"{"a":true,"b":true,"c":null}"#)],
    ),
    (
        "`is_not_null(payload.n)`",
        &[("is_not_null(payload.n) AS a, coalesce(payload.n, 'd') AS b", r#"{"a":false,"b":"d"}"#)],
    ),
    ("two NULLs", &[("nope <= nul AS a, nope >= nul AS b, nope = nul AS c", r#"{"a":false,"b":false,"c":true}"#)]),
    ("arithmetic with NULL", &[("missing * 2 AS a", r#"{"a":null}"#)]),
    ("`'u=' + missing`", &[("'u=' + missing AS a", r#"{"a":null}"#)]),
    ("`str(missing)`", &[("str(missing) AS a", r#"{"a":null}"#)]),
    (
        "`concat`, `join_to_string`",
        &[("concat('a', missing) AS a, join_to_string('-', ['x', missing]) AS b", r#"{"a":"a","b":"x-"}"#)],
    ),
    ("`json_encode(missing)`", &[("json_encode(missing) AS a", r#"{"a":"null"}"#)]),
    ("`is_empty(missing)`", &[("is_empty(missing) AS a", r#"{"a":true}"#)]),
    (
        "a path into a payload",
        &[
            ("'no json' AS payload, payload.a AS b", r#"{"payload":"no json","b":null}"#),
            ("FOREACH topic AS e DO e FROM t", ""),
        ],
    ),
    (
        "a text that is no number",
        &[("'abc' = 12 AS a, 'abc' > 1 AS b, 'abc' < 1 AS c", r#"{"a":false,"b":false,"c":false}"#)],
    ),
    (
        "`'1e3' = 1000`",
        &[("'1e3' = 1000 AS a, int('1e3') AS b, float('1e3') AS c", r#"{"a":true,"b":1000,"c":1000.0}"#)],
    ),
    ("order across types", &[("NULL > 5 AS a, [1] > 5 AS b, {} > 5 AS c", r#"{"a":false,"b":false,"c":false}"#)]),
    (
        "`3 IN (3.0)`",
        &[("3 IN (3.0) AS a, 3 IN ('3') AS b, CASE 3 WHEN 3.0 THEN 'y' END AS c", r#"{"a":true,"b":true,"c":"y"}"#)],
    ),
    ("WHERE", &[("SELECT 1 / 0 AS a FROM t WHERE false", "none")]),
    ("`payload.arr[payload.i]`", &[("payload.arr[payload.i] AS a", r#"{"a":20}"#)]),
    ("`payload.arr[4..2]`", &[("payload.arr[4..2] AS a, [5..3] AS b", r#"{"a":[],"b":[]}"#)]),
    ("slices of a text", &[("'[1,2,3]' AS t, t[2..3] AS a", r#"{"t":"[1,2,3]","a":[2,3]}"#)]),
    ("a slice from 0", &[("l[0..2] AS a", "!E014")]),
    (
        "a value AS `payload`",
        &[("payload.x AS a, '{\"x\":7}' AS payload, payload.x AS b", r#"{"a":1,"payload":"{\"x\":7}","b":7}"#)],
    ),
    (
        "`NULL AS qos",
        &[("NULL AS qos, qos AS q, payload.k AS l, l[1] AS a", r#"{"qos":null,"q":null,"l":{"a":1},"a":null}"#)],
    ),
    ("a field without AS", &[("1 + 1, upper(topic)", r#"{"1 + 1":2,"upper(topic)":"T"}"#)]),
    (
        "`SELECT *, 2 AS payload.y`",
        &[(
            "FOREACH l[1..1] AS e DO payload, 2 AS payload.y FROM t",
            r#"{"payload":{"n":null,"ok":true,"x":1,"y":2,"end":5,"i":2,"arr":[10,20,30],"l":[1,2],"k":{"a":1}}}"#,
        )],
    ),
    ("`SELECT payload AS p", &[("payload.k AS p, 7 AS p.k", r#"{"p":{"a":1,"k":7}}"#)]),
    (
        "`SELECT 'x' AS topic, *`",
        &[(
            "FOREACH l[1..1] AS e DO 'x' AS topic, *, 0 AS l, 0 AS payload FROM t",
            r#"{"topic":"t","event":"message.publish","i":2,"l":0,"nul":null,"payload":0,"qos":1,"e":1}"#,
        )],
    ),
    (
        "FOREACH without AS",
        &[(
            "FOREACH payload.l DO item AS a, payload.x AS x FROM t WHERE payload.x = 1",
            r#"{"a":1,"x":1}{"a":2,"x":1}"#,
        )],
    ),
    ("FOREACH with a path", &[("FOREACH payload.l AS a.b DO item AS i FROM t", r#"{"i":1}{"i":2}"#)]),
    (
        "message functions",
        &[("SELECT CASE WHEN qos() = 1 THEN 'one' END AS a FROM t WHERE qos() = 1", r#"{"a":"one"}"#)],
    ),
    (
        "regular expressions",
        &[("regex_match('éa', '^.a$') AS a", r#"{"a":true}"#), ("regex_match(topic, '(a)\\1') AS a", "!E105")],
    ),
    ("integers", &[("9223372036854775807 + 1 AS a", r#"{"a":9223372036854775808}"#), ("power(2, 5000) AS a", "E502")]),
    (
        "lists and maps",
        &[("json_decode(concat(pad('', 300, 'trailing', '['), pad('', 300, 'trailing', ']'))) AS a", "E501")],
    ),
    ("time, memory and rows", &[("pad('x', 1000000000) AS a", "E505")]),
];

#[test]
fn every_difference_is_as_the_page_says() {
    let mut wrong = String::new();
    for (row, rules) in SHOWN {
        for (text, expected) in *rules {
            let sql = if text.contains(" FROM ") { (*text).to_owned() } else { format!("SELECT {text} FROM t") };
            let found = if expected.starts_with(['!', 'W']) { told(&sql) } else { outcome(&sql, COLUMNS) };
            if found != expected.trim_start_matches('!') {
                wrong.push_str(&format!("{row}\n  {sql}\n  expected {expected}\n  found    {found}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_row_of_the_page_is_shown() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules/README.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    let mut unused: BTreeSet<&str> = SHOWN.iter().map(|(row, _)| *row).collect();
    let mut missing = Vec::new();
    for title in TABLES {
        let (_, table) = page.split_once(&format!("\n### {title}\n")).expect("the table is there");
        let table = table.split("\n### ").next().unwrap_or_default();
        for row in table.lines().filter_map(|line| line.strip_prefix("| ")).skip(1) {
            match SHOWN.iter().find(|(beginning, _)| row.starts_with(beginning)) {
                Some((beginning, _)) => drop(unused.remove(beginning)),
                None => missing.push(row),
            }
        }
    }
    assert!(missing.is_empty() && unused.is_empty(), "not shown: {missing:#?}\nnot on the page: {unused:#?}");
}

/// The code of the first thing that is said where the rule is created.
fn told(sql: &str) -> String {
    let said = Query::compile(sql).map_or_else(|wrong| wrong, |(_, warnings)| warnings);
    said.first().map_or_else(|| "nothing".to_owned(), |first| first.code.to_owned())
}
