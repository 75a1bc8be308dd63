//! A message on its way through the broker, and what each receiver gets of it.

use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use mqtt::{Properties, Publish, QoS};

use crate::clock::Now;

/// Payloads below this are copied out of the buffer they were read into, so that a message that is kept does not keep
/// the whole buffer; from here on a copy would cost more than it saves.
const SHARED_BYTES_MIN: usize = 32 << 10;

/// A message as it is kept and sent, shared by all its receivers.
#[derive(Debug)]
pub(crate) struct Message {
    /// Topic and, where it is small, payload: one allocation.
    body: Box<[u8]>,
    topic_len: usize,
    /// The payload where it is large: a slice of the frame it came in.
    shared_payload: Bytes,
    /// Without topic alias and subscription identifiers.
    pub(crate) properties: Properties,
    pub(crate) qos: QoS,
    received_mono_ms: u64,
    expiry_interval_s: Option<u32>,
}

impl Message {
    /// The message of a PUBLISH whose topic is known: an alias is resolved already.
    pub(crate) fn new(publish: &Publish, now: Now) -> Message {
        let Publish { topic, payload, qos, properties, .. } = publish;
        let is_shared = payload.len() >= SHARED_BYTES_MIN;
        let copied: &[u8] = if is_shared { &[] } else { payload };
        let mut body = Vec::with_capacity(topic.len() + copied.len());
        body.extend_from_slice(topic.as_bytes());
        body.extend_from_slice(copied);
        Message {
            body: body.into_boxed_slice(),
            topic_len: topic.len(),
            shared_payload: if is_shared { payload.clone() } else { Bytes::new() },
            expiry_interval_s: if properties.is_empty() { None } else { properties.message_expiry_interval_s() },
            properties: if properties.is_empty() || is_shared {
                properties.for_forwarding()
            } else {
                properties.for_forwarding().to_builder().build()
            },
            qos: *qos,
            received_mono_ms: now.mono_ms,
        }
    }

    /// The topic name.
    pub(crate) fn topic(&self) -> &str {
        let (topic, _) = self.body.split_at(self.topic_len);
        #[expect(
            unsafe_code,
            reason = "checked when the packet was decoded; a check for every receiver costs more than the rest"
        )]
        // SAFETY: `new` has copied these bytes out of a `ByteString`.
        unsafe {
            std::str::from_utf8_unchecked(topic)
        }
    }

    /// The application message.
    pub(crate) fn payload(&self) -> &[u8] {
        if self.shared_payload.is_empty() { self.body.split_at(self.topic_len).1 } else { &self.shared_payload }
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
        self.expiry_interval_s.map(|interval_s| self.received_mono_ms.saturating_add(u64::from(interval_s) * 1000))
    }

    /// The interval a receiver is told: less by the whole seconds the message has waited [MQTT-3.3.2-6]. `None` where
    /// it has none, or has not waited and the one it came with still stands.
    pub(crate) fn remaining_interval_s(&self, now: Now) -> Option<u32> {
        let interval_s = self.expiry_interval_s?;
        let waited_s = now.mono_ms.saturating_sub(self.received_mono_ms) / 1000;
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
}

impl Queued {
    /// A message for a receiver without subscription identifiers.
    pub(crate) fn new(message: Arc<Message>, qos: QoS) -> Queued {
        Queued { message, qos, retain: false, subscription_ids: SubscriptionIds::None, cost_bytes: 0 }
    }

    /// What it counts in the queue it waits in.
    pub(crate) fn with_cost(mut self, cost_bytes: usize) -> Queued {
        self.cost_bytes = u32::try_from(cost_bytes).unwrap_or(u32::MAX);
        self
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
