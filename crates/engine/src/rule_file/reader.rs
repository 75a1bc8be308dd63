//! Takes keys out of a table of a header, and says what is wrong with them.

use std::ops::Range;

use events::closest;
use sql::Diagnostic;

use super::node::{Entry, Node, NodeKind};
use crate::codes;
use crate::measure::measure;

/// The keys of one table that have not been taken yet.
pub(crate) struct Reader<'n> {
    span: Range<usize>,
    left: Vec<&'n Entry>,
    known: Vec<&'static str>,
}

impl<'n> Reader<'n> {
    /// Reads `node`, which has to be a table; `what` names it in the message.
    pub(crate) fn new(node: &'n Node, what: &str, problems: &mut Vec<Diagnostic>) -> Reader<'n> {
        if !matches!(node.kind, NodeKind::Table(_)) {
            problems.push(expected(node, &format!("a table for {what}")));
        }
        Reader { span: node.span.clone(), left: node.entries().iter().collect(), known: Vec::new() }
    }

    /// Where the table stands.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The value of `key`, whatever it is.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<&'n Entry> {
        self.known.push(key);
        let at = self.left.iter().position(|entry| entry.key == key)?;
        Some(self.left.remove(at))
    }

    /// The text at `key`.
    pub(crate) fn text(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<(&'n str, Range<usize>)> {
        let node = &self.take(key)?.value;
        match node.as_text() {
            Some(text) => Some((text, node.span.clone())),
            None => {
                problems.push(expected(node, &format!("text for `{key}`")));
                None
            }
        }
    }

    /// The boolean at `key`.
    pub(crate) fn bool(&mut self, key: &'static str, problems: &mut Vec<Diagnostic>) -> Option<bool> {
        let node = &self.take(key)?.value;
        if let NodeKind::Bool(value) = node.kind {
            return Some(value);
        }
        problems.push(expected(node, &format!("`true` or `false` for `{key}`")));
        None
    }

    /// The integer at `key`, which has to be within `range`.
    pub(crate) fn integer(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<i64>,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<i64> {
        let node = &self.take(key)?.value;
        match node.kind {
            NodeKind::Int(number) if range.contains(&number) => return Some(number),
            NodeKind::Int(number) => {
                let wanted = format!("expected an integer from {} to {} for `{key}`", range.start(), range.end());
                problems.push(Diagnostic::error(codes::VALUE, node.span.clone(), format!("{wanted}, found {number}")));
            }
            NodeKind::Text(_)
            | NodeKind::Float(_)
            | NodeKind::Bool(_)
            | NodeKind::Datetime(_)
            | NodeKind::List(_)
            | NodeKind::Table(_) => problems.push(expected(node, &format!("an integer for `{key}`"))),
        }
        None
    }

    /// A number with a unit at `key`, such as `"10m"`, worth `units`; a number alone counts in the smallest.
    pub(crate) fn measure(
        &mut self,
        key: &'static str,
        units: &[(&str, u64)],
        problems: &mut Vec<Diagnostic>,
    ) -> Option<u64> {
        let node = &self.take(key)?.value;
        let found = match &node.kind {
            NodeKind::Int(number) => u64::try_from(*number).ok(),
            NodeKind::Text(text) => measure(text, units),
            NodeKind::Float(_) | NodeKind::Bool(_) | NodeKind::Datetime(_) | NodeKind::List(_) | NodeKind::Table(_) => {
                None
            }
        };
        if found.filter(|number| *number > 0).is_none() {
            let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
            let message = format!(
                "expected a number above 0 with one of the units `{}` for `{key}`, found {}",
                names.join("`, `"),
                shown(node)
            );
            problems.push(Diagnostic::error(codes::VALUE, node.span.clone(), message));
            return None;
        }
        found
    }

    /// The list at `key`; empty where there is none.
    pub(crate) fn list(&mut self, key: &'static str, problems: &mut Vec<Diagnostic>) -> Option<&'n [Node]> {
        let node = &self.take(key)?.value;
        if let NodeKind::List(items) = &node.kind {
            return Some(items);
        }
        problems.push(expected(node, &format!("a list for `{key}`")));
        None
    }

    /// The table at `key`, to be read.
    pub(crate) fn table(&mut self, key: &'static str, problems: &mut Vec<Diagnostic>) -> Option<Reader<'n>> {
        let node = &self.take(key)?.value;
        Some(Reader::new(node, &format!("`{key}`"), problems))
    }

    /// What was not taken.
    pub(crate) fn rest(self) -> Vec<&'n Entry> {
        self.left
    }

    /// Refuses what was not taken.
    pub(crate) fn finish(self, problems: &mut Vec<Diagnostic>) {
        for entry in self.left {
            problems.push(unknown_key(entry, &self.known));
        }
    }
}

/// `entry` has a key that is none of `known`.
pub(crate) fn unknown_key(entry: &Entry, known: &[&str]) -> Diagnostic {
    let help = match closest(&entry.key, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("expected one of `{}`", known.join("`, `")),
    };
    Diagnostic::error(codes::UNKNOWN_KEY, entry.key_span.clone(), format!("unknown key `{}`", entry.key))
        .with_help(help)
}

/// `node` is not what was expected.
pub(crate) fn expected(node: &Node, what: &str) -> Diagnostic {
    Diagnostic::error(codes::VALUE, node.span.clone(), format!("expected {what}, found {}", shown(node)))
}

fn shown(node: &Node) -> String {
    match &node.kind {
        NodeKind::Text(text) if text.len() <= 40 => format!("the text `{text}`"),
        NodeKind::Int(number) => format!("the number {number}"),
        NodeKind::Bool(value) => format!("`{value}`"),
        NodeKind::Text(_) | NodeKind::Float(_) | NodeKind::Datetime(_) | NodeKind::List(_) | NodeKind::Table(_) => {
            node.kind_name().to_owned()
        }
    }
}
