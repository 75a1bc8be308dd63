//! What was sent with secrets in it, told back without them; and sent again as it was told.

use auth::without_secret;
use serde_json::Value;

/// The same with `******` for what nobody but the other side should know.
pub(crate) fn hidden(value: &Value) -> Value {
    hidden_at("", value)
}

fn hidden_at(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) => without_secret(key, text).into(),
        Value::Array(items) => items.iter().map(|item| hidden_at(key, item)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), hidden_at(key, value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Puts the secrets of `before` back where `sent` has what was told of them.
pub(crate) fn restore(sent: &mut Value, before: &Value) {
    restore_at("", sent, before);
}

fn restore_at(key: &str, sent: &mut Value, before: &Value) {
    match (sent, before) {
        (Value::String(sent), Value::String(before)) if *sent == without_secret(key, before) => sent.clone_from(before),
        (Value::Array(sent), Value::Array(before)) => {
            sent.iter_mut().zip(before).for_each(|(sent, before)| restore_at(key, sent, before));
        }
        (Value::Object(sent), Value::Object(before)) => {
            for (key, sent) in sent {
                if let Some(before) = before.get(key) {
                    restore_at(key, sent, before);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_sent_back_as_it_was_told_is_what_it_was() {
        let stored = json!({ "url": "http://u:pw@h", "password": "${env:PW}", "pool_size": 4,
            "headers": { "Authorization": "Bearer hush", "x-site": "7" } });
        let told = hidden(&stored);
        assert_eq!(
            told,
            json!({ "url": "http://u:******@h", "password": "${env:PW}", "pool_size": 4,
            "headers": { "Authorization": "******", "x-site": "7" } })
        );
        let mut sent = told;
        restore(&mut sent, &stored);
        assert_eq!(sent, stored);
        let mut other = json!({ "headers": { "Authorization": "Bearer new", "x-token": "******" } });
        restore(&mut other, &stored);
        assert_eq!(other, json!({ "headers": { "Authorization": "Bearer new", "x-token": "******" } }));
    }
}
