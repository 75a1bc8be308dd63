//! `config show`: every option with its value, what it does, and where the value came from.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::section::{Shown, join};

/// As a TOML file that could be used again, each option below its explanation. Secrets are hidden, so a file that has
/// some needs them written again.
pub(crate) fn show_text(shown: &[Shown]) -> String {
    let mut out = String::new();
    let mut table = "";
    for option in shown {
        if option.table != table {
            table = &option.table;
            line(&mut out, format_args!("\n[{table}]"));
        }
        for doc in option.doc {
            line(&mut out, format_args!("#{doc}"));
        }
        let origin = match &option.default {
            Some(default) if *default == option.value => option.origin.describe(),
            Some(default) => format!("{}; default {default}", option.origin.describe()),
            None => option.origin.describe(),
        };
        line(&mut out, format_args!("{} = {}  # {origin}", option.key, option.value));
    }
    out
}

/// As JSON: one object for each option.
pub(crate) fn show_json(shown: &[Shown]) -> Value {
    let options = shown.iter().map(|option| {
        json!({
            "option": join(&option.table, &option.key),
            "value": option.value,
            "default": option.default,
            "expected": option.expected,
            "from": option.origin.describe(),
            "doc": option.doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "),
        })
    });
    Value::Array(options.collect())
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _written = writeln!(out, "{text}");
}
