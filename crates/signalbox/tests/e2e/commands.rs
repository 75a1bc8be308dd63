//! The commands that answer and end.

use crate::support::server::{Finished, Home};

pub(crate) fn assert_done(finished: &Finished) {
    assert_eq!(finished.code, Some(0), "{}\n{}", finished.stdout, finished.stderr);
}

#[test]
fn users_are_added_listed_changed_and_removed() {
    let home = Home::new();
    let list = || {
        let listed = home.run(&["users", "list", "--json"]);
        assert_done(&listed);
        let users: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
        users.as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_done(&home.run_with_input(&["users", "add", "pump", "--role", "observer", "--password-stdin"], "secret\n"));
    assert_done(&home.run_with_input(&["users", "add", "valve", "--password-stdin"], "secret\n"));
    assert_eq!(list(), ["pump", "valve"]);
    let file = std::fs::read_to_string(home.path().join("users")).unwrap();
    assert!(file.contains("$argon2id$") && !file.contains("secret"), "{file}");

    let again = home.run_with_input(&["users", "add", "pump", "--password-stdin"], "other\n");
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    assert!(again.stderr.contains("`pump`"), "{}", again.stderr);
    assert_done(&home.run_with_input(&["users", "passwd", "pump", "--password-stdin"], "other\n"));
    assert_ne!(std::fs::read_to_string(home.path().join("users")).unwrap(), file);
    assert_done(&home.run(&["users", "remove", "pump"]));
    assert_eq!(list(), ["valve"]);
    assert_eq!(home.run(&["users", "remove", "pump"]).code, Some(2));
}

#[test]
fn users_are_made_by_machine_for_scram_and_taken_over() {
    let home = Home::new();
    let generated = home.run(&["users", "add", "pump", "--generate"]);
    assert_done(&generated);
    assert_eq!(generated.stdout.trim().len(), 22, "128 bits in base 64: {}", generated.stdout);
    assert_done(&home.run_with_input(&["users", "add", "valve", "--scram", "--password-stdin"], "secret\n"));
    let export = "user_id,password_hash,salt,is_superuser\nann,\
                  9fb2df4ef2f1ba5ae8b5d4d3d6ea3c8f6b3f0c5c1d5e7d1f4ae3b2a1908f7e6d,s,true\n";
    home.write("emqx.csv", export);
    assert_done(&home.run(&["users", "import", "emqx.csv", "--format", "emqx"]));
    home.write("mosquitto", "bob:plain\n");
    let refused = home.run(&["users", "import", "mosquitto", "--format", "mosquitto"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("mosquitto:1: expected a `$7$` or `$6$` hash"), "{}", refused.stderr);
    let users = std::fs::read_to_string(home.path().join("users")).unwrap();
    let stored: Vec<&str> = users.lines().map(|line| line.split('$').nth(1).unwrap()).collect();
    assert_eq!(stored, ["sha256", "scram-sha-256", "sha256"], "{users}");
    assert!(users.ends_with(":superuser\n"), "{users}");
}

#[test]
fn an_empty_password_and_one_without_a_terminal_are_refused() {
    let home = Home::new();
    assert_eq!(home.run_with_input(&["users", "add", "a", "--password-stdin"], "\n").code, Some(2));
    assert!(!home.path().join("users").exists());
}

#[test]
fn a_key_is_shown_once_and_kept_as_a_hash() {
    let home = Home::new();
    let added = home.run(&["keys", "add", "ops", "--json"]);
    assert_done(&added);
    let key: serde_json::Value = serde_json::from_str(&added.stdout).unwrap();
    let secret = key["key"].as_str().unwrap();
    assert!(secret.starts_with("sbx_"), "{secret}");
    let listed = home.run(&["keys", "list"]);
    assert_done(&listed);
    assert!(listed.stdout.contains("ops") && listed.stdout.contains("viewer") && !listed.stdout.contains(secret));
    assert_done(&home.run(&["keys", "remove", "ops"]));
    assert_eq!(home.run(&["keys", "remove", "ops"]).code, Some(2));
}

#[test]
fn config_show_explains_and_says_where_a_value_came_from() {
    let home = Home::new().with_config("[log]\nlevel = \"warn\"\n");
    let shown = home.command(&["config", "show"]).env("SIGNALBOX_HTTP_BIND", "127.0.0.1:9").output().unwrap();
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.contains("level = \"warn\"  # line 2 of the file; default \"info\""), "{text}");
    assert!(text.contains("bind = \"127.0.0.1:9\"  # environment variable SIGNALBOX_HTTP_BIND"), "{text}");
}

#[test]
fn config_check_is_content_with_the_sample() {
    let top = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let home = Home::new();
    let checked = home.run(&["config", "check", "--config", &format!("{top}/signalbox.toml")]);
    assert_done(&checked);
    let config = format!("[auth]\nacl_file = \"{top}/acl.sample\"\n");
    let with_acl = home.with_config(&config).run(&["config", "check"]);
    assert_done(&with_acl);
    assert!(with_acl.stdout.contains("acl: ok"), "{}", with_acl.stdout);
    assert_done(&Home::new().run(&["rules", "test", &format!("{top}/rules")]));
}

#[test]
fn completions_and_version_print_something_of_use() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(home.run(&["completions", shell]).stdout.contains("signalbox"));
    }
    let version: serde_json::Value = serde_json::from_str(&home.run(&["version", "--json"]).stdout).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}
