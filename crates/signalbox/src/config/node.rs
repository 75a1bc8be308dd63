//! A TOML document as a tree that remembers where everything stands.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::problem::{Code, Place, Problem};

/// A value of the configuration file and the bytes it was written in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// The bytes of the value.
    pub(crate) span: Range<usize>,
    /// The value.
    pub(crate) value: NodeValue,
}

/// What a value of the configuration file is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NodeValue {
    /// Text.
    Text(String),
    /// An integer; one that does not fit into 64 bits is text, which no option accepts where it wants a number.
    Integer(i64),
    /// A floating point number.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A list.
    List(Vec<Node>),
    /// A table, in the order of its keys.
    Table(Vec<Entry>),
}

/// One line of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: String,
    /// The bytes of the key.
    pub(crate) key_span: Range<usize>,
    /// What it is set to.
    pub(crate) node: Node,
}

impl Node {
    /// An empty table that stands nowhere: a configuration without a file.
    pub(crate) const fn empty() -> Node {
        Node { span: 0..0, value: NodeValue::Table(Vec::new()) }
    }

    /// Reads a whole document; goes on behind a syntax error so that all of them are told at once.
    pub(crate) fn parse(text: &str) -> Result<Node, Vec<Problem>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            let span = table.span();
            return Ok(Node { span, value: of_table(table.into_inner()) });
        }
        Err(errors
            .iter()
            .map(|error| {
                let place = error.span().map_or(Place::Nowhere, Place::File);
                Problem::at(Code::Syntax, place, error.message().trim_end().replace('\n', ", "))
            })
            .collect())
    }

    /// Reads one value as it would stand behind `key =`, for environment variables and flags.
    pub(crate) fn parse_value(text: &str) -> Option<NodeValue> {
        DeValue::parse(text).ok().map(|value| of_value(value.into_inner()))
    }

    /// The entries, where this is a table.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            NodeValue::Table(entries) => entries,
            NodeValue::Text(_)
            | NodeValue::Integer(_)
            | NodeValue::Float(_)
            | NodeValue::Boolean(_)
            | NodeValue::List(_) => &[],
        }
    }

    /// The entry of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }
}

impl NodeValue {
    /// What kind of value this is, for `expected ..., found ...`.
    pub(crate) fn describe(&self) -> String {
        match self {
            NodeValue::Text(text) => format!("the text `{text}`"),
            NodeValue::Integer(number) => format!("the integer `{number}`"),
            NodeValue::Float(number) => format!("the number `{number}`"),
            NodeValue::Boolean(value) => format!("`{value}`"),
            NodeValue::List(_) => "a list".to_owned(),
            NodeValue::Table(_) => "a table".to_owned(),
        }
    }

    /// The value in TOML's notation.
    pub(crate) fn to_toml(&self) -> toml::Value {
        match self {
            NodeValue::Text(text) => toml::Value::String(text.clone()),
            NodeValue::Integer(number) => toml::Value::Integer(*number),
            NodeValue::Float(number) => toml::Value::Float(*number),
            NodeValue::Boolean(value) => toml::Value::Boolean(*value),
            NodeValue::List(items) => toml::Value::Array(items.iter().map(|item| item.value.to_toml()).collect()),
            NodeValue::Table(entries) => toml::Value::Table(
                entries.iter().map(|entry| (entry.key.clone(), entry.node.value.to_toml())).collect(),
            ),
        }
    }
}

fn of_table(table: DeTable<'_>) -> NodeValue {
    let mut entries: Vec<Entry> = table
        .into_iter()
        .map(|(key, value)| {
            let span = value.span();
            Entry {
                key_span: key.span(),
                key: key.into_inner().into_owned(),
                node: Node { span, value: of_value(value.into_inner()) },
            }
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    NodeValue::Table(entries)
}

fn of_value(value: DeValue<'_>) -> NodeValue {
    match value {
        DeValue::String(text) => NodeValue::Text(text.into_owned()),
        DeValue::Integer(digits) => match i64::from_str_radix(digits.as_str(), digits.radix()) {
            Ok(number) => NodeValue::Integer(number),
            Err(_) => NodeValue::Text(digits.as_str().to_owned()),
        },
        DeValue::Float(digits) => match digits.as_str().parse() {
            Ok(number) => NodeValue::Float(number),
            Err(_) => NodeValue::Text(digits.as_str().to_owned()),
        },
        DeValue::Boolean(value) => NodeValue::Boolean(value),
        DeValue::Datetime(moment) => NodeValue::Text(moment.to_string()),
        DeValue::Array(items) => NodeValue::List(
            items.into_iter().map(|item| Node { span: item.span(), value: of_value(item.into_inner()) }).collect(),
        ),
        DeValue::Table(table) => of_table(table),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_and_its_value_know_where_they_stand() {
        let text = "[http]\nbind = \"x\"\n";
        let root = Node::parse(text).unwrap();
        let http = &root.get("http").unwrap().node;
        let bind = http.get("bind").unwrap();
        assert_eq!(text.get(bind.key_span.clone()), Some("bind"));
        assert_eq!(text.get(bind.node.span.clone()), Some("\"x\""));
    }

    #[test]
    fn every_syntax_error_is_told() {
        let problems = Node::parse("a = \nb = 1\nc = \n").unwrap_err();
        assert!(problems.len() >= 2, "{problems:?}");
    }
}
