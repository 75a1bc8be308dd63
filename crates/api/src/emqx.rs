//! What EMQX's tools send, read by whoever knows its kinds: handed in by the binary.

use bytestring::ByteString;
use events::Type;
use serde_json::{Map, Value};

/// The fields of a rule's rows; `None` where only an event can tell.
pub type Fields<'a> = Option<&'a [(ByteString, Type)]>;

/// Readers of EMQX's shapes. What they cannot take over is told, with what to write instead.
#[derive(Clone, Copy, Debug)]
pub struct Emqx {
    /// `{"function": "republish", "args": {...}}` as an entry of `[[actions]]`.
    pub function: fn(&Value, Fields<'_>) -> Result<toml::Table, String>,
    /// An action of this kind as such an entry.
    pub action: fn(&str, &Map<String, Value>) -> Result<toml::Table, String>,
    /// A kind that there is.
    pub kind: fn(&str) -> Option<&'static str>,
    /// The kinds of connectors.
    pub connector_kinds: fn() -> Vec<&'static str>,
    /// The kinds of actions.
    pub action_kinds: fn() -> Vec<&'static str>,
    /// A connector of this kind as `[connectors.NAME]` would have it.
    pub connector: fn(&str, &Map<String, Value>) -> Result<toml::Table, String>,
}

/// Names of EMQX for what has another here; the first of each is what the API tells.
const KINDS: [(&str, &str); 7] = [
    ("pgsql", "postgres"),
    ("timescale", "postgres"),
    ("matrix", "postgres"),
    ("alloydb", "postgres"),
    ("cockroachdb", "postgres"),
    ("webhook", "http"),
    ("disk_log", "file"),
];

/// Our name of a kind.
pub(crate) fn kind_here(kind: &str) -> &str {
    KINDS.iter().find(|(theirs, _)| *theirs == kind).map_or(kind, |(_, ours)| ours)
}

/// The name of a kind in the shapes of EMQX. `http` and `file` have their own names here, too.
pub(crate) fn kind_there(kind: &str) -> &str {
    if kind == "postgres" { "pgsql" } else { kind }
}

/// An identifier `type:name` with our name of the kind.
pub(crate) fn id_here(id: &str) -> String {
    match id.split_once(':') {
        Some((kind, name)) => format!("{}:{name}", kind_here(kind)),
        None => id.to_owned(),
    }
}

/// An identifier `type:name` in the shapes of EMQX.
pub(crate) fn id_there(id: &str) -> String {
    match id.split_once(':') {
        Some((kind, name)) => format!("{}:{name}", kind_there(kind)),
        None => id.to_owned(),
    }
}

/// JSON as a table of options. What is null is not there.
pub(crate) fn table_of(given: &Map<String, Value>) -> Result<toml::Table, String> {
    let mut options = Value::Object(given.clone());
    without_nulls(&mut options);
    serde_json::from_value(options).map_err(|error| error.to_string())
}

fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(without_nulls);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
