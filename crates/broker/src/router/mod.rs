//! Who gets a message: subscriptions by filter, shared groups, and the retained messages.
//!
//! In: checked filters, topic names, and a handle per session. Out: one [`Delivery`] per session and message.
//!
//! Never: I/O, clocks, tokio, sessions. The handle is a type parameter; the router clones and drops it, nothing else.
//!
//! Concurrency, and why: filters without wildcards are in a hash map of sixteen locked parts, the others in one locked
//! trie that publishers pass by while it is empty. A publisher holds a lock only while it looks up; it leaves with the
//! shared lists of subscribers of the filters that match, and delivers from them without any lock. So deliveries may
//! take locks of their own, and a fan-out to many does not stop anybody from subscribing. Whoever subscribes changes a
//! list in place, or a copy of it while a delivery is still reading it: at most one copy per running delivery, which
//! itself costs more than the copy, so 10,000 subscriptions to one filter are 10,000 steps.
//!
//! Measured with `benches/routing.rs` on two cores: a message finds its one receiver among 100,000 in 40 to 75 ns, and
//! in 80 to 220 ns while the other core does nothing but route too, where a whole message costs the broker a
//! microsecond or more. A snapshot of the whole table (arc-swap) is read in some 25 ns on both cores, but each
//! subscription would have to copy its way through the table; a cache of routes would be emptied by every client that
//! connects. Neither is worth its price at these figures.
//!
//! Read `trie.rs` first, then `delivery.rs`.

mod delivery;
mod exact;
mod leaf;
mod level_map;
pub mod retained;
mod shared;
mod trie;

#[cfg(test)]
mod tests;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mqtt::{Filter, QoS};
use smallvec::SmallVec;

pub use delivery::Delivery;
use exact::Exact;
use leaf::Leaf;
pub use retained::{Retained, RetainedLimits, RetainedMessage, RetainedRefused, RetainedStats};
use trie::Trie;

/// Subscriptions of all sessions, and the way of a message to them.
///
/// Limits are the caller's: how many sessions there are, and how many subscriptions each of them may have. The number
/// of levels of a filter is limited by [`mqtt::filter::LEVELS_MAX`].
pub struct Router<T> {
    exact: Exact<T>,
    wildcards: Trie<T>,
    subscriptions_count: AtomicUsize,
    shared_count: AtomicUsize,
}

/// Which session a subscription belongs to. Unique among the sessions that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriberKey(pub u64);

/// What a subscription was granted and asked for, as far as deliveries depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Granted {
    /// The highest QoS of its deliveries.
    pub qos: QoS,
    /// Messages of the session itself are not wanted [MQTT-3.8.3-3].
    pub no_local: bool,
    /// The RETAIN flag arrives as the publisher set it [MQTT-3.3.1-13].
    pub retain_as_published: bool,
    /// What the deliveries are marked with [MQTT-3.3.4-3].
    pub subscription_id: Option<NonZeroU32>,
}

/// One session's part in one filter.
#[derive(Debug, Clone)]
pub struct Subscriber<T> {
    /// Whose it is.
    pub key: SubscriberKey,
    /// Where deliveries go.
    pub target: T,
    /// How.
    pub granted: Granted,
}

/// What [`Router::subscribe`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscribed {
    /// The session had no such subscription.
    Added,
    /// It had one with the same filter, which is replaced [MQTT-3.8.4-3]. Holds what that one was granted.
    Replaced(Granted),
}

/// How much the router holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RouterStats {
    /// Subscriptions, shared ones among them.
    pub subscriptions_count: usize,
    /// Subscriptions that are part of a shared group.
    pub shared_count: usize,
    /// Different filters, share groups put aside.
    pub filters_count: usize,
}

/// The lists a message found; as many as fit without an allocation.
type Found<T> = SmallVec<[Arc<Leaf<T>>; 8]>;

