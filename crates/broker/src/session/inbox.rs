//! What waits for a session: messages that were routed to it, and orders to its connection.
//!
//! Publishers push and never wait; the session's connection takes as much as its client can bear. The queue is the
//! same whether the client is there or not, so a message changes hands once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use events::DeliveryDropReason;
use mqtt::QoS;

use crate::clock::Now;
use crate::config::Limits;
use crate::connection::facts::{Client, Peer};
use crate::message::{Message, Queued};
use crate::router::SubscriberKey;

/// What every queued message costs besides its bytes.
const QUEUED_BYTES: usize = size_of::<Queued>() + size_of::<Message>();
/// Shares of the common budget are drawn in steps, so that most messages touch no shared counter.
const CHARGE_STEP_BYTES: usize = 4096;
/// A queue that was long keeps no more room than this when it is empty.
const KEPT_CAPACITY: usize = 64;

/// Why a connection is to end, said by somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Its client is banned.
    Ban,
    /// An operator or a program ends it.
    Kick,
    /// The broker stops.
    GoAway,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WakeFor {
    /// A message or an order.
    Messages,
    /// An order: it could not send a message now.
    Orders,
}

/// What became of a message that was offered to an inbox.
#[derive(Debug)]
pub(crate) enum Offered {
    /// It waits; the waker, where there is one, is to be woken after the lock is released.
    Queued(Option<Waker>),
    /// The queue of this session, or all queues together, are full.
    Full,
    /// The session has no connection and the message is QoS 0.
    Offline,
    /// The subscription it came for is of a session that is gone.
    Stale,
}

impl Offered {
    /// Why the receiver does not get the message, where it is not for a session that is gone.
    pub(crate) const fn drop_reason(&self) -> Option<DeliveryDropReason> {
        match self {
            Offered::Queued(_) | Offered::Stale => None,
            Offered::Full => Some(DeliveryDropReason::QueueFull),
            Offered::Offline => Some(DeliveryDropReason::Qos0Msg),
        }
    }
}

/// The queue of one session.
#[derive(Debug)]
pub(crate) struct Inbox {
    queue: VecDeque<Queued>,
    /// Of what waits here, and of what was taken and is not acknowledged yet.
    bytes: usize,
    charged_bytes: usize,
    session: SubscriberKey,
    online: bool,
    order: Option<Order>,
    waker: Option<Waker>,
    wake_for: WakeFor,
    /// The connection of the session, or its last one: what is dropped here is told with it.
    receiver: Option<Receiver>,
}

/// Who a session's messages are for.
type Receiver = (Arc<Peer>, Arc<Client>);

impl Inbox {
    /// The empty queue of the session `session`.
    pub(crate) const fn new(session: SubscriberKey) -> Inbox {
        Inbox {
            queue: VecDeque::new(),
            bytes: 0,
            charged_bytes: 0,
            session,
            online: false,
            order: None,
            waker: None,
            wake_for: WakeFor::Messages,
            receiver: None,
        }
    }

    /// Offers a message that was routed to the session `session`.
    pub(crate) fn offer(
        &mut self,
        queued: Queued,
        session: SubscriberKey,
        limits: &Limits,
        budget: &AtomicUsize,
    ) -> Offered {
        if session != self.session {
            return Offered::Stale;
        }
        if !self.online && queued.qos == QoS::AtMostOnce {
            return Offered::Offline;
        }
        let Some(cost) = self.charge_for(&queued, limits, budget) else { return Offered::Full };
        self.queue.push_back(queued.with_cost(cost));
        Offered::Queued(match self.wake_for {
            WakeFor::Messages => self.waker.take(),
            WakeFor::Orders => None,
        })
    }

