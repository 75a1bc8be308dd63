//! An MQTT message made of an output: topic, payload, QoS, retain and properties, each a template.
//!
//! `republish` publishes such messages here, `mqtt` elsewhere.

mod properties;
mod topic;

use std::collections::BTreeMap;

use bytes::Bytes;
use bytestring::ByteString;
use engine::template::Template;
use engine::{ActionSpec, ConfigError, Output, Preview, PreviewPart, PublishProperties, QoS};
use events::Value;

use self::properties::{PROPERTIES, Property, copy_user_properties, name_of, set_property};
pub(crate) use self::topic::Destination;
use crate::template::Text;

/// What the options of an action say of its messages.
#[derive(Debug)]
pub(crate) struct MessageOptions {
    pub(crate) topic: Option<String>,
    pub(crate) payload: Option<String>,
    pub(crate) qos: Constant,
    pub(crate) retain: Constant,
    pub(crate) user_properties: UserProperties,
    pub(crate) properties: BTreeMap<String, Constant>,
}

/// A number, a boolean or a template that becomes one.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(untagged, expecting = "expected a number, a boolean or a template in text")]
pub(crate) enum Constant {
    Boolean(bool),
    Integer(i64),
    Text(String),
}

impl Constant {
    fn into_text(self) -> String {
        match self {
            Constant::Boolean(value) => value.to_string(),
            Constant::Integer(value) => value.to_string(),
            Constant::Text(text) => text,
        }
    }
}

/// Pairs, or the variable that holds them.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(untagged, expecting = "expected a table of templates or a variable in text")]
pub(crate) enum UserProperties {
    Variable(String),
    Pairs(BTreeMap<String, String>),
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) topic: ByteString,
    pub(crate) payload: Bytes,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) properties: PublishProperties,
}

/// How outputs become messages.
#[derive(Debug)]
pub(crate) struct MessageTemplate {
    destination: Destination,
    topic: Text,
    payload: Option<Text>,
    qos: Text,
    retain: Text,
    user_properties: Vec<(Option<ByteString>, Text)>,
    properties: Vec<(Property, Text)>,
}

impl MessageTemplate {
    /// Reads the options of an action whose messages go to `destination`.
    pub(crate) fn new(
        options: MessageOptions,
        destination: Destination,
        spec: &ActionSpec<'_>,
    ) -> Result<MessageTemplate, Vec<ConfigError>> {
        let mut reader = Reader { destination, spec, errors: Vec::new() };
        let topic = reader.topic(options.topic.as_deref());
        let payload = options.payload.and_then(|text| reader.text(&["payload"], &text));
        let qos = reader.constant("qos", options.qos, |text| qos_of(text).map(drop));
        let retain = reader.constant("retain", options.retain, |text| bool_of("retain", text).map(drop));
        let user_properties = reader.user_properties(options.user_properties);
        let properties = reader.properties(options.properties);
        match (topic, qos, retain) {
            (Some(topic), Some(qos), Some(retain)) if reader.errors.is_empty() => {
                Ok(MessageTemplate { destination, topic, payload, qos, retain, user_properties, properties })
            }
            _ => Err(reader.errors),
        }
    }

    /// The template of the topic.
    pub(crate) const fn topic(&self) -> &Template {
        self.topic.template()
    }

    /// The message for `output`, or why there is none.
    pub(crate) fn message(&self, output: &Output) -> Result<Message, String> {
        let render = |name: &str, text: &Text| text.render(output).map_err(|missing| format!("{name}: {missing}"));
        let topic = render("topic", &self.topic)?;
        self.destination.check_topic(&topic)?;
        Ok(Message {
            topic: topic.into(),
            payload: match &self.payload {
                Some(text) => text.render_body(output),
                None => output.row.to_json().into(),
            },
            qos: qos_of(&render("qos", &self.qos)?)?,
            retain: bool_of("retain", &render("retain", &self.retain)?)?,
            properties: self.publish_properties(output)?,
        })
    }

    /// The message part by part, or why there is none.
    pub(crate) fn preview(&self, output: &Output) -> Preview {
        match self.message(output) {
            Ok(message) => Preview { parts: self.parts(&message, output), rejected: None },
            Err(reason) => Preview { parts: Vec::new(), rejected: Some(reason) },
        }
    }

    fn parts(&self, message: &Message, output: &Output) -> Vec<PreviewPart> {
        let payload = Value::from_bytes(message.payload.clone());
        let retain = if message.retain { ", retained" } else { "" };
        let mut parts = vec![
            self.topic.part("topic", message.topic.clone(), output),
            PreviewPart::constant("qos", format!("{}{retain}", message.qos as u8)),
            match &self.payload {
                Some(text) => text.part("payload", payload, output),
                None => PreviewPart::constant("payload", payload),
            },
        ];
        for (name, value) in &message.properties.user_properties {
            parts.push(PreviewPart::constant(format!("user property `{name}`"), value.clone()));
        }
        for (name, (_, text)) in self.properties.iter().filter_map(|part| Some((name_of(part.0)?, part))) {
            if let Ok(value) = text.render(output) {
                parts.push(text.part(name, value, output));
            }
        }
        parts
    }

