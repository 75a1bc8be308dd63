//! Compiled rules by their text, the latest ones.

use std::collections::HashMap;
use std::sync::Arc;

use bytestring::ByteString;
use sql::{Diagnostic, Query};

/// How many compiled rules are kept at least, where their texts are short; at most twice as many.
const QUERIES_MAX: usize = 512;

/// The bytes of their texts, likewise: a longer text makes room by itself.
const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A compiled rule, or the first of what is wrong with its text.
pub(super) type Compiled = Result<Query, Diagnostic>;

/// The rules that were asked for last. When the younger half is full it becomes the older one, whose rules are
/// forgotten but for those that were asked for since.
#[derive(Debug, Default)]
pub(super) struct Cache {
    younger: HashMap<ByteString, Arc<Compiled>>,
    older: HashMap<ByteString, Arc<Compiled>>,
    text_bytes: usize,
    /// The last one, which is the next one mostly.
    last: Option<(ByteString, Arc<Compiled>)>,
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
                let (text, compiled) =
                    self.older.remove_entry(text).unwrap_or_else(|| (text.into(), Arc::new(compile(text))));
                self.keep(text.clone(), Arc::clone(&compiled));
                (text, compiled)
            }
        };
        let compiled = Arc::clone(&kept.1);
        self.last = Some(kept);
        compiled
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
    fn a_text_is_compiled_once_as_long_as_it_is_asked_for() {
        let mut cache = Cache::default();
        for number in 0..4 * QUERIES_MAX {
            assert!(is_compiled(&mut cache, &text(number)), "{number} was never seen");
            assert_eq!(is_compiled(&mut cache, "SELECT 0 AS zero FROM \"t\""), number == 0, "{number}");
            assert!(!is_compiled(&mut cache, &text(number)));
        }
        assert!(is_compiled(&mut cache, &text(0)), "forgotten");
        assert!(cache.younger.len() + cache.older.len() <= 2 * QUERIES_MAX);
    }

    #[test]
    fn long_texts_are_few() {
        let mut cache = Cache::default();
        let long = |number: usize| format!("{} -- {}", text(number), "x".repeat(TEXT_BYTES_MAX / 2));
        for number in 0..8 {
            is_compiled(&mut cache, &long(number));
        }
        assert!(cache.younger.len() + cache.older.len() <= 2);
    }
}
