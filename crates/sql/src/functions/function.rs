//! What a function is: data, and the code that is called.

use std::borrow::Cow;

use events::{Type, Value};

use super::args::{Args, Fault};
use crate::diagnostic::alternatives;
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
    /// An integer from the first to the last of these; to the greatest there is, where that is the last.
    IntIn(i64, i64),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Text. Words other than these change nothing.
    Option(&'static [&'static str]),
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

    /// The parameter of the argument at a place; the last one stands for all behind it.
    pub(crate) fn param(&self, at: usize) -> Option<&'static Param> {
        let is_given = |param: &&Param| param.arity != Arity::Column;
        self.params.get(at).filter(is_given).or_else(|| self.params.iter().rfind(is_given))
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
    pub(crate) fn name(self) -> Cow<'static, str> {
        match self {
            Wants::Any => "anything".into(),
            Wants::Text | Wants::Word | Wants::Option(_) => "text".into(),
            Wants::Data => "text or bytes".into(),
            Wants::Number => "a number".into(),
            Wants::Int => "an integer".into(),
            Wants::Float => "a float".into(),
            Wants::List => "a list".into(),
            Wants::Regex => "a regular expression".into(),
            Wants::IntIn(from, i64::MAX) => format!("an integer from {from} on").into(),
            Wants::IntIn(from, to) => format!("an integer from {from} to {to}").into(),
            Wants::OneOf(words) => alternatives(words).into(),
        }
    }

    /// The words that may stand there, where they are known.
    pub(crate) const fn words(self) -> &'static [&'static str] {
        match self {
            Wants::OneOf(words) | Wants::Option(words) => words,
            Wants::Any
            | Wants::Text
            | Wants::Word
            | Wants::Data
            | Wants::Number
            | Wants::Int
            | Wants::Float
            | Wants::List
            | Wants::IntIn(_, _)
            | Wants::Regex => &[],
        }
    }

    /// Whether a value is of a type that fits.
    pub(crate) const fn fits(self, value: &Value) -> bool {
        match self {
            Wants::Any => true,
            Wants::Text | Wants::Regex | Wants::OneOf(_) | Wants::Option(_) => matches!(value, Value::Text(_)),
            Wants::Word => matches!(value, Value::Text(_) | Value::Bool(_)),
            Wants::Data => matches!(value, Value::Text(_) | Value::Bytes(_)),
            Wants::Number => matches!(value, Value::Int(_) | Value::BigInt(_) | Value::Float(_)),
            Wants::Int | Wants::IntIn(_, _) => matches!(value, Value::Int(_) | Value::BigInt(_)),
            Wants::Float => matches!(value, Value::Float(_)),
            Wants::List => matches!(value, Value::List(_)),
        }
    }

    /// Whether a value of a type that fits is among those that are taken.
    pub(crate) fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (Wants::OneOf(words), Value::Text(text)) => words.contains(&&**text),
            (Wants::IntIn(from, to), Value::Int(number)) => (from..=to).contains(number),
            (Wants::IntIn(_, _), Value::BigInt(_)) => false,
            _ => true,
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
                Wants::Text | Wants::Regex | Wants::Data | Wants::OneOf(_) | Wants::Option(_) => is_text,
                Wants::Word => is_text || matches!(ty, Type::Bool),
                Wants::Number => matches!(ty, Type::Int | Type::Float | Type::Number | Type::Timestamp),
                Wants::Int | Wants::IntIn(_, _) => matches!(ty, Type::Int | Type::Number | Type::Timestamp),
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

/// An integer from `from` on.
pub(super) const fn int_from(name: &'static str, from: i64) -> Param {
    once(name, Wants::IntIn(from, i64::MAX))
}

/// An integer from `from` to `to`.
pub(super) const fn int_in(name: &'static str, from: i64, to: i64) -> Param {
    once(name, Wants::IntIn(from, to))
}

/// One of the words of a table, of which [`words`] takes them.
pub(super) const fn one_of(name: &'static str, words: &'static [&'static str]) -> Param {
    once(name, Wants::OneOf(words))
}

/// Text that is one of these words to have an effect.
pub(super) const fn option(name: &'static str, words: &'static [&'static str]) -> Param {
    once(name, Wants::Option(words))
}

/// The words of a table of words and what they stand for, so that the parameter and the code have one list.
pub(super) const fn words<T, const LEN: usize>(table: &[(&'static str, T); LEN]) -> [&'static str; LEN] {
    let mut words = [""; LEN];
    let mut at = 0;
    while at < LEN {
        words[at] = table[at].0;
        at += 1;
    }
    words
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
