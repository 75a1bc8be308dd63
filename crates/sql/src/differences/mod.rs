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
        let source = [include_str!("find/mod.rs"), include_str!("find/call.rs")].concat();
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
            ("SELECT is_empty(clientid) AS e FROM \"t\"", vec!["functions.is_empty", "null.is_empty"]),
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

    /// How a difference shows.
    #[derive(Clone, Copy, Debug)]
    enum Shown {
        /// In a text; this one, of which the fields of a SELECT may stand alone.
        By(&'static str),
        /// Whoever creates the rule is told: it is refused, or there is a warning.
        WhenCreated,
        /// In events, other rules or the machine: no text tells.
        WhenItRuns,
    }
    use Shown::{By, WhenCreated, WhenItRuns};

    const SHOWN: &[(&str, Shown)] = &[
        ("written.anywhere", By("[1 = 1] AS b")),
        ("written.case", By("1 + CASE WHEN qos = 1 THEN 1 END AS c")),
        ("written.predicates", By("username IS NULL AS n")),
        ("written.maps", By("{'k': 1} AS m")),
        ("written.not_in", By("SELECT qos FROM t WHERE qos NOT IN (1, 2)")),
        ("written.not", By("SELECT qos FROM t WHERE NOT (qos = 1 OR qos = 2)")),
        ("written.boolean_field", By("SELECT qos FROM t WHERE payload.ok")),
        ("written.quotes", By("'O''Hara' AS o")),
        ("written.constants", By("TRUE AS t")),
        ("written.numbers", By(".25 AS n")),
        ("written.comments", By("SELECT /* all */ * FROM t")),
        ("written.semicolon", By("SELECT qos FROM t;")),
        ("written.slash", By("qos\n/2 AS half")),
        ("written.keywords", By("payload.end AS e")),
        ("written.div_mod", By("qos AS mod")),
        ("written.event_prefix", By("SELECT clientid FROM \"$event/client_connack\"")),
        ("refused.functions", WhenCreated),
        ("refused.fields", WhenCreated),
        ("refused.types", WhenCreated),
        ("refused.words", WhenCreated),
        ("refused.nothing_below", WhenCreated),
        ("refused.regex", WhenCreated),
        ("refused.missing_events", WhenCreated),
        ("refused.sources", WhenCreated),
        ("refused.emqx_sources", WhenCreated),
        ("refused.placeholders", WhenCreated),
        ("refused.operator", WhenCreated),
        ("refused.never_true", WhenCreated),
        ("refused.equals_null", WhenCreated),
        ("refused.constant_false", WhenCreated),
        ("refused.constant_true", WhenCreated),
        ("refused.unreachable", WhenCreated),
        ("refused.absent_field", WhenCreated),
        ("refused.loops", WhenItRuns),
        ("null.one", By("SELECT qos FROM t WHERE payload.a != 'x'")),
        ("null.functions", By("coalesce(payload.n, 'd') AS c")),
        ("null.order", By("SELECT qos FROM t WHERE payload.a <= payload.b")),
        ("null.arithmetic", By("payload.a * 2 AS a")),
        ("null.plus", By("'u=' + username AS u")),
        ("null.str", By("str(username) AS s")),
        ("null.concat", By("concat('u=', username) AS s")),
        ("null.json_encode", By("json_encode(payload.a) AS j")),
        ("null.is_empty", By("is_empty(payload.a) AS e")),
        ("null.payload", By("payload.a")),
        ("comparing.text_number", By("SELECT qos FROM t WHERE payload.a = 12")),
        ("comparing.exponents", By("int('1e3') AS i")),
        ("comparing.types", By("SELECT qos FROM t WHERE payload.a > 5")),
        ("comparing.in", By("SELECT qos FROM t WHERE payload.a IN (3)")),
        ("evaluating.where_first", By("SELECT upper(clientid) AS c FROM t WHERE qos = 1")),
        ("evaluating.index", By("payload.arr[payload.i] AS e")),
        ("evaluating.slice", By("payload.arr[4..2] AS s")),
        ("evaluating.slice_text", By("payload[1..2] AS s")),
        ("evaluating.slice_zero", WhenCreated),
        ("evaluating.payload_alias", By("json_decode(payload) AS payload, payload.x AS x")),
        ("evaluating.null_alias", By("NULL AS qos, qos AS q")),
        ("evaluating.unnamed", By("upper(topic)")),
        ("evaluating.star_payload", By("*, 2 AS payload.y")),
        ("evaluating.put_into_text", By("payload AS p, 7 AS p.k")),
        ("evaluating.before_star", By("'x' AS topic, *")),
        ("evaluating.foreach_unnamed", By("FOREACH payload.l FROM t")),
        ("evaluating.foreach_path", By("FOREACH payload.l AS a.b FROM t")),
        ("evaluating.message_functions", By("SELECT clientid FROM t WHERE topic(1) = 'a'")),
        ("evaluating.regex", By("regex_match(topic, 'a') AS m")),
        ("evaluating.integers", WhenItRuns),
        ("evaluating.depth", WhenItRuns),
        ("evaluating.limits", WhenItRuns),
        ("functions.abs", By("abs(payload.x) AS a")),
        ("functions.contains_topic", By("contains_topic(payload.t, 'a') AS c")),
        ("functions.date_to_unix_ts", By("date_to_unix_ts('second', '%Y-%m-%d %H:%M:%S', payload.t) AS s")),
        ("functions.format_date", By("format_date('second', 'Z', '%Y年') AS y")),
        ("functions.is_empty", By("is_empty(clientid) AS e")),
        ("functions.join_to_sql_values_string", By("join_to_sql_values_string(payload.l) AS s")),
        ("functions.reverse", By("reverse(clientid) AS r")),
        ("functions.rm_prefix", By("rm_prefix(topic, 'a/') AS r")),
        ("functions.sprintf", By("sprintf('~s: ~10w', topic, payload.x) AS s")),
        ("functions.key_order", By("json_encode(pub_props) AS p")),
        ("functions.bytes", By("tokens(payload, ',') AS t")),
        ("functions.json_encode", By("json_encode(payload) AS j")),
        ("functions.str", By("str([72, 105]) AS s")),
        ("functions.getenv", By("getenv('X') AS x")),
        ("functions.arguments", By("concat('a', 'b', 'c') AS c")),
        ("functions.map", By("map([['a', 1]]) AS m")),
        ("functions.map_put", By("map_put('k', 1, payload) AS m")),
        ("functions.subbits", By("subbits(payload, 1, 5000) AS b")),
        ("functions.jq_timeout", By("jq('.a', payload, 100) AS j")),
        ("functions.jq", By("jq('.a', payload) AS j")),
        ("functions.plugins", WhenCreated),
        ("words.disconnect", WhenCreated),
        ("words.connack", WhenCreated),
    ];

    #[test]
    fn every_difference_that_a_text_can_show_is_found_in_it() {
        let listed: Vec<&str> = SHOWN.iter().map(|(key, _)| *key).collect();
        let rows: Vec<&str> = SECTIONS.iter().flat_map(|section| section.rows).map(|row| row.key).collect();
        assert_eq!(listed, rows, "every row says how it shows, in the order of the table");
        for (key, shown) in SHOWN {
            let By(text) = shown else { continue };
            let text = if text.contains(" FROM ") { (*text).to_owned() } else { format!("SELECT {text} FROM t") };
            assert!(keys(&text).contains(key), "`{key}` is not found in {text}: {:?}", keys(&text));
        }
    }

    #[test]
    fn what_emqx_takes_too_is_no_difference() {
        for text in [
            "SELECT qos = 1 AS one, CASE WHEN qos = 1 OR qos IN (2) THEN 'a' ELSE 'b' END AS c FROM \"t\"",
            "SELECT clientid FROM \"t\" WHERE (qos = 1 OR NOT qos = 2) AND topic =~ 'a/#' -- a comment\n",
            "SELECT * FROM \"t\" WHERE lower(clientid) = 'c' AND bitsize(clientid) > 2",
        ] {
            let mut found = keys(text);
            found.retain(|key| key.starts_with("written."));
            assert_eq!(found, Vec::<&str>::new(), "{text}");
        }
    }
}
