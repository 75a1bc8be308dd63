//! Rules that listen, and outputs that arrive.
//!
//! In: rule files, what is made over the API, events, a clock and a factory of actions, all handed in. Out: rows of the rules that want an event,
//! buffered, batched, retried and counted until the action has said what became of each.
//!
//! Never: sockets, the broker, kinds of actions. What an action does is known to the crate that builds it.
//!
//! Read `engine.rs` first: it is where an event becomes outputs. Then `buffer/mod.rs`: it decides what is sent when.

mod action;
mod buffer;
mod buffered;
mod checked;
mod clock;
mod codes;
mod counters;
mod dead_letters;
mod directory;
mod disk;
mod engine;
mod error_class;
mod explain;
mod factory;
mod given_event;
mod index;
mod load;
mod log_gate;
mod loops;
mod made;
mod measure;
mod output;
mod preview;
mod publisher;
mod rule;
mod rule_file;
mod rule_test;
mod source;
mod status;
mod trial;
mod watch;
mod worker;

pub use action::{Action, ActionError, BoxFuture, ItemOutcome, Outcome};
pub use buffer::{
    ACTION_OPTIONS, ActionOption, Batch, BreakerState, Buffer, BufferKind, BufferOptions, DeadLetter, Drops, Failure,
    Ledger, Next, Order, Overflow, Pushed, Trouble,
};
pub use buffered::{Buffered, Kept};
pub use checked::{CheckedRule, RuleSource};
pub use clock::Clock;
pub use counters::RuleCounts;
pub use dead_letters::{LetterFilter, LetterLimits};
pub use engine::{Engine, EngineConfig, Environment, HOPS_MAX_DEFAULT, ReplayRefused};
pub use error_class::ErrorClass;
pub use explain::{ActionPreview, Explained};
pub use factory::{ActionFactory, ActionSpec, ConfigError, ConnectorUse, Via};
pub use load::{LoadReport, read_rules};
pub use loops::warn_of_loops;
pub use made::{
    ActionUse, Condition, Made, MadeConnector, MadeObjects, MadeRule, MakeRefused, RuleBody, RuleParts, SharedAction,
    Wrong,
};
pub use measure::{BYTE_UNITS, TIME_UNITS, measure};
pub use output::{Output, OutputId};
pub use preview::{Placeholder, Preview, PreviewPart};
pub use publisher::{HopLimit, PublishProperties, PublishRefused, PublishRequest, Publisher};
pub use rule_test::{Difference, FieldComparison, RuleTest, TestReport};
pub use source::{SourceCounts, SourceState, SourceStatus, Taken};
pub use status::{Refused, RuleState, RuleStatus};
pub use trial::{Compat, TrialRefused};
pub use worker::{ActionState, ActionStatus, Operation};

pub use mqtt::{Filter, QoS};
pub use sql::{Diagnostic, Rows, Severity, template};
