//! What all connections share, and the way of a message through it.

use std::fmt;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Waker;

use auth::Auth;
use bytestring::ByteString;
use events::{ConnId, DeliveryDropReason, DropReason, Event, EventId, Kind};
use mqtt::{Filter, Publish};
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::Notify;

use crate::awaited::Awaited;
use crate::bus::Bus;
use crate::clock::Now;
use crate::config::BrokerConfig;
use crate::deadlines::Deadlines;
use crate::durable::{Kept, Mark, NowRetained, Store, Taking};
use crate::feed::Feed;
use crate::flapping::FlappingWatch;
use crate::flood::Flood;
use crate::memory::Memory;
use crate::message::{Message, Queued};
use crate::past::Former;
use crate::rate::Accounts;
use crate::registry::{Registry, Slot};
use crate::router::{Retained, RetainedLimits, RetainedMessage, Router, Subscribed, Subscriber, SubscriberKey};
use crate::session::inbox::Offered;
use crate::session::{Subscribe, Subscription};
use crate::stats::{Counters, ReasonCounters, Stats, add};
use crate::sys::SYS;
use crate::telling::Origin;

/// Who runs rules over messages.
pub trait Observer: Send + Sync {
    /// Whether a message to `topic` is of interest: where not, no event is built for it.
    fn wants_publish(&self, topic: &str) -> bool;
    /// A message was accepted. Runs in the publisher's task, before the message is routed; must not block. `hops` is
    /// how many rules the message has come through. A client that has published it with QoS 1 or 2 is answered when the
    /// result is ready, where there is one.
    fn published(&self, event: &Event, hops: u8) -> Option<Awaited>;
    /// A message came again for which a result was given, and it is not known whether the first answer was sent. The event
    /// has the identifier of the first one. As for that, the answer waits for the result.
    fn repeated(&self, _event: &Event) -> Option<Awaited> {
        None
    }
}

/// Connections to be woken, collected so that they find all of a turn's messages at once.
pub(crate) type Wakers = SmallVec<[Waker; 8]>;

/// What all connections share.
pub(crate) struct Hub {
    pub(crate) config: BrokerConfig,
    pub(crate) auth: Auth,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) bus: Arc<Bus>,
    pub(crate) router: Router<Arc<Slot>>,
    pub(crate) retained: Retained<Arc<Message>>,
    /// What survives a restart is noted here, where anything does.
    pub(crate) store: OnceLock<Store>,
    pub(crate) registry: Registry,
    /// What a former process has not told.
    pub(crate) former: Mutex<Former>,
    pub(crate) counters: Counters,
    pub(crate) reasons: ReasonCounters,
    /// Bytes of all inboxes, against [`crate::Limits::queued_bytes_total_max`].
    pub(crate) queued_bytes: AtomicUsize,
    pub(crate) deadlines: Mutex<Deadlines<Slot>>,
    pub(crate) flood: Mutex<Flood<Event>>,
    /// Told when a deadline comes nearer.
    pub(crate) housekeeping: Notify,
    pub(crate) is_stopping: AtomicBool,
    pub(crate) feed: Feed,
    pub(crate) flapping: Option<FlappingWatch>,
    pub(crate) memory: Memory,
    /// What clients have used up of their rates, where they have some.
    pub(crate) client_accounts: Option<Accounts<ByteString>>,
    /// The same of addresses.
    pub(crate) address_accounts: Option<Accounts<IpAddr>>,
    /// Subscriptions to filters below `$SYS/`.
    pub(crate) sys_subscriptions_count: AtomicUsize,
    pub(crate) started: Now,
    last_conn_id: AtomicU64,
    last_session_key: AtomicU64,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Sessions it was handed to.
    pub receivers_count: usize,
    /// Sessions that subscribe to it, whether or not there was room for it.
    pub matched_count: usize,
    /// What has to be durable before the publisher is told that it was taken.
    pub(crate) mark: Mark,
}

/// Who publishes a message in a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Publisher {
    /// The session, for `no local`.
    pub(crate) key: SubscriberKey,
    /// The exchange of QoS 2 in which it came, where that survives a restart.
    pub(crate) taking: Option<Taking>,
}

