//! What a function is: data, and the code that is called.

use events::{Type, Value};

use super::args::{Args, Fault};
use crate::values::describe::describe;

/// A function of the rule language.
#[derive(Debug)]
pub(crate) struct Function {
    /// The name in rules.
    pub(crate) name: &'static str,
    /// What it does, in a sentence or two.
    pub(crate) doc: &'static str,
    /// What it takes, in order. Parameters that the rule may leave out stand last.
    pub(crate) params: &'static [Param],
    /// What it gives, as far as that is known before it is called.
    pub(crate) returns: Type,
    /// What it does, shown; a test runs them.
    pub(crate) examples: &'static [Example],
    /// The code.
    pub(crate) call: fn(&Args<'_>) -> Result<Value, Fault>,
}

/// The functions of a folder.
#[derive(Debug)]
pub(crate) struct Category {
    /// The name of the folder.
    pub(crate) name: &'static str,
    pub(crate) functions: &'static [&'static Function],
}

/// What a function takes at one place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param {
    /// The name in messages and documentation; of the column where it is one.
    pub(crate) name: &'static str,
    pub(crate) wants: Wants,
    pub(crate) arity: Arity,
}

/// What may stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    Any,
    Text,
    /// Text, or a boolean, which counts as `true` or `false`.
    Word,
    /// Text or bytes.
    Data,
    Number,
    Int,
    Float,
    List,
    /// Text that is a regular expression. A constant one is compiled with the rule.
    Regex,
}

/// How often it may stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arity {
    Once,
    Optional,
    /// As often as one likes.
    Rest,
    /// Never: the column of that name is handed in behind the arguments.
    Column,
}

/// An expression and what becomes of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Example {
    pub(crate) expression: &'static str,
    /// JSON, or a part of the message.
    pub(crate) expected: Result<&'static str, &'static str>,
}

impl Function {
    /// How many columns it reads, which are handed in behind the arguments.
    pub(crate) fn columns(&self) -> usize {
        self.params.iter().filter(|param| param.arity == Arity::Column).count()
    }

    /// The name with the parameters, as documentation shows it: `split(text, separator[, option])`.
    pub(crate) fn signature(&self) -> String {
        let mut out = format!("{}(", self.name);
        for (at, param) in self.params.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            match param.arity {
                Arity::Once => out.extend([comma, param.name]),
                Arity::Optional => out.extend(["[", comma, param.name, "]"]),
                Arity::Rest => out.extend([comma, param.name, ", ..."]),
                Arity::Column => {}
            }
        }
        out.push(')');
        out
    }
}

impl Wants {
    /// The words for it in messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Wants::Any => "anything",
            Wants::Text => "text",
            Wants::Word => "text",
            Wants::Data => "text or bytes",
            Wants::Number => "a number",
            Wants::Int => "an integer",
            Wants::Float => "a float",
            Wants::List => "a list",
            Wants::Regex => "a regular expression",
        }
    }

    /// Whether a value fits.
    pub(crate) const fn fits(self, value: &Value) -> bool {
        match self {
            Wants::Any => true,
            Wants::Text | Wants::Regex => matches!(value, Value::Text(_)),
            Wants::Word => matches!(value, Value::Text(_) | Value::Bool(_)),
            Wants::Data => matches!(value, Value::Text(_) | Value::Bytes(_)),
            Wants::Number => matches!(value, Value::Int(_) | Value::BigInt(_) | Value::Float(_)),
            Wants::Int => matches!(value, Value::Int(_) | Value::BigInt(_)),
            Wants::Float => matches!(value, Value::Float(_)),
            Wants::List => matches!(value, Value::List(_)),
        }
    }

    /// Whether some value of a type may fit.
    pub(crate) const fn may_fit(self, ty: Type) -> bool {
        let is_text = matches!(ty, Type::Text | Type::Bytes);
        match ty {
            Type::Any | Type::Null => true,
            Type::Bool
            | Type::Int
            | Type::Float
            | Type::Number
            | Type::Timestamp
            | Type::Text
            | Type::Bytes
            | Type::List
            | Type::Map => match self {
                Wants::Any => true,
                Wants::Text | Wants::Regex | Wants::Data => is_text,
                Wants::Word => is_text || matches!(ty, Type::Bool),
                Wants::Number => matches!(ty, Type::Int | Type::Float | Type::Number | Type::Timestamp),
                Wants::Int => matches!(ty, Type::Int | Type::Number | Type::Timestamp),
                Wants::Float => matches!(ty, Type::Float | Type::Number),
                Wants::List => matches!(ty, Type::List),
            },
        }
    }
}

impl Param {
    /// What is wrong with a value there.
    pub(crate) fn mismatch(&self, value: &Value) -> String {
        format!("`{}` must be {}, found {}", self.name, self.wants.name(), describe(value))
    }
}

const fn once(name: &'static str, wants: Wants) -> Param {
    Param { name, wants, arity: Arity::Once }
}

/// Anything.
pub(super) const fn any(name: &'static str) -> Param {
    once(name, Wants::Any)
}

/// Text.
pub(super) const fn text(name: &'static str) -> Param {
    once(name, Wants::Text)
}

/// Text or a boolean.
pub(super) const fn word(name: &'static str) -> Param {
    once(name, Wants::Word)
}

/// Text or bytes.
pub(super) const fn data(name: &'static str) -> Param {
    once(name, Wants::Data)
}

/// A number.
pub(super) const fn number(name: &'static str) -> Param {
    once(name, Wants::Number)
}

/// An integer.
pub(super) const fn int(name: &'static str) -> Param {
    once(name, Wants::Int)
}

/// A float.
pub(super) const fn float(name: &'static str) -> Param {
    once(name, Wants::Float)
}

/// A list.
pub(super) const fn list(name: &'static str) -> Param {
    once(name, Wants::List)
}

/// A regular expression.
pub(super) const fn regex(name: &'static str) -> Param {
    once(name, Wants::Regex)
}

/// The same, where the rule may leave it out.
pub(super) const fn optional(param: Param) -> Param {
    Param { arity: Arity::Optional, ..param }
}

/// The same, as often as one likes.
pub(super) const fn rest(param: Param) -> Param {
    Param { arity: Arity::Rest, ..param }
}

/// A column that the function reads by itself.
pub(super) const fn column(name: &'static str) -> Param {
    Param { name, wants: Wants::Any, arity: Arity::Column }
}

/// An expression and its value as JSON.
pub(super) const fn example(expression: &'static str, json: &'static str) -> Example {
    Example { expression, expected: Ok(json) }
}

/// An expression that is refused, and a part of the message.
pub(super) const fn fails(expression: &'static str, message: &'static str) -> Example {
    Example { expression, expected: Err(message) }
}
