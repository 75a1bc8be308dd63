//! The language over events as the broker emits them.

use bytes::Bytes;
use events::{Body, Event, Kind, Map, Payload, Timestamp, Type, Value};
use sql::{Columns, Context, EvalError, EventColumns, Limits, Overlay, Query, Rows, Source, Store};

fn compile(sql: &str) -> Query {
    match Query::compile(sql) {
        Ok((query, _)) => query,
        Err(diagnostics) => panic!("{}", sql::render(&diagnostics, "rule", sql, 0)),
    }
}

fn eval(sql: &str, columns: &dyn Columns) -> Result<Rows, EvalError> {
    let store = Store::new();
    compile(sql).eval(columns, &Context::new(Timestamp::SAMPLE, &store))
}

fn rows(sql: &str, columns: &dyn Columns) -> Vec<String> {
    eval(sql, columns).expect("the rule does not fail").into_vec().iter().map(Map::to_json).collect()
}

fn message(payload: &'static str) -> Event {
    let mut event = Event::sample(Kind::MessagePublish);
    if let Body::MessagePublish(publish) = &mut event.body {
        publish.payload = Payload(Bytes::from_static(payload.as_bytes()));
    }
    event
}

#[test]
fn a_connack_becomes_its_row() {
    let row = rows(
        r#"SELECT clientid, username, reason_code, timestamp FROM "$events/client_connack""#,
        &Event::sample(Kind::ClientConnack),
    );
    assert_eq!(row, [r#"{"clientid":"pump-17","username":"plant","reason_code":"success","timestamp":1645003578856}"#]);
}

#[test]
fn sources_are_expanded_listed_once_and_matched() {
    let from = |sql: &str| compile(sql).from().to_vec();
    assert_eq!(
        from(r#"SELECT event FROM "$events/client_connack", "$events/client/connack""#),
        [Source::Event(Kind::ClientConnack)]
    );
    assert_eq!(
        from(r#"SELECT event FROM "$events/client/+", "a/#", 'a/#'"#),
        [
            Source::Event(Kind::ClientConnack),
            Source::Event(Kind::ClientConnected),
            Source::Event(Kind::ClientDisconnected),
            Source::Event(Kind::ClientPing),
            Source::Topic("a/#".into()),
        ]
    );
    let query = compile(r#"SELECT topic FROM "plant/#", "$events/client_connected""#);
    for (kind, expected) in [
        (Kind::MessagePublish, true),
        (Kind::ClientConnected, true),
        (Kind::ClientConnack, false),
        (Kind::MessageDropped, false),
    ] {
        assert_eq!(query.matches(&Event::sample(kind)), expected, "{kind:?}");
    }
}

#[test]
fn a_field_that_only_one_of_the_sources_has_is_null_in_the_others() {
    let sql = r#"SELECT clientid, reason FROM "$events/client_connack", "$events/client_disconnected""#;
    assert_eq!(rows(sql, &Event::sample(Kind::ClientConnack)), [r#"{"clientid":"pump-17","reason":null}"#]);
    assert_eq!(
        rows(sql, &Event::sample(Kind::ClientDisconnected)),
        [r#"{"clientid":"pump-17","reason":"keepalive_timeout"}"#]
    );
}

#[test]
fn where_guards_select_and_asks_for_aliases_only_when_it_comes_to_them() {
    let sql = r#"SELECT 10 / payload.n AS share, upper(clientid) AS c FROM "t" WHERE payload.n != 0 AND share > 1"#;
    assert_eq!(rows(sql, &message(r#"{"n":0}"#)), [""; 0]);
    assert_eq!(rows(sql, &message(r#"{"n":4}"#)), [r#"{"share":2.5,"c":"PUMP-17"}"#]);
    assert_eq!(rows(sql, &message(r#"{"n":20}"#)), [""; 0]);
    let chained = r#"SELECT payload.n AS a, a + 1 AS b, b * 2 AS c, 7 AS a FROM "t" WHERE c = 10 AND a = 7"#;
    assert_eq!(rows(chained, &message(r#"{"n":4}"#)), [r#"{"a":7,"b":5,"c":10}"#]);
    let below = r#"SELECT 1 AS m.x, payload.n AS m.y FROM "t" WHERE m.y = 4 AND m.x = 1"#;
    assert_eq!(rows(below, &message(r#"{"n":4}"#)), [r#"{"m":{"x":1,"y":4}}"#]);
    let random = r#"SELECT random() AS r, r AS s FROM "t" WHERE r >= 0"#;
    let row = rows(random, &message("")).remove(0);
    let row: serde_json::Value = serde_json::from_str(&row).unwrap();
    assert_eq!(row["r"], row["s"], "an alias is evaluated once");
}

#[test]
fn names_mean_the_latest_and_star_gives_them_back() {
    let event = message(r#"{"a":{"b":5,"c":6}}"#);
    assert_eq!(rows(r#"SELECT 'x' AS topic, topic AS t FROM "t""#, &event), [r#"{"topic":"x","t":"x"}"#]);
    let row = rows(r#"SELECT 'x' AS topic, *, topic AS t, 1 AS payload.a.d FROM "t""#, &event).remove(0);
    let row: serde_json::Value = serde_json::from_str(&row).unwrap();
    assert_eq!((row["topic"].as_str(), row["t"].as_str()), (Some("plant/17/temp"), Some("plant/17/temp")));
    assert_eq!(row["payload"], serde_json::json!({"a": {"b": 5, "c": 6, "d": 1}}));
    assert_eq!(
        rows(r#"SELECT payload.a.b, payload.a.c AS payload.z, payload.a.c AS c FROM "t""#, &event),
        [r#"{"payload":{"a":{"b":5},"z":6},"c":6}"#]
    );
    assert_eq!(
        rows(r#"SELECT 1 + 1, 'label', upper(topic) FROM "t""#, &event),
        [r#"{"1 + 1":2,"label":"label","upper(topic)":"PLANT/17/TEMP"}"#]
    );
}

#[test]
fn foreach_goes_through_lists_of_the_payload_without_losing_the_rest() {
    let event = message(r#"{"date":"d","sensors":[{"id":"a","v":1},{"id":"b","v":2},{"id":"c","v":3.5}]}"#);
    assert_eq!(
        rows(r#"FOREACH payload.sensors AS s DO s.id, s.v, payload.date AS d INCASE s.v > 1 FROM "t""#, &event),
        [r#"{"s":{"id":"b","v":2},"d":"d"}"#, r#"{"s":{"id":"c","v":3.5},"d":"d"}"#]
    );
    assert_eq!(
        rows(r#"FOREACH payload.sensors AS s DO 'x' AS s.id, s.id AS i, s.v AS v, s INCASE s.v = 2 FROM "t""#, &event),
        [r#"{"s":{"id":"x"},"i":"x","v":2}"#]
    );
    let counted = r#"FOREACH length(payload.sensors) AS n, payload.sensors DO n, item.id AS id FROM "t" WHERE n = 3"#;
    assert_eq!(rows(counted, &event)[2], r#"{"n":3,"id":"c"}"#);
    let whole = rows(r#"FOREACH payload.sensors AS s FROM "t""#, &event);
    assert_eq!(whole.len(), 3);
    assert!(
        whole[1].ends_with(r#""s":{"id":"b","v":2}}"#) && whole[1].contains(r#""payload":"{\"date\""#),
        "{}",
        whole[1]
    );
    assert_eq!(eval(r#"FOREACH payload.none AS s DO s FROM "t""#, &event), Ok(Rows::Many(vec![])));
    assert_eq!(eval(r#"FOREACH payload.sensors AS s DO s FROM "t" WHERE false"#, &event), Ok(Rows::NoMatch));
}

#[test]
fn an_event_keeps_the_document_of_its_payload_for_all_rules() {
    let event = message(r#"{"n":1}"#);
    let columns = EventColumns::new(&event);
    assert_eq!(rows(r#"SELECT payload.n AS n FROM "t""#, &columns), rows(r#"SELECT payload.n AS n FROM "t""#, &event));
    let first: *const _ = columns.document().unwrap();
    assert!(std::ptr::eq(first, columns.document().unwrap()));
    assert!(EventColumns::new(&Event::sample(Kind::ClientConnack)).document().is_none());
}

#[test]
fn a_payload_that_is_no_json_is_null_and_noted() {
    let store = Store::new();
    for (payload, noted) in [("plain", true), ("", true), (r#"{"n":1}"#, false)] {
        let ctx = Context::new(Timestamp::SAMPLE, &store);
        compile(r#"SELECT payload.n AS n FROM "t""#).eval(&message(payload), &ctx).unwrap();
        assert_eq!(ctx.payload_not_json.get(), noted, "{payload}");
    }
    let ctx = Context::new(Timestamp::SAMPLE, &store);
    compile(r#"SELECT payload FROM "t""#).eval(&message("plain"), &ctx).unwrap();
    assert!(!ctx.payload_not_json.get(), "nobody asked for a path");
}

#[test]
fn numbers_of_a_payload_come_out_digit_for_digit() {
    let event = message(r#"{"big":123456789012345678901234567890,"id":9007199254740993,"f":0.1}"#);
    assert_eq!(
        rows(r#"SELECT payload.big AS b, payload.big + 1 AS c, payload.id AS i, payload.f AS f FROM "t""#, &event),
        [r#"{"b":123456789012345678901234567890,"c":123456789012345678901234567891,"i":9007199254740993,"f":0.1}"#]
    );
}

#[test]
fn the_fields_of_a_row_are_known_where_they_can_be() {
    let fields = |sql: &str| compile(sql).output_fields();
    assert_eq!(
        fields(
            r#"SELECT clientid, success AS ok, payload.a.b, 1 + 1 AS n, timestamp FROM "$events/client_connack", "t""#
        ),
        Some(vec![
            ("clientid".into(), Type::Text),
            ("ok".into(), Type::Bool),
            ("payload".into(), Type::Map),
            ("n".into(), Type::Int),
            ("timestamp".into(), Type::Timestamp),
        ])
    );
    assert_eq!(fields(r#"SELECT *, 1 AS a FROM "t""#), None);
    assert_eq!(fields(r#"FOREACH payload.l AS x DO x FROM "t""#), Some(vec![("x".into(), Type::Any)]));
    assert_eq!(fields(r#"FOREACH payload.l AS x FROM "t""#), None);
}

#[test]
fn what_fails_says_what_and_where() {
    for (sql, code, at, said) in [
        (r#"SELECT payload.l + 1 AS a FROM "t""#, "E501", "payload.l + 1", "`+` wants numbers, found the list [1]"),
        (r#"SELECT upper(payload.l) AS a FROM "t""#, "E501", "payload.l", "`text` must be text, found the list [1]"),
        (r#"SELECT 1 div payload.zero AS a FROM "t""#, "E501", "1 div payload.zero", "division by zero in `div`"),
        (r#"SELECT nth(9, payload.l) AS a FROM "t""#, "E502", "9", "`number` must be from 1 to 1, found the number 9"),
        (
            r#"SELECT qos FROM "t" WHERE payload.l"#,
            "E501",
            "payload.l",
            "a condition must be true, false or NULL, found the list [1]",
        ),
    ] {
        let error = eval(sql, &message(r#"{"l":[1],"zero":0}"#)).unwrap_err();
        assert_eq!((error.code, sql.get(error.span.clone()).unwrap(), error.message.as_str()), (code, at, said));
    }
}

#[test]
fn a_rule_that_goes_beyond_its_limits_fails_by_itself() {
    let store = Store::new();
    let limits = Limits { steps_max: 1000, result_bytes_max: 10_000, rows_max: 50 };
    let ctx = || Context { limits, ..Context::new(Timestamp::SAMPLE, &store) };
    for (sql, code) in [
        (r#"SELECT pad('x', 1000000000) AS a FROM "t""#, "E505"),
        (r#"SELECT gunzip(gzip(pad('x', 6000))) AS a FROM "t""#, "E505"),
        (r#"FOREACH [1..200] AS x DO x FROM "t""#, "E504"),
        (r#"SELECT [1..90000] AS x FROM "t""#, "E505"),
        (r#"SELECT bitsl(1, 1000000000) AS x FROM "t""#, "E502"),
        (r#"SELECT split(pad('', 2000, 'trailing', ','), ',', 'notrim') AS x FROM "t""#, "E505"),
    ] {
        let error = compile(sql).eval(&message("{}"), &ctx()).unwrap_err();
        assert_eq!(error.code, code, "{sql}: {}", error.message);
    }
    let list: &'static str = format!(r#"{{"l":[{}0]}}"#, "0,".repeat(300)).leak();
    for built in ["payload.l", "json_decode(payload)", "map_get('l', payload)"] {
        let sql = format!(r#"FOREACH payload.l AS x DO {built} AS y INCASE payload.l[1] = 0 FROM "t""#);
        let limits = Limits { steps_max: 100_000, result_bytes_max: 10_000, rows_max: 1_000 };
        let error = compile(&sql).eval(&message(list), &Context { limits, ..Context::new(Timestamp::SAMPLE, &store) });
        assert_eq!(error.unwrap_err().code, "E505", "{sql}");
    }
}

#[test]
fn a_test_of_a_rule_replaces_fields_of_the_sample() {
    let event = Event::sample(Kind::ClientConnack);
    let replaced =
        [("reason_code".into(), Value::from("banned")), ("success".into(), false.into())].into_iter().collect();
    let overlay = Overlay::new(&event, replaced);
    let sql = r#"SELECT clientid, reason_code FROM "$events/client_connack" WHERE NOT success"#;
    assert_eq!(rows(sql, &overlay), [r#"{"clientid":"pump-17","reason_code":"banned"}"#]);
    assert_eq!(eval(sql, &event), Ok(Rows::NoMatch));
}

#[test]
fn reasons_of_other_products_are_read_as_ours() {
    let sql = r#"SELECT clientid FROM "$events/client_disconnected" WHERE reason IN ('takenover', 'kicked')"#;
    let (query, warnings) = Query::compile(sql).unwrap();
    assert_eq!(warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), ["W002"]);
    let event = Event::sample(Kind::ClientDisconnected);
    let overlay = Overlay::new(&event, [("reason".into(), Value::from("takeovered"))].into_iter().collect());
    let store = Store::new();
    let rows = query.eval(&overlay, &Context::new(Timestamp::SAMPLE, &store)).unwrap();
    assert_eq!(rows.into_vec().len(), 1);
}

#[test]
fn an_index_is_a_name_of_the_rule_or_a_key_beside_the_list_also_without_as() {
    let event = message(r#"{"l":[5,6,7],"i":2,"in":{"l":[8,9],"i":1}}"#);
    for (sql, row) in [
        (r#"SELECT payload.l[i] AS e FROM "t""#, r#"{"e":6}"#),
        (r#"SELECT payload.l[i] FROM "t""#, r#"{"payload":{"l":[6]}}"#),
        (r#"SELECT payload.in.l[i] FROM "t""#, r#"{"payload":{"in":{"l":[8]}}}"#),
        (r#"SELECT 3 AS i, payload.l[i] FROM "t""#, r#"{"i":3,"payload":{"l":[7]}}"#),
        (r#"SELECT payload.l AS l, payload.i AS i, l[i] FROM "t""#, r#"{"l":[5,6,7],"i":2}"#),
        (
            r#"SELECT payload AS payload, payload.in.l[i] FROM "t""#,
            r#"{"payload":{"l":[5,6,7],"i":2,"in":{"l":[8,9],"i":1}}}"#,
        ),
    ] {
        assert_eq!(rows(sql, &event), [row], "{sql}");
    }
    let unknown = Query::compile(r#"SELECT topic AS l, l[i] FROM "t""#).unwrap_err();
    assert_eq!(unknown.len(), 1, "told once: {unknown:?}");
}

#[test]
fn the_same_context_gives_the_same_row() {
    let sql = r#"SELECT random() AS r, uuid_v4() AS u, now_timestamp('millisecond') AS n FROM "t""#;
    assert_eq!(rows(sql, &message("")), rows(sql, &message("")));
    let store = Store::new();
    let other = Context { seed: 7, ..Context::new(Timestamp::SAMPLE, &store) };
    let row = compile(sql).eval(&message(""), &other).unwrap().into_vec().remove(0);
    assert_ne!(row.to_json(), rows(sql, &message(""))[0]);
}

#[test]
fn a_rule_of_emqx_sees_events_as_emqx_has_them() {
    let rows = |sql: &str, columns: &dyn Columns| {
        let (query, warnings) = Query::compile_emqx(sql).expect("a rule");
        let store = Store::new();
        let rows = query.eval(columns, &Context::new(Timestamp::SAMPLE, &store)).expect("the rule does not fail");
        (rows.into_vec().iter().map(Map::to_json).collect::<Vec<_>>(), query.knows(columns), warnings.len())
    };
    let row = |text: &str| vec![text.to_owned()];
    let overlay = |event: &'static Event, fields: &[(&'static str, Value)]| {
        Overlay::new(event, fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect())
    };
    let sample = |kind| -> &'static Event { Box::leak(Box::new(Event::sample(kind))) };
    let (connack, ended) = (sample(Kind::ClientConnack), sample(Kind::ClientDisconnected));
    let text = Value::from_static;

    let refused = overlay(
        connack,
        &[
            ("reason_code", text("unauthorized_client")),
            ("reason_code_v5", text("banned")),
            ("expiry_interval", Value::Int(30)),
        ],
    );
    let sql =
        r#"SELECT reason_code, expiry_interval, mountpoint FROM "$events/client/connack" WHERE reason_code = 'banned'"#;
    let expected = row(r#"{"reason_code":"banned","expiry_interval":30000,"mountpoint":null}"#);
    assert_eq!(rows(sql, &refused), (expected, true, 1), "names of MQTT 5, ms, NULL for what is not there");
    let (all, ..) = rows(r#"SELECT * FROM "$events/client_connack""#, &refused);
    assert!(
        all[0].contains(r#""reason_code":"banned""#) && all[0].contains(r#""expiry_interval":30000"#),
        "{}",
        all[0]
    );
    let version = overlay(connack, &[("reason_code_v5", text("unacceptable_protocol_version"))]);
    let sql = r#"SELECT reason_code AS r FROM "$events/client_connack""#;
    assert_eq!(rows(sql, &version).0, row(r#"{"r":"unsupported_protocol_version"}"#));

    let sql = r#"SELECT reason AS r FROM "$events/client_disconnected" WHERE reason IN ('takenover', 'frame_error')"#;
    let takeover = overlay(ended, &[("reason", text("takeovered"))]);
    assert_eq!(rows(sql, &takeover), (row(r#"{"r":"takenover"}"#), true, 0));
    assert_eq!(rows(sql, &overlay(ended, &[("reason", text("malformed_packet"))])).0, row(r#"{"r":"frame_error"}"#));
    let never_connected = overlay(ended, &[("reason", text("takeovered")), ("connected_at", Value::Null)]);
    assert_eq!(rows(sql, &never_connected), (vec![], false, 0), "EMQX tells nothing of it");

    let unsubscribed = sample(Kind::SessionUnsubscribed);
    let sql = r#"SELECT topic FROM "$events/session_unsubscribed""#;
    assert_eq!(rows(sql, unsubscribed), (row(r#"{"topic":"plant/+/cmd"}"#), true, 0));
    assert_eq!(rows(sql, &overlay(unsubscribed, &[("cause", text("session_end"))])), (vec![], false, 0));
}

#[test]
fn a_context_of_any_shape_may_have_either_name_of_a_reason() {
    let store = Store::new();
    for (reason, condition, expected) in [
        ("takenover", "reason = 'takenover'", 1),
        ("takeovered", "reason = 'takenover'", 1),
        ("takeovered", "reason != 'takenover'", 0),
        ("takenover", "reason != 'takenover'", 0),
        ("normal", "reason != 'takenover'", 1),
        ("discarded", "reason IN ('kicked', 'discarded')", 1),
        ("takeovered", "reason IN ('kicked', 'discarded')", 1),
        ("takeovered", "reason NOT IN ('kicked', 'discarded')", 0),
    ] {
        let sql = format!("SELECT reason FROM \"$events/client_disconnected\" WHERE {condition}");
        let (query, _) = Query::compile_open(&sql).expect("a rule");
        let context: Map = [("reason".into(), Value::from(reason))].into_iter().collect();
        let rows = query.eval(&context, &Context::new(Timestamp::SAMPLE, &store)).expect("a row or none");
        assert_eq!(rows.into_vec().len(), expected, "{condition} of {reason}");
    }
}
