//! The part of a buffer that survives a kill: every output that came in, and the numbers of those that are off again.
//!
//! Both are records of one journal. What was not noted to be off when the process ended is queued again when it starts,
//! under the same number, with the account as it was.
//!
//! Of a long queue only the older part is in memory as well; the newer one is read back from disk when its turn comes.
//!
//! What the disk does not take is in memory, and offered to it again when it is back. Who has promised that an output is
//! on disk waits for its [`Mark`].

mod cold;
mod encoding;
mod kept;
#[cfg(test)]
mod long_queues;
mod numbers;
mod progress;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use journal::{Found, Journal, Notice, Options, Position};

use cold::Cold;
pub(crate) use encoding::{DEPTH_MAX, Decoder, Encoder};
pub(crate) use kept::{Kept, Place};
pub(crate) use progress::{Mark, Progress, Reached, reached};

use numbers::Numbers;

use crate::buffer::{Drops, Ledger};
use crate::output::Output;

/// Large enough to sync rarely, small enough to give room back soon.
const SEGMENT_BYTES: usize = 16 << 20;

/// How many outputs that the disk did not take come back from memory at once.
const UNPLACED_LEN_MAX: usize = 10_000;

/// The first byte of a record says what it is.
const OUTPUT: u8 = 1;
const OFF: u8 = 2;

/// The disk of one buffer.
pub(crate) struct DiskBuffer {
    /// The records of what is in memory, by number.
    kept: Kept<u64>,
    /// What is queued behind that and is not in memory.
    cold: Cold,
    names: Names,
    /// Numbers that are off and could not be noted yet.
    not_noted: Vec<u64>,
    /// Where the account stands that was written last.
    account_at: Position,
    next_number: u64,
    /// What is queued and not on disk, because it did not take it.
    not_kept: BTreeMap<u64, Output>,
    /// Outputs that came in while the disk took nothing.
    not_kept_count: u64,
    progress: Arc<Progress>,
    encoder: Encoder,
}

#[derive(Clone, Debug)]
struct Names {
    rule: Arc<str>,
    action: Arc<str>,
}

/// What a former process has left.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// What is not off, in order, as far as it is in memory.
    pub(crate) queued: Vec<(u64, Output)>,
    /// How much is behind that, and at least how many bytes: what [`DiskBuffer::load`] gives.
    pub(crate) cold: (u64, usize),
    /// The account of what is off.
    pub(crate) settled: (Ledger, Drops),
    pub(crate) next_number: u64,
}

impl DiskBuffer {
    /// Opens the journal in `dir` and reads what is left there. What cannot be read is logged, and counted as dropped
    /// as far as it is known.
    pub(crate) fn open(dir: &Path, rule: &Arc<str>, action: &Arc<str>) -> Result<(DiskBuffer, Left), journal::Error> {
        let names = Names { rule: Arc::clone(rule), action: Arc::clone(action) };
        let mut reading = Reading { names: names.clone(), ..Reading::default() };
        let progress = Arc::new(Progress::default());
        let observer = observer(names.clone(), Arc::clone(&progress));
        let options = Options { segment_bytes_max: SEGMENT_BYTES, observer: Some(observer), ..Options::default() };
        let journal = Journal::open(dir, options, &mut |found| reading.take(found))?;
        progress.note_durable(journal.durable());
        let mut disk = DiskBuffer {
            kept: Kept::new(journal),
            cold: Cold::default(),
            names,
            not_noted: Vec::new(),
            account_at: reading.account_at,
            next_number: 0,
            not_kept: BTreeMap::new(),
            not_kept_count: 0,
            progress,
            encoder: Encoder::default(),
        };
        let left = reading.finish(&mut disk)?;
        disk.next_number = left.next_number;
        Ok((disk, left))
    }

    /// Keeps `output`, which has come in as the `number`th, and says when it is on disk. While the disk takes nothing it
    /// is only in memory. One that `is_cold` is nowhere else.
    pub(crate) fn keep(&mut self, number: u64, output: &Output, is_cold: bool) -> Mark {
        self.next_number = number + 1;
        if is_cold {
            self.cold.push_unplaced(number);
        }
        // Records stand in the order of their numbers.
        self.retake();
        if self.not_kept.is_empty() {
            match self.put(number, output) {
                Ok(position) => return Mark::Record(position),
                Err(error) if self.not_kept_count == 0 => {
                    let (rule, action) = (&*self.names.rule, &*self.names.action);
                    tracing::error!(rule, action, %error, "outputs are only in memory, the disk does not take them");
                }
                Err(_) => {}
            }
        }
        self.not_kept_count += 1;
        self.not_kept.insert(number, output.clone());
        self.progress.note_refused()
    }

