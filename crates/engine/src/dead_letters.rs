//! The outputs that were given up, kept until somebody has looked at them: in memory, and on disk where there is one.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use events::Timestamp;
use journal::{Found, Journal, Notice, Options, Position};
use parking_lot::Mutex;

use crate::buffer::{DeadLetter, Failure};
use crate::disk::{Decoder, Encoder, Kept, Place};
use crate::output::OutputId;

/// The bytes that the letters of all actions may hold together; beyond it the oldest go.
const BYTES_MAX: usize = 256 << 20;

/// How long a letter is kept, in ms.
const AGE_MAX_MS: u64 = 30 * 86_400_000;

/// The first byte of a record says what it is.
const LETTER: u8 = 1;
const GONE: u8 = 2;

/// Which letters are meant; `None`: whatever it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// Of this rule.
    pub rule: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// About this client.
    pub client_id: Option<String>,
}

impl LetterFilter {
    fn matches(&self, letter: &DeadLetter) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|w| found == Some(w));
        let output = &letter.output;
        is(&self.rule, Some(&*output.rule))
            && is(&self.action, Some(&*output.action))
            && is(&self.client_id, output.client_id.as_deref())
    }
}

/// The letters of all actions.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// In the order in which they were given up.
    letters: BTreeMap<u64, DeadLetter>,
    numbers: HashMap<OutputId, u64>,
    /// How many each action has, by rule and action.
    lens: HashMap<(Arc<str>, Arc<str>), usize>,
    next_number: u64,
    bytes: usize,
    disk: Option<Kept<OutputId>>,
    encoder: Encoder,
}

impl DeadLetters {
    /// Letters in memory, gone with the process.
    pub(crate) fn in_memory() -> DeadLetters {
        DeadLetters { inner: Mutex::default() }
    }

    /// Opens the letters in `dir`.
    pub(crate) fn open(dir: &Path) -> Result<DeadLetters, journal::Error> {
        let mut inner = Inner::default();
        let mut places = HashMap::new();
        let options = Options { segment_bytes_max: 8 << 20, observer: Some(Box::new(tell)), ..Options::default() };
        let journal = Journal::open(dir, options, &mut |found| match found {
            Found::Record { position, bytes } => {
                if inner.read(position, bytes, &mut places).is_none() {
                    tracing::error!(%position, "a dead letter is not understood and was skipped");
                }
            }
            Found::Damage(damage) => tracing::error!(%damage, "dead letters cannot be read and were skipped"),
            Found::Torn(damage) => tracing::info!(%damage, "the last write to the dead letters was cut short"),
        })?;
        let mut disk = Kept::new(journal);
        places.into_iter().for_each(|(id, place)| disk.add(id, place));
        inner.disk = Some(disk);
        Ok(DeadLetters { inner: Mutex::new(inner) })
    }

    /// Keeps `letter`, and at most `len_max` of its action.
    pub(crate) fn put(&self, letter: DeadLetter, len_max: usize) {
        let mut inner = self.inner.lock();
        let (rule, action, now) = (Arc::clone(&letter.output.rule), Arc::clone(&letter.output.action), letter.at);
        inner.write(&letter);
        inner.insert(letter);
        let its_len = inner.lens.get(&(Arc::clone(&rule), Arc::clone(&action))).copied().unwrap_or(0);
        let is_its = |letter: &&DeadLetter| letter.output.rule == rule && letter.output.action == action;
        let too_many = inner.letters.values().filter(is_its).take(its_len.saturating_sub(len_max));
        let mut gone: Vec<OutputId> = too_many.map(|letter| letter.output.output_id()).collect();
        let mut bytes = inner.bytes;
        for letter in inner.letters.values() {
            if bytes <= BYTES_MAX && now.since_ms(letter.at) <= AGE_MAX_MS {
                break;
            }
            bytes -= letter.output.bytes();
            gone.push(letter.output.output_id());
        }
        inner.remove(&gone);
    }

