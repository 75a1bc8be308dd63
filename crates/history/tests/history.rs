//! The history with real files: what goes in comes out, whatever happens in between.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use events::{Body, Event, Kind, Timestamp};
use history::{Appended, History, HistoryConfig, HistoryError, Item, Query, Record, Retention};
use proptest::prelude::*;
use tempfile::TempDir;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// `count` events from `first_seq` on, of ten clients in turn, kinds in turn, a second apart.
fn items(first_seq: u64, count: u64) -> Vec<Item> {
    (first_seq..first_seq + count).map(|seq| Item::Event(Arc::new(event(seq)))).collect()
}

fn event(seq: u64) -> Event {
    let kinds = [Kind::ClientConnack, Kind::ClientConnected, Kind::ClientDisconnected];
    let mut event = Event::sample(kinds[usize::try_from(seq % 3).unwrap()]);
    event.head.seq = Some(seq);
    event.head.timestamp = time(seq);
    let client = format!("c{}", seq % 10);
    if let Body::ClientConnack(body) = &mut event.body {
        body.clientid = client.into();
    } else if let Body::ClientConnected(body) = &mut event.body {
        body.clientid = client.into();
    } else if let Body::ClientDisconnected(body) = &mut event.body {
        body.clientid = Some(client.into());
    }
    event
}

fn time(seq: u64) -> Timestamp {
    Timestamp(now().0 - DAY_MS + i64::try_from(seq).unwrap() * 1000)
}

/// When the tests began: events of a day ago are not too old for any slice or retention.
fn now() -> Timestamp {
    static NOW: LazyLock<Timestamp> = LazyLock::new(|| {
        #[expect(clippy::disallowed_methods, reason = "the history compares with the clock of the machine")]
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        // The day's end, so that no slice is a day old before the test is over.
        Timestamp(i64::try_from(now.as_millis()).unwrap() + DAY_MS / 2)
    });
    *NOW
}

fn small_slices() -> HistoryConfig {
    HistoryConfig { slice_rows_max: 30, ..HistoryConfig::default() }
}

fn seqs(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.seq.unwrap()).collect()
}

fn all() -> Query {
    Query { limit: Query::LIMIT_MAX, ..Query::default() }
}

fn files(dir: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = std::fs::read_dir(dir).unwrap().map(name).collect();
    names.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
    names.sort();
    names
}

/// 200 events in slices of 30, a batch at a time.
fn fill(history: &History) {
    for first in (1..=200).step_by(10) {
        history.append(items(first, 10));
        history.flush().unwrap();
    }
}

#[test]
fn what_went_in_comes_out_newest_first_across_slices() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::open(dir.path(), small_slices()).unwrap();
    fill(&history);
    let records = history.query(&all()).unwrap();
    assert_eq!(seqs(&records), (1..=200).rev().collect::<Vec<_>>());
    assert_eq!(records[0].json, event(200).to_json());
    assert_eq!(records[0].event, event(200).kind().event_type().name);
    let stats = history.stats();
    assert_eq!((stats.slices, stats.rows, stats.queue_len, stats.lost), (7, 200, 0, 0));
    assert!(stats.bytes > 0);
    assert_eq!(seqs(&history.query(&Query::default()).unwrap()).len(), 100, "the limit of the default");
}

#[test]
fn pages_follow_each_other_without_hole_or_repeat() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::open(dir.path(), small_slices()).unwrap();
    fill(&history);
    let mut query = Query { limit: 7, client: Some("c3".into()), ..Query::default() };
    let mut seen = Vec::new();
    loop {
        let page = history.query(&query).unwrap();
        let Some(last) = page.last() else { break };
        query.before = Some(last.position);
        seen.extend(seqs(&page));
    }
    assert_eq!(seen, (1..=200).rev().filter(|seq| seq % 10 == 3).collect::<Vec<_>>());
}

