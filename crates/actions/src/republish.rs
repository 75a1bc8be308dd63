//! `republish`: publishes each output as an MQTT message.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytestring::ByteString;
use engine::template::Template;
use engine::{
    Action, ActionError, ActionSpec, BoxFuture, ConfigError, ErrorClass, ItemOutcome, Outcome, Output, Preview,
    PreviewPart, PublishProperties, PublishRefused, PublishRequest, Publisher, QoS,
};
use events::Value;

use crate::kind::{Kind, Way};
use crate::options::{Options as _, options, read};
use crate::template::Text;

pub(crate) const KIND: Kind = Kind {
    name: "republish",
    doc: "Publishes outputs as MQTT messages.",
    connector: &[],
    action: RepublishOptions::FIELDS,
    sample_connector: "",
    sample_action: "topic = 'client_connack'",
    way: Way::Direct(|surroundings, spec| Ok(Box::new(RepublishAction::new(&surroundings.publisher, spec)?))),
};

options! {
    /// An action that publishes.
    struct RepublishOptions {
        /// The topic, a template; no `+` and `#`. A variable that is NULL rejects the output. Required.
        topic: Option<String> = None,
        /// The payload, a template, in which NULL is `null`. By default the row as JSON.
        payload: Option<String> = None,
        /// The QoS: 0, 1, 2, or a template such as `"${qos}"`.
        qos: Constant = Constant::Integer(0),
        /// Whether the broker keeps the message for later subscribers: true, false, or a template such as
        /// `"${flags.retain}"`.
        retain: Constant = Constant::Boolean(false),
        /// User properties of MQTT 5: a table of templates, or one variable that is a map, such as
        /// `"${user_properties}"`. What is NULL is left out.
        user_properties: UserProperties = UserProperties::Pairs(BTreeMap::new()),
        /// Other properties of MQTT 5, templates: `payload_format_indicator` (0 or 1), `message_expiry_interval` (s),
        /// `content_type`, `response_topic`, `correlation_data`. What is NULL is left out.
        properties: BTreeMap<String, Constant> = BTreeMap::new(),
    }
}

/// A number, a boolean or a template that becomes one.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(untagged, expecting = "expected a number, a boolean or a template in text")]
enum Constant {
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

#[derive(Clone, Debug, serde::Deserialize)]
#[serde(untagged, expecting = "expected a table of templates or a variable in text")]
enum UserProperties {
    Variable(String),
    Pairs(BTreeMap<String, String>),
}

/// The properties that `properties` may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Property {
    PayloadFormatIndicator,
    MessageExpiryInterval,
    ContentType,
    ResponseTopic,
    CorrelationData,
}

const PROPERTIES: [(&str, Property); 5] = [
    ("payload_format_indicator", Property::PayloadFormatIndicator),
    ("message_expiry_interval", Property::MessageExpiryInterval),
    ("content_type", Property::ContentType),
    ("response_topic", Property::ResponseTopic),
    ("correlation_data", Property::CorrelationData),
];

/// A rule's way back into the broker.
pub(crate) struct RepublishAction {
    publisher: Arc<dyn Publisher>,
    topic: Text,
    payload: Option<Text>,
    qos: Text,
    retain: Text,
    user_properties: Vec<(Option<ByteString>, Text)>,
    properties: Vec<(Property, Text)>,
}

/// What an option calls a property.
fn name_of(property: Property) -> Option<&'static str> {
    PROPERTIES.iter().find(|(_, known)| *known == property).map(|(name, _)| *name)
}

impl RepublishAction {
    /// Reads the options of an action.
    pub(crate) fn new(
        publisher: &Arc<dyn Publisher>,
        spec: &ActionSpec<'_>,
    ) -> Result<RepublishAction, Vec<ConfigError>> {
        let options: RepublishOptions = read(spec.options)?;
        let mut reader = Reader { spec, errors: Vec::new() };
        let topic = reader.topic(options.topic.as_deref());
        let payload = options.payload.and_then(|text| reader.text(&["payload"], &text));
        let qos = reader.constant("qos", options.qos, |text| qos_of(text).map(drop));
        let retain = reader.constant("retain", options.retain, |text| bool_of("retain", text).map(drop));
        let user_properties = reader.user_properties(options.user_properties);
        let properties = reader.properties(options.properties);
        match (topic, qos, retain) {
            (Some(topic), Some(qos), Some(retain)) if reader.errors.is_empty() => Ok(RepublishAction {
                publisher: Arc::clone(publisher),
                topic,
                payload,
                qos,
                retain,
                user_properties,
                properties,
            }),
            _ => Err(reader.errors),
        }
    }