    /// The letters that `filter` means, oldest first.
    pub(crate) fn list(&self, filter: &LetterFilter) -> Vec<DeadLetter> {
        self.inner.lock().letters.values().filter(|letter| filter.matches(letter)).cloned().collect()
    }

    /// A letter, with a number that no other gets, nor the same output when it is dead again.
    pub(crate) fn get(&self, id: OutputId) -> Option<(u64, DeadLetter)> {
        let inner = self.inner.lock();
        let number = *inner.numbers.get(&id)?;
        inner.letters.get(&number).map(|letter| (number, letter.clone()))
    }

    /// Forgets a letter, unless it is another by now.
    pub(crate) fn remove_numbered(&self, id: OutputId, number: u64) {
        let mut inner = self.inner.lock();
        if inner.numbers.get(&id) == Some(&number) {
            inner.remove(&[id]);
        }
    }

    /// Forgets a letter. False where there is none.
    pub(crate) fn remove(&self, id: OutputId) -> bool {
        let mut inner = self.inner.lock();
        let is_there = inner.numbers.contains_key(&id);
        inner.remove(&[id]);
        is_there
    }
}

impl Inner {
    fn insert(&mut self, letter: DeadLetter) {
        let id = letter.output.output_id();
        self.take_out(id);
        self.bytes += letter.output.bytes();
        *self.lens.entry(names(&letter)).or_default() += 1;
        self.numbers.insert(id, self.next_number);
        self.letters.insert(self.next_number, letter);
        self.next_number += 1;
    }

    fn take_out(&mut self, id: OutputId) {
        if let Some(letter) = self.numbers.remove(&id).and_then(|number| self.letters.remove(&number)) {
            self.bytes -= letter.output.bytes();
            let names = names(&letter);
            match self.lens.get_mut(&names) {
                Some(len) if *len > 1 => *len -= 1,
                Some(_) | None => drop(self.lens.remove(&names)),
            }
        }
    }

    /// Takes letters out, on disk as well. Where the disk takes nothing, they may be there again after a restart.
    fn remove(&mut self, ids: &[OutputId]) {
        let ids: Vec<OutputId> = ids.iter().copied().filter(|id| self.numbers.contains_key(id)).collect();
        if ids.is_empty() {
            return;
        }
        ids.iter().for_each(|id| self.take_out(*id));
        let Inner { disk: Some(disk), encoder, .. } = self else { return };
        encoder.bytes.clear();
        encoder.byte(GONE);
        encoder.number(u64::try_from(ids.len()).unwrap_or(u64::MAX));
        ids.iter().for_each(|id| encoder.bytes.extend_from_slice(&id.0.to_le_bytes()));
        if let Ok(position) = disk.note(&encoder.bytes) {
            ids.into_iter().for_each(|id| disk.forget(id));
            disk.release(position);
            if let Err(error) = disk.tidy() {
                tracing::warn!(%error, "the disk of the dead letters cannot be tidied");
            }
        }
    }

    fn write(&mut self, letter: &DeadLetter) {
        let Inner { disk: Some(disk), encoder, .. } = self else { return };
        let DeadLetter { output, reason, at, attempts, failures } = letter;
        encoder.bytes.clear();
        encoder.byte(LETTER);
        encoder.run(output.rule.as_bytes());
        encoder.run(output.action.as_bytes());
        encoder.output(output);
        encoder.run(reason.as_bytes());
        encoder.signed(at.0);
        encoder.number(u64::from(*attempts));
        encoder.number(u64::try_from(failures.len()).unwrap_or(u64::MAX));
        for failure in failures {
            encoder.signed(failure.at.0);
            encoder.run(failure.reason.as_bytes());
        }
        if let Err(error) = disk.put(output.output_id(), &encoder.bytes) {
            tracing::error!(%error, "a dead letter is only in memory, the disk does not take it");
        }
    }

