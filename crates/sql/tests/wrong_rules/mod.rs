//! Rules that are wrong, as people write them, and what they are told: for the golden file and for the examples of
//! `rules/DIAGNOSTICS.md`.

use bytes::Bytes;
use bytestring::ByteString;
use events::{Body, Event, Kind, Payload, SourceTopic, Timestamp, Value};
use sql::{Context, Diagnostic, Jq, Limits, Query, Store, Template};

/// Something that is wrong.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// What somebody had in mind.
    pub(crate) about: &'static str,
    pub(crate) text: String,
    what: What,
}

/// What the text is, and when it is found to be wrong.
#[derive(Debug)]
enum What {
    /// A rule, when it is created.
    Rule,
    /// A rule with `compat = "emqx"`, when it is created.
    EmqxRule,
    /// A template of an action behind `SELECT clientid, payload.temp AS temp`, when the rule is created.
    Template,
    /// A rule, when a message with this payload comes.
    Run(&'static str),
    /// The same with a store that is full.
    FullStore,
    /// A rule, when it is created where `jq` is switched off.
    WithoutJq,
    /// A rule, when it is created where the only source is `$sources/mqtt:plant`.
    OneSource,
}

impl Wrong {
    /// Everything that is said about it.
    pub(crate) fn diagnostics(&self) -> Vec<Diagnostic> {
        match self.what {
            What::Rule => Query::compile(&self.text).map_or_else(|wrong| wrong, |(_, warnings)| warnings),
            What::EmqxRule => Query::compile_emqx(&self.text).map_or_else(|wrong| wrong, |(_, warnings)| warnings),
            What::Template => {
                let (query, _) = Query::compile("SELECT clientid, payload.temp AS temp FROM \"t\"").expect("a rule");
                Template::compile(&self.text).map_or_else(
                    |wrong| wrong,
                    |template| template.check(query.output_fields().as_deref(), &["event_id", "output_id", "rule_id"]),
                )
            }
            What::Run(payload) => fault(&self.text, payload, &Store::new()),
            What::WithoutJq => {
                let (query, _) = Query::compile(&self.text).expect("wrong only where `jq` is off");
                query.check_without_jq().into_iter().collect()
            }
            What::OneSource => {
                let (query, warnings) = Query::compile(&self.text).expect("wrong only where there is another source");
                warnings.into_iter().chain(query.check_sources(&[SourceTopic::mqtt("plant")])).collect()
            }
            What::FullStore => {
                let store = Store::new();
                let scope = ByteString::new();
                let full = (0..).map(|key: u32| store.put(&scope, &format!("key {key}").into(), Value::Null));
                assert!(full.take(1_000_000).any(|put| put.is_err()), "a store has a limit");
                fault(&self.text, "{}", &store)
            }
        }
    }

    /// What the text is called where it is shown.
    pub(crate) const fn file(&self) -> &'static str {
        match self.what {
            What::Template => "template",
            What::Rule | What::EmqxRule | What::Run(_) | What::FullStore | What::WithoutJq | What::OneSource => {
                "rule.sql"
            }
        }
    }
}

/// Every text, in the order of the golden file.
pub(crate) fn all() -> impl Iterator<Item = Wrong> {
    let wrong = |about, text: &str, what| Wrong { about, text: text.to_owned(), what };
    let rules = RULES.iter().map(move |(about, text)| wrong(about, text, What::Rule));
    let templates = TEMPLATES.iter().map(move |(about, text)| wrong(about, text, What::Template));
    let runs = RUNS.iter().map(move |(about, text, payload)| wrong(about, text, What::Run(payload)));
    let deep = format!("SELECT {}1{} AS a FROM \"t\"", "(".repeat(130), ")".repeat(130));
    let store = "SELECT kv_store_put(event_id, 1) AS kept FROM \"t\"";
    let emqx = EMQX_RULES.iter().map(move |(about, text)| wrong(about, text, What::EmqxRule));
    let asked = ASKED.iter().map(move |(about, text)| wrong(about, text, What::Rule));
    rules.chain(asked).chain(emqx).chain(templates).chain(runs).chain([
        wrong("parentheses upon parentheses", &deep, What::Rule),
        wrong("a key for every message", store, What::FullStore),
        wrong("a function that the operator has to allow", "SELECT jq('.a', payload) AS a FROM \"t\"", What::WithoutJq),
        wrong("a source under EMQX's old name", "SELECT server FROM \"$bridges/mqtt:plant\"", What::OneSource),
        wrong("a slip in the name of a source", "SELECT topic FROM \"$sources/mqtt:plnt\"", What::OneSource),
        wrong("a source that nobody has declared", "SELECT topic FROM \"$sources/mqtt:office\"", What::OneSource),
    ])
}