    fn put(&mut self, number: u64, output: &Output) -> Result<Position, journal::Error> {
        self.encoder.bytes.clear();
        self.encoder.byte(OUTPUT);
        self.encoder.number(number);
        self.encoder.output(output);
        if !self.cold.contains(number) {
            return self.kept.put(number, &self.encoder.bytes);
        }
        let position = self.kept.note(&self.encoder.bytes)?;
        self.cold.push(number, position, len_of(&self.encoder.bytes));
        Ok(position)
    }

    /// Offers the disk again what it did not take.
    fn retake(&mut self) {
        if !self.progress.is_owed() {
            return;
        }
        while let Some((number, output)) = self.not_kept.pop_first() {
            if self.put(number, &output).is_err() {
                self.not_kept.insert(number, output);
                return;
            }
        }
        self.progress.note_retaken(self.kept.stats().next);
    }

    /// Reads back the oldest outputs that are not in memory, in order, with how many of them are not there any more; none
    /// where they are not on disk yet.
    pub(crate) fn load(&mut self) -> Result<(Vec<(u64, Output)>, u64), journal::Error> {
        self.cold.trim();
        let Some(chunk) = self.cold.front() else { return Ok((self.take_unplaced(), 0)) };
        if self.kept.stats().durable < chunk.end {
            self.cold.seal();
            return Ok((Vec::new(), 0));
        }
        let mut found = Vec::new();
        let (names, cold) = (&self.names, &self.cold);
        self.kept.read((chunk.first, chunk.end), &mut |position, bytes| {
            let place = Place { position, bytes: len_of(bytes) };
            found.extend(output_of(bytes, names).filter(|(number, _)| cold.contains(*number)).map(|one| (one, place)));
        })?;
        let mut outputs = Vec::with_capacity(found.len());
        for ((number, output), place) in found {
            if self.cold.remove(number) {
                self.kept.add(number, place);
                outputs.push((number, output));
            }
        }
        let lost = self.cold.pop();
        if lost > 0 {
            let (rule, action) = (&*self.names.rule, &*self.names.action);
            tracing::error!(rule, action, lost, "outputs were lost with a part of their buffer that cannot be read");
        }
        Ok((outputs, lost))
    }

    /// What the disk did not take comes back from memory.
    fn take_unplaced(&mut self) -> Vec<(u64, Output)> {
        let Some(first) = self.cold.first() else { return Vec::new() };
        let waiting = self.not_kept.range(first..).take(UNPLACED_LEN_MAX);
        let waiting: Vec<(u64, Output)> = waiting.map(|(number, output)| (*number, output.clone())).collect();
        for (number, _) in &waiting {
            self.cold.remove(*number);
        }
        waiting
    }

    /// Tells how far it is on disk.
    pub(crate) const fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Notes that `numbers` are off, with the account as it is now, and gives room back.
    pub(crate) fn note_off(&mut self, numbers: &[u64], (ledger, drops): (Ledger, Drops)) {
        if self.progress.is_owed() {
            numbers.iter().for_each(|number| drop(self.not_kept.remove(number)));
            self.retake();
        }
        self.not_noted.extend(numbers.iter().filter(|number| self.kept.has(**number)));
        if numbers.is_empty() && self.not_noted.is_empty() {
            return;
        }
        self.encoder.bytes.clear();
        self.encoder.byte(OFF);
        let Ledger { in_: _, delivered, queued: _, in_flight: _, dead, expired, dropped, fallen_back } = ledger;
        let Drops { overflow, closed, draining, damaged } = drops;
        let lost = [overflow, closed, draining, damaged, self.next_number];
        let account = [delivered, dead, expired, dropped, fallen_back].into_iter().chain(lost);
        account.for_each(|number| self.encoder.number(number));
        self.encoder.number(len_of(&self.not_noted));
        self.not_noted.iter().for_each(|number| self.encoder.number(*number));
        // Where the disk takes nothing, it is noted with the next.
        let Ok(position) = self.kept.note(&self.encoder.bytes) else { return };
        self.account_at = position;
        for number in std::mem::take(&mut self.not_noted) {
            self.kept.forget(number);
        }
        self.release();
    }

    /// Gives back what stands before everything that is needed.
    fn release(&self) {
        self.kept.release(self.cold.first_position().map_or(self.account_at, |first| first.min(self.account_at)));
    }

    /// Outputs that came in while the disk took nothing.
    pub(crate) const fn not_kept(&self) -> u64 {
        self.not_kept_count
    }

    /// How much of the disk is used, and why nothing is taken, while nothing is.
    pub(crate) fn stats(&self) -> journal::Stats {
        self.kept.stats()
    }

