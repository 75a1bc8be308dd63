//! What was made over the API: rules, actions that rules share, and connectors. It is kept in the data directory, and
//! becomes texts of rules that are taken up as files are.
//!
//! Read `change.rs` first: what a change has to pass before it is there.

mod change;
mod compose;
mod file;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use compose::found;

use crate::factory::ConfigError;
use crate::trial::Compat;

/// The most rules, actions and connectors that may be made; one more is refused.
const OBJECTS_MAX: usize = 10_000;

/// Everything that was made, as it is at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MadeObjects {
    /// Rises with every change, and survives restarts.
    revision: u64,
    /// The rules, by identifier.
    pub rules: BTreeMap<String, Made<MadeRule>>,
    /// The actions that rules refer to, by `type:name`.
    pub actions: BTreeMap<String, Made<SharedAction>>,
    /// The connectors, by name.
    pub connectors: BTreeMap<String, Made<MadeConnector>>,
}

/// Something that was made, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Made<T> {
    /// What was made.
    pub object: T,
    /// Another after each change of it: the ETag of the API.
    pub revision: u64,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was changed last.
    pub modified_at_ms: i64,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeRule {
    /// What it is made of.
    pub body: RuleBody,
    /// Whether it runs.
    pub is_enabled: bool,
    /// What people call it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What programs keep with it; nothing here reads it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub metadata: Value,
}

/// What a rule is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleBody {
    /// The text of a rule file.
    Text(String),
    /// Its parts, as EMQX's API has them.
    Parts(RuleParts),
}

/// The parts of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleParts {
    /// The SQL alone.
    pub sql: String,
    /// What the rule is for.
    #[serde(default)]
    pub description: String,
    /// Whose events it is written for.
    pub compat: Compat,
    /// Where its rows go.
    pub actions: Vec<ActionUse>,
}

/// An entry of the actions of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionUse {
    /// One that rules share, by its identifier `type:name`.
    Shared(String),
    /// One of this rule alone.
    Own {
        /// As it was given, to be told back.
        given: Value,
        /// The same as an entry of `[[actions]]`.
        entry: toml::Table,
    },
}

/// An action that rules refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SharedAction {
    /// The kind of its connector, or its own where it needs none.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// As it was given, to be told back.
    pub given: Value,
    /// The same as an entry of `[[actions]]`, without `name` and `enabled`.
    pub entry: toml::Table,
    /// Whether it gets rows and sends them.
    pub is_enabled: bool,
}

/// A connector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeConnector {
    /// Its kind.
    pub kind: String,
    /// As it was given, to be told back without its secrets.
    pub given: Value,
    /// The same as `[connectors.NAME]` would have it. `${env:...}` and `${file:...}` stay as they are.
    pub options: toml::Table,
    /// Whether its actions get rows and send them.
    pub is_enabled: bool,
}

/// What has to be so of an object for it to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Always,
    /// It is not there yet.
    Absent,
    /// It is there, whatever it is.
    Present,
    /// It is one of these revisions.
    Revision(Vec<u64>),
}

/// Something that is wrong with what was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong {
    /// Expected and found.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The code of the diagnostic.
    pub code: &'static str,
    /// The bytes of the SQL, or of the text, that are meant.
    pub span: Option<std::ops::Range<usize>>,
}

