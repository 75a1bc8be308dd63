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

/// The value as one writes it in a rule: `'text'`, `5`, `NULL`; lists and maps as JSON. What is long ends in `...`.
pub fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Text(text) => format!("'{}'", short(&text.replace('\'', "''"))),
        Value::Bytes(bytes) => format!("{} bytes that are not text", bytes.len()),
        Value::Bool(_) | Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => {
            short(&value.to_json())
        }
    }
}

/// The beginning, in one line: control characters, which could do as they like with a terminal, stand as their escapes.
fn short(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars().take(SHOWN_MAX) {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    if text.chars().nth(SHOWN_MAX).is_some() {
        out.push_str("...");
    }
    out
}
