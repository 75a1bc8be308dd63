//! The bus: events of clients, in one order, to everybody who wants them.
//!
//! One sequencer numbers the lifecycle events and puts them into the queue of each subscriber. A queue has a limit; what
//! does not fit is lost for this subscriber alone, who gets a [`Gap`] in its place. Whoever emits never waits.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, Waker};

use events::{Body, Event, Kind};
use parking_lot::Mutex;
use smallvec::SmallVec;

/// Bytes of the payloads of messages that may wait for one subscriber, in the events that tell of them. A message that
/// several of them tell of is counted for each. Beyond it such an event becomes part of a gap; events without a payload
/// have only the limit of their number.
const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// A set of kinds of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u64);

impl Kinds {
    /// No event.
    pub const NONE: Kinds = Kinds(0);

    /// Every event that goes over the bus: all but messages, which are told to the [`crate::Observer`] or come from
    /// another broker.
    pub fn all() -> Kinds {
        Kind::ALL.iter().copied().filter(|kind| kind.event_type().topic.is_some()).collect()
    }

    /// The events of the life of a client.
    pub fn lifecycle() -> Kinds {
        Kind::ALL.iter().copied().filter(|kind| kind.event_type().lifecycle).collect()
    }

    /// Whether `kind` is in it.
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & bit(kind) != 0
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Kinds {
        Kinds(kinds.into_iter().fold(0, |bits, kind| bits | bit(kind)))
    }
}

const fn bit(kind: Kind) -> u64 {
    1 << kind as u8
}

/// What a subscriber gets.
#[derive(Clone, Debug)]
pub enum BusItem {
    /// An event.
    Event(Arc<Event>),
    /// Here events are missing.
    Gap(Gap),
}

/// Events that a subscriber did not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The `seq` of the first one that had one.
    pub first_seq: Option<u64>,
    /// The `seq` of the last one that had one.
    pub last_seq: Option<u64>,
    /// How many there are.
    pub count: u64,
    /// Why.
    pub cause: GapCause,
}

/// Why events are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapCause {
    /// The queue of the subscriber was full.
    Overflow,
}

impl GapCause {
    /// The name in records and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            GapCause::Overflow => "overflow",
        }
    }
}

/// The way of events from the broker to its subscribers.
pub struct Bus {
    /// The union of what all subscribers want.
    wanted: AtomicU64,
    sequencer: Mutex<Sequencer>,
}

struct Sequencer {
    last_seq: u64,
    queues: Vec<Arc<Queue>>,
    is_closed: bool,
}

struct Queue {
    name: String,
    capacity: usize,
    kinds: AtomicU64,
    waiting: Mutex<Waiting>,
    lost_count: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    items: VecDeque<BusItem>,
    payload_bytes: usize,
    gap: Option<Gap>,
    waker: Option<Waker>,
    is_closed: bool,
}

impl Bus {
    /// A bus without subscribers; the first lifecycle event gets the number after `last_seq`.
    pub fn new(last_seq: u64) -> Bus {
        let sequencer = Sequencer { last_seq, queues: Vec::new(), is_closed: false };
        Bus { wanted: AtomicU64::new(0), sequencer: Mutex::new(sequencer) }
    }

    /// Whether anybody wants events of this kind: where not, they need not be built.
    pub fn wants(&self, kind: Kind) -> bool {
        self.wanted().contains(kind)
    }

    /// Every kind of event that somebody wants.
    pub fn wanted(&self) -> Kinds {
        Kinds(self.wanted.load(Ordering::Relaxed))
    }