    /// Whether little of what is on disk is needed.
    pub(crate) fn is_untidy(&self) -> bool {
        self.kept.is_untidy((self.cold.bytes(), self.cold.first_position()))
    }

    /// Moves what is still needed of the oldest segment to the end.
    pub(crate) fn tidy(&mut self) -> Result<(), journal::Error> {
        self.kept.tidy((self.cold.bytes(), self.cold.first_position()))?;
        self.release();
        Ok(())
    }
}

impl std::fmt::Debug for DiskBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiskBuffer").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Default for Names {
    fn default() -> Names {
        Names { rule: "".into(), action: "".into() }
    }
}

/// What is known while a journal is read.
#[derive(Default)]
struct Reading {
    names: Names,
    /// What stands in the order of the numbers.
    cold: Cold,
    /// What was moved to the end, and is older than what stands before it.
    moved: BTreeMap<u64, (Place, Output)>,
    settled: (Ledger, Drops),
    account_at: Position,
    next_number: u64,
    is_after_damage: bool,
    /// Numbers of which the records may have been in what is damaged; those that are off later were not lost.
    missing: Numbers,
}

impl Reading {
    fn take(&mut self, found: Found<'_>) {
        let Names { rule, action } = self.names.clone();
        let (rule, action) = (&*rule, &*action);
        match found {
            Found::Record { position, bytes } => {
                if self.record(position, bytes).is_none() {
                    tracing::error!(rule, action, %position, "a record of a buffer is not understood and was skipped");
                }
            }
            Found::Damage(damage) => {
                self.is_after_damage = true;
                tracing::error!(rule, action, %damage, "a part of a buffer cannot be read and was skipped");
            }
            Found::Torn(damage) => {
                tracing::info!(rule, action, %damage, "the last write to a buffer was cut short");
            }
        }
    }

