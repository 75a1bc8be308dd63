//! Where what happens is noted: messages before anybody has them, retained messages, and how sessions stand.

use std::sync::Arc;

use events::{EventId, Timestamp};
use mqtt::{PacketId, Will};
use parking_lot::RwLockReadGuard;
use smallvec::SmallVec;

use super::record::{Body, Head, Place, Rest, WillBody};
use super::{Change, Mark, Store};
use crate::clock::Now;
use crate::connection::facts::{Client, Peer};
use crate::hub::Hub;
use crate::message::{Message, Queued};
use crate::registry::{Core, Parked, Slot};
use crate::router::SubscriberKey;
use crate::session::Session;
use crate::session::inbox::Offered;

/// Sessions that survive and are to get a message.
pub(crate) type Kept = SmallVec<[(Arc<Slot>, SubscriberKey, Queued); 2]>;

/// The exchange of a session that survives, in which a message of QoS 2 came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taking {
    pub(crate) key: SubscriberKey,
    pub(crate) packet_id: PacketId,
    /// The event that rules must have on disk before the message is answered, where there is one.
    pub(crate) event: Option<EventId>,
}

/// What became of the retained message of a topic.
#[derive(Debug)]
pub(crate) enum NowRetained {
    /// There is this one.
    Message(Arc<Message>),
    /// There is none any more.
    Nothing,
    /// There was none, and there is none.
    NothingAsBefore,
}

impl Store {
    /// Notes a message for `receivers`, and that it was taken, in one record; then hands it over. What an inbox does not
    /// take is noted, too.
    pub(crate) fn hand_over(
        &self,
        mut receivers: Kept,
        taking: Option<Taking>,
        mut hand: impl FnMut(&Arc<Slot>, SubscriberKey, Queued) -> Offered,
    ) -> Mark {
        let mut record = Vec::new();
        let _gate = self.gate.read();
        if let Some(number) = receivers.first().map(|(_, _, first)| self.put_message(&first.message, &mut record)) {
            for (_, key, queued) in &mut receivers {
                self.put_place(*key, (queued, number), &mut record);
            }
        }
        if let Some(Taking { key, packet_id, event }) = taking {
            Change::Taken { key, packet_id, event }.put(&mut record);
        }
        let mark = self.append(&record);
        if let Some((_, _, queued)) = receivers.first() {
            Store::note_written(&queued.message, mark);
        }
        record.clear();
        for (slot, key, queued) in receivers {
            let number = queued.number;
            match hand(&slot, key, queued) {
                Offered::Queued(_) => {}
                Offered::Full | Offered::Offline | Offered::Stale => {
                    Change::Dropped { key, number }.put(&mut record);
                }
            }
        }
        if !record.is_empty() {
            self.append(&record);
        }
        mark
    }

    /// Notes that a session has ended, with all it held.
    pub(crate) fn note_ended(&self, key: SubscriberKey) {
        let mut record = Vec::new();
        Change::Ended(key).put(&mut record);
        self.append(&record);
    }

    /// Puts a message and its place in a queue into a record.
    pub(super) fn put_queued(&self, key: SubscriberKey, queued: &mut Queued, record: &mut Vec<u8>) {
        let message = self.put_message(&queued.message, record);
        self.put_place(key, (queued, message), record);
    }

    /// Puts a message into a record, unless it stands in the journal; gives its number.
    pub(super) fn put_message(&self, message: &Message, record: &mut Vec<u8>) -> u64 {
        let (number, needs_body) = self.number_of(message);
        if needs_body {
            Change::Message(number, message.body()).put(record);
        }
        number
    }

    fn put_place(&self, key: SubscriberKey, (queued, message): (&mut Queued, u64), record: &mut Vec<u8>) {
        if queued.number == 0 {
            queued.number = self.next_number();
        }
        let subscription_ids = queued.subscription_ids.clone();
        let Queued { number, qos, retain, .. } = *queued;
        Change::Queued(key, Place { number, message, qos, retain, subscription_ids }).put(record);
    }
}

impl Hub {
    /// Notes how a retained message has changed, while `change` changes it.
    pub(crate) fn keep_retained(&self, topic: &str, change: impl FnOnce() -> NowRetained) -> Mark {
        let Some(store) = self.store.get() else {
            change();
            return Mark::default();
        };
        let _gate = store.gate.read();
        let _order = store.retained.lock();
        let mut record = Vec::new();
        match change() {
            NowRetained::Message(message) => {
                let number = store.put_message(&message, &mut record);
                Change::Retained(number).put(&mut record);
                let mark = store.append(&record);
                Store::note_written(&message, mark);
                mark
            }
            NowRetained::Nothing => {
                Change::Cleared(topic).put(&mut record);
                store.append(&record)
            }
            NowRetained::NothingAsBefore => Mark::default(),
        }
    }

