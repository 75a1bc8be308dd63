//! Filters with wildcards: a tree of levels.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mqtt::topic::{is_system, levels};
use parking_lot::RwLock;

use super::leaf::Leaf;
use super::level_map::LevelMap;
use super::{Subscriber, SubscriberKey, split_level};

/// The leaves of all filters with wildcards.
pub(super) struct Trie<T> {
    /// Changed under the write lock; read without it, so that publishers pass an empty trie by.
    filters_count: AtomicUsize,
    root: RwLock<Node<T>>,
}

/// The filters that begin with the levels on the way here.
struct Node<T> {
    /// Filters that go on with a level of this name.
    children: LevelMap<Node<T>>,
    /// Filters that go on with `+`.
    plus: Option<Box<Node<T>>>,
    /// The filter that ends here.
    here: Option<Arc<Leaf<T>>>,
    /// The filter that ends with `#` after this level.
    below: Option<Arc<Leaf<T>>>,
}

impl<T: Clone> Trie<T> {
    pub(super) fn new() -> Trie<T> {
        Trie { filters_count: AtomicUsize::new(0), root: RwLock::new(Node::default()) }
    }

    /// Calls `sink` for the leaf of every filter that matches `topic`. Allocates nothing, visits a node at most once,
    /// and goes no deeper than the longest filter.
    pub(super) fn find(&self, topic: &str, mut sink: impl FnMut(&Arc<Leaf<T>>)) {
        if self.filters_count.load(Ordering::Acquire) == 0 {
            return;
        }
        let root = self.root.read();
        if is_system(topic) {
            // [MQTT-4.7.2-1]: not for filters that begin with a wildcard.
            let (level, rest) = split_level(topic);
            if let Some(child) = root.children.get(level) {
                child.find(rest, &mut sink);
            }
        } else {
            root.find(Some(topic), &mut sink);
        }
    }

    /// Returns what was replaced, to be dropped after the lock.
    pub(super) fn add(&self, filter: &str, group: Option<&str>, subscriber: Subscriber<T>) -> Option<Subscriber<T>> {
        let mut root = self.root.write();
        let place = root.place_mut(filter);
        if place.is_none() {
            self.filters_count.fetch_add(1, Ordering::Release);
        }
        Arc::make_mut(place.get_or_insert_default()).add(group, subscriber)
    }

    /// Returns what was removed, to be dropped after the lock.
    pub(super) fn remove(&self, filter: &str, group: Option<&str>, key: SubscriberKey) -> Option<Subscriber<T>> {
        let mut root = self.root.write();
        let mut emptied = false;
        let removed = root.remove(Some(filter), &mut |place| {
            let leaf = place.as_mut().filter(|leaf| leaf.has(group, key))?;
            let leaf = Arc::make_mut(leaf);
            let removed = leaf.remove(group, key);
            if leaf.is_empty() {
                *place = None;
                emptied = true;
            }
            removed
        });
        if emptied {
            self.filters_count.fetch_sub(1, Ordering::Release);
        }
        removed
    }

    pub(super) fn filters_count(&self) -> usize {
        self.filters_count.load(Ordering::Relaxed)
    }

    /// Nodes below the root: none when there is no filter.
    #[cfg(test)]
    pub(super) fn nodes_count(&self) -> usize {
        self.root.read().nodes_count()
    }
}

impl<T> Node<T> {
    fn find(&self, rest: Option<&str>, sink: &mut impl FnMut(&Arc<Leaf<T>>)) {
        // `a/#` is also for `a` itself: [MQTT-4.7.1-1] and the examples around it.
        if let Some(leaf) = &self.below {
            sink(leaf);
        }
        let Some(rest) = rest else {
            if let Some(leaf) = &self.here {
                sink(leaf);
            }
            return;
        };
        if self.children.is_empty() && self.plus.is_none() {
            return;
        }
        let (level, rest) = split_level(rest);
        if let Some(child) = self.children.get(level) {
            child.find(rest, sink);
        }
        if let Some(child) = &self.plus {
            child.find(rest, sink);
        }
    }

    /// Where the leaf of `filter` is or will be; makes the nodes on the way.
    fn place_mut(&mut self, filter: &str) -> &mut Option<Arc<Leaf<T>>> {
        let mut node = self;
        for level in levels(filter) {
            node = match level {
                "#" => return &mut node.below,
                "+" => node.plus.get_or_insert_default(),
                name => node.children.get_or_default(name),
            };
        }
        &mut node.here
    }

    /// Lets `take` change the leaf of the filter `rest`, and cuts the nodes off that hold nothing afterwards.
    fn remove<R>(
        &mut self,
        rest: Option<&str>,
        take: &mut impl FnMut(&mut Option<Arc<Leaf<T>>>) -> Option<R>,
    ) -> Option<R> {
        let Some(rest) = rest else { return take(&mut self.here) };
        let (level, rest) = split_level(rest);
        match level {
            "#" => take(&mut self.below),
            "+" => {
                let child = self.plus.as_mut()?;
                let removed = child.remove(rest, take);
                if child.is_empty() {
                    self.plus = None;
                }
                removed
            }
            name => {
                let child = self.children.get_mut(name)?;
                let removed = child.remove(rest, take);
                if child.is_empty() {
                    self.children.remove(name);
                }
                removed
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.here.is_none() && self.below.is_none() && self.plus.is_none() && self.children.is_empty()
    }

    #[cfg(test)]
    fn nodes_count(&self) -> usize {
        let children: usize = self.children.iter().map(|(_, child)| 1 + child.nodes_count()).sum();
        children + self.plus.as_ref().map_or(0, |child| 1 + child.nodes_count())
    }
}

impl<T> Default for Node<T> {
    fn default() -> Node<T> {
        Node { children: LevelMap::new(), plus: None, here: None, below: None }
    }
}