    fn record(&mut self, position: Position, bytes: &[u8]) -> Option<()> {
        let mut decoder = Decoder::new(bytes);
        match decoder.byte()? {
            OUTPUT => {
                let number = decoder.number()?;
                self.missing.remove(number);
                let place = Place { position, bytes: len_of(bytes) };
                if number >= self.next_number {
                    if std::mem::take(&mut self.is_after_damage) {
                        self.miss(self.next_number..number);
                    }
                    self.next_number = number + 1;
                    self.cold.push(number, position, place.bytes);
                } else {
                    let output = decoder.output(&self.names.rule, &self.names.action)?;
                    self.cold.remove(number);
                    self.moved.insert(number, (place, output));
                }
            }
            OFF => {
                let mut account = [0; 10];
                for number in &mut account {
                    *number = decoder.number()?;
                }
                let [delivered, dead, expired, dropped, fallen_back, lost @ .., next_number] = account;
                let [overflow, closed, draining, damaged] = lost;
                let ledger = Ledger { delivered, dead, expired, dropped, fallen_back, ..Ledger::default() };
                self.settled = (ledger, Drops { overflow, closed, draining, damaged });
                self.account_at = position;
                if next_number > self.next_number {
                    if std::mem::take(&mut self.is_after_damage) {
                        self.miss(self.next_number..next_number);
                    }
                    self.next_number = next_number;
                }
                for _ in 0..decoder.number()? {
                    let number = decoder.number()?;
                    self.missing.remove(number);
                    self.cold.remove(number);
                    self.moved.remove(&number);
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn miss(&mut self, numbers: Range<u64>) {
        for number in numbers {
            self.missing.insert(number);
        }
    }

    /// Hands over what was found. What was moved is put among what is as old, which is read back for that.
    fn finish(self, disk: &mut DiskBuffer) -> Result<Left, journal::Error> {
        disk.cold = self.cold;
        let mut lost = self.missing.len();
        let newest_moved = self.moved.last_key_value().map(|(number, _)| *number);
        let mut queued: BTreeMap<u64, Output> = BTreeMap::new();
        for (number, (place, output)) in self.moved {
            disk.kept.add(number, place);
            queued.insert(number, output);
        }
        while disk.cold.first().zip(newest_moved).is_some_and(|(first, newest)| first < newest) {
            let (outputs, missed) = disk.load()?;
            queued.extend(outputs);
            lost += missed;
        }
        let (mut ledger, mut drops) = self.settled;
        ledger.dropped += lost;
        drops.damaged += lost;
        if lost > 0 {
            let (rule, action) = (&*self.names.rule, &*self.names.action);
            tracing::error!(rule, action, lost, "outputs were lost with the part of their buffer that cannot be read");
        }
        disk.cold.trim();
        let cold = (disk.cold.len(), usize::try_from(disk.cold.bytes()).unwrap_or(usize::MAX));
        let queued = queued.into_iter().collect();
        Ok(Left { queued, cold, settled: (ledger, drops), next_number: self.next_number })
    }
}

/// The output of a record with its number; `None` where the record is of something else, or is not understood.
fn output_of(record: &[u8], names: &Names) -> Option<(u64, Output)> {
    let mut decoder = Decoder::new(record);
    if decoder.byte()? != OUTPUT {
        return None;
    }
    let number = decoder.number()?;
    Some((number, decoder.output(&names.rule, &names.action)?))
}

/// Says in the log how the disk is.
fn observer(names: Names, progress: Arc<Progress>) -> Box<dyn Fn(Notice) + Send> {
    Box::new(move |notice| {
        let (rule, action) = (&*names.rule, &*names.action);
        match notice {
            Notice::Durable { end } => progress.note_durable(end),
            Notice::Failing { reason } => {
                tracing::error!(rule, action, %reason, "the disk of a buffer takes nothing, its outputs are in memory");
            }
            Notice::Recovered => {
                tracing::info!(rule, action, "the disk of a buffer takes outputs again");
                progress.offer_again();
            }
            Notice::NotRemoved { reason } => {
                tracing::warn!(rule, action, %reason, "a file of a buffer that is not needed any more is left behind");
            }
        }
    })
}

fn len_of<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use events::Timestamp;

    use super::*;
    use crate::output::tests::numbered;

    /// What is left is read back whole.
    fn open(dir: &Path) -> (DiskBuffer, Left) {
        let (mut disk, mut left) = DiskBuffer::open(dir, &"rule".into(), &"action".into()).unwrap();
        while disk.cold.len() > 0 {
            let (outputs, lost) = disk.load().unwrap();
            left.queued.extend(outputs);
            assert_eq!(lost, 0);
        }
        (disk, left)
    }

    fn numbers(left: &Left) -> Vec<u64> {
        left.queued.iter().map(|(number, _)| *number).collect()
    }

    fn delivered(delivered: u64) -> (Ledger, Drops) {
        (Ledger { delivered, ..Ledger::default() }, Drops::default())
    }

    fn output(number: u64) -> Output {
        numbered(i64::try_from(number).unwrap(), Timestamp(7))
    }

    #[test]
    fn what_is_not_off_is_there_again_with_the_account() {
        let dir = tempfile::tempdir().unwrap();
        let (mut disk, left) = open(dir.path());
        assert!(left.queued.is_empty());
        for number in 0..5 {
            disk.keep(number, &output(number), false);
        }
        disk.note_off(&[0, 3], delivered(2));
        drop(disk);
        let (mut disk, left) = open(dir.path());
        assert_eq!((numbers(&left), left.settled, left.next_number), (vec![1, 2, 4], delivered(2), 5));
        assert_eq!(left.queued[0].1, output(1));
        disk.note_off(&[1, 2, 4], delivered(5));
        drop(disk);
        let (_, left) = open(dir.path());
        assert_eq!((numbers(&left), left.settled, left.next_number), (vec![], delivered(5), 5));
    }

    #[test]
    fn what_the_disk_has_lost_counts_as_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let (mut disk, _) = open(dir.path());
        for number in 0..5 {
            disk.keep(number, &output(number), false);
        }
        disk.note_off(&[1], delivered(1));
        drop(disk);
        let file = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
        let mut bytes = std::fs::read(&file).unwrap();
        // Somewhere in the records of 1 and 2; that 1 was off is known still.
        let record = (bytes.len() - 28) / 6;
        bytes[28 + record + 20..28 + 3 * record].fill(0xA5);
        std::fs::write(&file, bytes).unwrap();
        let (_, left) = open(dir.path());
        assert_eq!(numbers(&left), [0, 3, 4]);
        assert_eq!(left.settled.1, Drops { damaged: 1, ..Drops::default() });
        assert_eq!((left.settled.0.dropped, left.settled.0.delivered), (1, 1));
    }

    #[test]
    fn one_that_waits_for_long_does_not_keep_all_that_came_behind_it() {
        let dir = tempfile::tempdir().unwrap();
        let (mut disk, _) = open(dir.path());
        let large = |number| Output { trigger: "t".repeat(1 << 20).into(), ..output(number) };
        disk.keep(0, &output(0), false);
        for number in 1..120 {
            disk.keep(number, &large(number), false);
            disk.note_off(&[number], delivered(number));
            while disk.stats().durable < disk.stats().next {
                std::thread::yield_now();
            }
            disk.tidy().unwrap();
        }
        assert!(disk.stats().segments <= 6, "{:?}", disk.stats());
        drop(disk);
        assert_eq!(numbers(&open(dir.path()).1), [0]);
    }
}