    fn publish(&self, output: &Output) -> ItemOutcome {
        let message = match self.message(output) {
            Ok(message) => message,
            Err(reason) => return ItemOutcome::Rejected { class: ErrorClass::Unsendable, reason },
        };
        match self.publisher.publish(message) {
            Ok(()) => ItemOutcome::Delivered,
            Err(PublishRefused::Rejected { reason }) => ItemOutcome::Rejected { class: ErrorClass::Refused, reason },
            Err(PublishRefused::Busy { reason }) => {
                ItemOutcome::Retry { class: ErrorClass::Unavailable, reason, after: None }
            }
        }
    }

    fn message(&self, output: &Output) -> Result<PublishRequest, String> {
        let render = |name: &str, text: &Text| text.render(output).map_err(|missing| format!("{name}: {missing}"));
        let topic = render("topic", &self.topic)?;
        check_topic(&topic)?;
        Ok(PublishRequest {
            topic: topic.into(),
            payload: match &self.payload {
                Some(text) => text.render_body(output),
                None => output.row.to_json().into(),
            },
            qos: qos_of(&render("qos", &self.qos)?)?,
            retain: bool_of("retain", &render("retain", &self.retain)?)?,
            properties: self.publish_properties(output)?,
            rule: Arc::clone(&output.rule),
            trigger: output.trigger.clone(),
            hops: output.hops.saturating_add(1),
        })
    }

    /// The message part by part.
    fn parts(&self, message: &PublishRequest, output: &Output) -> Vec<PreviewPart> {
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
            set_property(&mut properties, *property, text)?;
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

impl Action for RepublishAction {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn topic(&self) -> Option<&Template> {
        Some(self.topic.template())
    }

    fn send<'a>(&'a self, batch: &'a [Output]) -> BoxFuture<'a, Outcome> {
        Box::pin(async { Outcome::PerItem(in_order(batch, |output| self.publish(output))) })
    }

    fn preview(&self, output: &Output) -> Preview {
        match self.message(output) {
            Ok(message) => Preview { parts: self.parts(&message, output), rejected: None },
            Err(reason) => Preview { parts: Vec::new(), rejected: Some(reason) },
        }
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(async { Ok(()) })
    }
}

impl std::fmt::Debug for RepublishAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RepublishAction").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// Publishes one output after the other; what follows one that has to wait waits too, so that their order is kept.
fn in_order(batch: &[Output], publish: impl Fn(&Output) -> ItemOutcome) -> Vec<ItemOutcome> {
    let mut outcomes: Vec<ItemOutcome> = Vec::with_capacity(batch.len());
    for output in batch {
        let outcome = match outcomes.last() {
            Some(waits @ ItemOutcome::Retry { .. }) => waits.clone(),
            Some(ItemOutcome::Delivered | ItemOutcome::Rejected { .. }) | None => publish(output),
        };
        outcomes.push(outcome);
    }
    outcomes
}

/// Reads templates and keeps what is wrong with them.
struct Reader<'a, 's> {
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
            self.errors.push(error.with_help("write `republish = { topic = \"alerts/${clientid}\" }`"));
            return None;
        };
        let text = self.text(&["topic"], topic)?;
        let wrong = match text.as_constant() {
            Some(topic) => check_topic(topic).err(),
            None => text.literals().any(|piece| piece.contains(['+', '#'])).then(|| wildcard(topic)),
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
                && let Err(message) = set_property(&mut PublishProperties::default(), property, constant.to_owned())
            {
                self.errors.push(ConfigError::at(&path, message));
            }
            read.push((property, text));
        }
        read
    }
}

fn set_property(properties: &mut PublishProperties, property: Property, text: String) -> Result<(), String> {
    match property {
        Property::PayloadFormatIndicator => {
            properties.payload_format_indicator = Some(bool_of("payload_format_indicator", &text)?);
        }
        Property::MessageExpiryInterval => {
            let seconds = text.parse().map_err(|_| {
                format!("message_expiry_interval: expected seconds from 0 to 4294967295, found `{text}`")
            })?;
            properties.message_expiry_interval_s = Some(seconds);
        }
        Property::ContentType => properties.content_type = Some(text.into()),
        Property::ResponseTopic => {
            check_topic(&text).map_err(|reason| format!("response_topic: {reason}"))?;
            properties.response_topic = Some(text.into());
        }
        Property::CorrelationData => properties.correlation_data = Some(text.into()),
    }
    Ok(())
}

