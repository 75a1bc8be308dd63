//! The text of a rule that was made of parts, as it would stand in a file.

use std::collections::{BTreeMap, HashSet};

use sql::{Diagnostic, Severity};

use super::{ActionUse, Made, MadeRule, RuleBody, RuleParts, SharedAction, Wrong};
use crate::checked::RuleSource;
use crate::directory::Found;
use crate::rule_file::CLOSE;
use crate::trial::Compat;

/// A rule as if it had been found in a directory.
pub(crate) fn found(id: &str, rule: &MadeRule, actions: &BTreeMap<String, Made<SharedAction>>) -> Found {
    let composed = match &rule.body {
        RuleBody::Text(text) => Ok(text.clone()),
        RuleBody::Parts(parts) => text_of(parts, actions),
    };
    let (text, unreadable) = match composed {
        Ok(text) => (text, None),
        Err(why) => (String::new(), Some(why)),
    };
    let source = RuleSource { id: id.into(), file: format!("api:{id}").into(), text: text.into() };
    Found { source, unreadable, is_made: true, is_switched_off: !rule.is_enabled }
}

/// A rule that has this action alone, by which it is checked before a rule refers to it.
pub(super) fn probe(action: &SharedAction) -> Result<RuleSource, String> {
    let entry = toml::Value::Table(entry_of(action, action.name.clone()));
    let text = written("", Compat::Signalbox, vec![entry], "SELECT * FROM \"#\"")?;
    Ok(RuleSource { id: "probe".into(), file: action.id().into(), text: text.into() })
}

/// What is wrong with a rule, with places in what was sent.
pub(super) fn wrong(rule: &MadeRule, source: &RuleSource, diagnostics: Vec<Diagnostic>) -> Vec<Wrong> {
    let sql_at = match &rule.body {
        RuleBody::Text(_) => 0,
        RuleBody::Parts(parts) => source.text.len().saturating_sub(parts.sql.len() + 1),
    };
    let errors = diagnostics.into_iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let placed = errors.map(|Diagnostic { code, span, message, help, severity: _ }| {
        // What stands before the SQL was made here; only its words can be told.
        let span = span.start.checked_sub(sql_at).map(|start| start..span.end.saturating_sub(sql_at).max(start));
        Wrong { message, help, code, span }
    });
    placed.collect()
}

fn text_of(parts: &RuleParts, actions: &BTreeMap<String, Made<SharedAction>>) -> Result<String, String> {
    let mut entries = Vec::with_capacity(parts.actions.len());
    let mut names = HashSet::new();
    for used in &parts.actions {
        let entry = match used {
            ActionUse::Own { entry, .. } => entry.clone(),
            ActionUse::Shared(id) => {
                let action = &actions.get(id).ok_or_else(|| format!("there is no action `{id}`"))?.object;
                // Its name is that of its buffer. Actions of two kinds may share one.
                let is_first = names.insert(action.name.as_str());
                let name = if is_first { action.name.clone() } else { format!("{}_{}", action.name, action.kind) };
                entry_of(action, name)
            }
        };
        entries.push(toml::Value::Table(entry));
    }
    written(&parts.description, parts.compat, entries, &parts.sql)
}

/// A shared action as an entry of a rule.
fn entry_of(action: &SharedAction, name: String) -> toml::Table {
    let mut entry = action.entry.clone();
    entry.insert("name".to_owned(), name.into());
    if !action.is_enabled {
        entry.insert("enabled".to_owned(), false.into());
    }
    entry
}

fn written(description: &str, compat: Compat, entries: Vec<toml::Value>, sql: &str) -> Result<String, String> {
    let mut header = toml::Table::new();
    if !description.is_empty() {
        header.insert("description".to_owned(), description.into());
    }
    if compat == Compat::Emqx {
        header.insert("compat".to_owned(), "emqx".into());
    }
    if !entries.is_empty() {
        header.insert("actions".to_owned(), entries.into());
    }
    let header = toml::to_string(&header).map_err(|error| error.to_string())?;
    if header.contains(CLOSE) {
        return Err(format!("`{CLOSE}` cannot stand in a description or in an option of an action"));
    }
    Ok(format!("/*---\n{header}{CLOSE}\n{sql}\n"))
}
