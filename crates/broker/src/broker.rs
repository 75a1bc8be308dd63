//! The handle of the broker: where the clock is read, tasks are started and stopped.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Duration;

use auth::{Auth, Ban, BanBy, Bans};
use bytestring::ByteString;
use events::Past;
use mqtt::{Filter, FilterError, TopicError};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accept::Acceptor;
use crate::admin::{ClientInfo, ListenerInfo, RetainedInfo, SubscriptionInfo};
use crate::bind::Listening;
use crate::bus::{Bus, BusReceiver};
use crate::clock::Clock;
use crate::config::{Bound, BrokerConfig, ListenerConfig};
use crate::durable::{Recovered, Store};
use crate::hub::{Hub, Observer, Published, Wakers};
use crate::listener::Listener;
use crate::memory;
use crate::message::Publication;
use crate::session::inbound::{has_levels_at_most, is_reserved};
use crate::session::inbox::Order;
use crate::stats::{ReasonCounts, Stats};

/// How often the memory of the process is looked at.
const MEMORY_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked for retained messages that have expired, and for messages that have waited too long.
const EXPIRED_EVERY_MS: u64 = 10_000;

/// How often it is looked whether the journal is longer than it needs to be.
const JOURNAL_LOOK_EVERY: Duration = Duration::from_secs(1);

/// A broker. Cloning it shares it.
#[derive(Clone)]
pub struct Broker(Arc<Inner>);

struct Inner {
    hub: Arc<Hub>,
    clock: Clock,
    tracker: TaskTracker,
    accepting: CancellationToken,
    closing: CancellationToken,
    listeners: Mutex<Vec<(Arc<Listener>, Bound)>>,
    keeps_house: AtomicBool,
}

/// Why a message of a rule is not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishRefused {
    /// The topic is no topic name.
    #[error("{0}")]
    Topic(TopicError),
    /// The topic has too many levels.
    #[error("expected a topic of at most {max} levels, found `{topic}`")]
    TooManyLevels {
        /// The topic.
        topic: ByteString,
        /// The limit.
        max: usize,
    },
    /// The topic belongs to the broker.
    #[error(
        "expected a topic of the clients, found `{0}`; help: `$SYS/`, `$events/` and `$sources/` belong to the broker"
    )]
    Reserved(ByteString),
    /// The message has come through too many rules: one probably triggers itself.
    #[error("expected at most {max} rules in a row, found one more at `{topic}`; help: a rule triggers itself")]
    Loop {
        /// The topic.
        topic: ByteString,
        /// The limit.
        max: u8,
    },
}

impl Broker {
    /// A broker that does not listen yet.
    pub fn new(config: BrokerConfig, auth: Auth, observer: Arc<dyn Observer>) -> Broker {
        let clock = Clock::start();
        Broker(Arc::new(Inner {
            hub: Arc::new(Hub::new(config, auth, observer, clock.now())),
            clock,
            tracker: TaskTracker::new(),
            accepting: CancellationToken::new(),
            closing: CancellationToken::new(),
            listeners: Mutex::default(),
            keeps_house: AtomicBool::new(false),
        }))
    }

    /// Goes on from what the events of a former process tell: counts on from its numbers, and knows what it has not told.
    /// To be called before [`Broker::recover`].
    pub fn remember(&self, past: &Past) {
        self.0.hub.remember(past);
    }

