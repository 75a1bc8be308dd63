//! `redis` against a real server: what is executed there, what waits, what is refused.

#[cfg(test)]
#[path = "../support/disturbance.rs"]
mod disturbance;
#[cfg(test)]
#[path = "../support/redis.rs"]
mod server;
#[cfg(test)]
#[expect(dead_code, reason = "every target of tests uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

use std::fs;

use disturbance::{first_seen, numbered, send_while};
use engine::{Action, ErrorClass, ItemOutcome, Output};
use server::Redis;
use support::authority::Authority;
use support::{World, connack, items, output, words};
use tokio::net::TcpListener;

fn started() -> (Redis, World) {
    let redis = Redis::start(&[]);
    let world = World::with_connector(&redis.connector());
    (redis, world)
}

async fn said(action: &dyn Action, batch: &[Output]) -> Vec<String> {
    words(action.send(batch).await, batch.len())
}

#[tokio::test]
async fn the_connack_rule_stands_in_a_hash() {
    let (redis, world) = started();
    let action = world.action(
        "command = [['HSET', 'device:${clientid}', 'last', '${timestamp}', 'why', '${reason_code}'], \
         ['EXPIRE', 'device:${clientid}', 3600]]",
    );
    action.prepare().await.unwrap();
    assert_eq!(said(&*action, &[output(1, &connack("pump 17")), output(2, &connack("b"))]).await, ["delivered"; 2]);
    assert_eq!(redis.query(&["HGETALL", "device:pump 17"]), "last\n1645003578856\nwhy\nsuccess");
    let ttl: u32 = redis.query(&["TTL", "device:b"]).parse().unwrap();
    assert!((3_500..=3_600).contains(&ttl), "{ttl}");
}

