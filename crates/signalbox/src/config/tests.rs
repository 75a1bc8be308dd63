//! What the layers yield, and what is said when something is wrong with them.

use super::*;
use options::{HostCertificate, Redirect, Tls, UnixSocket, WebSocket};
use section::Section;

fn load(text: &str, environment: &[(&str, &str)], flags: Vec<Override>) -> Result<Config, Refused> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("signalbox.toml");
    std::fs::write(&file, text).unwrap();
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::load(&Given { file: Some(file), flags, environment })
}

fn complaint(text: &str) -> String {
    load(text, &[], Vec::new()).unwrap_err().render()
}

fn flag(path: &str, text: &str) -> Override {
    Override { path: path.to_owned(), text: text.to_owned(), origin: Origin::Flag("--flag") }
}

#[test]
fn every_default_can_be_read() {
    let config = load("", &[], Vec::new()).unwrap();
    assert_eq!(config.listeners["default"].options.bind.port(), 1883);
    assert_eq!(config.http.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(config.auth.anonymous, Anonymous::Loopback);
    assert!(config.shown.iter().all(|option| option.origin == Origin::Default));
}

#[test]
fn flags_win_over_environment_over_file() {
    let text = "[http]\nbind = '127.0.0.1:1'\n[listeners.default]\nbind = '127.0.0.1:1'\n[log]\nlevel = 'warn'\n";
    let environment = [("SIGNALBOX_HTTP_BIND", "127.0.0.1:2"), ("SIGNALBOX_LISTENERS_DEFAULT_BIND", "127.0.0.1:2")];
    let config = load(text, &environment, vec![flag("http.bind", "127.0.0.1:3")]).unwrap();
    assert_eq!(config.http.bind.port(), 3);
    assert_eq!(config.listeners["default"].options.bind.port(), 2);
    assert_eq!(config.log.level, "warn");
}

#[test]
fn paths_of_the_file_stand_beside_it_and_paths_of_flags_do_not() {
    let config = load("data_dir = 'd'\n", &[], vec![flag("rules_dir", "r")]).unwrap();
    assert!(config.root.data_dir.as_path().is_absolute());
    assert_eq!(config.root.rules_dir.as_path(), Path::new("r"));
}

#[test]
fn a_slip_in_a_key_is_shown_with_what_was_meant() {
    let text = complaint("[http]\nbnid = '127.0.0.1:1'\n");
    assert!(text.contains("no option `bnid` in `[http]`"), "{text}");
    assert!(text.contains("signalbox.toml:2:1"), "{text}");
    assert!(text.contains("| ^^^^ help: did you mean `bind`?"), "{text}");
}

#[test]
fn a_slip_in_a_section_is_shown_with_what_was_meant() {
    assert!(complaint("[conectors.x]\nkind = 'http'\n").contains("did you mean `connectors`?"));
}

#[test]
fn wrong_types_and_wrong_values_say_what_was_expected_and_found() {
    let text = complaint("[listeners.default]\nmax_connections = 'many'\nkind = 'tpc'\nbind = '1883'\n");
    assert!(text.contains("`listeners.default.max_connections`: expected an integer from 0 on, found the text `many`"));
    assert!(text.contains("did you mean `tcp`?"), "{text}");
    assert!(text.contains("write `127.0.0.1:1883`"), "{text}");
    assert_eq!(text.matches("error[C103]: ").count(), 3);
}

#[test]
fn a_value_where_a_section_belongs_is_refused_once() {
    let text = complaint("http = 5\n");
    assert_eq!(text.matches("`http` expects a table, found the integer `5`").count(), 1, "{text}");
}

#[test]
fn a_bad_environment_variable_is_named() {
    let refused = load("", &[("SIGNALBOX_AUTH_ANONYMOUS", "nope")], Vec::new()).unwrap_err().render();
    assert!(refused.contains("expected one of `no`, `loopback`, `yes`, found the text `nope`"), "{refused}");
    assert!(refused.contains("SIGNALBOX_AUTH_ANONYMOUS"), "{refused}");
}

#[test]
fn foreign_variables_of_container_platforms_are_left_alone() {
    load("", &[("SIGNALBOX_SERVICE_HOST", "10.0.0.1"), ("SIGNALBOX_PORT", "tcp://x")], Vec::new()).unwrap();
}

#[test]
fn a_syntax_error_is_shown_where_it_is() {
    let text = complaint("data_dir = \n");
    assert!(text.contains("signalbox.toml:1:"), "{text}");
    assert!(text.contains('^'), "{text}");
}

#[test]
fn a_named_file_that_is_missing_is_refused() {
    let given = Given { file: Some("/nonexistent/signalbox.toml".into()), ..Given::default() };
    assert!(Config::load(&given).unwrap_err().render().contains("/nonexistent/signalbox.toml"));
}

#[test]
fn a_table_of_another_kind_of_listener_is_refused_where_it_stands() {
    let text = complaint("[listeners.default]\nkind = 'ws'\n[listeners.default.tls]\nverify = 'none'\n");
    assert!(text.contains("a listener of kind `ws` has no `[listeners.default.tls]`"), "{text}");
    assert!(text.contains("signalbox.toml:3:20") && text.contains("help: write `kind = \"tls\"`"), "{text}");
}

#[test]
fn listeners_have_the_tables_of_their_kinds() {
    let text = "[listeners.a]\nkind = 'wss'\n[listeners.a.tls]\nverify = 'required'\nmin_version = '1.3'\n\
                [listeners.a.tls.certificates.fleet]\nhosts = ['*.example.com']\n\
                [listeners.b]\nkind = 'unix'\n[listeners.b.unix]\nmode = '600'\n";
    let config = load(text, &[("SIGNALBOX_LISTENERS_A_TLS_CA_FILE", "/ca.pem")], Vec::new()).unwrap();
    let Transport::Wss(tls, websocket) = &config.listeners["a"].transport else { panic!("expected TLS") };
    assert_eq!(tls.options.verify, VerifyClients::Required);
    assert_eq!(tls.options.ca_file.as_path(), Path::new("/ca.pem"));
    assert_eq!(tls.certificates[0].hosts, ["*.example.com"]);
    assert_eq!(websocket.path, "/mqtt");
    let Transport::Unix(unix) = &config.listeners["b"].transport else { panic!("expected a socket") };
    assert!(unix.path.as_path().is_absolute());
    assert_eq!(unix.mode.0, 0o600);
    assert!(complaint("[listeners.b]\nkind='unix'\n[listeners.b.unix]\nmode = '888'\n").contains("octal digits"));
}

#[test]
fn secrets_are_read_for_the_connector_and_hidden_in_show() {
    let text = "[connectors.web]\nkind = 'http'\nheaders = { authorization = 'Bearer ${env:T}', token = 'abc' }\n";
    let config = load(text, &[("T", "s3cret")], Vec::new()).unwrap();
    assert_eq!(config.connectors[0].to_toml()["headers"]["authorization"].as_str(), Some("Bearer s3cret"));
    let shown = show_text(&config.shown);
    assert!(shown.contains("${env:T}") && !shown.contains("s3cret") && !shown.contains("abc"), "{shown}");
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn a_secret_that_is_not_set_is_shown_where_it_is_used() {
    let text = complaint("[connectors.web]\nkind = 'http'\nurl = '${env:NOWHERE}'\n");
    assert!(text.contains("`NOWHERE` is not set") && text.contains("signalbox.toml:3:7"), "{text}");
}

#[test]
fn what_show_prints_can_be_read_again() {
    let config = load("data_dir = 'elsewhere'\n[http]\nhosts = ['a.example']\n", &[], Vec::new()).unwrap();
    let again = load(&show_text(&config.shown), &[], Vec::new()).unwrap();
    assert_eq!(again.http.hosts, ["a.example"]);
    assert_eq!(again.shown.len(), config.shown.len());
}

#[test]
fn every_option_is_explained() {
    let sections = [
        Root::OPTIONS,
        Listener::OPTIONS,
        Tls::OPTIONS,
        HostCertificate::OPTIONS,
        WebSocket::OPTIONS,
        UnixSocket::OPTIONS,
        Mqtt::OPTIONS,
        ClientId::OPTIONS,
        Sys::OPTIONS,
        Durability::OPTIONS,
        Limits::OPTIONS,
        Rates::OPTIONS,
        Flapping::OPTIONS,
        Http::OPTIONS,
        Auth::OPTIONS,
        Rules::OPTIONS,
        DeadLetters::OPTIONS,
        Jq::OPTIONS,
        History::OPTIONS,
        Retention::OPTIONS,
        Log::OPTIONS,
    ];
    for option in sections.iter().flat_map(|options| options.iter()) {
        assert!(option.doc.iter().any(|line| line.len() > 10), "`{}` has no explanation", option.key);
        let tells_of_empty =
            option.expected.contains("empty text") || option.doc.iter().any(|line| line.contains("empty"));
        assert!(!option.default.is_empty() || tells_of_empty, "what is an empty `{}`?", option.key);
        assert!(!option.expected.is_empty());
    }
    // Some of their options have to be set, and are empty by default.
    let of_choice = [
        Redirect::OPTIONS,
        JwtAuthenticator::OPTIONS,
        HttpAuthenticator::OPTIONS,
        PostgresAuthenticator::OPTIONS,
        CertificateAuthenticator::OPTIONS,
        HttpAuthorizer::OPTIONS,
    ];
    for option in of_choice.iter().flat_map(|options| options.iter()) {
        assert!(option.doc.iter().any(|line| line.len() > 10), "`{}` has no explanation", option.key);
    }
}

/// An operator who reads the sample sees that there is a section; `config show` has all of its options.
#[test]
fn every_section_has_its_place_in_the_sample() {
    let sample =
        load(&sample_in_force().replace("${file:/run/secrets/fleet_db}", "x"), &[("OPS_TOKEN", "t")], Vec::new());
    let sample = sample.unwrap_or_else(|refused| panic!("{}", refused.render()));
    let shown: std::collections::BTreeSet<&str> = sample
        .shown
        .iter()
        .filter(|option| option.origin != Origin::Default)
        .map(|option| option.table.as_str())
        .collect();
    let all = load("", &[], Vec::new()).unwrap();
    let missing: Vec<&str> =
        all.shown.iter().map(|option| &*option.table).filter(|table| !shown.contains(table)).collect();
    assert!(missing.is_empty(), "signalbox.toml shows nothing of these: {missing:?}");
    let is_missing = |section: &&&str| !shown.iter().any(|table| table.split('.').next() == Some(section));
    let missing: Vec<&&str> = SECTIONS.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "signalbox.toml shows nothing of these: {missing:?}");
}

/// The sample at the top of the repository with its commented lines in force.
fn sample_in_force() -> String {
    let sample = include_str!("../../../../signalbox.toml");
    let uncommented = |line: &'static str| match line.strip_prefix("# ") {
        Some(rest) if rest.starts_with('[') || rest.split(' ').nth(1) == Some("=") => rest,
        Some(_) | None => line,
    };
    sample.lines().map(uncommented).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_sample_shows_the_defaults_and_its_connectors_are_right() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("fleet_db");
    std::fs::write(&secret, "pw").unwrap();
    let text = sample_in_force().replace("/run/secrets/fleet_db", &secret.display().to_string());
    let config =
        load(&text, &[("OPS_TOKEN", "t")], Vec::new()).unwrap_or_else(|refused| panic!("{}", refused.render()));
    let set = config.shown.iter().filter(|option| option.origin != Origin::Default);
    let mut defaults_count = 0;
    for option in set {
        let is_example = option.table.starts_with("auth.auth");
        if let Some(default) = option.default.as_ref().filter(|_| !is_example) {
            assert_eq!(&option.value, default, "`{}` of `[{}]`", option.key, option.table);
            defaults_count += 1;
        }
    }
    assert!(defaults_count > 10, "the commented lines were not found");
    assert_eq!((config.authenticators.len(), config.authorizers.len()), (1, 1));
    let connectors = config.connectors().unwrap_or_else(|refused| panic!("{}", refused.render()));
    assert_eq!(
        connectors.iter().collect::<Vec<_>>(),
        [("fleet_db", "postgres"), ("ops_webhook", "http"), ("plant", "mqtt")]
    );
}