impl Hub {
    /// A hub without connections.
    pub(crate) fn new(config: BrokerConfig, auth: Auth, observer: Arc<dyn Observer>, now: Now) -> Hub {
        let limits = &config.limits;
        // Epochs rise over restarts because they begin at the time of the start, in ms: two starts may be in one second.
        let bus = Arc::new(Bus::new(config.last_seq));
        let epoch = u64::try_from(now.wall.0).unwrap_or(0);
        Hub {
            auth,
            observer,
            feed: Feed::new(&bus),
            bus,
            router: Router::new(),
            retained: Retained::new(RetainedLimits {
                messages_max: limits.retained_messages_max,
                bytes_max: limits.retained_bytes_max,
            }),
            store: OnceLock::new(),
            registry: Registry::new(limits.departed_clients_max, epoch),
            former: Mutex::default(),
            counters: Counters::default(),
            reasons: ReasonCounters::default(),
            queued_bytes: AtomicUsize::new(0),
            deadlines: Mutex::default(),
            flood: Mutex::new(Flood::new(limits.unauthenticated_events_per_s)),
            housekeeping: Notify::new(),
            is_stopping: AtomicBool::new(false),
            flapping: config.flapping.map(FlappingWatch::new),
            memory: Memory::new(limits.memory_bytes_max),
            client_accounts: Accounts::new(limits.client_rates),
            address_accounts: Accounts::new(limits.address_rates),
            sys_subscriptions_count: AtomicUsize::new(0),
            started: now,
            last_conn_id: AtomicU64::new(0),
            last_session_key: AtomicU64::new(0),
            config,
        }
    }

