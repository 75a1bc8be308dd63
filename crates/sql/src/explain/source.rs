//! Why an entry of FROM matches an event, or does not.

use events::{Kind, Value};

use super::Entry;
use crate::check::{Mode, Sources};
use crate::columns::Columns;
use crate::query::Source;
use crate::syntax;

/// Every entry of FROM in `text`, which is known to be a rule.
pub(super) fn entries(text: &str, columns: &dyn Columns) -> Vec<Entry> {
    let Ok(statement) = syntax::parse(text) else { return Vec::new() };
    let entry = |topic: &syntax::ast::Topic| {
        // What there is to say of the entry was said when the rule was compiled.
        let sources = Sources::of(std::slice::from_ref(topic), Mode::Open, &mut Vec::new());
        let mismatch = (!sources.matches(columns)).then(|| mismatch(&sources, columns));
        Entry { span: topic.span.range(), mismatch }
    };
    statement.from.iter().map(entry).collect()
}

fn mismatch(sources: &Sources, columns: &dyn Columns) -> String {
    let text = |name: &str| columns.by_name(name).as_ref().and_then(Value::as_text).map(str::to_owned);
    let message = Kind::MessagePublish.event_type().name;
    let event = text("event").unwrap_or_else(|| message.to_owned());
    match sources.listed.as_slice() {
        [Source::Topic(filter)] if event == message => match text("topic") {
            Some(topic) => levels(filter, &topic),
            None => "the message has no topic".to_owned(),
        },
        [Source::Topic(_)] => format!("it wants messages, and this is `{event}`"),
        [Source::Named(source)] => format!("it wants `{source}`, and this is `{event}`"),
        [Source::Event(kind)] => format!("it wants `{}`, and this is `{event}`", kind.event_type().name),
        [] | [_, ..] => format!("none of its events is `{event}`"),
    }
}

/// The first level at which a filter and a topic part.
fn levels(filter: &str, topic: &str) -> String {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return format!("a wildcard at the beginning does not match `{topic}`, which begins with `$`");
    }
    let (mut wanted, mut found) = (filter.split('/'), topic.split('/'));
    let mut level = 0;
    loop {
        level += 1;
        match (wanted.next(), found.next()) {
            (Some(wanted), Some(found)) if wanted == found || wanted == "+" => {}
            (Some(wanted), Some(found)) => {
                return format!("level {level} of the topic `{topic}` is `{found}`, and the filter wants `{wanted}`");
            }
            (Some(_), None) => {
                return format!("the topic `{topic}` ends before level {level} of the filter");
            }
            (None, Some(_) | None) => {
                return format!("the topic `{topic}` goes on behind the filter, which has no `#` at its end");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_parts_from_its_filter_at_a_level() {
        for (filter, topic, expected) in [
            ("plant/+/temp", "plant/1/hum", "level 3 of the topic `plant/1/hum` is `hum`, and the filter wants `temp`"),
            ("plant/+/temp", "plant/1", "the topic `plant/1` ends before level 3 of the filter"),
            ("plant", "plant/1", "the topic `plant/1` goes on behind the filter, which has no `#` at its end"),
            ("#", "$SYS/a", "a wildcard at the beginning does not match `$SYS/a`, which begins with `$`"),
        ] {
            assert_eq!(levels(filter, topic), expected);
        }
    }
}
