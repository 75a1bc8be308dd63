//! The properties of MQTT 5 that an action may set.

use bytestring::ByteString;
use engine::PublishProperties;
use events::Value;

use super::bool_of;
use super::topic::Destination;

/// The properties that `properties` may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Property {
    PayloadFormatIndicator,
    MessageExpiryInterval,
    ContentType,
    ResponseTopic,
    CorrelationData,
}

pub(super) const PROPERTIES: [(&str, Property); 5] = [
    ("payload_format_indicator", Property::PayloadFormatIndicator),
    ("message_expiry_interval", Property::MessageExpiryInterval),
    ("content_type", Property::ContentType),
    ("response_topic", Property::ResponseTopic),
    ("correlation_data", Property::CorrelationData),
];

/// What an option calls a property.
pub(super) fn name_of(property: Property) -> Option<&'static str> {
    PROPERTIES.iter().find(|(_, known)| *known == property).map(|(name, _)| *name)
}

/// Sets a property to what `text` says.
pub(super) fn set_property(
    properties: &mut PublishProperties,
    (property, text): (Property, String),
    destination: Destination,
) -> Result<(), String> {
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
            destination.check_topic(&text).map_err(|reason| format!("response_topic: {reason}"))?;
            properties.response_topic = Some(text.into());
        }
        Property::CorrelationData => properties.correlation_data = Some(text.into()),
    }
    Ok(())
}

/// Copies a map, or a list of `{"key": ..., "value": ...}` in which names may repeat.
pub(super) fn copy_user_properties(value: &Value, properties: &mut PublishProperties) -> Result<(), String> {
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
