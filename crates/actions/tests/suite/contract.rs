//! What every kind of action keeps to, whatever it does.

use crate::support::{World, connack, items, output};
use actions::{ALL, Connectors, Kind};
use engine::{ActionFactory as _, ActionSpec, ItemOutcome, Via};

/// The kinds that this build has.
fn built() -> impl Iterator<Item = &'static Kind> {
    ALL.iter().filter(|kind| kind.is_built())
}

fn world(kind: &Kind) -> World {
    if kind.needs_connector() {
        World::with_connector(&format!("kind = '{}'\n{}", kind.name, kind.sample_connector))
    } else {
        World::new("")
    }
}

fn via(kind: &Kind) -> Via<'static> {
    if kind.needs_connector() { Via::Connector("there") } else { Via::Kind(kind.name) }
}

#[tokio::test]
async fn every_kind_accepts_its_sample_and_answers_for_every_output() {
    for kind in built() {
        let world = world(kind);
        let action = world.try_action(via(kind), kind.sample_action).unwrap();
        assert_eq!(action.kind(), kind.name);
        let batch = [output(1, &connack("a")), output(2, &connack("b"))];
        for item in items(action.send(&batch).await, 2) {
            match item {
                ItemOutcome::Delivered => assert!(!kind.needs_connector(), "{}: nobody is there", kind.name),
                // The sample connectors lead to where nothing is, a port or a directory: good outputs wait.
                ItemOutcome::Retry { reason, .. } => {
                    let says_so = reason.starts_with("no connection") || reason.starts_with("no directory");
                    assert!(kind.needs_connector() && says_so, "{}: {reason}", kind.name);
                }
                ItemOutcome::Rejected { reason, .. } => panic!("{}: {reason}", kind.name),
            }
        }
        assert_eq!(action.check().await.is_ok(), !kind.needs_connector(), "{}", kind.name);
        assert!(items(action.send(&[]).await, 0).is_empty(), "{}", kind.name);
    }
}

#[test]
fn every_kind_shows_what_it_would_send_and_no_secret() {
    for kind in built() {
        let world = world(kind);
        let action = world.try_action(via(kind), kind.sample_action).unwrap();
        let preview = action.preview(&output(1, &connack("a")));
        assert!(preview.rejected.is_none() && !preview.parts.is_empty(), "{}: {preview:?}", kind.name);
        assert!(!format!("{preview:?}").contains("secret"), "{}: {preview:?}", kind.name);
        let mut placeholders = preview.parts.iter().flat_map(|part| &part.placeholders);
        let shows_client = placeholders.any(|one| one.text == "clientid" && one.value == events::Value::from("a"));
        assert_eq!(shows_client, kind.sample_action.contains("${clientid}"), "{}: {preview:?}", kind.name);
    }
}

#[test]
fn every_kind_refuses_an_option_it_does_not_know_and_says_what_was_meant() {
    for kind in built() {
        let world = world(kind);
        let mistyped = kind.action.first().map(|field| format!("{}x", field.name));
        let options = format!("{}\n{} = 1", kind.sample_action, mistyped.as_deref().unwrap_or("anything"));
        let errors = world.try_action(via(kind), &options).err().unwrap();
        let [error] = &*errors else { panic!("{}: {errors:?}", kind.name) };
        assert!(error.at_key, "{}: {error:?}", kind.name);
        if let Some(field) = kind.action.first() {
            assert_eq!(error.help, Some(format!("did you mean `{}`?", field.name)));
        }
    }
}

#[test]
fn every_kind_refuses_a_variable_that_the_rule_does_not_select() {
    for kind in built().filter(|kind| kind.sample_action.contains("${clientid}")) {
        let world = world(kind);
        let errors =
            world.try_action(via(kind), &kind.sample_action.replace("${clientid}", "${clientdi}")).err().unwrap();
        assert_eq!(errors[0].help.as_deref(), Some("did you mean `clientid`?"), "{}", kind.name);
        assert!(errors[0].within.is_some(), "{}", kind.name);
    }
}

#[test]
fn no_kind_shows_its_secrets() {
    for kind in built() {
        let world = world(kind);
        assert!(!format!("{:?}", world.registry).contains("secret"), "{}", kind.name);
        if kind.connector.iter().any(|option| ["password", "headers"].contains(&option.name)) {
            assert!(kind.sample_connector.contains("secret"), "{}: the sample has one", kind.name);
        }
    }
}

#[test]
fn every_kind_and_option_is_documented_and_stands_in_its_own_file() {
    let sources = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for kind in ALL {
        let file = sources.join(format!("{}.rs", kind.name));
        assert!(file.exists() || sources.join(kind.name).join("mod.rs").exists(), "{}", kind.name);
        assert!(kind.doc.ends_with('.'), "{}", kind.name);
        for field in kind.connector.iter().chain(kind.action) {
            assert!(field.doc.trim_end().ends_with('.'), "{}: `{}`: {:?}", kind.name, field.name, field.doc);
        }
    }
}

