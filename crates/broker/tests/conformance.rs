//! `CONFORMANCE.md` shows what proves each normative statement of MQTT 3.1.1 and 5.
//!
//! The statements are in `tests/conformance`; what proves one says so in a comment: `proves 5: [MQTT-3.1.0-2]` in a
//! script, or above a test. `BLESS=1 cargo test -p broker --test conformance` rewrites the page.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The versions, as their statements are named.
const VERSIONS: [&str; 2] = ["3.1.1", "5"];

/// Whom a statement binds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    Server,
    Both,
    Client,
}

struct Statement {
    id: String,
    bound: Bound,
    text: String,
}

/// What proves each statement, by version and identifier.
type Proofs = BTreeMap<(&'static str, String), BTreeSet<String>>;

#[test]
fn every_statement_that_binds_a_server_is_proved() {
    let proofs = proofs();
    let mut page = String::from(
        "# Conformance\n\nWhat proves each normative statement of MQTT 3.1.1 and 5, made from `tests/conformance` and from what \
         scripts and tests\nsay they prove; do not edit. Scripts are in `tests/scripts`. The sentences are ours and say what \
         a statement is about.\n",
    );
    let mut faults = Vec::new();
    for version in VERSIONS {
        let statements = statements(version);
        write!(page, "\n## MQTT {version}\n\n| statement | about | proved by |\n|---|---|---|\n").unwrap();
        for statement in &statements {
            let proofs = proofs.get(&(version, statement.id.clone()));
            if statement.bound != Bound::Client && proofs.is_none() {
                faults.push(format!("nothing proves {version} {}", statement.id));
            }
            let by = proofs.map(|by| by.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "));
            let by = match (statement.bound, by) {
                (Bound::Client, None) => "binds clients".to_owned(),
                (Bound::Client, Some(by)) => format!("binds clients; {by}"),
                (Bound::Server | Bound::Both, by) => by.unwrap_or_default(),
            };
            writeln!(page, "| MQTT-{} | {} | {by} |", statement.id, statement.text).unwrap();
        }
        let known: BTreeSet<&String> = statements.iter().map(|statement| &statement.id).collect();
        let cited = proofs.keys().filter(|(of, _)| *of == version).map(|(_, id)| id);
        faults.extend(cited.filter(|id| !known.contains(id)).map(|id| format!("there is no statement {version} {id}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let path = broker().join("CONFORMANCE.md");
    #[expect(clippy::disallowed_methods, reason = "a test reads how it was called")]
    if std::env::var("BLESS").is_ok() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page, "CONFORMANCE.md is stale; run `BLESS=1 cargo test -p broker --test conformance`");
}

fn broker() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn statements(version: &str) -> Vec<Statement> {
    let text = std::fs::read_to_string(broker().join(format!("tests/conformance/mqtt-{version}.txt"))).unwrap();
    let statement = |line: &str| {
        let (id, rest) = line.split_once(' ').unwrap();
        let (bound, text) = rest.split_once(' ').unwrap();
        let bound = match bound {
            "server" => Bound::Server,
            "both" => Bound::Both,
            "client" => Bound::Client,
            other => panic!("expected whom {id} binds, found `{other}`"),
        };
        Statement { id: id.to_owned(), bound, text: text.to_owned() }
    };
    text.lines().filter(|line| !line.starts_with('#')).map(statement).collect()
}

fn proofs() -> Proofs {
    let mut proofs = Proofs::new();
    for path in files(&broker().join("tests/scripts"), "script") {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            for cited in cited(line) {
                proofs.entry(cited).or_default().insert(name.clone());
            }
        }
    }
    let crates = broker().join("..");
    for path in files(&crates, "rs") {
        let mut waiting = Vec::new();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            if line.trim_start().starts_with("//") && !line.trim_start().starts_with("//!") {
                waiting.extend(cited(line));
            } else if let Some((_, rest)) = line.split_once("fn ") {
                let of_crate = path.strip_prefix(&crates).unwrap().components().next().unwrap();
                let test = rest.split('(').next().unwrap();
                let name = format!("{}: {test}", of_crate.as_os_str().to_str().unwrap());
                for cited in waiting.drain(..) {
                    proofs.entry(cited).or_default().insert(name.clone());
                }
            }
        }
    }
    proofs
}

/// The statements that a comment says are proved.
fn cited(line: &str) -> Vec<(&'static str, String)> {
    let Some((_, rest)) = line.split_once("proves ") else { return Vec::new() };
    let Some(version) = VERSIONS.into_iter().find(|version| rest.starts_with(&format!("{version}: [MQTT-"))) else {
        return Vec::new();
    };
    let ids = rest.split("[MQTT-").skip(1).filter_map(|part| part.split_once(']'));
    ids.map(|(id, _)| (version, id.to_owned())).collect()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}
