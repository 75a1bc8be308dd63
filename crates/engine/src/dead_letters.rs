//! The outputs that were given up, kept until somebody has looked at them: in memory, and on disk where there is one.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use events::{Map, Timestamp};
use journal::{Found, Journal, Notice, Options, Position};
use parking_lot::Mutex;

use crate::buffer::{DeadLetter, Failure};
use crate::disk::{DEPTH_MAX, Decoder, Encoder, Kept, Place};
use crate::error_class::ErrorClass;
use crate::output::OutputId;

/// The first byte of a record says what it is.
const LETTER: u8 = 3;
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
    /// With an error of this class in the end.
    pub class: Option<ErrorClass>,
    /// Given up at this time or later.
    pub since: Option<Timestamp>,
    /// Given up before this time.
    pub until: Option<Timestamp>,
}

/// How long and how much is kept. What is over a limit goes, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LetterLimits {
    /// How long a letter is kept, in ms.
    pub age_max_ms: u64,
    /// The letters of all actions together.
    pub len_max: usize,
    /// What the letters of all actions may hold together.
    pub bytes_max: usize,
}

impl Default for LetterLimits {
    fn default() -> LetterLimits {
        LetterLimits { age_max_ms: 30 * 86_400_000, len_max: 100_000, bytes_max: 256 << 20 }
    }
}

impl LetterFilter {
    fn matches(&self, letter: &DeadLetter) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|w| found == Some(w));
        let output = &letter.output;
        is(&self.rule, Some(&*output.rule))
            && is(&self.action, Some(&*output.action))
            && is(&self.client_id, output.client_id.as_deref())
            && self.class.is_none_or(|class| class == letter.class)
            && self.since.is_none_or(|since| since <= letter.at)
            && self.until.is_none_or(|until| letter.at < until)
    }
}

