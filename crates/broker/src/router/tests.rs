//! The router beside a list of subscriptions and `mqtt::filter::matches`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use mqtt::{Filter, QoS};
use proptest::prelude::*;

use super::{Granted, Router, RouterStats, Subscribed, Subscriber, SubscriberKey};

fn level_text() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just("a"), 3 => Just("b"), 1 => Just(""), 1 => Just("$c"), 1 => Just("a-level-of-more-than-16-bytes")]
}

/// Topics of few different levels, so that filters match them.
pub(super) fn topic_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(level_text(), 1..5)
        .prop_map(|levels| levels.join("/"))
        .prop_filter("a topic has a character", |topic| !topic.is_empty())
}

/// Filters for such topics.
pub(super) fn filter_text() -> impl Strategy<Value = String> {
    let level = prop_oneof![2 => level_text(), 1 => Just("+")];
    (proptest::collection::vec(level, 0..4), prop_oneof![3 => level_text(), 1 => Just("+"), 2 => Just("#")])
        .prop_map(|(mut levels, last)| {
            levels.push(last);
            levels.join("/")
        })
        .prop_filter("a filter has a character", |filter| !filter.is_empty())
}

fn subscription_text() -> impl Strategy<Value = String> {
    (prop_oneof![3 => Just(""), 1 => Just("$share/g/"), 1 => Just("$share/h/")], filter_text())
        .prop_map(|(share, filter)| format!("{share}{filter}"))
}

fn granted() -> impl Strategy<Value = Granted> {
    (0u8..3, any::<bool>(), any::<bool>(), 0u32..4).prop_map(|(qos, no_local, retain_as_published, id)| Granted {
        qos: QoS::try_from(qos).unwrap(),
        no_local,
        retain_as_published,
        subscription_id: NonZeroU32::new(id),
    })
}

fn filter(text: &str) -> Filter {
    Filter::parse(text).unwrap()
}

/// The delivery of a session: QoS, retain as published, sorted identifiers.
type Merged = (QoS, bool, Vec<NonZeroU32>);

/// What was delivered: to sessions by their own subscriptions, and how much by groups to whom.
#[derive(Debug, Default, PartialEq)]
struct Delivered {
    own: BTreeMap<u64, Merged>,
    shared: Vec<u64>,
}

/// Subscriptions as a list: filter and session to target and what was granted.
#[derive(Default)]
struct Oracle {
    list: BTreeMap<(String, u64), Granted>,
}

impl Oracle {
    fn matching(&self, topic: &str) -> impl Iterator<Item = (Filter, u64, Granted)> {
        let all = self.list.iter().map(|((text, key), granted)| (filter(text), *key, *granted));
        all.filter(move |(filter, _, _)| filter.matches(topic))
    }

    fn own(&self, topic: &str, publisher: u64) -> BTreeMap<u64, Merged> {
        let mut own: BTreeMap<u64, Merged> = BTreeMap::new();
        for (filter, key, granted) in self.matching(topic) {
            if filter.share().is_none() && !(granted.no_local && key == publisher) {
                let merged = own.entry(key).or_default();
                merged.0 = merged.0.max(granted.qos);
                merged.1 |= granted.retain_as_published;
                merged.2.extend(granted.subscription_id);
            }
        }
        for merged in own.values_mut() {
            merged.2.sort();
        }
        own
    }

    /// Members of each group that gets the message.
    fn groups(&self, topic: &str) -> BTreeMap<String, Vec<u64>> {
        let mut groups: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (filter, key, _) in self.matching(topic).filter(|(filter, _, _)| filter.share().is_some()) {
            groups.entry(filter.as_str().into()).or_default().push(key);
        }
        groups
    }

    fn stats(&self) -> RouterStats {
        let mut filters: Vec<_> = self.list.keys().map(|(text, _)| filter(text).topic_filter().clone()).collect();
        filters.sort();
        filters.dedup();
        RouterStats {
            subscriptions_count: self.list.len(),
            shared_count: self.list.keys().filter(|(text, _)| filter(text).share().is_some()).count(),
            filters_count: filters.len(),
        }
    }
}

