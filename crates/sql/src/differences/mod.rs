//! In what rules of EMQX work otherwise here: every way of it, and which of them a text can meet.
//!
//! [`table`] is the list, from which the tables of `rules/README.md` are made; [`find`] looks for what a text meets.

mod find;
mod table;

use std::ops::Range;

pub use table::SECTIONS;

/// Differences about one thing.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// What they are about.
    pub title: &'static str,
    /// The differences.
    pub rows: &'static [Difference],
}

/// A way in which rules of EMQX work otherwise here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is called by programs; never given a second meaning.
    pub key: &'static str,
    /// What a rule does, in Markdown, as the two below.
    pub what: &'static str,
    /// What becomes of it in EMQX.
    pub emqx: &'static str,
    /// What becomes of it here.
    pub here: &'static str,
}

/// A difference that a text can meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// Which one.
    pub difference: &'static Difference,
    /// The bytes of the text that meet it first.
    pub span: Range<usize>,
}

/// The differences that a rule of EMQX can meet when it runs here, in the order of the text, each once; nothing where
/// the text is no rule.
///
/// "Can" is meant: whether a field is missing or of another type is known only when the event is there.
pub fn differences(text: &str) -> Vec<Met> {
    let Ok(statement) = crate::syntax::parse(text) else { return Vec::new() };
    let mut met: Vec<Met> = Vec::new();
    for (key, span) in find::all(text, &statement) {
        let difference = by_key(key).expect("a test compares the keys with the table");
        match met.iter_mut().find(|other| other.difference.key == key) {
            Some(other) if span.start() < other.span.start => other.span = span.range(),
            Some(_) => {}
            None => met.push(Met { difference, span: span.range() }),
        }
    }
    met.sort_by_key(|met| (met.span.start, met.span.end));
    met
}

/// The difference of that key.
fn by_key(key: &str) -> Option<&'static Difference> {
    SECTIONS.iter().flat_map(|section| section.rows).find(|difference| difference.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_stands_twice() {
        let mut keys: Vec<&str> = SECTIONS.iter().flat_map(|section| section.rows).map(|row| row.key).collect();
        let len = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), len);
    }

    #[test]
    fn what_is_looked_for_stands_in_the_table() {
        let source = include_str!("find.rs");
        let keys: Vec<&str> =
            source.split("note(\"").skip(1).filter_map(|after| after.split_once('"')).map(|(key, _)| key).collect();
        assert!(keys.len() > 20, "{keys:?}");
        for key in keys {
            assert!(by_key(key).is_some(), "`{key}` is not in the table");
        }
        for (function, key) in find::FUNCTIONS {
            assert!(by_key(key).is_some(), "`{key}` of `{function}` is not in the table");
        }
    }

    fn keys(text: &str) -> Vec<&'static str> {
        differences(text).iter().map(|met| met.difference.key).collect()
    }

    #[test]
    fn a_plain_rule_meets_nothing() {
        for text in [
            "SELECT clientid, username, reason FROM \"$events/client_disconnected\"",
            "SELECT * FROM \"t/#\" WHERE topic = 't/1' AND qos = 1",
            "SELECT clientid AS c, 1 AS one, 'x' AS x FROM \"t/#\"",
        ] {
            assert_eq!(keys(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn a_text_meets_what_it_says() {
        for (text, expected) in [
            ("SELECT payload.a * 2 AS a FROM \"t\"", vec!["null.payload", "null.arithmetic"]),
            ("SELECT 'u=' + username AS u FROM \"t\"", vec!["null.plus"]),
            (
                "SELECT payload.a FROM \"t\" WHERE payload.b > 5",
                vec!["null.payload", "comparing.text_number", "comparing.types"],
            ),
            ("SELECT clientid FROM \"t\" WHERE payload.s != 'x'", vec!["null.payload", "null.one"]),
            ("SELECT upper(clientid) AS c FROM \"t\" WHERE qos = 1", vec!["evaluating.where_first"]),
            ("SELECT upper(clientid) FROM \"t\"", vec!["evaluating.unnamed"]),
            ("SELECT payload.l[payload.i] AS e FROM \"t\"", vec!["null.payload", "evaluating.index"]),
            ("SELECT *, 1 AS payload.k FROM \"t\"", vec!["evaluating.star_payload"]),
            ("SELECT 'x' AS topic, * FROM \"t\"", vec!["evaluating.before_star"]),
            ("FOREACH payload.l DO item.a AS a FROM \"t\"", vec!["null.payload", "evaluating.foreach_unnamed"]),
            ("SELECT clientid FROM \"t\" WHERE topic(1) = 'a'", vec!["evaluating.message_functions"]),
            ("SELECT regex_match(topic, 'a') AS r FROM \"t\"", vec!["evaluating.regex"]),
            ("SELECT clientid FROM \"t\" WHERE qos NOT IN (1, 2)", vec!["written.not_in"]),
            ("SELECT clientid FROM \"t\" WHERE NOT (qos = 1 AND topic = 'a')", vec!["written.not"]),
            ("SELECT TRUE AS t, 'O''Hara' AS o FROM \"t\"", vec!["written.constants", "written.quotes"]),
            ("SELECT is_empty(clientid) AS e FROM \"t\"", vec!["functions.is_empty"]),
            ("SELECT concat(username, 'x') AS e FROM \"t\"", vec!["null.concat"]),
            ("SELECT payload AS p, 7 AS p.k FROM \"t\"", vec!["evaluating.put_into_text"]),
            ("SELECT qos\n/2 AS half FROM \"t\"", vec!["written.slash"]),
            ("SELECT qos FROM \"t\" WHERE qos in (1, 2) and payload.x in (1, 2)", vec!["null.payload", "comparing.in"]),
            ("SELECT is_not_null(payload.n) AS n FROM \"t\"", vec!["null.payload", "null.functions"]),
        ] {
            let mut found = keys(text);
            let mut expected = expected;
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected, "{text}");
        }
    }
}
