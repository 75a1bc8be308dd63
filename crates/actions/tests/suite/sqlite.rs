//! `sqlite` against a real database: what stands in the table, what waits, what is refused.

use crate::support::{World, connack, output, words};
use engine::Output;
use rusqlite::Connection;
use tempfile::TempDir;

fn started(schema: &str) -> (TempDir, Connection, World) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("fleet.db");
    let connection = Connection::open(&path).expect("a database");
    connection.execute_batch(schema).expect("the schema");
    let world = World::with_connector(&format!("kind = 'sqlite'\npath = '{}'\nbusy_timeout_ms = 50", path.display()));
    (dir, connection, world)
}

fn valued(values: &[&str]) -> Vec<Output> {
    (1..).zip(values).map(|(n, value)| output(n, &format!(r#"{{"clientid":"c{n}","value":{value}}}"#))).collect()
}

/// What a query gives, as SQLite quotes it, a line for each row.
fn query(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).expect("a query");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("text")).collect()
}

#[tokio::test]
async fn the_connack_rule_stands_as_a_row() {
    let (_dir, there, world) = started("CREATE TABLE connacks (clientid, username, reason_code, at)");
    let action = world
        .action("sql = 'INSERT INTO connacks VALUES (${clientid}, ${username}, ${reason_code}, ${timestamp} / 1000)'");
    action.check().await.unwrap();
    assert_eq!(words(action.send(&[output(1, &connack("conn"))]).await, 1), ["delivered"]);
    let rows = query(&there, "SELECT concat_ws('|', clientid, username, reason_code, at) FROM connacks");
    assert_eq!(rows, ["conn|u_emqx|success|1645003578"]);
    assert_eq!(query(&there, "PRAGMA journal_mode"), ["wal"]);
}

#[tokio::test]
async fn values_keep_their_kind() {
    let (_dir, there, world) = started("CREATE TABLE t (v)");
    let action = world.action("table = 't'\ncolumns = { v = '${value}' }");
    let values = ["null", "true", "7", "1.5", r#""it's""#, "[1,\"a\"]"];
    assert_eq!(words(action.send(&valued(&values)).await, 6), ["delivered"; 6]);
    let expected = ["NULL", "1", "7", "1.5", "'it''s'", "'[1,\"a\"]'"];
    assert_eq!(query(&there, "SELECT quote(v) FROM t ORDER BY rowid"), expected);
}

#[tokio::test]
async fn a_bad_row_takes_no_other_with_it() {
    let (_dir, there, world) = started("CREATE TABLE t (clientid TEXT UNIQUE, v INTEGER CHECK (v < 10)) STRICT");
    let action = world.action("table = 't'\ncolumns = { clientid = '${clientid}', v = '${value}' }");
    let said = words(action.send(&valued(&["1", "10", "\"x\"", "2"])).await, 4);
    assert_eq!((&*said[0], &*said[3]), ("delivered", "delivered"));
    assert_eq!(said[1], "rejected: CHECK constraint failed: v < 10");
    assert_eq!(said[2], "rejected: cannot store TEXT value in INTEGER column t.v");
    assert_eq!(words(action.send(&valued(&["3"])).await, 1), ["rejected: UNIQUE constraint failed: t.clientid"]);
    assert_eq!(query(&there, "SELECT clientid || v FROM t"), ["c11", "c42"]);
}

#[tokio::test]
async fn an_output_that_comes_again_is_there_once() {
    let (_dir, there, world) = started("CREATE TABLE t (output_id TEXT PRIMARY KEY, v)");
    let action = world.action("table = 't'\ncolumns = { output_id = '${output_id}', v = '${value}' }");
    for _ in 0..2 {
        assert_eq!(words(action.send(&valued(&["1", "2"])).await, 2), ["delivered"; 2]);
    }
    assert_eq!(query(&there, "SELECT quote(v) FROM t"), ["1", "2"]);
}

#[tokio::test]
async fn any_statement_of_data_will_do() {
    let (_dir, there, world) = started("CREATE TABLE t (id TEXT PRIMARY KEY, n)");
    let upsert = world.action(
        "sql = 'INSERT INTO t VALUES (${clientid}, ${value}) ON CONFLICT (id) DO UPDATE SET n = n + excluded.n RETURNING n'",
    );
    let replace = world.action("sql = 'INSERT OR REPLACE INTO t VALUES (${clientid}, ${value})'");
    let delete = world.action("sql = 'DELETE FROM t WHERE id = ${clientid} AND n > ${value}'");
    upsert.send(&valued(&["1", "1"])).await;
    assert_eq!(words(upsert.send(&valued(&["4", "7"])).await, 2), ["delivered"; 2]);
    assert_eq!(query(&there, "SELECT id || n FROM t ORDER BY id"), ["c15", "c28"]);
    assert_eq!(words(replace.send(&valued(&["0"])).await, 1), ["delivered"]);
    assert_eq!(words(delete.send(&valued(&["0", "0"])).await, 2), ["delivered"; 2]);
    assert_eq!(query(&there, "SELECT id || n FROM t"), ["c10"]);
}

#[tokio::test]
async fn while_another_writes_outputs_wait_and_nothing_of_them_is_there() {
    let (_dir, there, world) = started("CREATE TABLE t (v)");
    let action = world.action("table = 't'\ncolumns = { v = '${value}' }");
    there.execute_batch("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; INSERT INTO t VALUES (0)").unwrap();
    assert_eq!(words(action.send(&valued(&["1", "2"])).await, 2), ["retry: database is locked"; 2]);
    there.execute_batch("ROLLBACK").unwrap();
    assert_eq!(words(action.send(&valued(&["1", "2"])).await, 2), ["delivered"; 2]);
    assert_eq!(query(&there, "SELECT quote(v) FROM t"), ["1", "2"]);
}

#[tokio::test]
async fn what_an_administrator_can_mend_waits_and_what_nobody_can_is_rejected() {
    let (dir, there, world) = started("");
    let action = world.action("table = 't'\ncolumns = { v = '${value}' }");
    assert_eq!(words(action.send(&valued(&["1"])).await, 1), ["retry: no such table: t"]);
    let error = action.check().await.unwrap_err();
    assert_eq!((&*error.message, error.help.is_some()), ("no such table: t", true));
    there.execute_batch("CREATE TABLE t (w)").unwrap();
    assert_eq!(words(action.send(&valued(&["1"])).await, 1), ["rejected: table t has no column named v"]);
    assert_eq!(action.check().await.unwrap_err().message, "table t has no column named v");
    there.execute_batch("ALTER TABLE t RENAME COLUMN w TO v").unwrap();
    assert_eq!(words(action.send(&valued(&["1"])).await, 1), ["delivered"]);
    action.check().await.unwrap();

    drop(there);
    std::fs::remove_file(dir.path().join("fleet.db")).unwrap();
    let said = words(action.send(&valued(&["1"])).await, 1);
    assert!(said[0].starts_with("retry: no connection: unable to open database file"), "{said:?}");
}

#[tokio::test]
async fn a_file_that_is_no_database_waits_for_one() {
    let (dir, there, world) = started("CREATE TABLE t (v)");
    let action = world.action("table = 't'\ncolumns = { v = '${value}' }");
    drop(there);
    let (path, real) = (dir.path().join("fleet.db"), dir.path().join("real.db"));
    std::fs::rename(&path, &real).unwrap();
    std::fs::write(&path, "no database, and longer than its header is, ".repeat(9)).unwrap();
    assert_eq!(words(action.send(&valued(&["1"])).await, 1), ["retry: file is not a database"]);
    assert_eq!(action.check().await.unwrap_err().message, "file is not a database");
    std::fs::rename(&real, &path).unwrap();
    assert_eq!(words(action.send(&valued(&["1"])).await, 1), ["delivered"]);
}

#[tokio::test]
async fn a_database_that_was_put_in_the_place_of_another_gets_the_rows() {
    let (dir, there, world) = started("CREATE TABLE t (v)");
    let action = world.action("table = 't'\ncolumns = { v = '${value}' }");
    action.send(&valued(&["1"])).await;
    let backup = dir.path().join("backup.db");
    Connection::open(&backup).unwrap().execute_batch("CREATE TABLE t (v)").unwrap();
    drop(there);
    for file in ["fleet.db", "fleet.db-wal", "fleet.db-shm"] {
        std::fs::rename(dir.path().join(file), dir.path().join(format!("old-{file}"))).unwrap();
    }
    std::fs::rename(&backup, dir.path().join("fleet.db")).unwrap();
    assert_eq!(words(action.send(&valued(&["2"])).await, 1), ["delivered"]);
    let there = Connection::open(dir.path().join("fleet.db")).unwrap();
    assert_eq!(query(&there, "SELECT quote(v) FROM t"), ["2"]);
}

#[test]
fn what_is_no_statement_of_data_is_refused_when_the_action_is_built() {
    let (_dir, _there, world) = started("");
    for (options, message) in [
        ("sql = 'DROP TABLE t'", "`sql`: expected INSERT, UPDATE, DELETE or SELECT"),
        ("sql = \"INSERT INTO t VALUES ('${value}')\"", "`sql`: a variable stands inside quotes"),
        ("sql = 'INSERT INTO t VALUES (?)'", "`sql`: `?` has no value"),
        ("table = 't'", "`table` needs `columns`"),
        ("", "neither `sql` nor `table` is there"),
    ] {
        let errors = world.try_action(engine::Via::Connector("there"), options).err().unwrap();
        assert!(errors[0].message.starts_with(message), "{options}: {errors:?}");
    }
}
