//! Values of a row as parameters of a statement, by the types that the server declares for them.

use std::borrow::Cow;

use events::Value;
use sqlx::postgres::{PgArguments, PgTypeInfo, PgTypeKind};
use sqlx::{Arguments as _, TypeInfo as _};

/// How values are sent to a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `boolean`: true, false, or the texts `true` and `false`.
    Bool,
    /// `smallint`: a whole number that fits, or a text of one.
    Int2,
    /// `integer`, as `smallint`.
    Int4,
    /// `bigint`, as `smallint`.
    Int8,
    /// `real`: a number, or a text of one.
    Float4,
    /// `double precision`, as `real`.
    Float8,
    /// `text`: text as it is, anything else as JSON.
    Text,
    /// `bytea`: bytes as they are, text as UTF-8, anything else as JSON.
    Bytes,
    /// `json`, `jsonb`: anything as JSON; a text that is an object or a list in JSON is taken as that.
    Json,
    /// `timestamptz`, `timestamp`, `date`, `time`: a number counts ms since 1970-01-01 UTC, a text is read by the
    /// server.
    Time,
    /// An array: a list, element by element; a text is read by the server.
    Array,
    /// Any other type (`numeric`, `uuid`, `inet`, an enum, a domain ...): the text of the value, read by the server.
    Other,
}

/// The parameter of a statement, as the server declares it.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    pub(super) encoding: Encoding,
    /// The name of the type, for messages.
    pub(super) name: String,
    /// The identifier of the type, by which the server is asked how it is written in a cast.
    pub(super) oid: u32,
}

impl Declared {
    pub(super) fn new(info: &PgTypeInfo) -> Declared {
        let encoding = match info.name() {
            "BOOL" => Encoding::Bool,
            "INT2" => Encoding::Int2,
            "INT4" => Encoding::Int4,
            "INT8" => Encoding::Int8,
            "FLOAT4" => Encoding::Float4,
            "FLOAT8" => Encoding::Float8,
            "TEXT" => Encoding::Text,
            "BYTEA" => Encoding::Bytes,
            "JSON" | "JSONB" => Encoding::Json,
            "TIMESTAMPTZ" | "TIMESTAMP" | "DATE" | "TIME" | "TIMETZ" => Encoding::Time,
            _ if matches!(info.kind(), PgTypeKind::Array(_)) => Encoding::Array,
            _ => Encoding::Other,
        };
        let oid = info.oid().map_or(0, |oid| oid.0);
        Declared { encoding, name: info.name().to_lowercase(), oid }
    }

    /// Whether the value goes over as text and the server casts it; the others go over in binary.
    pub(super) const fn is_cast(&self) -> bool {
        matches!(self.encoding, Encoding::Json | Encoding::Time | Encoding::Array | Encoding::Other)
    }
}

/// A value, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Parameter<'a> {
    Null(Encoding),
    Bool(bool),
    Int2(i16),
    Int4(i32),
    Int8(i64),
    Float4(f32),
    Float8(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}