    fn publish_properties(&self, output: &Output) -> Result<PublishProperties, String> {
        let mut properties = PublishProperties::default();
        for (property, template) in &self.properties {
            // What is NULL is left out: a property that was not there is copied by not being there.
            let Ok(text) = template.render(output) else { continue };
            set_property(&mut properties, (*property, text), self.destination)?;
        }
        for (name, template) in &self.user_properties {
            match name {
                Some(name) => {
                    if let Ok(text) = template.render(output) {
                        properties.user_properties.push((name.clone(), text.into()));
                    }
                }
                None => copy_user_properties(&template.value(output).unwrap_or_default(), &mut properties)?,
            }
        }
        Ok(properties)
    }
}

/// Reads templates and keeps what is wrong with them.
struct Reader<'a, 's> {
    destination: Destination,
    spec: &'a ActionSpec<'s>,
    errors: Vec<ConfigError>,
}

impl Reader<'_, '_> {
    fn text(&mut self, path: &[&str], text: &str) -> Option<Text> {
        Text::compile(text, path, self.spec).map_err(|errors| self.errors.extend(errors)).ok()
    }

    fn topic(&mut self, topic: Option<&str>) -> Option<Text> {
        let Some(topic) = topic else {
            let error = ConfigError::at(&[], "`topic` is missing");
            self.errors.push(error.with_help("write `topic = \"alerts/${clientid}\"`"));
            return None;
        };
        let text = self.text(&["topic"], topic)?;
        let wrong = match text.as_constant() {
            Some(topic) => self.destination.check_topic(topic).err(),
            None => text.literals().any(|piece| piece.contains(['+', '#'])).then(|| topic::wildcard(topic)),
        };
        self.errors.extend(wrong.map(|message| ConfigError::at(&["topic"], message)));
        Some(text)
    }

    /// A template whose value is checked now where it is the same for every output.
    fn constant(&mut self, name: &str, value: Constant, check: fn(&str) -> Result<(), String>) -> Option<Text> {
        let text = self.text(&[name], &value.into_text())?;
        let wrong = text.as_constant().and_then(|text| check(text).err());
        self.errors.extend(wrong.map(|message| ConfigError::at(&[name], message)));
        Some(text)
    }

    fn user_properties(&mut self, options: UserProperties) -> Vec<(Option<ByteString>, Text)> {
        match options {
            UserProperties::Variable(text) => {
                let read = self.text(&["user_properties"], &text);
                if read.as_ref().is_some_and(|read| read.as_variable().is_none()) {
                    let message = format!("`user_properties`: expected a table or one variable, found `{text}`");
                    let error = ConfigError::at(&["user_properties"], message);
                    self.errors.push(error.with_help("write `{ name = \"value\" }` or `\"${user_properties}\"`"));
                }
                read.into_iter().map(|text| (None, text)).collect()
            }
            UserProperties::Pairs(pairs) => pairs
                .iter()
                .filter_map(|(name, value)| {
                    Some((Some(name.as_str().into()), self.text(&["user_properties", name], value)?))
                })
                .collect(),
        }
    }

    fn properties(&mut self, options: BTreeMap<String, Constant>) -> Vec<(Property, Text)> {
        let mut read = Vec::new();
        for (name, value) in options {
            let path = ["properties", name.as_str()];
            let Some((_, property)) = PROPERTIES.into_iter().find(|(known, _)| *known == name) else {
                self.errors.push(ConfigError::unknown_key(&path, &PROPERTIES.map(|(known, _)| known)));
                continue;
            };
            let Some(text) = self.text(&path, &value.into_text()) else { continue };
            if let Some(constant) = text.as_constant()
                && let Err(message) =
                    set_property(&mut PublishProperties::default(), (property, constant.to_owned()), self.destination)
            {
                self.errors.push(ConfigError::at(&path, message));
            }
            read.push((property, text));
        }
        read
    }
}

fn qos_of(text: &str) -> Result<QoS, String> {
    match text {
        "0" => Ok(QoS::AtMostOnce),
        "1" => Ok(QoS::AtLeastOnce),
        "2" => Ok(QoS::ExactlyOnce),
        _ => Err(format!("qos: expected 0, 1 or 2, found `{text}`")),
    }
}

fn bool_of(name: &str, text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("{name}: expected true or false, found `{text}`")),
    }
}
