//! Filters against a slow reading of section 4.7 of the standard.

use mqtt::filter::{LEVELS_MAX, has_wildcards, matches};
use mqtt::{Filter, FilterError, FilterErrorKind};
use proptest::prelude::*;

/// Section 4.7, level by level.
fn slow_matches(filter: &str, topic: &str) -> bool {
    fn levels_match(filter: &[&str], topic: &[&str]) -> bool {
        match (filter, topic) {
            (["#"], _) => true,
            ([], []) => true,
            (["+", filter @ ..], [_, topic @ ..]) => levels_match(filter, topic),
            ([wanted, filter @ ..], [level, topic @ ..]) => wanted == level && levels_match(filter, topic),
            ([], [_, ..]) | ([_, ..], []) => false,
        }
    }
    if topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#')) {
        return false;
    }
    levels_match(&filter.split('/').collect::<Vec<_>>(), &topic.split('/').collect::<Vec<_>>())
}

/// Sections 4.7.1 to 4.7.3 and 4.8.2.
fn slow_is_filter(text: &str) -> bool {
    let filter = match text.strip_prefix("$share/") {
        None => text,
        Some(shared) => match shared.split_once('/') {
            Some((group, filter)) if !group.is_empty() && !has_wildcards(group) => filter,
            Some(_) | None => return false,
        },
    };
    let levels: Vec<&str> = filter.split('/').collect();
    let last = levels.len() - 1;
    !filter.is_empty()
        && !text.contains('\0')
        && levels.iter().enumerate().all(|(index, level)| match *level {
            "+" => true,
            "#" => index == last,
            other => !has_wildcards(other),
        })
}

fn topic() -> impl Strategy<Value = String> {
    "(\\$|a|b|\\$S|)(/(a|b|ab|)){0,4}".prop_filter("a topic has a character", |topic| !topic.is_empty())
}

/// Wildcards at the first level leave `$` alone.
fn plain_topic() -> impl Strategy<Value = String> {
    topic().prop_filter("a topic begins without `$`", |topic| !topic.starts_with('$'))
}

fn filter() -> impl Strategy<Value = String> {
    "(\\$|a|b|\\+|#|)(/(a|b|ab|\\+|)){0,4}(/#)?".prop_filter("a filter is well-formed", |filter| slow_is_filter(filter))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn matching_is_that_of_the_standard(filter in filter(), topic in topic()) {
        prop_assert_eq!(matches(&filter, &topic), slow_matches(&filter, &topic), "{} on {}", filter, topic);
    }

    #[test]
    fn a_topic_matches_itself_and_its_generalisations(
        topic in plain_topic(), at in any::<prop::sample::Index>(),
    ) {
        let levels: Vec<&str> = topic.split('/').collect();
        let at = at.index(levels.len());
        let mut one = levels.clone();
        one[at] = "+";
        let rest = [&levels[..at], &["#"]].concat();
        for filter in [topic.clone(), one.join("/"), rest.join("/")] {
            prop_assert!(matches(&filter, &topic), "{} on {}", filter, topic);
        }
    }

    #[test]
    fn filters_are_those_of_the_standard(text in "(\\$share/)?[ab+#/\0]{0,8}") {
        prop_assert_eq!(Filter::parse(text.as_str()).is_ok(), slow_is_filter(&text), "{:?}", text);
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>(), topic in any::<String>()) {
        if let Ok(filter) = Filter::parse(text.as_str()) {
            prop_assert_eq!(filter.as_str(), &text);
            let _matched = filter.matches(&topic);
        }
        let _matched = matches(&text, &topic);
    }
}

#[test]
fn the_examples_of_the_standard_hold() {
    for (filter, topic, expected) in [
        ("sport/tennis/player1/#", "sport/tennis/player1", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
        ("sport/#", "sport", true),
        ("sport/#", "sports", false),
        ("sport/tennis/+", "sport/tennis/player1", true),
        ("sport/tennis/+", "sport/tennis/player1/ranking", false),
        ("sport/+", "sport", false),
        ("sport/+", "sport/", true),
        ("+/+", "/finance", true),
        ("/+", "/finance", true),
        ("+", "/finance", false),
        ("#", "$SYS/x", false),
        ("+/monitor/Clients", "$SYS/monitor/Clients", false),
        ("$SYS/#", "$SYS/x", true),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
        ("ACCOUNTS", "Accounts", false),
        ("a/+/#", "a/b", true),
        ("a/+/#", "a", false),
        ("#", "/", true),
    ] {
        assert_eq!(matches(filter, topic), expected, "{filter} on {topic}");
        assert_eq!(slow_matches(filter, topic), expected, "the slow reading of {filter} on {topic}");
    }
}

#[test]
fn errors_say_where() {
    for (text, offset, kind) in [
        ("", 0, FilterErrorKind::Empty),
        ("a/b#", 3, FilterErrorKind::WildcardNotAlone('#')),
        ("a+/b", 1, FilterErrorKind::WildcardNotAlone('+')),
        ("a/#/b", 2, FilterErrorKind::HashNotLast),
        ("a\0", 1, FilterErrorKind::Nul),
        ("$share", 0, FilterErrorKind::Empty),
        ("$share/", 7, FilterErrorKind::NoFilterInShare),
        ("$share//a", 7, FilterErrorKind::EmptyGroup),
        ("$share/g", 8, FilterErrorKind::NoFilterInShare),
        ("$share/g/", 9, FilterErrorKind::NoFilterInShare),
        ("$share/g+/a", 8, FilterErrorKind::WildcardInGroup),
        ("$share/g/a#", 10, FilterErrorKind::WildcardNotAlone('#')),
    ] {
        let found = Filter::parse(text);
        if text == "$share" {
            assert!(found.is_ok(), "without a slash it is a filter like others");
        } else {
            assert_eq!(found, Err(FilterError { offset, kind }), "{text:?}");
        }
    }
    assert_eq!(
        Filter::parse("a/b#").unwrap_err().to_string(),
        "expected `#` alone between slashes, found it beside other characters, at byte 3"
    );
}

#[test]
fn limits_hold() {
    let levels = |count: usize| vec!["a"; count].join("/");
    assert!(Filter::parse(levels(LEVELS_MAX)).is_ok());
    let error = Filter::parse(levels(LEVELS_MAX + 1)).unwrap_err();
    assert_eq!(error.kind, FilterErrorKind::TooManyLevels(LEVELS_MAX + 1));
    assert!(Filter::parse("a".repeat(65_535)).is_ok());
    let error = Filter::parse("a".repeat(65_536)).unwrap_err();
    assert_eq!(error.kind, FilterErrorKind::TooLong(65_536));
}

#[test]
fn a_share_is_taken_apart() {
    let filter = Filter::parse("$share/workers/a/+/#").unwrap();
    assert_eq!(filter.share().map(|group| &**group), Some("workers"));
    assert_eq!(&**filter.topic_filter(), "a/+/#");
    assert_eq!(filter.as_str(), "$share/workers/a/+/#");
    assert_eq!(filter.levels().collect::<Vec<_>>(), ["a", "+", "#"]);
    assert!(filter.has_wildcards() && filter.matches("a/b") && !filter.matches("$share/workers/a/b"));
    let plain = Filter::parse("a/b").unwrap();
    assert!(plain.share().is_none() && !plain.has_wildcards());
}
