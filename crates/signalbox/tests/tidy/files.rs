//! How files look: headers, length, words, names at the top.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::top;

/// Lines of a file without its tests.
const LINES_MAX: usize = 700;

/// The names at the top of the repository. Another one needs its reason in `crates/README.md`.
const TOP_NAMES: [&str; 19] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "README.md",
    "acl.sample",
    "api",
    "crates",
    "fuzz",
    "docker-compose.yml",
    "migrations",
    "rules",
    "rustfmt.toml",
    "scripts",
    "signalbox.toml",
    // Made by running and building.
    "data",
    "target",
];

/// Files made by hand below a folder, with one of the endings.
fn files_below(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "data", "proptest-regressions"].contains(&&*name) {
                found.extend(files_below(&path, endings));
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<(PathBuf, String)> {
    let files = files_below(&top().join("crates"), &[".rs"]);
    assert!(files.len() > 50, "the sources were not found");
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_module_begins_with_what_it_is() {
    for (path, text) in sources() {
        assert!(text.starts_with("//! "), "{}: the first line is no `//!` sentence", path.display());
    }
}

#[test]
fn no_file_is_too_long_to_be_read() {
    for (path, text) in sources() {
        let is_test = path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "benches");
        let code = text.lines().take_while(|line| is_test || *line != "#[cfg(test)]").count();
        assert!(
            is_test || code <= LINES_MAX,
            "{}: {code} lines without its tests, at most {LINES_MAX}",
            path.display()
        );
    }
}

#[test]
fn modules_with_children_are_folders_with_mod_rs() {
    // A test may have a folder of data with its name.
    for (path, _) in sources().into_iter().filter(|(path, _)| path.components().any(|part| part.as_os_str() == "src")) {
        assert!(!path.with_extension("").is_dir(), "{}: move it to `mod.rs` in its folder", path.display());
    }
}

#[test]
fn nothing_is_left_for_later_and_nothing_is_praised() {
    // Put together from halves, so that this file does not hold what it looks for.
    let banned = [
        ("TO", "DO"),
        ("FIX", "ME"),
        ("unimpl", "emented!"),
        ("to", "do!("),
        ("#[ign", "ore"),
        ("rob", "ust"),
        ("compre", "hensive"),
        ("seam", "less"),
        ("blaz", "ing"),
        ("cutting-", "edge"),
        ("/wo", "rk/"),
    ];
    let files = files_below(&top(), &[".rs", ".md", ".toml", ".sql", ".yml", "Makefile", "Dockerfile"]);
    let banned: Vec<String> = banned.iter().map(|(left, right)| format!("{left}{right}")).collect();
    let mut found = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        for (index, line) in text.lines().enumerate() {
            let words = banned.iter().filter(|word| line.contains(word.as_str()));
            found.extend(words.map(|word| format!("{}:{}: `{word}`", path.display(), index + 1)));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn names_at_the_top_are_few() {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(top())
        .output();
    let Ok(output) = output else { panic!("the tests need git: apt-get install git") };
    let listed = String::from_utf8(output.stdout).unwrap();
    for name in listed.lines().filter_map(|path| path.split('/').next()).filter(|name| !name.starts_with('.')) {
        assert!(TOP_NAMES.contains(&name), "`{name}` at the top of the repository");
    }
}

#[test]
fn the_code_is_formatted() {
    let output = Command::new(env!("CARGO")).args(["fmt", "--all", "--check"]).current_dir(top()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "run `cargo fmt --all`\n{}", text.lines().take(40).collect::<Vec<_>>().join("\n"));
}
