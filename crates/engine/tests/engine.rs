//! Events go in, outputs arrive: rules, actions, retries, reloads and the end, with a clock that the tests turn.

mod support;

use std::fs;
use std::time::Duration;

use engine::{ErrorClass, HOPS_MAX_DEFAULT, Ledger, LetterFilter, Outcome, RuleState};
use events::{Body, DisconnectReason, Event, EventId, Kind};
use support::{connack, engine, message, write};

fn retry() -> Outcome {
    Outcome::Retry { class: ErrorClass::Unreachable, reason: "away".to_owned(), after: None }
}

const ALL: &str = "/*---\n[[actions]]\nrecord = {}\n---*/ SELECT topic FROM \"#\"";

#[tokio::test(start_paused = true)]
async fn rows_arrive_at_every_action_of_every_rule_that_wants_the_event() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "b", ALL);
    write(
        dir.path(),
        "a",
        "/*---\n[[actions]]\nrecord = {}\n[[actions]]\nconnector = 'desk'\n---*/
         SELECT clientid, username, reason_code FROM \"$events/client_connack\" WHERE success",
    );
    let (engine, desk) = engine();
    let report = engine.load_dir(dir.path()).unwrap();
    assert_eq!(report.taken_up.iter().map(|id| &**id).collect::<Vec<_>>(), ["a", "b"]);
    engine.on_event(&connack("conn", 1), 0);
    let mut delivered = desk.wait_for(2).await;
    delivered.sort();
    assert_eq!(
        delivered,
        [
            r#"desk: {"clientid":"conn","username":"plant","reason_code":"success"}"#,
            r#"record: {"clientid":"conn","username":"plant","reason_code":"success"}"#
        ]
    );
    engine.on_event(&message("t/1", "x"), 0);
    assert_eq!(desk.wait_for(3).await[2], r#"record: {"topic":"t/1"}"#);

    let [a, b] = engine.rules().try_into().unwrap();
    assert_eq!((a.counts.matched, a.counts.passed, a.counts.actions_total, a.counts.actions_success), (1, 1, 2, 2));
    assert_eq!((b.counts.matched, b.state, b.from.len()), (1, RuleState::Running, 1));
    assert!(a.actions.iter().all(|action| action.ledger == Ledger { in_: 1, delivered: 1, ..Ledger::default() }));
}

#[tokio::test(start_paused = true)]
async fn only_what_a_rule_listens_to_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, _desk) = engine();
    engine.load_dir(dir.path()).unwrap();
    assert!(!engine.wants(Kind::MessagePublish) && !engine.wants_topic("a") && !engine.wants(Kind::ClientConnack));
    write(dir.path(), "a", "SELECT topic FROM \"a/+\", \"$events/client_connack\"");
    write(dir.path(), "off", "/*---\nenabled = false\n---*/ SELECT topic FROM \"b\"");
    engine.reload().unwrap();
    assert!(engine.wants(Kind::MessagePublish) && engine.wants_topic("a/1") && engine.wants(Kind::ClientConnack));
    assert!(!engine.wants_topic("b") && !engine.wants(Kind::ClientDisconnected));
    assert_eq!(engine.rule("off").map(|rule| rule.state), Some(RuleState::Disabled));
}