/// Targets are `1000 + key` for sessions' own subscriptions and `2000 + key` for shared ones, which tells them apart.
fn subscriber(key: u64, filter: &Filter, granted: Granted) -> Subscriber<u64> {
    let target = key + if filter.share().is_some() { 2000 } else { 1000 };
    Subscriber { key: SubscriberKey(key), target, granted }
}

fn route(router: &Router<u64>, topic: &str, publisher: u64, ready: impl Fn(u64) -> bool) -> Delivered {
    let mut delivered = Delivered::default();
    router.route(
        topic,
        Some(SubscriberKey(publisher)),
        |target| ready(target % 1000),
        |delivery| {
            assert_eq!(*delivery.target % 1000, delivery.key.0);
            if *delivery.target >= 2000 {
                delivered.shared.push(delivery.key.0);
            } else {
                let mut ids = delivery.subscription_ids.to_vec();
                ids.sort();
                let merged = (delivery.qos, delivery.retain_as_published, ids);
                assert_eq!(delivered.own.insert(delivery.key.0, merged), None, "one delivery per session");
            }
        },
    );
    delivered
}

#[derive(Debug, Clone)]
enum Step {
    Subscribe(String, u64, Granted),
    Unsubscribe(String, u64),
    Route(String, u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (subscription_text(), 0u64..6, granted()).prop_map(|(text, key, granted)| Step::Subscribe(text, key, granted)),
        2 => (subscription_text(), 0u64..6).prop_map(|(text, key)| Step::Unsubscribe(text, key)),
        4 => (topic_text(), 0u64..6).prop_map(|(topic, publisher)| Step::Route(topic, publisher)),
    ]
}

/// Checks a route against the list. Sessions with an even number are ready.
fn check_route(router: &Router<u64>, oracle: &Oracle, topic: &str, publisher: u64) -> Result<(), TestCaseError> {
    let delivered = route(router, topic, publisher, |key| key % 2 == 0);
    prop_assert_eq!(delivered.own, oracle.own(topic, publisher), "{}", topic);
    prop_assert_eq!(router.has_subscriber(topic), oracle.matching(topic).next().is_some());

    // Each group once, to one of its members, and to one that is ready if any is. Groups come in no order; so each
    // one is satisfied in turn, the ones with the fewest possible receivers first.
    let mut receivers = delivered.shared;
    let mut groups: Vec<Vec<u64>> = oracle.groups(topic).into_values().collect();
    prop_assert_eq!(receivers.len(), groups.len());
    for members in &mut groups {
        if members.iter().any(|key| key % 2 == 0) {
            members.retain(|key| key % 2 == 0);
        }
    }
    prop_assert!(can_assign(&groups, &mut receivers), "{:?} of {:?}", receivers, groups);
    Ok(())
}

/// Whether each group can be given one of `receivers`, none left.
fn can_assign(groups: &[Vec<u64>], receivers: &mut Vec<u64>) -> bool {
    let Some((members, rest)) = groups.split_first() else { return receivers.is_empty() };
    (0..receivers.len()).any(|at| {
        if !members.contains(&receivers[at]) {
            return false;
        }
        let receiver = receivers.swap_remove(at);
        let fits = can_assign(rest, receivers);
        if !fits {
            receivers.push(receiver);
            let last = receivers.len() - 1;
            receivers.swap(at, last);
        }
        fits
    })
}

proptest! {
    #[test]
    fn it_routes_as_a_list_would_and_leaves_nothing_behind(steps in proptest::collection::vec(step(), 0..120)) {
        let router = Router::new();
        let mut oracle = Oracle::default();
        for step in steps {
            match step {
                Step::Subscribe(text, key, granted) => {
                    let filter = filter(&text);
                    let answer = router.subscribe(&filter, subscriber(key, &filter, granted));
                    let expected = oracle.list.insert((text, key), granted);
                    prop_assert_eq!(answer, expected.map_or(Subscribed::Added, Subscribed::Replaced));
                }
                Step::Unsubscribe(text, key) => {
                    let answer = router.unsubscribe(&filter(&text), SubscriberKey(key));
                    prop_assert_eq!(answer, oracle.list.remove(&(text, key)));
                }
                Step::Route(topic, publisher) => check_route(&router, &oracle, &topic, publisher)?,
            }
            prop_assert_eq!(router.stats(), oracle.stats());
        }
        for (text, key) in oracle.list.keys() {
            prop_assert!(router.unsubscribe(&filter(text), SubscriberKey(*key)).is_some());
        }
        prop_assert_eq!(router.stats(), RouterStats::default());
        prop_assert_eq!(router.wildcards.nodes_count(), 0);
    }
}

