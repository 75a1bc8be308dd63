//! The journal against a disk that fails, loses power and rots.
//!
//! What a real disk may do with what was not synced is done to it: a name that was not synced may be gone, bytes behind
//! the last sync may be gone, garbage, or there. Whatever the journal has called durable has to be read again.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use proptest::prelude::*;

use crate::disk::{Disk, OpenFile, RealDisk};
use crate::{Damage, Error, Found, Journal, Notice, Options, Position};

/// What is known of one file beside its bytes.
#[derive(Default)]
struct Known {
    synced_len: u64,
    has_durable_name: bool,
    /// A sync has failed; later ones say that all is well and do nothing, as Linux does.
    is_forsaken: bool,
}

#[derive(Default)]
struct Machine {
    files: HashMap<PathBuf, Known>,
    /// Which of the next calls fail.
    faults: Vec<bool>,
    is_off: bool,
}

impl Machine {
    fn step(&mut self) -> io::Result<()> {
        if self.is_off || self.faults.pop().unwrap_or(false) {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "no space left"));
        }
        Ok(())
    }

    fn know(&mut self, path: &Path) -> &mut Known {
        self.files.entry(path.to_path_buf()).or_default()
    }
}

#[derive(Clone, Default)]
struct FaultyDisk(Arc<Mutex<Machine>>);

impl Disk for FaultyDisk {
    fn create(&mut self, path: &Path) -> io::Result<OpenFile> {
        let mut machine = self.0.lock();
        machine.step()?;
        machine.files.insert(path.to_path_buf(), Known::default());
        RealDisk.create(path)
    }

    fn write(&mut self, file: &mut OpenFile, bytes: &[u8]) -> io::Result<()> {
        let mut machine = self.0.lock();
        if let Err(error) = machine.step() {
            // A part of it was written before there was no room.
            if !machine.is_off {
                RealDisk.write(file, &bytes[..bytes.len() / 2])?;
            }
            return Err(error);
        }
        RealDisk.write(file, bytes)
    }

    fn sync(&mut self, file: &OpenFile) -> io::Result<()> {
        let mut machine = self.0.lock();
        let is_failing = machine.step();
        let known = machine.know(&file.path);
        match is_failing {
            Err(error) => {
                known.is_forsaken = true;
                Err(error)
            }
            Ok(()) if known.is_forsaken => Ok(()),
            Ok(()) => {
                known.synced_len = file.file.metadata()?.len();
                Ok(())
            }
        }
    }

    fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        let mut machine = self.0.lock();
        machine.step()?;
        let below = machine.files.iter_mut().filter(|(path, _)| path.parent() == Some(dir));
        below.for_each(|(_, known)| known.has_durable_name = true);
        Ok(())
    }

    fn truncate(&mut self, file: &OpenFile, len: u64) -> io::Result<()> {
        self.0.lock().step()?;
        RealDisk.truncate(file, len)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.0.lock().step()?;
        RealDisk.remove(path)
    }
}

impl FaultyDisk {
    /// The machine is off: nothing is written any more, and of what was not synced `choose` says what is left.
    fn lose_power(&self, mut choose: impl FnMut() -> u8) {
        let mut machine = self.0.lock();
        for (path, known) in machine.files.drain().filter(|(path, _)| path.exists()) {
            if !known.has_durable_name && choose().is_multiple_of(2) {
                fs::remove_file(&path).unwrap();
                continue;
            }
            let len = fs::metadata(&path).unwrap().len();
            let unsynced = len - known.synced_len.min(len);
            let left = known.synced_len.min(len) + unsynced * u64::from(choose()) / 255;
            let file = OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(left).unwrap();
            if choose().is_multiple_of(2) && left > known.synced_len {
                let mut bytes = fs::read(&path).unwrap();
                let at = usize::try_from(known.synced_len + (left - known.synced_len) / 2).unwrap();
                bytes[at..].fill(choose());
                fs::write(&path, bytes).unwrap();
            }
        }
        *machine = Machine::default();
    }
}

/// What is read of a journal: records, damage, and the torn end.
#[derive(Default)]
struct Reading {
    records: Vec<(Position, Vec<u8>)>,
    damages: Vec<Damage>,
    torn: Option<Damage>,
}

fn small() -> Options {
    Options {
        segment_bytes_max: 600,
        gather_max: Duration::from_micros(8),
        retry_pause: Duration::from_micros(100),
        ..Options::default()
    }
}

