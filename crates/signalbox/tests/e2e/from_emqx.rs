//! Rules of an EMQX, looked at and taken over.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::commands::assert_done;
use crate::support::server::{Finished, Home};

/// A configuration with twelve rules and what they use.
const CLUSTER: &str = include_str!("emqx/cluster.hocon");

/// The answer of `GET /api/v5/rules`: rules without the settings of their actions.
const RULES: &str = include_str!("emqx/rules.json");

fn told(home: &Home, file: &str) -> Value {
    let checked = home.run(&["rules", "check", "--from-emqx", file, "--json"]);
    assert_eq!(checked.code, Some(1), "{}", checked.stderr);
    serde_json::from_str(&checked.stdout).unwrap()
}

fn rule<'t>(told: &'t Value, id: &str) -> &'t Value {
    told["rules"].as_array().unwrap().iter().find(|rule| rule["id"] == id).unwrap()
}

fn keys(rule: &Value) -> Vec<&str> {
    rule["differences"].as_array().unwrap().iter().map(|difference| difference["key"].as_str().unwrap()).collect()
}

#[test]
fn every_rule_is_told_to_work_to_differ_or_to_fail() {
    let home = Home::new();
    home.write("cluster.hocon", CLUSTER);
    let told = told(&home, "cluster.hocon");
    let verdicts: Vec<(&str, &str)> = told["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| (rule["id"].as_str().unwrap(), rule["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("broken_filter", "fails"),
            ("connack_to_hook", "works"),
            ("disconnects", "works"),
            ("everything_again", "works"),
            ("hot_readings", "differs"),
            ("look_ahead", "fails"),
            ("quoted_text", "differs"),
            ("sensors_each", "differs"),
            ("sensors_unnamed", "differs"),
            ("to_fleet_db", "differs"),
            ("to_kafka", "lacks_action"),
            ("typo", "fails"),
        ]
    );
    assert_eq!(told["summary"], json!({ "works": 3, "differs": 5, "lacks_action": 1, "fails": 3 }));
    assert_eq!(keys(rule(&told, "sensors_unnamed")), ["null.payload", "evaluating.foreach_unnamed"]);
    assert_eq!(rule(&told, "typo")["diagnostics"][0]["code"], "E101");
    assert_eq!(rule(&told, "quoted_text")["diagnostics"][0]["span"], json!([43, 51]));
    let kafka = &rule(&told, "to_kafka")["actions"];
    assert_eq!((&kafka[0]["there"], &kafka[1]["there"]), (&json!("no"), &json!("yes")));
    let connectors = told["connectors"].as_str().unwrap();
    assert!(connectors.contains("url = \"postgres://signalbox@db.example.com:5432/fleet\""), "{connectors}");
    assert!(!connectors.contains("pa55word") && !connectors.contains("s3cret"), "{connectors}");
}

#[test]
fn the_answer_of_the_api_is_read_and_misses_the_settings_of_actions() {
    let home = Home::new();
    home.write("rules.json", RULES);
    let told = told(&home, "rules.json");
    assert_eq!(rule(&told, "rule_p1")["verdict"], "works");
    let second = rule(&told, "rule:p2");
    assert_eq!(second["verdict"], "lacks_action");
    for key in ["evaluating.index", "null.plus", "evaluating.unnamed", "evaluating.message_functions", "comparing.in"] {
        assert!(keys(second).contains(&key), "{key}: {second}");
    }
    assert_eq!(second["actions"][0]["there"], "not in the export");
    let shown = home.run(&["rules", "check", "--from-emqx", "rules.json"]);
    let place = "^^^^^ EMQX: a name made of the time; here: its text";
    let summary = "2 rules: 1 works, 1 works but for an action; 2 actions: 1 works, 1 does not work";
    for said in [place, "rule:p2: works, with differences, but nothing is known of its action `http:hook`", summary] {
        assert!(shown.stdout.contains(said), "{said}: {}", shown.stdout);
    }
}

