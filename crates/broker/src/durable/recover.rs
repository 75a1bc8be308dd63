//! From the records of the journal to sessions, retained messages and wills as they were.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use events::Timestamp;
use foldhash::fast::RandomState;
use journal::{Found, Position};
use mqtt::{Filter, PacketId, Properties, Publish, Will};

use super::record::{Body, Head, Place, WillBody};
use super::store::RECORD_VERSION;
use super::{Change, Rest};
use crate::clock::Now;
use crate::connection::facts::{Client, Peer};
use crate::message::{Message, Queued, Recorded};
use crate::past::FormerPeers;
use crate::router::{Granted, SubscriberKey};
use crate::session::{Subscription, Unreleased};
use crate::telling::Origin;

/// What a former process has left, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Sessions.
    pub sessions: usize,
    /// Their subscriptions.
    pub subscriptions: usize,
    /// Messages that wait for them, or were sent and not acknowledged.
    pub messages: usize,
    /// Messages whose time was over.
    pub expired: usize,
    /// Retained messages.
    pub retained: usize,
    /// Wills that are still to be published.
    pub wills: usize,
    /// Records that cannot be read, as far as it is known how many they are.
    pub lost: u64,
}

/// What is known while the journal is read.
#[derive(Debug)]
pub(super) struct Reading {
    now: Now,
    pub(super) sessions: HashMap<u64, ReadSession, RandomState>,
    messages: HashMap<u64, Arc<Message>, RandomState>,
    pub(super) retained: HashMap<ByteString, Arc<Message>, RandomState>,
    peers: FormerPeers,
    pub(super) last_number: u64,
    pub(super) last_key: u64,
    pub(super) lost: u64,
}

/// A session, as it is read.
#[derive(Debug)]
pub(super) struct ReadSession {
    pub(super) who: (Arc<Peer>, Arc<Client>),
    pub(super) expiry_interval_s: u32,
    pub(super) created_at: Timestamp,
    pub(super) will: Option<Will>,
    pub(super) rest: Rest,
    pub(super) subscriptions: HashMap<ByteString, Granted, RandomState>,
    pub(super) awaiting_release: Unreleased,
    /// Messages under the identifier they were sent with; `None` where the message is the client's.
    pub(super) exchanges: HashMap<PacketId, Option<Queued>, RandomState>,
    pub(super) next: PacketId,
    /// What waits, in order.
    pub(super) queue: BTreeMap<u64, Queued>,
}

impl Reading {
    pub(super) fn new(now: Now) -> Reading {
        Reading {
            now,
            sessions: HashMap::default(),
            messages: HashMap::default(),
            retained: HashMap::default(),
            peers: FormerPeers::default(),
            last_number: 0,
            last_key: 0,
            lost: 0,
        }
    }

    /// Takes up what was found. What cannot be read is told and counted, and the rest goes on.
    pub(super) fn take(&mut self, found: Found<'_>) {
        match found {
            Found::Record { position, bytes } => {
                let changes = match bytes.split_first() {
                    Some((&RECORD_VERSION, changes)) => Change::read_all(changes),
                    Some(_) | None => None,
                };
                match changes {
                    Some(changes) => changes.into_iter().for_each(|change| self.apply(position, change)),
                    None => {
                        self.lost += 1;
                        tracing::error!(%position, "a record of sessions is not understood and was skipped");
                    }
                }
            }
            Found::Damage(damage) => {
                self.lost += damage.records.unwrap_or(1);
                tracing::error!(%damage, "a part of the sessions cannot be read and was skipped");
            }
            Found::Torn(damage) => {
                tracing::info!(%damage, "the last write of sessions was cut short");
            }
        }
    }

    fn apply(&mut self, position: Position, change: Change<'_>) {
        match change {
            Change::Session(key, head) => self.take_head(key, &head),
            Change::Ended(key) => {
                self.sessions.remove(&key.0);
            }
            Change::Message(number, body) => {
                self.last_number = self.last_number.max(number);
                let record = Recorded::found(number, position.next().0);
                self.messages.insert(number, Arc::new(message_of(&body, self.now).with_record(record)));
            }
            Change::Queued(key, place) => self.queue(key, place),
            Change::Retained(number) => {
                // As in `queue`.
                if let Some(message) = self.messages.get(&number) {
                    self.retained.insert(message.topic().into(), Arc::clone(message));
                }
            }
            Change::Cleared(topic) => {
                self.retained.remove(topic);
            }
            Change::Reset { key, .. }
            | Change::Subscribed { key, .. }
            | Change::Unsubscribed { key, .. }
            | Change::Dropped { key, .. }
            | Change::Sent { key, .. }
            | Change::Received { key, .. }
            | Change::Acknowledged { key, .. }
            | Change::Taken { key, .. }
            | Change::Released { key, .. } => {
                // One that is not there has ended, or its beginning was lost and told.
                if let Some(session) = self.sessions.get_mut(&key.0) {
                    session.apply(&change);
                }
            }
        }
    }

