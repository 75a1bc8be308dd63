//! A journal on a real disk: order, segments, release, refusals, and a process that is killed.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use journal::{Error, Found, Journal, Options, Position};

type Records = Vec<(Position, Vec<u8>)>;

fn open(dir: &Path, options: Options) -> (Journal, Records) {
    let mut records = Vec::new();
    let journal = Journal::open(dir, options, &mut |found| match found {
        Found::Record { position, bytes } => records.push((position, bytes.to_vec())),
        Found::Damage(damage) => panic!("{damage}"),
        Found::Torn(_) => {}
    });
    (journal.expect("the journal opens"), records)
}

fn append_all(journal: &Journal, bodies: &[&[u8]]) -> Vec<Position> {
    bodies.iter().map(|body| journal.append(&[body]).expect("there is room")).collect()
}

fn files_in(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("the folder is there");
    entries.map(|entry| entry.expect("the folder can be read").path()).collect()
}

#[test]
fn records_come_back_in_order_and_positions_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sessions");
    let (journal, found) = open(&path, Options::default());
    assert!(found.is_empty());
    let positions = append_all(&journal, &[b"a", b"", b"ccc"]);
    assert_eq!(positions, [Position(0), Position(1), Position(2)]);
    journal.wait_durable(Position(2)).unwrap();
    assert_eq!(journal.durable(), Position(3));
    drop(journal);
    let (journal, found) = open(&path, Options::default());
    let expected = [(Position(0), b"a".to_vec()), (Position(1), Vec::new()), (Position(2), b"ccc".to_vec())];
    assert_eq!(found, expected);
    assert_eq!(journal.append(&[b"d", b"d"]).unwrap(), Position(3));
    journal.close().unwrap();
    assert_eq!(open(&path, Options::default()).1.last(), Some(&(Position(3), b"dd".to_vec())));
}

#[test]
fn whole_segments_go_away_when_they_are_released() {
    let dir = tempfile::tempdir().unwrap();
    let options = || Options { segment_bytes_max: 1_000, ..Options::default() };
    let (journal, _) = open(dir.path(), options());
    let body = [7; 300];
    let bodies: Vec<&[u8]> = vec![&body; 10];
    let last = *append_all(&journal, &bodies).last().unwrap();
    journal.wait_durable(last).unwrap();
    let stats = journal.stats();
    assert_eq!((stats.segments, stats.next, stats.waiting_bytes), (4, Position(10), 0));
    let oldest = journal.oldest().unwrap();
    assert_eq!((oldest.first, oldest.end), (Position(0), Position(3)));

    journal.release_before(Position(7));
    journal.close().unwrap();
    assert_eq!(files_in(dir.path()).len(), 2);
    let (journal, found) = open(dir.path(), options());
    assert_eq!(found.first().unwrap().0, Position(6), "a segment goes away as a whole");
    assert_eq!(found.len(), 4);

    // The last segment of a former run is not written any more, so it can go as well.
    journal.release_before(Position(10));
    while journal.stats().segments > 0 {
        std::thread::yield_now();
    }
    assert_eq!(journal.append(&[b"on"]).unwrap(), Position(10));
}

#[test]
fn a_record_larger_than_a_segment_has_one_for_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path(), Options { segment_bytes_max: 100, ..Options::default() });
    append_all(&journal, &[b"a", &[1; 5_000], b"b"]);
    journal.close().unwrap();
    assert_eq!(files_in(dir.path()).len(), 3);
    let lens: Vec<usize> = open(dir.path(), Options::default()).1.iter().map(|(_, bytes)| bytes.len()).collect();
    assert_eq!(lens, [1, 5_000, 1]);
}

#[test]
fn what_does_not_fit_is_refused_with_its_size() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path(), Options { record_bytes_max: 10, ..Options::default() });
    let error = journal.append(&[&[0; 8], &[0; 3]]).unwrap_err();
    assert_eq!(error.to_string(), "a record of 11 bytes, at most 10 are taken");
    assert_eq!(journal.append(&[&[0; 10]]).unwrap(), Position(0));
}

#[test]
fn what_waits_in_memory_has_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path(), Options { waiting_bytes_max: 100_000, ..Options::default() });
    let mut taken = 0;
    let error = loop {
        match journal.append(&[&[0; 10_000]]) {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(taken >= 9 && matches!(error, Error::Behind { waiting_bytes_max: 100_000, .. }), "{error}");
    journal.close().unwrap();
    assert_eq!(open(dir.path(), Options::default()).1.len(), taken);
}

#[test]
fn segments_of_another_version_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path(), Options::default());
    append_all(&journal, &[b"a"]);
    journal.close().unwrap();
    let path = files_in(dir.path()).remove(0);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8] = 9;
    let checksum = crc32fast::hash(&bytes[..24]).to_le_bytes();
    bytes[24..28].copy_from_slice(&checksum);
    std::fs::write(&path, &bytes).unwrap();
    let error = Journal::open(dir.path(), Options::default(), &mut |_| panic!("nothing is read")).unwrap_err();
    assert!(error.to_string().ends_with("has the format 9, expected 1"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

/// Set for the process that is killed.
const CHILD: &str = "SIGNALBOX_TEST_JOURNAL";

fn body(position: u64) -> Vec<u8> {
    format!("record {position} ").repeat(usize::try_from(position % 50).expect("below 50")).into_bytes()
}

fn killed_options() -> Options {
    Options { segment_bytes_max: 64 << 10, ..Options::default() }
}

/// What the killed process does: it appends as fast as it can, and prints how far it is durable.
#[test]
fn appends_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let (journal, _) = open(Path::new(&dir), killed_options());
    loop {
        for _ in 0..20 {
            let next = journal.stats().next;
            journal.append(&[&body(next.0)]).unwrap();
        }
        let last = Position(journal.stats().next.0 - 1);
        journal.wait_durable(last).unwrap();
        println!("durable {last}");
    }
}

#[test]
fn what_was_durable_is_there_after_every_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut durable = 0;
    for round in 0..25 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "appends_until_it_is_killed", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Killed somewhere after so many groups, most likely in the middle of one.
        for line in lines.map(Result::unwrap).filter(|line| line.starts_with("durable")).take(1 + round % 7) {
            durable = line.split(' ').nth(1).unwrap().parse::<u64>().unwrap() + 1;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let (journal, found) = open(dir.path(), killed_options());
        assert!(u64::try_from(found.len()).unwrap() >= durable, "round {round}: {} of {durable}", found.len());
        for (index, (position, bytes)) in (0..).zip(&found) {
            assert_eq!((position.0, bytes), (index, &body(index)));
        }
        journal.close().unwrap();
    }
    assert!(durable >= 25 * 20);
}