fn fault(rule: &str, payload: &'static str, store: &Store) -> Vec<Diagnostic> {
    let (query, _) = Query::compile(rule).expect("wrong only when it runs");
    let mut event = Event::sample(Kind::MessagePublish);
    if let Body::MessagePublish(publish) = &mut event.body {
        publish.payload = Payload(Bytes::from_static(payload.as_bytes()));
    }
    let limits = Limits { steps_max: 1_000, ..Limits::default() };
    let jq = Jq::unbounded();
    let ctx = Context { limits, jq: Some(&jq), ..Context::new(Timestamp::SAMPLE, store) };
    query.eval(&event, &ctx).err().map(Diagnostic::from).into_iter().collect()
}

/// What somebody had in mind, and the rule.
const RULES: &[(&str, &str)] = &[
    // Names.
    ("a slip in a field", "SELECT clientid, reson\nFROM \"$events/client_disconnected\""),
    ("a field under the name of another broker", "SELECT clientid, disconnect_at FROM \"$events/client_disconnected\""),
    ("a field of another event", "SELECT clientid, payload.temp FROM \"$events/client_connected\""),
    (
        "several slips at once",
        "SELECT clentid, upcase(username), split(topic) FROM \"plant/#\" WHERE qos > 'a' AND payloda.x = 1",
    ),
    ("a text in double quotes", "SELECT * FROM \"$events/client_connected\" WHERE clientid = \"foo\""),
    ("a text in double quotes, far from any name", "SELECT payload.name FROM \"t/#\" WHERE payload.name = \"s1\""),
    ("an alias of DO in INCASE", "FOREACH payload.sensors AS s DO s.temp AS temp INCASE temp > 30 FROM \"t/#\""),
    ("`item`, although the element has a name", "FOREACH payload.sensors AS s DO item.temp FROM \"t/#\""),
    ("a field named by a reserved word", "SELECT if FROM \"t\""),
    ("a name that begins with an underscore", "SELECT _x, payload.y FROM \"t\""),
    // Topics and events.
    ("a slip in an event", "SELECT clientid FROM \"$events/client_conack\""),
    ("the event of a message, which is a topic", "SELECT * FROM \"$events/message_publish\""),
    ("`$event` for `$events`", "SELECT clientid FROM \"$event/client_connack\""),
    ("a source of another kind", "SELECT clientid FROM \"$sources/kafka:plant\""),
    ("all sources at once", "SELECT topic FROM \"$sources/mqtt:*\""),
    ("`#` in the middle, and a shared subscription", "SELECT topic FROM \"a/#/b\", \"$share/g/t\""),
    ("a topic without quotes", "SELECT payload.temp FROM sensors/#"),
    (
        "a filter compared with `=`",
        "SELECT clientid FROM \"plant/#\" WHERE topic = 'plant/+/temp' OR topic IN ('plant/a', 'plant/b/#')",
    ),
    (
        "two events without quotes",
        "SELECT clientid FROM $events/client_connected, $events/client_ping WHERE keepalive > 60",
    ),
    ("an event without quotes", "SELECT clientid FROM $events/client_connected WHERE keepalive > 60"),
    ("a filter that is none on the right of `=~`", "SELECT topic FROM \"t/#\" WHERE topic =~ 'plant/#/temp'"),
    // Reasons.
    (
        "reasons of another broker, and a slip",
        "SELECT clientid FROM \"$events/client_disconnected\" WHERE reason = 'takenover' OR reason = 'kiked'",
    ),
    (
        "a slip in the value of `event`, and an event that FROM has not got",
        "SELECT clientid FROM \"$events/client_connected\", \"$events/client_disconnected\" WHERE event = 'client.conected' OR event = 'client.connack'",
    ),
    // SQL of databases.
    ("an aggregate", "SELECT count(*) FROM \"$events/client_connected\""),
    ("a group", "SELECT clientid FROM \"$events/client_connected\" GROUP BY clientid"),
    ("a limit", "SELECT * FROM \"$events/client_connected\" WHERE success LIMIT 1"),
    ("an order", "SELECT * FROM \"t/#\" ORDER BY timestamp"),
    ("an insert", "INSERT INTO log SELECT clientid FROM \"t/#\""),
    ("two statements", "SELECT clientid FROM \"t/#\"; SELECT topic FROM \"t/#\""),
    ("a way into JSON as PostgreSQL has it", "SELECT payload->>'temp' AS temp FROM \"t/#\""),
    ("names in backticks", "SELECT `clientid` FROM \"t/#\""),
    ("IF as a function", "SELECT if(payload.temp > 30, 1, 0) AS hot FROM \"t/#\""),
    ("functions of databases", "SELECT ifnull(username, 'none') AS u, date_format(timestamp, '%Y') AS y FROM \"t/#\""),
    ("IS with a text", "SELECT clientid FROM \"t/#\" WHERE username IS 'x'"),
    ("NOT NULL without IS", "SELECT clientid FROM \"t/#\" WHERE payload.temp NOT NULL"),
    (
        "EXISTS, and functions of other languages",
        "SELECT includes(payload.l, 1) AS i, parseFloat(payload.x) AS x, size(payload.l) AS n, to_string(qos) AS q FROM \"t/#\" WHERE exists",
    ),
    ("half a BETWEEN", "SELECT clientid FROM \"t/#\" WHERE qos BETWEEN 1"),
    ("IN with a list of the payload", "SELECT clientid FROM \"t/#\" WHERE 'pump' IN payload.kinds"),
    ("IN with brackets", "SELECT clientid FROM \"t/#\" WHERE qos IN [1, 2]"),
    // Other languages.
    ("a placeholder in SQL", "SELECT ${payload.temp} AS temp FROM \"t/#\""),
    ("`==`", "SELECT clientid FROM \"t/#\" WHERE payload.temp == 30"),
    ("`=>`, `=<` and `**`", "SELECT 2 ** 3 AS p FROM \"t/#\" WHERE payload.a => 30 AND payload.b =< 5"),
    ("a choice as in C", "SELECT payload.temp > 30 ? 'hot' : 'cold' AS level FROM \"t/#\""),
    ("a choice by IF", "SELECT IF payload.temp > 30 THEN 1 END AS hot FROM \"t/#\""),
    ("a quote with a backslash before it", "SELECT 'it\\'s cold' AS text FROM \"t/#\""),
    ("keys that begin with signs", "SELECT payload.$data AS d, payload.@type AS t, payload._id AS id FROM \"t/#\""),
    ("`&&` and `!`", "SELECT clientid FROM \"t/#\" WHERE qos = 1 && !retain"),
    ("a key in brackets", "SELECT payload['temp'] AS temp FROM \"t/#\""),
    ("all elements", "SELECT payload.sensors[].temp AS temps FROM \"t/#\""),
    ("a path behind a call", "SELECT json_decode(payload).temp AS temp FROM \"t/#\""),
    ("quotes of a word processor", "SELECT clientid FROM \u{201c}t/#\u{201d} WHERE clientid = \u{2018}a\u{2019}"),
    ("`~=`", "SELECT topic ~= 'a/#' AS hit FROM \"t\""),
    // Clauses.
    ("every clause misspelt", "SELCT clientid, payload.temp AS temp\nFORM \"t/#\"\nWERE payload.temp > 30 ADN qos = 1"),
    ("FROM misspelt behind a name", "SELECT clientid, payload.temp FORM \"t/#\" WHERE clintid = 'a'"),
    ("FROM misspelt behind a star", "SELECT * FRON \"$events/client_conected\""),
    (
        "FOREACH and what follows it, misspelt",
        "FORECH payload.sensors AS s\nDOO s.temp AS temp\nINCASES s.temp > 30\nFRMO \"t/#\" WEHRE s.x = 1",
    ),
    ("FOREACH in two words", "FOR EACH payload.sensors AS s DO s.temp FROM \"t/#\""),
    ("elements chosen by WHERE", "FOREACH payload.l DO item FROM \"t/#\" WHERE item > 3"),
    ("words of CASE misspelt", "SELECT CASE WHEN payload.t > 30 THN 'hot' ELES 'cold' END AS level FROM \"t/#\""),
    ("WHERE before FROM", "SELECT clientid WHERE qos = 1 FROM \"t\""),
    ("no FROM", "SELECT 1 AS a"),
    ("FOREACH over everything", "FOREACH * DO clientid, item.temp FROM \"plant/#\""),
    ("no fields", "SELECT FROM \"t\""),
    ("a comma before AS", "SELECT payload.temp, AS temp FROM \"t/#\""),
    ("a comma too many", "SELECT clientid, username, FROM \"t/#\""),
    ("nothing behind AND", "SELECT clientid FROM \"t/#\" WHERE qos = 1 AND"),
    ("nothing behind DO", "FOREACH payload.l AS n DO FROM \"t\""),
    ("CASE without END", "SELECT CASE WHEN payload.temp > 30 THEN 'hot' AS level FROM \"t/#\""),
    ("CASE without WHEN", "SELECT CASE ELSE 1 END AS z FROM \"t\""),
    ("AS in a call", "SELECT upper('a' AS b) FROM \"t\""),
    ("AS in parentheses and lists", "SELECT (1 + 2 AS a, [1, 2 AS b, 3 AS c FROM \"t\" WHERE (qos = 1"),
    ("comparisons in a row", "SELECT 1 < qos < 3 AS between FROM \"t\""),
    ("nothing", ""),
    ("a text that does not end", "SELECT 'open FROM \"t\""),
    ("a comment that does not end", "SELECT clientid /* and more FROM \"t\""),
    ("a number that runs into letters", "SELECT 2.5f AS f FROM \"t\""),
    // Indexes.
    ("an index behind a list, and a slice from 0", "SELECT [1, 2][1], payload.l[0..2] FROM \"t\""),
    ("the first element, counted from 0", "SELECT payload.sensors[0].temp AS temp FROM \"t/#\""),
    (
        "a letter of a text, a level of a topic",
        "SELECT clientid[1] AS first, topic[2] AS level, qos.max FROM \"t/+/x\"",
    ),
    ("a map by its place", "SELECT flags[1] AS retain, pub_props[1..2] AS two FROM \"t/#\""),
    ("the levels of a topic, one by one", "FOREACH topic AS level DO level FROM \"t/#\""),
    ("the entries of a map, one by one", "FOREACH flags AS flag DO flag FROM \"t/#\""),
    ("an element with a path for its name", "FOREACH payload.rows AS a.b DO item.x AS x FROM \"t/#\""),
    ("keys with hyphens", "SELECT payload.sensor-1 AS a, payload.device-id AS b, payload.room-no-2 AS c FROM \"t/#\""),
    ("a dot before an index", "SELECT payload.l[1].[2] AS x FROM \"t\""),
    // NULL.
    ("NULL compared", "SELECT clientid FROM \"t/#\" WHERE username = NULL OR payload.temp != null"),
    // Types.
    ("types that never fit", "SELECT upper(5), trim([1]), 'x' * 2, -'a', true + 1 FROM \"t\" WHERE strlen(topic)"),
    ("a number where a topic is text", "SELECT clientid FROM \"t/#\" WHERE qos =~ 'a'"),
    ("arguments too few and too many", "SELECT substr(topic) AS s, upper(topic, 'x') AS u FROM \"t/#\""),
    (
        "units, algorithms and options under other names",
        "SELECT format_date('sec', 'Z', '%Y-%m-%d') AS day, now_timestamp('ms') AS ms, hash('crc', payload) AS crc,\n  hash('SHA-256', payload) AS sha, split(topic, '/', 'zz') AS parts, pad(clientid, 9, 'left') AS name,\n  date_trunc('minutes', timestamp) AS t, subbits(payload, 1, 8, 'int', 'sign') AS b FROM \"t/#\"",
    ),
    (
        "places counted from 0",
        "SELECT nth(0, payload.l) AS first, topic(0) AS level, round(payload.t, -1) AS t FROM \"t/#\"",
    ),
    ("an option that is none", "SELECT base64_encode(payload, 'url_safe') AS b FROM \"t/#\""),
    (
        "constants that fail whatever comes",
        "SELECT sqrt(-1) AS r, payload.x mod 0 AS m, json_decode('{') AS j, timezone_to_second('CET') AS z,\n  sprintf('~s ~s', 1) AS s, date_to_unix_ts('second', '%Y-%m-%d', '2024-01-01') AS d FROM \"t/#\"",
    ),
    ("a pattern that is none", "SELECT regex_match(topic, '(') AS m FROM \"t\""),
];

