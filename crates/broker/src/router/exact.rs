//! Filters without wildcards: a hash map of whole topics.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::RwLock;

use super::leaf::Leaf;
use super::{Subscriber, SubscriberKey};

/// Parts of the map. Publishers of different topics seldom meet in one, and whoever subscribes stops a sixteenth.
const SHARDS: usize = 16;

/// The leaves of all filters without wildcards.
pub(super) struct Exact<T> {
    /// Chooses the shard.
    hasher: RandomState,
    shards: [Shard<T>; SHARDS],
}

/// On cache lines of its own, so that taking one lock does not slow the neighbour's down.
#[repr(align(128))]
struct Shard<T>(RwLock<HashMap<Box<str>, Arc<Leaf<T>>, RandomState>>);

impl<T: Clone> Exact<T> {
    pub(super) fn new() -> Exact<T> {
        Exact { hasher: RandomState::default(), shards: std::array::from_fn(|_| Shard(RwLock::default())) }
    }

    pub(super) fn get(&self, topic: &str) -> Option<Arc<Leaf<T>>> {
        self.shard(topic).0.read().get(topic).map(Arc::clone)
    }

    /// Returns what was replaced, to be dropped after the lock.
    pub(super) fn add(&self, topic: &str, group: Option<&str>, subscriber: Subscriber<T>) -> Option<Subscriber<T>> {
        let mut leaves = self.shard(topic).0.write();
        if let Some(leaf) = leaves.get_mut(topic) {
            return Arc::make_mut(leaf).add(group, subscriber);
        }
        let mut leaf = Leaf::default();
        leaf.add(group, subscriber);
        leaves.insert(topic.into(), Arc::new(leaf));
        None
    }

    /// Returns what was removed, to be dropped after the lock.
    pub(super) fn remove(&self, topic: &str, group: Option<&str>, key: SubscriberKey) -> Option<Subscriber<T>> {
        let mut leaves = self.shard(topic).0.write();
        let leaf = leaves.get_mut(topic).filter(|leaf| leaf.has(group, key))?;
        let leaf = Arc::make_mut(leaf);
        let removed = leaf.remove(group, key);
        if leaf.is_empty() {
            leaves.remove(topic);
            if leaves.len() < leaves.capacity() / 8 {
                let len = leaves.len();
                leaves.shrink_to(len * 2);
            }
        }
        removed
    }

    pub(super) fn filters_count(&self) -> usize {
        self.shards.iter().map(|shard| shard.0.read().len()).sum()
    }

    fn shard(&self, topic: &str) -> &Shard<T> {
        // Not the hash of the maps: their buckets would then share these bits.
        let bits = self.hasher.hash_one(topic) & 0xF;
        &self.shards[usize::try_from(bits).expect("four bits fit")]
    }
}
