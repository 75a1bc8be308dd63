//! Values as text: what `str`, `concat`, `+` and templates make of them.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use bytestring::ByteString;
use events::Value;

/// The most digits after the point that a float shows as text.
const DECIMALS_MAX: usize = 10;

/// The text of a value: text as it is, numbers in decimal, lists and maps as JSON, NULL as nothing.
///
/// Bytes that are not UTF-8 are shown with replacement characters; who can carry bytes asks [`bytes_of`].
pub(crate) fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        Value::Int(number) => Cow::Owned(number.to_string()),
        Value::BigInt(number) => Cow::Owned(number.to_string()),
        Value::Float(number) => Cow::Owned(text_of_float(*number)),
        Value::Text(text) => Cow::Borrowed(text),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes),
        Value::List(_) | Value::Map(_) => Cow::Owned(value.to_json()),
    }
}

/// The text of a value as shared text; no copy where it is text already.
pub(crate) fn shared_text_of(value: &Value) -> ByteString {
    match value {
        Value::Text(text) => text.clone(),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::Bytes(_)
        | Value::List(_)
        | Value::Map(_) => text_of(value).into_owned().into(),
    }
}

/// The bytes of a value: those of its text, or the bytes themselves.
pub(crate) fn bytes_of(value: &Value) -> Bytes {
    match value {
        Value::Bytes(bytes) => bytes.clone(),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::List(_)
        | Value::Map(_) => shared_text_of(value).into_bytes(),
    }
}

/// Up to ten decimals, without trailing zeros, with at least one: `1.0`, `0.123456789`.
pub(crate) fn text_of_float(number: f64) -> String {
    decimals(number, DECIMALS_MAX)
}

/// `number` with at most `digits` decimals, without trailing zeros, with at least one where `digits` is not 0.
pub(crate) fn decimals(number: f64, digits: usize) -> String {
    let mut out = String::new();
    write!(out, "{number:.digits$}").expect("writing into a String cannot fail");
    if out.contains('.') {
        let kept = out.trim_end_matches('0').len();
        out.truncate(kept);
        if out.ends_with('.') {
            out.push('0');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_short_and_keep_their_point() {
        let cases = [
            (1.0, "1.0"),
            (0.123_456_789_012_3, "0.123456789"),
            (100_000.0, "100000.0"),
            (1e-12, "0.0"),
            (1e22, "10000000000000000000000.0"),
            (-2.5, "-2.5"),
        ];
        for (number, text) in cases {
            assert_eq!(text_of_float(number), text);
        }
    }
}