/// A history of 200 events for all the questions below.
static FILLED: LazyLock<(TempDir, History)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let history = History::open(dir.path(), small_slices()).unwrap();
    fill(&history);
    (dir, history)
});

proptest! {
    #[test]
    fn a_query_answers_as_looking_at_every_event_would(
        client in proptest::option::of(0u64..12),
        kinds in proptest::sample::subsequence(vec![Kind::ClientConnack, Kind::ClientConnected, Kind::MessageDropped], 0..=3),
        since in proptest::option::of(0u64..210),
        until in proptest::option::of(0u64..210),
        limit in 0usize..60,
    ) {
        let query = Query {
            client: client.map(|number| format!("c{number}")),
            kinds: kinds.clone(),
            since: since.map(time),
            until: until.map(time),
            limit,
            ..Query::default()
        };
        let expected: Vec<u64> = (1..=200u64)
            .rev()
            .filter(|seq| client.is_none_or(|client| seq % 10 == client))
            .filter(|seq| kinds.is_empty() || kinds.contains(&event(*seq).kind()))
            .filter(|seq| since.is_none_or(|since| *seq >= since) && until.is_none_or(|until| *seq < until))
            .take(limit)
            .collect();
        prop_assert_eq!(seqs(&FILLED.1.query(&query).unwrap()), expected);
    }
}

#[test]
fn after_a_close_it_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::open(dir.path(), HistoryConfig::default()).unwrap();
    assert_eq!(history.last_seq(), 0);
    history.append(items(1, 5));
    history.close();
    assert_eq!(history.append(items(6, 1)), Appended { accepted: 0, lost: 1 }, "closed");
    assert!(matches!(history.flush(), Err(HistoryError::Closed)));
    drop(history);
    let history = History::open(dir.path(), HistoryConfig::default()).unwrap();
    assert_eq!(history.last_seq(), 5);
    history.append(items(6, 5));
    history.flush().unwrap();
    assert_eq!(seqs(&history.query(&all()).unwrap()), (1..=10).rev().collect::<Vec<_>>());
    assert_eq!(files(dir.path()), ["slice-0000000001.sqlite"]);
}

