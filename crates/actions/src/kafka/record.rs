//! The record that an output becomes: templates of topic, key, headers and value.

use bytes::Bytes;
use engine::{ActionSpec, ConfigError, Output, Preview, PreviewPart};
use events::Value;

use super::KafkaActionOptions;
use crate::template::Text;

/// Templates of a record.
#[derive(Debug)]
pub(super) struct RecordTemplate {
    topic: Text,
    key: Option<Text>,
    payload: Option<Text>,
    headers: Vec<(String, Text)>,
}

/// A record, ready to be sent.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) topic: String,
    pub(super) key: Option<Bytes>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) value: Bytes,
}

/// The header by which a consumer tells a repetition.
const OUTPUT_ID: &str = "output_id";

impl RecordTemplate {
    /// Reads the options of an action.
    pub(super) fn new(options: &KafkaActionOptions, spec: &ActionSpec<'_>) -> Result<RecordTemplate, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let mut compile =
            |text: &str, path: &[&str]| Text::compile(text, path, spec).map_err(|wrong| errors.extend(wrong)).ok();
        let topic = options.topic.as_deref().and_then(|topic| compile(topic, &["topic"]));
        let key = options.key.as_deref().and_then(|key| compile(key, &["key"]));
        let payload = options.payload.as_deref().and_then(|payload| compile(payload, &["payload"]));
        let headers: Vec<(String, Text)> = options
            .headers
            .iter()
            .filter_map(|(name, text)| Some((name.clone(), compile(text, &["headers", name])?)))
            .collect();
        if options.topic.is_none() {
            let error = ConfigError::at(&[], "`topic` is missing");
            errors.push(error.with_help("write `topic = \"connacks\"`"));
        }
        if let Some(Err(message)) = topic.as_ref().and_then(Text::as_constant).map(check_topic) {
            errors.push(ConfigError::at(&["topic"], message));
        }
        match topic {
            Some(topic) if errors.is_empty() => Ok(RecordTemplate { topic, key, payload, headers }),
            Some(_) | None => Err(errors),
        }
    }

    /// The record for `output`, or why there is none.
    pub(super) fn record(&self, output: &Output) -> Result<Made, String> {
        let topic = self.topic.render(output).map_err(|missing| format!("topic: {missing}"))?;
        check_topic(&topic)?;
        let key = match &self.key {
            Some(template) => template.render(output).ok().map(Bytes::from),
            None => output.client_id.as_ref().map(|client| client.clone().into_bytes()),
        };
        let mut headers = vec![(OUTPUT_ID.to_owned(), output.output_id().to_string())];
        for (name, template) in &self.headers {
            headers.extend(template.render(output).ok().map(|value| (name.clone(), value)));
        }
        let value = match &self.payload {
            Some(text) => text.render_body(output),
            None => output.row.to_json().into(),
        };
        Ok(Made { topic, key, headers, value })
    }

    /// The record part by part, or why there is none.
    pub(super) fn preview(&self, output: &Output) -> Preview {
        let Made { topic, key, headers, value } = match self.record(output) {
            Ok(made) => made,
            Err(reason) => return Preview { parts: Vec::new(), rejected: Some(reason) },
        };
        let mut parts = vec![self.topic.part("topic", topic, output)];
        if let Some(key) = key {
            let key = Value::from_bytes(key);
            parts.push(match &self.key {
                Some(template) => template.part("key", key, output),
                None => PreviewPart::constant("key", key),
            });
        }
        for (name, text) in headers {
            let template = self.headers.iter().find(|(known, _)| *known == name);
            let label = format!("header `{name}`");
            parts.push(match template {
                Some((_, template)) => template.part(label, text, output),
                None => PreviewPart::constant(label, text),
            });
        }
        let value = Value::from_bytes(value);
        parts.push(match &self.payload {
            Some(text) => text.part("payload", value, output),
            None => PreviewPart::constant("payload", value),
        });
        Preview { parts, rejected: None }
    }
}

/// Checks the name of a topic, as Kafka does: 1 to 249 of letters, digits, `.`, `_` and `-`, and neither `.` nor `..`.
fn check_topic(topic: &str) -> Result<(), String> {
    const LEN_MAX: usize = 249;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if topic.is_empty() || topic.len() > LEN_MAX || topic == "." || topic == ".." || !topic.chars().all(is_allowed) {
        let found = topic.escape_default();
        return Err(format!("topic: expected 1 to {LEN_MAX} of letters, digits, `.`, `_` and `-`, found `{found}`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_output::{output, spec};

    fn template(options: &str) -> Result<RecordTemplate, Vec<ConfigError>> {
        let options: toml::Table = options.parse().unwrap();
        RecordTemplate::new(&crate::options::read(&options)?, &spec(&options))
    }

    #[test]
    fn the_key_is_the_client_where_none_is_given() {
        let output = output(r#"{"device":"d 7","n":null}"#);
        let key = |options: &str| template(options).unwrap().record(&output).unwrap().key;
        assert_eq!(key("topic = 't'").unwrap(), "pump-17");
        assert_eq!(key("topic = 't'\nkey = '${device}'").unwrap(), "d 7");
        assert_eq!(key("topic = 't'\nkey = '${n}'"), None);
        let made = template("topic = 't'\nheaders = { a = '${device}', b = '${n}' }").unwrap().record(&output).unwrap();
        let id = output.output_id().to_string();
        assert_eq!(made.headers, [("output_id".to_owned(), id), ("a".to_owned(), "d 7".to_owned())]);
        assert_eq!(made.value, r#"{"device":"d 7","n":null}"#);
    }

    #[test]
    fn a_topic_is_a_name_of_kafka() {
        let output = output(r#"{"device":"plant/7"}"#);
        let expected = "topic: expected 1 to 249 of letters, digits, `.`, `_` and `-`, found `plant/7`";
        assert_eq!(template("topic = '${device}'").unwrap().record(&output).unwrap_err(), expected);
        for topic in ["", "..", "a b", "é"] {
            assert!(
                template(&format!("topic = '{topic}'")).unwrap_err()[0].message.starts_with("topic: expected"),
                "{topic}"
            );
        }
        assert_eq!(template("").unwrap_err()[0].message, "`topic` is missing");
    }
}