    /// Tells what a former process has not told because it ended without a word, of at most `clients_max` clients at a
    /// time, so that those who keep events can keep up; whether there is more. To be called behind [`Broker::recover`] and
    /// before [`Broker::listen`], until there is nothing more.
    pub fn close_past(&self, clients_max: usize) -> bool {
        let hub = &self.0.hub;
        let now = self.0.clock.now();
        let mut wakers = Wakers::new();
        let has_more = hub.close_past(now, clients_max, &mut wakers);
        hub.publish_waiting_events(now, &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
        has_more
    }

    /// Takes up sessions, retained messages and wills that a former process has left in `dir`, and keeps them there from
    /// now on. To be called before [`Broker::listen`]; whoever wants events subscribes before. Without it everything ends
    /// with the process.
    pub fn recover(&self, dir: &Path) -> Result<Recovered, journal::Error> {
        self.0.hub.recover(self.0.clock.now(), dir)
    }

    /// Listens under `name`; gives where that really is.
    pub async fn listen(&self, name: &str, config: ListenerConfig) -> io::Result<Bound> {
        let inner = &self.0;
        let (socket, bound) = Listening::begin(&config.bind)?;
        let listener = Arc::new(Listener::new(name.into(), config));
        inner.listeners.lock().push((Arc::clone(&listener), bound.clone()));
        if !inner.keeps_house.swap(true, Ordering::Relaxed) {
            let (hub, clock) = (Arc::clone(&inner.hub), inner.clock);
            let closing = inner.closing.clone();
            inner.tracker.spawn(async move { closing.run_until_cancelled(keep_house(hub, clock)).await });
            self.serve_own_messages();
        }
        let acceptor = Acceptor {
            hub: Arc::clone(&inner.hub),
            listener,
            clock: inner.clock,
            tracker: inner.tracker.clone(),
            accepting: inner.accepting.clone(),
            closing: inner.closing.clone(),
        };
        inner.tracker.spawn(acceptor.run(socket));
        Ok(bound)
    }

    /// Publishes a message of a rule. Never waits: a receiver whose queue is full does not get it, and that is counted.
    pub fn publish(&self, message: &Publication) -> Result<Published, PublishRefused> {
        let hub = &self.0.hub;
        check(message, hub)?;
        let mut wakers = Wakers::new();
        let (published, _only_for_clients) =
            hub.publish(self.0.clock.now(), &message.to_publish(), (None, message.origin()), &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
        Ok(published)
    }

    /// The bus of events.
    pub fn bus(&self) -> &Arc<Bus> {
        &self.0.hub.bus
    }

    /// Ends the connection of a client; whether it had one.
    pub fn kick(&self, client_id: &str) -> bool {
        let Some(slot) = self.0.hub.registry.get(client_id) else { return false };
        self.give_order(&slot, Order::Kick)
    }

    /// Who may connect, and what they may do.
    pub fn auth(&self) -> &Auth {
        &self.0.hub.auth
    }

    /// Calls `sink` for every client that has a session. It may take a while where there are many, so not for a thread
    /// that others wait for; the clients wait for none of it.
    pub fn for_each_client(&self, sink: impl FnMut(ClientInfo)) {
        self.0.hub.for_each_client(sink);
    }

    /// A client that has a session.
    pub fn client(&self, client_id: &str) -> Option<ClientInfo> {
        self.0.hub.client(client_id)
    }

    /// Calls `sink` for every subscription; as [`Broker::for_each_client`].
    pub fn for_each_subscription(&self, sink: impl FnMut(SubscriptionInfo)) {
        self.0.hub.for_each_subscription(sink);
    }

    /// The subscriptions of a client; `None` where it has no session.
    pub fn subscriptions_of(&self, client_id: &str) -> Option<Vec<SubscriptionInfo>> {
        self.0.hub.subscriptions_of(client_id)
    }

    /// The subscriptions that a message to `topic` reaches, of shared groups those of all members; as
    /// [`Broker::for_each_client`].
    pub fn receivers(&self, topic: &str) -> Result<Vec<SubscriptionInfo>, TopicError> {
        mqtt::validate_topic_name(topic)?;
        Ok(self.0.hub.receivers(topic))
    }

    /// At most `max` retained messages of topics that match `filter`.
    pub fn retained_messages(&self, filter: &str, max: usize) -> Result<Vec<RetainedInfo>, FilterError> {
        let filter = Filter::parse(filter)?;
        Ok(self.0.hub.retained_messages(self.0.clock.now(), filter.topic_filter(), max))
    }

    /// The retained message of a topic.
    pub fn retained_message(&self, topic: &str) -> Option<RetainedInfo> {
        mqtt::validate_topic_name(topic).ok()?;
        self.0.hub.retained_messages(self.0.clock.now(), topic, 1).pop()
    }

    /// Removes the retained message of a topic; whether there was one.
    pub fn remove_retained(&self, topic: &str) -> bool {
        self.0.hub.remove_retained(topic)
    }

    /// Ends the connections of clients that are banned; gives how many there were. To be called when there are new bans.
    pub fn end_banned(&self) -> usize {
        let hub = &self.0.hub;
        let now = self.0.clock.now().wall;
        let mut banned = Vec::new();
        hub.for_each_client(|client| {
            let who = (&*client.client_id, client.username.as_deref());
            if client.connection.is_some() && hub.config.bans.find(who, client.peername.ip(), now).is_some() {
                banned.push(client.client_id);
            }
        });
        let slots = banned.iter().filter_map(|client_id| hub.registry.get(client_id));
        slots.filter(|slot| self.give_order(slot, Order::Ban)).count()
    }

    /// The bans in force.
    pub fn bans(&self) -> &Bans {
        &self.0.hub.config.bans
    }

    /// The listeners, in the order they were opened.
    pub fn listeners(&self) -> Vec<ListenerInfo> {
        let is_running = !self.0.accepting.is_cancelled();
        let listeners = self.0.listeners.lock();
        listeners.iter().map(|(listener, bound)| ListenerInfo::new(listener, bound, is_running)).collect()
    }

    /// The broker in numbers.
    pub fn stats(&self) -> Stats {
        let connections_count = self
            .0
            .listeners
            .lock()
            .iter()
            .map(|(listener, _)| listener.connections_count.load(Ordering::Relaxed))
            .sum();
        self.0.hub.stats(connections_count)
    }

    /// How often each reason was given since the start.
    pub fn reason_counts(&self) -> ReasonCounts {
        self.0.hub.reasons.counts()
    }

    /// Stops in order: accepts nobody, says goodbye to every client and publishes wills, tells the events of that, and
    /// closes the bus. Connections that take longer than `deadline` are dropped.
    pub async fn shutdown(&self, deadline: Duration) {
        let inner = &self.0;
        inner.hub.is_stopping.store(true, Ordering::Relaxed);
        inner.accepting.cancel();
        inner.tracker.close();
        for slot in inner.hub.registry.all() {
            self.give_order(&slot, Order::GoAway);
        }
        inner.closing.cancel();
        if timeout(deadline, inner.tracker.wait()).await.is_err() {
            tracing::warn!(connections = inner.tracker.len(), "connections did not end in time and are dropped");
        }
        let mut wakers = Wakers::new();
        inner.hub.publish_delayed_wills(inner.clock.now(), &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
        inner.hub.tell_held_back(crate::clock::Now { mono_ms: u64::MAX, ..inner.clock.now() });
        inner.hub.bus.close();
        self.sync_journal().await;
    }

    /// Starts what hands events and the broker's own numbers to clients.
    fn serve_own_messages(&self) {
        let inner = &self.0;
        let (clock, interval_s) = (inner.clock, inner.hub.config.sys.interval_s);
        if let Some(receiver) = inner.hub.feed.take_receiver() {
            let (hub, closing) = (Arc::clone(&inner.hub), inner.closing.clone());
            inner.tracker.spawn(async move { closing.run_until_cancelled(serve_events(hub, clock, receiver)).await });
        }
        if let Some(watch) = &inner.hub.flapping
            && let Some(found) = watch.take_receiver()
        {
            let (broker, ban_s, closing) = (self.clone(), watch.config.ban_s, inner.closing.clone());
            inner.tracker.spawn(async move { closing.run_until_cancelled(broker.ban_flapping(found, ban_s)).await });
        }
        let (hub, closing) = (Arc::clone(&inner.hub), inner.closing.clone());
        inner.tracker.spawn(async move { closing.run_until_cancelled(watch_memory(hub)).await });
        if inner.hub.store.get().is_some() {
            let (hub, closing) = (Arc::clone(&inner.hub), inner.closing.clone());
            inner.tracker.spawn(async move { closing.run_until_cancelled(keep_journal_short(hub, clock)).await });
        }
        if interval_s > 0 {
            let (hub, closing) = (Arc::clone(&inner.hub), inner.closing.clone());
            let every = Duration::from_secs(interval_s.into());
            inner.tracker.spawn(async move { closing.run_until_cancelled(serve_sys(hub, clock, every)).await });
        }
    }

    /// Bans the clients that come and go too often, and ends what they have.
    async fn ban_flapping(self, mut found: mpsc::Receiver<ByteString>, ban_s: u32) {
        while let Some(client_id) = found.recv().await {
            let now = self.0.clock.now().wall;
            let ban = Ban {
                r#as: BanBy::Clientid,
                who: client_id.to_string(),
                by: "flapping".to_owned(),
                reason: "it came and went too often".to_owned(),
                at: now.0,
                until: Some(now.0.saturating_add(i64::from(ban_s) * 1000)),
            };
            let bans = self.bans().clone();
            // It waits for the disk.
            match spawn_blocking(move || bans.add(ban, now)).await {
                Ok(Ok(())) => {
                    if let Some(slot) = self.0.hub.registry.get(&client_id) {
                        self.give_order(&slot, Order::Ban);
                    }
                }
                Ok(Err(error)) => tracing::warn!(%client_id, %error, "a client that comes and goes is not banned"),
                Err(_panicked) => tracing::error!(%client_id, "making a ban has panicked"),
            }
        }
    }

    async fn sync_journal(&self) {
        let hub = Arc::clone(&self.0.hub);
        let synced = spawn_blocking(move || hub.store.get().map_or(Ok(()), Store::sync)).await;
        if let Ok(Err(error)) = synced {
            tracing::error!(%error, "the last changes of sessions and retained messages are lost");
        }
    }

    fn give_order(&self, slot: &crate::registry::Slot, order: Order) -> bool {
        let (is_online, waker) = {
            let mut inbox = slot.inbox.lock();
            if inbox.is_online() { (true, inbox.give_order(order)) } else { (false, None) }
        };
        waker.into_iter().for_each(Waker::wake);
        is_online
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

fn check(message: &Publication, hub: &Hub) -> Result<(), PublishRefused> {
    let limits = &hub.config.limits;
    let topic = &message.topic;
    mqtt::validate_topic_name(topic).map_err(PublishRefused::Topic)?;
    if is_reserved(topic) {
        return Err(PublishRefused::Reserved(topic.clone()));
    }
    if !has_levels_at_most(topic, limits.topic_levels_max) {
        return Err(PublishRefused::TooManyLevels { topic: topic.clone(), max: limits.topic_levels_max });
    }
    if message.hops > limits.hops_max {
        return Err(PublishRefused::Loop { topic: topic.clone(), max: limits.hops_max });
    }
    Ok(())
}

/// Writes down anew what survives, whenever much on disk is not needed any more, or the disk has not taken something.
async fn keep_journal_short(hub: Arc<Hub>, clock: Clock) {
    let mut ticks = tokio::time::interval(JOURNAL_LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if hub.store.get().is_some_and(Store::wants_rewrite) {
            let hub = Arc::clone(&hub);
            if spawn_blocking(move || hub.rewrite(clock.now())).await.is_err() {
                tracing::error!(
                    "writing down sessions anew ended because of a bug; the panic was reported before this line"
                );
            }
        }
    }
}

/// Hands events to the clients that subscribe to them.
async fn serve_events(hub: Arc<Hub>, clock: Clock, mut receiver: BusReceiver) {
    loop {
        let items = receiver.recv_batch().await;
        if items.is_empty() {
            return;
        }
        let mut wakers = Wakers::new();
        hub.publish_events(clock.now(), &items, &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Looks again and again at the memory of the process.
async fn watch_memory(hub: Arc<Hub>) {
    let mut looks = tokio::time::interval(MEMORY_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        match memory::resident_bytes() {
            Ok(bytes) => hub.memory.handle_sample(bytes),
            Err(error) => {
                tracing::warn!(%error, "the memory of the process cannot be looked at, so `memory_max_mib` has no effect");
                return;
            }
        }
    }
}

/// Sends the broker's own numbers again and again.
async fn serve_sys(hub: Arc<Hub>, clock: Clock, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let mut wakers = Wakers::new();
        hub.publish_sys(clock.now(), &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Ends sessions whose time is over, publishes delayed wills, tells held-back events, drops expired retained messages.
async fn keep_house(hub: Arc<Hub>, clock: Clock) {
    let mut expired_due_ms = clock.now().mono_ms + EXPIRED_EVERY_MS;
    loop {
        let now = clock.now();
        let mut wakers = Wakers::new();
        while hub.handle_next_deadline(now, &mut wakers) {}
        wakers.into_iter().for_each(Waker::wake);
        hub.tell_held_back(now);
        if now.mono_ms >= expired_due_ms {
            hub.retained.remove_expired(now.mono_ms);
            hub.drop_aged(now);
            expired_due_ms = now.mono_ms + EXPIRED_EVERY_MS;
        }
        let deadline_ms = hub.deadlines.lock().next_mono_ms();
        let held_back_ms = hub.flood.lock().next_due_mono_ms();
        let next_ms = deadline_ms.into_iter().chain(held_back_ms).fold(expired_due_ms, u64::min);
        tokio::select! {
            () = hub.housekeeping.notified() => {}
            () = sleep_until(clock.instant(next_ms).into()) => {}
        }
    }
}