    fn read(&mut self, position: Position, bytes: &[u8], places: &mut HashMap<OutputId, Place>) -> Option<()> {
        let mut decoder = Decoder::new(bytes);
        match decoder.byte()? {
            LETTER => {
                let rule: Arc<str> = (&*decoder.text()?).into();
                let action: Arc<str> = (&*decoder.text()?).into();
                let output = decoder.output(&rule, &action)?;
                let reason: Arc<str> = (&*decoder.text()?).into();
                let at = Timestamp(decoder.signed()?);
                let attempts = u32::try_from(decoder.number()?).ok()?;
                let failures = (0..decoder.number()?)
                    .map(|_| Some(Failure { at: Timestamp(decoder.signed()?), reason: (&*decoder.text()?).into() }))
                    .collect::<Option<_>>()?;
                let bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                places.insert(output.output_id(), Place { position, bytes });
                self.insert(DeadLetter { output, reason, at, attempts, failures });
            }
            GONE => {
                for _ in 0..decoder.number()? {
                    let id = OutputId(u128::from_le_bytes(decoder.fixed()?));
                    self.take_out(id);
                    places.remove(&id);
                }
            }
            _ => return None,
        }
        Some(())
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("len", &self.letters.len()).finish_non_exhaustive()
    }
}

fn names(letter: &DeadLetter) -> (Arc<str>, Arc<str>) {
    (Arc::clone(&letter.output.rule), Arc::clone(&letter.output.action))
}

/// Says in the log how the disk is.
fn tell(notice: Notice) {
    match notice {
        Notice::Durable { .. } => {}
        Notice::Failing { reason } => tracing::error!(%reason, "the disk takes no dead letters, they are in memory"),
        Notice::Recovered => tracing::info!("the disk takes dead letters again"),
        Notice::NotRemoved { reason } => tracing::warn!(%reason, "a file of old dead letters is left behind"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Output;
    use crate::output::tests::numbered;

    fn letter(n: i64, at: i64) -> DeadLetter {
        let client_id = Some(format!("pump-{n}").into());
        let reason: Arc<str> = "no such column".into();
        let failures = vec![Failure { at: Timestamp(at), reason: Arc::clone(&reason) }];
        let output = Output { client_id, ..numbered(n, Timestamp(0)) };
        DeadLetter { output, reason, at: Timestamp(at), attempts: 1, failures }
    }

    fn all(letters: &DeadLetters) -> Vec<DeadLetter> {
        letters.list(&LetterFilter::default())
    }

    #[test]
    fn letters_are_there_after_a_restart_as_they_were_and_those_dropped_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let letters = DeadLetters::open(dir.path()).unwrap();
        for n in 0..4 {
            letters.put(letter(n, n), 100);
        }
        let gone = letter(1, 1).output.output_id();
        assert!(letters.remove(gone) && !letters.remove(gone));
        drop(letters);
        let letters = DeadLetters::open(dir.path()).unwrap();
        assert_eq!(all(&letters), [letter(0, 0), letter(2, 2), letter(3, 3)]);
        assert_eq!(letters.get(gone), None);
        assert_eq!(letters.get(letter(2, 2).output.output_id()).map(|(_, letter)| letter), Some(letter(2, 2)));
        let filter = LetterFilter { client_id: Some("pump-3".into()), ..LetterFilter::default() };
        assert_eq!(letters.list(&filter), [letter(3, 3)]);
    }

    #[test]
    fn an_output_that_is_dead_again_is_one_letter() {
        let letters = DeadLetters::in_memory();
        letters.put(letter(0, 0), 100);
        letters.put(letter(1, 1), 100);
        letters.put(letter(0, 2), 100);
        assert_eq!(all(&letters), [letter(1, 1), letter(0, 2)]);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_or_they_are_too_old() {
        let letters = DeadLetters::in_memory();
        for n in 0..5 {
            letters.put(letter(n, n), 2);
        }
        assert_eq!(all(&letters), [letter(3, 3), letter(4, 4)]);
        let later = 31 * 86_400_000;
        letters.put(letter(9, later), 100);
        assert_eq!(all(&letters), [letter(9, later)]);
    }
}
