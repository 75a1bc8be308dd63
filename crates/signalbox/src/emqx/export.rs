//! What an export of EMQX holds: rules, and the actions and connectors they use.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{archive, hocon};

/// Rules of EMQX, with what they use as far as the export has it.
#[derive(Debug, Default)]
pub(crate) struct Export {
    /// The rules, in the order of the export.
    pub(crate) rules: Vec<ForeignRule>,
    /// Actions by `type:name`.
    pub(crate) actions: BTreeMap<String, Value>,
    /// Connectors by `type:name`.
    pub(crate) connectors: BTreeMap<String, Value>,
}

/// A rule of EMQX.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ForeignRule {
    pub(crate) id: String,
    pub(crate) sql: String,
    pub(crate) description: String,
    pub(crate) is_enabled: bool,
    pub(crate) actions: Vec<ForeignAction>,
}

/// An entry of `actions` of a rule of EMQX.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ForeignAction {
    /// `"http:hook"`.
    Reference { kind: String, name: String },
    /// `{"function": "republish", "args": {...}}`.
    Function { name: String, args: Map<String, Value> },
    /// Neither.
    Unreadable(String),
}

impl ForeignAction {
    /// What it is called: `http:hook`, `republish`.
    pub(crate) fn id(&self) -> String {
        match self {
            ForeignAction::Reference { kind, name } => format!("{kind}:{name}"),
            ForeignAction::Function { name, .. } => name.clone(),
            ForeignAction::Unreadable(json) => json.clone(),
        }
    }
}

