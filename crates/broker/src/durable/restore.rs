//! Putting what was read into its places, before the first client comes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use events::DeliveryDropReason;
use mqtt::PacketId;

use super::recover::{ReadSession, Reading, Recovered, mono_of};
use super::{Rest, Store};
use crate::clock::Now;
use crate::hub::Hub;
use crate::message::{Message, Queued};
use crate::registry::{Held, Parked};
use crate::router::{RetainedMessage, Subscriber, SubscriberKey};
use crate::session::Session;
use crate::stats::add;

impl Hub {
    /// Opens the journal in `dir`, takes up what is there, and keeps from now on what happens. To be called once, before
    /// there are clients.
    pub(crate) fn recover(&self, now: Now, dir: &Path) -> Result<Recovered, journal::Error> {
        let mut reading = Reading::new(now);
        let store = Store::open(dir, &mut |found| reading.take(found))?;
        store.skip_numbers(reading.last_number);
        self.skip_session_keys(reading.last_key);
        // What is put into its places is noted already; only what is decided now is new.
        let store = self.store.get_or_init(|| store);
        let mut recovered = Recovered { lost: reading.lost, ..Recovered::default() };
        self.restore_retained(now, &mut reading, &mut recovered);
        let mut keys: Vec<u64> = reading.sessions.keys().copied().collect();
        // The newest session of a client first: an older one has ended, though the record of that is lost.
        keys.sort_unstable_by(|a, b| b.cmp(a));
        for key in keys {
            let Some(session) = reading.sessions.remove(&key) else { continue };
            self.restore_session(now, (SubscriberKey(key), session), &mut recovered);
        }
        store.sync()?;
        Ok(recovered)
    }

    fn restore_retained(&self, now: Now, reading: &mut Reading, recovered: &mut Recovered) {
        for (topic, message) in reading.retained.drain() {
            if message.is_expired(now) {
                continue;
            }
            let (bytes, expires_at_ms) = (message.len_bytes(), message.expires_at_mono_ms());
            let kept: RetainedMessage<Arc<Message>> = RetainedMessage { message, bytes, expires_at_ms };
            match self.retained.insert(&topic, kept, now.mono_ms) {
                Ok(_) => recovered.retained += 1,
                Err(refused) => {
                    add(&self.counters.retained_refused, 1);
                    tracing::warn!(topic = &*topic, %refused, "a message is not retained any more");
                }
            }
        }
    }

    fn restore_session(&self, now: Now, (key, read): (SubscriberKey, ReadSession), recovered: &mut Recovered) {
        if read.expiry_interval_s == 0 {
            // It was to end with its connection, and is here for the will of that.
            recovered.wills += usize::from(read.will.is_some());
            self.note_cut_off(read.who, read.will.map(|will| (key, will)));
            return;
        }
        let slot = self.registry.get_or_insert(&read.who.1.client_id);
        let mut held = slot.hold();
        if held.session.is_some() {
            return;
        }
        let was_online = read.rest == Rest::Online;
        let parked = parked_of(now, &read);
        recovered.sessions += 1;
        recovered.subscriptions += read.subscriptions.len();
        recovered.wills += usize::from(parked.will.is_some());
        let mut session = Session::new(key, read.expiry_interval_s, now);
        session.created_at = read.created_at;
        (session.is_durable, session.is_noted) = (true, true);
        slot.set_durable(true);
        for subscription in read.subscriptions() {
            let subscriber = Subscriber { key, target: Arc::clone(&slot), granted: subscription.granted };
            self.add_subscription(&subscription.filter, subscriber);
            session.restore_subscription(subscription);
        }
        session.restore_awaiting_release(read.awaiting_release);
        slot.inbox.lock().reset(key, &self.queued_bytes);
        held.session = Some(session);
        held.last = Some(read.who);
        recovered.messages += self.restore_exchanges(&mut held, read.exchanges.into_iter().collect(), read.next);
        recovered.messages += read.queue.len();
        recovered.expired += self.restore_queue(now, &held, key, read.queue.into_values());
        self.lay_to_rest(now, &mut held, parked, was_online);
    }

    fn restore_exchanges(
        &self,
        held: &mut Held<'_>,
        mut exchanges: Vec<(PacketId, Option<Queued>)>,
        next: PacketId,
    ) -> usize {
        let slot = held.slot;
        // In the order they were sent: identifiers are given in a circle, and the next one is known.
        exchanges.sort_by_key(|(packet_id, _)| packet_id.distance_from(next));
        let count = exchanges.len();
        let mut inbox = slot.inbox.lock();
        let charged = exchanges
            .into_iter()
            .map(|(packet_id, queued)| (packet_id, queued.map(|queued| inbox.charge_back(queued, &self.queued_bytes))));
        if let Some(session) = &mut held.session {
            session.restore_exchanges(charged, next);
        }
        count
    }

    /// Puts back what waits; gives how many messages do not, because their time is over.
    fn restore_queue(
        &self,
        now: Now,
        held: &Held<'_>,
        key: SubscriberKey,
        queue: impl Iterator<Item = Queued>,
    ) -> usize {
        let slot = held.slot;
        let (expired, waiting): (Vec<Queued>, Vec<Queued>) = queue.partition(|queued| queued.message.is_expired(now));
        {
            let mut inbox = slot.inbox.lock();
            inbox.restore(waiting, held.last.clone(), &self.queued_bytes);
        }
        self.forget_queued(key, expired.iter());
        for queued in &expired {
            add(&self.counters.deliveries_expired, 1);
            self.tell_delivery_dropped(now, slot, queued, DeliveryDropReason::Expired);
        }
        expired.len()
    }

    /// A session that had a connection when the process ended rests from now on.
    fn lay_to_rest(&self, now: Now, held: &mut Held<'_>, parked: Parked, was_online: bool) {
        if was_online && let Some((peer, client)) = held.last.clone() {
            self.keep_parked(now, (&peer, &client), held, &parked);
            self.note_cut_off((peer, client), None);
        }
        self.rest(held, Box::new(parked));
        self.registry.offline_count.fetch_add(1, Ordering::Relaxed);
    }
}

/// What becomes of a session without a connection. One that had one when the process ended has lost it now, and its will
/// is due after its delay [MQTT-3.1.2-8].
fn parked_of(now: Now, read: &ReadSession) -> Parked {
    let will = |at_ms: u64| read.will.clone().map(|will| (at_ms, will));
    match read.rest {
        Rest::Online => {
            let delay_s = read.will.as_ref().and_then(|will| will.properties.will_delay_interval_s()).unwrap_or(0);
            Parked {
                deadline: None,
                ends_mono_ms: Parked::ends_after(now, read.expiry_interval_s),
                will: will(now.mono_ms + u64::from(delay_s) * 1000),
            }
        }
        Rest::Parked { ends_at, will_at } => Parked {
            deadline: None,
            ends_mono_ms: ends_at.map(|at| mono_of(at, now)),
            will: will_at.and_then(|at| will(mono_of(at, now))),
        },
    }
}
