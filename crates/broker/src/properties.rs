//! Properties of packets as rules see them.

use bytes::Bytes;
use bytestring::ByteString;
use events::{LazyMap, Map, Value};
use mqtt::{Properties, PropertyValue};

/// The properties of a packet as a map, read only when a rule asks for it.
///
/// Keys are the names of the standard. `User-Property` is always there, a map in which the last value of a name counts;
/// `User-Property-Pairs` is there when the packet has user properties, a list that keeps order and repetitions.
pub(crate) fn lazy_map(properties: &Properties) -> LazyMap {
    if properties.is_empty() {
        return LazyMap::new(Bytes::new(), read);
    }
    // A copy: events are kept, and the block is a slice of the buffer it was read into.
    LazyMap::new(Bytes::copy_from_slice(properties.as_bytes()), read)
}

fn read(block: &Bytes) -> Map {
    let properties = Properties::from_block(block.clone());
    let mut map = Map::new();
    let mut users = Map::new();
    let mut pairs = Vec::new();
    for property in properties.iter() {
        let value = match property.value {
            PropertyValue::Byte(number) => Value::Int(i64::from(number)),
            PropertyValue::TwoByteInteger(number) => Value::Int(i64::from(number)),
            PropertyValue::FourByteInteger(number) | PropertyValue::VariableByteInteger(number) => {
                Value::Int(i64::from(number))
            }
            PropertyValue::BinaryData(bytes) => Value::from_bytes(Bytes::copy_from_slice(bytes)),
            PropertyValue::Utf8String(text) => Value::from(text),
            PropertyValue::Utf8StringPair(name, value) => {
                users.insert(name.into(), value.into());
                let mut pair = Map::with_capacity(2);
                pair.push_new(ByteString::from_static("key"), name.into());
                pair.push_new(ByteString::from_static("value"), value.into());
                pairs.push(Value::from(pair));
                continue;
            }
        };
        map.insert(ByteString::from_static(property.id.name()), value);
    }
    map.insert(ByteString::from_static("User-Property"), users.into());
    if !pairs.is_empty() {
        map.insert(ByteString::from_static("User-Property-Pairs"), pairs.into());
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_named_as_in_the_standard() {
        let properties = Properties::builder()
            .session_expiry_interval_s(60)
            .user_property("a", "1")
            .and_then(|builder| builder.user_property("a", "2"))
            .unwrap()
            .build();
        assert_eq!(
            lazy_map(&properties).to_map().to_json(),
            r#"{"Session-Expiry-Interval":60,"User-Property":{"a":"2"},"User-Property-Pairs":[{"key":"a","value":"1"},{"key":"a","value":"2"}]}"#
        );
        assert_eq!(lazy_map(&Properties::new()).to_map().to_json(), r#"{"User-Property":{}}"#);
    }
}
