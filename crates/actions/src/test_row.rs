//! Rows of tests, written as JSON. The tests beside this crate read it too.

use events::{Map, Value};

/// Reads an object of JSON and keeps the order of its keys.
pub(crate) struct Row(pub(crate) Map);

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
