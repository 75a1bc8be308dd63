//! `republish`: publishes each output as an MQTT message.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::template::Template;
use engine::{
    Action, ActionError, ActionSpec, BoxFuture, ConfigError, ErrorClass, ItemOutcome, Outcome, Output, Preview,
    PublishRefused, PublishRequest, Publisher,
};

use crate::kind::{Kind, Way};
use crate::message::{Constant, Destination, Message, MessageOptions, MessageTemplate, UserProperties};
use crate::options::{Options as _, options, read};

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

/// A rule's way back into the broker.
pub(crate) struct RepublishAction {
    publisher: Arc<dyn Publisher>,
    message: MessageTemplate,
}

impl RepublishAction {
    /// Reads the options of an action.
    pub(crate) fn new(
        publisher: &Arc<dyn Publisher>,
        spec: &ActionSpec<'_>,
    ) -> Result<RepublishAction, Vec<ConfigError>> {
        let RepublishOptions { topic, payload, qos, retain, user_properties, properties } = read(spec.options)?;
        let options = MessageOptions { topic, payload, qos, retain, user_properties, properties };
        let message = MessageTemplate::new(options, Destination::Here, spec)?;
        Ok(RepublishAction { publisher: Arc::clone(publisher), message })
    }

    fn publish(&self, output: &Output) -> ItemOutcome {
        let message = match self.message.message(output) {
            Ok(message) => message,
            Err(reason) => return ItemOutcome::Rejected { class: ErrorClass::Unsendable, reason },
        };
        match self.publisher.publish(request(message, output)) {
            Ok(()) => ItemOutcome::Delivered,
            Err(PublishRefused::Rejected { reason }) => ItemOutcome::Rejected { class: ErrorClass::Refused, reason },
            Err(PublishRefused::Busy { reason }) => {
                ItemOutcome::Retry { class: ErrorClass::Unavailable, reason, after: None }
            }
        }
    }
}

fn request(message: Message, output: &Output) -> PublishRequest {
    let Message { topic, payload, qos, retain, properties } = message;
    PublishRequest {
        topic,
        payload,
        qos,
        retain,
        properties,
        rule: Arc::clone(&output.rule),
        trigger: output.trigger.clone(),
        hops: output.hops.saturating_add(1),
    }
}

impl Action for RepublishAction {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn topic(&self) -> Option<&Template> {
        Some(self.message.topic())
    }

    fn send<'a>(&'a self, batch: &'a [Output]) -> BoxFuture<'a, Outcome> {
        Box::pin(async { Outcome::PerItem(in_order(batch, |output| self.publish(output))) })
    }

    fn preview(&self, output: &Output) -> Preview {
        self.message.preview(output)
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(async { Ok(()) })
    }
}

impl std::fmt::Debug for RepublishAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RepublishAction").field("message", &self.message).finish_non_exhaustive()
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

#[cfg(test)]
mod tests {
    use bytestring::ByteString;
    use engine::{PublishProperties, QoS};
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