/// Copies a map, or a list of `{"key": ..., "value": ...}` in which names may repeat.
fn copy_user_properties(value: &Value, properties: &mut PublishProperties) -> Result<(), String> {
    match value {
        Value::Null => Ok(()),
        Value::Map(map) => {
            for (name, value) in map.iter() {
                match value {
                    Value::List(values) => {
                        let pairs = values.iter().map(|value| (name.clone(), text_of(value)));
                        properties.user_properties.extend(pairs);
                    }
                    Value::Null => {}
                    Value::Bool(_)
                    | Value::Int(_)
                    | Value::BigInt(_)
                    | Value::Float(_)
                    | Value::Text(_)
                    | Value::Bytes(_)
                    | Value::Map(_) => properties.user_properties.push((name.clone(), text_of(value))),
                }
            }
            Ok(())
        }
        Value::List(pairs) => {
            for pair in pairs.iter() {
                let pair = pair.as_map().and_then(|pair| Some((pair.get("key")?, pair.get("value")?)));
                let Some((name, value)) = pair else {
                    return Err("user_properties: expected maps with `key` and `value` in the list".to_owned());
                };
                properties.user_properties.push((text_of(name), text_of(value)));
            }
            Ok(())
        }
        Value::Bool(_) | Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Text(_) | Value::Bytes(_) => {
            Err(format!("user_properties: expected a map, found the {} {}", value.type_of(), value.to_json()))
        }
    }
}

fn text_of(value: &Value) -> ByteString {
    match value {
        Value::Text(text) => text.clone(),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::Bytes(_)
        | Value::List(_)
        | Value::Map(_) => value.to_json().into(),
    }
}

/// What a topic name is [MQTT-3.3.2-2, MQTT-4.7.3-1, MQTT-4.7.3-2, MQTT-4.7.3-3], and that nothing is published where
/// only the broker speaks.
fn check_topic(topic: &str) -> Result<(), String> {
    const RESERVED: [&str; 3] = ["$events/", "$sources/", "$SYS/"];
    if topic.is_empty() {
        return Err("topic: expected at least one character".to_owned());
    }
    if topic.len() > usize::from(u16::MAX) {
        return Err(format!("topic: expected at most 65535 bytes, found {}", topic.len()));
    }
    if topic.contains('\0') {
        return Err("topic: expected no U+0000".to_owned());
    }
    if topic.contains(['+', '#']) {
        return Err(wildcard(topic));
    }
    match RESERVED.into_iter().find(|prefix| topic.starts_with(prefix)) {
        Some(prefix) => Err(format!("topic: `{prefix}` is reserved for the broker, found `{topic}`")),
        None => Ok(()),
    }
}

