//! `jq` in rules: programs that never end or take all memory are stopped, and all else goes on.

use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::client::{Subscriber, mosquitto_pub};
use crate::support::server::Home;

/// What `rules eval` answers to calls of `jq`, the program over an input.
fn eval(calls: &[&str]) -> Vec<Value> {
    let lines = calls.iter().map(|call| {
        json!({ "sql": format!("SELECT {call} AS x FROM \"t\""), "context": { "topic": "t" } }).to_string()
    });
    let finished = Home::new().run_with_input(&["rules", "eval"], &lines.collect::<Vec<_>>().join("\n"));
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_program_without_an_end_is_stopped_and_the_next_one_runs() {
    let answers = eval(&[
        "jq('def f: f; f', 'null', 200)",
        "jq('.a', '{\"a\":1}')",
        "jq('[limit(3; repeat(.))]', '0')",
        "jq('range(1e12) | empty', 'null', 200)",
    ]);
    assert_eq!(answers[0]["error"]["code"], "E504", "{}", answers[0]);
    assert_eq!(answers[0]["error"]["message"], "`jq` takes longer than 200 ms");
    assert_eq!(answers[1]["outputs"], json!([{ "x": [1] }]));
    assert_eq!(answers[2]["outputs"], json!([{ "x": [[0, 0, 0]] }]));
    assert_eq!(answers[3]["error"]["code"], "E504", "{}", answers[3]);
}

#[test]
fn a_program_that_takes_all_memory_or_recurses_for_ever_ends_alone() {
    let answers = eval(&[
        "jq('\"x\" * 1000000000', 'null')",
        "jq('[range(1e9)]', 'null')",
        "jq('def f: 1 + f; f', 'null')",
        "jq('reduce range(100) as $i (\"x\"; . + .)', 'null')",
        "jq('\"alive\"', 'null')",
    ]);
    for answer in &answers[..4] {
        assert_eq!(answer["error"]["code"], "E505", "{answer}");
        assert_eq!(answer["error"]["message"], "`jq` takes more than 64 MiB, or recurses too deep");
    }
    assert_eq!(answers[4]["outputs"], json!([{ "x": ["alive"] }]));
}

#[test]
fn a_program_sees_no_environment_and_says_what_is_wrong_with_it() {
    let answers =
        eval(&["jq('env', 'null')", "jq('.a.b', '[1]')", "jq('.[', '[1]')", "jq('halt', '1')", "jq('1', '2')"]);
    for answer in &answers[..4] {
        assert_eq!(answer["error"]["code"], "E506", "{answer}");
    }
    assert_eq!(answers[4]["outputs"], json!([{ "x": [1] }]));
}

#[test]
fn a_process_that_was_killed_while_it_was_idle_is_no_fault_of_the_next_call() {
    let home = Home::new();
    let mut dialogue = home.dialogue(&["rules", "eval"]);
    let line = r#"{"id":1,"sql":"SELECT jq('.[0]', '[7]') AS x FROM \"t\"","context":{"topic":"t"}}"#;
    let answer = r#"{"id":1,"outputs":[{"x":[7]}]}"#;
    assert_eq!(dialogue.ask(line), answer);
    let [first] = dialogue.children()[..] else { panic!("one process answers all calls") };
    assert_eq!(dialogue.ask(line), answer);
    assert_eq!(dialogue.children(), [first]);
    assert!(Command::new("kill").args(["-9", &first.to_string()]).status().unwrap().success());
    let deadline = Instant::now() + PATIENCE;
    while !dialogue.children().is_empty() {
        assert!(Instant::now() < deadline, "the process lives on");
        std::thread::yield_now();
    }
    assert_eq!(dialogue.ask(line), answer);
    assert_ne!(dialogue.children(), [first]);
}

const RULE: &str = r#"/*---
[[actions]]
republish = { topic = "out/${kind}" }
---*/
SELECT payload.kind AS kind, jq(payload.program, '[1,2,3]') AS outputs FROM "in"
"#;

#[test]
fn without_leave_of_the_operator_a_rule_that_calls_jq_is_refused() {
    let home = Home::new().with_rule("jq", RULE);
    let refused = home.run(&["rules", "check"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    assert!(refused.stderr.contains("error[E120]: the function `jq` is switched off"), "{}", refused.stderr);
    assert!(refused.stderr.contains("set `enabled = true` in `[rules.jq]`"), "{}", refused.stderr);
    let allowed = home.with_config("[rules.jq]\nenabled = true\n").run(&["rules", "check"]);
    assert_eq!(allowed.code, Some(0), "{}", allowed.stderr);
}

#[tokio::test]
async fn the_broker_goes_on_while_a_rule_hangs_in_jq() {
    let home = Home::new().with_rule("jq", RULE).with_config("[rules.jq]\nenabled = true\ntimeout_ms = 300\n");
    let mut server = home.serve();
    let mut sub = Subscriber::start(&server, "sub", "out/#").await;
    let publish = |payload: &str| {
        let (published, said) = mosquitto_pub(&server, &["-t", "in", "-m", payload]);
        assert!(published, "{said}");
    };
    publish(r#"{"kind":"hangs","program":"def f: f; f"}"#);
    publish(r#"{"kind":"ends","program":"map(. * 2)"}"#);
    let message = sub.next().await;
    assert_eq!(message.topic, "out/ends");
    assert_eq!(message.json()["outputs"], json!([[2, 4, 6]]));
    server.wait_for_log("`jq` takes longer than 300 ms");
}
