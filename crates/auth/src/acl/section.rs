//! The rules of one section of an ACL file, sorted so that a topic is looked up and not searched.

use std::collections::HashSet;

use bytestring::ByteString;
use foldhash::fast::RandomState;
use mqtt::filter::has_wildcards;
use mqtt::topic::is_system;

use super::cover::{covers, overlaps};

/// What a rule gives or takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Receiving messages.
    Read,
    /// Publishing.
    Write,
    /// Both.
    ReadWrite,
    /// Neither, whatever other rules say.
    Deny,
}

impl Access {
    pub(super) const fn reads(self) -> bool {
        matches!(self, Access::Read | Access::ReadWrite)
    }

    pub(super) const fn writes(self) -> bool {
        matches!(self, Access::Write | Access::ReadWrite)
    }
}

/// The `topic` lines below one `user` or `role`, or above all of them.
#[derive(Debug, Default)]
pub(crate) struct Section {
    pub(super) read: Filters,
    pub(super) write: Filters,
    pub(super) deny: Filters,
}

impl Section {
    pub(super) fn insert(&mut self, access: Access, filter: &ByteString) {
        if access.reads() {
            self.read.insert(filter);
        }
        if access.writes() {
            self.write.insert(filter);
        }
        if access == Access::Deny {
            self.deny.insert(filter);
        }
    }
}

/// A set of topic filters.
#[derive(Debug, Default)]
pub(super) struct Filters {
    everything: bool,
    exact: HashSet<ByteString, RandomState>,
    /// `a/b` for `a/b/#`.
    below: HashSet<ByteString, RandomState>,
    others: Vec<ByteString>,
}

impl Filters {
    fn insert(&mut self, filter: &ByteString) {
        match filter.strip_suffix("/#") {
            _ if &**filter == "#" => self.everything = true,
            Some(head) if !has_wildcards(head) => {
                self.below.insert(filter.slice_ref(head));
            }
            None if !has_wildcards(filter) => {
                self.exact.insert(filter.clone());
            }
            Some(_) | None => {
                if !self.others.contains(filter) {
                    self.others.push(filter.clone());
                }
            }
        }
    }

    /// Whether a filter of the set matches `topic`.
    pub(super) fn matches(&self, topic: &str) -> bool {
        (self.everything && !is_system(topic))
            || self.exact.contains(topic)
            || self.matches_below(topic)
            || self.others.iter().any(|filter| mqtt::filter::matches(filter, topic))
    }

    /// Whether one filter of the set covers all of `inner`.
    pub(super) fn covers(&self, inner: &str) -> bool {
        self.filters().any(|(head, tail)| match tail {
            Tail::Below => inner.strip_prefix(head).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            Tail::None => covers(head, inner),
        })
    }

    /// Whether a filter of the set and `other` have a topic in common.
    pub(super) fn overlaps(&self, other: &str) -> bool {
        self.filters().any(|(head, tail)| match tail {
            Tail::Below => overlaps(&format!("{head}/#"), other),
            Tail::None => overlaps(head, other),
        })
    }

    fn matches_below(&self, topic: &str) -> bool {
        !self.below.is_empty()
            && (self.below.contains(topic)
                || topic
                    .match_indices('/')
                    .any(|(at, _)| topic.get(..at).is_some_and(|head| self.below.contains(head))))
    }

    fn filters(&self) -> impl Iterator<Item = (&str, Tail)> {
        let everything = self.everything.then_some(("#", Tail::None));
        let exact = self.exact.iter().map(|filter| (&**filter, Tail::None));
        let below = self.below.iter().map(|head| (&**head, Tail::Below));
        let others = self.others.iter().map(|filter| (&**filter, Tail::None));
        everything.into_iter().chain(exact).chain(below).chain(others)
    }
}

/// Whether `/#` was cut off a filter.
#[derive(Clone, Copy)]
enum Tail {
    None,
    Below,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(filters: &[String]) -> Filters {
        let mut set = Filters::default();
        for filter in filters {
            set.insert(&filter.as_str().into());
        }
        set
    }

    fn filter() -> impl Strategy<Value = String> {
        "(\\$s|a|b|\\+|)(/(a|b|\\+|)){0,3}(/#)?|#".prop_filter("a filter has a character", |text| !text.is_empty())
    }

    proptest! {
        #[test]
        fn a_set_matches_what_one_of_its_filters_matches(
            filters in proptest::collection::vec(filter(), 0..6),
            topic in "(\\$s|a|b|)(/(a|b|c|)){0,4}",
            inner in filter(),
        ) {
            let set = set(&filters);
            prop_assert_eq!(
                set.matches(&topic),
                filters.iter().any(|filter| mqtt::filter::matches(filter, &topic)),
                "{:?} and {}", filters, topic
            );
            prop_assert_eq!(set.covers(&inner), filters.iter().any(|filter| covers(filter, &inner)));
            prop_assert_eq!(set.overlaps(&inner), filters.iter().any(|filter| overlaps(filter, &inner)));
        }
    }
}
