//! Values as JSON text, and JSON text as values.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytestring::ByteString;

use crate::{Map, Value};

/// The one key of the map that stands for bytes that are no text: `{"$b64": "..."}`.
pub const BASE64_KEY: &str = "$b64";

impl Value {
    /// Appends this value as JSON: no spaces, keys in order, NULL as `null`, floats with a point or an exponent.
    ///
    /// Bytes that are not UTF-8 become `{"$b64":"..."}`.
    pub fn write_json(&self, out: &mut String) {
        match self {
            Value::Null => out.push_str("null"),
            Value::Bool(true) => out.push_str("true"),
            Value::Bool(false) => out.push_str("false"),
            Value::Int(number) => write_int(*number, out),
            Value::BigInt(number) => push_display(out, number),
            Value::Float(number) => write_float(*number, out),
            Value::Text(text) => write_text(text, out),
            Value::Bytes(bytes) => {
                out.push_str("{\"$b64\":\"");
                STANDARD.encode_string(bytes, out);
                out.push_str("\"}");
            }
            Value::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write_json(out);
                }
                out.push(']');
            }
            Value::Map(map) => map.write_json(out),
        }
    }

    /// This value as JSON text.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    /// The bytes that `text` stands for in base64, as text where they are UTF-8.
    pub fn from_base64(text: &str) -> Option<Value> {
        STANDARD.decode(text).ok().map(|bytes| Value::from_bytes(bytes.into()))
    }

    /// The value of parsed JSON. Integers beyond 64 bits keep every digit where the parser kept them.
    pub fn from_json(json: &serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(*value),
            serde_json::Value::Number(number) => number_of(number),
            serde_json::Value::String(text) => Value::Text(text.as_str().into()),
            serde_json::Value::Array(items) => items.iter().map(Value::from_json).collect::<Vec<_>>().into(),
            serde_json::Value::Object(entries) => {
                let mut map = Map::with_capacity(entries.len());
                for (key, value) in entries {
                    map.insert(ByteString::from(key.as_str()), Value::from_json(value));
                }
                map.into()
            }
        }
    }
}

impl Map {
    /// Appends this map as a JSON object.
    pub fn write_json(&self, out: &mut String) {
        out.push('{');
        for (at, (key, value)) in self.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            write_text(key, out);
            out.push(':');
            value.write_json(out);
        }
        out.push('}');
    }

    /// This map as JSON text.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(32 * self.len() + 2);
        self.write_json(&mut out);
        out
    }
}

fn number_of(number: &serde_json::Number) -> Value {
    if let Some(small) = number.as_i64() {
        return Value::Int(small);
    }
    if let Some(large) = number.as_u64() {
        return Value::from_big(large.into());
    }
    number.as_f64().map_or(Value::Null, Value::Float)
}

fn write_float(number: f64, out: &mut String) {
    if !number.is_finite() {
        out.push_str("null");
        return;
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-5..1e16).contains(&magnitude) {
        push_display(out, &format_args!("{number:e}"));
        return;
    }
    let start = out.len();
    push_display(out, &number);
    if !out.as_bytes()[start..].contains(&b'.') {
        out.push_str(".0");
    }
}

fn push_display(out: &mut String, value: &impl std::fmt::Display) {
    write!(out, "{value}").expect("writing into a String cannot fail");
}

/// Appends the digits of `number`. Most values of a row are texts and integers, and the formatter of the standard
/// library costs three times this.
fn write_int(number: i64, out: &mut String) {
    let mut digits = [0; "-9223372036854775808".len()];
    let (mut at, mut rest) = (digits.len(), number.unsigned_abs());
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).expect("a remainder of ten is a digit");
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    out.push_str(std::str::from_utf8(&digits[at..]).expect("digits are ASCII"));
}

/// Appends `text` as a JSON string (RFC 8259, section 7).
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    loop {
        let (plain, special) = rest.split_at(plain_len(rest.as_bytes()));
        out.push_str(plain);
        let Some(byte) = special.as_bytes().first() else { break };
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => push_display(out, &format_args!("\\u{byte:04x}")),
        }
        rest = special.split_at(1).1;
    }
    out.push('"');
}

/// How many bytes at the beginning of `text` stand for themselves in a JSON string: neither a quote nor `\` nor a control
/// character.
#[inline]
pub fn plain_len(text: &[u8]) -> usize {
    let (mut len, mut rest) = (0, text);
    while let Some((eight, behind)) = rest.split_first_chunk() {
        let special = special_bytes(u64::from_le_bytes(*eight));
        if special != 0 {
            return len + usize::try_from(special.trailing_zeros() / 8).expect("at most eight");
        }
        len += eight.len();
        rest = behind;
    }
    len + rest.iter().take_while(|byte| !matches!(byte, 0..0x20 | b'"' | b'\\')).count()
}

/// The highest bit of every byte that does not stand for itself. Bits above the first one may be wrong: a subtraction
/// borrows from the next byte.
#[inline]
const fn special_bytes(eight: u64) -> u64 {
    const EACH: u64 = u64::MAX / 255;
    const fn below(eight: u64, limit: u8) -> u64 {
        eight.wrapping_sub(EACH * limit as u64) & !eight
    }
    let quote = below(eight ^ (EACH * b'"' as u64), 1);
    let escape = below(eight ^ (EACH * b'\\' as u64), 1);
    (below(eight, 0x20) | quote | escape) & (EACH * 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_as_others_read_it() {
        let cases = [
            (Value::Null, "null"),
            (Value::Int(0), "0"),
            (Value::Int(-70), "-70"),
            (Value::Int(i64::MIN), "-9223372036854775808"),
            (Value::Int(i64::MAX), "9223372036854775807"),
            (Value::Float(1.0), "1.0"),
            (Value::Float(0.1), "0.1"),
            (Value::Float(-2.5e-9), "-2.5e-9"),
            (Value::Float(1e22), "1e22"),
            (Value::Float(f64::NAN), "null"),
            (Value::from("a\"b\\c\n\u{1}é"), "\"a\\\"b\\\\c\\n\\u0001é\""),
            (Value::Bytes(bytes::Bytes::from_static(&[0xFF, 0])), "{\"$b64\":\"/wA=\"}"),
        ];
        for (value, text) in cases {
            assert_eq!(value.to_json(), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_reads_back(text in ".*", float in proptest::num::f64::NORMAL, int: i64) {
            let value = Value::from(vec![Value::from(text), Value::Float(float), Value::Int(int)]);
            let read = serde_json::from_str::<serde_json::Value>(&value.to_json()).unwrap();
            proptest::prop_assert_eq!(Value::from_json(&read), value);
        }
    }

    proptest::proptest! {
        #[test]
        fn eight_bytes_at_once_are_told_as_one_by_one(text: Vec<u8>, plain in "[a-zé!#\\[\\]~]{0,40}", special in 0usize..40) {
            let one_by_one = |text: &[u8]| text.iter().take_while(|byte| **byte >= 0x20 && !b"\"\\".contains(byte)).count();
            proptest::prop_assert_eq!(plain_len(&text), one_by_one(&text));
            let mut text = plain.into_bytes();
            for byte in [b'"', b'\\', 0x1F, 0x7F, 0x20] {
                let at = special.min(text.len());
                text.insert(at, byte);
                proptest::prop_assert_eq!(plain_len(&text), one_by_one(&text));
            }
        }
    }
}
