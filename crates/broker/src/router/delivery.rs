//! Overlapping subscriptions become one delivery per session.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::sync::Arc;

use mqtt::QoS;
use smallvec::SmallVec;

use super::leaf::Leaf;
use super::{Subscriber, SubscriberKey};

/// One message for one session.
#[derive(Debug)]
pub struct Delivery<'a, T> {
    /// Where it goes.
    pub target: &'a T,
    /// Whose it is.
    pub key: SubscriberKey,
    /// The highest QoS that was granted; the message's own may be lower.
    pub qos: QoS,
    /// Whether one of the subscriptions wants the RETAIN flag as the publisher set it.
    pub retain_as_published: bool,
    /// The identifiers of all subscriptions that led here [MQTT-3.3.4-4].
    pub subscription_ids: &'a [NonZeroU32],
}

impl<'a, T> Delivery<'a, T> {
    /// The delivery of one subscription.
    pub(super) fn of(subscriber: &'a Subscriber<T>) -> Delivery<'a, T> {
        Delivery {
            target: &subscriber.target,
            key: subscriber.key,
            qos: subscriber.granted.qos,
            retain_as_published: subscriber.granted.retain_as_published,
            subscription_ids: subscriber.granted.subscription_id.as_slice(),
        }
    }
}

/// Calls `sink` once for every session that is subscribed through one or several of `leaves`. Gives the publisher where a
/// `no_local` subscription of its own was left out.
///
/// With one leaf that is a walk over its list. With several, the subscribers of all but the longest are sorted by
/// session, and the longest is walked beside them: a fan-out to many that one wildcard subscription overlaps costs one
/// comparison more per delivery.
pub(super) fn deliver<T: Clone>(
    leaves: &[Arc<Leaf<T>>],
    publisher: Option<SubscriberKey>,
    sink: &mut impl FnMut(Delivery<'_, T>),
) -> Option<T> {
    let left_out = Cell::new(None);
    // `no_local` counts before subscriptions are merged: another one of the same session may want the message.
    let is_wanted = |of: &Subscriber<T>| {
        let is_own = of.granted.no_local && Some(of.key) == publisher;
        if is_own {
            left_out.set(Some(of.target.clone()));
        }
        !is_own
    };
    let longest = leaves.iter().enumerate().max_by_key(|(_, leaf)| leaf.subscribers().as_slice().len());
    let (longest_at, longest) = longest?;
    let longest = longest.subscribers();

    let mut others: SmallVec<[&Subscriber<T>; 16]> = SmallVec::new();
    for (at, leaf) in leaves.iter().enumerate() {
        if at != longest_at {
            others.extend(leaf.subscribers().as_slice().iter().filter(|of| is_wanted(of)));
        }
    }
    others.sort_unstable_by_key(|of| of.key);

    for subscriber in longest.as_slice().iter().filter(|of| is_wanted(of)) {
        let same = same_session(&others, subscriber.key);
        if same.is_empty() {
            sink(Delivery::of(subscriber));
        } else {
            deliver_merged(subscriber, same, sink);
        }
    }
    for same in others.chunk_by(|a, b| a.key == b.key) {
        if let [first, rest @ ..] = same
            && !longest.get(first.key).is_some_and(is_wanted)
        {
            deliver_merged(first, rest, sink);
        }
    }
    left_out.into_inner()
}

/// The part of the sorted `others` that belongs to the session `key`.
fn same_session<'a, 'b, T>(others: &'a [&'b Subscriber<T>], key: SubscriberKey) -> &'a [&'b Subscriber<T>] {
    let start = others.partition_point(|of| of.key < key);
    let (_, from) = others.split_at(start);
    let (same, _) = from.split_at(from.iter().take_while(|of| of.key == key).count());
    same
}

fn deliver_merged<T>(first: &Subscriber<T>, rest: &[&Subscriber<T>], sink: &mut impl FnMut(Delivery<'_, T>)) {
    let mut delivery = Delivery::of(first);
    let mut subscription_ids: SmallVec<[NonZeroU32; 8]> = SmallVec::from_slice(delivery.subscription_ids);
    for other in rest {
        delivery.qos = delivery.qos.max(other.granted.qos);
        delivery.retain_as_published |= other.granted.retain_as_published;
        subscription_ids.extend(other.granted.subscription_id);
    }
    delivery.subscription_ids = &subscription_ids;
    sink(delivery);
}
