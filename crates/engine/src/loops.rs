//! Rules that wake each other in a circle, through the messages that they republish.
//!
//! Told when rules are checked and taken up. When they run, [`crate::HopLimit`] ends what goes round; and a WHERE may keep
//! it from ever beginning, so this is a warning.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;

use bytestring::ByteString;
use mqtt::topic::{is_system, levels};
use sql::template::{Part, Template};
use sql::{Diagnostic, Source};

use crate::checked::CheckedRule;
use crate::codes;

/// How many levels of filters, and rules that wake each other, are looked at for all rules together. Beyond that, loops
/// are not looked for any further.
const STEPS_MAX: usize = 2_000_000;

/// How many rules of a loop are told by name.
const RULES_SHOWN_MAX: usize = 8;

/// A topic that a rule publishes messages under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Publication {
    /// What its topics have in common: a placeholder may be anything.
    filter: ByteString,
    /// Where the topic stands in the file.
    span: Range<usize>,
}

impl Publication {
    pub(crate) fn new(topic: &Template, span: Range<usize>) -> Publication {
        Publication { filter: filter_of(topic), span }
    }
}

/// Looks for loops among `rules`, and adds a warning to every rule that is part of one.
pub fn warn_of_loops(rules: &mut [CheckedRule]) {
    let found = find(&rules.iter().collect::<Vec<_>>());
    for (rule, warnings) in rules.iter_mut().zip(found) {
        rule.add_warnings(warnings);
    }
}

/// The warnings about loops among `rules`, for each of them in order.
pub(crate) fn find(rules: &[&CheckedRule]) -> Vec<Vec<Diagnostic>> {
    let mut warnings = vec![Vec::new(); rules.len()];
    if rules.iter().all(|rule| rule.publications.is_empty()) {
        return warnings;
    }
    let mut steps_left = STEPS_MAX;
    let wakes = wakes(rules, &mut steps_left);
    let in_loops = in_loops(&wakes, &mut steps_left);
    for (at, edges) in wakes.iter().enumerate().filter(|(at, _)| in_loops.contains(at)) {
        for (publication, woken) in edges {
            if let Some(circle) = way_back(at, woken, (&wakes, &in_loops), &mut steps_left) {
                warnings[at].push(warning(rules, at, publication, &circle));
            }
        }
    }
    warnings
}

/// For every rule its publications, with the rules that each of them wakes.
type Wakes<'r> = Vec<Vec<(&'r Publication, Vec<usize>)>>;

/// Takes `count` steps, where so many are left.
fn take(count: usize, steps_left: &mut usize) -> Option<()> {
    *steps_left = steps_left.checked_sub(count)?;
    Some(())
}

fn wakes<'r>(rules: &[&'r CheckedRule], steps_left: &mut usize) -> Wakes<'r> {
    let mut listening = Level::default();
    for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.is_enabled) {
        for source in rule.query.from() {
            match source {
                Source::Topic(filter) => listening.insert(filter, at),
                Source::Event(_) | Source::Named(_) => {}
            }
        }
    }
    rules
        .iter()
        .map(|rule| {
            let publications = rule.publications.iter().filter(|_| rule.is_enabled);
            publications.map(|publication| (publication, listening.overlapping(publication, steps_left))).collect()
        })
        .collect()
}

/// The rules that wake others and are woken by others of them: whoever is no part of a loop, or between two, drops out,
/// as long as there are steps left for it.
fn in_loops(wakes: &Wakes<'_>, steps_left: &mut usize) -> HashSet<usize> {
    let mut left: HashSet<usize> = (0..wakes.len()).filter(|at| !wakes[*at].is_empty()).collect();
    let woken_count: usize = wakes.iter().flatten().map(|(_, woken)| woken.len()).sum();
    while take(woken_count, steps_left).is_some() {
        let woken: HashSet<usize> =
            left.iter().flat_map(|at| wakes[*at].iter().flat_map(|(_, woken)| woken.iter().copied())).collect();
        let wakes_one = |at: &usize| wakes[*at].iter().any(|(_, woken)| woken.iter().any(|woken| left.contains(woken)));
        let kept: HashSet<usize> = left.iter().copied().filter(|at| woken.contains(at) && wakes_one(at)).collect();
        if kept.len() == left.len() {
            return kept;
        }
        left = kept;
    }
    left
}