fn subscribe(router: &Router<u64>, text: &str, key: u64, granted: Granted) {
    let filter = filter(text);
    assert_eq!(router.subscribe(&filter, subscriber(key, &filter, granted)), Subscribed::Added, "{text} {key}");
}

/// The sessions that get a message to `topic`, sorted.
fn receivers(router: &Router<u64>, topic: &str) -> Vec<u64> {
    let delivered = route(router, topic, u64::MAX, |_| true);
    let mut receivers: Vec<u64> = delivered.own.into_keys().chain(delivered.shared).collect();
    receivers.sort();
    receivers
}

#[test]
fn filters_match_as_in_the_standard() {
    // [MQTT-4.7.1-1] to [MQTT-4.7.2-1] with the examples of the text; sessions are numbered in the order of filters.
    let filters = [
        "sport/tennis/player1/#",
        "sport/#",
        "#",
        "sport/tennis/+",
        "+",
        "+/+",
        "/+",
        "$SYS/#",
        "+/monitor/Clients",
        "sport",
    ];
    let router = Router::new();
    for (key, text) in (0u64..).zip(filters) {
        subscribe(&router, text, key, Granted::default());
    }
    let check = |topic: &str, expected: &[u64]| assert_eq!(receivers(&router, topic), expected, "{topic}");
    check("sport/tennis/player1", &[0, 1, 2, 3]);
    check("sport/tennis/player1/ranking", &[0, 1, 2]);
    check("sport/tennis/player1/score/wimbledon", &[0, 1, 2]);
    check("sport", &[1, 2, 4, 9]);
    check("sport/", &[1, 2, 5]);
    check("/finance", &[2, 5, 6]);
    check("$SYS/monitor/Clients", &[7]);
    check("$SYS", &[7]);
    check("$other", &[]);
}

#[test]
fn overlapping_subscriptions_make_one_delivery() {
    // [MQTT-3.3.4-2], [MQTT-3.3.4-4].
    let router = Router::new();
    let id = NonZeroU32::new;
    let granted = |qos, number| Granted { qos, subscription_id: id(number), ..Granted::default() };
    subscribe(&router, "a/b", 1, granted(QoS::AtMostOnce, 3));
    subscribe(&router, "a/+", 1, granted(QoS::ExactlyOnce, 0));
    subscribe(&router, "a/#", 1, granted(QoS::AtLeastOnce, 5));
    subscribe(&router, "a/#", 2, granted(QoS::AtLeastOnce, 0));
    subscribe(&router, "#", 3, Granted { retain_as_published: true, ..granted(QoS::AtMostOnce, 9) });
    let own = route(&router, "a/b", 0, |_| true).own;
    let ids = |numbers: &[u32]| numbers.iter().filter_map(|number| id(*number)).collect::<Vec<_>>();
    assert_eq!(own.get(&1), Some(&(QoS::ExactlyOnce, false, ids(&[3, 5]))));
    assert_eq!(own.get(&2), Some(&(QoS::AtLeastOnce, false, ids(&[]))));
    assert_eq!(own.get(&3), Some(&(QoS::AtMostOnce, true, ids(&[9]))));
    assert_eq!(own.len(), 3);
}

#[test]
fn no_local_leaves_the_other_subscriptions_of_the_session_alone() {
    // [MQTT-3.8.3-3] counts for the subscription, not for the session.
    let router = Router::new();
    subscribe(&router, "a/b", 1, Granted { no_local: true, qos: QoS::ExactlyOnce, ..Granted::default() });
    assert_eq!(route(&router, "a/b", 1, |_| true).own, BTreeMap::new());
    subscribe(&router, "a/#", 1, Granted { qos: QoS::AtLeastOnce, ..Granted::default() });
    assert_eq!(route(&router, "a/b", 1, |_| true).own.get(&1), Some(&(QoS::AtLeastOnce, false, vec![])));
    assert_eq!(route(&router, "a/b", 2, |_| true).own.get(&1), Some(&(QoS::ExactlyOnce, false, vec![])));
}

