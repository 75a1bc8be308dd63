//! The commands around rules.

use roxmltree::Node;

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
fn rules_explain_keeps_every_digit_and_every_level_for_programs_as_for_people() {
    let rule = "SELECT payload.n + 1 AS n, [[payload.deep]] AS deep FROM \"t\" WHERE payload.n > 1\n";
    let home = Home::new().with_rule("exact", rule);
    let (large, deep) = ("123456789012345678901234567890", format!("{}{}", "[".repeat(120), "]".repeat(120)));
    let event = format!(r#"{{"topic":"t","payload":"{{\"n\":{large},\"deep\":{deep}}}"}}"#);
    let explain = |flags: &[&str]| {
        let explained = home.run_with_input(&[&["rules", "explain", "exact", "--event", "-"], flags].concat(), &event);
        assert_done(&explained);
        explained.stdout
    };
    let row = format!(r#""rows":[{{"n":123456789012345678901234567891,"deep":[[{deep}]]}}]"#);
    let json = explain(&["--json"]);
    assert!(json.contains(&row) && json.contains(&format!(r#""type":"integer","value":{large}"#)), "{json}");
    assert!(explain(&[]).contains("123456789012345678901234567891"));
}

#[test]
fn rules_explain_shows_a_rule_written_for_emqx_what_emqx_has() {
    let rule = concat!(
        "/*---\ncompat = \"emqx\"\n---*/\nSELECT reason AS why FROM \"$events/client_disconnected\" ",
        "WHERE reason = 'frame_error'\n"
    );
    let home = Home::new().with_rule("theirs", rule);
    let explain = |event: &str| {
        let explained = home.run_with_input(&["rules", "explain", "theirs", "--event", "-", "--json"], event);
        serde_json::from_str::<serde_json::Value>(&explained.stdout).unwrap()
    };
    let told = explain(r#"{"reason":"malformed_packet","initiator":"broker"}"#);
    assert_eq!(told["rows"], serde_json::json!([{ "why": "frame_error" }]), "{told}");
    assert_eq!(told["where"]["steps"][0]["value"], "frame_error", "{told}");
    let told = explain(r#"{"reason":"takeovered"}"#);
    assert_eq!((&told["result"], &told["where"]["steps"][0]["value"]), (&"no_match".into(), &"takenover".into()));
    let told = explain(r#"{"reason":"malformed_packet","initiator":"broker","connected_at":null}"#);
    let why = told["why"].to_string();
    assert!(why.contains("EMQX has no event where a connection was never accepted"), "{told}");
    // The words of a context are those of whoever wrote it, with a header or without.
    let line = |sql: &str| serde_json::json!({ "sql": sql, "context": { "event": "client.disconnected", "reason": "frame_error" } });
    let lines = [line(rule), line(rule.split_once("---*/").unwrap().1)].map(|line| line.to_string()).join("\n");
    let evaluated = home.run_with_input(&["rules", "eval"], &lines);
    assert_eq!(evaluated.stdout.matches(r#""outputs":[{"why":"frame_error"}]"#).count(), 2, "{}", evaluated.stdout);
}

#[test]
fn bytes_that_are_no_text_are_given_to_every_command_in_the_same_ways() {
    let rule = |event: &str| {
        format!(
            "/*---\n[[tests]]\nname = \"bytes\"\nevent = {{ topic = \"t\", {event} }}\n\
             expect = [{{ n = 2, payload = {{ \"$b64\" = \"AP8=\" }} }}]\n---*/\n\
             SELECT bytesize(payload) AS n, payload FROM \"t\"\n"
        )
    };
    let home = Home::new();
    let answer = r#"{"n":2,"payload":{"$b64":"AP8="}}"#;
    for event in [r#""payload_b64": "AP8=""#, r#""payload": {"$b64": "AP8="}"#] {
        home.write("rules/bytes.sql", &rule(&event.replace("\": ", "\" = ")));
        assert_done(&home.run(&["rules", "test"]));
        let event = format!(r#"{{"topic":"t",{event}}}"#);
        let explained = home.run_with_input(&["rules", "explain", "bytes", "--event", "-", "--json"], &event);
        assert!(explained.stdout.contains(answer), "{}", explained.stdout);
        let line = format!(r#"{{"id":1,"sql":"SELECT bytesize(payload) AS n, payload FROM \"t\"","context":{event}}}"#);
        let evaluated = home.run_with_input(&["rules", "eval"], &line);
        assert_eq!(evaluated.stdout, format!("{{\"id\":1,\"outputs\":[{answer}]}}\n"));
    }
    home.write("rules/bytes.sql", &rule("payload_b64 = \"?\""));
    let refused = home.run(&["rules", "test"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    let told = "`payload_b64`: expected base64, found `\"?\"`";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
    let refused = home.run_with_input(&["rules", "explain", "bytes", "--event", "-"], r#"{"payload_b64":"?"}"#);
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
}

#[test]
fn nothing_of_an_event_reaches_the_terminal_as_more_than_text() {
    let rule = "/*---\n[[actions]]\nrepublish = { topic = \"o\", payload = \"first\\nthen ${payload}\" }\n---*/\n";
    let home = Home::new().with_rule("body", &format!("{rule}SELECT payload FROM \"t\"\n"));
    let event = r#"{"topic":"t","payload":"a\u001b[2J\u009b\nb"}"#;
    let explained = home.run_with_input(&["rules", "explain", "body", "--event", "-"], event);
    assert_done(&explained);
    assert!(!explained.stdout.contains(|c: char| c.is_control() && c != '\n'), "{:?}", explained.stdout);
    for said in
        [r"  payload  'a\u{1b}[2J\u{9b}\nb'", "  payload  first\n           then a\\u{1b}[2J\\u{9b}\n           b\n"]
    {
        assert!(explained.stdout.contains(said), "{said}: {}", explained.stdout);
    }
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
    home.write("rules/each.sql", "FOREACH payload.l AS x DO abs(x) AS a FROM \"t\"\n");
    let fails = home
        .run_with_input(&["rules", "explain", "each", "--event", "-"], r#"{"topic":"t","payload":{"l":[1,"a",2]}}"#);
    assert_eq!(fails.code, Some(1), "{}", fails.stderr);
    assert!(fails.stdout.contains("the rule fails on element 2: 'a'\nerror[E501]: "), "{}", fails.stdout);
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
        "/*---\n[[tests]]\nname = \"a <test> & \\\"more\\\" \u{1b}\"\nexpect = [{ n = \"]]>\" }]\n\n",
        "[[tests]]\nname = \"right\"\nexpect = [{ n = 1 }]\n---*/\nSELECT 1 AS n FROM \"t\"\n"
    );
    let right = "/*---\n[[tests]]\nname = \"right\"\nexpect = [{ n = 1 }]\n---*/\nSELECT 1 AS n FROM \"t\"\n";
    let home = Home::new().with_rule("one", &rule.replace('\u{1b}', "\\u001B")).with_rule("two", right);
    home.write("rules/untested.sql", "SELECT 1 AS n FROM \"t\"\n");
    assert_eq!(home.run(&["rules", "test", "--junit", "report.xml"]).code, Some(1));
    let text = std::fs::read_to_string(home.path().join("report.xml")).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let root = document.root_element();
    assert_is_junit(root);

    let suites: Vec<_> = root.children().filter(Node::is_element).collect();
    assert_eq!(counts(root), [3, 1, 0], "{text}");
    assert_eq!(suites.iter().map(|suite| counts(*suite)).collect::<Vec<_>>(), [[2, 1, 0], [1, 0, 0]], "{text}");
    assert!(suites[0].attribute("name").unwrap().ends_with("one.sql"), "{text}");
    let failure = document.descendants().find(|node| node.has_tag_name("failure")).unwrap();
    let case = failure.parent().unwrap();
    assert_eq!(
        (case.attribute("name"), case.attribute("classname")),
        (Some("a <test> & \"more\" \u{FFFD}"), Some("one"))
    );
    assert_eq!(failure.attribute("message"), Some("`n`: expected \"]]>\", found 1"));
    assert!(failure.text().unwrap().contains("  - n  \"]]>\"\n  + n  1"), "{text}");
}

#[test]
fn a_report_without_tests_has_no_suites() {
    let home = Home::new().with_rule("untested", "SELECT 1 AS n FROM \"t\"\n");
    assert_done(&home.run(&["rules", "test", "--junit", "report.xml"]));
    let text = std::fs::read_to_string(home.path().join("report.xml")).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    assert_is_junit(document.root_element());
    let elements = document.descendants().filter(Node::is_element).count();
    assert_eq!((counts(document.root_element()), elements), ([0, 0, 0], 1), "{text}");
    let unwritten = home.run(&["rules", "test", "--junit", "nowhere/report.xml"]);
    assert_eq!(unwritten.code, Some(2));
    assert!(unwritten.stdout.contains("0 tests"), "what was found is told all the same: {}", unwritten.stdout);
}

/// The elements of a report with the attributes that the schema of Jenkins (`junit-10.xsd`) has for them, as far as we
/// write such; the first ones are required.
const JUNIT: [(&str, &str, usize, &[&str]); 4] = [
    ("testsuites", "", 0, &["name", "tests", "failures", "errors", "time"]),
    ("testsuite", "testsuites", 2, &["name", "tests", "failures", "errors", "skipped", "time"]),
    ("testcase", "testsuite", 1, &["name", "classname", "file", "time"]),
    ("failure", "testcase", 0, &["message", "type"]),
];

/// Whether every element stands where it may, has the attributes that it may have, and counts what is in it.
fn assert_is_junit(root: Node<'_, '_>) {
    for node in root.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        let (_, parent, required, attributes) = JUNIT.iter().find(|(known, ..)| *known == name).expect(name);
        assert_eq!(node.parent_element().map_or("", |parent| parent.tag_name().name()), *parent);
        let found: Vec<&str> = node.attributes().map(|attribute| attribute.name()).collect();
        assert!(found.iter().all(|name| attributes.contains(name)), "{name}: {found:?}");
        assert!(attributes.iter().take(*required).all(|name| found.contains(name)), "{name}: {found:?}");
        let inside = |wanted: &str| node.descendants().filter(|inner| inner.has_tag_name(wanted)).count();
        if node.has_attribute("tests") {
            assert_eq!(counts(node), [inside("testcase"), inside("failure"), 0], "{name}");
        }
        if let Some(time) = node.attribute("time") {
            assert!(time.parse::<f64>().unwrap() >= 0.0, "{name}: {time}");
        }
    }
}

/// What an element says of its tests, its failures and its errors.
fn counts(node: Node<'_, '_>) -> [usize; 3] {
    ["tests", "failures", "errors"].map(|name| node.attribute(name).unwrap().parse().unwrap())
}
