//! An event of which some fields are given: the others are those of the sample.

use bytestring::ByteString;
use events::{Event, EventType, Field, Kind, Map, SourceMessage, SourceTopic, Type, Value, closest};
use sql::{Overlay, Source};

use crate::checked::name_of;

/// An event that people describe: in the tests of a rule file, or to have a rule explained.
#[derive(Clone, Debug)]
pub(crate) struct GivenEvent {
    event: Event,
    given: Map,
}

/// What is wrong with a field of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WrongField {
    /// The event has none of that name.
    Unknown { message: String, help: Option<String> },
    /// The value is none that it can have.
    Value(String),
}

impl GivenEvent {
    /// The sample of what an entry of FROM listens to, under a topic that its filter matches.
    pub(crate) fn sample(source: &Source) -> GivenEvent {
        match source {
            Source::Event(kind) => GivenEvent { event: Event::sample(*kind), given: Map::new() },
            Source::Named(source) => {
                let message = SourceMessage { source: source.clone(), ..SourceMessage::sample() };
                let event = Event { body: message.into(), ..Event::sample(Kind::SourceMessage) };
                GivenEvent { event, given: Map::new() }
            }
            Source::Topic(filter) => {
                let topic = (ByteString::from_static("topic"), Value::Text(topic_of(filter)));
                GivenEvent { event: Event::sample(Kind::MessagePublish), given: [topic].into_iter().collect() }
            }
        }
    }

    /// The event that `fields` tell of, for a rule that listens to `sources`: of the kind that `event` names, else a
    /// message where a `topic` is given and the rule listens to messages, else what the first source listens to.
    pub(crate) fn of_fields(fields: &Map, sources: &[Source]) -> Result<GivenEvent, Vec<String>> {
        let is_topic = |source: &&Source| matches!(source, Source::Topic(_));
        let mut given = match fields.get("event").and_then(Value::as_text) {
            Some(name) => GivenEvent::named(name, sources).map_err(|wrong| vec![wrong])?,
            None => {
                let topic = sources.iter().find(is_topic).filter(|_| fields.get("topic").is_some());
                GivenEvent::sample(topic.or(sources.first()).ok_or_else(|| vec!["the rule has no FROM".to_owned()])?)
            }
        };
        let mut wrong = Vec::new();
        // Which event it is, is known by now.
        for (name, value) in fields.iter().filter(|(name, _)| *name != "event") {
            match given.set(name, value.clone()) {
                Ok(()) => {}
                Err(WrongField::Unknown { message, help }) => {
                    wrong.push(help.map_or_else(|| message.clone(), |help| format!("{message}; {help}")));
                }
                Err(WrongField::Value(message)) => wrong.push(message),
            }
        }
        given.set_connack_reason();
        if wrong.is_empty() { Ok(given) } else { Err(wrong) }
    }

    /// Sets a field.
    pub(crate) fn set(&mut self, name: &str, value: Value) -> Result<(), WrongField> {
        let Some((_, field)) = self.event_type().field(name) else {
            let names = self.event_type().fields.iter().map(|field| field.name);
            let message = format!("no field `{name}` in `{}`", name_of(&Source::Event(self.event.kind())));
            let help = closest(name, names).map(|name| format!("did you mean `{name}`?"));
            return Err(WrongField::Unknown { message, help });
        };
        let value = value_for(field, value).map_err(WrongField::Value)?;
        self.given.insert(ByteString::from_static(field.name), value);
        Ok(())
    }

    /// Who names the reason of a CONNACK and not that of MQTT 5 means both.
    pub(crate) fn set_connack_reason(&mut self) {
        if let (Some(reason), None) = (self.given.get("reason_code").cloned(), self.given.get("reason_code_v5")) {
            self.given.insert(ByteString::from_static("reason_code_v5"), reason);
        }
    }

    /// The event as rules see it.
    pub(crate) fn columns(&self) -> Overlay<'_> {
        Overlay::new(&self.event, self.given.clone())
    }

    /// Name, topics and fields of its kind.
    pub(crate) fn event_type(&self) -> &'static EventType {
        self.event.kind().event_type()
    }

    /// The fields that were not given, in the order of declaration.
    pub(crate) fn of_sample(&self) -> impl Iterator<Item = &'static str> {
        let names = self.event_type().fields.iter().map(|field| field.name);
        names.filter(|name| *name != "event" && self.given.get(name).is_none())
    }

    fn named(name: &str, sources: &[Source]) -> Result<GivenEvent, String> {
        if let Some(Ok(source)) = SourceTopic::parse(name) {
            return Ok(GivenEvent::sample(&Source::Named(source)));
        }
        let found = EventType::all().find(|event| event.name == name);
        let Some(event) = found.or_else(|| EventType::by_topic(name)) else {
            let help = closest(name, EventType::all().map(|event| event.name));
            let help = help.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(format!("no event `{name}`{help}"));
        };
        let is_of_kind = |source: &&Source| match source {
            Source::Event(kind) => *kind == event.kind,
            Source::Topic(_) => event.kind == Kind::MessagePublish,
            Source::Named(_) => event.kind == Kind::SourceMessage,
        };
        Ok(GivenEvent::sample(sources.iter().find(is_of_kind).unwrap_or(&Source::Event(event.kind))))
    }
}

/// A topic that `filter` matches: `1` for every wildcard.
fn topic_of(filter: &str) -> ByteString {
    let levels: Vec<&str> =
        filter.split('/').map(|level| if matches!(level, "+" | "#") { "1" } else { level }).collect();
    levels.join("/").into()
}

/// `value` as the field takes it; a payload that is written as a table or list is its JSON.
fn value_for(field: &Field, value: Value) -> Result<Value, String> {
    let fits = match (field.ty, &value) {
        (_, Value::Null) => field.optional || field.name == "payload",
        (Type::Any, _)
        | (Type::Bool, Value::Bool(_))
        | (Type::Int | Type::Number | Type::Timestamp, Value::Int(_))
        | (Type::Float | Type::Number, Value::Float(_))
        | (Type::Text | Type::Bytes, Value::Text(_))
        | (Type::Bytes, Value::Bytes(_))
        | (Type::List, Value::List(_))
        | (Type::Map, Value::Map(_)) => true,
        (Type::Bytes, Value::Map(_) | Value::List(_)) => return Ok(Value::from(value.to_json())),
        (
            Type::Null
            | Type::Bool
            | Type::Int
            | Type::Float
            | Type::Number
            | Type::Timestamp
            | Type::Text
            | Type::Bytes
            | Type::List
            | Type::Map,
            _,
        ) => false,
    };
    if fits {
        return Ok(value);
    }
    Err(format!("expected {} for `{}`, found {} `{}`", field.ty, field.name, value.type_of(), value.to_json()))
}
