//! Outputs that are offered to an action together.

use super::item::{Item, Trials};
use crate::output::Output;

/// Outputs that are offered together, in the order of arrival.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    outputs: Vec<Output>,
    tags: Vec<Tag>,
    /// Whether others of the same keys wait until this is back.
    pub(super) holds_keys: bool,
}

/// What the buffer knows of an output of a batch.
#[derive(Clone, Debug)]
struct Tag {
    number: u64,
    key: u64,
    bytes: usize,
    trials: Trials,
}

impl Batch {
    /// What to send.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    pub(super) fn len(&self) -> usize {
        self.outputs.len()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = u64> {
        self.tags.iter().map(|tag| tag.key)
    }

    /// How often the one was offered that was offered most, this time included.
    pub(super) fn attempts(&self) -> u32 {
        self.tags.iter().map(|tag| tag.trials.attempts).max().unwrap_or(0)
    }

    /// The completion with which one of them failed last.
    pub(super) fn failed_at(&self) -> u64 {
        self.tags.iter().map(|tag| tag.trials.failed_at).max().unwrap_or(0)
    }

    pub(super) fn push(&mut self, item: Item) {
        let Item { number, key, output, mut trials, bytes } = item;
        trials.attempts += 1;
        self.outputs.push(output);
        self.tags.push(Tag { number, key, bytes, trials });
    }

    pub(super) fn into_items(self) -> impl Iterator<Item = Item> {
        self.outputs.into_iter().zip(self.tags).map(|(output, Tag { number, key, bytes, trials })| Item {
            number,
            key,
            output,
            trials,
            bytes,
        })
    }
}
