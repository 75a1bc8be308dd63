//! Bad configuration, rules and connectors: exit code 2 and a message that says what, where, and how to mend it.

use crate::support::CONNACK_RULE;
use crate::support::server::{Finished, Home};

/// Checks that a command was refused with all of these words.
fn assert_refused(finished: &Finished, words: &[&str]) {
    assert_eq!(finished.code, Some(2), "{}\n{}", finished.stdout, finished.stderr);
    for word in words {
        assert!(finished.stderr.contains(word), "`{word}` is missing in:\n{}", finished.stderr);
    }
}

#[test]
fn a_slip_in_the_configuration() {
    let home = Home::new().with_config("[http]\nbnid = \"127.0.0.1:0\"\n");
    for command in [&["serve"][..], &["config", "check"], &["config", "show"], &["rules", "check"]] {
        assert_refused(
            &home.run(command),
            &["no option `bnid`", "signalbox.toml:2:1", "^^^^ help: did you mean `bind`?"],
        );
    }
}

#[test]
fn a_file_that_is_not_there() {
    assert_refused(&Home::new().run(&["serve", "--config", "nowhere.toml"]), &["`nowhere.toml` cannot be read"]);
}

#[test]
fn a_flag_that_does_not_fit() {
    assert_refused(&Home::new().run(&["serve", "--mqtt", "1883"]), &["--mqtt"]);
}

#[test]
fn a_rule_with_a_field_that_the_event_does_not_have() {
    let home = Home::new().with_rule("connack", &CONNACK_RULE.replace("reason_code", "reson_code"));
    for command in
        [&["serve", "--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0"][..], &["rules", "check"], &["config", "check"]]
    {
        assert_refused(
            &home.run(command),
            &["no field `reson_code`", "connack.sql:5:28", "help: did you mean `reason_code`?"],
        );
    }
}

#[test]
fn a_rule_whose_header_has_a_slip() {
    let home = Home::new().with_rule("connack", &CONNACK_RULE.replace("republish =", "republsh ="));
    assert_refused(&home.run(&["rules", "check"]), &["republsh", "connack.sql:3:"]);
}

#[test]
fn a_rule_that_names_a_connector_that_is_not_there() {
    let rule = CONNACK_RULE.replace("republish = { topic = \"client_connack\" }", "connector = \"ops\"");
    let home = Home::new().with_rule("connack", &rule);
    assert_refused(
        &home.run(&["serve", "--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0"]),
        &["no connector `ops`", "connack.sql:2:"],
    );
}

#[test]
fn a_connector_of_a_kind_that_does_not_exist() {
    let home = Home::new().with_config("[connectors.ops]\nkind = \"htpp\"\nurl = \"http://127.0.0.1\"\n");
    assert_refused(&home.run(&["config", "check"]), &["htpp", "signalbox.toml:2:", "did you mean `http`?"]);
    assert_refused(&home.run(&["serve"]), &["htpp"]);
}

#[test]
fn a_connector_with_an_option_that_does_not_exist() {
    let home = Home::new().with_config("[connectors.ops]\nkind = \"http\"\nurl = \"http://127.0.0.1\"\nheadrs = {}\n");
    assert_refused(&home.run(&["config", "check"]), &["headrs", "signalbox.toml:4:", "did you mean `headers`?"]);
}

#[test]
fn a_connector_to_be_tested_that_is_not_there() {
    let home = Home::new();
    assert_refused(&home.run(&["connectors", "test", "ops"]), &["no connector `ops`", "declare `[connectors.ops]`"]);
    let none = home.run(&["connectors", "test"]);
    assert_eq!(none.code, Some(0), "{}", none.stderr);
    assert!(none.stderr.contains("there is no connector"), "{}", none.stderr);
}

#[test]
fn users_and_acl_that_cannot_be_read() {
    let home = Home::new();
    home.write("users", "pump:plain-text\n");
    assert_refused(&home.run(&["serve"]), &["users:1"]);
    home.write("users", "");
    home.write("acl", "topic reed a/b\n");
    assert_refused(&home.run(&["config", "check"]), &["acl:1"]);
}

#[test]
fn a_second_process_on_the_same_data_directory() {
    let home = Home::new();
    let server = home.serve();
    let pid = format!("in use by process {}", server.pid());
    assert_refused(
        &home.run(&["serve", "--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0"]),
        &["the data directory", &pid, "help: stop that process"],
    );
}

#[test]
fn a_port_that_is_taken() {
    let (first, second) = (Home::new(), Home::new());
    let server = first.serve();
    let taken = server.mqtt.to_string();
    assert_refused(
        &second.run(&["serve", "--mqtt", &taken, "--http", "127.0.0.1:0"]),
        &[&taken, "listeners.default.bind"],
    );
}
