//! A PUBLISH of another broker as an event of a source.

use bytestring::ByteString;
use events::{Body, Event, EventId, Head, Map, MessageId, Payload, SourceMessage, SourceTopic, Timestamp, Value};
use rumqttc::v5::mqttbytes::v5::{Publish, PublishProperties};

/// Where the messages of a source come from, the same for all of them.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) source: SourceTopic,
    /// The other broker, `host:port`.
    pub(super) server: ByteString,
    /// The name of this node.
    pub(super) node: ByteString,
}

/// The event of `publish`, with how often rules have passed the message on before; `None` where its topic is no text.
pub(super) fn event(origin: &Origin, now: Timestamp, publish: Publish) -> Option<(Event, u8)> {
    let Publish { dup, qos, retain, topic, pkid: _, payload, properties } = publish;
    let body = SourceMessage {
        id: MessageId::next(now),
        source: origin.source.clone(),
        server: origin.server.clone(),
        payload: Payload(payload),
        topic: ByteString::try_from(topic).ok()?,
        qos: qos as u8,
        dup,
        retain,
        pub_props: pub_props(properties.as_ref()).into(),
        message_received_at: now,
    };
    let head = Head {
        event_id: EventId::next(now),
        timestamp: now,
        node: origin.node.clone(),
        listener: None,
        conn_id: None,
        seq: None,
        client_seq: None,
        client_epoch: None,
    };
    let pairs = properties.iter().flat_map(|properties| &properties.user_properties);
    let hops = events::hops_of(pairs.map(|(name, value)| (name.as_str(), value.as_str())));
    Some((Event { head, body: Body::SourceMessage(body) }, hops))
}

/// Under the names of the standard, as in the events of messages that are published here.
fn pub_props(properties: Option<&PublishProperties>) -> Map {
    let mut map = Map::new();
    let mut put = |name: &'static str, value: Option<Value>| {
        if let Some(value) = value {
            map.insert(ByteString::from_static(name), value);
        }
    };
    let mut users = Map::new();
    let mut pairs = Vec::new();
    if let Some(properties) = properties {
        let text = |text: &Option<String>| text.as_deref().map(Value::from);
        put("Payload-Format-Indicator", properties.payload_format_indicator.map(|number| Value::Int(number.into())));
        put("Message-Expiry-Interval", properties.message_expiry_interval.map(|number| Value::Int(number.into())));
        put("Content-Type", text(&properties.content_type));
        put("Response-Topic", text(&properties.response_topic));
        put("Correlation-Data", properties.correlation_data.clone().map(Value::from_bytes));
        for (name, value) in &properties.user_properties {
            users.insert(name.as_str().into(), value.as_str().into());
            let pair = [("key", name), ("value", value)];
            let pair = pair.map(|(key, text)| (ByteString::from_static(key), Value::from(text.as_str())));
            pairs.push(Value::from(Map::from_iter(pair)));
        }
    }
    map.insert(ByteString::from_static("User-Property"), users.into());
    if !pairs.is_empty() {
        map.insert(ByteString::from_static("User-Property-Pairs"), Value::List(pairs.into()));
    }
    map
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use rumqttc::v5::mqttbytes::QoS;

    use super::*;

    #[test]
    fn a_message_of_another_broker_is_an_event_with_its_properties() {
        let origin = Origin { source: SourceTopic::sample(), server: "there:1883".into(), node: "n".into() };
        let properties = PublishProperties {
            content_type: Some("text/plain".to_owned()),
            user_properties: vec![("a".to_owned(), "1".to_owned()), ("signalbox-hops".to_owned(), "2".to_owned())],
            ..PublishProperties::default()
        };
        let publish = Publish { dup: true, pkid: 7, ..Publish::new("t", QoS::AtLeastOnce, "hi", Some(properties)) };
        let (event, hops) = event(&origin, Timestamp(5), publish).unwrap();
        let row = event.to_map(0);
        let column = |name: &str| row.get(name).unwrap().to_json();
        assert_eq!(hops, 2);
        assert_eq!(
            ["event", "source", "server", "topic", "payload", "qos", "dup", "retain"].map(column),
            ["\"$sources/mqtt:plant\"", "\"plant\"", "\"there:1883\"", "\"t\"", "\"hi\"", "1", "true", "false"]
        );
        assert_eq!(
            column("pub_props"),
            r#"{"Content-Type":"text/plain","User-Property":{"a":"1","signalbox-hops":"2"},"User-Property-Pairs":[{"key":"a","value":"1"},{"key":"signalbox-hops","value":"2"}]}"#
        );
        assert_eq!(["message_received_at", "timestamp", "listener"].map(column), ["5", "5", "null"]);
    }

    #[test]
    fn a_topic_that_is_no_text_makes_no_event() {
        let origin = Origin { source: SourceTopic::sample(), server: "there:1883".into(), node: "n".into() };
        let publish = Publish { topic: Bytes::from_static(&[0xFF]), ..Publish::new("t", QoS::AtMostOnce, "", None) };
        assert!(event(&origin, Timestamp(5), publish).is_none());
    }
}
