//! What a record says: changes of what survives a restart, one behind the other, which count together or not at all.
//!
//! A session is named by its key, a message and its place in the queue of one session by a number; none is ever used
//! again. A message stands in the journal once, however many sessions it waits for.

use std::net::SocketAddr;

use events::{ConnId, EventId, MessageId, Timestamp};
use mqtt::{PacketId, QoS};

use super::encoding::{Decoder, put_bytes, put_number, put_option, put_text_option};
use crate::message::SubscriptionIds;
use crate::router::{Granted, SubscriberKey};

/// Something that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change<'a> {
    /// The session is there, and this is how it stands. Says nothing about what it holds.
    Session(SubscriberKey, Head<'a>),
    /// The session has ended, with all it held.
    Ended(SubscriberKey),
    /// Subscriptions and exchanges are forgotten, and told anew by what follows; the queue is left alone. `next` is the
    /// next identifier for a message to the client.
    Reset { key: SubscriberKey, next: PacketId },
    /// A subscription was made or replaced.
    Subscribed { key: SubscriberKey, filter: &'a str, granted: Granted },
    /// A subscription is gone.
    Unsubscribed { key: SubscriberKey, filter: &'a str },
    /// A message, which later changes name by its number.
    Message(u64, Body<'a>),
    /// A message waits for the session.
    Queued(SubscriberKey, Place),
    /// A message that waited will not be sent.
    Dropped { key: SubscriberKey, number: u64 },
    /// A message that waited is sent under this identifier.
    Sent { key: SubscriberKey, number: u64, packet_id: PacketId },
    /// PUBREC came: the message is the client's.
    Received { key: SubscriberKey, packet_id: PacketId },
    /// The exchange about a message to the client is over.
    Acknowledged { key: SubscriberKey, packet_id: PacketId },
    /// A message of QoS 2 came from the client. `event`: the one that rules must have on disk before it is answered.
    Taken { key: SubscriberKey, packet_id: PacketId, event: Option<EventId> },
    /// The client has released it.
    Released { key: SubscriberKey, packet_id: PacketId },
    /// A message is the retained one of its topic.
    Retained(u64),
    /// A topic has no retained message any more.
    Cleared(&'a str),
}

/// How a session stands: what its events name, and what becomes of it without a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) username: Option<&'a str>,
    /// The protocol level of CONNECT.
    pub(crate) level: u8,
    pub(crate) clean_start: bool,
    pub(crate) keepalive_s: u16,
    pub(crate) expiry_interval_s: u32,
    pub(crate) created_at: Timestamp,
    pub(crate) connected_at: Timestamp,
    pub(crate) conn_id: ConnId,
    pub(crate) peername: SocketAddr,
    pub(crate) sockname: SocketAddr,
    pub(crate) listener: &'a str,
    pub(crate) will: Option<WillBody<'a>>,
    pub(crate) rest: Rest,
}

/// Whether a session has a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// It has.
    Online,
    /// It has none.
    Parked {
        /// When it ends; `None` for never.
        ends_at: Option<Timestamp>,
        /// When its will is published, where it has one.
        will_at: Option<Timestamp>,
    },
}

/// A will, as CONNECT has brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WillBody<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    /// The block of its properties.
    pub(crate) properties: &'a [u8],
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Body<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) username: Option<&'a str>,
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    /// The block of its properties.
    pub(crate) properties: &'a [u8],
    pub(crate) qos: QoS,
    pub(crate) received_at: Timestamp,
    /// Where an event has named it.
    pub(crate) id: Option<MessageId>,
}

/// What one session gets of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Of this place. Numbers rise in the order of the queue.
    pub(crate) number: u64,
    /// Of the message.
    pub(crate) message: u64,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) subscription_ids: SubscriptionIds,
}

