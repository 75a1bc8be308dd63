//! Retained messages: the last one of every topic, found by filter.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::ControlFlow;

use mqtt::filter::LEVELS_MAX;
use mqtt::topic::levels;
use parking_lot::RwLock;

use super::level_map::LevelMap;
use super::split_level;

/// The retained messages of all topics.
///
/// Times are milliseconds of one clock of the caller's choice. Messages are cloned and dropped, nothing else; they are
/// dropped outside of the lock. Every publish with RETAIN takes the write lock for one walk down its topic's levels,
/// every new subscription the read lock for as long as its `sink` goes on.
pub struct Retained<M> {
    limits: RetainedLimits,
    store: RwLock<Store<M>>,
}

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetainedLimits {
    /// Topics with a retained message. When it is reached, expired messages are removed; if that does not help, a
    /// message to another topic is refused with [`RetainedRefused::TooManyMessages`] and still goes to subscribers.
    pub messages_max: usize,
    /// Bytes of all retained messages together. When it is reached, as above, with [`RetainedRefused::TooManyBytes`].
    pub bytes_max: usize,
}

impl Default for RetainedLimits {
    fn default() -> RetainedLimits {
        RetainedLimits { messages_max: 1_000_000, bytes_max: 1 << 30 }
    }
}

/// A message to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainedMessage<M> {
    /// What [`Retained::lookup`] hands out.
    pub message: M,
    /// What it counts for in [`RetainedLimits::bytes_max`]: topic, properties and payload.
    pub bytes: usize,
    /// When it expires. `None`: never.
    pub expires_at_ms: Option<u64>,
}

/// Why a message is not kept. The one it should have replaced is removed all the same: subscribers of tomorrow get no
/// message rather than one that was replaced ([MQTT-3.3.1-5] and the paragraph below it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RetainedRefused {
    /// [`RetainedLimits::messages_max`] is reached.
    #[error("expected at most {max} retained messages, found one more")]
    TooManyMessages {
        /// The limit.
        max: usize,
    },
    /// [`RetainedLimits::bytes_max`] is reached.
    #[error("expected at most {max} bytes of retained messages, found {found}")]
    TooManyBytes {
        /// What it would be with the message.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// The topic has more than [`LEVELS_MAX`] levels.
    #[error("expected a topic of at most {LEVELS_MAX} levels for a retained message, found {found}")]
    TooManyLevels {
        /// How many it has.
        found: usize,
    },
}

/// How much is kept now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetainedStats {
    /// Messages, expired ones among them until they are removed.
    pub messages_count: usize,
    /// Their bytes.
    pub bytes: usize,
}

struct Store<M> {
    root: Node<M>,
    stats: RetainedStats,
    /// The messages that expire, the next one first.
    expiring: BTreeSet<(u64, Box<str>)>,
}

/// The topics that begin with the levels on the way here.
struct Node<M> {
    children: LevelMap<Node<M>>,
    kept: Option<Box<RetainedMessage<M>>>,
}

/// Messages removed in one go of [`Retained::remove_expired`], so that nobody waits long for the lock.
const EXPIRED_BATCH: usize = 256;

impl<M> Retained<M> {
    /// A store without messages.
    pub fn new(limits: RetainedLimits) -> Retained<M> {
        let store = Store { root: Node::default(), stats: RetainedStats::default(), expiring: BTreeSet::new() };
        Retained { limits, store: RwLock::new(store) }
    }

    /// Keeps the message for `topic` instead of the one before, which is returned [MQTT-3.3.1-5].
    ///
    /// A message with an empty payload is not kept: it calls for [`Retained::remove`] [MQTT-3.3.1-6], [MQTT-3.3.1-7].
    pub fn insert(
        &self,
        topic: &str,
        kept: RetainedMessage<M>,
        now_ms: u64,
    ) -> Result<Option<RetainedMessage<M>>, RetainedRefused> {
        let levels_count = levels(topic).count();
        if levels_count > LEVELS_MAX {
            return Err(RetainedRefused::TooManyLevels { found: levels_count });
        }
        // Declared before the guard, so that what they hold is dropped after the lock.
        let replaced;
        let mut expired = Vec::new();
        let mut store = self.store.write();
        let kept = match store.replace(topic, kept, self.limits.bytes_max) {
            Ok(replaced) => return Ok(Some(replaced)),
            Err(kept) => kept,
        };
        replaced = store.remove(topic);
        let mut fits = self.check_limits(store.stats, kept.bytes);
        while fits.is_err() && store.take_expired(now_ms, EXPIRED_BATCH, &mut expired) > 0 {
            fits = self.check_limits(store.stats, kept.bytes);
        }
        fits.map(|()| {
            store.put(topic, kept);
            replaced
        })
    }

