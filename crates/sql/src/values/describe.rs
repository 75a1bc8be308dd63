//! Values in the words of messages: `the number 5`, `the text 'a'`.

use events::Value;

/// The most characters of a value that a message shows.
const SHOWN_MAX: usize = 40;

/// The value as a message names it.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(_) | Value::BigInt(_) | Value::Float(_) => format!("the number {}", short(&value.to_json())),
        Value::Text(text) => format!("the text '{}'", short(text)),
        Value::Bytes(bytes) => format!("{} bytes that are not text", bytes.len()),
        Value::List(_) => format!("the list {}", short(&value.to_json())),
        Value::Map(_) => format!("the map {}", short(&value.to_json())),
    }
}

fn short(text: &str) -> String {
    if text.chars().nth(SHOWN_MAX).is_none() {
        return text.to_owned();
    }
    text.chars().take(SHOWN_MAX).chain("...".chars()).collect()
}
