//! The catalogue: what is known of every event before one has happened.

use std::sync::LazyLock;

use bytestring::ByteString;

use crate::column::Column;
use crate::{Body, ConnId, Event, EventId, Map, Timestamp, Type, Value};

pub use crate::declared::Kind;

/// One kind of event: its names, its documentation, its fields.
#[derive(Debug)]
pub struct EventType {
    /// Which one.
    pub kind: Kind,
    /// The topic in FROM, such as `$events/client_connack`; `None` for messages, which come under their own topics, and
    /// for those of sources, under the names of these.
    pub topic: Option<&'static str>,
    /// The spelling with slashes, such as `$events/client/connack`.
    pub slash_topic: Option<&'static str>,
    /// The value of the column `event`, such as `client.connack`.
    pub name: &'static str,
    /// Whether the event belongs to the life of a client: numbered by `seq`, never dropped without a gap record.
    pub lifecycle: bool,
    /// The documentation, one line each.
    pub doc: &'static [&'static str],
    /// Every field, in the order of `SELECT *`; the first ones are those of [`Head`].
    pub fields: &'static [Field],
    /// Their names, for rows.
    pub(crate) names: LazyLock<Box<[ByteString]>>,
}

impl EventType {
    /// Every kind of event.
    pub fn all() -> impl Iterator<Item = &'static EventType> {
        Kind::ALL.iter().map(|kind| kind.event_type())
    }

    /// The event whose topic this is, in any of its spellings: `$events/client_connack`, `$events/client/connack`.
    pub fn by_topic(topic: &str) -> Option<&'static EventType> {
        EventType::all().find(|event| event.topic == Some(topic) || event.slash_topic == Some(topic))
    }

    /// The field of that name, and where it stands.
    pub fn field(&self, name: &str) -> Option<(FieldId, &'static Field)> {
        let at = self.fields.iter().position(|field| field.name == name)?;
        Some((FieldId(u16::try_from(at).expect("an event has few fields")), &self.fields[at]))
    }
}

/// The names of fields as rows have them.
pub(crate) fn names(fields: &[Field]) -> Box<[ByteString]> {
    fields.iter().map(|field| ByteString::from_static(field.name)).collect()
}

/// Where a field stands in [`EventType::fields`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FieldId(pub u16);

/// A field of an event.
#[derive(Debug)]
pub struct Field {
    /// The name in rules.
    pub name: &'static str,
    /// The type rules see.
    pub ty: Type,
    /// Whether it may be NULL.
    pub optional: bool,
    /// The documentation, one line each.
    pub doc: &'static [&'static str],
    /// What it is worth in the sample event.
    pub sample: fn() -> Value,
}

/// What every event carries, whatever happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// A ULID; the key of the event everywhere.
    pub event_id: EventId,
    /// When it happened.
    pub timestamp: Timestamp,
    /// The name of the node.
    pub node: ByteString,
    /// The name of the listener, where there was one.
    pub listener: Option<ByteString>,
    /// The network connection, where there was one.
    pub conn_id: Option<ConnId>,
    /// The number of this lifecycle event on its node; set when it is emitted.
    pub seq: Option<u64>,
    /// The number of this event in the life of its client; set when it is emitted.
    pub client_seq: Option<u64>,
    /// Counts how often `client_seq` had to begin anew.
    pub client_epoch: Option<u64>,
}

impl Head {
    /// The head of every sample.
    pub fn sample() -> Head {
        Head {
            event_id: EventId::SAMPLE,
            timestamp: Timestamp::SAMPLE,
            node: ByteString::from_static("signalbox@127.0.0.1"),
            listener: Some(ByteString::from_static("default")),
            conn_id: Some(ConnId(17)),
            seq: Some(1024),
            client_seq: Some(3),
            client_epoch: Some(1),
        }
    }

    /// The fields that [`EventType::fields`] begins with; `event` is the first of them.
    pub(crate) const FIELDS: [Field; 9] = [
        Field {
            name: "event",
            ty: Type::Text,
            optional: false,
            doc: &["The name of the event."],
            sample: || Value::Null,
        },
        Field {
            name: "event_id",
            ty: EventId::TYPE,
            optional: false,
            doc: &["A ULID: unique, sorts by time."],
            sample: || Head::sample().event_id.to_value(),
        },
        Field {
            name: "timestamp",
            ty: Timestamp::TYPE,
            optional: false,
            doc: &["When it happened, in ms since 1970-01-01 UTC."],
            sample: || Head::sample().timestamp.to_value(),
        },
        Field {
            name: "node",
            ty: ByteString::TYPE,
            optional: false,
            doc: &["The name of the node."],
            sample: || Head::sample().node.to_value(),
        },
        Field {
            name: "listener",
            ty: ByteString::TYPE,
            optional: true,
            doc: &["The name of the listener; NULL where there was none."],
            sample: || Head::sample().listener.to_value(),
        },
        Field {
            name: "conn_id",
            ty: ConnId::TYPE,
            optional: true,
            doc: &["The network connection: rises on a node while it runs. NULL where there was none."],
            sample: || Head::sample().conn_id.to_value(),
        },
        Field {
            name: "seq",
            ty: Type::Int,
            optional: true,
            doc: &["Rises by one with every lifecycle event of the node; NULL in message events."],
            sample: || Head::sample().seq.to_value(),
        },
        Field {
            name: "client_seq",
            ty: Type::Int,
            optional: true,
            doc: &["Rises by one with every lifecycle event of the client's accepted connections."],
            sample: || Head::sample().client_seq.to_value(),
        },
        Field {
            name: "client_epoch",
            ty: Type::Int,
            optional: true,
            doc: &["Rises when the broker had to forget the client and `client_seq` began anew."],
            sample: || Head::sample().client_epoch.to_value(),
        },
    ];

