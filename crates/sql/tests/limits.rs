//! What somebody sends, or writes into a rule, to make an evaluation take all time, memory or stack: it ends with an
//! error that names the limit, or with a small result.

use std::io::Read as _;

use bytes::Bytes;
use events::{Map, Timestamp, Value};
use sql::{Context, Query, Rows, Store};

/// Threads of the broker have as much stack.
const STACK_BYTES: usize = 2 * 1024 * 1024;

/// What counts as small, as JSON.
const SMALL_BYTES: usize = 1024 * 1024;

/// What a hostile expression is to end with.
#[derive(Clone, Copy, Debug)]
enum Ends {
    With(&'static str),
    /// A small result, or any error.
    Small,
}
use Ends::{Small, With};

/// Expressions over the columns of [`columns`], and what they end with.
const EXPRESSIONS: &[(&str, Ends)] = &[
    // Text that grows.
    ("pad('x', 1000000000)", With("E505")),
    ("pad('x', 1000000, 'both', text)", With("E505")),
    ("lpad('x', 9223372036854775807, 'ab')", With("E505")),
    ("rpad('x', 1000000000000)", With("E505")),
    ("repeat(text, 1000000)", With("E505")),
    ("repeat('', 9223372036854775807)", Small),
    ("replace(text, 'a', text)", With("E504")),
    ("replace(text, 'aa', 'b', 'all')", Small),
    ("regex_replace(text, 'a', text)", With("E505")),
    ("regex_replace(text, '', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb')", With("E505")),
    ("regex_replace(text, '(a+)', '&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&')", With("E505")),
    ("sprintf('~1000000000s', 'x')", With("E502")),
    ("sprintf('~*s', 9223372036854775807, 'x')", With("E502")),
    ("sprintf(repeat('~10000..xs', 2000), 'x')", Small),
    ("join_to_string(text, payload.numbers)", With("E505")),
    (
        "concat(text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text)",
        With("E505"),
    ),
    ("float2str(1.7e308, 253)", Small),
    ("str(1.7e308)", Small),
    ("format_number(1.7e308, 100, text)", With("E505")),
    ("format_timestamp(0, repeat('%255Y', 100000))", With("E505")),
    ("unescape(repeat('\\x41', 1000000))", Small),
    ("hexstr2bin(repeat('a', 1000000))", Small),
    ("base64_encode(repeat('a', 15000000))", With("E505")),
    // Lists and maps that grow.
    ("[1..1000000000]", With("E014")),
    ("[1..9000000000000000000]", With("E014")),
    ("split(commas, ',')", With("E504")),
    ("split(commas, ',', 'notrim')", With("E505")),
    ("tokens(text, text)", With("E504")),
    ("trim(text, commas)", With("E504")),
    (
        "[text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text]",
        With("E505"),
    ),
    ("map_put('a', [text, text, text, text, text, text, text, text, text], {})", With("E505")),
    ("json_decode(repeat('[', 1000000))", With("E501")),
    ("json_decode(concat('[', concat(repeat('[],', 2000000), '1]')))", With("E505")),
    ("term_decode(hexstr2bin(concat('836C00FFFFFF', repeat('6A', 2000000))))", With("E505")),
    ("term_decode(hexstr2bin(repeat('836C00000001', 100000)))", With("E502")),
    ("term_decode(hexstr2bin('836CFFFFFFFF'))", With("E502")),
    ("term_decode(hexstr2bin('836FFFFFFFFF00'))", With("E502")),
    // Depth.
    ("map_put(repeat('a.', 100000), 1, {})", With("E507")),
    ("map_get(repeat('a.', 1000000), {'a': 1})", Small),
    ("payload(repeat('numbers.', 10000))", Small),
    ("map_put(repeat('a.', 200), map_put(repeat('a.', 200), map_put(repeat('a.', 200), 1, {}), {}), {})", With("E507")),
    // Numbers.
    ("bitsl(1, 1000000000)", With("E502")),
    ("bitsl(1, 9223372036854775807)", With("E502")),
    ("bitsr(1, -1000000000)", With("E502")),
    ("power(10, 1000000000)", With("E502")),
    ("subbits(text, 1, 8000000)", With("E504")),
    ("subbits(text, 1, 5000)", With("E502")),
    ("subbits(text, 1, 7999999, 'bits')", Small),
    ("int(repeat('9', 1000000))", Small),
    ("repeat('9', 1000000) > 5", Small),
    ("json_decode(repeat('9', 1000000))", With("E502")),
    ("bitnot(json_decode(repeat('9', 1233))) * json_decode(repeat('9', 1233))", With("E501")),
    // Decompression.
    ("gunzip(bomb)", With("E505")),
    ("zip_uncompress(zlib_bomb)", With("E505")),
    ("unzip(deflate_bomb)", With("E505")),
    ("gunzip(gunzip(bomb_of_bombs))", With("E505")),
    // Patterns.
    ("regex_match(text, '(a*)*b')", Small),
    ("regex_match(text, '(a|aa)+$')", Small),
    ("regex_match(text, concat('(a?){', '500}b'))", Small),
    ("regex_match(text, concat('(((a{1,100}){1,100}){1,100}', ')'))", With("E502")),
    ("regex_extract(text, concat(repeat('(', 10000), repeat(')', 10000)))", With("E502")),
    ("text LIKE concat(repeat('%a', 10000), 'b')", With("E504")),
    ("text LIKE '%a%a%a%a%a%a%b'", Small),
];

/// Whole rules.
const RULES: &[(&str, Ends)] = &[
    ("FOREACH payload.numbers AS n DO upper(text) AS t FROM \"t\"", With("E505")),
    ("FOREACH payload.numbers AS n DO strlen(text) AS t FROM \"t\"", With("E504")),
    ("FOREACH payload.numbers AS n DO n FROM \"t\"", With("E504")),
    ("FOREACH payload.numbers AS n DO n INCASE regex_match(text, concat('b', '$')) FROM \"t\"", With("E504")),
    ("FOREACH payload.numbers AS n DO n INCASE contains(n, payload.numbers) AND n < 0 FROM \"t\"", With("E504")),
];

fn columns() -> Map {
    let numbers: Vec<String> = (0..100_000).map(|number: u32| number.to_string()).collect();
    let zeros = || std::io::repeat(0).take(32 * 1024 * 1024);
    let best = flate2::Compression::best;
    let mut columns = Map::new();
    let mut text = |name: &str, value: String| columns.insert(name.into(), value.into());
    text("payload", format!("{{\"numbers\":[{}]}}", numbers.join(",")));
    text("text", "a".repeat(1_000_000));
    text("commas", ",".repeat(4_000_000));
    let mut bytes = |name: &str, mut reader: Box<dyn std::io::Read>| {
        let mut out = Vec::new();
        reader.read_to_end(&mut out).expect("compressing into memory cannot fail");
        columns.insert(name.into(), Value::from_bytes(Bytes::from(out.clone())));
        out
    };
    let bomb = bytes("bomb", Box::new(flate2::read::GzEncoder::new(zeros(), best())));
    bytes("zlib_bomb", Box::new(flate2::read::ZlibEncoder::new(zeros(), best())));
    bytes("deflate_bomb", Box::new(flate2::read::DeflateEncoder::new(zeros(), best())));
    bytes("bomb_of_bombs", Box::new(flate2::read::GzEncoder::new(std::io::Cursor::new(bomb), best())));
    columns
}

/// What is wrong with how a rule ends; nothing where it is as it says.
fn difference(rule: &str, ends: Ends, columns: &Map) -> Option<String> {
    let (query, _) = match Query::compile_open(rule) {
        Ok(compiled) => compiled,
        Err(diagnostics) if matches!(ends, With(code) if code == diagnostics[0].code) => return None,
        Err(diagnostics) => return Some(format!("{rule}\n  is refused: {}\n", diagnostics[0].message)),
    };
    let store = Store::new();
    let result = query.eval(columns, &Context::new(Timestamp::SAMPLE, &store));
    let found = match (&result, ends) {
        (Err(error), With(code)) if error.code == code => return None,
        (Err(_), Small) => return None,
        (Ok(rows), Small) => {
            let bytes: usize = rows.clone().into_vec().iter().map(|row| row.to_json().len()).sum();
            if bytes <= SMALL_BYTES * 2 {
                return None;
            }
            format!("{bytes} bytes of rows")
        }
        (Ok(Rows::NoMatch), With(_)) => "no match".to_owned(),
        (Ok(rows), With(_)) => format!("{} rows", rows.clone().into_vec().len()),
        (Err(error), With(_)) => format!("{}: {}", error.code, error.message),
    };
    Some(format!("{rule}\n  expected {ends:?}\n  found    {found}\n"))
}

#[test]
fn whoever_wants_too_much_gets_an_error_and_nobody_else_is_hurt() {
    assert!(EXPRESSIONS.len() + RULES.len() >= 60);
    let all = || {
        let columns = columns();
        let expressions =
            EXPRESSIONS.iter().map(|(expression, ends)| (format!("SELECT {expression} AS x FROM \"t\""), *ends));
        let rules = RULES.iter().map(|(rule, ends)| ((*rule).to_owned(), *ends));
        let doubling: Vec<String> = (1..60).map(|n| format!("[a{}, a{}] AS a{n}", n - 1, n - 1)).collect();
        let doubling = format!("SELECT [1, 2] AS a0, {} FROM \"t\"", doubling.join(", "));
        let putting: Vec<String> = (1..60).map(|n| format!("a{0} AS a{n}.x, a{0} AS a{n}.y", n - 1)).collect();
        let putting = format!("SELECT [1, 2] AS a0, {} FROM \"t\"", putting.join(", "));
        let nesting: Vec<String> = (1..400).map(|n| format!("[a{}] AS a{n}", n - 1)).collect();
        let nesting = format!("SELECT [1] AS a0, {} FROM \"t\"", nesting.join(", "));
        let long_target = format!("SELECT 1 AS a{} FROM \"t\"", ".b".repeat(20_000));
        let more =
            [(doubling, With("E505")), (putting, With("E505")), (nesting, With("E507")), (long_target, With("E012"))];
        expressions.chain(rules).chain(more).filter_map(|(rule, ends)| difference(&rule, ends, &columns)).collect()
    };
    let report: String = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(all).unwrap().join().unwrap();
    assert!(report.is_empty(), "{report}");
}

#[test]
fn what_a_rule_keeps_cannot_grow_from_event_to_event_for_ever() {
    let deeper = "SELECT kv_store_put('k', [kv_store_get('k')]) AS done FROM \"t\"";
    let doubled = "SELECT kv_store_put('k', [kv_store_get('k'), kv_store_get('k')]) AS done FROM \"t\"";
    for (rule, code) in [(deeper, "E507"), (doubled, "E502")] {
        let (query, _) = Query::compile_open(rule).unwrap();
        let store = Store::new();
        let ctx = Context::new(Timestamp::SAMPLE, &store);
        let error = (0..1_000).find_map(|_| query.eval(&Map::new(), &ctx).err());
        assert_eq!(error.map(|error| error.code), Some(code), "{rule}");
    }
}

/// What stands in a row is no depth: thousands of operands are read, checked and evaluated on the stack of the broker, and
/// explained, too.
#[test]
fn operators_in_a_row_do_not_nest() {
    let all = || {
        for (operator, operand, expected) in [
            ("+", "1", r#"{"x":3000}"#),
            ("-", "1", r#"{"x":-2998}"#),
            ("*", "1", r#"{"x":1}"#),
            ("div", "1", r#"{"x":1}"#),
            ("AND", "true", r#"{"x":true}"#),
            ("OR", "true", r#"{"x":true}"#),
        ] {
            let chain = vec![operand; 3_000].join(&format!(" {operator} "));
            let rule = format!("SELECT {chain} AS x FROM \"t\" WHERE ({chain}) IS NOT NULL");
            let (query, _) = Query::compile_open(&rule).unwrap();
            let store = Store::new();
            let ctx = Context::new(Timestamp::SAMPLE, &store);
            let rows = query.eval(&Map::new(), &ctx).unwrap().into_vec();
            assert_eq!(rows[0].to_json(), expected, "{operator}");
            assert!(query.explain(&rule, &Map::new(), &ctx).outcome.is_ok());
        }
    };
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(all).unwrap().join().unwrap();
}
