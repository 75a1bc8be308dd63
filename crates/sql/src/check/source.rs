//! FROM: topics and events.

use bytestring::ByteString;
use events::{EventType, Kind, SourceTopic, WrongSource};

use super::Mode;
use crate::codes;
use crate::columns::Columns;
use crate::diagnostic::Diagnostic;
use crate::query::Source;
use crate::suggest::nearest;
use crate::syntax::ast::Topic;
use crate::syntax::span::Span;

/// Events of EMQX's language that the catalogue has not got: the topics with the name of the event. Only open queries
/// know them.
const OTHER_TOPICS: &[(&str, &str)] = &[
    ("schema_validation_failed", "schema.validation_failed"),
    ("schema_validation/failed", "schema.validation_failed"),
    ("message_transformation_failed", "message.transformation_failed"),
    ("message_transformation/failed", "message.transformation_failed"),
    ("sys_alarm_activated", "alarm.activated"),
    ("sys/alarm_activated", "alarm.activated"),
    ("sys_alarm_deactivated", "alarm.deactivated"),
    ("sys/alarm_deactivated", "alarm.deactivated"),
];

const EVENTS: &str = "$events/";

/// What a rule listens to.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// In the order of FROM, each once.
    pub(crate) listed: Vec<Source>,
    /// The kinds of those that were named without a wildcard over events.
    pub(super) listed_by_name: Vec<Kind>,
    /// The sources of the configuration that are named, and where.
    pub(crate) named: Vec<(SourceTopic, Span)>,
    /// Names of events that the catalogue has not got.
    undeclared: Vec<&'static str>,
}

impl Sources {
    pub(crate) fn of(topics: &[Topic], mode: Mode, diagnostics: &mut Vec<Diagnostic>) -> Sources {
        let mut sources = Sources::default();
        for topic in topics {
            sources.add(topic, mode, diagnostics);
        }
        sources
    }

    /// Whether one of the sources is what these columns are.
    pub(crate) fn matches(&self, columns: &dyn Columns) -> bool {
        let event = columns.by_name("event").unwrap_or_default();
        let event = event.as_text().unwrap_or(Kind::MessagePublish.event_type().name);
        let topic = columns.by_name("topic").unwrap_or_default();
        let of_message = event == Kind::MessagePublish.event_type().name;
        self.undeclared.contains(&event)
            || self.listed.iter().any(|source| match source {
                Source::Event(kind) => kind.event_type().name == event,
                Source::Topic(filter) => {
                    of_message && topic.as_text().is_some_and(|topic| mqtt::filter::matches(filter, topic))
                }
                Source::Named(source) => SourceTopic::parse(event).is_some_and(|found| found.as_ref() == Ok(source)),
            })
    }

    fn add(&mut self, topic: &Topic, mode: Mode, diagnostics: &mut Vec<Diagnostic>) {
        let range = topic.span.range();
        if let Some(name) = topic.text.strip_prefix("$event/") {
            let message = format!("`$event/{name}` is read as `$events/{name}`");
            diagnostics.push(Diagnostic::warning(codes::EVENT_PREFIX, range, message));
            return self.add_event(name, topic, mode, diagnostics);
        }
        if let Some(name) = topic.text.strip_prefix(EVENTS) {
            return self.add_event(name, topic, mode, diagnostics);
        }
        if let Some(source) = SourceTopic::parse(&topic.text) {
            return self.add_named(source, topic, diagnostics);
        }
        // One that is wrong was to be one of messages: their fields are looked at all the same.
        let mut filter = topic.text.clone();
        if topic.text.starts_with("$share/") {
            let message = "expected a topic filter, found a shared subscription, which never matches a message";
            let help = "leave `$share/` and the group out";
            diagnostics.push(Diagnostic::error(codes::FILTER, range, message).with_help(help));
        } else {
            match mqtt::Filter::parse(filter.clone()) {
                Ok(parsed) => filter = parsed.topic_filter().clone(),
                Err(error) => {
                    let message = format!("`{filter}` can never match: {error}");
                    diagnostics.push(Diagnostic::error(codes::FILTER, range, message));
                }
            }
        }
        self.list(Source::Topic(filter));
        self.list_by_name(Kind::MessagePublish);
    }

    fn add_named(
        &mut self,
        source: Result<SourceTopic, WrongSource>,
        topic: &Topic,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        self.list_by_name(Kind::SourceMessage);
        let range = topic.span.range();
        match source {
            Ok(source) => {
                if topic.text.starts_with(SourceTopic::OLD_PREFIX) {
                    let message = format!("`{}` is read as `{source}`", topic.text);
                    diagnostics.push(Diagnostic::warning(codes::BRIDGES_PREFIX, range, message));
                }
                self.named.push((source.clone(), topic.span));
                self.list(Source::Named(source));
            }
            Err(WrongSource { message, help }) => {
                // The fields are looked at as those of a source all the same.
                self.list(Source::Named(SourceTopic::sample()));
                let error = Diagnostic::error(codes::UNKNOWN_SOURCE, range, message);
                diagnostics.push(match help {
                    Some(help) => error.with_help(help),
                    None => error,
                });
            }
        }
    }

    fn add_event(&mut self, name: &str, topic: &Topic, mode: Mode, diagnostics: &mut Vec<Diagnostic>) {
        let before = self.listed.len() + self.undeclared.len();
        let mut found = false;
        let is_by_name = !name.contains(['+', '#']);
        for event in EventType::all() {
            if topics_of(event).any(|topic| is_named(name, topic)) {
                found = true;
                self.list(Source::Event(event.kind));
                if is_by_name {
                    self.list_by_name(event.kind);
                }
            }
        }
        for (_, event) in OTHER_TOPICS.iter().filter(|(other, _)| mode == Mode::Open && is_named(name, other)) {
            found = true;
            if !self.undeclared.contains(event) {
                self.undeclared.push(event);
            }
        }
        if !found && self.listed.len() + self.undeclared.len() == before {
            diagnostics.push(unknown_event(name, topic));
        }
    }

    fn list_by_name(&mut self, kind: Kind) {
        if !self.listed_by_name.contains(&kind) {
            self.listed_by_name.push(kind);
        }
    }

    fn list(&mut self, source: Source) {
        if !self.listed.contains(&source) {
            self.listed.push(source);
        }
    }
}

/// The topics of an event behind `$events/`, with underscores and with slashes.
fn topics_of(event: &EventType) -> impl Iterator<Item = &'static str> + use<> {
    [event.topic, event.slash_topic].into_iter().flatten().filter_map(|topic| topic.strip_prefix(EVENTS))
}

/// Whether `wanted`, which may have wildcards, names the topic behind `$events/`.
fn is_named(wanted: &str, topic: &str) -> bool {
    let whole = |name: &str| ByteString::from(format!("{EVENTS}{name}"));
    mqtt::Filter::parse(whole(wanted)).is_ok_and(|filter| filter.matches(&whole(topic)))
}

fn unknown_event(name: &str, topic: &Topic) -> Diagnostic {
    let message = format!("no event `{EVENTS}{name}`");
    let near = nearest(name, EventType::all().flat_map(topics_of));
    let help = match near {
        Some(near) => format!("did you mean `{EVENTS}{near}`?"),
        None => format!("the events are {}", all_events()),
    };
    Diagnostic::error(codes::UNKNOWN_EVENT, topic.span.range(), message).with_help(help)
}

fn all_events() -> String {
    let topics: Vec<String> = EventType::all().filter_map(|event| Some(format!("`{}`", event.topic?))).collect();
    topics.join(", ")
}
