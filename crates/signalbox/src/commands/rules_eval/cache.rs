//! Compiled rules by their text, the latest ones.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use bytestring::ByteString;
use sql::{Diagnostic, Query};

/// How many compiled rules are kept at least, where their texts are short; at most twice as many.
const QUERIES_MAX: usize = 512;

/// The bytes of their texts, likewise: a longer text makes room by itself.
const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many texts are remembered to have been asked for.
const SEEN_MAX: usize = 4096;
const SEEN_PLACES: u64 = SEEN_MAX as u64;

/// A compiled rule, or the first of what is wrong with its text.
pub(super) type Compiled = Result<Query, Diagnostic>;

/// The rules that were asked for last, of those that were asked for twice: a stream of texts that differ would only push
/// each other out, and every one of them would leave the processor's caches before it is dropped. When the younger half
/// is full it becomes the older one, whose rules are forgotten but for those that were asked for since.
#[derive(Debug)]
pub(super) struct Cache {
    hasher: RandomState,
    /// Hashes of texts, each at its place; a later one takes the place of an earlier.
    seen: Box<[u64]>,
    younger: HashMap<ByteString, Arc<Compiled>>,
    older: HashMap<ByteString, Arc<Compiled>>,
    text_bytes: usize,
    /// The last one, which is the next one mostly.
    last: Option<(ByteString, Arc<Compiled>)>,
}

impl Default for Cache {
    fn default() -> Cache {
        Cache {
            hasher: RandomState::new(),
            seen: vec![0; SEEN_MAX].into(),
            younger: HashMap::new(),
            older: HashMap::new(),
            text_bytes: 0,
            last: None,
        }
    }
}

impl Cache {
    /// The rule of `text`, compiled where it is not kept.
    pub(super) fn get(&mut self, text: &str, compile: impl FnOnce(&str) -> Compiled) -> Arc<Compiled> {
        if let Some((last, compiled)) = &self.last
            && **last == *text
        {
            return Arc::clone(compiled);
        }
        let kept = match self.younger.get_key_value(text) {
            Some((text, compiled)) => (text.clone(), Arc::clone(compiled)),
            None => {
                let older = self.older.remove_entry(text);
                let is_kept = older.is_some() || self.was_seen(text);
                let (text, compiled) = older.unwrap_or_else(|| (text.into(), Arc::new(compile(text))));
                if is_kept {
                    self.keep(text.clone(), Arc::clone(&compiled));
                }
                (text, compiled)
            }
        };
        let compiled = Arc::clone(&kept.1);
        self.last = Some(kept);
        compiled
    }

    /// Whether the text was asked for before, as far as that is remembered.
    fn was_seen(&mut self, text: &str) -> bool {
        let hash = self.hasher.hash_one(text);
        let at = usize::try_from(hash % SEEN_PLACES).unwrap_or_default();
        self.seen.get_mut(at).is_some_and(|seen| std::mem::replace(seen, hash) == hash)
    }

    fn keep(&mut self, text: ByteString, compiled: Arc<Compiled>) {
        if self.younger.len() >= QUERIES_MAX || self.text_bytes + text.len() > TEXT_BYTES_MAX {
            self.older = std::mem::take(&mut self.younger);
            self.text_bytes = 0;
        }
        self.text_bytes += text.len();
        self.younger.insert(text, compiled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: usize) -> String {
        format!("SELECT {number} AS n FROM \"t\"")
    }

    fn is_compiled(cache: &mut Cache, text: &str) -> bool {
        let mut compiled = false;
        let _query = cache.get(text, |text| {
            compiled = true;
            Query::compile_open(text).map(|(query, _)| query).map_err(|mut wrong| wrong.remove(0))
        });
        compiled
    }

    #[test]
    fn a_text_that_is_asked_for_again_and_again_is_kept_among_many_that_are_not() {
        let mut cache = Cache::default();
        assert!(is_compiled(&mut cache, "SELECT 0 AS zero FROM \"t\""));
        for number in 0..4 * QUERIES_MAX {
            assert!(is_compiled(&mut cache, &text(number)), "{number} was never seen");
            assert!(!is_compiled(&mut cache, &text(number)), "the last one is at hand");
            assert_eq!(is_compiled(&mut cache, "SELECT 0 AS zero FROM \"t\""), number == 0, "{number}");
        }
        assert_eq!((cache.younger.len(), cache.older.len()), (1, 0), "what was asked for once is not kept");
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        let mut cache = Cache::default();
        for number in (0..4 * QUERIES_MAX).flat_map(|number| [number, number + 1, number]) {
            is_compiled(&mut cache, &text(number));
        }
        let kept = cache.younger.len() + cache.older.len();
        assert!((QUERIES_MAX..=2 * QUERIES_MAX).contains(&kept), "{kept}");
    }

    #[test]
    fn long_texts_are_few() {
        let mut cache = Cache::default();
        let long = |number: usize| format!("{} -- {}", text(number), "x".repeat(TEXT_BYTES_MAX / 2));
        for number in [0, 1, 0, 2, 1, 3, 2, 4, 3, 5, 4] {
            is_compiled(&mut cache, &long(number));
        }
        assert!(cache.younger.len() + cache.older.len() <= 2);
    }
}