#[test]
fn rules_that_work_become_rule_files_that_are_right_and_overwrite_nothing() {
    let home = Home::new().with_config(concat!(
        "[connectors.ops]\nkind = \"http\"\nurl = \"https://ops.example.com/mqtt\"\n\n",
        "[connectors.fleet]\nkind = \"postgres\"\nurl = \"postgres://signalbox@db.example.com:5432/fleet\"\n"
    ));
    home.write("cluster.hocon", CLUSTER);
    let written = home.run(&["rules", "check", "--from-emqx", "cluster.hocon", "--write", "taken"]);
    assert_eq!(written.code, Some(1), "{}", written.stderr);
    let text = std::fs::read_to_string(home.path().join("taken/disconnects.sql")).unwrap();
    let begins = "/*---\ncompat = \"emqx\"\n\n[[actions]]\nrepublish = { topic = \"gone/${clientid}\"";
    assert!(text.starts_with(begins) && text.contains(r#""list":"${$}{l[1]}""#), "{text}");
    let kafka = std::fs::read_to_string(home.path().join("taken/to_kafka.sql")).unwrap();
    assert!(kafka.contains("enabled = false") && kafka.contains("# not translated: kafka_producer:stream"), "{kafka}");
    assert!(!home.path().join("taken/typo.sql").exists());
    assert_done(&home.run(&["rules", "check", "taken"]));

    std::fs::write(home.path().join("taken/disconnects.sql"), "mine").unwrap();
    let again = home.run(&["rules", "check", "--from-emqx", "cluster.hocon", "--write", "taken"]);
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("9 files were there already"), "{}", again.stderr);
    assert_eq!(std::fs::read_to_string(home.path().join("taken/disconnects.sql")).unwrap(), "mine");
}

#[test]
fn the_archive_of_a_data_export_is_read() {
    let home = Home::new();
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, text) in [("META.hocon", "version = 6"), ("cluster.hocon", CLUSTER)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len().try_into().unwrap());
        archive.append_data(&mut header, format!("emqx-export-2026-11-22/{name}"), text.as_bytes()).unwrap();
    }
    let bytes = archive.into_inner().unwrap().finish().unwrap();
    let mut file = std::fs::File::create(home.path().join("export.tar.gz")).unwrap();
    file.write_all(&bytes).unwrap();
    assert_eq!(
        told(&home, "export.tar.gz")["summary"],
        json!({ "works": 3, "differs": 5, "lacks_action": 1, "fails": 3 })
    );
}

#[test]
fn what_is_no_export_is_refused_with_what_was_expected() {
    let home = Home::new();
    for (text, message) in [
        ("{\"data\": []}", "there are no rules in it"),
        ("a = ${b}", "line 1: `${` stands for a value that is not in the file"),
        ("[{\"id\": \"a\"}]", "rule `a`: expected text at `sql`"),
    ] {
        let refused = home.run_with_input(&["rules", "check", "--from-emqx", "-"], text);
        assert_eq!(refused.code, Some(2), "{}", refused.stdout);
        assert!(refused.stderr.contains(message), "{message}: {}", refused.stderr);
    }
    assert_eq!(home.run(&["rules", "check", "--write", "x"]).code, Some(2));
}

