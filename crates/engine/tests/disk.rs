//! Buffers on disk: what an engine leaves behind is delivered by the next, and the ledger goes on.

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engine::{ActionState, Engine, EngineConfig, ErrorClass, Ledger, LetterFilter, Operation, Outcome, ReplayRefused};
use support::{Desk, clock, message, write};

const RULE: &str = "/*---\n[[actions]]\nrecord = {}\nbuffer.kind = 'disk'\n---*/ SELECT topic FROM \"#\"";

fn engine(dir: &Path) -> (Engine, Desk) {
    let desk = Desk::default();
    let config = EngineConfig { data_dir: Some(dir.to_path_buf()), ..EngineConfig::default() };
    (Engine::new(config, Arc::new(desk.clone()), clock()), desk)
}

fn retries() -> impl Iterator<Item = Outcome> {
    std::iter::repeat_with(|| Outcome::Retry { class: ErrorClass::Unreachable, reason: "away".to_owned(), after: None })
}

fn ledger(engine: &Engine) -> Ledger {
    let ledger = engine.rule("r").expect("the rule runs").actions.remove(0).ledger;
    assert!(ledger.balances(), "{ledger:?}");
    ledger
}

fn publish(engine: &Engine, numbers: std::ops::Range<u32>) {
    numbers.for_each(|number| engine.on_event(&message(&format!("t/{number:03}"), ""), 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_delivered_is_delivered_after_a_restart_in_order_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    write(&rules, "r", RULE);
    let (first, desk) = engine(dir.path());
    first.load_dir(&rules).unwrap();
    publish(&first, 0..10);
    desk.wait_for(10).await;
    desk.answer(retries().take(1_000));
    publish(&first, 10..250);
    desk.wait_for_sends(4).await;
    assert_eq!(first.shutdown(Duration::from_secs(1)).await, 0, "nothing is given up");

    let (second, desk) = engine(dir.path());
    second.load_dir(&rules).unwrap();
    let delivered = desk.wait_for(240).await;
    let expected: Vec<String> = (10..250).map(|number| format!(r#"record: {{"topic":"t/{number:03}"}}"#)).collect();
    assert_eq!(delivered, expected);
    while ledger(&second).in_flight > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ledger(&second), Ledger { in_: 250, delivered: 250, ..Ledger::default() });
    second.shutdown(Duration::from_secs(1)).await;

    let (third, desk) = engine(dir.path());
    third.load_dir(&rules).unwrap();
    assert_eq!(ledger(&third), Ledger { in_: 250, delivered: 250, ..Ledger::default() });
    assert!(desk.delivered().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_taken_away_finds_its_outputs_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    write(&rules, "r", RULE);
    let (engine, desk) = engine(dir.path());
    engine.load_dir(&rules).unwrap();
    assert!(engine.operate_action("r", "record", Operation::Pause));
    publish(&engine, 0..3);
    std::fs::remove_file(rules.join("r.sql")).unwrap();
    engine.reload().unwrap();
    write(&rules, "r", RULE);
    engine.reload().unwrap();
    assert_eq!(desk.wait_for(3).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_action_is_paused_drained_and_resumed() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "r", "/*---\n[[actions]]\nrecord = {}\n---*/ SELECT topic FROM \"#\"");
    let (engine, desk) = engine(dir.path());
    engine.load_dir(dir.path()).unwrap();
    let state = || engine.rule("r").unwrap().actions.remove(0).state;
    engine.operate_action("r", "record", Operation::Pause);
    publish(&engine, 0..2);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((state(), ledger(&engine).queued), (ActionState::Paused, 2));

    engine.operate_action("r", "record", Operation::Drain);
    publish(&engine, 2..5);
    desk.wait_for(2).await;
    assert_eq!((state(), ledger(&engine).dropped), (ActionState::Draining, 3));
    assert_eq!(engine.rule("r").unwrap().actions.remove(0).drops.draining, 3);

    engine.operate_action("r", "record", Operation::Resume);
    publish(&engine, 5..6);
    assert_eq!(desk.wait_for(3).await[2], r#"record: {"topic":"t/005"}"#);
    assert!(!engine.operate_action("r", "nobody", Operation::Pause));
}

#[tokio::test(start_paused = true)]
async fn a_disabled_action_gets_nothing_and_keeps_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let rule = |more: &str| format!("/*---\n[[actions]]\nrecord = {{}}\n{more}\n---*/ SELECT topic FROM \"#\"");
    write(dir.path(), "r", &rule(""));
    let (engine, desk) = engine(dir.path());
    engine.load_dir(dir.path()).unwrap();
    engine.operate_action("r", "record", Operation::Pause);
    publish(&engine, 0..2);
    write(dir.path(), "r", &rule("enabled = false"));
    engine.reload().unwrap();
    engine.operate_action("r", "record", Operation::Resume);
    publish(&engine, 2..5);
    assert_eq!(ledger(&engine), Ledger { in_: 2, queued: 2, ..Ledger::default() });
    write(dir.path(), "r", &rule(""));
    engine.reload().unwrap();
    desk.wait_for(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_may_drop_nothing_is_not_run_while_there_is_no_room() {
    let dir = tempfile::tempdir().unwrap();
    let buffer = "buffer = { max_len = 2, overflow = 'block_rule' }";
    write(
        dir.path(),
        "r",
        &format!(
            "/*---\n[[actions]]\nrecord = {{}}\n{buffer}\n[[actions]]\nconnector = 'desk'\n---*/ SELECT topic FROM \"#\""
        ),
    );
    write(dir.path(), "other", "/*---\n[[actions]]\nrecord = {}\n---*/ SELECT topic FROM \"#\"");
    let (engine, desk) = engine(dir.path());
    engine.load_dir(dir.path()).unwrap();
    engine.operate_action("r", "record", Operation::Pause);
    publish(&engine, 0..5);
    desk.wait_for(2 + 5).await;
    let rule = engine.rule("r").unwrap();
    assert_eq!((rule.counts.blocked, rule.counts.matched), (3, 2));
    assert!(rule.actions.iter().all(|action| action.ledger.in_ == 2 && action.ledger.dropped == 0));
    engine.operate_action("r", "record", Operation::Resume);
    desk.wait_for(4 + 5).await;
    publish(&engine, 5..6);
    desk.wait_for(6 + 6).await;
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_waits_for_room_waits_no_longer_than_outputs_may_grow_old() {
    let dir = tempfile::tempdir().unwrap();
    let buffer = "buffer = { max_len = 2, max_age = '1s', overflow = 'block_rule' }";
    write(dir.path(), "r", &format!("/*---\n[[actions]]\nrecord = {{}}\n{buffer}\n---*/ SELECT topic FROM \"#\""));
    let (engine, _) = engine(dir.path());
    engine.load_dir(dir.path()).unwrap();
    engine.operate_action("r", "record", Operation::Pause);
    publish(&engine, 0..5);
    tokio::time::advance(Duration::from_secs(2)).await;
    publish(&engine, 5..6);
    assert_eq!(ledger(&engine), Ledger { in_: 3, queued: 1, expired: 2, ..Ledger::default() });
    assert_eq!(engine.rule("r").unwrap().counts.blocked, 3);
}

#[tokio::test(start_paused = true)]
async fn a_rule_waits_before_there_is_too_little_room_for_what_it_yields() {
    let dir = tempfile::tempdir().unwrap();
    let buffer = "buffer = { max_bytes = '2KiB', overflow = 'block_rule' }";
    write(dir.path(), "r", &format!("/*---\n[[actions]]\nrecord = {{}}\n{buffer}\n---*/ SELECT topic FROM \"#\""));
    let (engine, _) = engine(dir.path());
    engine.load_dir(dir.path()).unwrap();
    engine.operate_action("r", "record", Operation::Pause);
    publish(&engine, 0..100);
    let rule = engine.rule("r").unwrap();
    let ledger = ledger(&engine);
    assert!(ledger.in_ > 1 && ledger.in_ == ledger.queued, "nothing is dropped: {ledger:?}");
    assert_eq!(rule.counts.blocked, 100 - ledger.in_);
}

#[tokio::test(start_paused = true)]
async fn a_buffer_of_another_version_refuses_the_rule_and_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    write(&rules, "r", RULE);
    let path = dir.path().join("buffers/r");
    std::fs::create_dir_all(&path).unwrap();
    std::fs::write(path.join("record"), "no folder").unwrap();
    let (engine, _) = engine(dir.path());
    let report = engine.load_dir(&rules).unwrap();
    let rendered = &report.refused[0].rendered;
    assert!(rendered.contains("the buffer of the action `record` cannot be opened"), "{rendered}");
    assert_eq!(std::fs::read_to_string(path.join("record")).unwrap(), "no folder");
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_survives_a_restart_is_mended_and_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    write(&rules, "r", RULE);
    let (first, desk) = engine(dir.path());
    first.load_dir(&rules).unwrap();
    desk.answer([Outcome::Rejected { class: ErrorClass::Refused, reason: "no such column".to_owned() }]);
    publish(&first, 0..1);
    desk.wait_for_sends(1).await;
    while ledger(&first).dead == 0 {
        tokio::task::yield_now().await;
    }
    first.shutdown(Duration::from_secs(1)).await;
    drop(first);

    let (second, desk) = engine(dir.path());
    second.load_dir(&rules).unwrap();
    assert_eq!(ledger(&second), Ledger { in_: 1, dead: 1, ..Ledger::default() });
    let letter = second.dead_letters(&LetterFilter { rule: Some("r".into()), ..LetterFilter::default() }).remove(0);
    assert_eq!((&*letter.reason, letter.attempts, letter.failures.len()), ("no such column", 1, 1));
    let id = letter.output.output_id();
    let mended = [("topic".into(), "mended".into())].into_iter().collect();
    second.replay_dead_letter(id, Some(mended)).unwrap();
    assert_eq!(desk.wait_for(1).await, [r#"record: {"topic":"mended"}"#]);
    while ledger(&second).delivered == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ledger(&second), Ledger { in_: 1, delivered: 1, ..Ledger::default() });
    assert_eq!(second.replay_dead_letter(id, None), Err(ReplayRefused::NoLetter));
    assert!(second.dead_letter(id).is_none() && !second.drop_dead_letter(id));
}

const REQUIRED: &str =
    "/*---\nrequire = 'buffered'\n[[actions]]\nrecord = {}\nbuffer.kind = 'disk'\n---*/ SELECT topic FROM \"#\"";

/// What an engine that is started after a kill at this moment delivers.
async fn delivered_after_a_kill(dir: &Path, len: usize) -> Vec<String> {
    let left = tempfile::tempdir().expect("the files are there");
    let from = dir.join("buffers/r/record");
    let to = left.path().join("buffers/r/record");
    std::fs::create_dir_all(&to).expect("the files are there");
    for entry in std::fs::read_dir(from).expect("the files are there") {
        let entry = entry.expect("the files are there");
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("the files are there");
    }
    let rules = left.path().join("rules");
    std::fs::create_dir(&rules).expect("the files are there");
    write(&rules, "r", REQUIRED);
    let (engine, desk) = engine(left.path());
    engine.load_dir(&rules).expect("the files are there");
    desk.wait_for(len).await
}

async fn ready(buffered: Option<engine::Buffered>) {
    let buffered = buffered.expect("there is something to wait for");
    tokio::time::timeout(Duration::from_secs(60), buffered).await.expect("the outputs come on disk");
}

#[tokio::test]
async fn who_publishes_is_answered_when_the_outputs_are_on_disk_where_a_rule_requires_that() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    write(&rules, "r", REQUIRED);
    let (engine, _desk) = engine(dir.path());
    engine.load_dir(&rules).unwrap();
    engine.operate_action("r", "record", Operation::Pause);
    for number in 0..3 {
        ready(engine.on_publish(&message(&format!("t/{number}"), ""), 0)).await;
        let delivered = delivered_after_a_kill(dir.path(), number + 1).await;
        assert_eq!(delivered.last(), Some(&format!(r#"record: {{"topic":"t/{number}"}}"#)));
    }
    write(&rules, "r", RULE);
    engine.reload().unwrap();
    assert!(engine.on_publish(&message("t/3", ""), 0).is_none(), "nobody has asked for it");
}

#[tokio::test]
async fn what_a_disk_refuses_is_offered_to_it_again_and_the_answer_waits_for_that() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    write(&rules, "r", REQUIRED);
    let (engine, _desk) = engine(dir.path());
    engine.load_dir(&rules).unwrap();
    engine.operate_action("r", "record", Operation::Pause);
    let disk = dir.path().join("buffers/r/record");
    std::fs::remove_dir_all(&disk).unwrap();
    let taken = engine.on_publish(&message("t/0", ""), 0);
    let status = || engine.rule("r").unwrap().actions.remove(0);
    while status().disk_trouble.is_none() {
        tokio::task::yield_now().await;
    }
    let mut refused = engine.on_publish(&message("t/1", ""), 0).expect("there is something to wait for");
    assert_eq!(status().not_on_disk, 1);
    let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(refused.as_mut().poll(cx))).await;
    assert!(polled.is_pending(), "it is only in memory");

    std::fs::create_dir(&disk).unwrap();
    ready(taken).await;
    ready(Some(refused)).await;
    let delivered = delivered_after_a_kill(dir.path(), 2).await;
    assert_eq!(delivered, [r#"record: {"topic":"t/0"}"#, r#"record: {"topic":"t/1"}"#]);
}