#[test]
fn what_was_written_survives_a_kill_and_no_number_is_used_twice() {
    let dir = tempfile::tempdir().unwrap();
    let example = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples/append");
    let mut first = 1;
    for round in 0..3 {
        let mut child = std::process::Command::new(&example)
            .arg(dir.path())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("expected `examples/append`; `cargo build -p history --example append` makes it");
        let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        let written: u64 = lines.take(3 + round).last().unwrap().unwrap().parse().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();

        let history = History::open(dir.path(), HistoryConfig::default()).unwrap();
        let query = Query { gaps: false, limit: 10_000, ..Query::default() };
        let mut newest = seqs(&history.query(&query).unwrap());
        newest.retain(|seq| *seq >= first);
        assert!(newest[0] >= written, "{written} was written, the newest is {}", newest[0]);
        assert!(newest.windows(2).all(|pair| pair[0] == pair[1] + 1), "a hole in {newest:?}");
        assert!(newest.len() == query.limit || newest.last() == Some(&first), "the first ones are missing");
        assert!(history.last_seq() > newest[0] + 100_000, "numbers that may have been used are left out");
        let gap = &history.query(&Query { limit: 1, ..Query::default() }).unwrap()[0];
        assert!(gap.event == "gap" && gap.json.contains(r#""cause":"unclean_stop""#), "{gap:?}");
        assert_eq!(gap.seq, Some(history.last_seq()));
        first = history.last_seq() + 1;
    }
}

#[test]
fn what_does_not_fit_into_the_queue_is_told_as_a_gap_in_every_time_line() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::open(dir.path(), HistoryConfig { queue_max: 50, ..HistoryConfig::default() }).unwrap();
    let Appended { accepted, lost } = history.append(items(1, 10_000));
    assert!(accepted >= 50 && lost > 0 && accepted + lost == 10_000, "{accepted} and {lost}");
    history.flush().unwrap();
    history.append(items(10_001, 1));
    history.flush().unwrap();
    let records = history.query(&Query { client: Some("c1".into()), ..all() }).unwrap();
    assert_eq!(records[0].seq, Some(10_001));
    let mut told = 0;
    for gap in records.iter().filter(|record| record.event == "gap") {
        let json: serde_json::Value = serde_json::from_str(&gap.json).unwrap();
        assert_eq!(json["cause"], "overflow");
        assert_eq!(json["last_seq"].as_u64().unwrap() - json["first_seq"].as_u64().unwrap() + 1, json["count"]);
        told += json["count"].as_u64().unwrap();
    }
    assert_eq!((told, history.stats().lost), (u64::try_from(lost).unwrap(), u64::try_from(lost).unwrap()));
    let without = history.query(&Query { gaps: false, ..all() }).unwrap();
    assert!(without.iter().all(|record| record.event != "gap") && without.len() == accepted + 1);
}

#[test]
fn slices_beyond_the_retention_are_unlinked_and_the_newest_stays() {
    let dir = tempfile::tempdir().unwrap();
    let config = HistoryConfig { retention: Retention::new(30, 1), ..small_slices() };
    let history = History::open(dir.path(), config).unwrap();
    fill(&history);
    history.prune(now());
    assert_eq!(files(dir.path()).len(), 7, "nothing is old");
    history.prune(Timestamp(now().0 + 40 * DAY_MS));
    let left = files(dir.path());
    assert_eq!(left, ["slice-0000000008.sqlite"], "the newest was sealed for its age too, and a new one begun");
    assert_eq!(history.query(&all()).unwrap(), []);
    history.append(items(201, 1));
    history.flush().unwrap();
    assert_eq!(seqs(&history.query(&all()).unwrap()), [201]);
}

#[test]
fn slices_beyond_the_size_are_unlinked() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { days: 30, bytes_max: 300_000 };
    let history = History::open(dir.path(), HistoryConfig { retention, ..small_slices() }).unwrap();
    for first in (1..=2000).step_by(10) {
        history.append(items(first, 10));
        history.flush().unwrap();
    }
    history.prune(now());
    let left = seqs(&history.query(&all()).unwrap());
    assert!(left.len() < 2000 && left[0] == 2000 && left.windows(2).all(|pair| pair[0] == pair[1] + 1), "{left:?}");
    assert!(history.stats().bytes <= 300_000 + 200_000, "the newest with its log comes on top: {:?}", history.stats());
}

#[test]
fn queries_and_appends_do_not_disturb_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::open(dir.path(), HistoryConfig { slice_rows_max: 500, ..HistoryConfig::default() }).unwrap();
    let is_written = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for first in (1..=5000).step_by(100) {
                assert_eq!(history.append(items(first, 100)).lost, 0);
                history.flush().unwrap();
            }
            is_written.store(true, Ordering::Release);
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let mut newest = 0;
                while !is_written.load(Ordering::Acquire) {
                    let found = seqs(&history.query(&Query { limit: 250, ..Query::default() }).unwrap());
                    assert!(found.windows(2).all(|pair| pair[0] == pair[1] + 1), "a hole in {found:?}");
                    let now_newest = found.first().copied().unwrap_or(0);
                    assert!(now_newest >= newest, "what was there is gone");
                    newest = now_newest;
                }
            });
        }
    });
    assert_eq!(seqs(&history.query(&all()).unwrap()), (1..=5000).rev().collect::<Vec<_>>());
}

