//! Values of a row as parameters of a statement. The server converts them to what a column wants.

use std::borrow::Cow;

use events::Value;
use sqlx::Arguments as _;
use sqlx::mysql::MySqlArguments;

/// A value, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Parameter<'a> {
    Null,
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
}

impl<'a> Parameter<'a> {
    /// `value`; for a column that holds a time, a number counts ms since 1970-01-01 UTC.
    pub(super) fn new(value: &'a Value, is_time: bool) -> Result<Parameter<'a>, String> {
        match value {
            Value::Int(ms) if is_time => time_of(*ms).map(|time| Parameter::Text(Cow::Owned(time))),
            Value::Null => Ok(Parameter::Null),
            Value::Bool(value) => Ok(Parameter::Int(i64::from(*value))),
            Value::Int(value) => Ok(Parameter::Int(*value)),
            Value::Float(value) => Ok(Parameter::Float(*value)),
            Value::Text(text) => Ok(Parameter::Text(Cow::Borrowed(text))),
            Value::Bytes(bytes) => Ok(Parameter::Bytes(bytes)),
            Value::BigInt(_) | Value::List(_) | Value::Map(_) => Ok(Parameter::Text(Cow::Owned(value.to_json()))),
        }
    }

    /// About how many bytes it takes on the wire, with what tells its type and length.
    pub(super) fn bytes(&self) -> usize {
        const HEAD: usize = 12;
        HEAD + match self {
            Parameter::Null => 0,
            Parameter::Int(_) | Parameter::Float(_) => 8,
            Parameter::Text(text) => text.len(),
            Parameter::Bytes(bytes) => bytes.len(),
        }
    }

    /// Appends it to the arguments of a query.
    pub(super) fn add_to(self, arguments: &mut MySqlArguments) -> Result<(), sqlx::Error> {
        match self {
            Parameter::Null => arguments.add(None::<&str>),
            Parameter::Int(value) => arguments.add(value),
            Parameter::Float(value) => arguments.add(value),
            Parameter::Text(text) => arguments.add(&*text),
            Parameter::Bytes(bytes) => arguments.add(bytes),
        }
        .map_err(sqlx::Error::Encode)
    }
}

/// `2022-02-16 09:26:18.856`: connections have the time zone UTC.
fn time_of(ms: i64) -> Result<String, String> {
    let time = jiff::Timestamp::from_millisecond(ms).map_err(|_| format!("expected a time in ms, found {ms}"))?;
    Ok(time.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_time_where_the_column_holds_one() {
        let ms = Value::Int(1_645_003_578_856);
        assert_eq!(Parameter::new(&ms, true), Ok(Parameter::Text("2022-02-16 09:26:18.856".into())));
        assert_eq!(Parameter::new(&ms, false), Ok(Parameter::Int(1_645_003_578_856)));
        let beyond = Value::Int(i64::MAX);
        assert_eq!(Parameter::new(&beyond, true), Err(format!("expected a time in ms, found {}", i64::MAX)));
        assert_eq!(Parameter::new(&Value::Bool(true), true), Ok(Parameter::Int(1)));
        assert_eq!(Parameter::new(&Value::from(vec![Value::Null]), true), Ok(Parameter::Text("[null]".into())));
    }
}
