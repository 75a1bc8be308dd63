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

/// A rule with a condition over two kinds of operands.
const HOT: &str = r#"/*---
[[actions]]
republish = { topic = "hot/${clientid}/${temp}" }
---*/
SELECT clientid, payload.temp AS temp FROM "plant/#" WHERE payload.temp > 30 AND username = 'ops'
"#;

#[test]
fn rules_explain_says_why_a_rule_does_not_match() {
    let home = Home::new().with_rule("hot", HOT);
    let event = r#"{"topic":"plant/1","payload":"{\"tmp\":31}"}"#;
    let explained = home.run_with_input(&["rules", "explain", "hot", "--event", "-"], event);
    assert_eq!(explained.code, Some(1), "{}", explained.stderr);
    for said in [
        "\"plant/#\"  matches",
        "├─ payload.temp > 30",
        "<- decides",
        "NULL  `payload` has no key `temp`; did you mean `tmp`?",
        "└─ username = 'ops'",
        "not evaluated",
        "not given, so as in the sample: clientid, username",
    ] {
        assert!(explained.stdout.contains(said), "{said}: {}", explained.stdout);
    }
}

#[test]
fn rules_explain_shows_the_row_and_what_the_actions_would_send() {
    let home = Home::new().with_rule("hot", HOT);
    home.write("event.json", r#"{"topic":"plant/1","clientid":"c9","username":"ops","payload":{"temp":31.5}}"#);
    let file = home.path().join("rules/hot.sql");
    let explained = home.run(&["rules", "explain", file.to_str().unwrap(), "--event", "event.json"]);
    assert_done(&explained);
    for said in ["row 1", "temp      31.5  from payload.temp", "action `republish` would send", "topic    hot/c9/31.5"]
    {
        assert!(explained.stdout.contains(said), "{said}: {}", explained.stdout);
    }
    let json = home.run(&["rules", "explain", "hot", "--event", "event.json", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(told["rows"], serde_json::json!([{ "clientid": "c9", "temp": 31.5 }]));
    assert_eq!(told["where"]["steps"][0]["steps"][0]["value"], 31.5);
    assert_eq!(told["actions"][0]["parts"][0]["value"], "hot/c9/31.5");
    let null = home.run_with_input(
        &["rules", "explain", "hot", "--event", "-", "--json"],
        r#"{"topic":"plant/1","username":"ops","payload":{"temp":"x"}}"#,
    );
    assert_eq!(null.code, Some(1));
    assert!(null.stdout.contains("not comparable"), "{}", null.stdout);
}

#[test]
fn rules_explain_answers_every_event_and_refuses_what_is_none() {
    let home = Home::new().with_rule("hot", HOT);
    let events = concat!(
        r#"{"topic":"plant/1","username":"ops","payload":{"temp":31}}"#,
        "\n",
        r#"{"event":"client.connack"}"#,
        "\n"
    );
    let explained = home.run_with_input(&["rules", "explain", "hot", "--event", "-", "--json"], events);
    let results: Vec<String> = explained
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["result"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((results, explained.code), (vec!["rows".to_owned(), "no_match".to_owned()], Some(1)));
    for (arguments, input, message) in [
        (["hot", "-"], r#"{"usernam":"x"}"#, "no field `usernam` in `message.publish`; did you mean `username`?"),
        (["hot", "-"], "nonsense", "the file is no JSON from byte 0 on"),
        (["hot", "gone.json"], "", "`gone.json`: the events cannot be read"),
        (["ho", "-"], "", "did you mean `hot`?"),
    ] {
        let refused = home.run_with_input(&["rules", "explain", arguments[0], "--event", arguments[1]], input);
        assert_eq!(refused.code, Some(2), "{}", refused.stdout);
        assert!(refused.stderr.contains(message), "{message}: {}", refused.stderr);
    }
}

#[test]
fn rules_test_shows_what_differs_and_why_there_is_no_row() {
    let tests = |expect: &str| {
        format!(
            "/*---\n[[tests]]\nname = \"a <test>\"\nevent = {{ topic = \"plant/1\", payload = {{ temp = 20, unit = \"c\" }} }}\n\
         expect = {expect}\n---*/\nSELECT payload.temp AS temp, payload.unit AS unit FROM \"plant/#\" WHERE payload.temp > LIMIT\n"
        )
    };
    let home = Home::new().with_rule("differs", &tests("[{ temp = 21, unit = \"c\" }]").replace("LIMIT", "5"));
    let found = home.run(&["rules", "test"]);
    assert_eq!(found.code, Some(1));
    for said in ["row 1 differs", "  - temp  21", "  + temp  20", "    unit  \"c\"", "1 test: 0 passed, 1 failed"] {
        assert!(found.stdout.contains(said), "{said}: {}", found.stdout);
    }
    home.write("rules/differs.sql", &tests("[{ temp = 20 }]").replace("LIMIT", "30"));
    home.write("rules/plain.sql", "SELECT clientid FROM \"plant/#\"\n");
    let found = home.run(&["rules", "test"]);
    let why = "no row, because WHERE: `payload.temp > 30` is false: `payload.temp` is 20";
    for said in ["expected row 1 is missing", "  - temp  20", why, "plain.sql: no tests"] {
        assert!(found.stdout.contains(said), "{said}: {}", found.stdout);
    }
    let none = home.run(&["rules", "test", "--rule", "plain", "--name", "x"]);
    assert_eq!(none.code, Some(2), "{}", none.stderr);
}

#[test]
fn rules_test_writes_a_report_that_ci_systems_read() {
    let rule = concat!(
        "/*---\n[[tests]]\nname = \"a <test> & \\\"more\\\"\"\nexpect = [{ n = 2 }]\n\n",
        "[[tests]]\nname = \"right\"\nexpect = [{ n = 1 }]\n---*/\nSELECT 1 AS n FROM \"t\"\n"
    );
    let home = Home::new().with_rule("one", rule).with_rule("two", "SELECT 1 AS n FROM \"t\"\n");
    assert_eq!(home.run(&["rules", "test", "--junit", "report.xml"]).code, Some(1));
    let report = std::fs::read_to_string(home.path().join("report.xml")).unwrap();
    for said in [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"signalbox rules test\" tests=\"2\" failures=\"1\"",
        "one.sql\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\" time=\"",
        "<testcase name=\"a &lt;test&gt; &amp; &quot;more&quot;\" classname=\"one\" file=\"",
        "<failure message=\"`n`: expected 2, found 1\" type=\"difference\">",
        "two.sql\" tests=\"0\"",
    ] {
        assert!(report.contains(said), "{said}: {report}");
    }
    let opened = |tag: &str| report.matches(&format!("<{tag} ")).count();
    let closed = |tag: &str| report.matches(&format!("</{tag}>")).count();
    assert_eq!((opened("testsuite"), closed("testsuite"), closed("testsuites")), (2, 2, 1));
    assert_eq!((opened("testcase"), closed("testcase"), report.matches("/>").count()), (2, 1, 1));
}
