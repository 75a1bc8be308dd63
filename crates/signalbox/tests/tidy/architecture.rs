//! The dependency table of `crates/README.md` is what `cargo metadata` says.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::top;

type Edges = BTreeMap<String, BTreeSet<String>>;

/// The rows below `## Who imports whom`.
fn table() -> Edges {
    let map = std::fs::read_to_string(top().join("crates/README.md")).unwrap();
    let (_, section) = map.split_once("## Who imports whom").expect("the map has the section");
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2)
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            (cells[0].to_owned(), cells[1].split_whitespace().map(str::to_owned).collect())
        })
        .collect()
}

/// Our crates and what they import of each other, tests left out.
fn metadata() -> Edges {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(top())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let name = |value: &serde_json::Value| value["name"].as_str().unwrap().to_owned();
    let ours: BTreeSet<String> = packages.iter().map(name).collect();
    let imports = |package: &serde_json::Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        dependencies
            .filter(|dependency| dependency["kind"].is_null())
            .map(name)
            .filter(|name| ours.contains(name))
            .collect()
    };
    packages.iter().map(|package| (name(package), imports(package))).collect()
}

#[test]
fn the_dependency_table_is_what_the_manifests_say() {
    let (table, metadata) = (table(), metadata());
    assert_eq!(table.keys().collect::<Vec<_>>(), metadata.keys().collect::<Vec<_>>(), "the crates");
    let differs = |name: &&String| table[*name] != metadata[*name];
    let said = |name: &String| format!("`{name}`: the map says {:?}, its manifest {:?}", table[name], metadata[name]);
    let differences: Vec<String> = metadata.keys().filter(differs).map(said).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn imports_point_down_only() {
    let mut left = table();
    while !left.is_empty() {
        let done: Vec<String> = left
            .iter()
            .filter(|(_, imports)| imports.iter().all(|name| !left.contains_key(name)))
            .map(|(name, _)| name.clone())
            .collect();
        assert!(!done.is_empty(), "these import each other in a circle: {:?}", left.keys());
        left.retain(|name, _| !done.contains(name));
    }
}

#[test]
fn every_crate_takes_its_version_and_lints_from_the_workspace() {
    for name in metadata().keys() {
        let manifest = std::fs::read_to_string(top().join("crates").join(name).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        let inherits = |value: Option<&toml::Value>| {
            value.and_then(|value| value.get("workspace")) == Some(&toml::Value::Boolean(true))
        };
        assert!(inherits(manifest.get("lints")), "`{name}` has no `[lints] workspace = true`");
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            assert!(inherits(manifest["package"].get(key)), "`{name}` has a `{key}` of its own");
        }
    }
}
