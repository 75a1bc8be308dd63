//! What an action would send for an output, part by part: nothing is sent.

use events::{Map, Value};

/// What an action would send for one output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preview {
    /// The parts, in the order in which the action names them: `topic`, `payload`.
    pub parts: Vec<PreviewPart>,
    /// Why the output would be rejected, where it would be.
    pub rejected: Option<String>,
}

/// A part of what is sent, rendered.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewPart {
    /// What it is: `topic`, `header content-type`, `parameter 2`.
    pub name: String,
    /// What is sent.
    pub value: Value,
    /// The placeholders of its template.
    pub placeholders: Vec<Placeholder>,
}

/// A placeholder of a template, filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Placeholder {
    /// What stands between `${` and `}`, without the default; empty for the whole row.
    pub text: String,
    /// The name in the row that it begins with; `None` for the whole row.
    pub root: Option<String>,
    /// What it is worth.
    pub value: Value,
}

impl Preview {
    /// The parts by their names, without the placeholders they were made of.
    pub(crate) fn sent(self) -> Map {
        self.parts.into_iter().map(|part| (part.name.into(), part.value)).collect()
    }
}

impl PreviewPart {
    /// A part without placeholders.
    pub fn constant(name: impl Into<String>, value: impl Into<Value>) -> PreviewPart {
        PreviewPart { name: name.into(), value: value.into(), placeholders: Vec::new() }
    }
}
