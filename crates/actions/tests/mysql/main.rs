//! `mysql` against a real MariaDB: what stands in the table, what waits, what is refused.

#[cfg(test)]
#[path = "../support/disturbance.rs"]
mod disturbance;
#[cfg(test)]
#[path = "../support/mariadb.rs"]
mod server;
#[cfg(test)]
#[expect(dead_code, reason = "every target of tests uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

use std::fs;

use disturbance::{first_seen, numbered, send_while};
use engine::{Action, ErrorClass, ItemOutcome, Output};
use server::Mariadb;
use support::authority::Authority;
use support::{World, connack, items, output, send_bisected, words};

fn started(schema: &str) -> (Mariadb, World) {
    let mariadb = Mariadb::start(schema, &[]);
    let world = World::with_connector(&mariadb.connector());
    (mariadb, world)
}

/// One output for each value, in the field `value`.
fn valued(values: &[&str]) -> Vec<Output> {
    (1..).zip(values).map(|(n, value)| output(n, &format!(r#"{{"clientid":"c{n}","value":{value}}}"#))).collect()
}

async fn said(action: &dyn Action, batch: &[Output]) -> Vec<String> {
    words(action.send(batch).await, batch.len())
}

#[tokio::test]
async fn the_connack_rule_stands_as_a_row() {
    let (mariadb, world) = started(
        "CREATE TABLE connacks (output_id char(32) PRIMARY KEY, clientid text, reason_code varchar(40), at datetime(3), ms bigint)",
    );
    let action = world.action(
        "table = 'connacks'\ncolumns = { output_id = '${output_id}', clientid = '${clientid}', \
         reason_code = '${reason_code}', at = '${timestamp}', ms = '${timestamp}' }",
    );
    action.prepare().await.unwrap();
    // An output that is sent again stands there once.
    for _ in 0..2 {
        assert_eq!(said(&*action, &[output(1, &connack("conn")), output(2, &connack("b"))]).await, ["delivered"; 2]);
    }
    let rows = mariadb.query("SELECT clientid, reason_code, at, ms FROM connacks ORDER BY clientid DESC");
    assert_eq!(rows.lines().next(), Some("conn\tsuccess\t2022-02-16 09:26:18.856\t1645003578856"));
    assert_eq!(rows.lines().count(), 2);
}

#[tokio::test]
async fn values_become_what_the_columns_want() {
    let (mariadb, world) = started(
        "CREATE TABLE kinds (b bool, i tinyint, f double, n decimal(30, 3), t text, y blob, j json, ts timestamp(3) NULL, d date, \
         tm time(3), u bigint unsigned)",
    );
    let columns = "b i f n t y j ts d tm u".split(' ');
    let cells: Vec<String> = columns.map(|column| format!("{column} = '${{value.{column}}}'")).collect();
    let action = world.action(&format!("table = 'kinds'\ncolumns = {{ {} }}", cells.join(", ")));
    action.check().await.unwrap();
    let full = r#"{"b":true,"i":-7,"f":1e300,"n":12345678901234567890.125,"t":{"a":[1,null]},"y":"é","j":[1,null,"x"],
        "ts":1645003578856,"d":1645003578856,"tm":1645003578856,"u":"18446744073709551615"}"#;
    assert_eq!(said(&*action, &valued(&[full, "{}"])).await, ["delivered"; 2]);
    assert_eq!(
        mariadb.query(
            "SET time_zone = '+00:00'; SELECT b, i, f, n, t, HEX(y), j, ts, d, tm, u FROM kinds ORDER BY b DESC"
        ),
        format!(
            "1\t-7\t1e300\t12345678901234567000.000\t{{\"a\":[1,null]}}\tC3A9\t[1,null,\"x\"]\t2022-02-16 09:26:18.856\t2022-02-16\t\
             09:26:18.856\t18446744073709551615\n{}",
            ["NULL"; 11].join("\t")
        )
    );
    // A statement of one's own says itself what a number is.
    mariadb.query("CREATE TABLE own (at timestamp(3), t text)");
    let action =
        world.action("sql = \"INSERT INTO own VALUES (FROM_UNIXTIME(${value} / 1000), 'is: ' || ${clientid})\"");
    action.check().await.unwrap();
    assert_eq!(said(&*action, &valued(&["1645003578856"])).await, ["delivered"]);
    assert_eq!(mariadb.query("SELECT UNIX_TIMESTAMP(at), t FROM own"), "1645003578.856\tis: c1");
}

#[tokio::test]
async fn a_poison_row_does_not_take_its_neighbours() {
    let (mariadb, world) = started("CREATE TABLE t (client varchar(20), n int CHECK (n < 1000))");
    let action = world.action("sql = 'INSERT INTO t (client, n) VALUES (${clientid}, ${value})'");
    let batch = valued(&["1", "\"seven\"", "3", "2000", "5", "6", "null", "8"]);
    let said = send_bisected(&*action, &batch).await;
    assert_eq!(
        said,
        [
            "delivered",
            "rejected: Incorrect integer value: 'seven' for column `fleet`.`t`.`n` at row 1 (1366, 22007)",
            "delivered",
            "rejected: CONSTRAINT `t.n` failed for `fleet`.`t` (4025, 23000)",
            "delivered",
            "delivered",
            "delivered",
            "delivered",
        ]
    );
    assert_eq!(mariadb.query("SELECT GROUP_CONCAT(client ORDER BY client) FROM t"), "c1,c3,c5,c6,c7,c8");
    let [ItemOutcome::Rejected { class, .. }] = &*items(action.send(&batch[3..4]).await, 1) else { panic!() };
    assert_eq!(*class, ErrorClass::Constraint);
}

#[tokio::test]
async fn nothing_is_lost_or_overtaken_when_the_server_is_killed() {
    let mut mariadb = Mariadb::absent(&[]);
    let world = World::with_connector(&mariadb.connector());
    let action =
        world.action("table = 't'\ncolumns = { output_id = '${output_id}', client = '${clientid}', n = '${value}' }");
    // It is not there at the start.
    let waits = said(&*action, &numbered("a", 0..1)).await;
    assert_eq!(waits, ["retry: no connection: Connection refused (os error 111)"]);
    assert_eq!(action.check().await.unwrap_err().message, "no connection: Connection refused (os error 111)");
    mariadb.start_again();
    // The numbers of both clients have the same identifiers, so the identifier is that of the client, too.
    mariadb.query("CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, output_id char(32), client char(1), n int, UNIQUE (output_id, client))");
    let sent = send_while(&*action, move |progress| {
        for batches in [3, 2, 4] {
            (0..batches).for_each(|_| progress.recv().unwrap());
            mariadb.kill();
            mariadb.start_again();
        }
        (0..2).for_each(|_| progress.recv().unwrap());
        for client in ["a", "b"] {
            let all = mariadb.query(&format!("SELECT n FROM t WHERE client = '{client}' ORDER BY id"));
            let seen = first_seen(all.lines());
            assert!(seen.len() >= 220, "{client}: {}", seen.len());
            assert_eq!(seen.len(), all.lines().count(), "each stands there once");
            assert!(seen.iter().copied().eq(0..u32::try_from(seen.len()).unwrap()), "{client}: {seen:?}");
        }
    })
    .await;
    assert!(sent >= 220, "{sent}");
}

#[tokio::test]
async fn another_unique_key_does_not_pass_for_the_same_output() {
    let (mariadb, world) = started("CREATE TABLE t (output_id char(32) PRIMARY KEY, n int UNIQUE)");
    let action = world.action("table = 't'\ncolumns = { output_id = '${output_id}', n = '${value}' }");
    assert_eq!(said(&*action, &valued(&["1"])).await, ["delivered"]);
    let batch = valued(&["1", "1", "3"]);
    let refused = "rejected: a unique key other than that of `output_id` is there already (1242, 21000)";
    assert_eq!(send_bisected(&*action, &batch).await, ["delivered", refused, "delivered"]);
    assert_eq!(mariadb.query("SELECT GROUP_CONCAT(n ORDER BY n) FROM t"), "1,3");
}

#[tokio::test]
async fn what_an_administrator_mends_waits_and_the_test_says_what_to_do() {
    let (mariadb, world) = started("SELECT 1");
    let action = world.action("table = 'late'\ncolumns = { output_id = '${output_id}', n = '${value}' }");
    let missing = "Table 'fleet.late' doesn't exist (1146, 42S02)";
    assert_eq!(said(&*action, &valued(&["1"])).await, [format!("retry: {missing}")]);
    let error = action.prepare().await.unwrap_err();
    assert_eq!(
        (&*error.message, error.help.as_deref().unwrap()),
        (missing, "create the table, or mend its name; outputs wait until then")
    );
    mariadb.query("CREATE TABLE late (output_id char(32), m int)");
    let error = action.prepare().await.unwrap_err();
    assert_eq!(error.help.as_deref(), Some("add the column to the table, or mend its name"), "{error}");
    mariadb.query("ALTER TABLE late RENAME COLUMN m TO n");
    let error = action.prepare().await.unwrap_err();
    assert_eq!(error.message, "the column `output_id` of `late` has no unique index");
    mariadb.query("CREATE UNIQUE INDEX once ON late (output_id)");
    action.prepare().await.unwrap();
    assert_eq!(said(&*action, &valued(&["1"])).await, ["delivered"]);
    // A table that is altered is written as it is now.
    mariadb.query("ALTER TABLE late DROP n, ADD n datetime(3)");
    assert_eq!(
        send_bisected(&*action, &valued(&["1", "1645003578856"])[1..]).await,
        ["rejected: Incorrect datetime value: \
        '1645003578856' for column `fleet`.`late`.`n` at row 1 (1292, 22007)"]
    );
    assert_eq!(said(&*action, &valued(&["1", "1645003578856"])[1..]).await, ["delivered"]);
    let world = World::with_connector(&mariadb.connector().replace(Mariadb::PASSWORD, "hunter2"));
    let action = world.action("sql = 'INSERT INTO late VALUES (${clientid}, NULL)'");
    let error = action.check().await.unwrap_err();
    assert!(error.message.starts_with("Access denied for user 'signalbox'@'127.0.0.1'"), "{error}");
    assert!(error.help.unwrap().contains("`password`"));
    let [ItemOutcome::Retry { class, reason, .. }] = &*items(action.send(&valued(&["1"])).await, 1) else { panic!() };
    assert!(*class == ErrorClass::Unauthorized && !reason.contains("hunter2"), "{reason}");
}

#[tokio::test]
async fn an_update_of_many_is_one_transaction_in_order() {
    let (mariadb, world) = started("CREATE TABLE online (id char(8) PRIMARY KEY, n int NOT NULL, seen int DEFAULT 0)");
    let action = world.action(
        "sql = '''INSERT INTO online (id, n) VALUES ('x', ${value}) ON DUPLICATE KEY UPDATE n = VALUES(n), seen = seen + 1'''",
    );
    assert_eq!(said(&*action, &valued(&["1", "2", "3"])).await, ["delivered"; 3]);
    assert_eq!(mariadb.query("SELECT * FROM online"), "x\t3\t2");
    let action = world.action("sql = \"UPDATE online SET n = ${value} WHERE id = 'x'\"");
    assert_eq!(said(&*action, &valued(&["4", "5"])).await, ["delivered"; 2]);
    assert!(said(&*action, &valued(&["6", "null"])).await[0].starts_with("rejected: Column 'n' cannot be null (1048"));
    assert_eq!(mariadb.query("SELECT n FROM online"), "5", "a batch that is refused leaves nothing behind");
}

#[tokio::test]
async fn what_is_larger_than_a_packet_is_divided_and_a_row_that_is_larger_refused() {
    let mariadb = Mariadb::start("CREATE TABLE t (v longtext)", &["--max-allowed-packet=1M"]);
    let world = World::with_connector(&mariadb.connector());
    let action = world.action("sql = 'INSERT INTO t VALUES (${value})'");
    let half = format!("\"{}\"", "x".repeat(500_000));
    let double = format!("\"{}\"", "x".repeat(2_000_000));
    let said = said(&*action, &valued(&[&half, &half, &double, &half])).await;
    let refused = "rejected: expected a row of at most 1048576 bytes (`max_allowed_packet`), found 2000012";
    assert_eq!(said, ["delivered", "delivered", refused, "delivered"]);
    assert_eq!(mariadb.query("SELECT COUNT(*), SUM(LENGTH(v)) FROM t"), "3\t1500000");
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up_and_the_connection_with_it() {
    let mariadb = Mariadb::start("CREATE TABLE t (id text)", &[]);
    let world = World::with_connector(&format!("{}timeout_ms = 300\npool_size = 1", mariadb.connector()));
    let slow = world.action("sql = 'SELECT SLEEP(600), ${clientid}'");
    let waits = said(&*slow, &numbered("a", 0..1)).await;
    assert_eq!(waits, ["retry: no connection: the statement took more than 300 ms"]);
    let quick = world.action("sql = 'INSERT INTO t VALUES (${clientid})'");
    assert_eq!(said(&*quick, &numbered("a", 0..1)).await, ["delivered"], "the only connection is free again");
}

#[tokio::test]
async fn the_server_is_known_by_its_certificate() {
    let (authority, stranger, pki) = (Authority::new(), Authority::new(), tempfile::tempdir().unwrap());
    let server = authority.sign();
    let setting = |name: &str, text: &str| {
        let path = pki.path().join(name);
        fs::write(&path, text).unwrap();
        format!("--ssl-{name}={}", path.display())
    };
    let settings = [setting("ca", &authority.pem), setting("cert", &server.cert_pem), setting("key", &server.key_pem)];
    let mariadb = Mariadb::start("CREATE TABLE t (c text)", &settings.each_ref().map(String::as_str));
    let check = async |tls: &str, ca: &str, host: &str| {
        let connector = mariadb.connector().replace("127.0.0.1", host);
        let world = World::with_connector(&format!("{connector}tls = '{tls}'\nca_pem = '''{ca}'''"));
        world.action("sql = \"INSERT INTO t SELECT ${clientid}\"").check().await
    };
    check("verify_full", &authority.pem, "127.0.0.1").await.unwrap();
    check("verify_ca", &authority.pem, "localhost").await.unwrap();
    let error = check("verify_full", &authority.pem, "localhost").await.unwrap_err();
    assert!(error.message.starts_with("no connection: "), "another name: {error}");
    let error = check("verify_ca", &stranger.pem, "127.0.0.1").await.unwrap_err();
    assert!(error.message.starts_with("no connection: "), "another authority: {error}");
    check("require", &stranger.pem, "127.0.0.1").await.unwrap();
}