    fn take_head(&mut self, SubscriberKey(key): SubscriberKey, head: &Head<'_>) {
        self.last_key = self.last_key.max(key);
        let who = self.who(head);
        let will = head.will.as_ref().map(will_of);
        let Head { expiry_interval_s, created_at, rest, .. } = *head;
        match self.sessions.get_mut(&key) {
            Some(session) => {
                (session.who, session.will, session.rest) = (who, will, rest);
                session.expiry_interval_s = expiry_interval_s;
            }
            None => {
                let session = ReadSession {
                    who,
                    expiry_interval_s,
                    created_at,
                    will,
                    rest,
                    subscriptions: HashMap::default(),
                    awaiting_release: Unreleased::default(),
                    exchanges: HashMap::default(),
                    next: PacketId::MIN,
                    queue: BTreeMap::new(),
                };
                self.sessions.insert(key, session);
            }
        }
    }

    /// The last connection, as far as events name it.
    fn who(&mut self, head: &Head<'_>) -> (Arc<Peer>, Arc<Client>) {
        let peer = self.peers.peer(self.now, head.conn_id, (head.peername, head.sockname), head.listener);
        let client = Client {
            username: head.username.map(ByteString::from),
            connected_at: Some(head.connected_at),
            keepalive_s: head.keepalive_s,
            clean_start: head.clean_start,
            expiry_interval_s: head.expiry_interval_s,
            ..Client::former(head.client_id.into(), head.level)
        };
        (peer, Arc::new(client))
    }

    fn queue(&mut self, key: SubscriberKey, place: Place) {
        self.last_number = self.last_number.max(place.number);
        let Some(session) = self.sessions.get_mut(&key.0) else { return };
        // One that is not there stood in a segment that was removed, and is told again by the rewrite that removed it; or
        // in a part that cannot be read, which is counted.
        let Some(message) = self.messages.get(&place.message) else { return };
        let mut queued = Queued::new(Arc::clone(message), place.qos);
        queued.number = place.number;
        queued.retain = place.retain;
        queued.subscription_ids = place.subscription_ids;
        session.queue.insert(place.number, queued);
    }
}

impl ReadSession {
    /// A change of what the session holds.
    fn apply(&mut self, change: &Change<'_>) {
        match *change {
            Change::Reset { key: _, next } => {
                self.subscriptions.clear();
                self.awaiting_release.clear();
                self.exchanges.clear();
                self.next = next;
            }
            Change::Subscribed { key: _, filter, granted } => {
                self.subscriptions.insert(filter.into(), granted);
            }
            Change::Unsubscribed { key: _, filter } => {
                self.subscriptions.remove(filter);
            }
            Change::Dropped { key: _, number } => {
                self.queue.remove(&number);
            }
            Change::Sent { key: _, number, packet_id } => {
                if let Some(queued) = self.queue.remove(&number) {
                    self.next = packet_id.next();
                    self.exchanges.insert(packet_id, Some(queued));
                }
            }
            Change::Received { key: _, packet_id } => {
                self.exchanges.insert(packet_id, None);
            }
            Change::Acknowledged { key: _, packet_id } => {
                self.exchanges.remove(&packet_id);
            }
            Change::Taken { key: _, packet_id, event } => {
                self.awaiting_release.insert(packet_id, event);
            }
            Change::Released { key: _, packet_id } => {
                self.awaiting_release.remove(&packet_id);
            }
            Change::Session(..)
            | Change::Ended(_)
            | Change::Message(..)
            | Change::Queued(..)
            | Change::Retained(_)
            | Change::Cleared(_) => unreachable!("handled before"),
        }
    }

    /// Its subscriptions.
    pub(super) fn subscriptions(&self) -> impl Iterator<Item = Subscription> {
        let parsed = |(filter, granted): (&ByteString, &Granted)| {
            let filter = Filter::parse(filter.clone()).ok()?;
            Some(Subscription { filter, granted: *granted })
        };
        self.subscriptions.iter().filter_map(parsed)
    }
}

fn message_of(body: &Body<'_>, now: Now) -> Message {
    let Body { client_id, username, topic, payload, properties, qos, received_at, id } = *body;
    let publish = Publish {
        dup: false,
        qos,
        retain: false,
        topic: topic.into(),
        packet_id: None,
        properties: Properties::from_block(Bytes::copy_from_slice(properties)),
        payload: Bytes::copy_from_slice(payload),
    };
    let (client_id, username) = (ByteString::from(client_id), username.map(ByteString::from));
    let origin = Origin { client_id: &client_id, username: username.as_ref(), peer: None, hops: 0, id };
    let received = Now { mono_ms: mono_of(received_at, now), wall: received_at };
    Message::new(&publish, origin, received).with_id(id)
}

fn will_of(will: &WillBody<'_>) -> Will {
    Will {
        topic: will.topic.into(),
        payload: Bytes::copy_from_slice(will.payload),
        qos: will.qos,
        retain: will.retain,
        properties: Properties::from_block(Bytes::copy_from_slice(will.properties)),
    }
}

/// A time of day on the clock that deadlines are counted in. It was noted by another process, so that this is as good as
/// the time of day is.
pub(super) fn mono_of(at: Timestamp, now: Now) -> u64 {
    now.mono_ms.saturating_add_signed(at.0.saturating_sub(now.wall.0))
}
