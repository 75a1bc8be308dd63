//! TOML with the place of every key and value, counted in bytes of the whole file.

use std::ops::Range;

use sql::Diagnostic;
use toml::de::{DeTable, DeValue};

use crate::codes;

/// A value of a header.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it stands.
    pub(crate) span: Range<usize>,
    /// What it is.
    pub(crate) kind: NodeKind,
}

/// What a value of a header is.
#[derive(Clone, Debug)]
pub(crate) enum NodeKind {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Datetime(toml::value::Datetime),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Range<usize>,
    pub(crate) value: Node,
}

impl Node {
    /// Reads `text`, which stands at `offset` of its file.
    pub(crate) fn parse(text: &str, offset: usize) -> Result<Node, Vec<Diagnostic>> {
        let (document, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(errors
                .iter()
                .map(|error| {
                    let span = error.span().unwrap_or(0..0);
                    let message = format!("the header is no TOML: {}", error.message());
                    Diagnostic::error(codes::HEADER_SYNTAX, shifted(&span, offset), message)
                })
                .collect());
        }
        let mut problems = Vec::new();
        let node = Node {
            span: shifted(&document.span(), offset),
            kind: NodeKind::Table(entries(document.get_ref(), offset, &mut problems)),
        };
        if problems.is_empty() { Ok(node) } else { Err(problems) }
    }

    /// The entries, where this is a table.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.kind {
            NodeKind::Table(entries) => entries,
            NodeKind::Text(_)
            | NodeKind::Int(_)
            | NodeKind::Float(_)
            | NodeKind::Bool(_)
            | NodeKind::Datetime(_)
            | NodeKind::List(_) => &[],
        }
    }

    /// The text, where this is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        if let NodeKind::Text(text) = &self.kind { Some(text) } else { None }
    }

    /// What it is, as a message says it.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self.kind {
            NodeKind::Text(_) => "text",
            NodeKind::Int(_) => "an integer",
            NodeKind::Float(_) => "a float",
            NodeKind::Bool(_) => "a boolean",
            NodeKind::Datetime(_) => "a date",
            NodeKind::List(_) => "a list",
            NodeKind::Table(_) => "a table",
        }
    }

    /// The place of what `path` leads to, as far as it leads; of the last key instead of its value where `at_key`.
    pub(crate) fn place(&self, path: &[String], at_key: bool) -> Range<usize> {
        let Some((step, rest)) = path.split_first() else { return self.span.clone() };
        match &self.kind {
            NodeKind::Table(entries) => match entries.iter().find(|entry| entry.key == *step) {
                Some(entry) if rest.is_empty() && at_key => entry.key_span.clone(),
                Some(entry) => entry.value.place(rest, at_key),
                None => self.span.clone(),
            },
            NodeKind::List(items) => match step.parse::<usize>().ok().and_then(|at| items.get(at)) {
                Some(item) => item.place(rest, at_key),
                None => self.span.clone(),
            },
            NodeKind::Text(_) | NodeKind::Int(_) | NodeKind::Float(_) | NodeKind::Bool(_) | NodeKind::Datetime(_) => {
                self.span.clone()
            }
        }
    }

    /// The value without places.
    pub(crate) fn to_toml(&self) -> toml::Value {
        match &self.kind {
            NodeKind::Text(text) => toml::Value::String(text.clone()),
            NodeKind::Int(number) => toml::Value::Integer(*number),
            NodeKind::Float(number) => toml::Value::Float(*number),
            NodeKind::Bool(value) => toml::Value::Boolean(*value),
            NodeKind::Datetime(time) => toml::Value::Datetime(*time),
            NodeKind::List(items) => toml::Value::Array(items.iter().map(Node::to_toml).collect()),
            NodeKind::Table(entries) => toml::Value::Table(to_table(entries)),
        }
    }
}

/// The entries without places.
pub(crate) fn to_table<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> toml::Table {
    entries.into_iter().map(|entry| (entry.key.clone(), entry.value.to_toml())).collect()
}

fn entries(table: &DeTable<'_>, offset: usize, problems: &mut Vec<Diagnostic>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().clone().into_owned(),
            key_span: shifted(&key.span(), offset),
            value: node(value.get_ref(), shifted(&value.span(), offset), offset, problems),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    entries
}

fn node(value: &DeValue<'_>, span: Range<usize>, offset: usize, problems: &mut Vec<Diagnostic>) -> Node {
    let kind = match value {
        DeValue::String(text) => NodeKind::Text(text.clone().into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => NodeKind::Int(number),
            Err(_) => {
                let message = format!("expected an integer of 64 bits, found `{number}`");
                problems.push(Diagnostic::error(codes::VALUE, span.clone(), message));
                NodeKind::Int(0)
            }
        },
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => NodeKind::Float(number),
            Ok(_) | Err(_) => {
                let message = format!("expected a finite float, found `{number}`");
                problems.push(Diagnostic::error(codes::VALUE, span.clone(), message));
                NodeKind::Float(0.0)
            }
        },
        DeValue::Boolean(value) => NodeKind::Bool(*value),
        DeValue::Datetime(time) => NodeKind::Datetime(*time),
        DeValue::Array(items) => NodeKind::List(
            items.iter().map(|item| node(item.get_ref(), shifted(&item.span(), offset), offset, problems)).collect(),
        ),
        DeValue::Table(table) => NodeKind::Table(entries(table, offset, problems)),
    };
    Node { span, kind }
}

fn shifted(span: &Range<usize>, offset: usize) -> Range<usize> {
    span.start + offset..span.end + offset
}