#[test]
fn a_group_shares_and_other_subscribers_get_all() {
    // [MQTT-4.8.2-3] and the text around it: groups of one name and different filters are different groups.
    let router = Router::new();
    for key in 0..3 {
        subscribe(&router, "$share/g/a/#", key, Granted::default());
    }
    subscribe(&router, "$share/g/a/b", 7, Granted::default());
    subscribe(&router, "$share/h/a/b", 8, Granted::default());
    subscribe(&router, "a/b", 0, Granted::default());
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for _ in 0..9 {
        let delivered = route(&router, "a/b", 99, |_| true);
        assert_eq!(delivered.own.len(), 1);
        for key in delivered.shared {
            *counts.entry(key).or_default() += 1;
        }
    }
    assert_eq!(counts, BTreeMap::from([(0, 3), (1, 3), (2, 3), (7, 9), (8, 9)]));
}

#[test]
fn a_delivery_may_subscribe_and_unsubscribe() {
    // No lock is held while the sink runs; under one this test would never end.
    let router: Router<u64> = Router::new();
    for key in 0..100 {
        subscribe(&router, "a", key, Granted::default());
        subscribe(&router, "+", key, Granted::default());
    }
    let mut count = 0;
    router.route(
        "a",
        None,
        |_| true,
        |delivery| {
            count += 1;
            for text in ["a", "+"] {
                assert!(router.unsubscribe(&filter(text), delivery.key).is_some());
            }
            subscribe(&router, "b/#", delivery.key.0, Granted::default());
        },
    );
    assert_eq!(count, 100, "the delivery goes on with the subscribers it began with");
    assert_eq!(receivers(&router, "a"), [0u64; 0]);
    assert_eq!(receivers(&router, "b").len(), 100);
}

#[test]
fn sessions_come_and_go_while_messages_are_routed() {
    let router: Router<u64> = Router::new();
    for text in ["a/b", "a/+", "$share/g/a/b"] {
        subscribe(&router, text, 900, Granted::default());
    }
    let done = AtomicBool::new(false);
    let routed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for publisher in 0..2 {
            let (router, done, routed) = (&router, &done, &routed);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let delivered = route(router, "a/b", publisher, |_| true);
                    assert!(delivered.own.contains_key(&900), "who stays subscribed gets every message");
                    assert_eq!(delivered.shared.len(), 1);
                    routed.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let writers: Vec<_> = (0..2u64)
            .map(|writer| {
                let router = &router;
                scope.spawn(move || {
                    for round in 0..2_000 {
                        let key = writer * 400 + round % 400;
                        for text in ["a/b", "a/+", "a/#", "$share/g/a/b"] {
                            subscribe(router, text, key, Granted::default());
                        }
                        assert!(receivers(router, "a/b").contains(&key), "a subscription counts from its return on");
                        for text in ["a/b", "a/+", "a/#", "$share/g/a/b"] {
                            assert!(router.unsubscribe(&filter(text), SubscriberKey(key)).is_some());
                        }
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        while routed.load(Ordering::Relaxed) == 0 {
            std::thread::yield_now();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(receivers(&router, "a/b"), [900, 900], "once for itself, once for its group");
    assert_eq!(router.stats().subscriptions_count, 3);
}

#[test]
fn subscribing_to_one_filter_is_not_quadratic() {
    // Counts copies instead of time: a target that is cloned says so.
    #[derive(Debug)]
    struct Counted<'a>(&'a AtomicUsize);
    impl Clone for Counted<'_> {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, Ordering::Relaxed);
            Counted(self.0)
        }
    }
    let clones = AtomicUsize::new(0);
    let router = Router::new();
    for text in ["a/b", "a/#", "$share/g/a/b"] {
        let filter = filter(text);
        for key in 0..10_000 {
            let subscriber =
                Subscriber { key: SubscriberKey(key), target: Counted(&clones), granted: Granted::default() };
            assert_eq!(router.subscribe(&filter, subscriber), Subscribed::Added);
        }
        for key in 0..10_000 {
            assert!(router.unsubscribe(&filter, SubscriberKey(key)).is_some());
        }
    }
    assert_eq!(clones.load(Ordering::Relaxed), 0);
}