    /// Publishes a message: tells the observer, retains it, routes it. Connections that have something to do now are added
    /// to `wakers`. With the result comes what the observer wants the publisher to wait for.
    pub(crate) fn publish(
        &self,
        now: Now,
        publish: &Publish,
        (publisher, origin): (Option<Publisher>, Origin<'_>),
        wakers: &mut Wakers,
    ) -> (Published, Option<(EventId, Awaited)>) {
        let (id, awaited) = self.tell_published(now, publish, origin);
        let mut shared = None;
        let message = || Arc::new(Message::new(publish, origin, now).with_id(id));
        let (is_kept, mut mark) = if publish.retain {
            self.retain(now, publish, || Arc::clone(shared.get_or_insert_with(message)))
        } else {
            (false, Mark::default())
        };
        let tells_drops = self.bus.wants(Kind::DeliveryDropped);
        let (mut fate, mut has_own, mut kept) = (Fate::default(), false, Kept::new());
        let own_key = publisher.map(|publisher| publisher.key);
        let left_out = self.router.route(
            &publish.topic,
            own_key,
            |slot| slot.is_online.load(Ordering::Relaxed),
            |delivery| {
                let mut queued =
                    Queued::new(Arc::clone(shared.get_or_insert_with(message)), delivery.qos.min(publish.qos));
                queued.retain = publish.retain && delivery.retain_as_published;
                queued.subscription_ids = delivery.subscription_ids.into();
                has_own |= tells_drops && Some(delivery.key) == own_key;
                let slot = delivery.target;
                if queued.qos == mqtt::QoS::AtMostOnce || !slot.is_durable() {
                    fate.add(&self.hand(now, (slot, delivery.key), queued, wakers));
                } else if slot.inbox.lock().is_full(&self.config.limits) {
                    // Not worth a record that takes it back at once.
                    fate.add(&Offered::Full);
                    self.tell_delivery_dropped(now, slot, &queued, DeliveryDropReason::QueueFull);
                } else {
                    kept.push((Arc::clone(slot), delivery.key, queued));
                }
            },
        );
        let event = awaited.as_ref().map(|(event, _)| *event);
        let taking = publisher.and_then(|publisher| publisher.taking).map(|taking| Taking { event, ..taking });
        if let Some(store) = self.store.get().filter(|_| !kept.is_empty() || taking.is_some()) {
            mark = mark.and(store.hand_over(kept, taking, |slot, key, queued| {
                let offered = self.hand(now, (slot, key), queued, wakers);
                fate.add(&offered);
                offered
            }));
        }
        if let Some(slot) = left_out.filter(|_| tells_drops && !has_own) {
            let queued = Queued::new(Arc::clone(shared.get_or_insert_with(message)), publish.qos);
            self.tell_delivery_dropped(now, &slot, &queued, DeliveryDropReason::NoLocal);
        }
        self.count(fate);
        let reason = match fate {
            // A message that is kept for later subscribers has not been in vain.
            Fate { .. } if is_kept => None,
            Fate { queued: 1.., .. } => None,
            Fate { .. } if publish.retain => Some(DropReason::QuotaExceeded),
            Fate { matched: 0, .. } => Some(DropReason::NoSubscribers),
            Fate { full: 1.., .. } => Some(DropReason::QueueFull),
            Fate { .. } => None,
        };
        if let Some(reason) = reason {
            self.tell_dropped(now, (id, publish), reason, origin);
        }
        (Published { receivers_count: fate.queued, matched_count: fate.matched, mark }, awaited)
    }

    /// Publishes a message of the broker itself: it is told to nobody, counted nowhere and not retained. Sessions in
    /// `reached` do not get it, and those that do are added. Those that survive a restart have it noted for them; nobody
    /// waits for that.
    pub(crate) fn publish_own(
        &self,
        now: Now,
        publish: &Publish,
        reached: &mut Vec<SubscriberKey>,
        wakers: &mut Wakers,
    ) {
        let origin = Origin { client_id: &self.config.node, username: None, peer: None, hops: 0, id: None };
        let (mut shared, mut kept) = (None, Kept::new());
        let before_len = reached.len();
        self.router.route(
            &publish.topic,
            None,
            |slot| slot.is_online.load(Ordering::Relaxed),
            |delivery| {
                let (before, _) = reached.split_at(before_len);
                if before.contains(&delivery.key) {
                    return;
                }
                let message = || Arc::new(Message::new(publish, origin, now));
                let mut queued =
                    Queued::new(Arc::clone(shared.get_or_insert_with(message)), delivery.qos.min(publish.qos));
                queued.subscription_ids = delivery.subscription_ids.into();
                reached.push(delivery.key);
                let slot = delivery.target;
                let is_kept = queued.qos != mqtt::QoS::AtMostOnce && slot.is_durable();
                if is_kept && !slot.inbox.lock().is_full(&self.config.limits) {
                    kept.push((Arc::clone(slot), delivery.key, queued));
                } else {
                    self.offer_own(slot, delivery.key, queued, wakers);
                }
            },
        );
        if let Some(store) = self.store.get().filter(|_| !kept.is_empty()) {
            store.hand_over(kept, None, |slot, key, queued| self.offer_own(slot, key, queued, wakers));
        }
    }

    fn offer_own(&self, slot: &Slot, key: SubscriberKey, queued: Queued, wakers: &mut Wakers) -> Offered {
        let offered = self.offer(slot, key, queued, wakers);
        add(&self.counters.deliveries_dropped, u64::from(matches!(offered, Offered::Full)));
        offered
    }

    /// Makes a subscription known to whoever sends messages.
    pub(crate) fn add_subscription(&self, filter: &Filter, subscriber: Subscriber<Arc<Slot>>) {
        if let Subscribed::Added = self.router.subscribe(filter, subscriber) {
            self.feed.handle_subscribed(filter.topic_filter());
            if filter.topic_filter().starts_with(SYS) {
                self.sys_subscriptions_count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Takes a subscription back.
    pub(crate) fn remove_subscription(&self, filter: &Filter, key: SubscriberKey) {
        if self.router.unsubscribe(filter, key).is_some() {
            self.feed.handle_unsubscribed(filter.topic_filter());
            if filter.topic_filter().starts_with(SYS) {
                self.sys_subscriptions_count.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// Retained messages for a new subscription, as many as fit, put into the inbox of its session behind the
    /// `waiting_len` messages that were there before the subscription was made.
    pub(crate) fn send_retained(
        &self,
        now: Now,
        (slot, key): (&Slot, SubscriberKey),
        (subscribe, waiting_len): (&Subscribe, usize),
    ) {
        let Subscription { filter, granted } = &subscribe.subscription;
        let room = self.config.limits.queue_len_max.saturating_sub(waiting_len);
        let (mut found, mut is_cut) = (Vec::new(), false);
        self.retained.lookup(filter.topic_filter(), now.mono_ms, |kept| {
            if found.len() >= room {
                is_cut = true;
                return ControlFlow::Break(());
            }
            let message = Arc::clone(&kept.message);
            let mut queued = Queued::new(message, granted.qos.min(kept.message.qos));
            queued.retain = true;
            queued.subscription_ids = granted.subscription_id.as_slice().into();
            found.push(queued);
            ControlFlow::Continue(())
        });
        let dropped = if found.is_empty() {
            Vec::new()
        } else {
            let _gate = self.keep_found((slot, key), &mut found);
            slot.inbox.lock().put_retained(found, waiting_len, &self.config.limits, &self.queued_bytes)
        };
        self.forget_queued(key, dropped.iter());
        if is_cut || !dropped.is_empty() {
            // How many there are beyond the limit is not looked for: that could take as long as there are many.
            add(&self.counters.deliveries_dropped, u64::try_from(dropped.len()).unwrap_or(u64::MAX).max(1));
            for queued in &dropped {
                self.tell_delivery_dropped(now, slot, queued, DeliveryDropReason::QueueFull);
            }
            tracing::warn!(
                client_id = &*slot.client_id,
                %filter,
                "a client does not get all retained messages it has subscribed to: its queue is full"
            );
        }
    }

    /// Drops what has waited too long for clients that are away, where there is such a limit.
    pub(crate) fn drop_aged(&self, now: Now) {
        let age_max_s = self.config.limits.queue_age_max_s;
        if age_max_s == 0 {
            return;
        }
        for slot in self.registry.all().iter().filter(|slot| !slot.is_online.load(Ordering::Relaxed)) {
            let (key, aged) = {
                let mut inbox = slot.inbox.lock();
                let aged = inbox.take_aged(now, age_max_s);
                inbox.settle(&self.queued_bytes);
                aged
            };
            self.forget_queued(key, aged.iter());
            for queued in &aged {
                add(&self.counters.deliveries_expired, 1);
                self.tell_delivery_dropped(now, slot, queued, DeliveryDropReason::Expired);
            }
        }
    }

    /// The number of the next connection.
    pub(crate) fn next_conn_id(&self) -> ConnId {
        ConnId(self.last_conn_id.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The key of the next session.
    pub(crate) fn next_session_key(&self) -> SubscriberKey {
        SubscriberKey(self.last_session_key.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Keys up to `last` were used before.
    pub(crate) fn skip_session_keys(&self, last: u64) {
        self.last_session_key.fetch_max(last, Ordering::Relaxed);
    }

    /// The broker in numbers.
    pub(crate) fn stats(&self, connections_count: usize) -> Stats {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let retained = self.retained.stats();
        self.counters.fill(Stats {
            connections: number(connections_count),
            sessions_online: number(self.registry.online_count.load(Ordering::Relaxed)),
            sessions_offline: number(self.registry.offline_count.load(Ordering::Relaxed)),
            subscriptions: number(self.router.stats().subscriptions_count),
            retained_messages: number(retained.messages_count),
            retained_bytes: number(retained.bytes),
            queued_bytes: number(self.queued_bytes.load(Ordering::Relaxed)),
            memory_bytes: self.memory.bytes(),
            ..Stats::default()
        })
    }

    /// Keeps the message, or with an empty payload forgets the one that was kept [MQTT-3.3.1-6]; whether there was room.
    fn retain(&self, now: Now, publish: &Publish, message: impl FnOnce() -> Arc<Message>) -> (bool, Mark) {
        let mut has_room = true;
        let mark = self.keep_retained(&publish.topic, || {
            if publish.payload.is_empty() {
                return self
                    .retained
                    .remove(&publish.topic)
                    .map_or(NowRetained::NothingAsBefore, |_| NowRetained::Nothing);
            }
            let message = message();
            let (bytes, expires_at_ms) = (message.len_bytes(), message.expires_at_mono_ms());
            let kept = RetainedMessage { message: Arc::clone(&message), bytes, expires_at_ms };
            let Err(refused) = self.retained.insert(&publish.topic, kept, now.mono_ms) else {
                return NowRetained::Message(message);
            };
            add(&self.counters.retained_refused, 1);
            tracing::warn!(topic = &*publish.topic, %refused, "a message is not retained");
            has_room = false;
            NowRetained::Nothing
        });
        (has_room, mark)
    }

    /// Forgets the retained message of a topic; whether there was one.
    pub(crate) fn remove_retained(&self, topic: &str) -> bool {
        let mut is_removed = false;
        self.keep_retained(topic, || {
            is_removed = self.retained.remove(topic).is_some();
            if is_removed { NowRetained::Nothing } else { NowRetained::NothingAsBefore }
        });
        is_removed
    }

    /// Hands a message to a session, and tells where it does not get it.
    fn hand(&self, now: Now, (slot, key): (&Slot, SubscriberKey), queued: Queued, wakers: &mut Wakers) -> Offered {
        let witness = self.bus.wants(Kind::DeliveryDropped).then(|| queued.clone());
        let offered = self.offer(slot, key, queued, wakers);
        if let (Some(queued), Some(reason)) = (witness, offered.drop_reason()) {
            self.tell_delivery_dropped(now, slot, &queued, reason);
        }
        offered
    }

    fn offer(&self, slot: &Slot, key: SubscriberKey, queued: Queued, wakers: &mut Wakers) -> Offered {
        let mut offered = slot.inbox.lock().offer(queued, key, &self.config.limits, &self.queued_bytes);
        if let Offered::Queued(waker) = &mut offered {
            wakers.extend(waker.take());
        }
        offered
    }

    fn count(&self, fate: Fate) {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        add(&self.counters.messages_published, 1);
        add(&self.counters.messages_routed, number(fate.queued));
        add(&self.counters.deliveries_dropped, number(fate.full));
        add(&self.counters.deliveries_offline, number(fate.offline));
    }
}

/// What became of a message at each of its receivers.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    matched: usize,
    queued: usize,
    full: usize,
    offline: usize,
}

impl Fate {
    fn add(&mut self, offered: &Offered) {
        match offered {
            Offered::Queued(_) => self.queued += 1,
            Offered::Full => self.full += 1,
            Offered::Offline => self.offline += 1,
            Offered::Stale => return,
        }
        self.matched += 1;
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("registry", &self.registry).finish_non_exhaustive()
    }
}
