//! The table of differences.

use super::{Difference, Section};

/// All of them, in the order of the page.
pub const SECTIONS: &[Section] = &[
    Section {
        title: "What can be written",
        rows: &[
            row(
                "written.anywhere",
                "comparisons, AND, OR, NOT, IN in a field, list, argument or in parentheses: `SELECT (1 = 1)`, `[1 = 1]`, `upper(a = 1 AND b = 2)`",
                "syntax error",
                "as everywhere",
            ),
            row("written.case", "CASE as an operand, or in THEN and ELSE", "syntax error", "as everywhere"),
            row("written.predicates", "`IS [NOT] NULL`, `[NOT] LIKE`, `[NOT] BETWEEN`", "not there", "there"),
            row("written.maps", "map literals `{'k': 1}`", "not there", "there"),
            row("written.not_in", "`NOT IN`", "always fails", "works"),
            row("written.not", "`NOT` over AND, OR, NOT, IN", "fails", "works"),
            row(
                "written.boolean_field",
                "a boolean field as a condition: `WHERE payload.ok`, `CASE WHEN payload.ok`",
                "fails",
                "works",
            ),
            row(
                "written.quotes",
                "`''` in a text: `'O''Hara'`, `'''edge'''`",
                "both quotes stay; quotes at the ends vanish",
                "one quote",
            ),
            row(
                "written.constants",
                "`TRUE`, `False`, `NULL`, `null`",
                "names of fields that are not there",
                "the constants, in any case",
            ),
            row("written.numbers", "`4e2`, `.25`", "error", "the numbers"),
            row("written.comments", "a comment on the last line, `/* */`", "syntax error", "comments"),
            row("written.semicolon", "`;` at the end", "syntax error", "allowed once"),
            row(
                "written.slash",
                "a line that begins with `/`",
                "the line break vanishes: `10` and `/2` are 102",
                "white space",
            ),
            row("written.keywords", "keywords as a step of a path: `payload.end`", "syntax error", "the key"),
            row(
                "written.div_mod",
                "`div` and `mod` as names: `1 AS mod`",
                "syntax error",
                "names, where no operator may stand",
            ),
            row(
                "written.event_prefix",
                "`$event/` for `$events/`",
                "a topic that never matches",
                "read as `$events/`, with a warning",
            ),
        ],
    },
    Section {
        title: "What is refused when the rule is created",
        rows: &[
            row("refused.functions", "unknown functions, a wrong number of arguments", "fails on every event", "error"),
            row("refused.fields", "unknown fields", "undefined", "error; below `payload` anything goes"),
            row(
                "refused.types",
                "constants of a type that never fits: `upper(5)`, `'x' * 2`",
                "fails on every event",
                "error",
            ),
            row("refused.regex", "regular expressions that are none", "fails on every event", "error"),
            row(
                "refused.missing_events",
                "events that [EVENTS.md](EVENTS.md) has not got, such as `$events/client_ping`",
                "there",
                "error; `rules eval` takes them, under both of their names",
            ),
            row(
                "refused.sources",
                "unknown events, filters that cannot match (`a/#/b`), `$share/` in FROM",
                "accepted, never match",
                "error",
            ),
            row(
                "refused.placeholders",
                "placeholders that name nothing the rule selects",
                "the text `undefined`",
                "error",
            ),
            row("refused.operator", "the operator `~=`", "fails on every event", "error"),
            row("refused.never_true", "`reason = 'no such reason'`, `x != NULL`", "never true", "warning"),
            row(
                "refused.equals_null",
                "`x = NULL`, `payload.l[0]`",
                "syntax error or `undefined`",
                "warning: IS NULL, and indexes from 1, are meant",
            ),
            row("refused.constant_false", "`qos = 'one'`, `x > 5 AND x < 3`, `1 = 2`", "never true", "warning"),
            row("refused.constant_true", "`qos >= 0`, `x != 'a' OR x != 'b'`", "always true", "warning: AND is meant"),
            row(
                "refused.unreachable",
                "`CASE WHEN t > 10 ... WHEN t > 30 ...`, `IN ('a', 'a')`",
                "the second is never reached",
                "warning",
            ),
            row(
                "refused.absent_field",
                r#"`SELECT reason FROM "$events/client_connected", "$events/client_disconnected"`"#,
                "undefined in the first",
                "NULL there, with a warning",
            ),
            row(
                "refused.loops",
                "rules that wake each other by republishing",
                "go round forever",
                "warning; a message comes through at most 8 rules",
            ),
        ],
    },
    Section {
        title: "NULL",
        rows: &[
            row("null.one", "a missing field and JSON `null`", "two things, `undefined` and `null`", "one NULL"),
            row(
                "null.functions",
                "`is_not_null(payload.n)`, `coalesce(payload.n, 'd')` with `n` JSON `null`",
                "true, `null`",
                "false, `'d'`",
            ),
            row("null.order", "two NULLs compared with `<=` or `>=`", "true", "false; only `=` is true"),
            row("null.arithmetic", "arithmetic with NULL: `missing * 2`", "fails", "NULL"),
            row("null.plus", "`'u=' + missing`", "`u=undefined`", "NULL"),
            row("null.str", "`str(missing)`", "`undefined`", "NULL"),
            row(
                "null.concat",
                "`concat`, `join_to_string` with NULL",
                "`undefined` or `null` in the text",
                "empty text",
            ),
            row("null.json_encode", "`json_encode(missing)`", r#"`"undefined"`"#, "`null`"),
            row("null.is_empty", "`is_empty(missing)`", "fails", "true"),
            row(
                "null.payload",
                "a path into a payload that is not JSON, also in FOREACH and `payload('a')`",
                "fails",
                "NULL, no elements; `payload_not_json` counts",
            ),
        ],
    },
    Section {
        title: "Comparing",
        rows: &[
            row(
                "comparing.text_number",
                "a text that is no number against a number: `'abc' = 12`, `'abc' > 1`",
                "fails",
                "unequal, and neither is less",
            ),
            row("comparing.exponents", "`'1e3' = 1000`, `int('1e3')`, `float('1e3')`", "fails", "true, 1000, 1000.0"),
            row("comparing.types", "order across types: `NULL > 5`, `[1] > 5`, `{} > 5`", "true", "false"),
            row("comparing.in", "`3 IN (3.0)`, `3 IN ('3')`, `CASE 3 WHEN 3.0`", "no match", "as `=` does: true"),
        ],
    },
    Section {
        title: "Evaluating",
        rows: &[
            row(
                "evaluating.where_first",
                "WHERE beside a SELECT that fails",
                "after SELECT: a failing SELECT wins over a false WHERE",
                "first",
            ),
            row(
                "evaluating.index",
                "`payload.arr[payload.i]`",
                "the index is looked up inside the payload: NULL",
                "the element",
            ),
            row("evaluating.slice", "`payload.arr[4..2]`, `[5..3]`", "fails", "the empty list"),
            row("evaluating.slice_zero", "a slice from 0", "fails on every event", "error when created"),
            row(
                "evaluating.payload_alias",
                "a value AS `payload`, then `payload.x`",
                "of whichever was read first",
                "of the latest",
            ),
            row("evaluating.unnamed", "a field without AS that is no path", "a name made of the time", "its text"),
            row(
                "evaluating.star_payload",
                "`SELECT *, 2 AS payload.y`",
                "all other fields of the payload are lost",
                "they stay",
            ),
            row(
                "evaluating.put_into_text",
                "`SELECT payload AS p, 7 AS p.k`",
                "only `k` is left",
                "read as JSON, `k` added",
            ),
            row(
                "evaluating.before_star",
                "`SELECT 'x' AS topic, *`",
                "the key stands twice",
                "once, with the field of the event",
            ),
            row(
                "evaluating.foreach_unnamed",
                "FOREACH without AS: `FOREACH payload.l`",
                "`payload` holds only `l` from there on, in WHERE, too",
                "`payload` stays",
            ),
            row(
                "evaluating.message_functions",
                "message functions such as `qos()` in WHERE, INCASE and CASE",
                "NULL",
                "the value",
            ),
            row(
                "evaluating.regex",
                "regular expressions",
                "PCRE over bytes, may take forever",
                "linear time, over characters; no backreferences, no look-around; `$` fits only the very end, not before a last line break",
            ),
            row("evaluating.integers", "integers", "any size", "up to 4,096 bits"),
            row("evaluating.depth", "lists and maps", "nested as deep as one likes", "at most 256 deep"),
            row("evaluating.limits", "time, memory and rows of an evaluation", "no limit", "limited"),
        ],
    },
    Section {
        title: "Functions",
        rows: &[
            row("functions.abs", "`abs(-1.5)`", "fails: integers only", "1.5"),
            row(
                "functions.contains_topic",
                "`contains_topic`, `contains_topic_match` over JSON",
                "always false",
                "what they say",
            ),
            row(
                "functions.date_to_unix_ts",
                "`date_to_unix_ts` with other literal characters than the format",
                "accepted",
                "fails",
            ),
            row(
                "functions.format_date",
                "`format_date` with letters beyond ASCII in the format",
                "garbled",
                "as they are",
            ),
            row(
                "functions.is_empty",
                "`is_empty('x')`, `is_empty('{}')`",
                "fails, true",
                "false: a text is empty where it has no characters",
            ),
            row(
                "functions.join_to_sql_values_string",
                "`join_to_sql_values_string`",
                r"quotes escaped by `\`; JSON `null` is `'null'`",
                "quotes doubled; NULL",
            ),
            row("functions.reverse", "`reverse` beyond ASCII", "bytes that are no text, or fails", "by character"),
            row("functions.rm_prefix", "`rm_prefix(5, 'x')`", "5", "an argument of the wrong type is an error"),
            row("functions.sprintf", "`sprintf('~p', 'txt')`", r#"`<<"txt">>`"#, r#"`"txt"`"#),
            row("functions.str", "`str([72,105])`, `str([])`", "`Hi`, empty text", "`[72,105]`, `[]`"),
            row("functions.getenv", "`getenv('X')`", "`EMQXVAR_X`", "the same, and nothing else of the environment"),
            row(
                "functions.arguments",
                "`trim` and `ltrim` with characters, as `rtrim` has them; `concat`, `coalesce`, `coalesce_ne` of more than two values",
                "error",
                "there",
            ),
            row("functions.map", "`map([['a', 1]])`", "fails", "the map of these pairs"),
            row(
                "functions.subbits",
                "`subbits` of more than 4,096 bits as an integer",
                "the integer",
                "fails; as `bits` it works",
            ),
            row(
                "functions.jq_timeout",
                "the third argument of `jq`",
                "replaces the limit of time",
                "may only shorten it",
            ),
            row(
                "functions.jq",
                "`jq`",
                "there, in the process of the broker",
                "off unless `[rules.jq]` in `signalbox.toml` switches it on; in processes of its own",
            ),
            row(
                "functions.plugins",
                "`schema_*`, `avro_*`, `sparkplug_*`, `ai_completion`",
                "there, with their plugins",
                "not there",
            ),
        ],
    },
    Section {
        title: "Words of events",
        rows: &[
            row(
                "words.disconnect",
                "`reason = 'takenover'`, `'discarded'` of a disconnect",
                "the reasons of a takeover",
                "read as `takeovered`, with a warning",
            ),
            row(
                "words.connack",
                "`reason_code = 'unsupported_protocol_version'`",
                "the reason of a CONNACK",
                "read as `unacceptable_protocol_version`, with a warning",
            ),
        ],
    },
];

const fn row(key: &'static str, what: &'static str, emqx: &'static str, here: &'static str) -> Difference {
    Difference { key, what, emqx, here }
}
