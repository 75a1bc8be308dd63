//! A message on its way through the broker, and what each receiver gets of it.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use bytestring::ByteString;
use events::{MessageId, Timestamp};
use mqtt::{Properties, Publish, QoS};

use crate::clock::Now;
use crate::telling::Origin;

/// Payloads below this are copied out of the buffer they were read into, so that a message that is kept does not keep
/// the whole buffer; from here on a copy would cost more than it saves.
const SHARED_BYTES_MIN: usize = 32 << 10;

/// A message as it is kept and sent, shared by all its receivers.
#[derive(Debug)]
pub(crate) struct Message {
    /// Client identifier and user name of the publisher, topic and, where it is small, payload: one allocation.
    body: Box<[u8]>,
    client_id_end: usize,
    /// The same as `client_id_end` where the publisher has no user name, or an empty one.
    username_end: usize,
    topic_end: usize,
    /// The payload where it is large: a slice of the frame it came in.
    shared_payload: Bytes,
    /// Without topic alias and subscription identifiers.
    pub(crate) properties: Properties,
    pub(crate) qos: QoS,
    received: Now,
    expiry_interval_s: Option<u32>,
    /// Made when the first event names it.
    id: OnceLock<MessageId>,
    pub(crate) record: Recorded,
}

/// Where a message stands in the journal.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// Its number there; 0 where it has none.
    number: AtomicU64,
    /// The position behind its last record; 0 where it has none.
    pub(crate) position: AtomicU64,
}

impl Recorded {
    /// The number, and `next` as soon as one is needed.
    pub(crate) fn number_or(&self, next: impl FnOnce() -> u64) -> u64 {
        let known = self.number.load(Ordering::Acquire);
        if known != 0 {
            return known;
        }
        let new = next();
        self.number.compare_exchange(0, new, Ordering::AcqRel, Ordering::Acquire).map_or_else(|known| known, |_| new)
    }

    /// It was found in the journal.
    pub(crate) fn found(number: u64, position: u64) -> Recorded {
        Recorded { number: number.into(), position: position.into() }
    }
}

impl Message {
    /// The message of a PUBLISH whose topic is known: an alias is resolved already.
    pub(crate) fn new(publish: &Publish, origin: Origin<'_>, now: Now) -> Message {
        let Publish { topic, payload, qos, properties, .. } = publish;
        let is_shared = payload.len() >= SHARED_BYTES_MIN;
        let copied: &[u8] = if is_shared { &[] } else { payload };
        let username = origin.username.map_or("", |name| name);
        let client_id_end = origin.client_id.len();
        let username_end = client_id_end + username.len();
        let topic_end = username_end + topic.len();
        let mut body = Vec::with_capacity(topic_end + copied.len());
        body.extend_from_slice(origin.client_id.as_bytes());
        body.extend_from_slice(username.as_bytes());
        body.extend_from_slice(topic.as_bytes());
        body.extend_from_slice(copied);
        Message {
            body: body.into_boxed_slice(),
            client_id_end,
            username_end,
            topic_end,
            shared_payload: if is_shared { payload.clone() } else { Bytes::new() },
            expiry_interval_s: if properties.is_empty() { None } else { properties.message_expiry_interval_s() },
            properties: if properties.is_empty() || is_shared {
                properties.for_forwarding()
            } else {
                properties.for_forwarding().to_builder().build()
            },
            qos: *qos,
            received: now,
            id: OnceLock::new(),
            record: Recorded::default(),
        }
    }

    /// The same, under the identifier that an event has given it already.
    pub(crate) fn with_id(self, id: Option<MessageId>) -> Message {
        match id {
            Some(id) => Message { id: id.into(), ..self },
            None => self,
        }
    }

    /// The same, as it was found in the journal.
    pub(crate) fn with_record(self, record: Recorded) -> Message {
        Message { record, ..self }
    }

    /// The topic name.
    pub(crate) fn topic(&self) -> &str {
        self.text(self.username_end, self.topic_end)
    }

    /// The identifier of the publisher.
    pub(crate) fn client_id(&self) -> &str {
        self.text(0, self.client_id_end)
    }

    /// The user name of the publisher, where it has one.
    pub(crate) fn username(&self) -> Option<&str> {
        (self.username_end > self.client_id_end).then(|| self.text(self.client_id_end, self.username_end))
    }

    /// The identifier of the message in events.
    pub(crate) fn id(&self) -> MessageId {
        *self.id.get_or_init(|| MessageId::next(self.received.wall))
    }

    /// The same, where an event has named it.
    pub(crate) fn known_id(&self) -> Option<MessageId> {
        self.id.get().copied()
    }

    /// When it came.
    pub(crate) fn received_at(&self) -> Timestamp {
        self.received.wall
    }

