//! Which rules want an event: by kind, or by the topic of a message.

mod filters;

use std::collections::HashMap;

use events::{FieldId, Kind, SourceTopic};
use sql::Source;

use filters::Filters;

/// From kinds and topics to the numbers of rules. Built once for a set of rules, never changed.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// By the number of the kind.
    kinds: Vec<Vec<u32>>,
    /// The column `clientid` of each kind, where it has one.
    client_columns: Vec<Option<FieldId>>,
    filters: Filters,
    /// By the name of the source.
    sources: HashMap<SourceTopic, Vec<u32>>,
}

impl Index {
    /// The index of rules that listen to `sources`, each in its place.
    pub(crate) fn new<'s>(sources: impl IntoIterator<Item = &'s [Source]>) -> Index {
        let mut index = Index {
            kinds: vec![Vec::new(); Kind::ALL.len()],
            client_columns: Kind::ALL.iter().map(|kind| Some(kind.event_type().field("clientid")?.0)).collect(),
            filters: Filters::default(),
            sources: HashMap::new(),
        };
        for (rule, sources) in (0u32..).zip(sources) {
            for source in sources {
                match source {
                    Source::Topic(filter) => index.filters.insert(filter, rule),
                    Source::Event(kind) => push(&mut index.kinds[number_of(*kind)], rule),
                    Source::Named(source) => push(index.sources.entry(source.clone()).or_default(), rule),
                }
            }
        }
        index
    }

    /// Whether any rule listens to events of this kind; for messages, to any topic.
    pub(crate) fn wants(&self, kind: Kind) -> bool {
        !self.of_kind(kind).is_empty() || (kind == Kind::MessagePublish && !self.filters.is_empty())
    }

    /// Whether any rule listens to messages of `topic`.
    pub(crate) fn wants_topic(&self, topic: &str) -> bool {
        !self.of_kind(Kind::MessagePublish).is_empty() || self.filters.matches_any(topic)
    }

    /// The rules that listen to events of this kind, in order.
    pub(crate) fn of_kind(&self, kind: Kind) -> &[u32] {
        self.kinds.get(number_of(kind)).map_or(&[], Vec::as_slice)
    }

    /// The rules that listen to a source, in order.
    pub(crate) fn of_source(&self, source: &SourceTopic) -> &[u32] {
        self.sources.get(source).map_or(&[], Vec::as_slice)
    }

    /// The rules that listen to messages of `topic`, in order, each once.
    pub(crate) fn of_topic(&self, topic: &str) -> Vec<u32> {
        let mut rules = self.filters.matching(topic);
        rules.extend_from_slice(self.of_kind(Kind::MessagePublish));
        if rules.len() > 1 {
            rules.sort_unstable();
            rules.dedup();
        }
        rules
    }

    /// The column `clientid` of events of this kind.
    pub(crate) fn client_column(&self, kind: Kind) -> Option<FieldId> {
        self.client_columns.get(number_of(kind)).copied().flatten()
    }
}

/// Adds a rule that is not there yet; they come in order.
fn push(rules: &mut Vec<u32>, rule: u32) {
    if rules.last() != Some(&rule) {
        rules.push(rule);
    }
}

fn number_of(kind: Kind) -> usize {
    usize::from(kind as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_several_sources_match_is_named_once() {
        let topic = |filter: &str| Source::Topic(filter.into());
        let rules = [
            vec![topic("a/#"), topic("a/b"), topic("+/b")],
            vec![Source::Event(Kind::ClientConnack), Source::Event(Kind::ClientConnack)],
            vec![topic("a/b"), Source::Event(Kind::ClientConnack), Source::Named(SourceTopic::mqtt("plant"))],
        ];
        let index = Index::new(rules.iter().map(Vec::as_slice));
        assert_eq!(index.of_topic("a/b"), [0, 2]);
        assert_eq!(index.of_kind(Kind::ClientConnack), [1, 2]);
        assert_eq!(index.of_source(&SourceTopic::mqtt("plant")), [2]);
        assert!(index.of_source(&SourceTopic::mqtt("office")).is_empty());
        assert!(index.wants_topic("a") && !index.wants_topic("b"));
        assert!(index.wants(Kind::MessagePublish) && !index.wants(Kind::MessageDropped));
    }

    #[test]
    fn no_rules_want_nothing() {
        for index in [Index::default(), Index::new([])] {
            assert!(!index.wants_topic("a") && index.of_topic("a").is_empty());
            assert!(Kind::ALL.iter().all(|kind| !index.wants(*kind) && index.of_kind(*kind).is_empty()));
        }
    }
}