/// What users of event brokers wanted of presence, order and reasons, and of the language, and the rule they wrote.
const ASKED: &[(&str, &str)] = &[
    // Who is online.
    (
        "presence from both events, told by a field that only one of them has",
        "SELECT clientid, event, reason, timestamp\nFROM \"$events/client_connected\", \"$events/client_disconnected\"\nWHERE reason != 'takeovered'",
    ),
    (
        "only the disconnects that are no takeover",
        "SELECT clientid FROM \"$events/client_disconnected\" WHERE reason != 'discarded' AND reason != 'takenover'",
    ),
    (
        "disconnects that are neither of two, with the wrong word between",
        "SELECT clientid FROM \"$events/client_disconnected\" WHERE reason != 'normal' OR reason != 'kicked'",
    ),
    (
        "disconnects of two reasons at once",
        "SELECT clientid FROM \"$events/client_disconnected\" WHERE reason = 'keepalive_timeout' AND reason = 'tcp_closed'",
    ),
    (
        "graceful or not, under a name that does not exist",
        "SELECT clientid, gracefull FROM \"$events/client_disconnected\" WHERE reason_code = 0",
    ),
    (
        "the order of events, by a number they have under another name",
        "SELECT clientid, sequence, clientseq FROM \"$events/client_connected\"",
    ),
    ("the connection that took over", "SELECT clientid, takenover_by FROM \"$events/client_disconnected\""),
    (
        "the user name, spelt as in the protocol",
        "SELECT clientid, user_name, client_id FROM \"$events/client_connected\"",
    ),
    ("the event of MQTT messages of old versions", "SELECT * FROM \"$event/client_conected\""),
    ("presence from the topics of `$SYS`", "SELECT * FROM \"$SYS/brokers/+/clients/#/connected\""),
    (
        "a connection that lasted long, in seconds",
        "SELECT clientid, duration FROM \"$events/client_disconnected\" WHERE duration > 60",
    ),
    (
        "subscriptions that end with the session",
        "SELECT clientid FROM \"$events/session_unsubscribed\" WHERE cause = 'session_ended'",
    ),
    ("refused connections, told by text", "SELECT clientid FROM \"$events/client_connack\" WHERE success = 'no'"),
    (
        "refused connections, by the number in the wrong field",
        "SELECT clientid FROM \"$events/client_connack\" WHERE reason_code = 5",
    ),
    (
        "a refusal by its MQTT 5 number in text",
        "SELECT clientid FROM \"$events/client_connack\" WHERE return_code = '0x86'",
    ),
    ("the address of the client", "SELECT clientid, ipaddress FROM \"$events/client_connected\""),
    // The language.
    (
        "double quotes around a value, near a field's name",
        "SELECT clientid FROM \"$events/client_connected\" WHERE username = \"nodes\"",
    ),
    ("an array that is counted from 0", "SELECT payload.values[0] AS first, payload.values[1] AS second FROM \"t/#\""),
    ("an alias of SELECT in another SELECT's place: HAVING", "SELECT payload.temp AS t FROM \"t/#\" HAVING t > 30"),
    ("missing or null", "SELECT clientid FROM \"t/#\" WHERE payload.temp = undefined"),
    ("`<> NULL`", "SELECT clientid FROM \"t/#\" WHERE username <> NULL"),
    ("`IS NULL` of what is always there", "SELECT clientid FROM \"t/#\" WHERE clientid IS NULL"),
    ("a window that was turned around", "SELECT clientid FROM \"t/#\" WHERE payload.temp > 50 AND payload.temp < 10"),
    ("BETWEEN from high to low", "SELECT clientid FROM \"t/#\" WHERE payload.temp BETWEEN 50 AND 10"),
    ("a condition to switch a rule off", "SELECT clientid FROM \"t/#\" WHERE 1 = 2"),
    ("a condition that says nothing", "SELECT clientid FROM \"t/#\" WHERE qos >= 0"),
    ("a QoS in words", "SELECT clientid FROM \"t/#\" WHERE qos = 'QoS1'"),
    ("a timestamp against a date", "SELECT clientid FROM \"t/#\" WHERE timestamp > '2024-01-01'"),
    (
        "levels from low to high, so that the first takes all",
        "SELECT CASE WHEN payload.t > 10 THEN 'warm' WHEN payload.t > 30 THEN 'hot' ELSE 'cold' END AS level FROM \"t/#\"",
    ),
    (
        "a branch behind one for everything",
        "SELECT CASE WHEN true THEN 'any' WHEN qos = 1 THEN 'one' END AS q FROM \"t/#\"",
    ),
    ("the same branch twice", "SELECT CASE qos WHEN 0 THEN 'a' WHEN 1 THEN 'b' WHEN 0 THEN 'c' END AS q FROM \"t/#\""),
    ("a list with a value twice", "SELECT clientid FROM \"t/#\" WHERE payload.kind IN ('pump', 'valve', 'pump')"),
    (
        "elements that meet a condition, by an alias of DO",
        "FOREACH payload.sensors DO item.temp AS temp, item.id AS id INCASE temp > 30 FROM \"t/#\"",
    ),
    ("all of an array by a star", "SELECT payload.sensors[*].temp AS temps FROM \"t/#\""),
    ("a JSON path of other tools", "SELECT $.temp AS temp FROM \"t/#\""),
    ("a Go template", "SELECT {{payload.temp}} AS temp FROM \"t/#\""),
    ("the payload of an event that has none", "SELECT payload.temp FROM \"$events/session_subscribed\""),
    ("texts that are joined by `||`", "SELECT clientid || '/' || topic AS path FROM \"t/#\""),
    ("a cast as in PostgreSQL", "SELECT payload.temp::int AS temp FROM \"t/#\""),
    ("`CAST`", "SELECT CAST(payload.temp AS int) AS temp FROM \"t/#\""),
    ("`ELSE IF` in a CASE", "SELECT CASE WHEN qos = 0 THEN 'a' ELSE IF qos = 1 THEN 'b' END AS q FROM \"t/#\""),
    ("`AS` with a text", "SELECT payload.temp AS 'temp' FROM \"t/#\""),
    ("a reserved word as a name", "SELECT payload.begin AS start, payload.end AS end FROM \"t/#\""),
    ("a space that is none", "SELECT\u{a0}clientid FROM \"t/#\""),
    ("Chinese commas and parentheses", "SELECT upper\u{ff08}clientid\u{ff09}\u{ff0c}topic FROM \"t/#\""),
    ("a topic with wildcards and no quotes", "SELECT payload.temp FROM plant/+/temp WHERE payload.temp > 30"),
    (
        "six mistakes in one text",
        "SELECT clentid, upcase(topic), payload.l[] AS l FROM \"a/#/b\", 'plant/#' WHERE (qos == 1) AND username = \"admin\"",
    ),
];

