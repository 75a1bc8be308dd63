//! What rules republish, handed to the broker.

use std::sync::OnceLock;

use broker::{Broker, Publication};
use engine::{PublishProperties, PublishRefused, PublishRequest, Publisher};
use mqtt::{EncodeError, Properties};

/// The broker as rules see it. Rules are read before the broker exists, since it asks them which messages they want.
#[derive(Debug, Default)]
pub(crate) struct Gateway(OnceLock<Broker>);

impl Gateway {
    /// Connects it to the broker; the first one stays.
    pub(crate) fn connect(&self, broker: &Broker) {
        self.0.get_or_init(|| broker.clone());
    }
}

impl Publisher for Gateway {
    fn publish(&self, message: PublishRequest) -> Result<(), PublishRefused> {
        let Some(broker) = self.0.get() else {
            return Err(PublishRefused::Busy { reason: "the broker is not started yet".to_owned() });
        };
        let properties = properties(&message.properties).map_err(|error| PublishRefused::Rejected {
            reason: format!("the properties do not fit into a packet: {error}"),
        })?;
        let publication = Publication {
            id: None,
            topic: message.topic,
            payload: message.payload,
            qos: message.qos,
            retain: message.retain,
            properties,
            client_id: message.rule.as_ref().into(),
            username: None,
            hops: message.hops,
        };
        // Whatever the broker refuses, it refuses again.
        let published = broker.publish(&publication);
        published.map(|_| ()).map_err(|refused| PublishRefused::Rejected { reason: refused.to_string() })
    }
}

fn properties(wanted: &PublishProperties) -> Result<Properties, EncodeError> {
    let mut builder = Properties::builder();
    if let Some(is_text) = wanted.payload_format_indicator {
        builder = builder.payload_format_indicator(is_text);
    }
    if let Some(interval_s) = wanted.message_expiry_interval_s {
        builder = builder.message_expiry_interval_s(interval_s);
    }
    if let Some(text) = &wanted.content_type {
        builder = builder.content_type(text)?;
    }
    if let Some(topic) = &wanted.response_topic {
        builder = builder.response_topic(topic)?;
    }
    if let Some(bytes) = &wanted.correlation_data {
        builder = builder.correlation_data(bytes)?;
    }
    for (name, value) in &wanted.user_properties {
        builder = builder.user_property(name, value)?;
    }
    Ok(builder.build())
}