/// Why something was not made, changed or removed. Nothing is different then.
#[derive(Debug, thiserror::Error)]
pub enum MakeRefused {
    /// A file has one of that name, and is changed itself.
    #[error("it stands in `{}`", place.display())]
    OwnedByFile {
        /// Which.
        place: PathBuf,
    },
    /// There is none of that name.
    #[error("there is none")]
    Absent,
    /// The condition does not hold.
    #[error("it is not as was expected")]
    Condition {
        /// The revision that is there.
        revision: Option<u64>,
    },
    /// A rule or an action is wrong.
    #[error("{}", wrong.iter().map(|wrong| wrong.message.as_str()).collect::<Vec<_>>().join("; "))]
    Wrong {
        /// Everything that is.
        wrong: Vec<Wrong>,
    },
    /// The options of a connector are wrong.
    #[error("{}", .0.iter().map(|wrong| wrong.message.as_str()).collect::<Vec<_>>().join("; "))]
    Options(Vec<ConfigError>),
    /// Rules that use it would be wrong with it.
    #[error("rules that use it would be wrong: {}", .0.iter().map(|(_, why)| why.as_str()).collect::<Vec<_>>().join("; "))]
    Breaks(
        /// The rules, and why.
        Vec<(String, String)>,
    ),
    /// Others use it.
    #[error("it is used by `{}`", .0.join("`, `"))]
    InUse(
        /// Which.
        Vec<String>,
    ),
    /// There are too many.
    #[error("expected at most {OBJECTS_MAX} rules, actions and connectors, found one more")]
    TooMany,
    /// The disk does not take it.
    #[error("what was made cannot be kept: {0}")]
    Disk(#[from] std::io::Error),
}

impl MadeObjects {
    /// The objects of a data directory; none where nothing was made.
    pub fn read(data_dir: &std::path::Path) -> std::io::Result<MadeObjects> {
        file::read(&data_dir.join(file::NAME))
    }

    fn len(&self) -> usize {
        self.rules.len() + self.actions.len() + self.connectors.len()
    }

    /// The rules that refer to an action.
    pub fn rules_of_action(&self, action: &str) -> Vec<String> {
        let refers = |rule: &MadeRule| match &rule.body {
            RuleBody::Text(_) => false,
            RuleBody::Parts(parts) => {
                parts.actions.iter().any(|used| matches!(used, ActionUse::Shared(id) if id == action))
            }
        };
        self.rules.iter().filter(|(_, rule)| refers(&rule.object)).map(|(id, _)| id.clone()).collect()
    }

    /// The shared actions that go through a connector.
    pub fn actions_of_connector(&self, connector: &str) -> Vec<String> {
        let goes = |action: &SharedAction| action.connector() == Some(connector);
        self.actions.iter().filter(|(_, action)| goes(&action.object)).map(|(id, _)| id.clone()).collect()
    }

    /// Whether actions of this connector rest.
    pub(crate) fn is_switched_off(&self, connector: &str) -> bool {
        self.connectors.get(connector).is_some_and(|connector| !connector.object.is_enabled)
    }

    /// A number that no object has had.
    fn next_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }
}

impl<T> Made<T> {
    /// `object` in place of `before`.
    fn of(object: T, before: Option<&Made<T>>, revision: u64, now_ms: i64) -> Made<T> {
        let created_at_ms = before.map_or(now_ms, |before| before.created_at_ms);
        Made { object, revision, created_at_ms, modified_at_ms: now_ms }
    }
}

impl MadeRule {
    /// Takes the uses of a shared action out.
    fn forget_action(&mut self, action: &str) {
        match &mut self.body {
            RuleBody::Text(_) => {}
            RuleBody::Parts(parts) => {
                parts.actions.retain(|used| !matches!(used, ActionUse::Shared(id) if id == action));
            }
        }
    }
}

impl SharedAction {
    /// The connector that it goes through.
    pub fn connector(&self) -> Option<&str> {
        self.entry.get("connector").and_then(toml::Value::as_str)
    }

    /// `type:name`.
    pub fn id(&self) -> String {
        format!("{}:{}", self.kind, self.name)
    }
}

impl Condition {
    /// Whether it holds for what is there.
    fn check(&self, revision: Option<u64>) -> Result<(), MakeRefused> {
        let holds = match self {
            Condition::Always => true,
            Condition::Absent => revision.is_none(),
            Condition::Present => revision.is_some(),
            Condition::Revision(wanted) => revision.is_some_and(|revision| wanted.contains(&revision)),
        };
        if holds { Ok(()) } else { Err(MakeRefused::Condition { revision }) }
    }
}
