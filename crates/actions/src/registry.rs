//! The connectors of the configuration, and the actions that rules make of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use engine::{Action, ActionError, ActionFactory, ActionSpec, BoxFuture, ConfigError, Publisher, SourceStatus, Via};

use crate::console::Console;
use crate::kind::{ALL, Connector, Kind, Way};
use crate::mqtt::MqttSource;
use crate::sources::Sources;

/// Replaces `${env:...}` and `${file:...}` in a text, or says why it cannot.
pub type Secrets = Arc<dyn Fn(&str) -> Result<String, String> + Send + Sync>;

/// Builds the actions of rules.
pub struct Registry {
    /// Those of the configuration, and those that are made while it runs.
    connectors: RwLock<Connectors>,
    /// Those of the configuration.
    sources: Sources,
    surroundings: Surroundings,
    secrets: Secrets,
}

/// What actions need that is no outside system.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) publisher: Arc<dyn Publisher>,
    pub(crate) console: Console,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("console", &self.console).finish_non_exhaustive()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("connectors", &*self.connectors.read()).finish_non_exhaustive()
    }
}

impl Registry {
    /// A registry of these connectors; `republish` publishes with `publisher`, `console` prints to `console`.
    pub fn new(connectors: Connectors, publisher: Arc<dyn Publisher>, console: Console) -> Registry {
        Registry {
            connectors: RwLock::new(connectors),
            sources: Sources::default(),
            surroundings: Surroundings { publisher, console },
            secrets: Arc::new(|text| Ok(text.to_owned())),
        }
    }

    /// The same with these sources, so that rules may name them.
    #[must_use]
    pub fn with_sources(self, sources: Sources) -> Registry {
        Registry { sources, ..self }
    }

    /// The connectors, as they are now.
    pub fn connectors(&self) -> Connectors {
        self.connectors.read().clone()
    }

    /// The same, which reads what connectors that are made while it runs keep elsewhere.
    #[must_use]
    pub fn with_secrets(self, secrets: Secrets) -> Registry {
        Registry { secrets, ..self }
    }
}

impl ActionFactory for Registry {
    fn build(&self, spec: &ActionSpec<'_>) -> Result<Box<dyn Action>, Vec<ConfigError>> {
        match spec.via {
            Via::Connector(name) => match self.connectors.read().named.get(name) {
                Some(connector) => Arc::clone(connector).action(spec),
                None => Err(vec![self.unknown_connector(name)]),
            },
            Via::Kind(name) => match Kind::find(name).map(|kind| kind.way) {
                Some(Way::Direct(make)) => make(&self.surroundings, spec),
                Some(Way::Connected(_)) => Err(vec![needs_connector(name)]),
                Some(Way::NotBuilt) => Err(vec![not_built(name, &[])]),
                None => Err(vec![unknown_kind(name)]),
            },
        }
    }

    fn connectors(&self) -> Vec<(String, &'static str)> {
        self.connectors.read().iter().map(|(name, kind)| (name.to_owned(), kind)).collect()
    }

    fn sources(&self) -> Vec<SourceStatus> {
        self.sources.statuses()
    }

    fn check_source<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Option<Result<(), ActionError>>> {
        Box::pin(self.sources.check(name))
    }

    fn check_connector<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Option<Result<(), ActionError>>> {
        let connector = self.connectors.read().named.get(name).cloned();
        Box::pin(async move { Some(connector?.check().await) })
    }

    fn put_connector(&self, name: &str, options: &toml::Table) -> Result<(), Vec<ConfigError>> {
        let connector = read_connector(&self.with_secrets_in(options)?)?;
        self.connectors.write().named.insert(name.to_owned(), connector);
        Ok(())
    }

    fn remove_connector(&self, name: &str) {
        self.connectors.write().named.remove(name);
    }

    fn probe_connector<'a>(&'a self, options: &'a toml::Table) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async { read_connector(&self.with_secrets_in(options)?)?.check().await })
    }
}

impl Connectors {
    /// Reads the options of the source `name`, which names the connector that it uses.
    pub(crate) fn source(
        &self,
        name: &str,
        connector: &str,
        options: &toml::Table,
    ) -> Result<MqttSource, Vec<ConfigError>> {
        match self.named.get(connector) {
            Some(connector) => Arc::clone(connector).source(name, options),
            None => {
                let known = self.named.keys().map(String::as_str);
                let error = ConfigError::at(&["connector"], format!("no connector `{connector}`"));
                Err(vec![error.with_help(match events::closest(connector, known) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("declare it in the configuration: `[connectors.{connector}]`"),
                })])
            }
        }
    }
}

impl Registry {
    /// The options with what stands elsewhere.
    fn with_secrets_in(&self, options: &toml::Table) -> Result<toml::Value, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let mut value = toml::Value::Table(options.clone());
        expand(&mut value, &self.secrets, &mut Vec::new(), &mut errors);
        if errors.is_empty() { Ok(value) } else { Err(errors) }
    }

    fn unknown_connector(&self, name: &str) -> ConfigError {
        let error = ConfigError::at(&[], format!("no connector `{name}`"));
        let direct = Kind::find(name).is_some_and(|kind| !kind.needs_connector());
        let connectors = self.connectors.read();
        let known = connectors.named.keys().map(String::as_str);
        error.with_help(match events::closest(name, known) {
            _ if direct => format!("`{name}` needs no connector: write `{name} = {{ ... }}`"),
            Some(meant) => format!("did you mean `{meant}`?"),
            None => {
                format!("declare it in the configuration, `[connectors.{name}]`, or make it with `POST /connectors`")
            }
        })
    }
}

