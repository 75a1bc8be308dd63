//! Outputs and specifications for the tests of this crate.

use std::sync::Arc;

use engine::{ActionSpec, Output, Via};
use events::{EventId, Map, Timestamp, Value};

/// An output with the row that `json` says.
pub(crate) fn output(json: &str) -> Output {
    let Row(row) = serde_json::from_str(json).unwrap();
    Output {
        row: Arc::new(row),
        event_id: EventId::SAMPLE,
        rule: Arc::from("connack"),
        action: Arc::from("action"),
        row_number: 0,
        client_id: Some("pump-17".into()),
        trigger: "$events/client_connack".into(),
        hops: 0,
        created: Timestamp::SAMPLE,
    }
}

/// An action with these options, in a rule whose fields are not known.
pub(crate) fn spec(options: &toml::Table) -> ActionSpec<'_> {
    ActionSpec { rule: "connack", name: "action", via: Via::Kind("test"), options, output_fields: None }
}

/// Reads an object of JSON and keeps the order of its keys.
struct Row(Map);

impl<'de> serde::Deserialize<'de> for Row {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Row, D::Error> {
        struct Entries;
        impl<'de> serde::de::Visitor<'de> for Entries {
            type Value = Row;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut entries: A) -> Result<Row, A::Error> {
                let mut row = Map::new();
                while let Some((key, value)) = entries.next_entry::<String, serde_json::Value>()? {
                    row.insert(key.into(), Value::from_json(&value));
                }
                Ok(Row(row))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