    /// Numbers the event, if it is one of the life of a client, and hands it to everybody who wants it.
    pub fn emit(&self, mut event: Event) {
        let kind = event.kind();
        let mut wakers: SmallVec<[Waker; 4]> = SmallVec::new();
        {
            let mut sequencer = self.sequencer.lock();
            if kind.event_type().lifecycle {
                sequencer.last_seq += 1;
                event.head.seq = Some(sequencer.last_seq);
            }
            let payload_bytes = payload_bytes(&event);
            let event = Arc::new(event);
            for queue in &sequencer.queues {
                if Kinds(queue.kinds.load(Ordering::Relaxed)).contains(kind) {
                    wakers.extend(queue.push(&event, payload_bytes));
                }
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Subscribes to `kinds`; at most `capacity` events wait.
    pub fn subscribe(self: &Arc<Bus>, name: &str, kinds: Kinds, capacity: usize) -> BusReceiver {
        let queue = Arc::new(Queue {
            name: name.to_owned(),
            capacity: capacity.max(1),
            kinds: AtomicU64::new(kinds.0),
            waiting: Mutex::default(),
            lost_count: AtomicU64::new(0),
        });
        let mut sequencer = self.sequencer.lock();
        queue.waiting.lock().is_closed = sequencer.is_closed;
        sequencer.queues.push(Arc::clone(&queue));
        self.refresh(&sequencer);
        drop(sequencer);
        BusReceiver { bus: Arc::clone(self), queue }
    }

    /// The number of the last lifecycle event.
    pub fn last_seq(&self) -> u64 {
        self.sequencer.lock().last_seq
    }

    /// How many events each subscriber has lost, and how many wait for it.
    pub fn stats(&self) -> Vec<BusStats> {
        let sequencer = self.sequencer.lock();
        let stats_of = |queue: &Arc<Queue>| BusStats {
            name: queue.name.clone(),
            waiting_count: queue.waiting.lock().items.len(),
            lost_count: queue.lost_count.load(Ordering::Relaxed),
        };
        sequencer.queues.iter().map(stats_of).collect()
    }

    /// Nothing more comes: subscribers get what waits, then an empty batch.
    pub fn close(&self) {
        let queues = {
            let mut sequencer = self.sequencer.lock();
            sequencer.is_closed = true;
            sequencer.queues.clone()
        };
        for queue in queues {
            let waker = {
                let mut waiting = queue.waiting.lock();
                waiting.is_closed = true;
                waiting.waker.take()
            };
            waker.into_iter().for_each(Waker::wake);
        }
    }

    fn refresh(&self, sequencer: &Sequencer) {
        let wanted = sequencer.queues.iter().fold(0, |bits, queue| bits | queue.kinds.load(Ordering::Relaxed));
        self.wanted.store(wanted, Ordering::Relaxed);
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// A subscriber of the bus in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusStats {
    /// The name it subscribed under.
    pub name: String,
    /// Events that wait for it.
    pub waiting_count: usize,
    /// Events it has lost.
    pub lost_count: u64,
}

impl Queue {
    fn push(&self, event: &Arc<Event>, payload_bytes: usize) -> Option<Waker> {
        let mut waiting = self.waiting.lock();
        let needed = 1 + usize::from(waiting.gap.is_some());
        let has_room_for_payload = payload_bytes == 0 || waiting.payload_bytes + payload_bytes <= PAYLOAD_BYTES_MAX;
        if waiting.items.len() + needed > self.capacity || !has_room_for_payload {
            self.lost_count.fetch_add(1, Ordering::Relaxed);
            let gap =
                waiting.gap.get_or_insert(Gap { first_seq: None, last_seq: None, count: 0, cause: GapCause::Overflow });
            gap.first_seq = gap.first_seq.or(event.head.seq);
            gap.last_seq = event.head.seq.or(gap.last_seq);
            gap.count += 1;
        } else {
            if let Some(gap) = waiting.gap.take() {
                waiting.items.push_back(BusItem::Gap(gap));
            }
            waiting.payload_bytes += payload_bytes;
            waiting.items.push_back(BusItem::Event(Arc::clone(event)));
        }
        waiting.waker.take()
    }
}

/// Bytes of the payload that an event keeps in memory.
fn payload_bytes(event: &Event) -> usize {
    match &event.body {
        Body::MessagePublish(event) => event.payload.0.len(),
        Body::SourceMessage(event) => event.payload.0.len(),
        Body::MessageDelivered(event) => event.payload.0.len(),
        Body::MessageAcked(event) => event.payload.0.len(),
        Body::MessageDropped(event) => event.payload.0.len(),
        Body::DeliveryDropped(event) => event.payload.0.len(),
        Body::ClientConnack(_)
        | Body::ClientConnected(_)
        | Body::ClientDisconnected(_)
        | Body::ClientPing(_)
        | Body::ClientCheckAuthnComplete(_)
        | Body::ClientCheckAuthzComplete(_)
        | Body::SessionCreated(_)
        | Body::SessionResumed(_)
        | Body::SessionTakenOver(_)
        | Body::SessionDiscarded(_)
        | Body::SessionExpired(_)
        | Body::SessionSubscribed(_)
        | Body::SessionUnsubscribed(_)
        | Body::CertificateRegistered(_)
        | Body::CertificateRejected(_) => 0,
    }
}

/// The end of the bus that a subscriber holds; it unsubscribes when it is dropped.
pub struct BusReceiver {
    bus: Arc<Bus>,
    queue: Arc<Queue>,
}

impl BusReceiver {
    /// Everything that waits, in order, as soon as there is something. Empty only when the bus is closed and nothing
    /// waits any more.
    pub async fn recv_batch(&mut self) -> Vec<BusItem> {
        poll_fn(|cx| {
            let mut waiting = self.queue.waiting.lock();
            if waiting.items.is_empty() && waiting.gap.is_none() && !waiting.is_closed {
                waiting.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(waiting.take())
        })
        .await
    }

    /// Everything that waits, in order.
    pub fn try_recv_batch(&mut self) -> Vec<BusItem> {
        self.queue.waiting.lock().take()
    }

    /// Wants other events from now on.
    pub fn set_kinds(&self, kinds: Kinds) {
        self.switch().set_kinds(kinds);
    }

    /// What chooses the events of this subscriber, for who does not read them.
    pub fn switch(&self) -> Switch {
        Switch { bus: Arc::clone(&self.bus), queue: Arc::clone(&self.queue) }
    }
}

/// Chooses the events of a subscriber.
pub struct Switch {
    bus: Arc<Bus>,
    queue: Arc<Queue>,
}

impl Switch {
    /// Wants other events from now on.
    pub fn set_kinds(&self, kinds: Kinds) {
        let sequencer = self.bus.sequencer.lock();
        self.queue.kinds.store(kinds.0, Ordering::Relaxed);
        self.bus.refresh(&sequencer);
    }
}

impl fmt::Debug for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switch").field("name", &self.queue.name).finish_non_exhaustive()
    }
}

impl Waiting {
    fn take(&mut self) -> Vec<BusItem> {
        self.payload_bytes = 0;
        let mut batch = Vec::from(std::mem::take(&mut self.items));
        batch.extend(self.gap.take().map(BusItem::Gap));
        batch
    }
}

impl Drop for BusReceiver {
    fn drop(&mut self) {
        let mut sequencer = self.bus.sequencer.lock();
        sequencer.queues.retain(|queue| !Arc::ptr_eq(queue, &self.queue));
        self.bus.refresh(&sequencer);
    }
}

impl fmt::Debug for BusReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BusReceiver").field("name", &self.queue.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seqs(items: &[BusItem]) -> Vec<String> {
        let text = |item: &BusItem| match item {
            BusItem::Event(event) => event.head.seq.map_or("-".to_owned(), |seq| seq.to_string()),
            BusItem::Gap(gap) => format!("{:?}..{:?} ({})", gap.first_seq.unwrap(), gap.last_seq.unwrap(), gap.count),
        };
        items.iter().map(text).collect()
    }

    #[test]
    fn lifecycle_events_are_numbered_from_where_the_history_ended() {
        let bus = Arc::new(Bus::new(41));
        let mut receiver = bus.subscribe("all", Kinds::all(), 10);
        bus.emit(Event::sample(Kind::ClientConnack));
        bus.emit(Event {
            head: events::Head { seq: None, ..events::Head::sample() },
            ..Event::sample(Kind::MessageDropped)
        });
        bus.emit(Event::sample(Kind::ClientConnected));
        assert_eq!(seqs(&receiver.try_recv_batch()), ["42", "-", "43"]);
        assert_eq!(bus.last_seq(), 43);
    }

    #[test]
    fn what_does_not_fit_becomes_a_gap_in_its_place() {
        let bus = Arc::new(Bus::new(0));
        let mut receiver = bus.subscribe("slow", Kinds::all(), 3);
        let mut quick = bus.subscribe("quick", Kinds::all(), 100);
        for _ in 0..5 {
            bus.emit(Event::sample(Kind::ClientConnack));
        }
        assert_eq!(seqs(&receiver.try_recv_batch()), ["1", "2", "3", "4..5 (2)"]);
        bus.emit(Event::sample(Kind::ClientConnack));
        assert_eq!(seqs(&receiver.try_recv_batch()), ["6"]);
        assert_eq!(seqs(&quick.try_recv_batch()), ["1", "2", "3", "4", "5", "6"]);
        assert_eq!(bus.stats()[0].lost_count, 2);
    }

    #[test]
    fn payloads_beyond_their_limit_become_a_gap_and_other_events_go_on() {
        let bus = Arc::new(Bus::new(0));
        let mut receiver = bus.subscribe("slow", Kinds::all(), 1000);
        let payload = events::Payload(vec![0; 1 << 20].into());
        let dropped = events::DeliveryDropped { payload, ..events::DeliveryDropped::sample() };
        let head = events::Head { seq: None, ..events::Head::sample() };
        let event = Event { head, body: dropped.into() };
        for _ in 0..70 {
            bus.emit(event.clone());
        }
        bus.emit(Event::sample(Kind::ClientConnack));
        let batch = receiver.try_recv_batch();
        let [delivered @ .., BusItem::Gap(gap), BusItem::Event(last)] = &batch[..] else { panic!("{batch:?}") };
        assert_eq!((delivered.len(), gap.count, last.kind()), (64, 6, Kind::ClientConnack));
        bus.emit(event);
        assert_eq!(receiver.try_recv_batch().len(), 1, "there is room again");
    }

    #[test]
    fn only_what_somebody_wants_is_wanted() {
        let bus = Arc::new(Bus::new(0));
        assert!(!bus.wants(Kind::ClientConnack));
        let receiver = bus.subscribe("a", [Kind::ClientConnack].into_iter().collect(), 1);
        assert!(bus.wants(Kind::ClientConnack) && !bus.wants(Kind::ClientConnected));
        receiver.set_kinds([Kind::ClientConnected].into_iter().collect());
        assert!(!bus.wants(Kind::ClientConnack) && bus.wants(Kind::ClientConnected));
        drop(receiver);
        assert!(!bus.wants(Kind::ClientConnected));
    }

    #[tokio::test]
    async fn a_closed_bus_gives_what_waits_and_then_nothing() {
        let bus = Arc::new(Bus::new(0));
        let mut receiver = bus.subscribe("a", Kinds::all(), 10);
        bus.emit(Event::sample(Kind::ClientConnack));
        bus.close();
        assert_eq!(receiver.recv_batch().await.len(), 1);
        assert!(receiver.recv_batch().await.is_empty());
    }
}
