//! What a kind of connector or action says of itself, and the list of all kinds.

use std::fmt;
use std::sync::Arc;

use engine::{Action, ActionError, ActionSpec, BoxFuture, ConfigError};

use crate::mqtt::MqttSource;
use crate::options::OptionField;
use crate::registry::Surroundings;
use crate::sources::SOURCE_KINDS;

/// Every kind, those that this build does not have included.
pub const ALL: &[Kind] = &[
    crate::republish::KIND,
    crate::http::KIND,
    crate::postgres::KIND,
    crate::sqlite::KIND,
    crate::mqtt::KIND,
    crate::mysql::KIND,
    crate::nats::KIND,
    crate::redis::KIND,
    crate::kafka::KIND,
    crate::file::KIND,
    crate::console::KIND,
];

/// A way out: its name, its options, and a sample of each that works.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// As in `kind = "http"` of a connector, or `republish = { ... }` of an action.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub doc: &'static str,
    /// The options of its connector; none where it needs no connector.
    pub connector: &'static [OptionField],
    /// The options of its actions.
    pub action: &'static [OptionField],
    /// Options of a connector that is accepted, in TOML.
    pub sample_connector: &'static str,
    /// Options of an action that is accepted for the connack event, in TOML.
    pub sample_action: &'static str,
    pub(crate) way: Way,
}

/// What was made, or everything that is wrong with its options.
pub(crate) type Made<T> = Result<T, Vec<ConfigError>>;

/// How actions of a kind are made.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// From what surrounds them: `republish = { ... }`.
    Direct(fn(&Surroundings, &ActionSpec<'_>) -> Made<Box<dyn Action>>),
    /// From a connector of the configuration: `connector = "ops_webhook"`.
    Connected(fn(&toml::Table) -> Made<Arc<dyn Connector>>),
    /// From a connector, in a build with the feature of that name.
    #[cfg_attr(
        all(feature = "mysql", feature = "nats", feature = "redis", feature = "kafka"),
        expect(dead_code, reason = "this build has them all")
    )]
    NotBuilt,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Way::Direct(_) => "Direct",
            Way::Connected(_) => "Connected",
            Way::NotBuilt => "NotBuilt",
        })
    }
}

impl Kind {
    /// The kind of that name.
    pub fn find(name: &str) -> Option<&'static Kind> {
        ALL.iter().find(|kind| kind.name == name)
    }

    /// Whether its actions need a connector of the configuration.
    pub const fn needs_connector(&self) -> bool {
        matches!(self.way, Way::Connected(_) | Way::NotBuilt)
    }

    /// Whether this build has it; the others come with the feature of their name.
    pub const fn is_built(&self) -> bool {
        !matches!(self.way, Way::NotBuilt)
    }
}

/// A named way to an outside system, shared by the actions that use it.
pub(crate) trait Connector: Send + Sync {
    /// The kind, one of [`ALL`].
    fn kind(&self) -> &'static str;
    /// Reads the options of an action that uses it.
    fn action(self: Arc<Self>, spec: &ActionSpec<'_>) -> Made<Box<dyn Action>>;
    /// Reads the options of the source `name` that uses it.
    fn source(self: Arc<Self>, _name: &str, _table: &toml::Table) -> Made<MqttSource> {
        let error = ConfigError::at(&["connector"], format!("a connector of kind `{}` is no way in", self.kind()));
        let kinds: Vec<&str> = SOURCE_KINDS.iter().map(|kind| kind.name).collect();
        Err(vec![error.with_help(format!("there are sources of the kind `{}`", kinds.join("`, `")))])
    }
    /// Reaches for the other side without sending anything.
    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>>;
}