/// The shortest way from the rules that were `woken` back to `start`: the rules on it with what they publish.
fn way_back<'r>(
    start: usize,
    woken: &[usize],
    (wakes, among): (&Wakes<'r>, &HashSet<usize>),
    steps_left: &mut usize,
) -> Option<Vec<(usize, &'r Publication)>> {
    if woken.contains(&start) {
        return Some(Vec::new());
    }
    let mut came_from: HashMap<usize, Option<(usize, &'r Publication)>> = HashMap::new();
    let mut queue: VecDeque<usize> = VecDeque::new();
    for at in woken.iter().copied().filter(|at| among.contains(at)) {
        came_from.entry(at).or_insert_with(|| {
            queue.push_back(at);
            None
        });
    }
    while let Some(at) = queue.pop_front() {
        for (publication, next) in &wakes[at] {
            take(next.len(), steps_left)?;
            if next.contains(&start) {
                let mut way = vec![(at, *publication)];
                let mut before = came_from.get(&at).copied().flatten();
                while let Some((at, publication)) = before {
                    way.push((at, publication));
                    before = came_from.get(&at).copied().flatten();
                }
                way.reverse();
                return Some(way);
            }
            for next in next.iter().copied().filter(|next| among.contains(next)) {
                came_from.entry(next).or_insert_with(|| {
                    queue.push_back(next);
                    Some((at, *publication))
                });
            }
        }
    }
    None
}

fn warning(
    rules: &[&CheckedRule],
    at: usize,
    publication: &Publication,
    circle: &[(usize, &Publication)],
) -> Diagnostic {
    let id = |at: usize| rules[at].id();
    let topic = |at: usize, publication: &Publication| {
        let written = rules[at].source.text.get(publication.span.clone()).unwrap_or_default();
        written.trim_matches(['"', '\'']).to_owned()
    };
    let own = topic(at, publication);
    let message = if circle.is_empty() {
        format!("the rule wakes itself: it listens to what it republishes to `{own}`")
    } else {
        let mut message = format!("a loop of rules: `{}` republishes to `{own}`", id(at));
        // One more takes no more room than to say that it is there.
        let shown = if circle.len() > RULES_SHOWN_MAX + 1 { RULES_SHOWN_MAX } else { circle.len() };
        for (at, publication) in circle.iter().take(shown) {
            let topic = topic(*at, publication);
            message.push_str(&format!(", which wakes `{}`, which republishes to `{topic}`", id(*at)));
        }
        match circle.len() - shown {
            0 => message.push_str(&format!(", which wakes `{}`", id(at))),
            more => message.push_str(&format!(", and so on through {more} more rules to `{}`", id(at))),
        }
        message
    };
    Diagnostic::warning(codes::LOOP, publication.span.clone(), message)
        .with_help("republish to another topic, or let WHERE end it; the limit of hops drops what goes round")
}

/// The filter of all topics that a template makes. A placeholder is taken for one level, one called `topic` for many.
fn filter_of(topic: &Template) -> ByteString {
    const ONE: char = '\u{0}';
    const MANY: char = '\u{1}';
    let mut text = String::new();
    for part in topic.parts() {
        match part {
            Part::Text(plain) => text.push_str(plain),
            Part::Variable(variable) if variable.text().ends_with("topic") => text.push(MANY),
            Part::Variable(_) => text.push(ONE),
        }
    }
    let mut filter: Vec<&str> = Vec::new();
    for level in text.split('/') {
        if level.contains(MANY) {
            filter.push("#");
            break;
        }
        filter.push(if level.contains(ONE) { "+" } else { level });
    }
    filter.join("/").into()
}

/// A level of the filters that rules listen to.
#[derive(Debug, Default)]
struct Level<'f> {
    /// Rules whose filter ends here.
    here: Vec<usize>,
    /// Rules whose filter ends here with `#`.
    below: Vec<usize>,
    named: HashMap<&'f str, Level<'f>>,
    any: Option<Box<Level<'f>>>,
}