fn wildcard(topic: &str) -> String {
    format!("topic: expected no wildcard in the name of a topic, found `{topic}`")
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

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;
    use crate::test_output::{output, spec};

    /// Collects what is published; the topic `busy` is for later.
    #[derive(Default)]
    struct Collected(Mutex<Vec<PublishRequest>>);

    impl Publisher for Collected {
        fn publish(&self, message: PublishRequest) -> Result<(), PublishRefused> {
            if &*message.topic == "busy" {
                return Err(PublishRefused::Busy { reason: "the broker is full".to_owned() });
            }
            self.0.lock().push(message);
            Ok(())
        }
    }

    fn publish(options: &str, rows: &[&str]) -> (Vec<ItemOutcome>, Vec<PublishRequest>) {
        let options: toml::Table = options.parse().unwrap();
        let collected = Arc::new(Collected::default());
        let publisher: Arc<dyn Publisher> = Arc::clone(&collected) as Arc<dyn Publisher>;
        let action = RepublishAction::new(&publisher, &spec(&options)).unwrap();
        let batch: Vec<Output> = rows.iter().map(|row| output(row)).collect();
        let outcomes = in_order(&batch, |output| action.publish(output));
        let published = std::mem::take(&mut *collected.0.lock());
        (outcomes, published)
    }

    fn errors(options: &str) -> Vec<String> {
        let options: toml::Table = options.parse().unwrap();
        let publisher: Arc<dyn Publisher> = Arc::new(Collected::default());
        let errors = RepublishAction::new(&publisher, &spec(&options)).unwrap_err();
        errors.into_iter().map(|error| error.message).collect()
    }

    #[test]
    fn the_row_is_the_payload_at_qos_0_not_retained() {
        let row = r#"{"clientid":"conn","username":"u_emqx","reason_code":"success","timestamp":1645003578856}"#;
        let (outcomes, published) = publish("topic = 'client_connack'", &[row]);
        assert_eq!(outcomes, [ItemOutcome::Delivered]);
        assert_eq!(
            published,
            [PublishRequest {
                topic: "client_connack".into(),
                payload: row.into(),
                qos: QoS::AtMostOnce,
                retain: false,
                properties: PublishProperties::default(),
                rule: "connack".into(),
                trigger: "$events/client_connack".into(),
                hops: 1,
            }]
        );
    }

    #[test]
    fn every_option_is_a_template() {
        let options = r#"
            topic = "alerts/${clientid}"
            payload = '{"why":"${reason}","user":${user}}'
            qos = "${qos}"
            retain = "${flags.retain}"
            user_properties = { rule = "${rule_id}", absent = "${user}" }
            properties = { message_expiry_interval = 60, content_type = "text/${type}", response_topic = "${user}" }
        "#;
        let row = r#"{"clientid":"p1","reason":"kicked","user":null,"qos":2,"flags":{"retain":true},"type":"plain"}"#;
        let (_, published) = publish(options, &[row]);
        let message = &published[0];
        assert_eq!((&*message.topic, &*message.payload), ("alerts/p1", &br#"{"why":"kicked","user":null}"#[..]));
        assert_eq!((message.qos, message.retain), (QoS::ExactlyOnce, true));
        let expected = PublishProperties {
            message_expiry_interval_s: Some(60),
            content_type: Some("text/plain".into()),
            user_properties: vec![("rule".into(), "connack".into())],
            ..PublishProperties::default()
        };
        assert_eq!(message.properties, expected);
    }

    #[test]
    fn user_properties_are_copied_from_a_map_or_a_list_of_pairs() {
        let options = "topic = 't'\nuser_properties = '${p}'";
        for (row, expected) in [
            (r#"{"p":{"a":"1","b":[2,"3"],"c":null}}"#, vec![("a", "1"), ("b", "2"), ("b", "3")]),
            (r#"{"p":[{"key":"a","value":"1"},{"key":"a","value":"2"}]}"#, vec![("a", "1"), ("a", "2")]),
            (r#"{"p":null}"#, vec![]),
        ] {
            let (_, published) = publish(options, &[row]);
            let expected: Vec<(ByteString, ByteString)> =
                expected.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
            assert_eq!(published[0].properties.user_properties, expected, "{row}");
        }
        let (outcomes, _) = publish(options, &[r#"{"p":5}"#]);
        let reason = "user_properties: expected a map, found the integer 5".to_owned();
        assert_eq!(outcomes, [ItemOutcome::Rejected { class: ErrorClass::Unsendable, reason }]);
    }

    #[test]
    fn an_output_that_makes_no_message_is_rejected_alone() {
        let options = "topic = '${t}'\nqos = '${q:-1}'";
        let rows = [
            r#"{"t":"a/+"}"#,
            r#"{"t":null}"#,
            r#"{"t":"$SYS/x"}"#,
            r#"{"t":""}"#,
            r#"{"t":"t","q":3}"#,
            r#"{"t":"ok"}"#,
        ];
        let (outcomes, published) = publish(options, &rows);
        let reasons: Vec<&str> = outcomes
            .iter()
            .map(|outcome| match outcome {
                ItemOutcome::Rejected { reason, .. } => reason.as_str(),
                ItemOutcome::Delivered => "delivered",
                ItemOutcome::Retry { .. } => "retry",
            })
            .collect();
        assert_eq!(
            reasons,
            [
                "topic: expected no wildcard in the name of a topic, found `a/+`",
                "topic: `${t}` is NULL; `${t:-...}` would give it a default",
                "topic: `$SYS/` is reserved for the broker, found `$SYS/x`",
                "topic: expected at least one character",
                "qos: expected 0, 1 or 2, found `3`",
                "delivered",
            ]
        );
        assert_eq!(published.len(), 1);
    }

    #[test]
    fn what_follows_a_message_for_later_waits_too() {
        let (outcomes, published) = publish("topic = '${t}'", &[r#"{"t":"a"}"#, r#"{"t":"busy"}"#, r#"{"t":"b"}"#]);
        let later =
            ItemOutcome::Retry { class: ErrorClass::Unavailable, reason: "the broker is full".to_owned(), after: None };
        assert_eq!(outcomes, [ItemOutcome::Delivered, later.clone(), later]);
        assert_eq!(published.len(), 1);
    }

    #[test]
    fn what_is_wrong_is_said_when_the_action_is_built() {
        for (options, message) in [
            ("", "`topic` is missing"),
            ("topic = 'a/#'", "topic: expected no wildcard"),
            ("topic = 'a/+/${b}'", "topic: expected no wildcard"),
            ("topic = '$events/x'", "topic: `$events/` is reserved"),
            ("topic = 't'\nqos = 3", "qos: expected 0, 1 or 2, found `3`"),
            ("topic = 't'\nretain = 'maybe'", "retain: expected true or false, found `maybe`"),
            ("topic = 't'\npayload = '${'", "expected `}`"),
            ("topic = 't'\nproperties = { content_typ = 'x' }", "unknown option `content_typ`"),
            ("topic = 't'\nproperties = { message_expiry_interval = -1 }", "message_expiry_interval: expected seconds"),
            ("topic = 't'\nuser_properties = 'x'", "`user_properties`: expected a table or one variable, found `x`"),
            ("topic = 't'\nqos = []", "`qos`: expected a number, a boolean or a template in text"),
        ] {
            let errors = errors(options);
            assert!(errors[0].starts_with(message), "{options}: {errors:?}");
        }
    }
}