#[test]
fn what_is_wrong_with_a_connector_is_told_and_names_do_nothing_to_the_terminal() {
    let home = Home::new();
    let export = r#"{
        "rules": [{ "id": "r\u001b[31m", "sql": "SELECT clientid FROM \"t\"", "actions": ["http:h", "k\u001b]0;x\u0007:\u009b1m"] }],
        "actions": { "http": { "h": { "connector": "ops\u001b[2J", "parameters": {} } } },
        "connectors": { "http": { "ops\u001b[2J": { "url": "gopher://h", "headers": { "a b": "1" } } } }
    }"#;
    let told = home.run_with_input(&["rules", "check", "--from-emqx", "-"], export);
    assert_eq!(told.code, Some(1), "{}", told.stderr);
    assert!(!told.stdout.contains(|c: char| c.is_control() && c != '\n'), "{:?}", told.stdout);
    for said in [
        r"r\u{1b}[31m: works, but not its actions `http:h`, `k\u{1b}]0;x\u{7}:\u{9b}1m`",
        r"action http:h: does not work",
        r"connector `ops\u{1b}[2J.url`: ",
        "gopher",
        r"connector `ops\u{1b}[2J.headers.a b`: ",
    ] {
        assert!(told.stdout.contains(said), "{said}: {}", told.stdout);
    }
    assert!(!told.stdout.contains("no connector"), "{}", told.stdout);
}

/// Actions of many kinds, with connectors as EMQX 5.8 writes them, and bridges as 5.0 did.
const ACTIONS: &str = include_str!("emqx/actions.hocon");

#[test]
fn of_every_kind_of_action_is_told_what_becomes_of_it() {
    let home = Home::new();
    home.write("actions.hocon", ACTIONS);
    let told = told(&home, "actions.hocon");
    let all = rule(&told, "everywhere")["actions"].as_array().unwrap();
    let outcomes: Vec<(&str, &str, &str)> = all
        .iter()
        .map(|action| (&action["id"], &action["there"], &action["verdict"]))
        .map(|(id, there, verdict)| (id.as_str().unwrap(), there.as_str().unwrap(), verdict.as_str().unwrap()))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("http:hook", "yes", "differs"),
            ("http:status", "yes", "differs"),
            ("http:nowhere", "not in the export", "fails"),
            ("mqtt:out", "yes", "differs"),
            ("pgsql:meters", "yes", "differs"),
            ("timescale:series", "yes", "differs"),
            ("redis:last", "no", "fails"),
            ("kafka_producer:stream", "no", "fails"),
            ("webhook:old", "yes", "differs"),
        ]
    );
    assert_eq!(told["summary"], json!({ "works": 1, "differs": 1, "lacks_action": 1, "fails": 1 }));
    let notes = |at: usize| all[at]["notes"].to_string();
    assert!(notes(0).contains("oauth2: ") && notes(0).contains("fallback_actions: "), "{}", notes(0));
    assert!(notes(1).contains("the action is switched off"), "{}", notes(1));
    assert!(notes(4).contains("`/etc/emqx/ca.pem` belong into `ca_pem`"), "{}", notes(4));
    assert!(!told.to_string().contains("s3cret"), "{told}");
}

#[test]
fn rule_files_and_the_connectors_that_are_printed_fit_each_other() {
    let home = Home::new();
    home.write("actions.hocon", ACTIONS);
    let told = told(&home, "actions.hocon");
    assert_eq!(home.run(&["rules", "check", "--from-emqx", "actions.hocon", "--write", "taken"]).code, Some(1));
    let home = home.with_config(told["connectors"].as_str().unwrap());
    let mut check = home.command(&["rules", "check", "taken"]);
    for variable in ["HOOKS_X_API_KEY", "PLANT_PGSQL_PASSWORD", "OLD_TOKEN"] {
        check.env(variable, "x");
    }
    let checked = Finished::of(check.output().unwrap());
    assert_done(&checked);
    assert_eq!(checked.stdout.lines().count(), 3, "{}", checked.stdout);
    let written = std::fs::read_to_string(home.path().join("taken/everywhere.sql")).unwrap();
    for said in [
        "connector = \"plant_pgsql\"\nsql = ",
        "connector = \"remote\"\ntopic = \"x/${topic}\"\npayload = \"${payload}\"\nqos = 1\nretain = false\n",
        "connector = \"old\"\npath = \"/in/${clientid}\"",
        "path = \"/status\"\nenabled = false\n",
    ] {
        assert!(written.contains(said), "{said}: {written}");
    }
}