/// Replaces what stands elsewhere in the texts of `value`, which is at `path`.
fn expand(value: &mut toml::Value, secrets: &Secrets, path: &mut Vec<String>, errors: &mut Vec<ConfigError>) {
    match value {
        toml::Value::String(text) => match secrets(text) {
            Ok(expanded) => *text = expanded,
            Err(why) => {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                errors.push(ConfigError::at(&path, why));
            }
        },
        toml::Value::Array(items) => items.iter_mut().for_each(|item| expand(item, secrets, path, errors)),
        toml::Value::Table(table) => {
            for (key, value) in table.iter_mut() {
                path.push(key.clone());
                expand(value, secrets, path, errors);
                path.pop();
            }
        }
        toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) | toml::Value::Datetime(_) => {}
    }
}

fn needs_connector(kind: &str) -> ConfigError {
    ConfigError::at(&[], format!("an action of kind `{kind}` needs a connector")).with_help(format!(
        "declare `[connectors.my_{kind}]` with `kind = \"{kind}\"` in the configuration and write \
         `connector = \"my_{kind}\"` here"
    ))
}

fn not_built(kind: &str, path: &[&str]) -> ConfigError {
    ConfigError::at(path, format!("this build has no `{kind}`")).with_help(format!("build it with `--features {kind}`"))
}

fn unknown_kind(name: &str) -> ConfigError {
    let error = ConfigError::at(&[], format!("no kind of action `{name}`"));
    error.with_help(suggest(name, |_| true))
}

fn suggest(name: &str, wanted: fn(&Kind) -> bool) -> String {
    let known: Vec<&str> = ALL.iter().filter(|kind| wanted(kind)).map(|kind| kind.name).collect();
    match events::closest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("expected one of `{}`", known.join("`, `")),
    }
}

/// The connectors of the configuration, by name.
#[derive(Clone, Default)]
pub struct Connectors {
    named: BTreeMap<String, Arc<dyn Connector>>,
}

impl Connectors {
    /// Reads the tables of `[connectors]`: `kind` and the options of that kind. Nothing is opened.
    ///
    /// Secrets must be in place already: `${env:...}` and `${file:...}` are resolved by whoever reads the
    /// configuration. The paths of the errors begin with the name of the connector.
    pub fn read(tables: &toml::Table) -> Result<Connectors, Vec<ConfigError>> {
        let mut named = BTreeMap::new();
        let mut errors = Vec::new();
        for (name, value) in tables {
            match read_connector(value) {
                Ok(connector) => {
                    named.insert(name.clone(), connector);
                }
                Err(wrong) => errors.extend(wrong.into_iter().map(|mut error| {
                    error.path.insert(0, name.clone());
                    error
                })),
            }
        }
        if errors.is_empty() { Ok(Connectors { named }) } else { Err(errors) }
    }

    /// Name and kind of every connector, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.named.iter().map(|(name, connector)| (name.as_str(), connector.kind()))
    }

    /// Reaches for the other side of a connector; `None` where there is no such connector.
    pub async fn check(&self, name: &str) -> Option<Result<(), ActionError>> {
        Some(self.named.get(name)?.check().await)
    }
}

impl fmt::Debug for Connectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

fn read_connector(value: &toml::Value) -> Result<Arc<dyn Connector>, Vec<ConfigError>> {
    let Some(table) = value.as_table() else {
        let message = format!("expected a table, found {}", value.type_str());
        return Err(vec![ConfigError::at(&[], message).with_help("write `[connectors.my_name]` and options below it")]);
    };
    let mut options = table.clone();
    let kind = match options.remove("kind") {
        Some(toml::Value::String(kind)) => kind,
        Some(other) => {
            let message = format!("`kind`: expected text, found {}", other.type_str());
            return Err(vec![ConfigError::at(&["kind"], message)]);
        }
        None => {
            let error = ConfigError::at(&[], "`kind` is missing");
            return Err(vec![error.with_help(suggest("", Kind::needs_connector))]);
        }
    };
    match Kind::find(&kind).map(|kind| kind.way) {
        Some(Way::Connected(open)) => open(&options),
        Some(Way::NotBuilt) => Err(vec![not_built(&kind, &["kind"])]),
        Some(Way::Direct(_)) => {
            let error = ConfigError::at(&["kind"], format!("an action of kind `{kind}` needs no connector"));
            Err(vec![error.with_help(format!("write `{kind} = {{ ... }}` in the rule"))])
        }
        None => {
            let error = ConfigError::at(&["kind"], format!("no kind of connector `{kind}`"));
            Err(vec![error.with_help(suggest(&kind, Kind::needs_connector))])
        }
    }
}