impl<T: Clone> Router<T> {
    /// A router without subscriptions.
    pub fn new() -> Router<T> {
        Router {
            exact: Exact::new(),
            wildcards: Trie::new(),
            subscriptions_count: AtomicUsize::new(0),
            shared_count: AtomicUsize::new(0),
        }
    }

    /// Calls `sink` once for every session whose subscriptions match `topic`, and once for every shared group that does.
    ///
    /// Subscriptions of one session that overlap make one delivery, with the highest QoS and all identifiers
    /// [MQTT-3.3.4-2], [MQTT-3.3.4-4]. `publisher` is the session that sent the message, whose `no_local` subscriptions
    /// are left out before they are merged; it is returned where that has left one out. A shared group delivers to its next member for which `is_ready` holds, or to
    /// its next member when it holds for none. No lock is held while `sink` and `is_ready` run.
    pub fn route(
        &self,
        topic: &str,
        publisher: Option<SubscriberKey>,
        is_ready: impl Fn(&T) -> bool,
        mut sink: impl FnMut(Delivery<'_, T>),
    ) -> Option<T> {
        let mut found: Found<T> = SmallVec::new();
        found.extend(self.exact.get(topic));
        self.wildcards.find(topic, |leaf| found.push(Arc::clone(leaf)));
        let left_out = delivery::deliver(&found, publisher, &mut sink);
        for group in found.iter().flat_map(|leaf| leaf.groups()) {
            if let Some(member) = group.next_member(&is_ready) {
                sink(Delivery::of(member));
            }
        }
        left_out
    }

    /// Whether anybody is subscribed to `topic`: the difference between `success` and `no_matching_subscribers`.
    pub fn has_subscriber(&self, topic: &str) -> bool {
        let mut has = self.exact.get(topic).is_some();
        if !has {
            self.wildcards.find(topic, |_| has = true);
        }
        has
    }

    /// Adds `subscriber` to `filter`, or replaces what it had there. Messages routed from now on find it.
    pub fn subscribe(&self, filter: &Filter, subscriber: Subscriber<T>) -> Subscribed {
        let group = filter.share().map(AsRef::as_ref);
        let replaced = if filter.has_wildcards() {
            self.wildcards.add(filter.topic_filter(), group, subscriber)
        } else {
            self.exact.add(filter.topic_filter(), group, subscriber)
        };
        match replaced {
            Some(old) => Subscribed::Replaced(old.granted),
            None => {
                self.subscriptions_count.fetch_add(1, Ordering::Relaxed);
                if group.is_some() {
                    self.shared_count.fetch_add(1, Ordering::Relaxed);
                }
                Subscribed::Added
            }
        }
    }

    /// Removes the subscription of the session `key` to `filter`, and says what it was granted. A delivery that runs
    /// at this moment may still reach it.
    pub fn unsubscribe(&self, filter: &Filter, key: SubscriberKey) -> Option<Granted> {
        let group = filter.share().map(AsRef::as_ref);
        let removed = if filter.has_wildcards() {
            self.wildcards.remove(filter.topic_filter(), group, key)
        } else {
            self.exact.remove(filter.topic_filter(), group, key)
        }?;
        self.subscriptions_count.fetch_sub(1, Ordering::Relaxed);
        if group.is_some() {
            self.shared_count.fetch_sub(1, Ordering::Relaxed);
        }
        Some(removed.granted)
    }

    /// How much there is now.
    pub fn stats(&self) -> RouterStats {
        RouterStats {
            subscriptions_count: self.subscriptions_count.load(Ordering::Relaxed),
            shared_count: self.shared_count.load(Ordering::Relaxed),
            filters_count: self.exact.filters_count() + self.wildcards.filters_count(),
        }
    }
}

impl<T: Clone> Default for Router<T> {
    fn default() -> Router<T> {
        Router::new()
    }
}

impl<T: Clone> fmt::Debug for Router<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// The first level of `text`, and what follows its slash.
fn split_level(text: &str) -> (&str, Option<&str>) {
    match text.split_once('/') {
        Some((level, rest)) => (level, Some(rest)),
        None => (text, None),
    }
}
