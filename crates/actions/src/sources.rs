//! The sources of the configuration: other systems whose messages rules listen to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytestring::ByteString;
use engine::{ActionError, BoxFuture, Clock, ConfigError, Engine, SourceStatus};
use tokio_util::sync::CancellationToken;

use crate::mqtt::MqttSource;
use crate::options::OptionField;
use crate::registry::Connectors;

/// Every kind of source.
pub const SOURCE_KINDS: &[SourceKind] = &[crate::mqtt::SOURCE];

/// A way in: its name, which is that of its connector, its options, and a sample of these.
#[derive(Clone, Copy, Debug)]
pub struct SourceKind {
    /// As in `$sources/mqtt:plant`.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Its options.
    pub options: &'static [OptionField],
    /// Options that are accepted beside `connector`, in TOML.
    pub sample: &'static str,
}

/// What sources need of their surroundings.
#[derive(Clone)]
pub struct Host {
    /// Who gets the messages.
    pub engine: Engine,
    /// What time it is.
    pub clock: Clock,
    /// The name of this node.
    pub node: ByteString,
    /// What tells this installation from others, part of the client identifiers of sources that have none of their own.
    pub installation: String,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("node", &self.node).finish_non_exhaustive()
    }
}

/// The sources of the configuration, by name. Cloning gives another handle of the same.
#[derive(Clone, Default)]
pub struct Sources {
    named: BTreeMap<String, Arc<MqttSource>>,
}

impl Sources {
    /// Reads the tables of `[sources]`: `connector` and the options of the kind. Nothing is opened. The paths of the
    /// errors begin with the name of the source.
    pub fn read(tables: &toml::Table, connectors: &Connectors) -> Result<Sources, Vec<ConfigError>> {
        let mut named = BTreeMap::new();
        let mut errors = Vec::new();
        for (name, value) in tables {
            match read_source(name, value, connectors) {
                Ok(source) => {
                    named.insert(name.clone(), Arc::new(source));
                }
                Err(wrong) => errors.extend(wrong.into_iter().map(|mut error| {
                    error.path.insert(0, name.clone());
                    error
                })),
            }
        }
        if errors.is_empty() { Ok(Sources { named }) } else { Err(errors) }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// Name and connector of each, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.named.iter().map(|(name, source)| (name.as_str(), source.connector_name()))
    }

    /// How each is, in the order of the names.
    pub fn statuses(&self) -> Vec<SourceStatus> {
        self.named.values().map(|source| source.status()).collect()
    }

    /// Reaches for the other side of a source, and looks whether it lets us listen; `None` where there is no such source.
    pub async fn check(&self, name: &str) -> Option<Result<(), ActionError>> {
        Some(self.named.get(name)?.check().await)
    }

    /// What listens until `stopping`, one task for each source.
    pub fn tasks(&self, host: &Host, stopping: &CancellationToken) -> Vec<BoxFuture<'static, ()>> {
        let task = |source: &Arc<MqttSource>| -> BoxFuture<'static, ()> {
            Box::pin(Arc::clone(source).run(host.clone(), stopping.clone()))
        };
        self.named.values().map(task).collect()
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.named.keys()).finish()
    }
}

fn read_source(name: &str, value: &toml::Value, connectors: &Connectors) -> Result<MqttSource, Vec<ConfigError>> {
    let Some(table) = value.as_table() else {
        let message = format!("expected a table, found {}", value.type_str());
        return Err(vec![ConfigError::at(&[], message).with_help("write `[sources.my_name]` and options below it")]);
    };
    if name.is_empty() || name.contains(|c: char| !c.is_ascii_alphanumeric() && !"_-.".contains(c)) {
        let message = format!("expected a name of letters, digits, `_`, `-` and `.`, found `{name}`");
        return Err(vec![ConfigError::at(&[], message)]);
    }
    let mut options = table.clone();
    let kind = options.remove("kind");
    let connector = match options.get("connector") {
        Some(toml::Value::String(connector)) => connector.clone(),
        Some(other) => {
            let message = format!("`connector`: expected text, found {}", other.type_str());
            return Err(vec![ConfigError::at(&["connector"], message)]);
        }
        None => {
            let error = ConfigError::at(&[], "`connector` is missing");
            return Err(vec![error.with_help("name a connector of kind `mqtt`")]);
        }
    };
    let source = connectors.source(name, &connector, &options)?;
    match kind {
        Some(kind) if kind.as_str() != Some("mqtt") => {
            let message = format!("`kind`: expected \"mqtt\", which the connector is, found {kind}");
            Err(vec![ConfigError::at(&["kind"], message)])
        }
        Some(_) | None => Ok(source),
    }
}