    /// Removes and returns the message of `topic`, if there is one.
    pub fn remove(&self, topic: &str) -> Option<RetainedMessage<M>> {
        self.store.write().remove(topic)
    }

    /// Calls `sink` with the message of every topic that matches `filter` (without its share group), until it breaks,
    /// in no order. Expired messages are left out.
    ///
    /// `sink` runs under the read lock: it clones the message and queues it, and breaks when the queue is full. It must
    /// not come back to this store.
    pub fn lookup(&self, filter: &str, now_ms: u64, mut sink: impl FnMut(&RetainedMessage<M>) -> ControlFlow<()>) {
        let store = self.store.read();
        let mut sink = |kept: &RetainedMessage<M>| {
            if kept.is_expired(now_ms) { ControlFlow::Continue(()) } else { sink(kept) }
        };
        let (level, rest) = split_level(filter);
        let children = store.root.children.iter().filter(|(name, _)| name.first() != Some(&b'$'));
        // Which of the two ended it makes no difference here: whoever broke knows.
        let (ControlFlow::Continue(()) | ControlFlow::Break(())) = match level {
            // [MQTT-4.7.2-1]: a wildcard at the first level is not for `$` topics.
            "#" => children.map(|(_, child)| child).try_for_each(|child| child.visit(&mut sink)),
            "+" => children.map(|(_, child)| child).try_for_each(|child| child.lookup(rest, &mut sink)),
            _ => store.root.lookup(Some(filter), &mut sink),
        };
    }

    /// The message of `topic`, expired or not.
    pub fn get(&self, topic: &str) -> Option<M>
    where
        M: Clone,
    {
        self.store.read().root.kept(topic).map(|kept| kept.message.clone())
    }

    /// The messages of all topics, in no order.
    pub fn all(&self) -> Vec<M>
    where
        M: Clone,
    {
        let store = self.store.read();
        let mut all = Vec::with_capacity(store.stats.messages_count);
        let visited = store.root.visit(&mut |kept| {
            all.push(kept.message.clone());
            ControlFlow::Continue(())
        });
        debug_assert_eq!(visited, ControlFlow::Continue(()));
        all
    }

    /// Removes the messages that have expired, and says how many they were. To be called now and then.
    pub fn remove_expired(&self, now_ms: u64) -> usize {
        let mut expired = Vec::new();
        let mut count = 0;
        loop {
            let removed = self.store.write().take_expired(now_ms, EXPIRED_BATCH, &mut expired);
            expired.clear();
            count += removed;
            if removed < EXPIRED_BATCH {
                return count;
            }
        }
    }

    /// How much there is now.
    pub fn stats(&self) -> RetainedStats {
        self.store.read().stats
    }

    fn check_limits(&self, stats: RetainedStats, bytes: usize) -> Result<(), RetainedRefused> {
        let found = stats.bytes.saturating_add(bytes);
        if stats.messages_count >= self.limits.messages_max {
            Err(RetainedRefused::TooManyMessages { max: self.limits.messages_max })
        } else if found > self.limits.bytes_max {
            Err(RetainedRefused::TooManyBytes { found, max: self.limits.bytes_max })
        } else {
            Ok(())
        }
    }

    /// Topic levels that lead to a message: none when there is no message.
    #[cfg(test)]
    fn nodes_count(&self) -> usize {
        self.store.read().root.nodes_count()
    }
}

impl<M> Default for Retained<M> {
    fn default() -> Retained<M> {
        Retained::new(RetainedLimits::default())
    }
}

impl<M> fmt::Debug for Retained<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retained").field("limits", &self.limits).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl<M> RetainedMessage<M> {
    fn is_expired(&self, now_ms: u64) -> bool {
        self.expires_at_ms.is_some_and(|at| at <= now_ms)
    }
}