fn open(disk: &FaultyDisk, dir: &Path, options: Options) -> (Journal, Reading) {
    let mut reading = Reading::default();
    let journal = Journal::open_on(Box::new(disk.clone()), dir, options, &mut |found| match found {
        Found::Record { position, bytes } => reading.records.push((position, bytes.to_vec())),
        Found::Damage(damage) => reading.damages.push(damage),
        Found::Torn(torn) => reading.torn = Some(torn),
    });
    (journal.unwrap(), reading)
}

fn body(number: u64) -> Vec<u8> {
    format!("{number}:").repeat(usize::try_from(number % 40).unwrap()).into_bytes()
}

/// One life of a journal: what is done until the power goes.
#[derive(Clone, Debug)]
struct Life {
    /// How many records are appended, with a wait for the disk after every few.
    appended: u64,
    wait_every: u64,
    /// How many of the oldest records are released half way.
    released: u64,
    faults: Vec<bool>,
    remains: Vec<u8>,
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let faults = prop::collection::vec(prop::bool::weighted(0.15), 0..40);
    let remains = prop::collection::vec(any::<u8>(), 1..20);
    let life = (0u64..60, 1u64..20, 0u64..30, faults, remains).prop_map(
        |(appended, wait_every, released, faults, remains)| Life { appended, wait_every, released, faults, remains },
    );
    prop::collection::vec(life, 1..5)
}

/// Lives one life, and notes what was appended.
fn live(journal: &Journal, life: &Life, appended: &mut BTreeMap<u64, Vec<u8>>) {
    let first = journal.stats().next.0;
    for number in 0..life.appended {
        match journal.append(&[&body(first + number), b"!"]) {
            Ok(position) => {
                appended.insert(position.0, [body(first + number), b"!".to_vec()].concat());
                if number % life.wait_every == 0 {
                    // While the disk fails there is nothing to wait for.
                    drop(journal.wait_durable(position));
                }
            }
            // It takes records again: there are only so many faults.
            Err(Error::Failing { .. }) => {
                while journal.stats().failing.is_some() {
                    std::thread::yield_now();
                }
            }
            Err(error) => panic!("{error}"),
        }
        if number == life.appended / 2 {
            journal.release_before(Position(first.saturating_sub(life.released)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn what_was_called_durable_is_read_again_after_power_loss_and_errors(lives in lives()) {
        let dir = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::default();
        let mut appended: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        let (mut durable, mut released) = (Position(0), Position(0));
        for life in &lives {
            let (journal, reading) = open(&disk, dir.path(), small());
            for (position, bytes) in &reading.records {
                prop_assert_eq!(Some(bytes), appended.get(&position.0), "at {}", position);
            }
            prop_assert!(reading.records.is_sorted_by(|left, right| left.0 < right.0));
            let read: BTreeMap<u64, ()> = reading.records.iter().map(|(position, _)| (position.0, ())).collect();
            for position in released.0..durable.0 {
                prop_assert!(read.contains_key(&position), "{} of {}..{} is missing", position, released, durable);
            }
            prop_assert!(journal.stats().next >= durable);
            appended.split_off(&journal.stats().next.0);
            let first = journal.stats().next.0;
            disk.0.lock().faults.clone_from(&life.faults);
            released = released.max(Position(first.saturating_sub(life.released)));
            live(&journal, life, &mut appended);
            disk.0.lock().is_off = true;
            durable = journal.durable();
            drop(journal);
            let mut remains = life.remains.iter().copied().cycle();
            disk.lose_power(|| remains.next().unwrap());
        }
    }

    /// Every record is read as it was, or told to be missing.
    #[test]
    fn rot_is_skipped_and_reported(
        len in 1u64..60,
        rot in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1u8..), 0..4),
        cut in prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>())),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::default();
        let (journal, _) = open(&disk, dir.path(), small());
        for number in 0..len {
            journal.append(&[&body(number)]).unwrap();
        }
        journal.close().unwrap();
        let mut files: Vec<PathBuf> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for (file, at, change) in &rot {
            let path = file.get(&files);
            let mut bytes = fs::read(path).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            fs::write(path, bytes).unwrap();
        }
        if let Some((file, at)) = cut {
            let path = file.get(&files);
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..at.index(bytes.len())]).unwrap();
        }
        let (journal, reading) = open(&disk, dir.path(), small());
        let mut next = 0;
        for (position, bytes) in &reading.records {
            prop_assert!(position.0 >= next && position.0 < len);
            prop_assert_eq!(bytes, &body(position.0));
            next = position.0 + 1;
        }
        let missing = len - u64::try_from(reading.records.len()).unwrap();
        let known: u64 = reading.damages.iter().filter_map(|damage| damage.records).sum();
        let is_counted = reading.torn.is_none() && reading.damages.iter().all(|damage| damage.records.is_some());
        prop_assert!(known <= missing);
        // A last segment that was cut between two records looks as if no more had been written.
        prop_assert!(!is_counted || known == missing || cut.is_some(), "{known} told, {missing} missing");
        prop_assert!(missing == 0 || !rot.is_empty() || cut.is_some());
        // And it goes on.
        let position = journal.append(&[b"more"]).unwrap();
        journal.wait_durable(position).unwrap();
        drop(journal);
        let (_journal, again) = open(&disk, dir.path(), small());
        prop_assert_eq!(again.records.last(), Some(&(position, b"more".to_vec())));
        prop_assert_eq!(again.records.len(), reading.records.len() + 1);
        prop_assert!(again.torn.is_none());
    }
}

