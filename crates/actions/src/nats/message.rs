//! The message that an output becomes: templates of subject, headers and payload.

use bytes::Bytes;
use engine::{ActionSpec, ConfigError, Output, Preview, PreviewPart};
use events::Value;

use super::NatsActionOptions;
use super::protocol::{check_subject, header_of};
use crate::template::Text;

/// Templates of a message.
#[derive(Debug)]
pub(super) struct MessageTemplate {
    subject: Text,
    payload: Option<Text>,
    headers: Vec<(String, Text)>,
    jetstream: bool,
}

/// A message, ready to be sent.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) subject: String,
    /// Empty, or with the line that ends it.
    pub(super) header: String,
    pub(super) payload: Bytes,
}

/// The header by which a stream tells a repetition.
const MESSAGE_ID: &str = "Nats-Msg-Id";

impl MessageTemplate {
    /// Reads the options of an action.
    pub(super) fn new(options: &NatsActionOptions, spec: &ActionSpec<'_>) -> Result<MessageTemplate, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let mut compile =
            |text: &str, path: &[&str]| Text::compile(text, path, spec).map_err(|wrong| errors.extend(wrong)).ok();
        let subject = options.subject.as_deref().and_then(|subject| compile(subject, &["subject"]));
        let payload = options.payload.as_deref().and_then(|payload| compile(payload, &["payload"]));
        let headers: Vec<(String, Text)> = options
            .headers
            .iter()
            .filter_map(|(name, text)| Some((name.clone(), compile(text, &["headers", name])?)))
            .collect();
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|byte| byte > b' ' && byte < 127 && byte != b':');
        for name in options.headers.keys().filter(|name| !is_name(name)) {
            let message = format!("`headers`: expected the name of a header, found `{}`", name.escape_default());
            errors.push(ConfigError { at_key: true, ..ConfigError::at(&["headers", name], message) });
        }
        if options.subject.is_none() {
            let error = ConfigError::at(&[], "`subject` is missing");
            errors.push(error.with_help("write `subject = \"plant.connack.${clientid}\"`"));
        }
        if let Some(Err(message)) = subject.as_ref().and_then(Text::as_constant).map(check_subject) {
            errors.push(ConfigError::at(&["subject"], message));
        }
        match subject {
            Some(subject) if errors.is_empty() => {
                Ok(MessageTemplate { subject, payload, headers, jetstream: options.jetstream })
            }
            Some(_) | None => Err(errors),
        }
    }

    /// The message for `output`, or why there is none.
    pub(super) fn message(&self, output: &Output) -> Result<Message, String> {
        let subject = self.subject.render(output).map_err(|missing| format!("subject: {missing}"))?;
        check_subject(&subject)?;
        let headers = self.headers(output)?;
        Ok(Message {
            subject,
            header: header_of(headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))),
            payload: match &self.payload {
                Some(text) => text.render_body(output),
                None => output.row.to_json().into(),
            },
        })
    }

    fn headers(&self, output: &Output) -> Result<Vec<(String, String)>, String> {
        let mut headers = Vec::with_capacity(self.headers.len() + 1);
        if self.jetstream && !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(MESSAGE_ID)) {
            headers.push((MESSAGE_ID.to_owned(), output.output_id().to_string()));
        }
        for (name, template) in &self.headers {
            let Ok(value) = template.render(output) else { continue };
            if value.contains(['\r', '\n']) {
                return Err(format!("header `{name}`: expected no line break"));
            }
            headers.push((name.clone(), value));
        }
        Ok(headers)
    }

    /// The message part by part, or why there is none.
    pub(super) fn preview(&self, output: &Output) -> Preview {
        let (message, headers) = match self.message(output).and_then(|message| Ok((message, self.headers(output)?))) {
            Ok(made) => made,
            Err(reason) => return Preview { parts: Vec::new(), rejected: Some(reason) },
        };
        let mut parts = vec![self.subject.part("subject", message.subject, output)];
        for (name, value) in headers {
            let template = self.headers.iter().find(|(known, _)| *known == name);
            let label = format!("header `{name}`");
            parts.push(match template {
                Some((_, template)) => template.part(label, value, output),
                None => PreviewPart::constant(label, value),
            });
        }
        let payload = Value::from_bytes(message.payload);
        parts.push(match &self.payload {
            Some(text) => text.part("payload", payload, output),
            None => PreviewPart::constant("payload", payload),
        });
        Preview { parts, rejected: None }
    }
}