    fn text(&self, from: usize, to: usize) -> &str {
        let (head, _) = self.body.split_at(to);
        let (_, text) = head.split_at(from);
        #[expect(
            unsafe_code,
            reason = "checked when the packet was decoded; a check for every receiver costs more than the rest"
        )]
        // SAFETY: `new` has copied these bytes out of a text, and the ends are those it has noted.
        unsafe {
            std::str::from_utf8_unchecked(text)
        }
    }

    /// The application message.
    pub(crate) fn payload(&self) -> &[u8] {
        if self.shared_payload.is_empty() { self.body.split_at(self.topic_end).1 } else { &self.shared_payload }
    }

    /// What it holds in memory, without itself.
    pub(crate) fn len_bytes(&self) -> usize {
        self.body.len() + self.shared_payload.len() + self.properties.len()
    }

    /// Whether its time is over [MQTT-3.3.2-5].
    pub(crate) fn is_expired(&self, now: Now) -> bool {
        self.expires_at_mono_ms().is_some_and(|at_ms| at_ms <= now.mono_ms)
    }

    /// When its time is over.
    pub(crate) fn expires_at_mono_ms(&self) -> Option<u64> {
        self.expiry_interval_s.map(|interval_s| self.received.mono_ms.saturating_add(u64::from(interval_s) * 1000))
    }

    /// The interval a receiver is told: less by the whole seconds the message has waited [MQTT-3.3.2-6]. `None` where
    /// it has none, or has not waited and the one it came with still stands.
    pub(crate) fn remaining_interval_s(&self, now: Now) -> Option<u32> {
        let interval_s = self.expiry_interval_s?;
        let waited_s = now.mono_ms.saturating_sub(self.received.mono_ms) / 1000;
        if waited_s == 0 {
            return None;
        }
        Some(interval_s.saturating_sub(u32::try_from(waited_s).unwrap_or(u32::MAX)))
    }
}

/// A message in the queue of one session.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) message: Arc<Message>,
    /// The lower of the message's and the subscription's, or the highest of several subscriptions.
    pub(crate) qos: QoS,
    /// The RETAIN flag that the receiver sees.
    pub(crate) retain: bool,
    pub(crate) subscription_ids: SubscriptionIds,
    cost_bytes: u32,
    /// Of its place in the journal; 0 where it has none.
    pub(crate) number: u64,
}

impl Queued {
    /// A message for a receiver without subscription identifiers.
    pub(crate) fn new(message: Arc<Message>, qos: QoS) -> Queued {
        Queued { message, qos, retain: false, subscription_ids: SubscriptionIds::None, cost_bytes: 0, number: 0 }
    }

    /// What it counts in the queue it waits in.
    pub(crate) fn with_cost(mut self, cost_bytes: usize) -> Queued {
        self.cost_bytes = u32::try_from(cost_bytes).unwrap_or(u32::MAX);
        self
    }

    /// Whether it has waited for so many seconds, where there is such a limit. Retained messages were old before they
    /// began to wait, so they are left out.
    pub(crate) fn is_older_than(&self, age_max_s: u32, now: Now) -> bool {
        let age_ms = now.mono_ms.saturating_sub(self.message.received.mono_ms);
        age_max_s > 0 && !self.retain && age_ms >= u64::from(age_max_s) * 1000
    }

    /// What [`Queued::with_cost`] has said.
    pub(crate) fn cost(&self) -> usize {
        usize::try_from(self.cost_bytes).unwrap_or(usize::MAX)
    }
}

/// The identifiers of the subscriptions that matched, most often none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum SubscriptionIds {
    /// No subscription had one.
    #[default]
    None,
    /// One had.
    One(u32),
    /// Several had.
    Many(Box<[u32]>),
}

impl SubscriptionIds {
    /// All of them.
    pub(crate) fn as_slice(&self) -> &[u32] {
        match self {
            SubscriptionIds::None => &[],
            SubscriptionIds::One(id) => std::slice::from_ref(id),
            SubscriptionIds::Many(ids) => ids,
        }
    }
}

impl From<&[NonZeroU32]> for SubscriptionIds {
    fn from(ids: &[NonZeroU32]) -> SubscriptionIds {
        match ids {
            [] => SubscriptionIds::None,
            [id] => SubscriptionIds::One(id.get()),
            [_, _, ..] => SubscriptionIds::Many(ids.iter().map(|id| id.get()).collect()),
        }
    }
}

/// A message that somebody wants to have published: a client, a will, a rule.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The topic name, without wildcards.
    pub topic: ByteString,
    /// Any bytes.
    pub payload: Bytes,
    /// How often it arrives.
    pub qos: QoS,
    /// Whether it is kept for later subscribers.
    pub retain: bool,
    /// Properties of a PUBLISH.
    pub properties: Properties,
    /// The client that publishes it; the rule where a rule does.
    pub client_id: ByteString,
    /// The user of the client, where there is one.
    pub username: Option<ByteString>,
    /// How many rules it has come through.
    pub hops: u8,
    /// Its identifier in events; `None` leaves it to the broker.
    pub id: Option<MessageId>,
}

impl Publication {
    /// A message of QoS 0, not retained, published by `client_id`.
    pub fn new(
        client_id: impl Into<ByteString>,
        topic: impl Into<ByteString>,
        payload: impl Into<Bytes>,
    ) -> Publication {
        Publication {
            topic: topic.into(),
            payload: payload.into(),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: Properties::new(),
            client_id: client_id.into(),
            username: None,
            hops: 0,
            id: None,
        }
    }

    /// Who publishes it.
    pub(crate) fn origin(&self) -> Origin<'_> {
        Origin {
            client_id: &self.client_id,
            username: self.username.as_ref(),
            peer: None,
            hops: self.hops,
            id: self.id,
        }
    }

    /// The same as a packet.
    pub(crate) fn to_publish(&self) -> Publish {
        Publish {
            dup: false,
            qos: self.qos,
            retain: self.retain,
            topic: self.topic.clone(),
            packet_id: None,
            properties: self.properties.clone(),
            payload: self.payload.clone(),
        }
    }
}