/// Everything that a connect of `client` emits, with a subscription.
fn connect(client: &str, first_seq: u64) -> Vec<Item> {
    let kinds = [Kind::SessionCreated, Kind::ClientConnack, Kind::ClientConnected, Kind::SessionSubscribed];
    let named = |(client_seq, kind): (u64, &Kind)| {
        let mut event = Event::sample(*kind);
        event.head.seq = Some(first_seq + client_seq - 1);
        event.head.client_seq = Some(client_seq);
        event.head.timestamp = time(first_seq);
        if let Body::SessionCreated(body) = &mut event.body {
            body.clientid = client.into();
        } else if let Body::ClientConnack(body) = &mut event.body {
            body.clientid = client.into();
        } else if let Body::ClientConnected(body) = &mut event.body {
            body.clientid = client.into();
        } else if let Body::SessionSubscribed(body) = &mut event.body {
            body.clientid = client.into();
        }
        Item::Event(Arc::new(event))
    };
    (1..).zip(&kinds).map(named).collect()
}

/// The end of a connection of `client`, and nothing else of it.
fn end(client: &str, seq: u64) -> Item {
    let clientid = Some(client.into());
    let body = events::ClientDisconnected { clientid, ..events::ClientDisconnected::sample() };
    let head = events::Head { seq: Some(seq), client_seq: Some(seq), timestamp: time(seq), ..events::Head::sample() };
    Item::Event(Arc::new(Event { head, body: body.into() }))
}

/// Each client that the history knows: its name, whether it is connected, its last `client_seq`.
fn left_behind(history: &History) -> Vec<(String, bool, Option<u64>)> {
    let past = history.take_past();
    past.clients()
        .map(|(client, standing)| (client.to_owned(), standing.is_connected, standing.count.map(|count| count.seq)))
        .collect()
}

#[test]
fn what_a_process_has_left_open_is_known_however_many_slices_have_come_since() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::open(dir.path(), small_slices()).unwrap();
    assert_eq!(left_behind(&history), []);
    history.append(connect("stays", 1));
    for seq in 5..=204 {
        history.append([end("goes", seq)]);
        history.flush().unwrap();
    }
    assert!(history.stats().slices > 5);
    drop(history);
    // It stands as long as nobody tells its end.
    drop(History::open(dir.path(), small_slices()).unwrap());
    let history = History::open(dir.path(), small_slices()).unwrap();
    let past = history.take_past();
    assert_eq!(past.ran_until, time(204));
    let (client, standing) = past.clients().next().unwrap();
    assert_eq!((client, standing.is_connected, standing.count.unwrap().seq), ("stays", true, 4));
    assert_eq!(standing.subscriptions.keys().collect::<Vec<_>>(), ["plant/+/cmd"]);
    let (client, standing) = past.clients().nth(1).unwrap();
    assert_eq!((client, standing.is_open(), standing.count.unwrap().seq), ("goes", false, 204));
    assert_eq!(left_behind(&history), [], "it is taken once");
}

#[test]
fn of_clients_that_have_left_the_last_ones_are_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let config = || HistoryConfig { departed_clients_max: 3, ..small_slices() };
    let history = History::open(dir.path(), config()).unwrap();
    for seq in 1..=100 {
        history.append([end(&format!("c{seq}"), seq)]);
        history.flush().unwrap();
    }
    drop(history);
    let expected = [98, 99, 100].map(|seq| (format!("c{seq}"), false, Some(seq)));
    assert_eq!(left_behind(&History::open(dir.path(), config()).unwrap()), expected);
}

#[test]
fn after_lost_events_nobody_knows_how_far_a_client_was_counted() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::open(dir.path(), HistoryConfig::default()).unwrap();
    history.append(connect("before", 1));
    let gap = history::Gap {
        timestamp: time(5),
        first_seq: Some(5),
        last_seq: Some(9),
        count: 5,
        cause: history::GapCause::Overflow,
    };
    history.append([Item::Gap(gap)]);
    history.append(connect("after", 10));
    drop(history);
    let history = History::open(dir.path(), HistoryConfig::default()).unwrap();
    assert_eq!(left_behind(&history), [("before".to_owned(), true, None), ("after".to_owned(), true, Some(4))]);
}

