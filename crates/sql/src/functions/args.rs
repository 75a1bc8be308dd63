//! The arguments of a call, as the code of a function asks for them.

use std::borrow::Cow;

use bytes::Bytes;
use bytestring::ByteString;
use events::{Map, Value};
use num_bigint::BigInt;
use regex::{Regex, RegexBuilder};

use super::function::{Function, Param, Wants};
use crate::codes;
use crate::eval::Budget;
use crate::json::Document;
use crate::values::arithmetic::float_of_big;
use crate::values::describe::describe;
use crate::values::text::{bytes_of, text_of};
use crate::{Columns, Context, NotJson};

/// The most bytes a compiled regular expression may take. A larger one is refused with `E105`.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// Why a call failed.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// The argument it is about; the whole call where it is about none.
    pub(crate) argument: Option<usize>,
}

impl From<String> for Fault {
    fn from(message: String) -> Fault {
        Fault { code: codes::EVAL_RANGE, message, argument: None }
    }
}

/// The arguments of a call.
pub(crate) struct Args<'a> {
    pub(crate) function: &'static Function,
    pub(crate) values: &'a [Value],
    /// How many of the values the rule gives; those behind them are columns that the function reads.
    pub(crate) given: usize,
    pub(crate) regex: Option<&'a Regex>,
    pub(crate) ctx: &'a Context<'a>,
    pub(crate) budget: &'a Budget,
    /// The document of the payload, where a path of the rule has led into it.
    pub(crate) document: Option<&'a Document>,
    pub(crate) columns: &'a dyn Columns,
}

impl<'a> Args<'a> {
    /// How many arguments the rule gives.
    pub(crate) fn len(&self) -> usize {
        self.given
    }

