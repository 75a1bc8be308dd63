//! `postgres` against a real server: what stands in the table, what waits, what is refused.

use crate::support::authority::Authority;
use crate::support::postgres::Postgres;
use crate::support::{World, connack, items, output, send_bisected, words};
use engine::{ErrorClass, ItemOutcome, Outcome, Output, Via};

fn started(schema: &str) -> (Postgres, World) {
    let postgres = Postgres::start();
    postgres.query(schema);
    let world = World::with_connector(&postgres.connector());
    (postgres, world)
}

/// One output for each value, in the field `value`.
fn valued(values: &[&str]) -> Vec<Output> {
    (1..).zip(values).map(|(n, value)| output(n, &format!(r#"{{"clientid":"c{n}","value":{value}}}"#))).collect()
}

#[tokio::test]
async fn the_connack_rule_stands_as_a_row() {
    let (postgres, world) = started(
        "CREATE TABLE connacks (clientid text, username varchar(20), reason_code char(12), at timestamptz, ms bigint)",
    );
    let action = world.action(
        "sql = 'INSERT INTO connacks VALUES (${clientid}, ${username}, ${reason_code}, ${timestamp}, ${timestamp})'",
    );
    action.check().await.unwrap();
    assert_eq!(action.send(&[output(1, &connack("conn"))]).await, Outcome::Delivered);
    let row = postgres.query("SET TIME ZONE 'UTC'; SELECT * FROM connacks");
    assert_eq!(row, "conn|u_emqx|success     |2022-02-16 09:26:18.856+00|1645003578856");
}

#[tokio::test]
async fn values_become_what_the_columns_declare() {
    let schema = "CREATE SCHEMA fleet; CREATE TYPE fleet.mood AS ENUM ('well', 'ill'); CREATE DOMAIN fleet.pct AS int CHECK (VALUE <= 100);
        CREATE TABLE fleet.kinds (b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric(10, 3), t text, c char(4),
            y bytea, j json, jb jsonb, ts timestamp, d date, tm time, u uuid, ip inet, m fleet.mood, p fleet.pct, l text[], li int[])";
    let (postgres, world) = started(schema);
    let columns = "b i2 i4 i8 f4 f8 n t c y j jb ts d tm u ip m p l li".split(' ');
    let cells: Vec<String> = columns.map(|column| format!("{column} = '${{value.{column}}}'")).collect();
    let action = world.action(&format!("table = 'fleet.kinds'\ncolumns = {{ {} }}", cells.join(", ")));
    action.check().await.unwrap();
    let full = r#"{"b":true,"i2":-7,"i4":"42","i8":9007199254740993,"f4":0.5,"f8":1e300,"n":12.345,"t":{"a":1},"c":"ab",
        "y":"é","j":"{\"a\": 1}","jb":[1,null,"x"],"ts":1645003578856,"d":1645003578856,"tm":"09:26","u":"3b241101-e2bb-4255-8caf-4136c566a962",
        "ip":"192.0.2.7","m":"ill","p":99,"l":["a","b \"c\"",null],"li":[1,2]}"#;
    let batch = valued(&[full, "{}"]);
    assert_eq!(action.send(&batch).await, Outcome::Delivered);
    let rows = postgres.query("SELECT * FROM fleet.kinds ORDER BY b NULLS LAST");
    let nulls = "|".repeat(20);
    assert_eq!(
        rows,
        format!(
            "t|-7|42|9007199254740993|0.5|1e+300|12.345|{{\"a\":1}}|ab  |\\xc3a9|{{\"a\": 1}}|[1, null, \"x\"]|\
             2022-02-16 09:26:18.856|2022-02-16|09:26:00|3b241101-e2bb-4255-8caf-4136c566a962|192.0.2.7|ill|99|\
             {{a,\"b \\\"c\\\"\",NULL}}|{{1,2}}\n{nulls}"
        )
    );
}

#[tokio::test]
async fn a_poison_row_does_not_take_its_neighbours() {
    let (postgres, world) = started("CREATE TABLE t (client text, n int CHECK (n < 1000))");
    let action = world.action("sql = 'INSERT INTO t (client, n) VALUES (${clientid}, ${value})'");
    // 7 does not fit the column, which is seen before anything is sent; 2000 is refused by the server.
    let batch = valued(&["1", "\"seven\"", "3", "2000", "5", "6", "null", "8"]);
    assert_eq!(
        send_bisected(&*action, &batch).await,
        [
            "delivered",
            "rejected: `${value}`: expected int4, found the text \"seven\"",
            "delivered",
            "rejected: new row for relation \"t\" violates check constraint \"t_n_check\" (23514), \
             detail: Failing row contains (c4, 2000).",
            "delivered",
            "delivered",
            "delivered",
            "delivered",
        ]
    );
    assert_eq!(postgres.query("SELECT string_agg(client, ' ' ORDER BY client) FROM t"), "c1 c3 c5 c6 c7 c8");
}

#[tokio::test]
async fn a_row_that_does_not_fit_is_told_apart_in_one_statement() {
    let (postgres, world) = started("CREATE TABLE t (n smallint)");
    let action = world.action("table = 't'\ncolumns = { n = '${value}' }");
    let batch = valued(&["1", "70000", "3"]);
    let reason = "column `n`: expected int2, found the integer 70000".to_owned();
    let expected =
        vec![ItemOutcome::Delivered, ItemOutcome::Rejected { class: ErrorClass::Data, reason }, ItemOutcome::Delivered];
    assert_eq!(items(action.send(&batch).await, 3), expected);
    assert_eq!(postgres.query("SELECT count(DISTINCT xmin::text) || ' of ' || count(*) FROM t"), "1 of 2");
}

#[tokio::test]
async fn outputs_wait_while_the_server_is_away_and_arrive_when_it_is_back() {
    let (postgres, world) = started("CREATE TABLE t (id text PRIMARY KEY)");
    let action = world.action("sql = 'INSERT INTO t VALUES (${clientid})'");
    let (first, second) = ([output(1, &connack("a"))], [output(2, &connack("b"))]);
    assert_eq!(action.send(&first).await, Outcome::Delivered);
    postgres.stop();
    for _ in 0..2 {
        let said = words(action.send(&second).await, 1);
        assert!(said[0].starts_with("retry: "), "{said:?}");
    }
    let away = world.registry.connectors().check("there").await.unwrap().unwrap_err();
    assert!(away.message.starts_with("no connection: "), "{away}");
    postgres.start_again();
    world.registry.connectors().check("there").await.unwrap().unwrap();
    assert_eq!(action.send(&second).await, Outcome::Delivered);
    assert_eq!(postgres.query("SELECT string_agg(id, ' ' ORDER BY id) FROM t"), "a b");
}

#[tokio::test]
async fn a_restart_between_two_batches_costs_at_most_one_attempt() {
    let (postgres, world) = started("CREATE TABLE t (id text)");
    let action = world.action("sql = 'INSERT INTO t VALUES (${clientid})'");
    let batch = [output(1, &connack("a"))];
    assert_eq!(action.send(&batch).await, Outcome::Delivered);
    postgres.stop();
    postgres.start_again();
    let said = words(action.send(&batch).await, 1);
    assert!(said[0] == "delivered" || said[0].starts_with("retry: "), "{said:?}");
    if said[0] != "delivered" {
        assert_eq!(action.send(&batch).await, Outcome::Delivered);
    }
}

#[tokio::test]
async fn a_missing_table_waits_for_its_creation_and_says_so() {
    let (postgres, world) = started("SELECT 1");
    let action = world.action("sql = 'INSERT INTO late VALUES (${clientid})'");
    let batch = [output(1, &connack("a"))];
    assert_eq!(words(action.send(&batch).await, 1), ["retry: relation \"late\" does not exist (42P01)"]);
    let error = action.check().await.unwrap_err();
    assert_eq!(error.help.as_deref(), Some("create the table, or mend its name; outputs wait until then"));
    postgres.query("CREATE TABLE late (id text)");
    assert_eq!(action.send(&batch).await, Outcome::Delivered);
}

#[tokio::test]
async fn a_table_that_is_altered_is_written_as_it_is_now() {
    let (postgres, world) = started("CREATE TABLE t (v text)");
    let action = world.action("sql = 'INSERT INTO t VALUES (${value})'");
    assert_eq!(action.send(&valued(&["1645003578856"])).await, Outcome::Delivered);
    postgres.query("TRUNCATE t; ALTER TABLE t ALTER v TYPE timestamptz USING now()");
    assert_eq!(action.send(&valued(&["1645003578856"])).await, Outcome::Delivered);
    assert_eq!(postgres.query("SELECT extract(epoch FROM v) FROM t"), "1645003578.856000");
}

#[tokio::test]
async fn an_output_id_is_written_once() {
    let (postgres, world) = started("CREATE TABLE t (output_id text, client text)");
    let action = world.action("table = 't'\ncolumns = { output_id = '${output_id}', client = '${clientid}' }");
    let batch = [output(1, &connack("a")), output(2, &connack("b"))];
    let error = action.check().await.unwrap_err();
    assert!(error.message.ends_with("(42P10)") && error.help.unwrap().contains("unique index"), "{}", error.message);
    postgres.query("CREATE UNIQUE INDEX ON t (output_id)");
    action.check().await.unwrap();
    assert_eq!(action.send(&batch).await, Outcome::Delivered);
    assert_eq!(action.send(&batch).await, Outcome::Delivered);
    assert_eq!(postgres.query("SELECT count(*) FROM t"), "2");
}

#[tokio::test]
async fn an_update_of_many_is_one_transaction_in_order() {
    let (postgres, world) = started("CREATE TABLE online (id text PRIMARY KEY, n int NOT NULL, seen int DEFAULT 0)");
    let action = world.action(
        "sql = '''INSERT INTO online (id, n) VALUES ('x', ${value}) \
         ON CONFLICT (id) DO UPDATE SET n = EXCLUDED.n, seen = online.seen + 1'''",
    );
    assert_eq!(action.send(&valued(&["1", "2", "3"])).await, Outcome::Delivered);
    assert_eq!(postgres.query("SELECT * FROM online"), "x|3|2");
    let refused = action.send(&valued(&["4", "null"])).await;
    assert!(matches!(refused, Outcome::Rejected { .. }), "{refused:?}");
    assert_eq!(postgres.query("SELECT * FROM online"), "x|3|2", "a batch that is refused leaves nothing behind");
}

#[tokio::test]
async fn a_time_that_does_not_fit_its_parameter_is_found_by_the_check() {
    let (_postgres, world) = started("CREATE TABLE t (at timestamptz)");
    let action = world.action("sql = 'INSERT INTO t VALUES (to_timestamp(${timestamp} / 1000))'");
    let error = action.check().await.unwrap_err();
    assert_eq!(
        error.message,
        "`${timestamp}` is a time in ms, and the statement takes it as int4, which is too small for it"
    );
    world.action("sql = 'INSERT INTO t VALUES (to_timestamp(${timestamp}::bigint / 1000))'").check().await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_waits_and_is_told_by_the_check_without_being_shown() {
    let (postgres, _) = started("CREATE TABLE t (id text)");
    let world = World::with_connector(&format!("kind = 'postgres'\nurl = '{}'\npassword = 'hunter2'", postgres.url()));
    let error = world.registry.connectors().check("there").await.unwrap().unwrap_err();
    assert_eq!(error.message, "password authentication failed for user \"signalbox\" (28P01)");
    assert!(error.help.unwrap().contains("`password`"));
    let action = world.action("sql = 'INSERT INTO t VALUES (${clientid})'");
    let outcome = action.send(&[output(1, &connack("a"))]).await;
    assert!(matches!(&outcome, Outcome::Retry { .. }) && !format!("{outcome:?}").contains("hunter2"), "{outcome:?}");
}

#[tokio::test]
async fn a_batch_beyond_the_limit_of_parameters_arrives_whole() {
    let (postgres, world) = started("CREATE TABLE t (a text, b text, c text, d text, e text, f text, g text, h text)");
    let action = world.action(
        "sql = 'INSERT INTO t VALUES (${clientid}, ${clientid}, ${clientid}, ${clientid}, ${clientid}, ${clientid}, \
         ${clientid}, ${value})'",
    );
    let values: Vec<String> = (0..10_000).map(|n: u32| n.to_string()).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    assert_eq!(action.send(&valued(&values)).await, Outcome::Delivered);
    assert_eq!(postgres.query("SELECT count(*), count(DISTINCT xmin::text) FROM t"), "10000|1");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_after_the_limit() {
    let (postgres, _) = started("CREATE TABLE t (id text)");
    let world = World::with_connector(&format!("{}timeout_ms = 200\npool_size = 1", postgres.connector()));
    let slow = world.action("sql = 'SELECT pg_sleep(600), ${clientid}'");
    let batch = [output(1, &connack("a"))];
    let said = words(slow.send(&batch).await, 1);
    assert_eq!(said, ["retry: no connection: the statement took more than 200 ms"]);
    let quick = world.action("sql = 'INSERT INTO t VALUES (${clientid})'");
    assert_eq!(quick.send(&batch).await, Outcome::Delivered, "the only connection is free again");
}

#[test]
fn a_variable_in_quotes_is_refused_with_its_place() {
    let world = World::with_connector("kind = 'postgres'\nurl = 'postgres://me@127.0.0.1:9/db'");
    let sql = "INSERT INTO t VALUES ('${clientid}')";
    let errors = world.try_action(Via::Connector("there"), &format!("sql = \"{sql}\"")).err().unwrap();
    assert_eq!(errors[0].within, Some(23..34));
    assert!(errors[0].help.as_deref().unwrap().contains("without quotes"));
}

/// Has the server speak TLS with files of its own, as the user that it runs as.
fn give_certificate(postgres: &Postgres, authority: &Authority) {
    let signed = authority.sign();
    let dir = postgres.query("SHOW data_directory");
    for (setting, pem) in
        [("ssl_cert_file", &signed.cert_pem), ("ssl_key_file", &signed.key_pem), ("ssl_ca_file", &authority.pem)]
    {
        let file = format!("{dir}/{setting}.pem");
        postgres.query(&format!("COPY (SELECT string_to_table('{}', E'\\n')) TO '{file}'", pem.trim_end()));
        postgres.query(&format!("COPY (SELECT) TO PROGRAM 'chmod 600 {file}'"));
        postgres.query(&format!("ALTER SYSTEM SET {setting} = '{file}'"));
    }
    postgres.query("ALTER SYSTEM SET ssl = on");
    postgres.stop();
    postgres.start_again();
}

#[tokio::test]
async fn the_server_is_known_by_its_certificate_as_tls_says() {
    let (postgres, _) = started("CREATE TABLE t (client text, is_encrypted bool)");
    let (authority, stranger) = (Authority::new(), Authority::new());
    give_certificate(&postgres, &authority);
    let send = async |host: &str, options: &str| {
        let connector = postgres.connector().replace("127.0.0.1", host);
        let world = World::with_connector(&format!("{connector}{options}"));
        let action =
            world.action("sql = 'INSERT INTO t SELECT ${clientid}, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'");
        let said = words(action.send(&[output(1, &connack("a"))]).await, 1).remove(0);
        if said == "delivered" { postgres.query("DELETE FROM t RETURNING is_encrypted") } else { said }
    };
    let trusting = |mode: &str, authority: &Authority| format!("tls = '{mode}'\nca_pem = '''{}'''\n", authority.pem);
    assert_eq!(send("127.0.0.1", &trusting("verify_full", &authority)).await, "t");
    assert_eq!(send("localhost", &trusting("verify_ca", &authority)).await, "t");
    for (host, options) in [
        ("localhost", trusting("verify_full", &authority)),
        ("127.0.0.1", trusting("verify_full", &stranger)),
        ("127.0.0.1", trusting("verify_ca", &stranger)),
    ] {
        let said = send(host, &options).await;
        assert!(said.starts_with("retry: no connection: "), "{host}: {said}");
    }
    assert_eq!(send("127.0.0.1", "tls = 'require'").await, "t");
    assert_eq!(send("127.0.0.1", "tls = 'prefer'").await, "t");
    assert_eq!(send("127.0.0.1", "tls = 'disable'").await, "f");

    // From here on it asks for certificates, those of psql too.
    let dir = postgres.query("SHOW data_directory");
    let line = "hostssl all all all scram-sha-256 clientcert=verify-ca";
    postgres.query(&format!("COPY (SELECT '{line}') TO '{dir}/pg_hba.conf'"));
    postgres.stop();
    postgres.start_again();
    let (ours, trust) = (authority.sign(), trusting("verify_full", &authority));
    let check = async |options: &str| {
        let world = World::with_connector(&format!("{}{options}", postgres.connector()));
        world.registry.connectors().check("there").await.unwrap()
    };
    check(&format!("{trust}cert_pem = '''{}'''\nkey_pem = '''{}'''", ours.cert_pem, ours.key_pem)).await.unwrap();
    let error = check(&trust).await.unwrap_err();
    assert!(error.message.contains("certificate"), "{error}");
}

#[tokio::test]
async fn no_more_connections_are_open_than_the_pool_holds() {
    let (postgres, _) = started("CREATE TABLE seen (client text, open int)");
    let world = World::with_connector(&format!("{}pool_size = 2", postgres.connector()));
    let action = world.action(
        "sql = '''INSERT INTO seen SELECT ${clientid}, (SELECT count(*) FROM pg_stat_activity \
         WHERE application_name = 'signalbox') FROM pg_sleep(0.1)'''",
    );
    let batches: Vec<[Output; 1]> = (1..=6).map(|n| [output(n, &connack("a"))]).collect();
    let sent = futures_util::future::join_all(batches.iter().map(|batch| action.send(batch))).await;
    assert!(sent.iter().all(|outcome| *outcome == Outcome::Delivered), "{sent:?}");
    assert_eq!(postgres.query("SELECT count(*), max(open) FROM seen"), "6|2");
}
