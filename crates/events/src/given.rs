//! Columns of an event as people and files give them, with bytes that are no text in base64.

use bytestring::ByteString;

use crate::Value;
use crate::json::BASE64_KEY;

/// What stands for a payload of any bytes.
const PAYLOAD_BASE64: &str = "payload_b64";

/// How much of a value a message shows.
const SHOWN_MAX: usize = 40;

/// The column that `name` and `value` stand for: `payload_b64` is a payload in base64, and `{"$b64": "..."}` any other
/// column of bytes, as [`Value::write_json`] shows them.
pub fn given_column(name: ByteString, value: Value) -> Result<(ByteString, Value), String> {
    if name == PAYLOAD_BASE64 {
        return Ok((ByteString::from_static("payload"), bytes_of(&name, &value)?));
    }
    let coded = value.as_map().filter(|map| map.len() == 1).and_then(|map| map.get(BASE64_KEY));
    match coded {
        Some(coded) => bytes_of(&name, coded).map(|bytes| (name, bytes)),
        None => Ok((name, value)),
    }
}

fn bytes_of(name: &str, coded: &Value) -> Result<Value, String> {
    coded.as_text().and_then(Value::from_base64).ok_or_else(|| {
        let found = coded.to_json();
        let shown: String = found.chars().take(SHOWN_MAX).collect();
        let rest = if shown.len() < found.len() { "..." } else { "" };
        format!("`{name}`: expected base64, found `{shown}{rest}`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Map;

    fn column(name: &'static str, value: Value) -> Result<(ByteString, Value), String> {
        given_column(ByteString::from_static(name), value)
    }

    fn coded(text: &str) -> Value {
        [(ByteString::from_static(BASE64_KEY), Value::from(text))].into_iter().collect::<Map>().into()
    }

    #[test]
    fn bytes_come_in_base64_under_either_spelling() {
        let bytes = Value::Bytes(bytes::Bytes::from_static(&[0xFF]));
        assert_eq!(column("payload_b64", Value::from("/w==")), Ok(("payload".into(), bytes.clone())));
        assert_eq!(column("payload", coded("/w==")), Ok(("payload".into(), bytes)));
        assert_eq!(column("username", coded("aGk=")), Ok(("username".into(), Value::from("hi"))));
        assert_eq!(column("qos", Value::Int(1)), Ok(("qos".into(), Value::Int(1))));
    }

    #[test]
    fn what_is_no_base64_is_shown_in_short() {
        let wrong = |name, value| column(name, value).unwrap_err();
        assert_eq!(wrong("payload_b64", Value::Int(5)), "`payload_b64`: expected base64, found `5`");
        assert_eq!(wrong("a", coded("?")), "`a`: expected base64, found `\"?\"`");
        let shown = format!("`a`: expected base64, found `\"{}...`", "?".repeat(SHOWN_MAX - 1));
        assert_eq!(wrong("a", coded(&"?".repeat(100))), shown);
    }
}