    /// How many messages wait.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// What waits, in order.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Queued> {
        self.queue.iter()
    }

    /// Puts back what waited before a restart, whatever the limits are now.
    pub(crate) fn restore(&mut self, waiting: Vec<Queued>, receiver: Option<Receiver>, budget: &AtomicUsize) {
        self.receiver = receiver;
        for queued in waiting {
            let queued = self.charge_back(queued, budget);
            self.queue.push_back(queued);
        }
    }

    /// Counts a message that was in the queue before a restart, and waits there or is to be sent again.
    pub(crate) fn charge_back(&mut self, queued: Queued, budget: &AtomicUsize) -> Queued {
        let cost = queued.message.len_bytes() + QUEUED_BYTES;
        self.bytes += cost;
        self.charged_bytes += cost;
        budget.fetch_add(cost, Ordering::Relaxed);
        queued.with_cost(cost)
    }

    /// Whether the queue takes nothing more.
    pub(crate) fn is_full(&self, limits: &Limits) -> bool {
        self.queue.len() >= limits.queue_len_max || self.bytes >= limits.queue_bytes_max
    }

    /// The connection of the session, or its last one.
    pub(crate) fn receiver(&self) -> Option<Receiver> {
        self.receiver.clone()
    }

    /// Puts retained messages in behind the first `before_len` messages, which waited before the subscription was made:
    /// what was published since is newer. Gives those that do not fit.
    pub(crate) fn put_retained(
        &mut self,
        messages: Vec<Queued>,
        before_len: usize,
        limits: &Limits,
        budget: &AtomicUsize,
    ) -> Vec<Queued> {
        let newer = self.queue.split_off(before_len.min(self.queue.len()));
        let room = limits.queue_len_max.saturating_sub(before_len + newer.len());
        let (mut put_len, mut dropped) = (0, Vec::new());
        for queued in messages {
            let has_room = put_len < room && dropped.is_empty();
            match has_room.then(|| self.charge_for(&queued, limits, budget)).flatten() {
                Some(cost) => {
                    self.queue.push_back(queued.with_cost(cost));
                    put_len += 1;
                }
                None => dropped.push(queued),
            }
        }
        self.queue.extend(newer);
        dropped
    }

    /// The next message, where the connection may have it: any of QoS 0, others only while the window is open. The bytes
    /// of the others count here until [`Inbox::release`].
    pub(crate) fn take_next(&mut self, window_is_open: bool) -> Option<Queued> {
        if !window_is_open && self.queue.front()?.qos != QoS::AtMostOnce {
            return None;
        }
        let queued = self.queue.pop_front()?;
        if queued.qos == QoS::AtMostOnce {
            self.release(queued.cost());
        }
        Some(queued)
    }

    /// So many bytes of messages that were taken are acknowledged, or given up.
    pub(crate) fn release(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Gives back what the queue no longer needs. Called once after a run of [`Inbox::release`] and
    /// [`Inbox::take_next`].
    pub(crate) fn settle(&mut self, budget: &AtomicUsize) {
        if self.queue.is_empty() && self.queue.capacity() > KEPT_CAPACITY {
            self.queue = VecDeque::new();
        }
        if self.charged_bytes > self.bytes + 2 * CHARGE_STEP_BYTES || (self.bytes == 0 && self.charged_bytes > 0) {
            let surplus = self.charged_bytes - self.bytes.min(self.charged_bytes);
            budget.fetch_sub(surplus, Ordering::Relaxed);
            self.charged_bytes -= surplus;
        }
    }

    /// Takes messages out that have waited too long, as long as they are at the front; and the session that does not get
    /// them.
    pub(crate) fn take_aged(&mut self, now: Now, age_max_s: u32) -> (SubscriberKey, Vec<Queued>) {
        let is_over = |queued: &Queued| queued.message.is_expired(now) || queued.is_older_than(age_max_s, now);
        let mut aged = Vec::new();
        while let Some(queued) = self.queue.pop_front_if(|front| is_over(front)) {
            self.release(queued.cost());
            aged.push(queued);
        }
        (self.session, aged)
    }

    /// Whether there is a message that [`Inbox::take_next`] would give.
    pub(crate) fn has_message(&self, window_is_open: bool) -> bool {
        self.queue.front().is_some_and(|queued| window_is_open || queued.qos == QoS::AtMostOnce)
    }

    /// The order, where there is one; else remembers whom to wake, and for what.
    pub(crate) fn next_order(&mut self, waker: &Waker, wake_for: WakeFor) -> Option<Order> {
        let order = self.order.take();
        if order.is_none() {
            self.wake_for = wake_for;
            match &self.waker {
                Some(known) if known.will_wake(waker) => {}
                Some(_) | None => self.waker = Some(waker.clone()),
            }
        }
        order
    }

    /// Gives an order; the first one counts.
    #[must_use = "the waker is to be woken after the lock is released"]
    pub(crate) fn give_order(&mut self, order: Order) -> Option<Waker> {
        self.order.get_or_insert(order);
        self.waker.take()
    }

    /// The order, where there is one.
    pub(crate) fn take_order(&mut self) -> Option<Order> {
        self.order.take()
    }

    /// A connection is there: QoS 0 is queued from now on. Takes back an order to an earlier connection, and returns
    /// whom to wake of it.
    pub(crate) fn attach(&mut self, receiver: Receiver) -> Option<Waker> {
        self.receiver = Some(receiver);
        self.online = true;
        self.order = None;
        self.waker.take()
    }

    /// The connection is gone: QoS 0 no longer waits.
    pub(crate) fn detach(&mut self) {
        self.online = false;
        self.order = None;
        self.waker = None;
    }

    /// Whether a connection is there.
    pub(crate) fn is_online(&self) -> bool {
        self.online
    }

    /// Forgets everything that waits and begins the session `session`: what was routed to an earlier one is refused.
    pub(crate) fn reset(&mut self, session: SubscriberKey, budget: &AtomicUsize) {
        self.queue = VecDeque::new();
        self.bytes = 0;
        self.session = session;
        self.settle(budget);
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// What the message costs, once there is room for its bytes; they count from now on.
    fn charge_for(&mut self, queued: &Queued, limits: &Limits, budget: &AtomicUsize) -> Option<usize> {
        let cost = queued.message.len_bytes() + QUEUED_BYTES;
        let fits = self.queue.len() < limits.queue_len_max
            && self.bytes + cost <= limits.queue_bytes_max
            && (self.bytes + cost <= self.charged_bytes || self.charge(cost, limits, budget));
        if !fits {
            return None;
        }
        self.bytes += cost;
        Some(cost)
    }

    fn charge(&mut self, cost: usize, limits: &Limits, budget: &AtomicUsize) -> bool {
        let more = (self.bytes + cost - self.charged_bytes).max(CHARGE_STEP_BYTES);
        if budget.fetch_add(more, Ordering::Relaxed) + more > limits.queued_bytes_total_max {
            budget.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.charged_bytes += more;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::ListenerConfig;
    use crate::listener::Listener;
    use crate::message::Publication;

    const SESSION: SubscriberKey = SubscriberKey(7);

    fn queued(qos: QoS, payload_len: usize) -> Queued {
        let publication = Publication::new("a", "t", vec![0; payload_len]);
        Queued::new(Arc::new(Message::new(&publication.to_publish(), publication.origin(), Now::default())), qos)
    }

    fn receiver() -> Receiver {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1883));
        let peer = Peer {
            conn_id: events::ConnId(1),
            peername: address,
            sockname: address,
            listener: Arc::new(Listener::new("default".into(), ListenerConfig::new(address))),
            accepted: Now::default(),
            tls: None,
        };
        (Arc::new(peer), Arc::new(Client::undecoded("a".into(), mqtt::Version::V5)))
    }

    fn inbox() -> Inbox {
        let mut inbox = Inbox::new(SESSION);
        assert!(inbox.attach(receiver()).is_none());
        inbox
    }

    #[test]
    fn a_queue_gives_its_share_of_the_common_budget_back() {
        let (limits, budget) = (Limits { queued_bytes_total_max: 100_000, ..Limits::default() }, AtomicUsize::new(0));
        let (mut first, mut second) = (inbox(), inbox());
        let offer = |inbox: &mut Inbox| {
            matches!(inbox.offer(queued(QoS::AtLeastOnce, 10_000), SESSION, &limits, &budget), Offered::Queued(_))
        };
        let taken = (0..20).filter(|_| offer(&mut first)).count();
        assert!((8..10).contains(&taken), "{taken} messages of 10,000 bytes fit 100,000 bytes");
        assert!(!offer(&mut second), "what one queue holds is missing to the other");
        let taken_bytes = std::iter::from_fn(|| first.take_next(true)).map(|queued| queued.cost()).sum();
        first.settle(&budget);
        assert!(!offer(&mut second), "what is not acknowledged still counts");
        first.release(taken_bytes);
        first.settle(&budget);
        assert_eq!(budget.load(Ordering::Relaxed), 0);
        assert!(offer(&mut second));
        second.reset(SubscriberKey(8), &budget);
        assert_eq!(budget.load(Ordering::Relaxed), 0);
        assert!(!offer(&mut second), "what was routed to an earlier session is refused");
    }

    #[test]
    fn a_closed_window_holds_back_what_needs_it_and_what_is_behind() {
        let (limits, budget) = (Limits::default(), AtomicUsize::new(0));
        let mut inbox = inbox();
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::AtMostOnce] {
            assert!(matches!(inbox.offer(queued(qos, 1), SESSION, &limits, &budget), Offered::Queued(None)));
        }
        assert!(inbox.take_next(false).is_some());
        assert!(!inbox.has_message(false) && inbox.take_next(false).is_none());
        assert_eq!(std::iter::from_fn(|| inbox.take_next(true)).count(), 2, "the order stays");
    }

    #[test]
    fn only_kept_messages_wait_for_a_client_that_is_away() {
        let (limits, budget) = (Limits::default(), AtomicUsize::new(0));
        let mut inbox = inbox();
        inbox.detach();
        assert!(matches!(inbox.offer(queued(QoS::AtMostOnce, 1), SESSION, &limits, &budget), Offered::Offline));
        assert!(matches!(inbox.offer(queued(QoS::ExactlyOnce, 1), SESSION, &limits, &budget), Offered::Queued(None)));
    }

    #[test]
    fn retained_messages_come_before_what_was_published_after_the_subscription() {
        let (limits, budget) = (Limits { queue_len_max: 4, ..Limits::default() }, AtomicUsize::new(0));
        let mut inbox = inbox();
        let lens = |inbox: &mut Inbox| {
            std::iter::from_fn(|| inbox.take_next(true))
                .map(|queued| queued.message.payload().len())
                .collect::<Vec<_>>()
        };
        for payload_len in [1, 4] {
            drop(inbox.offer(queued(QoS::AtMostOnce, payload_len), SESSION, &limits, &budget));
        }
        let retained = [2, 3, 9].map(|payload_len| queued(QoS::AtMostOnce, payload_len)).into();
        assert_eq!(inbox.put_retained(retained, 1, &limits, &budget).len(), 1);
        assert_eq!(lens(&mut inbox), [1, 2, 3, 4]);
        inbox.settle(&budget);
        assert_eq!(budget.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_first_order_counts() {
        let mut inbox = inbox();
        assert!(inbox.give_order(Order::GoAway).is_none());
        assert!(inbox.give_order(Order::Kick).is_none());
        assert_eq!(inbox.take_order(), Some(Order::GoAway));
        assert_eq!(inbox.take_order(), None);
    }
}
