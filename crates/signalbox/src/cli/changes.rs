//! The commands `actions`, `audit`, `rules plan` and `rules apply`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Output, Remote};

/// `signalbox actions ...`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
What an operator pauses or drains stays so until it is resumed, or until the broker stops. What is switched off stays off;
that is for actions that were made over the API. Those in files have `enabled = false` for it.")]
pub(crate) enum Actions {
    /// List the actions of rules with what became of their outputs
    List {
        /// Only those of this rule
        #[arg(long, value_name = "RULE")]
        rule: Option<String>,
        #[command(flatten)]
        remote: Remote,
        #[command(flatten)]
        output: Output,
    },
    /// Let an action queue what comes and send nothing
    Pause {
        /// The action, `type:name`
        action: String,
        /// Only in this rule [default: in every rule that has it]
        #[arg(long, value_name = "RULE")]
        rule: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Let an action go on
    Resume {
        /// The action, `type:name`
        action: String,
        /// Only in this rule [default: in every rule that has it]
        #[arg(long, value_name = "RULE")]
        rule: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Let an action send what it has, and take nothing in
    Drain {
        /// The action, `type:name`
        action: String,
        /// Only in this rule [default: in every rule that has it]
        #[arg(long, value_name = "RULE")]
        rule: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Switch an action on that was made over the API
    Enable {
        /// The action, `type:name`
        action: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Switch an action off that was made over the API: it gets nothing, and keeps what it has
    Disable {
        /// The action, `type:name`
        action: String,
        #[command(flatten)]
        remote: Remote,
    },
}

/// `signalbox audit`.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Only what this key, or this user of the system, has changed
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// Only changes of these, such as `rules`, `connectors`, `keys`
    #[arg(long, value_name = "WHAT")]
    pub(crate) what: Option<String>,
    /// Only changes of what has this in its name
    #[arg(long, value_name = "TEXT")]
    pub(crate) object: Option<String>,
    /// Only what was refused
    #[arg(long)]
    pub(crate) failed: bool,
    /// Only changes since then: `2h` ago, or a time such as `2026-01-31T12:00:00Z`
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only changes before then
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// The most that are shown
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) remote: Remote,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// `signalbox rules plan`.
#[derive(Debug, Args)]
#[command(after_help = "\
DIR holds rules, `*.sql`, and connectors, `[connectors.NAME]` in `connectors.toml`. What `apply` makes of them carries a
mark. What was changed over the API since then is told as such, and will be what DIR wants again.

Exit codes:
  0  everything is as DIR wants it
  1  there is something to do
  2  DIR cannot be read, or a name stands in a file of the broker")]
pub(crate) struct RulesPlan {
    /// The directory
    pub(crate) dir: PathBuf,
    /// Also remove what was applied before and is not in DIR any more
    #[arg(long)]
    pub(crate) prune: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// `signalbox rules apply`.
#[derive(Debug, Args)]
#[command(after_help = "\
Each step is done only if nobody has changed its object meanwhile. It takes the key of an admin.

Exit codes:
  0  everything is as DIR wants it
  2  something is wrong or was changed meanwhile; what was done before is told")]
pub(crate) struct RulesApply {
    #[command(flatten)]
    pub(crate) plan: RulesPlan,
}