/// What somebody had in mind, and the rule as it stood in EMQX.
const EMQX_RULES: &[(&str, &str)] = &[
    ("a field that only EMQX has", "SELECT clientid, mountpoint FROM \"$events/client/connected\""),
    ("a text in double quotes that EMQX let pass", "SELECT clientid FROM \"t/#\" WHERE clientid = \"foo\""),
];

/// What somebody had in mind, and the template.
const TEMPLATES: &[(&str, &str)] = &[
    ("a template that does not end", "devices/${clientid/state"),
    ("an index that is no number", "devices/${temps[first]}"),
    ("a placeholder for what the rule does not select", "devices/${cliendid}/${username}"),
];

/// What somebody had in mind, the rule, and the payload it fails on.
const RUNS: &[(&str, &str, &str)] = &[
    ("a number sent as text", "SELECT payload.temp * 1.8 + 32 AS f FROM \"t\"", r#"{"temp":"21"}"#),
    ("a call on what is not there", "SELECT upper(payload.name) AS name FROM \"t\"", "{}"),
    ("a condition that is a text", "SELECT clientid FROM \"t\" WHERE payload.ok", r#"{"ok":"yes"}"#),
    ("an element behind the last", "SELECT nth(3, payload.l) AS third FROM \"t\"", r#"{"l":[1,2]}"#),
    ("a unit that the payload tells", "SELECT now_timestamp(payload.unit) AS t FROM \"t\"", r#"{"unit":"ms"}"#),
    ("a list without an end in sight", "FOREACH [1..2000] AS n DO n FROM \"t\"", "{}"),
    ("a program of jq over another shape", "SELECT jq('.a.b', payload) AS b FROM \"t\"", "[1]"),
    ("a path without an end in sight", "SELECT map_put(repeat('a.', 300), 1, {}) AS m FROM \"t\"", "{}"),
    ("a text without an end in sight", "SELECT pad('x', 1000000000) AS x FROM \"t\"", "{}"),
];