fn with_observer() -> (Options, Arc<Mutex<Vec<Notice>>>) {
    let notices = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&notices);
    let observer: Box<dyn Fn(Notice) + Send> = Box::new(move |notice| told.lock().push(notice));
    (Options { observer: Some(observer), ..small() }, notices)
}

#[test]
fn a_failed_sync_is_never_called_durable_and_the_records_go_into_another_file() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let (options, notices) = with_observer();
    let (journal, _) = open(&disk, dir.path(), options);
    let first = journal.append(&[b"first"]).unwrap();
    journal.wait_durable(first).unwrap();
    // Last first: the write goes well, the sync does not, nor does cutting.
    disk.0.lock().faults = vec![true, true, false];
    let second = journal.append(&[b"second"]).unwrap();
    while journal.durable() <= second {
        drop(journal.wait_durable(second));
    }
    disk.0.lock().is_off = true;
    drop(journal);
    disk.lose_power(|| 0);
    let (_journal, reading) = open(&disk, dir.path(), small());
    let texts: Vec<&[u8]> = reading.records.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    assert_eq!(texts, [b"first".as_slice(), b"second"]);
    assert!(reading.damages.is_empty() && reading.torn.is_none());
    let reason: Arc<str> = "no space left".into();
    let expected = [
        Notice::Durable { end: first.next() },
        Notice::Failing { reason },
        Notice::Durable { end: second.next() },
        Notice::Recovered,
    ];
    assert_eq!(*notices.lock(), expected);
}

#[test]
fn a_full_disk_refuses_records_and_takes_them_again_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let (journal, _) = open(&disk, dir.path(), small());
    disk.0.lock().is_off = true;
    let kept = journal.append(&[b"kept"]).unwrap();
    let refusal = journal.wait_durable(kept).unwrap_err().to_string();
    assert_eq!(refusal, "the disk takes nothing: no space left");
    assert_eq!(journal.append(&[b"refused"]).unwrap_err().to_string(), refusal);
    assert_eq!(journal.stats().failing.as_deref(), Some("no space left"));
    disk.0.lock().is_off = false;
    while journal.durable() <= kept {
        drop(journal.wait_durable(kept));
    }
    while journal.stats().failing.is_some() {
        std::thread::yield_now();
    }
    assert_eq!(journal.append(&[b"taken"]).unwrap(), kept.next());
    journal.close().unwrap();
    assert_eq!(open(&disk, dir.path(), small()).1.records.len(), 2);
}

#[test]
fn a_journal_that_cannot_be_written_says_so_when_it_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let (journal, _) = open(&disk, dir.path(), small());
    disk.0.lock().is_off = true;
    journal.append(&[b"lost"]).unwrap();
    assert!(matches!(journal.close(), Err(Error::Failing { .. })));
}

#[test]
fn a_segment_that_cannot_be_removed_is_told_once_and_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let (options, notices) = with_observer();
    let (journal, _) = open(&disk, dir.path(), options);
    let mut last = Position(0);
    for _ in 0..3 {
        last = journal.append(&[&[0; 500]]).unwrap();
        journal.wait_durable(last).unwrap();
    }
    assert_eq!(journal.stats().segments, 3);
    disk.0.lock().faults = vec![true];
    journal.release_before(last);
    let is_told = |notice: &Notice| matches!(notice, Notice::NotRemoved { .. });
    while !notices.lock().iter().any(is_told) {
        std::thread::yield_now();
    }
    let last = journal.append(&[b"more"]).unwrap();
    journal.wait_durable(last).unwrap();
    while journal.stats().segments > 1 {
        std::thread::yield_now();
    }
    assert_eq!(notices.lock().iter().filter(|notice| is_told(notice)).count(), 1);
}