#[tokio::test]
async fn the_console_prints_a_line_of_json_for_every_output() {
    let world = World::new("");
    let action = world.try_action(Via::Kind("console"), "").unwrap();
    let batch = [output(1, &connack("a")), output(2, &connack("b"))];
    action.send(&batch).await;
    let expected: String = ["a", "b"]
        .iter()
        .zip(&batch)
        .map(|(client, output)| {
            format!(
                "{{\"rule\":\"connack\",\"event_id\":\"{}\",\"output_id\":\"{}\",\"row\":{}}}\n",
                output.event_id,
                output.output_id(),
                connack(client)
            )
        })
        .collect();
    assert_eq!(world.printed.text(), expected);
}

#[tokio::test]
async fn the_connack_rule_is_republished_to_the_byte() {
    let world = World::new("");
    let action = world.try_action(Via::Kind("republish"), "topic = 'client_connack'").unwrap();
    action.send(&[output(1, &connack("conn"))]).await;
    let [message] = &*world.published.take() else { panic!("one message") };
    assert_eq!(
        message.payload,
        r#"{"clientid":"conn","username":"u_emqx","reason_code":"success","timestamp":1645003578856}"#
    );
    assert_eq!((&*message.topic, message.qos, message.retain), ("client_connack", engine::QoS::AtMostOnce, false));
}

#[test]
fn a_connector_that_is_not_there_is_named_with_what_was_meant() {
    let world = World::with_connector("kind = 'http'\nurl = 'http://127.0.0.1:9/'");
    let build = |via| {
        let options = toml::Table::new();
        let spec = ActionSpec { rule: "r", name: "a", via, options: &options, output_fields: None };
        let error = world.registry.build(&spec).err().unwrap().remove(0);
        (error.message, error.help.unwrap())
    };
    for (via, message, help) in [
        (Via::Connector("thre"), "no connector `thre`", "did you mean `there`?"),
        (
            Via::Connector("ops"),
            "no connector `ops`",
            "declare it in the configuration, `[connectors.ops]`, or make it with `POST /connectors`",
        ),
        (
            Via::Connector("console"),
            "no connector `console`",
            "`console` needs no connector: write `console = { ... }`",
        ),
        (Via::Kind("republsh"), "no kind of action `republsh`", "did you mean `republish`?"),
        (
            Via::Kind("http"),
            "an action of kind `http` needs a connector",
            "declare `[connectors.my_http]` with `kind = \"http\"` in the configuration and write \
             `connector = \"my_http\"` here",
        ),
    ] {
        assert_eq!(build(via), (message.to_owned(), help.to_owned()));
    }
}

#[test]
fn a_kind_that_this_build_does_not_have_is_told_with_how_to_get_it() {
    for kind in ALL.iter().filter(|kind| !kind.is_built()) {
        let errors = Connectors::read(&format!("[a]\nkind = '{}'", kind.name).parse().unwrap()).unwrap_err();
        assert_eq!(errors[0].message, format!("this build has no `{}`", kind.name));
        assert_eq!(errors[0].help, Some(format!("build it with `--features {}`", kind.name)));
    }
}

#[test]
fn everything_wrong_with_the_connectors_is_said_at_once() {
    let tables = "a = 1\n[b]\nurl = 'http://x/'\n[c]\nkind = 'htpp'\n[d]\nkind = 'console'\n[e]\nkind = 'http'\nurl = 'http://x/'\ntimeout = 5";
    let errors = Connectors::read(&tables.parse().unwrap()).unwrap_err();
    let said: Vec<(Vec<String>, String, Option<String>)> =
        errors.into_iter().map(|error| (error.path, error.message, error.help)).collect();
    let expected = [
        (&["a"][..], "expected a table, found integer", "write `[connectors.my_name]` and options below it"),
        (
            &["b"],
            "`kind` is missing",
            "expected one of `http`, `postgres`, `sqlite`, `mqtt`, `mysql`, `nats`, `redis`, `kafka`, `file`",
        ),
        (&["c", "kind"], "no kind of connector `htpp`", "did you mean `http`?"),
        (&["d", "kind"], "an action of kind `console` needs no connector", "write `console = { ... }` in the rule"),
        (&["e", "timeout"], "unknown option `timeout`", "did you mean `timeout_ms`?"),
    ]
    .map(|(path, message, help)| {
        (path.iter().map(|&step| step.to_owned()).collect(), message.to_owned(), Some(help.to_owned()))
    });
    assert_eq!(said, expected);
}