impl<M> Store<M> {
    /// Puts a message in the place of another one. Gives it back where there is none, or no room for the difference.
    fn replace(
        &mut self,
        topic: &str,
        kept: RetainedMessage<M>,
        bytes_max: usize,
    ) -> Result<RetainedMessage<M>, RetainedMessage<M>> {
        let Some(place) = self.root.kept_mut(topic) else { return Err(kept) };
        let bytes = (self.stats.bytes - place.bytes).saturating_add(kept.bytes);
        if bytes > bytes_max {
            return Err(kept);
        }
        self.stats.bytes = bytes;
        let expires_at_ms = kept.expires_at_ms;
        let replaced = std::mem::replace(place, kept);
        if replaced.expires_at_ms != expires_at_ms {
            if let Some(at) = replaced.expires_at_ms {
                self.expiring.remove(&(at, topic.into()));
            }
            if let Some(at) = expires_at_ms {
                self.expiring.insert((at, topic.into()));
            }
        }
        Ok(replaced)
    }

    /// Keeps a message where [`Store::remove`] has left no other.
    fn put(&mut self, topic: &str, kept: RetainedMessage<M>) {
        self.stats.messages_count += 1;
        self.stats.bytes += kept.bytes;
        if let Some(at) = kept.expires_at_ms {
            self.expiring.insert((at, topic.into()));
        }
        let mut node = &mut self.root;
        for level in levels(topic) {
            node = node.children.get_or_default(level);
        }
        node.kept = Some(Box::new(kept));
    }

    fn remove(&mut self, topic: &str) -> Option<RetainedMessage<M>> {
        let removed = self.root.remove(Some(topic))?;
        if let Some(at) = removed.expires_at_ms {
            self.expiring.remove(&(at, topic.into()));
        }
        self.stats.messages_count -= 1;
        self.stats.bytes -= removed.bytes;
        Some(*removed)
    }

    /// Moves up to `count_max` expired messages to `expired`, and says how many.
    fn take_expired(&mut self, now_ms: u64, count_max: usize, expired: &mut Vec<RetainedMessage<M>>) -> usize {
        let mut count = 0;
        while count < count_max && self.expiring.first().is_some_and(|(at, _)| *at <= now_ms) {
            let Some((_, topic)) = self.expiring.pop_first() else { break };
            expired.extend(self.remove(&topic));
            count += 1;
        }
        count
    }
}

