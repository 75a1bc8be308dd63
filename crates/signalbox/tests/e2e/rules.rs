//! The commands around rules.

use crate::commands::assert_done;
use crate::support::CONNACK_RULE;
use crate::support::server::Home;

#[test]
fn a_line_of_rules_eval_is_answered_while_the_input_stays_open() {
    let home = Home::new();
    let mut dialogue = home.dialogue(&["rules", "eval"]);
    for number in 1..4 {
        let line = format!(r#"{{"id":{number},"sql":"SELECT n FROM \"t\"","context":{{"topic":"t","n":{number}}}}}"#);
        let answer = dialogue.ask(&line);
        assert_eq!(answer, format!(r#"{{"id":{number},"outputs":[{{"n":{number}}}]}}"#));
    }
}

#[test]
fn numbers_of_a_context_keep_every_digit_and_its_columns_their_order() {
    let line = concat!(
        r#"{"id":{"a":[1]},"sql":"SELECT * FROM \"t\"","#,
        r#""context":{"z":123456789012345678901234567890,"topic":"t","a":1.50,"payload":{"k":[true,null]}}}"#
    );
    let finished = Home::new().run_with_input(&["rules", "eval"], line);
    let row = r#"{"z":123456789012345678901234567890,"topic":"t","a":1.5,"payload":{"k":[true,null]}}"#;
    assert_eq!(finished.stdout, format!("{{\"id\":{{\"a\":[1]}},\"outputs\":[{row}]}}\n"));
    assert_done(&finished);
}

#[test]
fn rules_eval_answers_line_by_line_and_in_order() {
    let home = Home::new();
    let input = concat!(
        r#"{"id":1,"sql":"SELECT payload.a AS x FROM \"t/#\"","context":{"topic":"t/1","payload":"{\"a\":5}"}}"#,
        "\n",
        r#"{"id":"two","sql":"SELECT * FROM \"t/#\" WHERE qos = 2","context":{"topic":"t/1","qos":1}}"#,
        "\n",
        r#"{"id":3,"sql":"SELECT nothing FROM","context":{}}"#,
        "\n",
        r#"{"id":4,"sql":"SELECT payload FROM \"t/#\"","context":{"topic":"t/1","payload_b64":"/w=="}}"#,
        "\n",
    );
    let finished = home.run_with_input(&["rules", "eval"], input);
    assert_done(&finished);
    let lines: Vec<serde_json::Value> =
        finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0], serde_json::json!({ "id": 1, "outputs": [{ "x": 5 }] }));
    assert_eq!(lines[1], serde_json::json!({ "id": "two", "no_match": true }));
    assert_eq!(lines[2]["id"], 3);
    assert!(lines[2]["error"]["code"].is_string() && lines[2]["error"]["span"].is_array(), "{}", lines[2]);
    assert_eq!(lines[3], serde_json::json!({ "id": 4, "outputs": [{ "payload": { "$b64": "/w==" } }] }));
}

#[test]
fn a_line_of_rules_eval_that_is_not_json_is_answered_and_the_next_one_too() {
    let input = concat!(
        "nonsense\n",
        r#"{"id":2,"sql":"SELECT 1 AS one FROM \"t\"","context":{"topic":"t"}}"#,
        "\n[1]\n",
        r#"{"id":4,"sql":5}"#,
        "\n",
        r#"{"id":5,"sql":"SELECT 1 AS one FROM \"t\"","context":[]}"#,
    );
    let finished = Home::new().run_with_input(&["rules", "eval"], input);
    let lines: Vec<serde_json::Value> =
        finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines[0]["error"]["message"].is_string());
    assert_eq!(lines[1]["outputs"][0]["one"], 1);
    let message = |at: usize| lines[at]["error"]["message"].as_str().unwrap();
    assert_eq!(message(0), "the line cannot be read: it is no JSON from byte 0 on");
    assert_eq!(message(2), "the line cannot be read: expected an object, found `[1]`");
    assert_eq!(message(3), "the line cannot be read: expected text at `sql`, found another type");
    assert_eq!(message(4), "`context`: expected an object, found `[]`");
    assert!(finished.stderr.contains("3 lines could not be read"), "{}", finished.stderr);
    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
}

#[test]
fn rules_test_runs_the_tests_of_the_files() {
    let tests = |expected: &str| {
        format!(
            "/*---\n[[actions]]\nrepublish = {{ topic = \"x\" }}\n\n[[tests]]\nname = \"a name\"\n\
             event = {{ clientid = \"c\" }}\nexpect = [{{ clientid = \"{expected}\" }}]\n---*/\n\
             SELECT clientid FROM \"$events/client_connack\"\n"
        )
    };
    let home = Home::new().with_rule("good", &tests("c"));
    let passed = home.run(&["rules", "test"]);
    assert_done(&passed);
    assert!(passed.stdout.contains("1 test"), "{}", passed.stdout);

    home.write("rules/bad.sql", &tests("d"));
    let failed = home.run(&["rules", "test"]);
    assert_eq!(failed.code, Some(1), "{}\n{}", failed.stdout, failed.stderr);
    assert!(failed.stdout.contains("bad") && failed.stdout.contains("a name"), "{}", failed.stdout);

    let json = home.run(&["rules", "test", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((report["passed"].as_u64(), report["failed"].as_u64()), (Some(1), Some(1)), "{report}");
}

#[test]
fn rules_check_is_content_with_good_rules() {
    let home = Home::new().with_rule("connack", CONNACK_RULE);
    let checked = home.run(&["rules", "check"]);
    assert_done(&checked);
    assert!(checked.stdout.contains("connack"), "{}", checked.stdout);
}