    /// Notes messages that a session gets though they are not new. They are to be put into its inbox while the guard is
    /// held.
    pub(crate) fn keep_found(
        &self,
        (slot, key): (&Slot, SubscriberKey),
        found: &mut [Queued],
    ) -> Option<RwLockReadGuard<'_, ()>> {
        let store = self.store.get().filter(|_| slot.is_durable())?;
        let gate = store.gate.read();
        let mut record = Vec::new();
        for queued in found.iter_mut().filter(|queued| queued.qos != mqtt::QoS::AtMostOnce) {
            store.put_queued(key, queued, &mut record);
        }
        if !record.is_empty() {
            let mark = store.append(&record);
            found
                .iter()
                .filter(|queued| queued.number != 0)
                .for_each(|queued| Store::note_written(&queued.message, mark));
        }
        Some(gate)
    }

    /// Notes messages that waited for a session and will not be sent.
    pub(crate) fn forget_queued<'a>(&self, key: SubscriberKey, dropped: impl Iterator<Item = &'a Queued>) {
        let Some(store) = self.store.get() else { return };
        let mut record = Vec::new();
        for queued in dropped.filter(|queued| queued.number != 0) {
            Change::Dropped { key, number: queued.number }.put(&mut record);
        }
        if !record.is_empty() {
            store.append(&record);
        }
    }

    /// Notes that the session in `core` has a connection now, or that it is one that ends with its connection. To be
    /// called when `core` has its link. `had_durable`: it, or the one before, has survived until now. Gives what CONNACK
    /// waits for, which is nothing where there is no more to note than a will.
    pub(crate) fn keep_online(&self, slot: &Slot, core: &mut Core, had_durable: bool) -> Option<Mark> {
        let store = self.store.get()?;
        let Core { session: Some(session), link: Some(link), .. } = core else { return None };
        let mut record = Vec::new();
        let outlives_connection = session.expiry_interval_s > 0;
        session.is_noted = outlives_connection || link.will.is_some();
        if session.is_noted {
            let who = (&*link.peer, &*link.client);
            head_of(who, session, (link.will.as_deref(), Rest::Online)).put(&mut record);
        } else if session.is_durable {
            Change::Ended(session.key).put(&mut record);
        } else {
            return had_durable.then(|| store.mark());
        }
        session.is_durable = outlives_connection;
        slot.set_durable(outlives_connection);
        let mark = store.append(&record);
        (outlives_connection || had_durable).then_some(mark)
    }

    /// Notes how the session in `core` rests.
    pub(crate) fn keep_parked(&self, now: Now, (peer, client): (&Peer, &Client), core: &Core, parked: &Parked) {
        let (Some(store), Some(session)) = (self.store.get(), &core.session) else { return };
        if session.is_durable {
            let mut record = Vec::new();
            let (will, rest) = rest_of(now, parked);
            head_of((peer, client), session, (will, rest)).put(&mut record);
            store.append(&record);
        }
    }

    /// Notes the end of a session.
    pub(crate) fn keep_ended(&self, slot: &Slot, session: &Session) {
        slot.set_durable(false);
        if let Some(store) = self.store.get().filter(|_| session.is_noted) {
            store.note_ended(session.key);
        }
    }
}

/// How a session stands.
pub(super) fn head_of<'a>(
    (peer, client): (&'a Peer, &'a Client),
    session: &Session,
    (will, rest): (Option<&'a Will>, Rest),
) -> Change<'a> {
    let head = Head {
        client_id: &client.client_id,
        username: client.username.as_deref(),
        level: client.proto_ver,
        clean_start: client.clean_start,
        keepalive_s: client.keepalive_s,
        expiry_interval_s: session.expiry_interval_s,
        created_at: session.created_at,
        connected_at: client.connected_at.unwrap_or(peer.accepted.wall),
        conn_id: peer.conn_id,
        peername: peer.peername,
        sockname: peer.sockname,
        listener: &peer.listener.name,
        will: will.map(|will| WillBody {
            topic: &will.topic,
            payload: &will.payload,
            properties: will.properties.as_bytes(),
            qos: will.qos,
            retain: will.retain,
        }),
        rest,
    };
    Change::Session(session.key, head)
}

/// The will of a session that rests, and until when it does.
pub(super) fn rest_of(now: Now, parked: &Parked) -> (Option<&Will>, Rest) {
    let wall = |mono_ms: u64| {
        let ms = i64::try_from(mono_ms).unwrap_or(i64::MAX);
        Timestamp(now.wall.0.saturating_add(ms.saturating_sub(i64::try_from(now.mono_ms).unwrap_or(i64::MAX))))
    };
    let ends_at = parked.ends_mono_ms.map(wall);
    let will_at = parked.will.as_ref().map(|(at_ms, _)| wall(*at_ms));
    (parked.will.as_ref().map(|(_, will)| will), Rest::Parked { ends_at, will_at })
}

impl Message {
    /// The message as it is noted.
    fn body(&self) -> Body<'_> {
        Body {
            client_id: self.client_id(),
            username: self.username(),
            topic: self.topic(),
            payload: self.payload(),
            properties: self.properties.as_bytes(),
            qos: self.qos,
            received_at: self.received_at(),
            id: self.known_id(),
        }
    }
}