impl<'a> Change<'a> {
    /// Appends the change to a record.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Change::Session(key, head) => {
                put_tag(out, 1, *key);
                head.put(out);
            }
            Change::Ended(key) => put_tag(out, 2, *key),
            Change::Reset { key, next } => put_with_id(out, 3, *key, *next),
            Change::Subscribed { key, filter, granted } => {
                put_tag(out, 4, *key);
                put_bytes(out, filter.as_bytes());
                put_granted(out, *granted);
            }
            Change::Unsubscribed { key, filter } => {
                put_tag(out, 5, *key);
                put_bytes(out, filter.as_bytes());
            }
            Change::Message(number, body) => {
                out.push(6);
                put_number(out, *number);
                body.put(out);
            }
            Change::Queued(key, place) => {
                put_tag(out, 7, *key);
                place.put(out);
            }
            Change::Dropped { key, number } => {
                put_tag(out, 8, *key);
                put_number(out, *number);
            }
            Change::Sent { key, number, packet_id } => {
                put_with_id(out, 9, *key, *packet_id);
                put_number(out, *number);
            }
            Change::Received { key, packet_id } => put_with_id(out, 10, *key, *packet_id),
            Change::Acknowledged { key, packet_id } => put_with_id(out, 11, *key, *packet_id),
            Change::Taken { key, packet_id, event: None } => put_with_id(out, 12, *key, *packet_id),
            Change::Taken { key, packet_id, event: Some(event) } => {
                put_with_id(out, 16, *key, *packet_id);
                put_bytes(out, &event.0.to_le_bytes());
            }
            Change::Released { key, packet_id } => put_with_id(out, 13, *key, *packet_id),
            Change::Retained(number) => {
                out.push(14);
                put_number(out, *number);
            }
            Change::Cleared(topic) => {
                out.push(15);
                put_bytes(out, topic.as_bytes());
            }
        }
    }

    /// Every change in a record, in order; `None` where it is not one of ours.
    pub(crate) fn read_all(record: &'a [u8]) -> Option<Vec<Change<'a>>> {
        let mut decoder = Decoder::new(record);
        let mut changes = Vec::new();
        while !decoder.is_empty() {
            changes.push(Change::read(&mut decoder)?);
        }
        Some(changes)
    }

    fn read(from: &mut Decoder<'a>) -> Option<Change<'a>> {
        let tag = from.byte()?;
        let number = from_tag(tag, from)?;
        let key = SubscriberKey(number);
        Some(match tag {
            1 => Change::Session(key, Head::read(from)?),
            2 => Change::Ended(key),
            3 => Change::Reset { key, next: packet_id(from)? },
            4 => Change::Subscribed { key, filter: from.text()?, granted: read_granted(from)? },
            5 => Change::Unsubscribed { key, filter: from.text()? },
            6 => Change::Message(number, Body::read(from)?),
            7 => Change::Queued(key, Place::read(from)?),
            8 => Change::Dropped { key, number: from.number()? },
            9 => Change::Sent { key, packet_id: packet_id(from)?, number: from.number()? },
            10 => Change::Received { key, packet_id: packet_id(from)? },
            11 => Change::Acknowledged { key, packet_id: packet_id(from)? },
            12 => Change::Taken { key, packet_id: packet_id(from)?, event: None },
            16 => Change::Taken { key, packet_id: packet_id(from)?, event: Some(event_id(from)?) },
            13 => Change::Released { key, packet_id: packet_id(from)? },
            14 => Change::Retained(number),
            15 => Change::Cleared(from.text()?),
            0 | 17.. => return None,
        })
    }
}

impl<'a> Head<'a> {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.client_id.as_bytes());
        put_text_option(out, self.username);
        out.push(self.level);
        out.push(u8::from(self.clean_start));
        put_number(out, u64::from(self.keepalive_s));
        put_number(out, u64::from(self.expiry_interval_s));
        put_time(out, self.created_at);
        put_time(out, self.connected_at);
        put_number(out, self.conn_id.0);
        put_bytes(out, self.peername.to_string().as_bytes());
        put_bytes(out, self.sockname.to_string().as_bytes());
        put_bytes(out, self.listener.as_bytes());
        out.push(u8::from(self.will.is_some()));
        if let Some(will) = &self.will {
            put_bytes(out, will.topic.as_bytes());
            put_bytes(out, will.payload);
            put_bytes(out, will.properties);
            out.push(u8::from(will.qos));
            out.push(u8::from(will.retain));
        }
        match self.rest {
            Rest::Online => out.push(0),
            Rest::Parked { ends_at, will_at } => {
                out.push(1);
                put_option(out, ends_at.map(|at| at.0.cast_unsigned()));
                put_option(out, will_at.map(|at| at.0.cast_unsigned()));
            }
        }
    }

    fn read(from: &mut Decoder<'a>) -> Option<Head<'a>> {
        Some(Head {
            client_id: from.text()?,
            username: from.text_option()?,
            level: from.byte()?,
            clean_start: from.flag()?,
            keepalive_s: from.number_as()?,
            expiry_interval_s: from.number_as()?,
            created_at: time(from)?,
            connected_at: time(from)?,
            conn_id: ConnId(from.number()?),
            peername: from.text()?.parse().ok()?,
            sockname: from.text()?.parse().ok()?,
            listener: from.text()?,
            will: if from.flag()? { Some(WillBody::read(from)?) } else { None },
            rest: match from.byte()? {
                0 => Rest::Online,
                1 => Rest::Parked { ends_at: time_option(from)?, will_at: time_option(from)? },
                2.. => return None,
            },
        })
    }
}