impl<M> Node<M> {
    /// Calls `sink` for the topics from here on that match the rest of a filter.
    fn lookup(
        &self,
        rest: Option<&str>,
        sink: &mut impl FnMut(&RetainedMessage<M>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(rest) = rest else {
            return self.kept.as_deref().map_or(ControlFlow::Continue(()), sink);
        };
        let (level, rest) = split_level(rest);
        match level {
            // The level above `#` is matched too.
            "#" => self.visit(sink),
            "+" => self.children.iter().try_for_each(|(_, child)| child.lookup(rest, sink)),
            name => self.children.get(name).map_or(ControlFlow::Continue(()), |child| child.lookup(rest, sink)),
        }
    }

    /// Calls `sink` for this topic and all below it. Goes no deeper than [`LEVELS_MAX`], as `insert` sees to it.
    fn visit(&self, sink: &mut impl FnMut(&RetainedMessage<M>) -> ControlFlow<()>) -> ControlFlow<()> {
        if let Some(kept) = &self.kept {
            sink(kept)?;
        }
        self.children.iter().try_for_each(|(_, child)| child.visit(sink))
    }

    fn kept(&self, topic: &str) -> Option<&RetainedMessage<M>> {
        let mut node = self;
        for level in levels(topic) {
            node = node.children.get(level)?;
        }
        node.kept.as_deref()
    }

    fn kept_mut(&mut self, topic: &str) -> Option<&mut RetainedMessage<M>> {
        let mut node = self;
        for level in levels(topic) {
            node = node.children.get_mut(level)?;
        }
        node.kept.as_deref_mut()
    }

    /// Takes the message out, and cuts the nodes off that lead nowhere afterwards.
    fn remove(&mut self, rest: Option<&str>) -> Option<Box<RetainedMessage<M>>> {
        let Some(rest) = rest else { return self.kept.take() };
        let (level, rest) = split_level(rest);
        let child = self.children.get_mut(level)?;
        let removed = child.remove(rest)?;
        if child.kept.is_none() && child.children.is_empty() {
            self.children.remove(level);
        }
        Some(removed)
    }

    #[cfg(test)]
    fn nodes_count(&self) -> usize {
        self.children.iter().map(|(_, child)| 1 + child.nodes_count()).sum()
    }
}

impl<M> Default for Node<M> {
    fn default() -> Node<M> {
        Node { children: LevelMap::new(), kept: None }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::router::tests::{filter_text, topic_text};

    fn kept(message: &str, expires_at_ms: Option<u64>) -> RetainedMessage<String> {
        RetainedMessage { message: message.into(), bytes: message.len(), expires_at_ms }
    }

    fn found(retained: &Retained<String>, filter: &str, now_ms: u64) -> Vec<String> {
        let mut found = Vec::new();
        retained.lookup(filter, now_ms, |kept| {
            found.push(kept.message.clone());
            ControlFlow::Continue(())
        });
        found.sort();
        found
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert { topic: String, bytes: usize, lives_ms: Option<u64> },
        Remove(String),
        Lookup(String),
        RemoveExpired,
        Clock(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (topic_text(), 0usize..10, proptest::option::of(0u64..20))
                .prop_map(|(topic, bytes, lives_ms)| Step::Insert { topic, bytes, lives_ms }),
            1 => topic_text().prop_map(Step::Remove),
            2 => filter_text().prop_map(Step::Lookup),
            1 => Just(Step::RemoveExpired),
            1 => (0u64..10).prop_map(Step::Clock),
        ]
    }

    /// What the store should hold: topic to number of bytes and expiry.
    #[derive(Default)]
    struct Oracle {
        kept: BTreeMap<String, (usize, Option<u64>)>,
        now_ms: u64,
    }

    impl Oracle {
        fn stats(&self) -> RetainedStats {
            RetainedStats { messages_count: self.kept.len(), bytes: self.kept.values().map(|(bytes, _)| bytes).sum() }
        }

        fn remove_expired(&mut self) -> usize {
            let before = self.kept.len();
            self.kept.retain(|_, (_, at)| at.is_none_or(|at| at > self.now_ms));
            before - self.kept.len()
        }

        fn found(&self, filter: &str) -> Vec<String> {
            let alive = self.kept.iter().filter(|(_, (_, at))| at.is_none_or(|at| at > self.now_ms));
            alive.filter(|(topic, _)| mqtt::filter::matches(filter, topic)).map(|(topic, _)| topic.clone()).collect()
        }
    }

    proptest! {
        #[test]
        fn it_answers_as_a_list_would(steps in proptest::collection::vec(step(), 0..150)) {
            let limits = RetainedLimits { messages_max: 12, bytes_max: 60 };
            let retained: Retained<String> = Retained::new(limits);
            let mut oracle = Oracle::default();
            for step in steps {
                match step {
                    Step::Insert { topic, bytes, lives_ms } => {
                        let expires_at_ms = lives_ms.map(|lives_ms| oracle.now_ms + lives_ms);
                        let message = RetainedMessage { message: topic.clone(), bytes, expires_at_ms };
                        let answer = retained.insert(&topic, message, oracle.now_ms);
                        let replaced = oracle.kept.remove(&topic);
                        let stats = oracle.stats();
                        let full = stats.messages_count >= 12 || stats.bytes + bytes > 60;
                        if full {
                            oracle.remove_expired();
                        }
                        let stats = oracle.stats();
                        let expected = if stats.messages_count >= 12 {
                            Err(RetainedRefused::TooManyMessages { max: 12 })
                        } else if stats.bytes + bytes > 60 {
                            Err(RetainedRefused::TooManyBytes { found: stats.bytes + bytes, max: 60 })
                        } else {
                            oracle.kept.insert(topic, (bytes, expires_at_ms));
                            Ok(replaced.map(|(bytes, _)| bytes))
                        };
                        prop_assert_eq!(answer.map(|replaced| replaced.map(|kept| kept.bytes)), expected);
                    }
                    Step::Remove(topic) => {
                        let removed = retained.remove(&topic).map(|kept| (kept.bytes, kept.expires_at_ms));
                        prop_assert_eq!(removed, oracle.kept.remove(&topic));
                    }
                    Step::Lookup(filter) => {
                        prop_assert_eq!(found(&retained, &filter, oracle.now_ms), oracle.found(&filter), "{}", filter);
                    }
                    Step::RemoveExpired => {
                        prop_assert_eq!(retained.remove_expired(oracle.now_ms), oracle.remove_expired());
                    }
                    Step::Clock(ms) => oracle.now_ms += ms,
                }
                prop_assert_eq!(retained.stats(), oracle.stats());
            }
            for topic in oracle.kept.keys() {
                prop_assert!(retained.remove(topic).is_some());
            }
            prop_assert_eq!(retained.stats(), RetainedStats::default());
            prop_assert_eq!(retained.nodes_count(), 0);
            prop_assert!(retained.store.read().expiring.is_empty());
        }
    }

    #[test]
    fn wildcards_at_the_first_level_leave_dollar_topics_alone() {
        let retained = Retained::default();
        for topic in ["$SYS/uptime", "a/b", "a", "/a"] {
            assert_eq!(retained.insert(topic, kept(topic, None), 0), Ok(None));
        }
        assert_eq!(found(&retained, "#", 0), ["/a", "a", "a/b"]);
        assert_eq!(found(&retained, "+/#", 0), ["/a", "a", "a/b"]);
        assert_eq!(found(&retained, "+/+", 0), ["/a", "a/b"]);
        assert_eq!(found(&retained, "a/#", 0), ["a", "a/b"]);
        assert_eq!(found(&retained, "$SYS/#", 0), ["$SYS/uptime"]);
        assert_eq!(found(&retained, "$SYS/+", 0), ["$SYS/uptime"]);
    }

    #[test]
    fn a_refused_message_leaves_no_older_one_behind() {
        let retained = Retained::new(RetainedLimits { messages_max: 10, bytes_max: 4 });
        assert_eq!(retained.insert("a", kept("old", None), 0), Ok(None));
        let refused = retained.insert("a", kept("newer", None), 0);
        assert_eq!(refused, Err(RetainedRefused::TooManyBytes { found: 5, max: 4 }));
        assert_eq!(found(&retained, "a", 0), [""; 0]);
    }

    #[test]
    fn expired_messages_make_room() {
        let retained = Retained::new(RetainedLimits { messages_max: 1, bytes_max: 100 });
        assert_eq!(retained.insert("a", kept("a", Some(10)), 0), Ok(None));
        let refused = retained.insert("b", kept("b", None), 9);
        assert_eq!(refused, Err(RetainedRefused::TooManyMessages { max: 1 }));
        assert_eq!(retained.insert("b", kept("b", None), 10), Ok(None));
        assert_eq!(found(&retained, "#", 10), ["b"]);
    }

    #[test]
    fn a_topic_of_too_many_levels_is_not_kept() {
        let retained = Retained::default();
        let longest = "/".repeat(LEVELS_MAX - 1);
        assert_eq!(retained.insert(&longest, kept("x", None), 0), Ok(None));
        let refused = retained.insert(&"/".repeat(65_535), kept("y", None), 0);
        assert_eq!(refused, Err(RetainedRefused::TooManyLevels { found: 65_536 }));
        assert_eq!(found(&retained, "#", 0), ["x"]);
    }

    #[test]
    fn a_lookup_ends_where_the_sink_breaks() {
        let retained = Retained::default();
        for number in 0..100 {
            assert_eq!(retained.insert(&format!("a/{number}"), kept("x", None), 0), Ok(None));
        }
        for filter in ["#", "a/#", "a/+", "+/+"] {
            let mut count = 0;
            retained.lookup(filter, 0, |_| {
                count += 1;
                if count == 7 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            assert_eq!(count, 7, "{filter}");
        }
    }

    #[test]
    fn more_than_one_batch_expires_at_once() {
        let retained = Retained::default();
        for number in 0..3 * EXPIRED_BATCH {
            assert_eq!(retained.insert(&number.to_string(), kept("x", Some(5)), 0), Ok(None));
        }
        assert_eq!(retained.remove_expired(4), 0);
        assert_eq!(retained.remove_expired(5), 3 * EXPIRED_BATCH);
        assert_eq!(retained.nodes_count(), 0);
    }
}
