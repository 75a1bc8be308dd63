//! What a field, a literal or an expression is worth: [`Value`], and what kind of thing that is: [`Type`].

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use num_bigint::BigInt;

use crate::Map;

/// A value of the rule language: JSON's, with integers told from floats, and bytes that need not be text.
///
/// Cloning never copies text, lists or maps: they are shared. A missing field and JSON `null` are the same
/// [`Value::Null`].
///
/// The tag takes a word: with one byte for it, a value is copied from odd places, and a copy right behind the making
/// waits until the parts have reached the cache. That was a third of the time of an evaluation.
#[derive(Clone, Debug, Default, PartialEq)]
#[repr(u64)]
pub enum Value {
    /// Missing, or JSON `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// An integer that does not fit into 64 bits. Never holds one that does.
    BigInt(Arc<BigInt>),
    /// A floating point number; never NaN or infinite in a row.
    Float(f64),
    /// UTF-8 text.
    Text(ByteString),
    /// Bytes that are not UTF-8, such as a binary payload.
    Bytes(Bytes),
    /// A list.
    List(Arc<Vec<Value>>),
    /// A map with text keys, in the order of insertion.
    Map(Arc<Map>),
}

impl Value {
    /// The text of a constant, without an allocation.
    pub const fn from_static(text: &'static str) -> Value {
        Value::Text(ByteString::from_static(text))
    }

    /// Bytes as text where they are UTF-8, as bytes where they are not.
    pub fn from_bytes(bytes: Bytes) -> Value {
        match simdutf8::basic::from_utf8(&bytes) {
            Ok(_) => Value::Text(text_of_checked(bytes)),
            Err(_) => Value::Bytes(bytes),
        }
    }

    /// An integer of any size, in the smallest variant that holds it.
    pub fn from_big(number: BigInt) -> Value {
        match i64::try_from(&number) {
            Ok(small) => Value::Int(small),
            Err(_) => Value::BigInt(Arc::new(number)),
        }
    }

    /// Whether this is NULL.
    pub const fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The text, where this is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Map(_) => None,
        }
    }

    /// The map, where this is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Value::Map(map) => Some(map),
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Bytes(_)
            | Value::List(_) => None,
        }
    }

    /// The type of this value.
    pub const fn type_of(&self) -> Type {
        match self {
            Value::Null => Type::Null,
            Value::Bool(_) => Type::Bool,
            Value::Int(_) | Value::BigInt(_) => Type::Int,
            Value::Float(_) => Type::Float,
            Value::Text(_) => Type::Text,
            Value::Bytes(_) => Type::Bytes,
            Value::List(_) => Type::List,
            Value::Map(_) => Type::Map,
        }
    }
}

/// Text from bytes that are known to be UTF-8: checked just before, or written as ASCII.
#[expect(
    unsafe_code,
    reason = "a payload is checked by simdutf8 a line earlier, an identifier is made of digits; a second check would double the cost"
)]
pub(crate) fn text_of_checked(bytes: Bytes) -> ByteString {
    debug_assert!(std::str::from_utf8(&bytes).is_ok());
    // SAFETY: every caller has checked `bytes` to be UTF-8 or has written nothing but ASCII into them.
    unsafe { ByteString::from_bytes_unchecked(bytes) }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(value.into())
    }
}

impl From<ByteString> for Value {
    fn from(value: ByteString) -> Value {
        Value::Text(value)
    }
}

impl From<Vec<Value>> for Value {
    fn from(value: Vec<Value>) -> Value {
        Value::List(Arc::new(value))
    }
}

impl From<Map> for Value {
    fn from(value: Map) -> Value {
        Value::Map(Arc::new(value))
    }
}

/// What may fail or be missing takes no more room than the value.
const _: () = assert!(size_of::<Value>() == 40 && size_of::<Result<Value, Box<()>>>() == 40);

/// The type of a value, as the checker of rules knows it before any event has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// Only NULL.
    Null,
    /// `true` or `false`.
    Bool,
    /// An integer.
    Int,
    /// A floating point number.
    Float,
    /// An integer or a floating point number.
    Number,
    /// Milliseconds since 1970-01-01 UTC, an integer in rules.
    Timestamp,
    /// UTF-8 text.
    Text,
    /// Text or other bytes, as a payload is.
    Bytes,
    /// A list.
    List,
    /// A map.
    Map,
    /// Known only when the event is there, as a path into a payload.
    Any,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Null => "NULL",
            Type::Bool => "boolean",
            Type::Int => "integer",
            Type::Float => "float",
            Type::Number => "number",
            Type::Timestamp => "timestamp in ms",
            Type::Text => "text",
            Type::Bytes => "bytes",
            Type::List => "list",
            Type::Map => "map",
            Type::Any => "any",
        })
    }
}