impl<'f> Level<'f> {
    fn insert(&mut self, filter: &'f str, rule: usize) {
        let mut at = self;
        for level in levels(filter) {
            at = match level {
                "#" => return at.below.push(rule),
                "+" => at.any.get_or_insert_default(),
                name => at.named.entry(name).or_default(),
            };
        }
        at.here.push(rule);
    }

    /// The rules whose filter has a topic in common with the publication, in order.
    fn overlapping(&self, publication: &Publication, steps_left: &mut usize) -> Vec<usize> {
        let wanted: Vec<&str> = levels(&publication.filter).collect();
        let mut found = Vec::new();
        match wanted.split_first() {
            // A wildcard at the first level leaves these alone [MQTT-4.7.2-1].
            Some((first, rest)) if is_system(first) => {
                if let Some(level) = self.named.get(first) {
                    level.collect(rest, &mut found, steps_left);
                }
            }
            Some(_) | None => self.collect(&wanted, &mut found, steps_left),
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn collect(&self, wanted: &[&str], found: &mut Vec<usize>, steps_left: &mut usize) {
        let Some(()) = take(1 + self.below.len() + self.here.len(), steps_left) else { return };
        found.extend(&self.below);
        match wanted {
            [] => found.extend(&self.here),
            ["#", ..] => {
                found.extend(&self.here);
                for level in self.named.values().chain(self.any.as_deref()) {
                    level.collect(wanted, found, steps_left);
                }
            }
            ["+", rest @ ..] => {
                for level in self.named.values().chain(self.any.as_deref()) {
                    level.collect(rest, found, steps_left);
                }
            }
            [name, rest @ ..] => {
                for level in self.named.get(name).into_iter().chain(self.any.as_deref()) {
                    level.collect(rest, found, steps_left);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_the_filter_of_its_topics() {
        for (template, expected) in [
            ("a/b", "a/b"),
            ("a/${x}", "a/+"),
            ("a/x-${x}-${y}/c", "a/+/c"),
            ("copy/${topic}", "copy/#"),
            ("copy/${m.topic}/x", "copy/#"),
            ("${clientid}", "+"),
        ] {
            assert_eq!(filter_of(&Template::compile(template).unwrap()), expected, "{template}");
        }
    }

    #[test]
    fn filters_with_a_topic_in_common_are_found() {
        let filters = ["a/b", "a/+", "a/#", "#", "+/b/c", "$s/x", "b", "a", "a/b/c"];
        let mut all = Level::default();
        for (at, filter) in filters.iter().enumerate() {
            all.insert(filter, at);
        }
        for (topics, expected) in [
            ("a/b", vec![0, 1, 2, 3]),
            ("a/+", vec![0, 1, 2, 3]),
            ("a/#", vec![0, 1, 2, 3, 4, 7, 8]),
            ("$s/x", vec![5]),
            ("a", vec![2, 3, 7]),
            ("c", vec![3]),
            ("+/b/c", vec![2, 3, 4, 8]),
        ] {
            let publication = Publication { filter: topics.into(), span: 0..0 };
            assert_eq!(all.overlapping(&publication, &mut STEPS_MAX.clone()), expected, "{topics}");
        }
        let mut none_left = 0;
        let publication = Publication { filter: "a/b".into(), span: 0..0 };
        assert_eq!(all.overlapping(&publication, &mut none_left), Vec::<usize>::new());
    }
}