impl<'a> WillBody<'a> {
    fn read(from: &mut Decoder<'a>) -> Option<WillBody<'a>> {
        Some(WillBody {
            topic: from.text()?,
            payload: from.bytes()?,
            properties: from.bytes()?,
            qos: qos(from)?,
            retain: from.flag()?,
        })
    }
}

impl<'a> Body<'a> {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.client_id.as_bytes());
        put_text_option(out, self.username);
        put_bytes(out, self.topic.as_bytes());
        put_bytes(out, self.payload);
        put_bytes(out, self.properties);
        out.push(u8::from(self.qos));
        put_time(out, self.received_at);
        out.push(u8::from(self.id.is_some()));
        if let Some(id) = self.id {
            put_bytes(out, &id.0.to_le_bytes());
        }
    }

    fn read(from: &mut Decoder<'a>) -> Option<Body<'a>> {
        Some(Body {
            client_id: from.text()?,
            username: from.text_option()?,
            topic: from.text()?,
            payload: from.bytes()?,
            properties: from.bytes()?,
            qos: qos(from)?,
            received_at: time(from)?,
            id: if from.flag()? { Some(MessageId(u128::from_le_bytes(from.bytes()?.try_into().ok()?))) } else { None },
        })
    }
}

impl Place {
    fn put(&self, out: &mut Vec<u8>) {
        put_number(out, self.number);
        put_number(out, self.message);
        out.push(u8::from(self.qos) | u8::from(self.retain) << 2);
        let ids = self.subscription_ids.as_slice();
        put_number(out, u64::try_from(ids.len()).unwrap_or(u64::MAX));
        ids.iter().for_each(|id| put_number(out, u64::from(*id)));
    }

    fn read(from: &mut Decoder<'_>) -> Option<Place> {
        let (number, message, flags) = (from.number()?, from.number()?, from.byte()?);
        let count = from.number()?;
        let ids = (0..count).map(|_| from.number_as()).collect::<Option<Box<[u32]>>>()?;
        Some(Place {
            number,
            message,
            qos: QoS::try_from(flags & 3).ok()?,
            retain: flags & 4 != 0,
            subscription_ids: match *ids {
                [] => SubscriptionIds::None,
                [id] => SubscriptionIds::One(id),
                [_, _, ..] => SubscriptionIds::Many(ids),
            },
        })
    }
}

fn put_tag(out: &mut Vec<u8>, tag: u8, key: SubscriberKey) {
    out.push(tag);
    put_number(out, key.0);
}

fn put_with_id(out: &mut Vec<u8>, tag: u8, key: SubscriberKey, packet_id: PacketId) {
    put_tag(out, tag, key);
    put_number(out, u64::from(packet_id.get()));
}

/// What stands behind every tag but one: a key or a number.
fn from_tag(tag: u8, from: &mut Decoder<'_>) -> Option<u64> {
    if tag == 15 { Some(0) } else { from.number() }
}

fn packet_id(from: &mut Decoder<'_>) -> Option<PacketId> {
    PacketId::new(from.number_as()?)
}

fn event_id(from: &mut Decoder<'_>) -> Option<EventId> {
    Some(EventId(u128::from_le_bytes(from.bytes()?.try_into().ok()?)))
}

fn qos(from: &mut Decoder<'_>) -> Option<QoS> {
    QoS::try_from(from.byte()?).ok()
}

fn put_granted(out: &mut Vec<u8>, granted: Granted) {
    let Granted { qos, no_local, retain_as_published, subscription_id } = granted;
    out.push(u8::from(qos) | u8::from(no_local) << 2 | u8::from(retain_as_published) << 3);
    put_number(out, subscription_id.map_or(0, |id| u64::from(id.get())));
}