#[tokio::test]
async fn values_stay_one_argument_and_a_stream_keeps_the_order() {
    let (redis, world) = started();
    let action =
        world.action("command = ['XADD', 'log', 'MAXLEN', '~', 10000, '*', 'id', '${output_id}', 'v', '${value}']");
    let mut batch = numbered("a", 0..500);
    batch.push(output(9_999, r#"{"value":{"a b":["\r\nFLUSHALL\r\n",null]}}"#));
    assert_eq!(said(&*action, &batch).await, vec!["delivered"; 501]);
    let all = redis.query(&["XRANGE", "log", "-", "+"]);
    let values: Vec<&str> = all.lines().skip(4).step_by(5).collect();
    let mut expected: Vec<String> = (0..500).map(|n: u32| n.to_string()).collect();
    expected.push(r#"{"a b":["\r\nFLUSHALL\r\n",null]}"#.to_owned());
    assert_eq!(values, expected);
    assert!(all.contains(&batch[7].output_id().to_string()));
}

#[tokio::test]
async fn a_poison_output_does_not_take_its_neighbours() {
    let (redis, world) = started();
    redis.query(&["SET", "list:b", "is no list"]);
    let action = world.action("command = ['RPUSH', 'list:${clientid}', '${value}']");
    let batch = ["a", "b", "c"].map(|client| output(1, &format!(r#"{{"clientid":"{client}","value":1}}"#)));
    let wrong_type = "rejected: `RPUSH`: WRONGTYPE Operation against a key holding the wrong kind of value";
    assert_eq!(said(&*action, &batch).await, ["delivered", wrong_type, "delivered"]);
    let unsendable = output(2, r#"{"clientid":"a"}"#);
    assert_eq!(
        said(&*action, &[unsendable, output(3, r#"{"clientid":"a","value":2}"#)]).await,
        ["rejected: command: `${value}` is NULL; `${value:-...}` would give it a default", "delivered"]
    );
    // The server takes this one not even into the transaction, and discards it; the others go in another one.
    let action = world.action("command = ['ZADD', 'z', '${value}']");
    let spread = |n: u32, members: &str| output(n, &format!(r#"{{"value":["map_to_redis_hset_args",{members}]}}"#));
    let batch = [spread(1, r#""1","x""#), spread(2, r#""2""#), spread(3, r#""3","y""#)];
    let arity = "rejected: `ZADD`: ERR wrong number of arguments for 'zadd' command";
    assert_eq!(said(&*action, &batch).await, ["delivered", arity, "delivered"]);
    assert_eq!(redis.query(&["LRANGE", "list:a", "0", "-1"]), "1\n2");
    assert_eq!(redis.query(&["ZRANGE", "z", "0", "-1"]), "x\ny");
}

#[tokio::test]
async fn nothing_is_lost_or_overtaken_when_the_server_is_killed() {
    let mut redis = Redis::absent(&[]);
    let world = World::with_connector(&redis.connector());
    let action = world.action("command = ['RPUSH', 'of:${clientid}', '${value}']");
    // It is not there at the start.
    let waits = said(&*action, &numbered("a", 0..1)).await;
    assert_eq!(waits, ["retry: no connection: Connection refused (os error 111)"]);
    assert_eq!(action.check().await.unwrap_err().message, "no connection: Connection refused (os error 111)");
    redis.start_again();
    let sent = send_while(&*action, move |progress| {
        for batches in [3, 2, 1, 4] {
            (0..batches).for_each(|_| progress.recv().unwrap());
            redis.kill();
            redis.start_again();
        }
        (0..2).for_each(|_| progress.recv().unwrap());
        for client in ["of:a", "of:b"] {
            let all = redis.query(&["LRANGE", client, "0", "-1"]);
            let seen = first_seen(all.lines());
            assert!(seen.len() >= 240, "{client}: {}", seen.len());
            assert!(seen.iter().copied().eq(0..u32::try_from(seen.len()).unwrap()), "{client}: {seen:?}");
        }
    })
    .await;
    assert!(sent >= 240, "{sent}");
}

#[tokio::test]
async fn a_server_that_is_full_or_a_replica_is_waited_for() {
    let redis = Redis::start(&["--maxmemory", "3mb"]);
    let world = World::with_connector(&redis.connector());
    let action = world.action("command = ['RPUSH', 'of:${clientid}', '${value}']");
    redis.query(&["CONFIG", "SET", "maxmemory", "1"]);
    let batch = numbered("a", 0..2);
    for item in items(action.send(&batch).await, 2) {
        let ItemOutcome::Retry { class, reason, .. } = item else { panic!("{item:?}") };
        assert_eq!(class, ErrorClass::Unavailable);
        assert!(reason.starts_with("`RPUSH`: OOM "), "{reason}");
    }
    redis.query(&["CONFIG", "SET", "maxmemory", "0"]);
    redis.query(&["REPLICAOF", "127.0.0.1", "9"]);
    let waits = said(&*action, &batch).await;
    assert_eq!(waits, ["retry: `RPUSH`: READONLY You can't write against a read only replica."; 2]);
    redis.query(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(said(&*action, &batch).await, ["delivered"; 2]);
    assert_eq!(redis.query(&["LRANGE", "of:a", "0", "-1"]), "0\n1");
}

#[tokio::test]
async fn who_is_not_let_in_waits_and_the_test_says_what_to_do() {
    let redis = Redis::start(&[]);
    for connector in [
        redis.connector().replace(Redis::PASSWORD, "wrong"),
        format!("{}username = 'nobody'", redis.connector()),
        format!("kind = 'redis'\nurl = 'redis://127.0.0.1:{}'", redis.port()),
    ] {
        let world = World::with_connector(&connector);
        let action = world.action("command = ['SET', 'k', '${clientid}']");
        let error = action.check().await.unwrap_err();
        assert!(error.help.as_deref().is_some_and(|help| help.contains("`password`")), "{error:?}");
        let [ItemOutcome::Retry { class, reason, .. }] = &*items(action.send(&numbered("a", 0..1)).await, 1) else {
            panic!("{connector}")
        };
        assert_eq!(*class, ErrorClass::Unauthorized, "{reason}");
        assert!(!reason.contains("wrong\n") && !reason.contains(Redis::PASSWORD), "{reason}");
    }
}

#[tokio::test]
async fn a_user_who_may_not_begin_a_transaction_executes_command_by_command() {
    let redis = Redis::start(&[]);
    let connector = redis.connector().replace(Redis::PASSWORD, "narrow");
    let world = World::with_connector(&format!("{connector}username = 'narrow'"));
    let action = world.action("command = ['RPUSH', '${clientid}', '${value}']");
    let batch = ["device:a", "office:a", "device:a"].map(|client| numbered(client, 0..1).remove(0));
    let refused = "rejected: `RPUSH`: NOPERM this user has no permissions to access one of the keys used as arguments";
    assert_eq!(said(&*action, &batch).await, ["delivered", refused, "delivered"]);
    assert_eq!(redis.query(&["LRANGE", "device:a", "0", "-1"]), "0\n0");
}

#[tokio::test]
async fn the_server_is_asked_for_the_command_when_the_rule_is_taken_up() {
    let (_redis, world) = started();
    for (command, message) in [
        ("['HSTE', 'k', 'f', 'v']", "`command`: the server knows no `HSTE`"),
        ("['HSET', 'k']", "`command`: `HSET` takes at least 3 arguments, found 1"),
        ("['EXISTS']", "`command`: `EXISTS` takes at least 1 arguments, found 0"),
        ("['GET', 'k', 'v']", "`command`: `GET` takes exactly 1 arguments, found 2"),
    ] {
        let action = world.action(&format!("command = {command}"));
        assert_eq!(action.prepare().await.unwrap_err().message, message);
    }
}

/// The example of the reference.
#[tokio::test]
async fn with_a_script_an_output_counts_once() {
    let (redis, world) = started();
    let script =
        "if redis.call('SET', KEYS[1], 1, 'NX', 'EX', 86400) then redis.call('HINCRBY', KEYS[2], ARGV[1], 1) end";
    let action = world
        .action(&format!("command = ['EVAL', \"{script}\", 2, 'seen:${{output_id}}', 'connacks', '${{reason_code}}']"));
    let batch = [output(1, &connack("a")), output(2, &connack("b"))];
    assert_eq!(said(&*action, &batch).await, ["delivered"; 2]);
    assert_eq!(said(&*action, &batch).await, ["delivered"; 2]);
    assert_eq!(redis.query(&["HGETALL", "connacks"]), "success\n2");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let world = World::with_connector(&format!(
        "kind = 'redis'\nurl = 'redis://127.0.0.1:{port}'\nconnect_timeout_ms = 100\ntimeout_ms = 100"
    ));
    let action = world.action("command = ['SET', 'k', '${clientid}']");
    assert_eq!(said(&*action, &numbered("a", 0..1)).await, ["retry: no connection: no answer within 100 ms"]);
    let (redis, _) = started();
    let world = World::with_connector(&format!("{}timeout_ms = 200", redis.connector()));
    let action = world.action("command = ['SET', 'k', '${clientid}']");
    redis.query(&["CLIENT", "PAUSE", "600000", "WRITE"]);
    assert_eq!(said(&*action, &numbered("a", 0..1)).await, ["retry: no answer within 200 ms"]);
    redis.query(&["CLIENT", "UNPAUSE"]);
    assert_eq!(said(&*action, &numbered("a", 0..1)).await, ["delivered"]);
}

#[tokio::test]
async fn the_server_is_known_by_its_certificate_and_knows_ours() {
    let authority = Authority::new();
    let (server, client, pki) = (authority.sign(), authority.sign(), tempfile::tempdir().unwrap());
    let file = |name: &str, text: &str| {
        let path = pki.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (ca, cert, key) =
        (file("ca.pem", &authority.pem), file("cert.pem", &server.cert_pem), file("key.pem", &server.key_pem));
    let tls_port = Redis::absent(&[]).port().to_string();
    let _redis = Redis::start(&[
        "--tls-port",
        &tls_port,
        "--tls-ca-cert-file",
        &ca,
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        &key,
    ]);
    let send = async |tls: &str| {
        let connector =
            format!("kind = 'redis'\nurl = 'rediss://127.0.0.1:{tls_port}/3'\npassword = '{}'\n{tls}", Redis::PASSWORD);
        let action = World::with_connector(&connector).action("command = ['SET', 'k', '${clientid}']");
        said(&*action, &numbered("a", 0..1)).await.remove(0)
    };
    let trust = format!("ca_pem = '''{}'''\n", authority.pem);
    let ours = format!("cert_pem = '''{}'''\nkey_pem = '''{}'''", client.cert_pem, client.key_pem);
    assert_eq!(send(&format!("{trust}{ours}")).await, "delivered");
    let stranger = send(&ours).await;
    assert!(stranger.starts_with("retry: no connection: ") && stranger.contains("UnknownIssuer"), "{stranger}");
    let unknown = send(&trust).await;
    assert!(unknown.starts_with("retry: "), "without a certificate of ours: {unknown}");
}