impl Export {
    /// Reads an export: the answer of `GET /api/v5/rules`, a list of rules, one rule, a configuration in HOCON or JSON,
    /// or the archive of a data export.
    pub(crate) fn read(bytes: &[u8]) -> Result<Export, String> {
        let unpacked;
        let bytes = if archive::is_archive(bytes) {
            unpacked = archive::configuration(bytes)?;
            &unpacked
        } else {
            bytes
        };
        let text =
            std::str::from_utf8(bytes).map_err(|_| "it is neither UTF-8 text nor a .tar.gz archive".to_owned())?;
        let value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(json) => hocon::read(text).map_err(|wrong| {
                let begins_as_json = text.trim_start().starts_with(['{', '[']);
                let json = if begins_as_json { format!("; as JSON: {json}") } else { String::new() };
                format!("line {}: {}{json}", wrong.line, wrong.message)
            })?,
        };
        let export = Export::of(&value)?;
        if export.rules.is_empty() {
            let expected = "expected `data` with rules, a list of them, a rule with `sql`, or `rule_engine.rules`";
            return Err(format!("there are no rules in it: {expected}"));
        }
        Ok(export)
    }

    fn of(value: &Value) -> Result<Export, String> {
        let mut export = Export::default();
        match value {
            Value::Array(rules) => export.rules = rules_of(rules)?,
            Value::Object(root) if root.contains_key("sql") => export.rules = rules_of(std::slice::from_ref(value))?,
            Value::Object(root) => {
                match root.get("data").or_else(|| root.get("rules")) {
                    Some(Value::Array(rules)) => export.rules = rules_of(rules)?,
                    Some(Value::Object(rules)) => export.rules = named_rules(rules)?,
                    Some(_) | None => {}
                }
                if let Some(Value::Object(rules)) = value.pointer("/rule_engine/rules") {
                    export.rules = named_rules(rules)?;
                }
                for name in ["actions", "bridges"] {
                    collect(root.get(name), &mut export.actions);
                }
                collect(root.get("connectors"), &mut export.connectors);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        Ok(export)
    }
}

/// `{"http": {"hook": {...}}}` of a configuration, or `[{"type": "http", "name": "hook", ...}]` of the API.
fn collect(section: Option<&Value>, into: &mut BTreeMap<String, Value>) {
    match section {
        Some(Value::Object(kinds)) => {
            for (kind, named) in kinds {
                let named = named.as_object().into_iter().flatten();
                into.extend(named.map(|(name, value)| (format!("{kind}:{name}"), value.clone())));
            }
        }
        Some(Value::Array(list)) => {
            let id = |value: &Value| Some(format!("{}:{}", value.get("type")?.as_str()?, value.get("name")?.as_str()?));
            into.extend(list.iter().filter_map(|value| Some((id(value)?, value.clone()))));
        }
        Some(_) | None => {}
    }
}

fn rules_of(rules: &[Value]) -> Result<Vec<ForeignRule>, String> {
    let id = |rule: &Value, number: usize| {
        let named = rule.get("id").or_else(|| rule.get("name")).and_then(Value::as_str).filter(|id| !id.is_empty());
        named.map_or_else(|| format!("rule_{number}"), str::to_owned)
    };
    (1..).zip(rules).map(|(number, rule)| ForeignRule::of(id(rule, number), rule)).collect()
}

fn named_rules(rules: &Map<String, Value>) -> Result<Vec<ForeignRule>, String> {
    rules.iter().map(|(id, rule)| ForeignRule::of(id.clone(), rule)).collect()
}

impl ForeignRule {
    fn of(id: String, rule: &Value) -> Result<ForeignRule, String> {
        let text = |name: &str| rule.get(name).and_then(Value::as_str);
        let Some(sql) = text("sql") else { return Err(format!("rule `{id}`: expected text at `sql`")) };
        let actions = match rule.get("actions") {
            Some(Value::Array(actions)) => actions.iter().map(ForeignAction::of).collect(),
            Some(Value::Null) | None => Vec::new(),
            Some(other) => vec![ForeignAction::of(other)],
        };
        let is_enabled = rule.get("enable").and_then(Value::as_bool).unwrap_or(true);
        Ok(ForeignRule {
            sql: sql.trim().to_owned(),
            description: text("description").unwrap_or_default().trim().to_owned(),
            is_enabled,
            actions,
            id,
        })
    }
}

impl ForeignAction {
    /// Reads an entry of `actions`.
    pub(super) fn of(action: &Value) -> ForeignAction {
        if let Some((kind, name)) = action.as_str().and_then(|id| id.split_once(':')) {
            return ForeignAction::Reference { kind: kind.to_owned(), name: name.to_owned() };
        }
        match action.get("function").and_then(Value::as_str).or(action.as_str()) {
            Some(name) => ForeignAction::Function {
                name: name.to_owned(),
                args: action.get("args").and_then(Value::as_object).cloned().unwrap_or_default(),
            },
            None => ForeignAction::Unreadable(action.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Result<Vec<String>, String> {
        Export::read(text.as_bytes()).map(|export| export.rules.into_iter().map(|rule| rule.id).collect())
    }

    #[test]
    fn every_shape_of_an_export_is_read() {
        let rule = r#"{"id":"a","sql":"SELECT * FROM \"t\"","actions":["http:h",{"function":"console"}]}"#;
        for text in [
            rule.to_owned(),
            format!("[{rule}]"),
            format!(r#"{{"data":[{rule}],"meta":{{"page":1}}}}"#),
            format!(r#"{{"rule_engine":{{"rules":{{"a":{rule}}}}}}}"#),
            "rule_engine.rules.a { sql = \"SELECT * FROM \\\"t\\\"\", actions = [\"http:h\", {function = console}] }".to_owned(),
            "rule_engine { rules { a { sql = \"\"\"SELECT * FROM \"t\" \"\"\", actions = [\"http:h\", {function: console}] } } }"
                .to_owned(),
        ] {
            let export = Export::read(text.as_bytes()).unwrap();
            let [rule] = export.rules.as_slice() else { panic!("{text}") };
            assert_eq!((rule.id.as_str(), rule.sql.as_str(), rule.is_enabled), ("a", "SELECT * FROM \"t\"", true), "{text}");
            assert_eq!(rule.actions.iter().map(ForeignAction::id).collect::<Vec<_>>(), ["http:h", "console"]);
        }
    }

    #[test]
    fn what_holds_no_rules_says_what_was_expected() {
        assert!(ids("{}").unwrap_err().starts_with("there are no rules in it"));
        assert!(ids("\u{1}").unwrap_err().contains("expected a key"));
        assert_eq!(ids(r#"[{"id":"a"}]"#), Err("rule `a`: expected text at `sql`".to_owned()));
        assert!(ids(r#"{"data": [}"#).unwrap_err().contains("as JSON: expected value at line 1"));
        assert!(Export::read(&[0x1F, 0x8B, 0]).unwrap_err().starts_with("the archive cannot be read"));
        assert!(Export::read(&[0xFF]).unwrap_err().contains("neither UTF-8"));
    }
}
