//! How two topic filters lie to each other: does one ask for all the other asks for, or for something of it.

use mqtt::topic::{is_system, levels};

/// Whether every topic that `inner` matches is matched by `outer` too.
pub(super) fn covers(outer: &str, inner: &str) -> bool {
    // A wildcard at the first level leaves topics alone that begin with `$` [MQTT-4.7.2-1].
    if is_system(inner) && begins_wild(outer) {
        return false;
    }
    // Every topic has a first level, so `#` asks for as much as `+/#`.
    let (mut outer, mut inner) = (levels(outer), levels(if inner == "#" { "+/#" } else { inner }));
    loop {
        match (outer.next(), inner.next()) {
            (Some("#"), _) => return true,
            (None, None) => return true,
            (Some(_), Some("#")) | (Some(_), None) | (None, Some(_)) => return false,
            (Some("+"), Some(_)) => {}
            (Some(a), Some(b)) if a == b => {}
            (Some(_), Some(_)) => return false,
        }
    }
}

/// Whether some topic is matched by both filters.
pub(super) fn overlaps(a: &str, b: &str) -> bool {
    if (is_system(a) && begins_wild(b)) || (is_system(b) && begins_wild(a)) {
        return false;
    }
    let (mut a, mut b) = (levels(a), levels(b));
    loop {
        match (a.next(), b.next()) {
            // `a/#` stands for `a` too, so a `#` meets the end of the other filter.
            (Some("#"), _) | (_, Some("#")) => return true,
            (None, None) => return true,
            (Some(_), None) | (None, Some(_)) => return false,
            (Some("+"), Some(_)) | (Some(_), Some("+")) => {}
            (Some(a), Some(b)) if a == b => {}
            (Some(_), Some(_)) => return false,
        }
    }
}

fn begins_wild(filter: &str) -> bool {
    matches!(filter.as_bytes().first(), Some(b'+' | b'#'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn filters_cover_what_they_match() {
        for (outer, inner, whole) in [
            ("#", "a/b", true),
            ("#", "a/+/#", true),
            ("#", "#", true),
            ("+/#", "#", true),
            ("a/+/#", "a/#", false),
            ("a/#", "a", true),
            ("a/#", "a/#", true),
            ("a/+", "a/#", false),
            ("a/+", "a/+", true),
            ("a/+", "a/b", true),
            ("a/b", "a/+", false),
            ("+/b", "a/b", true),
            ("+", "#", false),
            ("#", "$SYS/#", false),
            ("+/x", "$SYS/x", false),
            ("$SYS/#", "$SYS/x/+", true),
            ("$SYS/#", "#", false),
        ] {
            assert_eq!(covers(outer, inner), whole, "{outer} covers {inner}");
        }
    }

    #[test]
    fn filters_overlap_where_a_topic_is_in_both() {
        for (a, b, some) in [
            ("a/+", "+/b", true),
            ("a/#", "a", true),
            ("a/b/#", "a/+", true),
            ("a/b/c/#", "a/+", false),
            ("a", "b", false),
            ("#", "$SYS/x", false),
            ("$SYS/#", "$SYS/+/x", true),
        ] {
            assert_eq!((overlaps(a, b), overlaps(b, a)), (some, some), "{a} and {b}");
        }
    }

    /// Every topic of up to four levels over a small alphabet; enough to tell any two filters of three levels apart.
    fn topics() -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let mut last: Vec<String> = ["$s", "a", "b", "z"].map(String::from).to_vec();
        for _ in 0..4 {
            all.extend(last.iter().cloned());
            last = last.iter().flat_map(|head| ["a", "b", "z"].map(|level| format!("{head}/{level}"))).collect();
        }
        all
    }

    fn filter() -> impl Strategy<Value = String> {
        let level = prop_oneof![Just("a"), Just("b"), Just("+")];
        let first = prop_oneof![Just("a"), Just("b"), Just("+"), Just("$s")];
        (first, proptest::collection::vec(level, 0..3), any::<bool>(), any::<bool>()).prop_map(
            |(first, rest, hash, only_hash)| {
                let mut levels = vec![first];
                levels.extend(rest);
                if only_hash && levels.len() == 1 && first != "$s" {
                    return "#".to_owned();
                }
                if hash {
                    levels.push("#");
                }
                levels.join("/")
            },
        )
    }

    proptest! {
        #[test]
        fn cover_and_overlap_say_what_matching_every_topic_says(a in filter(), b in filter()) {
            let topics = topics();
            let in_a = |topic: &&String| mqtt::filter::matches(&a, topic);
            let in_b = |topic: &&String| mqtt::filter::matches(&b, topic);
            prop_assert_eq!(overlaps(&a, &b), topics.iter().filter(in_a).any(|topic| in_b(&topic)), "{} and {}", a, b);
            prop_assert_eq!(covers(&a, &b), topics.iter().filter(in_b).all(|topic| in_a(&topic)), "{} over {}", a, b);
        }
    }
}
