//! Topic filters of rules, found by topic: one hash for those without wildcards, a tree of levels for the others.

use std::collections::HashMap;

use bytestring::ByteString;
use mqtt::filter::has_wildcards;
use mqtt::topic::{is_system, levels};

/// Filters with the numbers of their rules.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    exact: HashMap<ByteString, Vec<u32>, foldhash::fast::RandomState>,
    tree: Node,
}

/// A level of the filters with wildcards.
#[derive(Debug, Default)]
struct Node {
    /// Rules whose filter ends here.
    here: Vec<u32>,
    /// Rules whose filter ends here with `#`.
    below: Vec<u32>,
    named: HashMap<Box<str>, Node, foldhash::fast::RandomState>,
    any: Option<Box<Node>>,
}

impl Filters {
    /// Adds a checked filter of `rule`.
    pub(crate) fn insert(&mut self, filter: &ByteString, rule: u32) {
        if !has_wildcards(filter) {
            self.exact.entry(filter.clone()).or_default().push(rule);
            return;
        }
        let mut node = &mut self.tree;
        for level in levels(filter) {
            node = match level {
                "#" => {
                    node.below.push(rule);
                    return;
                }
                "+" => node.any.get_or_insert_default(),
                name => node.named.entry(name.into()).or_default(),
            };
        }
        node.here.push(rule);
    }

    /// Whether there is no filter.
    pub(crate) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.tree.is_empty()
    }

    /// Whether a filter matches `topic`.
    pub(crate) fn matches_any(&self, topic: &str) -> bool {
        let mut found = false;
        self.visit(topic, &mut |_| found = true);
        found
    }

    /// The rules whose filters match `topic`, in no order, perhaps more than once.
    pub(crate) fn matching(&self, topic: &str) -> Vec<u32> {
        let mut found = Vec::new();
        self.visit(topic, &mut |rules| found.extend_from_slice(rules));
        found
    }

    fn visit(&self, topic: &str, found: &mut dyn FnMut(&[u32])) {
        if !self.exact.is_empty()
            && let Some(rules) = self.exact.get(topic)
        {
            found(rules);
        }
        if self.tree.is_empty() {
            return;
        }
        if is_system(topic) {
            // A wildcard at the first level leaves these alone [MQTT-4.7.2-1].
            let mut rest = levels(topic);
            if let Some(node) = rest.next().and_then(|level| self.tree.named.get(level)) {
                node.visit(rest, found);
            }
        } else {
            self.tree.visit(levels(topic), found);
        }
    }
}

impl Node {
    fn is_empty(&self) -> bool {
        self.here.is_empty() && self.below.is_empty() && self.named.is_empty() && self.any.is_none()
    }

    fn visit<'t>(&self, mut rest: impl Iterator<Item = &'t str> + Clone, found: &mut dyn FnMut(&[u32])) {
        // `a/#` stands for its parent level too.
        if !self.below.is_empty() {
            found(&self.below);
        }
        let Some(level) = rest.next() else {
            if !self.here.is_empty() {
                found(&self.here);
            }
            return;
        };
        if let Some(node) = self.named.get(level) {
            node.visit(rest.clone(), found);
        }
        if let Some(node) = &self.any {
            node.visit(rest, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_tree_finds_what_the_definition_finds(
            filters in prop::collection::vec(r"(\$s|a|b|\+|)(/(a|b|\+|)){0,3}(/#)?|#", 1..12),
            topic in r"(\$s|a|b|)(/(a|b|)){0,4}",
        ) {
            let mut tree = Filters::default();
            for (rule, filter) in (0u32..).zip(&filters) {
                tree.insert(&filter.as_str().into(), rule);
            }
            let mut found = tree.matching(&topic);
            found.sort_unstable();
            let expected: Vec<u32> = (0u32..)
                .zip(&filters)
                .filter(|(_, filter)| mqtt::filter::matches(filter, &topic))
                .map(|(rule, _)| rule)
                .collect();
            prop_assert_eq!(tree.matches_any(&topic), !expected.is_empty());
            prop_assert_eq!(found, expected);
        }
    }
}