    /// The value of a field of the head but the name, by its place in [`Head::FIELDS`].
    #[inline]
    pub(crate) fn field(&self, at: usize) -> Value {
        match at {
            1 => self.event_id.to_value(),
            2 => self.timestamp.to_value(),
            3 => self.node.to_value(),
            4 => self.listener.to_value(),
            5 => self.conn_id.to_value(),
            6 => self.seq.to_value(),
            7 => self.client_seq.to_value(),
            _ => self.client_epoch.to_value(),
        }
    }

    /// Appends every field but the name in order.
    fn push_fields(&self, into: &mut Vec<Value>) {
        into.extend([
            self.event_id.to_value(),
            self.timestamp.to_value(),
            self.node.to_value(),
            self.listener.to_value(),
            self.conn_id.to_value(),
            self.seq.to_value(),
            self.client_seq.to_value(),
            self.client_epoch.to_value(),
        ]);
    }
}

impl Event {
    /// Its name, the column `event`: that of its kind; of a message from a source, what names the source in FROM.
    pub fn name(&self) -> ByteString {
        if let Body::SourceMessage(message) = &self.body {
            return message.source.as_text().clone();
        }
        ByteString::from_static(self.kind().event_type().name)
    }

    /// The value of a field.
    pub fn field(&self, field: FieldId) -> Value {
        let at = usize::from(field.0);
        if at == 0 {
            Value::Text(self.name())
        } else if at < Head::FIELDS.len() {
            self.head.field(at)
        } else {
            self.body.field(at - Head::FIELDS.len())
        }
    }

    /// Every field by name, in the order of `SELECT *`.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let event_type = self.kind().event_type();
        (0u16..).zip(event_type.fields).map(|(at, field)| (field.name, self.field(FieldId(at))))
    }

    /// Every field by name, in the order of `SELECT *`, with room for `more` entries behind them.
    pub fn to_map(&self, more: usize) -> Map {
        let kind = self.kind();
        let names: &[ByteString] = &kind.event_type().names;
        let mut columns = Vec::with_capacity(names.len());
        columns.push(Value::Text(self.name()));
        self.head.push_fields(&mut columns);
        self.body.push_fields(&mut columns);
        Map::of_columns(names, columns, more)
    }

    /// The event as a JSON object.
    pub fn to_json(&self) -> String {
        self.to_map(0).to_json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_found_under_both_its_topics() {
        for event in EventType::all() {
            let Some(topic) = event.topic else { continue };
            assert_eq!(EventType::by_topic(topic).map(|e| e.kind), Some(event.kind));
            assert_eq!(EventType::by_topic(event.slash_topic.unwrap()).map(|e| e.kind), Some(event.kind));
        }
        assert!(EventType::by_topic("$events/client/conn/ack").is_none());
        assert!(EventType::by_topic("$events/").is_none());
    }

    #[test]
    fn all_fields_together_are_what_each_is_alone() {
        for kind in Kind::ALL {
            let sample = Event::sample(*kind);
            let together: Vec<_> =
                sample.to_map(0).into_iter().map(|(name, value)| (name.to_string(), value)).collect();
            let alone: Vec<_> = sample.fields().map(|(name, value)| (name.to_owned(), value)).collect();
            assert_eq!(together, alone);
        }
    }

    #[test]
    fn every_field_is_documented_and_its_sample_has_its_type() {
        for event in EventType::all() {
            assert!(!event.doc.is_empty(), "{}", event.name);
            let sample = Event::sample(event.kind);
            for ((name, value), field) in sample.fields().zip(event.fields) {
                assert!(!field.doc.is_empty(), "{}.{name}", event.name);
                assert_eq!(
                    event.fields.iter().filter(|f| f.name == name).count(),
                    1,
                    "{}.{name} stands twice",
                    event.name
                );
                if name != "event" {
                    assert_eq!((field.sample)(), value, "{}.{name}", event.name);
                }
                let fits = match field.ty {
                    Type::Timestamp => matches!(value, Value::Int(_)),
                    Type::Bytes => matches!(value, Value::Text(_) | Value::Bytes(_)),
                    Type::Null
                    | Type::Bool
                    | Type::Int
                    | Type::Float
                    | Type::Number
                    | Type::Text
                    | Type::List
                    | Type::Map
                    | Type::Any => value.type_of() == field.ty,
                };
                assert!(
                    fits || (field.optional && value.is_null()),
                    "{}.{name}: {value:?} is no {}",
                    event.name,
                    field.ty
                );
            }
        }
    }
}
