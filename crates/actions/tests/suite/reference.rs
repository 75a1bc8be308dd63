//! `rules/ACTIONS.md` is what the declarations say. `BLESS=1 cargo test -p actions` rewrites it.

use std::fmt::Write as _;
use std::path::Path;

use actions::{ALL, Kind, OptionField, SOURCE_KINDS};
use engine::ACTION_OPTIONS;

/// Why writing into a String needs no answer.
const TEXT: &str = "writing into a String cannot fail";

#[test]
fn the_actions_reference_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules/ACTIONS.md");
    let fresh = reference();
    #[expect(clippy::disallowed_methods, reason = "a test reads how it was called")]
    if std::env::var("BLESS").is_ok() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == fresh, "rules/ACTIONS.md is stale; run `BLESS=1 cargo test -p actions`");
}

fn reference() -> String {
    let mut page = String::from(
        "# Actions\n\nWhere the rows of a rule can go, made from the declarations in `crates/actions` and \
         `crates/engine`; do not edit.\n\n\
         An action that needs no connector stands in the header of a rule as `[[actions]]` with a table of its kind. \
         One that needs a connector names it, and has its options beside the name; the connector stands in \
         `signalbox.toml`. A template holds variables: `${field}`, `${a.b[1]}`, `${field:-default}`, and always \
         `${event_id}`, `${output_id}` and `${rule_id}`.\n",
    );
    for kind in ALL {
        write!(page, "\n## {}\n\n{}\n\n", kind.name, kind.doc).expect(TEXT);
        samples(&mut page, kind);
        options(&mut page, "Options of the connector", kind.connector);
        options(&mut page, "Options of an action", kind.action);
    }
    page.push_str(
        "\n## Sources\n\nA source brings in messages of another system, for rules that name it in FROM: \
         `FROM \"$sources/mqtt:NAME\"` for `[sources.NAME]`. It stands in `signalbox.toml` and names a connector; the \
         columns stand in [EVENTS.md](EVENTS.md).\n",
    );
    for kind in SOURCE_KINDS {
        write!(
            page,
            "\n### {0}\n\n{1}\n\n```toml\n[sources.plant]                           # signalbox.toml\nconnector = \"my_{0}\"\n{2}\n```\n",
            kind.name, kind.doc, kind.sample
        )
        .expect(TEXT);
        options(&mut page, "Options of the source", kind.options);
    }
    page.push_str(
        "\n## Options of every action\n\nThey stand beside `connector`, or beside the table of the kind.\n\n\
         | option | default | |\n|---|---|---|\n",
    );
    for option in ACTION_OPTIONS {
        row(&mut page, option.name, option.default, option.doc);
    }
    page
}

fn samples(page: &mut String, kind: &Kind) {
    if kind.needs_connector() {
        write!(
            page,
            "```toml\n[connectors.my_{0}]                       # signalbox.toml\nkind = \"{0}\"\n{1}\n```\n\n",
            kind.name, kind.sample_connector
        )
        .expect(TEXT);
    }
    let action = if kind.needs_connector() {
        format!("connector = \"my_{}\"\n{}", kind.name, kind.sample_action)
    } else {
        let inner = if kind.sample_action.is_empty() { String::new() } else { format!(" {} ", kind.sample_action) };
        format!("{} = {{{inner}}}", kind.name)
    };
    write!(page, "```toml\n[[actions]]                               # header of a rule\n{action}\n```\n").expect(TEXT);
}

fn options(page: &mut String, title: &str, fields: &[OptionField]) {
    if fields.is_empty() {
        return;
    }
    write!(page, "\n{title}:\n\n| option | default | |\n|---|---|---|\n").expect(TEXT);
    for field in fields {
        row(page, field.name, &in_toml(field.default), field.doc);
    }
}

fn row(page: &mut String, name: &str, default: &str, doc: &str) {
    let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
    let doc = doc.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    writeln!(page, "| `{name}` | {default} | {doc} |").expect(TEXT);
}

/// A default as one writes it in TOML; it is declared as Rust writes it.
fn in_toml(default: &str) -> String {
    if default == "None" {
        return String::new();
    }
    if default == "Vec::new()" {
        return "[]".to_owned();
    }
    if default == "Vec::new()" {
        return "[]".to_owned();
    }
    if default.ends_with("::new()") || default.ends_with("(BTreeMap::new())") {
        return "{}".to_owned();
    }
    let inner = default.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(default);
    match inner.split_once("::") {
        Some(("Method", name)) => format!("\"{}\"", name.to_uppercase()),
        Some(("PrivateAddresses" | "Fsync" | "Synchronous" | "Compression", name)) => {
            format!("\"{}\"", name.to_lowercase())
        }
        Some(_) => panic!("say here how `{default}` is written in TOML"),
        None => inner.to_owned(),
    }
}