/// The letters of all actions.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    limits: LetterLimits,
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
    pub(crate) fn in_memory(limits: LetterLimits) -> DeadLetters {
        DeadLetters { limits, inner: Mutex::default() }
    }

    /// Opens the letters in `dir`.
    pub(crate) fn open(dir: &Path, limits: LetterLimits) -> Result<DeadLetters, journal::Error> {
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
        Ok(DeadLetters { limits, inner: Mutex::new(inner) })
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
        let gone: Vec<OutputId> = too_many.map(|letter| letter.output.output_id()).collect();
        inner.remove(&gone);
        inner.keep_within(now, self.limits);
    }

    /// The letters that `filter` means and that are not too old, oldest first.
    pub(crate) fn list(&self, now: Timestamp, filter: &LetterFilter) -> Vec<DeadLetter> {
        let mut inner = self.inner.lock();
        inner.keep_within(now, self.limits);
        inner.letters.values().filter(|letter| filter.matches(letter)).cloned().collect()
    }

    /// A letter, with a number that no other gets, nor the same output when it is dead again.
    pub(crate) fn get(&self, id: OutputId) -> Option<(u64, DeadLetter)> {
        let inner = self.inner.lock();
        let number = *inner.numbers.get(&id)?;
        inner.letters.get(&number).map(|letter| (number, letter.clone()))
    }

    /// Gives a letter another row, with which it is sent when it is replayed. False where there is none.
    pub(crate) fn edit(&self, id: OutputId, row: Map) -> bool {
        let mut inner = self.inner.lock();
        let number = inner.numbers.get(&id).copied();
        let Some(letter) = number.and_then(|number| inner.letters.get_mut(&number)) else { return false };
        let before = letter.bytes();
        letter.output.row = Arc::new(row);
        let edited = letter.clone();
        inner.bytes = inner.bytes - before + edited.bytes();
        inner.write(&edited);
        true
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
        self.bytes += letter.bytes();
        *self.lens.entry(names(&letter)).or_default() += 1;
        self.numbers.insert(id, self.next_number);
        self.letters.insert(self.next_number, letter);
        self.next_number += 1;
    }

    /// Forgets what is too much or too old.
    fn keep_within(&mut self, now: Timestamp, limits: LetterLimits) {
        let LetterLimits { age_max_ms, len_max, bytes_max } = limits;
        let (mut len, mut bytes) = (self.letters.len(), self.bytes);
        let mut gone = Vec::new();
        for letter in self.letters.values() {
            if bytes <= bytes_max && len <= len_max && now.since_ms(letter.at) <= age_max_ms {
                break;
            }
            bytes -= letter.bytes();
            len -= 1;
            gone.push(letter.output.output_id());
        }
        self.remove(&gone);
    }

    fn take_out(&mut self, id: OutputId) {
        if let Some(letter) = self.numbers.remove(&id).and_then(|number| self.letters.remove(&number)) {
            self.bytes -= letter.bytes();
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
            if let Err(error) = disk.tidy((0, None)) {
                tracing::warn!(%error, "the disk of the dead letters cannot be tidied");
            }
        }
    }

    fn write(&mut self, letter: &DeadLetter) {
        let Inner { disk: Some(disk), encoder, .. } = self else { return };
        let DeadLetter { output, sent, class, reason, at, attempts, failures } = letter;
        encoder.bytes.clear();
        encoder.byte(LETTER);
        encoder.run(output.rule.as_bytes());
        encoder.run(output.action.as_bytes());
        encoder.output(output);
        encoder.map(sent);
        encoder.run(class.name().as_bytes());
        encoder.run(reason.as_bytes());
        encoder.signed(at.0);
        encoder.number(u64::from(*attempts));
        encoder.number(u64::try_from(failures.len()).unwrap_or(u64::MAX));
        for failure in failures {
            encoder.signed(failure.at.0);
            encoder.run(failure.class.name().as_bytes());
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
                let sent = decoder.map(DEPTH_MAX)?;
                let class = read_class(&mut decoder)?;
                let reason: Arc<str> = (&*decoder.text()?).into();
                let at = Timestamp(decoder.signed()?);
                let attempts = u32::try_from(decoder.number()?).ok()?;
                let failures = (0..decoder.number()?)
                    .map(|_| {
                        let (at, class) = (Timestamp(decoder.signed()?), read_class(&mut decoder)?);
                        Some(Failure { at, class, reason: (&*decoder.text()?).into() })
                    })
                    .collect::<Option<_>>()?;
                let bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                places.insert(output.output_id(), Place { position, bytes });
                self.insert(DeadLetter { output, sent, class, reason, at, attempts, failures });
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

fn read_class(decoder: &mut Decoder) -> Option<ErrorClass> {
    decoder.text()?.parse().ok()
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
    use events::Value;

    use super::*;
    use crate::output::Output;
    use crate::output::tests::numbered;

    fn letter(n: i64, at: i64) -> DeadLetter {
        let client_id = Some(format!("pump-{n}").into());
        let reason: Arc<str> = "no such column".into();
        let class = if n == 2 { ErrorClass::Data } else { ErrorClass::Missing };
        let failures = vec![Failure { at: Timestamp(at), class, reason: Arc::clone(&reason) }];
        let output = Output { client_id, ..numbered(n, Timestamp(0)) };
        let sent = [("statement".into(), "INSERT".into()), ("$1".into(), Value::Int(n))].into_iter().collect();
        DeadLetter { output, sent, class, reason, at: Timestamp(at), attempts: 1, failures }
    }

    fn all(letters: &DeadLetters) -> Vec<DeadLetter> {
        letters.list(Timestamp(0), &LetterFilter::default())
    }

    #[test]
    fn letters_are_there_after_a_restart_as_they_were_and_those_dropped_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let letters = DeadLetters::open(dir.path(), LetterLimits::default()).unwrap();
        for n in 0..4 {
            letters.put(letter(n, n), 100);
        }
        let gone = letter(1, 1).output.output_id();
        assert!(letters.remove(gone) && !letters.remove(gone));
        drop(letters);
        let letters = DeadLetters::open(dir.path(), LetterLimits::default()).unwrap();
        assert_eq!(all(&letters), [letter(0, 0), letter(2, 2), letter(3, 3)]);
        assert_eq!(letters.get(gone), None);
        assert!(!letters.edit(gone, Map::new()));
        assert_eq!(letters.get(letter(2, 2).output.output_id()).map(|(_, letter)| letter), Some(letter(2, 2)));
        let listed = |filter| letters.list(Timestamp(9), &filter);
        let (all, at) = (LetterFilter::default(), |ms| Some(Timestamp(ms)));
        assert_eq!(listed(LetterFilter { client_id: Some("pump-3".into()), ..all.clone() }), [letter(3, 3)]);
        assert_eq!(listed(LetterFilter { class: Some(ErrorClass::Data), ..all.clone() }), [letter(2, 2)]);
        assert_eq!(listed(LetterFilter { since: at(1), until: at(3), ..all }), [letter(2, 2)]);
    }

    #[test]
    fn a_letter_that_was_edited_stays_so_over_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let letters = DeadLetters::open(dir.path(), LetterLimits::default()).unwrap();
        letters.put(letter(0, 0), 100);
        let row: Map = [("n".into(), Value::Int(77))].into_iter().collect();
        assert!(letters.edit(letter(0, 0).output.output_id(), row.clone()));
        drop(letters);
        let letters = DeadLetters::open(dir.path(), LetterLimits::default()).unwrap();
        let [edited] = &*all(&letters) else { panic!("one letter") };
        assert_eq!((&*edited.output.row, &edited.sent), (&row, &letter(0, 0).sent), "what was sent stays as it was");
    }

    #[test]
    fn an_output_that_is_dead_again_is_one_letter() {
        let letters = DeadLetters::in_memory(LetterLimits::default());
        letters.put(letter(0, 0), 100);
        letters.put(letter(1, 1), 100);
        letters.put(letter(0, 2), 100);
        assert_eq!(all(&letters), [letter(1, 1), letter(0, 2)]);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_or_they_are_too_old() {
        let letters = DeadLetters::in_memory(LetterLimits::default());
        for n in 0..5 {
            letters.put(letter(n, n), 2);
        }
        assert_eq!(all(&letters), [letter(3, 3), letter(4, 4)]);
        let later = 31 * 86_400_000;
        letters.put(letter(9, later), 100);
        assert_eq!(all(&letters), [letter(9, later)]);
        let month_later = Timestamp(later + 30 * 86_400_000 + 1);
        assert_eq!(letters.list(month_later, &LetterFilter::default()), []);
        let letters = DeadLetters::in_memory(LetterLimits { len_max: 3, ..LetterLimits::default() });
        (0..5).for_each(|n| letters.put(letter(n, n), 100));
        assert_eq!(all(&letters), [letter(2, 2), letter(3, 3), letter(4, 4)]);
    }
}
