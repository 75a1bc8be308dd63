//! What is wrong with a rule file is said when it is read: where, what, and what was meant.

mod support;

use std::path::PathBuf;

use engine::{CheckedRule, RuleSource, TestReport};
use support::Desk;

fn check(id: &str, text: &str) -> Result<CheckedRule, String> {
    let source = RuleSource { id: id.into(), file: PathBuf::from(format!("rules/{id}.sql")), text: text.into() };
    CheckedRule::check(source.clone(), &Desk::default(), None).map_err(|problems| source.render(&problems))
}

const SELECT: &str = "SELECT clientid, username FROM \"$events/client_connack\"";

/// A rule with this header is refused with exactly these words.
#[track_caller]
fn refused(header: &str, expected: &str) {
    let found = check("r", &format!("/*---\n{header}\n---*/\n{SELECT}\n"));
    assert_eq!(found.expect_err("the header is wrong"), expected.trim_start_matches('\n'));
}

#[test]
fn a_rule_may_have_no_header() {
    let rule = check("plain", SELECT).unwrap();
    assert_eq!((rule.id(), rule.tests().len()), ("plain", 0));
}

#[test]
fn unknown_keys_are_refused_with_what_was_meant() {
    refused(
        "descripton = 'x'",
        "
error[E402]: unknown key `descripton`
 --> rules/r.sql:2:1
  |
2 | descripton = 'x'
  | ^^^^^^^^^^ help: did you mean `description`?
",
    );
    refused(
        "[[actions]]\nrecord = {}\nbuffer = { max_lenn = 5 }",
        "
error[E402]: unknown key `max_lenn`
 --> rules/r.sql:4:12
  |
4 | buffer = { max_lenn = 5 }
  |            ^^^^^^^^ help: did you mean `max_len`?
",
    );
}

#[test]
fn broken_toml_is_refused_where_it_breaks() {
    refused(
        "description = \"x",
        "
error[E401]: the header is no TOML: invalid basic string, expected `\"`
 --> rules/r.sql:2:17
  |
2 | description = \"x
  |                 ^
",
    );
}

#[test]
fn a_header_without_its_end_is_refused() {
    assert_eq!(
        check("r", "/*---\ndescription = 'x'\nSELECT 1").unwrap_err().lines().next(),
        Some("error[E401]: expected `---*/` after `/*---`, found the end of the file")
    );
}

#[test]
fn values_of_the_wrong_type_are_refused_with_expected_and_found() {
    refused(
        "enabled = 'yes'",
        "
error[E403]: expected `true` or `false` for `enabled`, found the text `yes`
 --> rules/r.sql:2:11
  |
2 | enabled = 'yes'
  |           ^^^^^
",
    );
    refused(
        "[[actions]]\nrecord = {}\nbuffer = { overflow = 'drop_neww' }",
        "
error[E403]: expected one of `drop_oldest`, `drop_new`, `block_rule` for `overflow`, found `drop_neww`
 --> rules/r.sql:4:23
  |
4 | buffer = { overflow = 'drop_neww' }
  |                       ^^^^^^^^^^^ help: did you mean `drop_new`?
",
    );
    refused(
        "[[actions]]\nrecord = {}\nbuffer = { max_age = '10 fortnights' }\nbatch = { size = 0 }",
        "
error[E403]: expected a number above 0 with one of the units `ms`, `s`, `m`, `h`, `d` for `max_age`, found the text `10 fortnights`
 --> rules/r.sql:4:22
  |
4 | buffer = { max_age = '10 fortnights' }
  |                      ^^^^^^^^^^^^^^^

error[E403]: expected an integer from 1 to 10000 for `size`, found 0
 --> rules/r.sql:5:18
  |
5 | batch = { size = 0 }
  |                  ^
",
    );
}