#[test]
fn a_slice_of_the_first_format_is_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::open(dir.path(), HistoryConfig::default()).unwrap();
    history.append(connect("a", 1));
    drop(history);
    let slice = rusqlite::Connection::open(dir.path().join("slice-0000000001.sqlite")).unwrap();
    slice.execute_batch("DROP TABLE standing; PRAGMA user_version = 1").unwrap();
    drop(slice);
    let history = History::open(dir.path(), HistoryConfig::default()).unwrap();
    assert_eq!(left_behind(&history), [("a".to_owned(), true, Some(4))]);
    history.append(items(5, 1));
    history.flush().unwrap();
    assert_eq!(seqs(&history.query(&all()).unwrap()), [5, 4, 3, 2, 1]);
}

fn overwrite(path: &Path) {
    let len = usize::try_from(std::fs::metadata(path).unwrap().len()).unwrap();
    std::fs::write(path, "garbage ".repeat(len / 8)).unwrap();
}

#[test]
fn a_sealed_slice_that_cannot_be_read_is_set_aside_and_the_rest_answers() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::open(dir.path(), small_slices()).unwrap();
    fill(&history);
    overwrite(&dir.path().join("slice-0000000003.sqlite"));
    let expected: Vec<u64> = (1..=200).rev().filter(|seq| !(61..=90).contains(seq)).collect();
    for _ in 0..2 {
        assert_eq!(seqs(&history.query(&all()).unwrap()), expected);
    }
    drop(history);
    overwrite(&dir.path().join("slice-0000000005.sqlite"));
    let history = History::open(dir.path(), small_slices()).unwrap();
    let records = history.query(&all()).unwrap();
    assert!(records[0].json.contains(r#""cause":"slice_broken""#), "{:?}", records[0]);
    let rest: Vec<u64> = expected.into_iter().filter(|seq| !(121..=150).contains(seq)).collect();
    assert_eq!(seqs(&records[1..]), rest);
    let aside: Vec<String> = files(dir.path()).into_iter().filter(|name| name.ends_with(".broken")).collect();
    assert_eq!(aside, ["slice-0000000003.sqlite.broken", "slice-0000000005.sqlite.broken"]);
}

#[test]
fn a_newest_slice_that_cannot_be_read_is_set_aside_and_a_new_one_begun() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::open(dir.path(), small_slices()).unwrap();
    fill(&history);
    drop(history);
    let newest: PathBuf = dir.path().join("slice-0000000007.sqlite");
    std::fs::write(&newest, "").unwrap();
    let history = History::open(dir.path(), small_slices()).unwrap();
    assert!(history.last_seq() >= 200, "{}: the numbers of the broken slice are not used again", history.last_seq());
    history.append(items(history.last_seq() + 1, 1));
    history.flush().unwrap();
    let records = history.query(&all()).unwrap();
    assert_eq!(records[0].seq, Some(history.last_seq() + 1));
    assert_eq!(
        records.iter().filter(|record| record.event == "gap").count(),
        2,
        "a broken slice, and left out numbers"
    );
    assert!(!newest.exists());
}

#[test]
fn a_slice_of_a_newer_signalbox_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(History::open(dir.path(), HistoryConfig::default()).unwrap());
    let path = dir.path().join("slice-0000000001.sqlite");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 9).unwrap();
    let error = History::open(dir.path(), HistoryConfig::default()).unwrap_err().to_string();
    assert!(error.starts_with("expected a slice of format 2 or older, found 9 in `"), "{error}");
    assert!(path.exists());
}

#[test]
fn the_lives_of_clients_are_recorded_and_messages_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::open(dir.path(), HistoryConfig::default()).unwrap();
    let kinds = history.kinds();
    assert!(kinds.contains(&Kind::ClientConnack) && kinds.contains(&Kind::SessionSubscribed));
    assert!(!kinds.contains(&Kind::MessagePublish) && !kinds.contains(&Kind::MessageDropped));
}
