//! Whether a rule of EMQX works here, and in what it differs.

use std::collections::BTreeMap;
use std::sync::Arc;

use actions::Connectors;
use engine::{CheckedRule, ConfigError, RuleSource};
use sql::{Diagnostic, Jq, Met, Query, Severity};
use toml::Table;

use super::export::{Export, ForeignRule};
use super::translate::{self, Outcome};
use crate::rule_files;

/// What ends the header of a rule file, wherever it stands.
const HEADER_END: &str = "---*/";

/// How much of an identifier becomes the name of a rule file: a rule here has at most 128 characters, and something may
/// stand before and behind.
const FILE_ID_LEN_MAX: usize = 100;

/// What was found out about a rule.
#[derive(Debug)]
pub(crate) struct Finding {
    /// Its identifier in the export.
    pub(crate) id: String,
    /// Its identifier here: the name of its file.
    pub(crate) file_id: String,
    /// The SQL alone, into which diagnostics and differences point.
    pub(crate) sql: String,
    /// Whether EMQX runs it.
    pub(crate) is_enabled: bool,
    /// What is wrong with the SQL here.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The differences that the SQL can meet.
    pub(crate) differences: Vec<Met>,
    /// Its actions.
    pub(crate) actions: Vec<ActionFinding>,
    /// The rule file that it is here.
    pub(crate) rule_file: String,
}

/// What was found out about an action.
#[derive(Debug)]
pub(crate) struct ActionFinding {
    /// What it is called in the export: `http:hook`.
    pub(crate) id: String,
    /// What becomes of it.
    pub(crate) outcome: Outcome,
    /// What is wrong with it, in a line each.
    pub(crate) wrong: Vec<String>,
    /// In what it differs.
    pub(crate) notes: Vec<String>,
}

/// Whether a rule or an action works here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As in EMQX.
    Works,
    /// With differences that were told.
    Differs,
    /// Of a rule: it runs, but one of its actions does not.
    Lacks,
    /// Not without a change.
    Fails,
}

impl Verdict {
    /// For programs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Verdict::Works => "works",
            Verdict::Differs => "differs",
            Verdict::Lacks => "lacks_action",
            Verdict::Fails => "fails",
        }
    }
}

impl Finding {
    /// Whether the rule works with all of its actions.
    pub(crate) fn verdict(&self) -> Verdict {
        if self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
            Verdict::Fails
        } else if self.lost_actions().next().is_some() {
            Verdict::Lacks
        } else if self.differs() {
            Verdict::Differs
        } else {
            Verdict::Works
        }
    }

    /// Whether there is something to say of the SQL.
    pub(crate) const fn differs(&self) -> bool {
        !self.diagnostics.is_empty() || !self.differences.is_empty()
    }

    /// The actions that do not work.
    pub(crate) fn lost_actions(&self) -> impl Iterator<Item = &ActionFinding> {
        self.actions.iter().filter(|action| action.verdict() == Verdict::Fails)
    }
}

impl ActionFinding {
    /// Whether it works, given its connector.
    pub(crate) fn verdict(&self) -> Verdict {
        match &self.outcome {
            Outcome::Here { .. } if !self.wrong.is_empty() => Verdict::Fails,
            Outcome::Here { .. } if self.notes.is_empty() => Verdict::Works,
            Outcome::Here { .. } => Verdict::Differs,
            Outcome::NotInExport | Outcome::NotThere => Verdict::Fails,
        }
    }
}

/// Looks at every rule of an export.
pub(crate) fn assess(export: &Export) -> Vec<Finding> {
    let mut taken = BTreeMap::new();
    export.rules.iter().map(|rule| assess_rule(rule, export, file_id(&rule.id, &mut taken))).collect()
}

fn assess_rule(rule: &ForeignRule, export: &Export, file_id: String) -> Finding {
    let fields = Query::compile_emqx(&rule.sql).ok().map(|(query, _)| query.output_fields());
    let mut actions: Vec<ActionFinding> = rule
        .actions
        .iter()
        .map(|action| {
            // Of a rule that is refused the fields are not known either.
            let translated = translate::action(action, export, fields.as_ref().and_then(Option::as_deref));
            ActionFinding { id: action.id(), outcome: translated.outcome, wrong: Vec::new(), notes: translated.notes }
        })
        .collect();
    let rule_file = RuleText::of(rule, &actions);
    let wrong_connectors: Vec<Vec<String>> = actions.iter().map(|action| wrong_connector(&action.outcome)).collect();
    let mut diagnostics = Vec::new();
    for diagnostic in rule_file.check(&file_id, &actions) {
        match diagnostic.span.start.checked_sub(rule_file.sql_start) {
            Some(start) => {
                let end = diagnostic.span.end - rule_file.sql_start;
                diagnostics.push(Diagnostic { span: start..end, ..diagnostic });
            }
            None => diagnostics.extend(rule_file.blame(diagnostic, &mut actions)),
        }
    }
    // It says more than that there is no such connector, which the rule file misses therefore.
    for (action, wrong) in actions.iter_mut().zip(wrong_connectors).filter(|(_, wrong)| !wrong.is_empty()) {
        action.wrong = wrong;
    }
    Finding {
        id: rule.id.clone(),
        file_id,
        differences: sql::differences(&rule.sql),
        sql: rule.sql.clone(),
        is_enabled: rule.is_enabled,
        diagnostics,
        actions,
        rule_file: rule_file.text,
    }
}