fn read_granted(from: &mut Decoder<'_>) -> Option<Granted> {
    let flags = from.byte()?;
    Some(Granted {
        qos: QoS::try_from(flags & 3).ok()?,
        no_local: flags & 4 != 0,
        retain_as_published: flags & 8 != 0,
        subscription_id: std::num::NonZeroU32::new(from.number_as()?),
    })
}

fn put_time(out: &mut Vec<u8>, at: Timestamp) {
    put_number(out, at.0.cast_unsigned());
}

fn time(from: &mut Decoder<'_>) -> Option<Timestamp> {
    Some(Timestamp(from.number()?.cast_signed()))
}

#[expect(clippy::option_option, reason = "the outer one is a record that cannot be read")]
fn time_option(from: &mut Decoder<'_>) -> Option<Option<Timestamp>> {
    Some(from.option()?.map(|ms| Timestamp(ms.cast_signed())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: u16) -> PacketId {
        PacketId::new(number.max(1)).unwrap()
    }

    /// Every kind of change, made of some texts and numbers.
    fn every_change<'a>(text: &'a str, bytes: &'a [u8], number: u64, flag: bool) -> Vec<Change<'a>> {
        let key = SubscriberKey(number);
        let qos = QoS::try_from(u8::try_from(number % 3).unwrap()).unwrap();
        let packet_id = id(u16::try_from(number % 65_535).unwrap());
        let at = Timestamp(number.cast_signed());
        let will = WillBody { topic: text, payload: bytes, properties: bytes, qos, retain: flag };
        let parked = Rest::Parked { ends_at: flag.then_some(at), will_at: (!flag).then_some(at) };
        let head = Head {
            client_id: text,
            username: flag.then_some(text),
            level: u8::try_from(number % 256).unwrap(),
            clean_start: flag,
            keepalive_s: u16::try_from(number % 60_000).unwrap(),
            expiry_interval_s: u32::MAX,
            created_at: at,
            connected_at: at,
            conn_id: ConnId(number),
            peername: "[::1]:1883".parse().unwrap(),
            sockname: "127.0.0.1:0".parse().unwrap(),
            listener: text,
            will: flag.then_some(will),
            rest: if flag { Rest::Online } else { parked },
        };
        let granted = Granted {
            qos,
            no_local: flag,
            retain_as_published: !flag,
            subscription_id: std::num::NonZeroU32::new(u32::try_from(number % 1000).unwrap()),
        };
        let body = Body {
            client_id: text,
            username: (!flag).then_some(text),
            topic: text,
            payload: bytes,
            properties: bytes,
            qos,
            received_at: at,
            id: flag.then_some(MessageId(u128::from(number) << 60)),
        };
        let subscription_ids = match number % 3 {
            0 => SubscriptionIds::None,
            1 => SubscriptionIds::One(7),
            _ => SubscriptionIds::Many([1, u32::MAX].into()),
        };
        let place = Place { number, message: number ^ 1, qos, retain: flag, subscription_ids };
        vec![
            Change::Session(key, head),
            Change::Ended(key),
            Change::Reset { key, next: packet_id },
            Change::Subscribed { key, filter: text, granted },
            Change::Unsubscribed { key, filter: text },
            Change::Message(number, body),
            Change::Queued(key, place),
            Change::Dropped { key, number },
            Change::Sent { key, number, packet_id },
            Change::Received { key, packet_id },
            Change::Acknowledged { key, packet_id },
            Change::Taken { key, packet_id, event: flag.then_some(EventId(u128::from(number) << 60)) },
            Change::Released { key, packet_id },
            Change::Retained(number),
            Change::Cleared(text),
        ]
    }

    proptest! {
        #[test]
        fn changes_are_read_as_they_were_written(
            text in ".*", bytes in prop::collection::vec(any::<u8>(), 0..40), number: u64, flag: bool,
        ) {
            let changes = every_change(&text, &bytes, number, flag);
            let mut record = Vec::new();
            changes.iter().for_each(|change| change.put(&mut record));
            prop_assert_eq!(Change::read_all(&record), Some(changes));
            // A record that is cut says so, unless it is cut between two changes.
            record.pop();
            prop_assert_eq!(Change::read_all(&record).map(|changes| changes.len()), None);
        }

        #[test]
        fn no_bytes_are_too_strange_to_be_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            // Whatever it finds, it ends, and what is taken for a change takes at least a byte.
            prop_assert!(Change::read_all(&bytes).is_none_or(|changes| changes.len() <= bytes.len()));
        }
    }
}
