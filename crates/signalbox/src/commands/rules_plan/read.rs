//! A directory that is to be applied: `*.sql`, a rule each, and `connectors.toml` with `[connectors.NAME]` as the
//! configuration has them. Secrets stay where they are: `${env:...}` and `${file:...}` are read by the broker.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::outcome::Stop;

/// The file of the connectors.
const CONNECTORS: &str = "connectors.toml";

/// What stands in a directory.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// The texts of rules, by identifier.
    pub(super) rules: BTreeMap<String, String>,
    /// The options of connectors, by name.
    pub(super) connectors: BTreeMap<String, Map<String, Value>>,
}

impl Wanted {
    /// Reads `dir`. A file that cannot be read ends it: half of a directory is not what was wanted.
    pub(super) fn read(dir: &Path) -> Result<Wanted, Stop> {
        let cannot = |cause: std::io::Error| {
            Stop::bad_input(format_args!("the directory `{}` cannot be read: {cause}", dir.display()), None)
        };
        let (sources, unreadable) = engine::read_rules(dir).map_err(cannot)?;
        if let Some(file) = unreadable.first() {
            return Err(Stop::BadInput(file.rendered.clone()));
        }
        let rules = sources.into_iter().map(|source| (source.id.to_string(), source.text.to_string())).collect();
        Ok(Wanted { rules, connectors: connectors(&dir.join(CONNECTORS))? })
    }
}

fn connectors(file: &Path) -> Result<BTreeMap<String, Map<String, Value>>, Stop> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error).with_context(|| format!("reading `{}`", file.display()))?,
    };
    let wrong = |what: String| Stop::bad_input(format_args!("`{}`: {what}", file.display()), None);
    let root: toml::Table = text.parse().map_err(|error: toml::de::Error| wrong(error.to_string()))?;
    let mut connectors = BTreeMap::new();
    for (key, value) in root {
        if key != "connectors" {
            return Err(wrong(format!("expected `[connectors.NAME]`, found `{key}`")));
        }
        let tables: BTreeMap<String, Map<String, Value>> =
            value.try_into().map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
        if let Some((name, _)) =
            tables.iter().find(|(_, options)| options.get("kind").and_then(Value::as_str).is_none())
        {
            return Err(wrong(format!("expected text for `kind` in `[connectors.{name}]`")));
        }
        connectors.extend(tables);
    }
    Ok(connectors)
}

/// What tells whether something is still what was applied.
pub(super) fn mark(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
