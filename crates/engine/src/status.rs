//! What is known of a rule at one moment, for people and for the API.

use std::path::PathBuf;
use std::sync::Arc;

use bytestring::ByteString;
use events::Timestamp;
use sql::Diagnostic;

use crate::counters::RuleCounts;
use crate::rule::Rule;
use crate::worker::ActionStatus;

/// What is known of a rule.
#[derive(Clone, Debug)]
pub struct RuleStatus {
    /// The identifier: the name of the file without `.sql`.
    pub id: Arc<str>,
    /// Whether it runs.
    pub state: RuleState,
    /// Whether it was made over the API, and stands in no file.
    pub is_made: bool,
    /// The file it comes from.
    pub file: PathBuf,
    /// What it is for.
    pub description: String,
    /// The SQL that runs, without the header.
    pub sql: String,
    /// What it listens to.
    pub from: Vec<ByteString>,
    /// What it has done.
    pub counts: RuleCounts,
    /// Its actions in the order of the file, fallbacks first.
    pub actions: Vec<ActionStatus>,
    /// What runs and is probably not meant, as people read it; empty where there is nothing.
    pub warnings: String,
    /// What went wrong last on an event, and when.
    pub last_error: Option<(Timestamp, String)>,
    /// The last edit of its file, where that was refused.
    pub refused: Option<Arc<Refused>>,
}

/// Whether a rule runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleState {
    /// Events reach it.
    Running,
    /// Its header says `enabled = false`.
    Disabled,
    /// It was never right since the engine runs.
    Refused,
}

impl RuleState {
    /// The name for people and the API.
    pub const fn name(self) -> &'static str {
        match self {
            RuleState::Running => "running",
            RuleState::Disabled => "disabled",
            RuleState::Refused => "refused",
        }
    }
}

/// A rule file that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The identifier of the rule.
    pub id: Arc<str>,
    /// The file.
    pub file: PathBuf,
    /// When it was read.
    pub at: Timestamp,
    /// What is wrong, with file, line, caret and what was meant.
    pub rendered: String,
    /// The same, to be shown otherwise.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether an older version of the rule runs on.
    pub is_running_on: bool,
}

impl RuleStatus {
    /// `loops` are the warnings that only the set of rules gives rise to.
    pub(crate) fn of(
        id: &Arc<str>,
        rule: Option<&Rule>,
        refused: Option<Arc<Refused>>,
        loops: &[Diagnostic],
    ) -> RuleStatus {
        let Some(rule) = rule else {
            return RuleStatus {
                id: Arc::clone(id),
                state: RuleState::Refused,
                is_made: false,
                file: refused.as_ref().map(|refused| refused.file.clone()).unwrap_or_default(),
                description: String::new(),
                sql: String::new(),
                from: Vec::new(),
                counts: RuleCounts::default(),
                actions: Vec::new(),
                warnings: String::new(),
                last_error: None,
                refused,
            };
        };
        let actions: Vec<ActionStatus> = rule.workers.iter().map(|worker| worker.status()).collect();
        let mut counts = rule.counters.counts();
        for action in &actions {
            counts.actions_total += action.ledger.in_;
            counts.actions_success += action.ledger.delivered;
            counts.actions_failed += action.ledger.lost();
        }
        let counts = rule.counters.since_reset(counts);
        let checked = &rule.checked;
        RuleStatus {
            id: Arc::clone(id),
            is_made: false,
            state: if checked.is_enabled { RuleState::Running } else { RuleState::Disabled },
            file: checked.source.file.clone(),
            description: checked.description.clone(),
            sql: checked.sql.clone(),
            from: checked.from(),
            counts,
            actions,
            warnings: checked.source.render(&[checked.warnings(), loops].concat()),
            last_error: rule.counters.last_error(),
            refused,
        }
    }
}