#[tokio::test(start_paused = true)]
async fn a_rule_runs_once_however_many_of_its_sources_match() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "m", "/*---\n[[actions]]\nrecord = {}\n---*/ SELECT qos FROM \"a/#\", \"a/b\", \"+/b\"");
    write(
        dir.path(),
        "e",
        "/*---\n[[actions]]\nrecord = {}\n---*/ SELECT clientid FROM \"$events/client_connack\", \"$events/client/connack\", \"$events/#\"",
    );
    let (engine, desk) = engine();
    let report = engine.load_dir(dir.path()).unwrap();
    assert!(report.refused.is_empty(), "{}", report.refused[0].rendered);
    engine.on_event(&message("a/b", ""), 0);
    engine.on_event(&connack("c", 1), 0);
    desk.wait_for(2).await;
    assert_eq!(engine.shutdown(Duration::from_secs(1)).await, 0);
    assert_eq!(desk.delivered().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failing_rule_is_counted_keeps_its_error_and_leaves_the_others_alone() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a", "/*---\n[[actions]]\nrecord = {}\n---*/\nSELECT payload.x * 2 AS y FROM \"#\"");
    write(dir.path(), "b", ALL);
    let (engine, desk) = engine();
    engine.load_dir(dir.path()).unwrap();
    engine.on_event(&message("t", r#"{"x":"text"}"#), 0);
    engine.on_event(&message("t", r#"{"x":4}"#), 0);
    let mut delivered = desk.wait_for(3).await;
    delivered.sort();
    assert_eq!(delivered, [r#"record: {"topic":"t"}"#, r#"record: {"topic":"t"}"#, r#"record: {"y":8}"#]);
    let rule = engine.rule("a").unwrap();
    assert_eq!((rule.counts.matched, rule.counts.passed, rule.counts.failed_exception), (2, 1, 1));
    let (_, error) = rule.last_error.unwrap();
    assert!(error.contains("a.sql:5:8: "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn every_row_of_foreach_is_an_output_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "each",
        "/*---\n[[actions]]\nrecord = {}\n---*/ FOREACH payload.xs AS x DO x AS n INCASE x > 1 FROM \"t\"",
    );
    let (engine, desk) = engine();
    engine.load_dir(dir.path()).unwrap();
    engine.on_event(&message("t", r#"{"xs":[1,2,3]}"#), 0);
    assert_eq!(desk.wait_for(2).await, [r#"record: {"n":2}"#, r#"record: {"n":3}"#]);
    engine.on_event(&message("t", r#"{"xs":[1]}"#), 0);
    let counts = engine.rule("each").unwrap().counts;
    assert_eq!((counts.matched, counts.passed, counts.failed_no_result), (2, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn outputs_wait_while_the_other_side_is_away_and_arrive_in_order_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "all", ALL);
    let (engine, desk) = engine();
    engine.load_dir(dir.path()).unwrap();
    desk.answer([retry(), retry(), retry()]);
    for n in 0..250 {
        engine.on_event(&message(&format!("t/{n:03}"), ""), 0);
    }
    desk.wait_for_sends(2).await;
    let action = engine.rule("all").unwrap().actions.remove(0);
    assert_eq!(action.trouble.as_ref().map(|trouble| &*trouble.reason), Some("away"));
    assert!(action.ledger.balances() && action.ledger.delivered == 0 && action.ledger.in_ == 250);
    let delivered = desk.wait_for(250).await;
    assert!(delivered.is_sorted());
    let action = engine.rule("all").unwrap().actions.remove(0);
    assert_eq!((action.trouble, action.ledger.delivered), (None, 250));
}

#[tokio::test(start_paused = true)]
async fn an_action_that_panics_loses_only_what_it_panics_on() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "all", ALL);
    let (engine, desk) = engine();
    engine.load_dir(dir.path()).unwrap();
    desk.answer([Outcome::Rejected { class: ErrorClass::Refused, reason: "panic".to_owned() }]);
    engine.on_event(&message("a", ""), 0);
    desk.wait_for_sends(1).await;
    engine.on_event(&message("b", ""), 0);
    assert_eq!(desk.wait_for(1).await, [r#"record: {"topic":"b"}"#]);
    let letters = engine.dead_letters(&LetterFilter::default());
    assert_eq!(letters.iter().map(|letter| &*letter.reason).collect::<Vec<_>>(), ["the action panicked: as asked"]);
}

#[tokio::test(start_paused = true)]
async fn what_an_action_gives_up_goes_to_its_fallback() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "all",
        "/*---\n[[actions]]\nrecord = {}\nfallback = 'spare'\n[[actions]]\nname = 'spare'\nconnector = 'other'\n---*/ SELECT topic FROM \"#\"",
    );
    let (engine, desk) = engine();
    engine.load_dir(dir.path()).unwrap();
    desk.answer([Outcome::Rejected { class: ErrorClass::Refused, reason: "no".to_owned() }]);
    engine.on_event(&message("a", ""), 0);
    assert_eq!(desk.wait_for(1).await, [r#"spare: {"topic":"a"}"#]);
    let ledgers: Vec<Ledger> = engine.rule("all").unwrap().actions.iter().map(|action| action.ledger).collect();
    let (delivered, fallen_back) =
        (Ledger { in_: 1, delivered: 1, ..Ledger::default() }, Ledger { in_: 1, fallen_back: 1, ..Ledger::default() });
    assert_eq!(ledgers, [delivered, fallen_back]);
}

#[tokio::test(start_paused = true)]
async fn a_broken_edit_is_refused_while_the_old_rule_keeps_running() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "r", ALL);
    let (engine, desk) = engine();
    engine.load_dir(dir.path()).unwrap();
    write(dir.path(), "r", "SELECT topc FROM \"#\"");
    let report = engine.reload().unwrap();
    let rendered = &report.refused[0].rendered;
    assert!(
        report.refused[0].is_running_on && rendered.contains("r.sql:1:8") && rendered.contains("^^^^"),
        "{rendered}"
    );
    assert!(rendered.contains("help: did you mean `topic`?"), "{rendered}");
    engine.on_event(&message("a", ""), 0);
    desk.wait_for(1).await;
    let rule = engine.rule("r").unwrap();
    assert_eq!(
        (rule.state, rule.refused.map(|refused| refused.rendered.clone()).as_ref()),
        (RuleState::Running, Some(rendered))
    );
    assert!(engine.reload().unwrap().refused.is_empty(), "the same text is refused once");

    write(dir.path(), "r", "/*---\n[[actions]]\nrecord = { tag = '2' }\n---*/ SELECT qos FROM \"#\"");
    engine.reload().unwrap();
    engine.on_event(&message("a", ""), 0);
    assert_eq!(desk.wait_for(2).await[1], r#"record2: {"qos":1}"#);
    let rule = engine.rule("r").unwrap();
    assert_eq!((rule.refused, rule.counts.matched), (None, 2));
}

#[tokio::test(start_paused = true)]
async fn what_waits_survives_a_reload_of_its_rule_and_goes_the_new_way() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "r", ALL);
    let (engine, desk) = engine();
    engine.load_dir(dir.path()).unwrap();
    desk.answer(std::iter::repeat_with(retry).take(3));
    engine.on_event(&message("waits", ""), 0);
    desk.wait_for_sends(3).await;
    write(dir.path(), "r", "/*---\n[[actions]]\nrecord = { tag = ' v2' }\n---*/ SELECT qos FROM \"other\"");
    engine.reload().unwrap();
    assert_eq!(desk.wait_for(1).await, [r#"record v2: {"topic":"waits"}"#]);
    let action = engine.rule("r").unwrap().actions.remove(0);
    assert_eq!(action.ledger, Ledger { in_: 1, delivered: 1, ..Ledger::default() });
}

#[tokio::test(start_paused = true)]
async fn a_removed_rule_ends_and_a_renamed_one_goes_on_under_its_new_name() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "gone", ALL);
    write(dir.path(), "old", ALL);
    let (engine, desk) = engine();
    engine.load_dir(dir.path()).unwrap();
    fs::remove_file(dir.path().join("gone.sql")).unwrap();
    fs::rename(dir.path().join("old.sql"), dir.path().join("new.sql")).unwrap();
    let mut report = engine.reload().unwrap();
    report.removed.sort();
    assert_eq!(report.removed.iter().map(|id| &**id).collect::<Vec<_>>(), ["gone", "old"]);
    assert_eq!(engine.rules().iter().map(|rule| rule.id.to_string()).collect::<Vec<_>>(), ["new"]);
    engine.on_event(&message("a", ""), 0);
    assert_eq!(desk.wait_for(1).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_removed_action_may_deliver_what_it_has_but_holds_up_no_shutdown() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "r", ALL);
    let (engine, desk) = engine();
    engine.load_dir(dir.path()).unwrap();
    desk.answer([retry()]);
    engine.on_event(&message("late", ""), 0);
    desk.wait_for_sends(1).await;
    fs::remove_file(dir.path().join("r.sql")).unwrap();
    engine.reload().unwrap();
    assert_eq!(desk.wait_for(1).await, [r#"record: {"topic":"late"}"#]);

    write(dir.path(), "r", ALL);
    engine.reload().unwrap();
    desk.answer(std::iter::repeat_with(retry).take(1_000));
    engine.on_event(&message("never", ""), 0);
    desk.wait_for_sends(3).await;
    fs::remove_file(dir.path().join("r.sql")).unwrap();
    engine.reload().unwrap();
    let clock = support::clock();
    let before = clock();
    assert_eq!(engine.shutdown(Duration::from_secs(1)).await, 1);
    assert!(clock().since_ms(before) < 1_100);
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_goes_away_leaves_the_rules_running() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "r", ALL);
    let (engine, _desk) = engine();
    engine.load_dir(dir.path()).unwrap();
    dir.close().unwrap();
    assert!(engine.reload().is_err());
    assert!(engine.wants_topic("a"));
}

#[tokio::test(start_paused = true)]
async fn shutdown_delivers_what_waits_and_counts_what_it_gives_up() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "r",
        "/*---\n[[actions]]\nrecord = {}\nbatch = { size = 10, time_ms = 60000 }\n---*/ SELECT topic FROM \"#\"",
    );
    let (engine, desk) = engine();
    engine.load_dir(dir.path()).unwrap();
    engine.on_event(&message("a", ""), 0);
    assert_eq!(engine.shutdown(Duration::from_secs(5)).await, 0);
    assert_eq!(desk.delivered(), [r#"record: {"topic":"a"}"#]);
    engine.on_event(&message("late", ""), 0);
    assert!(!engine.wants_topic("late"));

    let (engine, desk) = support::engine();
    engine.load_dir(dir.path()).unwrap();
    desk.answer([Outcome::Rejected { class: ErrorClass::Refused, reason: "hang".to_owned() }]);
    for topic in ["a", "b", "c"] {
        engine.on_event(&message(topic, ""), 0);
    }
    assert_eq!(engine.shutdown(Duration::from_secs(5)).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_republished_message_that_nobody_wanted_counts_as_gone_round_the_circle() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "r", "/*---\n[[actions]]\nrecord = {}\n---*/ SELECT topic FROM \"$events/message_dropped\"");
    let (engine, desk) = engine();
    engine.load_dir(dir.path()).unwrap();
    let mut event = Event::sample(Kind::MessageDropped);
    if let Body::MessageDropped(dropped) = &mut event.body {
        dropped.clientid = "r".into();
        dropped.peername = None;
    }
    let look = || Outcome::Rejected { class: ErrorClass::Refused, reason: "looked at".to_owned() };
    desk.answer([look(), look()]);
    engine.on_event(&event, 0);
    desk.wait_for_sends(1).await;
    let mut other = Event::sample(Kind::MessageDropped);
    other.head.event_id = EventId(2);
    engine.on_event(&other, 0);
    desk.wait_for_sends(2).await;
    engine.on_event(&other, 0);
    desk.wait_for(1).await;
    let hops: Vec<u8> = engine.dead_letters(&LetterFilter::default()).iter().map(|letter| letter.output.hops).collect();
    assert_eq!(hops, [HOPS_MAX_DEFAULT, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_action_can_be_asked_to_reach_the_other_side() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "r", ALL);
    let (engine, _desk) = engine();
    engine.load_dir(dir.path()).unwrap();
    let answer = engine.check_action("r", "record").await.unwrap();
    assert_eq!(answer.unwrap_err().message, "nobody is there");
    assert!(engine.check_action("r", "gone").await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_rejected_while_the_engine_ends_still_reaches_its_fallback() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "a",
        "/*---\n[[actions]]\nrecord = {}\nfallback = 'desk'\n[[actions]]\nconnector = 'desk'\n---*/ SELECT topic FROM \"#\"",
    );
    let (engine, desk) = engine();
    engine.load_dir(dir.path()).unwrap();
    desk.answer([retry(), Outcome::Rejected { class: ErrorClass::Refused, reason: "no such column".to_owned() }]);
    engine.on_event(&message("t", ""), 0);
    desk.wait_for_sends(1).await;
    assert_eq!(engine.shutdown(Duration::from_secs(10)).await, 0);
    assert_eq!(desk.delivered(), [r#"desk: {"topic":"t"}"#]);
}

#[tokio::test(start_paused = true)]
async fn rules_that_close_a_circle_are_told_when_the_last_of_them_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, _desk) = engine();
    write(dir.path(), "a", "/*---\n[[actions]]\nrecord = { topic = 'x/1' }\n---*/ SELECT topic FROM \"y/#\"");
    assert!(engine.load_dir(dir.path()).unwrap().warnings.is_empty());
    write(dir.path(), "b", "/*---\n[[actions]]\nrecord = { topic = 'y/${topic}' }\n---*/ SELECT topic FROM \"x/+\"");
    let report = engine.reload().unwrap();
    assert_eq!(report.warnings.len(), 2, "{:?}", report.warnings);
    for (id, first) in [("a", "`a` republishes to `x/1`, which wakes `b`"), ("b", "`b` republishes to `y/${topic}`")] {
        let warnings = engine.rule(id).unwrap().warnings;
        assert!(warnings.contains("warning[W401]") && warnings.contains(first), "{warnings}");
    }
    fs::remove_file(dir.path().join("b.sql")).unwrap();
    assert!(engine.reload().unwrap().warnings.is_empty());
    assert_eq!(engine.rule("a").unwrap().warnings, "");
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_emqx_is_not_given_events_that_emqx_has_not_got() {
    let dir = tempfile::tempdir().unwrap();
    let sql = "SELECT reason FROM \"$events/client_disconnected\"";
    write(dir.path(), "emqx", &format!("/*---\ncompat = 'emqx'\n[[actions]]\nrecord = {{}}\n---*/ {sql}"));
    write(dir.path(), "ours", &format!("/*---\n[[actions]]\nrecord = {{}}\n---*/ {sql}"));
    let (engine, desk) = engine();
    engine.load_dir(dir.path()).unwrap();
    let mut ended = Event::sample(Kind::ClientDisconnected);
    let Body::ClientDisconnected(body) = &mut ended.body else { panic!("the sample is of its kind") };
    (body.connected_at, body.reason) = (None, DisconnectReason::Takeovered);
    engine.on_event(&ended, 0);
    assert_eq!(desk.wait_for(1).await, [r#"record: {"reason":"takeovered"}"#]);
    assert_eq!(engine.rule("emqx").unwrap().counts.matched, 0);
    let Body::ClientDisconnected(body) = &mut ended.body else { panic!("the sample is of its kind") };
    body.connected_at = Some(events::Timestamp::SAMPLE);
    engine.on_event(&ended, 0);
    let mut delivered = desk.wait_for(3).await;
    delivered.sort();
    assert_eq!(delivered[0], r#"record: {"reason":"takenover"}"#);
    assert_eq!(engine.rule("emqx").unwrap().counts.matched, 1);
}