    /// The argument at a place; NULL where the rule leaves it out.
    pub(crate) fn value(&self, at: usize) -> &'a Value {
        const NULL: &Value = &Value::Null;
        self.values.get(at).filter(|_| at < self.len()).unwrap_or(NULL)
    }

    /// Every argument the rule gives.
    pub(crate) fn given(&self) -> &'a [Value] {
        self.values.get(..self.len()).unwrap_or_default()
    }

    /// The column at a place among those the function reads.
    pub(crate) fn column(&self, at: usize) -> &'a Value {
        self.values.get(self.len() + at).unwrap_or(&Value::Null)
    }

    /// Whether the rule gives an argument at that place.
    pub(crate) fn has(&self, at: usize) -> bool {
        at < self.len()
    }

    /// Text.
    pub(crate) fn text(&self, at: usize) -> Result<&'a ByteString, Fault> {
        match self.value(at) {
            Value::Text(text) => Ok(text),
            other => self.mismatch(at, Wants::Text, other),
        }
    }

    /// Text, or `default` where the rule leaves it out.
    pub(crate) fn text_or(&self, at: usize, default: &'static str) -> Result<&'a str, Fault> {
        if self.has(at) { self.text(at).map(|text| &**text) } else { Ok(default) }
    }

    /// Text, or a boolean as its text.
    pub(crate) fn word(&self, at: usize) -> Result<ByteString, Fault> {
        match self.value(at) {
            Value::Text(text) => Ok(text.clone()),
            Value::Bool(true) => Ok(ByteString::from_static("true")),
            Value::Bool(false) => Ok(ByteString::from_static("false")),
            other => self.mismatch(at, Wants::Word, other),
        }
    }

    /// Text or bytes.
    pub(crate) fn data(&self, at: usize) -> Result<&'a [u8], Fault> {
        match self.value(at) {
            Value::Text(text) => Ok(text.as_bytes()),
            Value::Bytes(bytes) => Ok(bytes),
            other => self.mismatch(at, Wants::Data, other),
        }
    }

    /// The texts of values with `separator` between them; bytes where bytes are among them.
    pub(crate) fn joined(&self, values: &[Value], separator: &str) -> Result<Value, Fault> {
        if values.iter().any(|value| matches!(value, Value::Bytes(_))) {
            let parts: Vec<Bytes> = values.iter().map(bytes_of).collect();
            self.budget.charge(parts.iter().map(|part| part.len() + separator.len()).sum())?;
            return Ok(Value::from_bytes(parts.join(separator.as_bytes()).into()));
        }
        let known = |value: &Value| value.as_text().map_or(0, str::len) + separator.len();
        let room: usize = values.iter().map(known).sum();
        let mut out = String::with_capacity(room.min(self.budget.bytes_left()));
        for (at, value) in values.iter().enumerate() {
            let text = text_of(value);
            self.budget.charge(separator.len() + text.len())?;
            if at > 0 {
                out.push_str(separator);
            }
            out.push_str(&text);
        }
        Ok(out.into())
    }

    /// A number as a float.
    pub(crate) fn number(&self, at: usize) -> Result<f64, Fault> {
        match self.value(at) {
            #[expect(clippy::cast_precision_loss, reason = "a float is what the caller wants of an integer")]
            Value::Int(number) => Ok(*number as f64),
            Value::Float(number) => Ok(*number),
            Value::BigInt(number) => {
                float_of_big(number).ok_or_else(|| self.out_of_range(at, "a number of at most 1.8e308"))
            }
            other => self.mismatch(at, Wants::Number, other),
        }
    }

    /// An integer of 64 bits.
    pub(crate) fn int(&self, at: usize) -> Result<i64, Fault> {
        match self.value(at) {
            Value::Int(number) => Ok(*number),
            Value::BigInt(_) => Err(self.out_of_range(at, "an integer of 64 bits")),
            other => self.mismatch(at, Wants::Int, other),
        }
    }

    /// An integer in the range that its parameter declares, or from 0 on.
    pub(crate) fn count(&self, at: usize) -> Result<usize, Fault> {
        let number = self.int(at);
        let wants = self.param(at).map_or(Wants::Int, |param| param.wants);
        if !wants.takes(self.value(at)) {
            return Err(self.out_of_range(at, &wants.name()));
        }
        usize::try_from(number?).map_err(|_| self.out_of_range(at, "an integer from 0 on"))
    }

    /// What a word stands for in the table that its parameter was made of.
    pub(crate) fn one_of<T: Copy>(&self, at: usize, table: &[(&str, T)]) -> Result<T, Fault> {
        let word = self.text(at)?;
        let known = table.iter().find(|(known, _)| **known == **word);
        known.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let wants = self.param(at).map_or(Wants::Text, |param| param.wants);
            self.out_of_range(at, &wants.name())
        })
    }

    /// The same, or `default` where the rule leaves it out.
    pub(crate) fn one_of_or<T: Copy>(&self, at: usize, table: &[(&str, T)], default: T) -> Result<T, Fault> {
        if self.has(at) { self.one_of(at, table) } else { Ok(default) }
    }

    /// An integer of any size.
    pub(crate) fn big(&self, at: usize) -> Result<BigInt, Fault> {
        match self.value(at) {
            Value::Int(number) => Ok((*number).into()),
            Value::BigInt(number) => Ok((**number).clone()),
            other => self.mismatch(at, Wants::Int, other),
        }
    }

    /// A list.
    pub(crate) fn list(&self, at: usize) -> Result<&'a [Value], Fault> {
        match self.value(at) {
            Value::List(items) => Ok(items),
            other => self.mismatch(at, Wants::List, other),
        }
    }

    /// A map, or the JSON text of one.
    pub(crate) fn map(&self, at: usize) -> Result<Cow<'a, Map>, Fault> {
        let value = self.value(at);
        match value {
            Value::Map(map) => Ok(Cow::Borrowed(&**map)),
            Value::List(items) if items.is_empty() => Ok(Cow::Owned(Map::new())),
            Value::Text(text) => match self.decode(at, text)? {
                Value::Map(map) => Ok(Cow::Owned(std::sync::Arc::unwrap_or_clone(map))),
                other => Err(self.no_map(at, &other)),
            },
            other => Err(self.no_map(at, other)),
        }
    }

    /// The value of JSON text.
    pub(crate) fn decode(&self, at: usize, text: &ByteString) -> Result<Value, Fault> {
        // A document that is there already is free, but not the value that is built of it.
        self.budget.charge(text.len())?;
        let document = self.read(text)?.map_err(|NotJson| self.about(at, "must be JSON", self.value(at)))?;
        document.root().to_value().map_err(|_| self.out_of_range(at, "JSON with numbers that fit"))
    }

    /// JSON text as a document. The payload is not read a second time.
    pub(crate) fn read(&self, text: &ByteString) -> Result<Result<Cow<'a, Document>, NotJson>, Fault> {
        if let Some(document) = self.document.filter(|document| document.is_of(text)) {
            return Ok(Ok(Cow::Borrowed(document)));
        }
        // A document takes a few bytes for each of the text, and costs the same where it is kept for several rules.
        self.budget.charge(text.len().saturating_mul(4))?;
        if let Some(kept) = self.columns.document_of(text) {
            return Ok(kept.as_ref().map(Cow::Borrowed).map_err(|NotJson| NotJson));
        }
        Ok(Document::read(text.clone()).map(Cow::Owned))
    }

    /// A regular expression.
    pub(crate) fn regex(&self, at: usize) -> Result<Cow<'a, Regex>, Fault> {
        if let Some(regex) = self.regex {
            return Ok(Cow::Borrowed(regex));
        }
        let pattern = self.text(at)?;
        self.budget.charge(REGEX_BYTES_MAX / 64)?;
        let regex =
            compile_regex(pattern).map_err(|message| Fault { code: codes::EVAL_RANGE, message, argument: Some(at) })?;
        Ok(Cow::Owned(regex))
    }

    /// The argument is of the right type but not among the values that are taken.
    pub(crate) fn out_of_range(&self, at: usize, wanted: &str) -> Fault {
        Fault { code: codes::EVAL_RANGE, ..self.about(at, &format!("must be {wanted}"), self.value(at)) }
    }

    /// The argument is of a type that is not taken.
    pub(crate) fn wrong_type<T>(&self, at: usize, wanted: &str) -> Result<T, Fault> {
        Err(self.about(at, &format!("must be {wanted}"), self.value(at)))
    }

    fn no_map(&self, at: usize, found: &Value) -> Fault {
        self.about(at, "must be a map or the JSON text of one", found)
    }

    fn mismatch<T>(&self, at: usize, wants: Wants, found: &Value) -> Result<T, Fault> {
        Err(self.about(at, &format!("must be {}", wants.name()), found))
    }

    fn about(&self, at: usize, must: &str, found: &Value) -> Fault {
        let message = format!("`{}` {must}, found {}", self.param_name(at), describe(found));
        Fault { code: codes::EVAL_TYPE, message, argument: Some(at) }
    }

    fn param_name(&self, at: usize) -> &'static str {
        self.param(at).map_or("argument", |param| param.name)
    }

    fn param(&self, at: usize) -> Option<&'static Param> {
        self.function.param(at)
    }
}

impl From<NotJson> for Fault {
    fn from(NotJson: NotJson) -> Fault {
        Fault::from("expected JSON, found other text".to_owned())
    }
}

/// Compiles a pattern, or says what is wrong with it.
pub(crate) fn compile_regex(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).build().map_err(|error| {
        match error {
            regex::Error::CompiledTooBig(limit) => {
                format!("the regular expression takes more than {limit} bytes when compiled")
            }
            regex::Error::Syntax(text) => {
                let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
                format!("`{pattern}` is no regular expression: {reason}")
            }
            other => format!("`{pattern}` is no regular expression: {other}"),
        }
    })
}
