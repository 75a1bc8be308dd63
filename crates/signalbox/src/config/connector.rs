//! `[connectors.NAME]` and `[sources.NAME]`: read with their secrets, shown without them, and checked by those who know their kinds.

use std::ops::Range;

use actions::{Connectors, Sources};
use engine::ConfigError;

use super::node::{Node, NodeValue};
use super::problem::{Code, Place, Problem};
use super::secret::{self, Environment};
use super::section::{Layers, Origin, Shown, join};

/// One `[connectors.NAME]` or `[sources.NAME]`, its secrets read.
#[derive(Clone)]
pub(crate) struct Connector {
    /// Its name.
    pub(crate) name: String,
    name_span: Range<usize>,
    node: Node,
}

/// Without the options: they hold secrets.
impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Connector {
    /// The options as a TOML value.
    pub(super) fn to_toml(&self) -> toml::Value {
        self.node.value.to_toml()
    }
}

/// Reads all tables below `section` and notes their options as they were written.
pub(super) fn read(layers: &mut Layers, section: &str, environment: Environment<'_>) -> Vec<Connector> {
    let table = layers.table_at(section);
    let mut connectors = Vec::new();
    for entry in table.entries() {
        let path = join(section, &entry.key);
        show(layers, &path, &entry.node);
        let base = layers.base.clone();
        let node = secret::expand(&entry.node, &base, environment, &mut layers.problems);
        connectors.push(Connector { name: entry.key.clone(), name_span: entry.key_span.clone(), node });
    }
    connectors
}

/// The connectors, ready for actions.
pub(super) fn build(connectors: &[Connector]) -> Result<Connectors, Vec<Problem>> {
    let tables = connectors.iter().map(|connector| (connector.name.clone(), connector.to_toml())).collect();
    let problems =
        |errors: Vec<ConfigError>| errors.iter().map(|error| problem("connectors", connectors, error)).collect();
    Connectors::read(&tables).map_err(problems)
}

/// The sources, ready to listen by `connectors`.
pub(super) fn build_sources(sources: &[Connector], connectors: &Connectors) -> Result<Sources, Vec<Problem>> {
    let tables = sources.iter().map(|source| (source.name.clone(), source.to_toml())).collect();
    let problems = |errors: Vec<ConfigError>| errors.iter().map(|error| problem("sources", sources, error)).collect();
    Sources::read(&tables, connectors).map_err(problems)
}

/// Finds the place in the file that an error is about.
fn problem(section: &str, connectors: &[Connector], error: &ConfigError) -> Problem {
    let (name, path) = error.path.split_first().map_or(("", &[][..]), |(name, path)| (name.as_str(), path));
    let connector = connectors.iter().find(|connector| connector.name == name);
    let place = connector.map_or(Place::Nowhere, |connector| Place::File(span_of(connector, path, error)));
    let message = format!("`{section}.{name}`: {}", error.message);
    Problem::at(Code::Connector, place, message).with_help(error.help.clone())
}

fn span_of(connector: &Connector, path: &[String], error: &ConfigError) -> Range<usize> {
    let Some((last, parents)) = path.split_last() else { return connector.name_span.clone() };
    let mut node = &connector.node;
    for part in parents {
        let Some(entry) = node.get(part) else { return connector.name_span.clone() };
        node = &entry.node;
    }
    let Some(entry) = node.get(last) else { return connector.name_span.clone() };
    if error.at_key { entry.key_span.clone() } else { entry.node.span.clone() }
}

/// Notes the options for `config show`, secrets hidden.
fn show(layers: &mut Layers, path: &str, node: &Node) {
    for entry in node.entries() {
        let full = join(path, &entry.key);
        if matches!(entry.node.value, NodeValue::Table(_)) {
            show(layers, &full, &entry.node);
            continue;
        }
        let value = match &entry.node.value {
            NodeValue::Text(text) => toml::Value::String(auth::without_secret(&full, text)).to_string(),
            NodeValue::Integer(_)
            | NodeValue::Float(_)
            | NodeValue::Boolean(_)
            | NodeValue::List(_)
            | NodeValue::Table(_) => entry.node.value.to_toml().to_string(),
        };
        let origin = Origin::File(layers.line_of(&entry.key_span));
        layers.shown.push(Shown {
            table: path.to_owned(),
            key: entry.key.clone(),
            doc: &[],
            value,
            default: None,
            expected: "",
            origin,
        });
    }
}