/// A rule file in the making.
struct RuleText {
    text: String,
    sql_start: usize,
    /// Where the entry of each action begins, for those that are there.
    entries: Vec<(usize, usize)>,
}

impl RuleText {
    fn of(rule: &ForeignRule, actions: &[ActionFinding]) -> RuleText {
        let mut text = String::from("/*---\n");
        let mut entries = Vec::new();
        if !rule.description.is_empty() {
            text.push_str(&format!("description = {}\n", inline(&rule.description.as_str().into())));
        }
        text.push_str("compat = \"emqx\"\n");
        let is_whole = actions.iter().all(|action| matches!(action.outcome, Outcome::Here { .. }));
        if !is_whole {
            text.push_str("# An action is missing, so the rule does not run before somebody has looked at it.\n");
        }
        if !rule.is_enabled || !is_whole {
            text.push_str("enabled = false\n");
        }
        for (at, action) in actions.iter().enumerate() {
            let Outcome::Here { entry, .. } = &action.outcome else {
                text.push_str(&format!("\n# not translated: {}\n", in_comment(&action.id)));
                continue;
            };
            text.push_str("\n[[actions]]\n");
            entries.push((text.len(), at));
            for (key, value) in in_order(entry) {
                text.push_str(&format!("{key} = {}\n", inline(value)));
            }
        }
        text.push_str(HEADER_END);
        text.push('\n');
        let sql_start = text.len();
        text.push_str(&rule.sql);
        text.push('\n');
        RuleText { text, sql_start, entries }
    }

    /// What there is to say of the file, with connectors as the actions want them.
    fn check(&self, id: &str, actions: &[ActionFinding]) -> Vec<Diagnostic> {
        let used = actions.iter().filter_map(|action| connector_of(&action.outcome));
        let right = used.filter(|connector| Connectors::read(connector).is_ok()).flatten();
        let connectors = Connectors::read(&right.collect()).unwrap_or_default();
        let source =
            RuleSource { id: id.into(), file: format!("{id}.sql").into(), text: Arc::from(self.text.as_str()) };
        // Nothing is evaluated here; whether jq is switched on is told as a difference.
        match CheckedRule::check(source, &rule_files::registry(connectors), Some(Jq::unbounded())) {
            Ok(rule) => rule.warnings().to_vec(),
            Err(diagnostics) => diagnostics,
        }
    }

    /// Gives what is wrong with an action to that action; what is of none comes back, as one of the whole rule.
    fn blame(&self, diagnostic: Diagnostic, actions: &mut [ActionFinding]) -> Option<Diagnostic> {
        let entry = self.entries.iter().rfind(|(start, _)| *start <= diagnostic.span.start.max(1));
        let Some(action) = entry.or(self.entries.first()).and_then(|(_, at)| actions.get_mut(*at)) else {
            return Some(Diagnostic { span: 0..0, ..diagnostic });
        };
        let help = diagnostic.help.map(|help| format!("; {help}")).unwrap_or_default();
        action.wrong.push(format!("{}{help}", diagnostic.message));
        None
    }
}

/// The connector of an action under its name, as it is once its secrets are there.
fn connector_of(outcome: &Outcome) -> Option<Table> {
    match outcome {
        Outcome::Here { connector: Some((name, table)), .. } => {
            Some([(name.clone(), with_secrets(&table.clone().into()))].into_iter().collect())
        }
        Outcome::Here { connector: None, .. } | Outcome::NotInExport | Outcome::NotThere => None,
    }
}

/// A value in which something stands for every secret.
fn with_secrets(value: &toml::Value) -> toml::Value {
    match value {
        toml::Value::String(text) if text.starts_with("${env:") => "secret".into(),
        toml::Value::Table(table) => {
            table.iter().map(|(key, value)| (key.clone(), with_secrets(value))).collect::<Table>().into()
        }
        toml::Value::String(_)
        | toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_) => value.clone(),
    }
}

/// What is wrong with the connector of an action.
fn wrong_connector(outcome: &Outcome) -> Vec<String> {
    let wrong = connector_of(outcome).map(|connector| Connectors::read(&connector).err().unwrap_or_default());
    let told = |error: ConfigError| {
        let help = error.help.map(|help| format!("; {help}")).unwrap_or_default();
        format!("connector `{}`: {}{help}", error.path.join("."), error.message)
    };
    wrong.unwrap_or_default().into_iter().map(told).collect()
}

