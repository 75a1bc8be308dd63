//! `http` against a real server: what arrives, what waits, what is refused.

use std::time::Duration;

use crate::support::http_server::{HttpServer, Reply};
use crate::support::{World, connack, items, output, words};
use engine::{ErrorClass, ItemOutcome, Outcome};

#[tokio::test]
async fn the_row_is_posted_as_json() {
    let server = HttpServer::start().await;
    let world = World::with_connector(&format!(
        "{}headers = {{ authorization = 'Bearer t0ken', x-site = 'a' }}",
        server.connector()
    ));
    let action = world.action("path = '/connack/${clientid}?why=${reason_code}'\nheaders = { x-site = 'b' }");
    let batch = [output(1, &connack("conn/1"))];
    assert_eq!(words(action.send(&batch).await, 1), ["delivered"]);
    let [request] = &*server.received() else { panic!("one request") };
    assert_eq!((request.method.as_str(), &*request.uri.to_string()), ("POST", "/mqtt/connack/conn%2F1?why=success"));
    assert_eq!(request.body, connack("conn/1"));
    for (name, value) in [
        ("content-type", "application/json"),
        ("authorization", "Bearer t0ken"),
        ("x-site", "b"),
        ("idempotency-key", &*batch[0].output_id().to_string()),
    ] {
        let sent: Vec<&str> = request.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(sent, [value], "{name}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_well_is_tried_again_later() {
    let server = HttpServer::start().await;
    let world = World::with_connector(&server.connector());
    let action = world.action("");
    let batch = [output(1, &connack("conn"))];
    server.reply([
        Reply::Answer(500, vec![], "out of order"),
        Reply::Answer(503, vec![("retry-after", "7")], ""),
        Reply::Answer(429, vec![], "slow down"),
        Reply::Close,
    ]);
    let later = |class: ErrorClass, reason: &str, after_s: Option<u64>| {
        let after = after_s.map(Duration::from_secs);
        vec![ItemOutcome::Retry { class, reason: reason.to_owned(), after }]
    };
    let (unavailable, throttled) = (ErrorClass::Unavailable, ErrorClass::Throttled);
    assert_eq!(items(action.send(&batch).await, 1), later(unavailable, "answered 500: out of order", None));
    assert_eq!(items(action.send(&batch).await, 1), later(unavailable, "answered 503", Some(7)));
    assert_eq!(items(action.send(&batch).await, 1), later(throttled, "answered 429: slow down", None));
    let closed = words(action.send(&batch).await, 1);
    assert!(closed[0].starts_with("retry: connection lost"), "{closed:?}");
    assert_eq!(words(action.send(&batch).await, 1), ["delivered"]);
    assert_eq!(server.received().len(), 5);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_tried_again_later() {
    let server = HttpServer::start().await;
    let world = World::with_connector(&format!("kind = 'http'\nurl = '{}'\ntimeout_ms = 50", server.url()));
    server.reply([Reply::Silence]);
    let outcome = words(world.action("").send(&[output(1, &connack("conn"))]).await, 1);
    assert!(outcome[0].starts_with("retry: timed out"), "{outcome:?}");
}

#[tokio::test]
async fn what_the_server_refuses_is_rejected_with_its_words() {
    let server = HttpServer::start().await;
    let world = World::with_connector(&server.connector());
    let action = world.action("headers = { x-client = '${clientid}' }");
    server.reply([
        Reply::Answer(422, vec![], "no such\ndevice"),
        Reply::Answer(302, vec![("location", "http://127.0.0.1:1/elsewhere")], ""),
    ]);
    let one = |clientid: &str| [output(1, &connack(clientid))];
    assert_eq!(words(action.send(&one("a")).await, 1), ["rejected: answered 422: no such device"]);
    assert_eq!(
        words(action.send(&one("a")).await, 1),
        ["rejected: answered 302, redirected to `http://127.0.0.1:1/elsewhere`, not followed"]
    );
    let injected = words(action.send(&one("a\\r\\nx-admin: yes")).await, 1);
    assert!(injected[0].starts_with("rejected: header `x-client`: expected text without line breaks"), "{injected:?}");
    assert_eq!(server.received().len(), 2, "what would inject a header is not sent");
}

#[tokio::test]
async fn outputs_wait_while_the_server_is_away_and_arrive_when_it_is_back() {
    let mut server = HttpServer::start().await;
    let world = World::with_connector(&server.connector());
    let action = world.action("");
    let batch = [output(1, &connack("a")), output(2, &connack("b"))];
    assert_eq!(words(action.send(&batch).await, 2), ["delivered", "delivered"]);
    server.stop().await;
    for word in words(action.send(&batch).await, 2) {
        assert!(word.starts_with("retry: no connection"), "{word}");
    }
    let away = action.check().await.unwrap_err();
    assert!(away.message.starts_with("no connection"), "{away}");
    server.start_again().await;
    action.check().await.unwrap();
    assert_eq!(words(action.send(&batch).await, 2), ["delivered", "delivered"]);
    assert_eq!(server.received().len(), 5, "two, a check, two");
}

#[tokio::test]
async fn outputs_of_a_client_keep_their_order_when_one_has_to_wait() {
    let server = HttpServer::start().await;
    let world = World::with_connector(&server.connector());
    let action = world.action("concurrency = 1");
    server.reply([Reply::Answer(200, vec![], ""), Reply::Answer(503, vec![], "")]);
    let batch =
        [output(1, &connack("a")), output(2, &connack("a")), output(3, &connack("a")), output(4, &connack("b"))];
    assert_eq!(
        words(action.send(&batch).await, 4),
        ["delivered", "retry: answered 503", "retry: answered 503", "delivered"],
        "the third is not sent before the second"
    );
    assert_eq!(server.received().len(), 3);
}

#[tokio::test]
async fn different_clients_are_served_side_by_side() {
    let server = HttpServer::start().await;
    let world = World::with_connector(&server.connector());
    let action = world.action("concurrency = 2");
    // The first request is answered only when the connection ends, so `b` arrives while `a` is under way.
    server.reply([Reply::Silence]);
    let batch = [output(1, &connack("a")), output(2, &connack("b"))];
    let mut sending = Box::pin(action.send(&batch));
    let both_arrived = async {
        while server.received_len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        outcome = &mut sending => panic!("`a` has no answer: {outcome:?}"),
        () = both_arrived => {}
    }
}

#[tokio::test]
async fn a_check_reaches_the_server_and_says_what_it_answers() {
    let server = HttpServer::start().await;
    let world = World::with_connector(&server.connector());
    let check =
        || async { world.registry.connectors().check("there").await.unwrap().map_err(|error| error.to_string()) };
    server.reply([Reply::Answer(404, vec![], ""), Reply::Answer(401, vec![], ""), Reply::Answer(503, vec![], "")]);
    assert_eq!(check().await, Ok(()), "a webhook need not answer HEAD");
    assert_eq!(check().await, Err("answered 401".to_owned()));
    assert_eq!(check().await, Err("answered 503".to_owned()));
    assert!(server.received().iter().all(|request| request.method == "HEAD" && request.uri == "/mqtt"));
}

#[tokio::test]
async fn an_empty_batch_is_no_request() {
    let server = HttpServer::start().await;
    let world = World::with_connector(&server.connector());
    assert_eq!(world.action("").send(&[]).await, Outcome::PerItem(vec![]));
    assert!(server.received().is_empty());
}