#[test]
fn what_the_kind_of_an_action_does_not_take_is_shown_at_its_place() {
    refused(
        "[[actions]]\nrecord = { topik = 'a' }",
        "
error[E406]: unknown option `topik`
 --> rules/r.sql:3:12
  |
3 | record = { topik = 'a' }
  |            ^^^^^ help: did you mean `topic`?
",
    );
    refused(
        "[[actions]]\nconnector = 'desk'\ntag = 5\n",
        "
error[E406]: expected text for `tag`
 --> rules/r.sql:4:7
  |
4 | tag = 5
  |       ^
",
    );
}

#[test]
fn a_template_is_checked_against_what_the_rule_selects() {
    refused(
        "[[actions]]\nrecord = { topic = \"a/${clientd}\" }",
        "
error[E302]: `${clientd}` names nothing that the rule selects
 --> rules/r.sql:3:23
  |
3 | record = { topic = \"a/${clientd}\" }
  |                       ^^^^^^^^^^ help: did you mean `clientid`?
",
    );
}

#[test]
fn the_template_of_an_order_is_checked_too() {
    refused(
        "[[actions]]\nrecord = {}\norder = '${devise}'",
        "
error[E302]: `${devise}` names nothing that the rule selects
 --> rules/r.sql:4:9
  |
4 | order = '${devise}'
  |         ^^^^^^^^^^^
",
    );
}

#[test]
fn an_action_needs_a_connector_or_a_kind() {
    const HELP: &str = "write `connector = \"name\"` with the options beside it, or a kind such as \
                        `republish = { topic = \"...\" }`";
    let found = check("r", &format!("/*---\n[[actions]]\nname = 'a'\n---*/ {SELECT}")).unwrap_err();
    assert!(found.contains("expected `connector` or a kind for the action, found neither"), "{found}");
    assert!(found.contains(HELP), "{found}");
    let found = check("r", &format!("/*---\n[[actions]]\ntopic = 'a'\n---*/ {SELECT}")).unwrap_err();
    assert!(found.contains("expected a table for the kind `topic`, found the text `a`"), "{found}");
    let found = check("r", &format!("/*---\n[[actions]]\nrecord = {{}}\nhttp = {{}}\n---*/ {SELECT}")).unwrap_err();
    assert!(found.contains("expected one kind for the action, found `http` beside it"), "{found}");
}

#[test]
fn names_of_actions_and_fallbacks_are_checked() {
    for (header, message) in [
        ("[[actions]]\nname = 'a'\nrecord = {}\n[[actions]]\nname = 'a'\nrecord = {}", "found `a` twice"),
        ("[[actions]]\nname = 'a b'\nrecord = {}", "found `a b`"),
        ("[[actions]]\nrecord = {}\nfallback = 'gone'", "no action `gone` in this rule to fall back to"),
        ("[[actions]]\nrecord = {}\nfallback = 'record'", "expected a fallback without a fallback of its own"),
    ] {
        let found = check("r", &format!("/*---\n{header}\n---*/ {SELECT}")).unwrap_err();
        assert!(found.contains(message), "{found}");
    }
    assert!(
        check("r", &format!("/*---\n[[actions]]\nrecord = {{}}\n[[actions]]\nrecord = {{}}\n---*/ {SELECT}")).is_ok()
    );
    assert!(check("a rule", SELECT).unwrap_err().contains("expected a file name of letters"));
}

#[test]
fn errors_in_the_sql_point_into_the_file_and_stand_beside_those_of_the_header() {
    let text = "/*---\nenabled = 1 # \u{e9}\n\n---*/\nSELECT reson FROM \"$events/client_disconnected\"";
    let expected = "
error[E403]: expected `true` or `false` for `enabled`, found the number 1
 --> rules/r.sql:2:11
  |
2 | enabled = 1 # \u{e9}
  |           ^

error[E103]: no field `reson` in `$events/client_disconnected`
 --> rules/r.sql:5:8
  |
5 | SELECT reson FROM \"$events/client_disconnected\"
  |        ^^^^^ help: did you mean `reason`?
";
    assert_eq!(check("r", text).unwrap_err(), expected.trim_start());
}

#[test]
fn a_test_has_to_name_fields_of_the_event_with_their_types() {
    refused(
        "[[tests]]\nname = 't'\nevent = { clientd = 'a' }\nexpect = []",
        "
error[E407]: no field `clientd` in `$events/client_connack`
 --> rules/r.sql:4:11
  |
4 | event = { clientd = 'a' }
  |           ^^^^^^^ help: did you mean `clientid`?
",
    );
    refused(
        "[[tests]]\nname = 't'\nevent = { success = 'no' }\nexpect = []",
        "
error[E407]: expected boolean for `success`, found text `\"no\"`
 --> rules/r.sql:4:21
  |
4 | event = { success = 'no' }
  |                     ^^^^
",
    );
}

#[test]
fn a_test_needs_a_name_and_one_expectation() {
    for (test, message) in [
        ("expect = []", "expected a `name`"),
        ("name = 't'", "expected exactly one of `expect`"),
        ("name = 't'\nexpect = []\nexpect_exact = []", "expected exactly one of `expect`"),
        (
            "name = 't'\nfrom = 'x'\nexpect = []",
            "expected one of `$events/client_connack`, as FROM has them, found `x`",
        ),
    ] {
        let found = check("r", &format!("/*---\n[[tests]]\n{test}\n---*/ {SELECT}")).unwrap_err();
        assert!(found.contains(message), "{found}");
    }
}

/// What the tests of a rule show: their names, with what differs.
fn run(text: &str) -> Vec<(String, Vec<String>)> {
    let rule = check("r", text).unwrap_or_else(|problems| panic!("{problems}"));
    let report = |report: TestReport| (report.name, report.differences.iter().map(ToString::to_string).collect());
    rule.tests().iter().map(|test| report(test.run(&rule))).collect()
}

#[test]
fn tests_of_a_rule_compare_what_they_name() {
    let found = run(r#"/*---
[[tests]]
name   = "a refused password is reported"
event  = { reason_code = "bad_username_or_password", success = false }
expect = [{ clientid = "pump-17", reason_code = "bad_username_or_password" }]

[[tests]]
name   = "a success is not"
event  = { success = true }
expect = []

[[tests]]
name   = "a user name may be missing"
event  = { username = { "$null" = true }, success = false }
expect = [{ username = { "$null" = true } }]

[[tests]]
name = "wrong on purpose"
event = { success = false }
expect = [{ clientid = "pump-18", reason_code = "success", gone = 1 }]

[[tests]]
name = "too few on purpose"
event = { success = false }
expect_exact = [{ clientid = "pump-17" }]

[[tests]]
name = "none expected on purpose"
event = { success = false, username = "u" }
expect = []
---*/
SELECT clientid, username, reason_code
FROM "$events/client_connack"
WHERE NOT success
"#);
    let expected: [(&str, &[&str]); 6] = [
        ("a refused password is reported", &[]),
        ("a success is not", &[]),
        ("a user name may be missing", &[]),
        (
            "wrong on purpose",
            &[r#"`clientid`: expected "pump-18", found "pump-17"; `gone`: expected 1, found no such field"#],
        ),
        (
            "too few on purpose",
            &[concat!(
                r#"`username`: expected no such field, found "plant"; "#,
                r#"`reason_code`: expected no such field, found "success""#,
            )],
        ),
        (
            "none expected on purpose",
            &[r#"row 1 was not expected: {"clientid":"pump-17","username":"u","reason_code":"success"}"#],
        ),
    ];
    for ((name, differences), (expected_name, expected)) in found.iter().zip(expected) {
        assert_eq!((name.as_str(), differences.as_slice()), (expected_name, expected.map_owned().as_slice()));
    }
    assert_eq!(found.len(), expected.len());
}

trait MapOwned {
    fn map_owned(&self) -> Vec<String>;
}

impl MapOwned for [&str] {
    fn map_owned(&self) -> Vec<String> {
        self.iter().map(|&text| text.to_owned()).collect()
    }
}

#[test]
fn tests_of_message_rules_take_payloads_as_tables_and_topics_from_the_filter() {
    let found = run(r#"/*---
[[tests]]
name   = "a hot sensor"
event  = { payload = { temp = 41, tags = ["a"] } }
expect = [{ topic = "plant/1/temp", temp = 41 }]

[[tests]]
name   = "a cold one, as text, under a topic of its own"
event  = { payload = '{"temp":3}', topic = "plant/9/temp" }
expect = []

[[tests]]
name   = "another source"
from   = "other/#"
event  = { payload = { temp = 50.0 } }
expect = [{ topic = "other/1", temp = 50 }]

[[tests]]
name = "a topic that FROM does not name, on purpose"
event = { topic = "elsewhere" }
expect = []
---*/
SELECT topic, payload.temp AS temp FROM "plant/+/temp", "other/#" WHERE payload.temp > 40
"#);
    let differences: Vec<usize> = found.iter().map(|(_, differences)| differences.len()).collect();
    assert_eq!(differences, [0, 0, 0, 1], "{found:?}");
}

#[test]
fn tests_can_expect_an_error() {
    let found = run(r#"/*---
[[tests]]
name = "text is not added up"
event = { payload = { temp = "x" } }
expect_error = "r.sql:11:"

[[tests]]
name = "but this is no error, on purpose"
event = { payload = { temp = 1 } }
expect_error = "anything"
---*/ SELECT payload.temp * 2 AS t FROM "a"
"#);
    assert_eq!(found[1].1, [r#"expected an error with `anything`, found 1 row: {"t":2}"#]);
    assert_eq!(found[0].1, Vec::<String>::new());
}

/// Pieces of rule files, right and wrong, to be put together in any order.
const PIECES: [&str; 24] = [
    "/*---\n",
    "---*/",
    "\n",
    "[[actions]]\n",
    "[[tests]]\n",
    "record = {",
    "}",
    "topic = \"${x}\\u00e9${\"",
    "tag = 'é'\n",
    "buffer = { max_len = 1, max_age = '1é' }\n",
    "batch = { size = -1 }\n",
    "name = 'é'\n",
    "event = { payload = { a = 1 } }\n",
    "event = { clientid = 1979-05-27 }\n",
    "expect = [{ a = 0xFFFFFFFFFFFFFFFFFF }]\n",
    "expect_exact = []\n",
    "from = 'a'\n",
    "connector = 'desk'\n",
    "fallback = 'record'\n",
    "\u{FEFF}",
    "SELECT payload.é, ",
    "clientid FROM ",
    "\"a/#\"",
    "'",
];

proptest::proptest! {
    #[test]
    fn no_text_makes_the_check_or_the_rendering_panic(
        pieces in proptest::collection::vec(proptest::sample::select(&PIECES), 0..20),
        tail in ".{0,20}",
    ) {
        let text = pieces.concat() + &tail;
        match check("r", &text) {
            Ok(rule) => rule.tests().iter().for_each(|test| drop(test.run(&rule))),
            Err(rendered) => proptest::prop_assert!(rendered.contains("--> rules/r.sql:"), "{rendered}"),
        }
    }
}

#[test]
fn a_rule_of_emqx_is_tested_as_emqx_has_its_events() {
    let text = r#"/*---
compat = "emqx"

[[tests]]
name   = "a refused client has the name of MQTT 5, and what is unknown is NULL"
event  = { reason_code = "banned", proto_ver = 4, expiry_interval = 7 }
expect = [{ reason_code = "banned", expiry_interval = 7000, mountpoint = { "$null" = true } }]
---*/
SELECT reason_code, expiry_interval, mountpoint FROM "$events/client/connack" WHERE reason_code != 'success'
"#;
    let rule = check("migrated", text).unwrap();
    let reports: Vec<TestReport> = rule.tests().iter().map(|test| test.run(&rule)).collect();
    assert!(reports.len() == 1 && reports[0].is_passed(), "{reports:?}");
    let told: Vec<&str> = rule.warnings().iter().map(|warning| warning.code).collect();
    assert_eq!(told, ["W010"]);
    let strict = check("strict", &text.replace("compat = \"emqx\"\n", "")).unwrap_err();
    assert!(strict.contains("no field `mountpoint`"), "{strict}");
    refused(
        "compat = 'vernemq'",
        "
error[E403]: expected `\"emqx\"` for `compat`, found `\"vernemq\"`
 --> rules/r.sql:2:10
  |
2 | compat = 'vernemq'
  |          ^^^^^^^^^
",
    );
}

#[test]
fn rules_that_wake_each_other_are_told_of_the_circle() {
    let rule = |id: &str, header: &str, from: &str| {
        let text = format!("/*---\n{header}\n---*/\nSELECT topic, payload, clientid FROM \"{from}\"\n");
        check(id, &text).unwrap()
    };
    let to = |topic: &str| format!("[[actions]]\nrecord = {{ topic = \"{topic}\" }}");
    let mut rules = [
        rule("a", &to("x/${clientid}"), "start/#"),
        rule("b", &to("y"), "x/+"),
        rule("c", &to("start/again"), "y"),
        rule("self", &to("copy/${topic}"), "copy/a/#"),
        rule("out", &to("nobody/listens"), "x/#"),
        rule("off", &format!("enabled = false\n{}", to("off")), "off"),
        rule("events", &to("$SYS/x"), "#"),
    ];
    engine::warn_of_loops(&mut rules);
    let told: Vec<String> = rules
        .iter()
        .flat_map(|rule| {
            rule.warnings().iter().map(|warning| format!("{} {}: {}", warning.code, rule.id(), warning.message))
        })
        .collect();
    assert_eq!(
        told,
        [
            "W401 a: a loop of rules: `a` republishes to `x/${clientid}`, which wakes `b`, which republishes to `y`, \
             which wakes `c`, which republishes to `start/again`, which wakes `a`",
            "W401 b: a loop of rules: `b` republishes to `y`, which wakes `c`, which republishes to `start/again`, \
             which wakes `a`, which republishes to `x/${clientid}`, which wakes `b`",
            "W401 c: a loop of rules: `c` republishes to `start/again`, which wakes `a`, which republishes to \
             `x/${clientid}`, which wakes `b`, which republishes to `y`, which wakes `c`",
            "W401 self: the rule wakes itself: it listens to what it republishes to `copy/${topic}`",
        ]
    );
    let shown = rules[3].source().render(rules[3].warnings());
    assert!(shown.contains("rules/self.sql:3:20"), "{shown}");
}

#[test]
fn a_long_circle_is_told_by_its_first_rules() {
    let len = 200;
    let rule = |at: usize| {
        let topic = (at + 1) % len;
        let text =
            format!("/*---\n[[actions]]\nrecord = {{ topic = \"t/{topic}\" }}\n---*/\nSELECT * FROM \"t/{at}\"\n");
        check(&format!("r{at}"), &text).unwrap()
    };
    let mut rules: Vec<_> = (0..len).map(rule).collect();
    engine::warn_of_loops(&mut rules);
    let [warning] = rules[0].warnings() else { panic!("{:?}", rules[0].warnings()) };
    assert!(
        warning.message.ends_with("`r8`, which republishes to `t/9`, and so on through 191 more rules to `r0`"),
        "{}",
        warning.message
    );
    assert!(rules.iter().all(|rule| rule.warnings().len() == 1));
}