/// A value as it stands behind `key = `, tables in braces.
fn inline(value: &toml::Value) -> String {
    match value {
        toml::Value::Table(table) if table.is_empty() => "{}".to_owned(),
        toml::Value::Table(table) => {
            let entries: Vec<String> =
                in_order(table).map(|(key, value)| format!("{} = {}", key_of(key), inline(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        // Escaped as JSON has it, which TOML reads, too, but for DELETE.
        toml::Value::String(text) if text.contains(HEADER_END) => {
            let escaped = serde_json::Value::from(text.as_str()).to_string();
            escaped.replace('\u{7F}', "\\u007F").replace(HEADER_END, "---*\\u002F")
        }
        toml::Value::String(_)
        | toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_) => value.to_string(),
    }
}

/// The entries of a table, what leads somewhere first.
fn in_order(table: &Table) -> impl Iterator<Item = (&String, &toml::Value)> {
    const FIRST: [&str; 5] = ["connector", "kind", "url", "topic", "path"];
    let is_first = |key: &str| FIRST.contains(&key);
    table.iter().filter(move |(key, _)| is_first(key)).chain(table.iter().filter(move |(key, _)| !is_first(key)))
}

fn key_of(key: &str) -> String {
    let is_bare = key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if is_bare && !key.is_empty() { key.to_owned() } else { inline(&key.into()) }
}

/// A name as a comment of TOML may have it.
fn in_comment(name: &str) -> String {
    name.replace(char::is_control, " ").replace(HEADER_END, "---* /")
}

/// The connectors that the rules need, as lines of the configuration.
pub(crate) fn connectors_of(findings: &[Finding]) -> Vec<String> {
    let mut connectors: BTreeMap<&str, &Table> = BTreeMap::new();
    for action in findings.iter().flat_map(|finding| &finding.actions) {
        if let Outcome::Here { connector: Some((name, table)), .. } = &action.outcome {
            connectors.insert(name, table);
        }
    }
    let mut lines = Vec::new();
    for (name, table) in connectors {
        lines.push(format!("[connectors.{}]", key_of(name)));
        lines.extend(in_order(table).map(|(key, value)| format!("{key} = {}", inline(value))));
        lines.push(String::new());
    }
    lines.pop();
    lines
}

/// A name that a rule file may have; two rules never get the same. `taken` holds, for each name, the last number that was
/// put behind it.
fn file_id(id: &str, taken: &mut BTreeMap<String, usize>) -> String {
    let may_stand = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let plain: String = id.chars().take(FILE_ID_LEN_MAX).map(|c| if may_stand(c) { c } else { '_' }).collect();
    let plain = if plain.starts_with(|c: char| c.is_ascii_alphanumeric()) { plain } else { format!("rule_{plain}") };
    let mut number = taken.get(&plain).copied().unwrap_or(1);
    let mut name = plain.clone();
    while taken.contains_key(&name) {
        number += 1;
        name = format!("{plain}_{number}");
    }
    taken.insert(plain, number);
    taken.entry(name.clone()).or_insert(1);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_file_of_its_own_inside_the_directory() {
        let mut taken = BTreeMap::new();
        for (id, expected) in [
            ("a_b", "a_b"),
            ("a/b", "a_b_2"),
            ("a_b_2", "a_b_2_2"),
            ("a b", "a_b_3"),
            ("../../etc/passwd", "rule_.._.._etc_passwd"),
            ("..", "rule_.."),
            ("", "rule_"),
        ] {
            assert_eq!(file_id(id, &mut taken), expected, "{id}");
        }
        assert_eq!(file_id(&"x".repeat(1_000), &mut taken).len(), FILE_ID_LEN_MAX);
    }

    #[test]
    fn nothing_in_an_export_ends_the_header_before_its_end() {
        let export = br#"[{
            "id": "r",
            "sql": "SELECT 1 AS x FROM \"t\"",
            "description": "two\nlines ---*/ SELECT 2 AS x FROM \"u\" \u007f",
            "actions": [
                "kafka:a\u0001---*/",
                { "function": "republish", "args": { "topic": "o", "payload": "'\\ ---*/\n---*/", "mqtt_properties": { "---*/": 1 } } }
            ]
        }]"#;
        let findings = assess(&Export::read(export).unwrap());
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!(finding.verdict(), Verdict::Lacks, "{:?}", finding.diagnostics);
        assert_eq!(finding.rule_file.matches(HEADER_END).count(), 1, "{}", finding.rule_file);
        assert!(finding.actions[1].wrong.iter().all(|wrong| !wrong.contains("no TOML")), "{:?}", finding.actions);
    }
}