impl<'a> Parameter<'a> {
    /// `value` for a parameter declared so; or what was expected and what was found.
    pub(super) fn new(value: &'a Value, declared: &Declared) -> Result<Parameter<'a>, String> {
        if value.is_null() {
            return Ok(Parameter::Null(declared.encoding));
        }
        let made = match declared.encoding {
            Encoding::Bool => bool_of(value).map(Parameter::Bool),
            Encoding::Int2 => integer_of(value).and_then(|n| i16::try_from(n).ok()).map(Parameter::Int2),
            Encoding::Int4 => integer_of(value).and_then(|n| i32::try_from(n).ok()).map(Parameter::Int4),
            Encoding::Int8 => integer_of(value).map(Parameter::Int8),
            Encoding::Float4 => float_of(value).map(narrowed).map(Parameter::Float4),
            Encoding::Float8 => float_of(value).map(Parameter::Float8),
            Encoding::Bytes => Some(Parameter::Bytes(bytes_of(value))),
            Encoding::Json => Some(Parameter::Text(json_of(value))),
            Encoding::Text | Encoding::Other => text_of(value).map(Parameter::Text),
            Encoding::Time => time_of(value).map(Parameter::Text),
            Encoding::Array => array_of(value).map(Parameter::Text),
        };
        match made {
            // PostgreSQL's text has no U+0000.
            Some(Parameter::Text(text)) if text.contains('\0') => {
                Err(format!("expected {} without U+0000, found it in the text", declared.name))
            }
            Some(parameter) => Ok(parameter),
            None => Err(format!("expected {}, found {}", declared.name, shown(value))),
        }
    }

    /// Appends it to the arguments of a query.
    pub(super) fn add_to(self, arguments: &mut PgArguments) -> Result<(), sqlx::Error> {
        match self {
            Parameter::Null(encoding) => add_null(encoding, arguments),
            Parameter::Bool(value) => arguments.add(value),
            Parameter::Int2(value) => arguments.add(value),
            Parameter::Int4(value) => arguments.add(value),
            Parameter::Int8(value) => arguments.add(value),
            Parameter::Float4(value) => arguments.add(value),
            Parameter::Float8(value) => arguments.add(value),
            Parameter::Text(text) => arguments.add(&*text),
            Parameter::Bytes(bytes) => arguments.add(&*bytes),
        }
        .map_err(sqlx::Error::Encode)
    }
}

/// A NULL has a type too: a prepared statement would otherwise be prepared for text.
fn add_null(encoding: Encoding, arguments: &mut PgArguments) -> Result<(), sqlx::error::BoxDynError> {
    match encoding {
        Encoding::Bool => arguments.add(None::<bool>),
        Encoding::Int2 => arguments.add(None::<i16>),
        Encoding::Int4 => arguments.add(None::<i32>),
        Encoding::Int8 => arguments.add(None::<i64>),
        Encoding::Float4 => arguments.add(None::<f32>),
        Encoding::Float8 => arguments.add(None::<f64>),
        Encoding::Bytes => arguments.add(None::<&[u8]>),
        Encoding::Text | Encoding::Json | Encoding::Time | Encoding::Array | Encoding::Other => {
            arguments.add(None::<&str>)
        }
    }
}

fn bool_of(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Text(text) => text.parse().ok(),
        Value::Null
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::Bytes(_)
        | Value::List(_)
        | Value::Map(_) => None,
    }
}

fn integer_of(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Float(number) => whole(*number),
        Value::Text(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::BigInt(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// A float that counts whole things, exactly.
fn whole(number: f64) -> Option<i64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0; // 2^53
    if number.fract() != 0.0 || number.abs() > EXACT_MAX {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and at most 2^53, checked above")]
    let whole = number as i64;
    Some(whole)
}

fn float_of(value: &Value) -> Option<f64> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "the column asks for a float; digits beyond 2^53 are not kept")]
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::BigInt(number) => number.to_string().parse().ok(),
        Value::Text(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_) => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the column asks for `real`; digits are lost by its type")]
const fn narrowed(number: f64) -> f32 {
    number as f32
}

fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::Bytes(_) => None,
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::List(_)
        | Value::Map(_) => Some(Cow::Owned(value.to_json())),
    }
}

fn bytes_of(value: &Value) -> Cow<'_, [u8]> {
    match value {
        Value::Text(text) => Cow::Borrowed(text.as_bytes()),
        Value::Bytes(bytes) => Cow::Borrowed(bytes),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::List(_)
        | Value::Map(_) => Cow::Owned(value.to_json().into_bytes()),
    }
}

/// A payload is text, and a column of type `jsonb` wants what it says, so an object or a list in text is taken as
/// JSON. Other text stays text: the client `42` is not the number 42.
fn json_of(value: &Value) -> Cow<'_, str> {
    if let Value::Text(text) = value
        && text.trim_start().starts_with(['{', '['])
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
    {
        return Cow::Borrowed(text);
    }
    Cow::Owned(value.to_json())
}

fn time_of(value: &Value) -> Option<Cow<'_, str>> {
    let ms = match value {
        Value::Int(ms) => *ms,
        Value::Float(number) => whole(number.trunc())?,
        Value::Text(text) => match text.parse() {
            Ok(ms) => ms,
            Err(_) => return Some(Cow::Borrowed(text)),
        },
        Value::Null | Value::Bool(_) | Value::BigInt(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_) => {
            return None;
        }
    };
    let time = jiff::Timestamp::from_millisecond(ms).ok()?;
    // Years before 1 are written otherwise by PostgreSQL, and no device has any.
    (time.as_second() >= -62_135_596_800).then(|| Cow::Owned(time.to_string()))
}

/// `{1,NULL,"a \"b\""}`: the text of an array (PostgreSQL documentation, section 8.15.6).
fn array_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::List(items) => {
            let mut out = String::new();
            write_array(items, &mut out)?;
            Some(Cow::Owned(out))
        }
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::Bytes(_)
        | Value::Map(_) => None,
    }
}

fn write_array(items: &[Value], out: &mut String) -> Option<()> {
    out.push('{');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        match item {
            Value::Null => out.push_str("NULL"),
            Value::List(items) => write_array(items, out)?,
            Value::Bool(_)
            | Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Bytes(_)
            | Value::Map(_) => {
                out.push('"');
                for c in text_of(item)?.chars() {
                    if matches!(c, '"' | '\\') {
                        out.push('\\');
                    }
                    out.push(c);
                }
                out.push('"');
            }
        }
    }
    out.push('}');
    Some(())
}

/// A value in a message, cut where it is long.
fn shown(value: &Value) -> String {
    const SHOWN_CHARS: usize = 60;
    let json = value.to_json();
    let what = value.type_of();
    match json.char_indices().nth(SHOWN_CHARS) {
        Some((at, _)) => format!("the {what} {}...", json.get(..at).unwrap_or_default()),
        None => format!("the {what} {json}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(encoding: Encoding) -> Declared {
        Declared { encoding, name: format!("{encoding:?}").to_lowercase(), oid: 0 }
    }

    /// What is sent for `json`, read as a value of a row.
    fn sent(json: &str, encoding: Encoding) -> Result<String, String> {
        let value = Value::from_json(&serde_json::from_str(json).unwrap());
        let parameter = Parameter::new(&value, &declared(encoding))?;
        Ok(match parameter {
            Parameter::Null(_) => "NULL".to_owned(),
            Parameter::Bool(value) => value.to_string(),
            Parameter::Int2(value) => value.to_string(),
            Parameter::Int4(value) => value.to_string(),
            Parameter::Int8(value) => value.to_string(),
            Parameter::Float4(value) => value.to_string(),
            Parameter::Float8(value) => value.to_string(),
            Parameter::Text(text) => format!("'{text}'"),
            Parameter::Bytes(bytes) => format!("{bytes:?}"),
        })
    }

    #[test]
    fn values_become_what_the_server_declares() {
        for (json, encoding, expected) in [
            ("null", Encoding::Int4, "NULL"),
            ("true", Encoding::Bool, "true"),
            ("\"false\"", Encoding::Bool, "false"),
            ("7", Encoding::Int2, "7"),
            ("7.0", Encoding::Int4, "7"),
            ("\" 7 \"", Encoding::Int8, "7"),
            ("1645003578856", Encoding::Int8, "1645003578856"),
            ("3", Encoding::Float8, "3"),
            ("\"1e3\"", Encoding::Float8, "1000"),
            ("0.5", Encoding::Float4, "0.5"),
            ("\"é\"", Encoding::Text, "'é'"),
            ("{\"a\":[1,null]}", Encoding::Text, "'{\"a\":[1,null]}'"),
            ("false", Encoding::Text, "'false'"),
            ("\"ab\"", Encoding::Bytes, "[97, 98]"),
            ("\"{\\\"a\\\": 1}\"", Encoding::Json, "'{\"a\": 1}'"),
            ("\"{broken\"", Encoding::Json, "'\"{broken\"'"),
            ("\"42\"", Encoding::Json, "'\"42\"'"),
            ("42", Encoding::Json, "'42'"),
            ("1645003578856", Encoding::Time, "'2022-02-16T09:26:18.856Z'"),
            ("\"1645003578856\"", Encoding::Time, "'2022-02-16T09:26:18.856Z'"),
            ("-1", Encoding::Time, "'1969-12-31T23:59:59.999Z'"),
            ("\"yesterday\"", Encoding::Time, "'yesterday'"),
            ("[1,null,\"a \\\"b\\\\\",[true]]", Encoding::Array, "'{\"1\",NULL,\"a \\\"b\\\\\",{\"true\"}}'"),
            ("12.50", Encoding::Other, "'12.5'"),
        ] {
            assert_eq!(sent(json, encoding).as_deref(), Ok(expected), "{json} as {encoding:?}");
        }
    }

    #[test]
    fn what_does_not_fit_says_what_was_expected_and_found() {
        for (json, encoding, message) in [
            ("1645003578856", Encoding::Int4, "expected int4, found the integer 1645003578856"),
            ("7.5", Encoding::Int8, "expected int8, found the float 7.5"),
            ("\"warm\"", Encoding::Float8, "expected float8, found the text \"warm\""),
            ("1", Encoding::Bool, "expected bool, found the integer 1"),
            ("{}", Encoding::Time, "expected time, found the map {}"),
            ("999999999999999999", Encoding::Time, "expected time, found the integer 999999999999999999"),
            ("5", Encoding::Array, "expected array, found the integer 5"),
            ("\"a\\u0000\"", Encoding::Text, "expected text without U+0000, found it in the text"),
        ] {
            assert_eq!(sent(json, encoding), Err(message.to_owned()));
        }
        let bytes = Value::Bytes(vec![0xFF].into());
        assert!(Parameter::new(&bytes, &declared(Encoding::Text)).is_err());
    }
}
