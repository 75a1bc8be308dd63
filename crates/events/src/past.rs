//! What a process has left behind that ended without a word, as far as its events tell: what had begun and not ended.
//!
//! Whoever keeps the events of clients' lives folds them into a [`Past`]; the next process tells the endings that are
//! missing, and numbers the events of each client where the last one stopped.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::{Kind, Timestamp};

/// What a former process has left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// The last moment at which that process is known to have run.
    pub ran_until: Timestamp,
    clients: HashMap<String, Told>,
    /// Of the newest event that was taken.
    last_order: u64,
}

/// A client, and which of its events was the last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    order: u64,
    standing: Standing,
}

/// How a client stands after the last of its events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// How far its events are numbered; `None` where some may be missing.
    pub count: Option<StandingCount>,
    /// Its session, where that has not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<StandingSession>,
    /// The last connection that was accepted, where something has not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<StandingConnection>,
    /// Whether that connection has not ended.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_connected: bool,
    /// The QoS of each subscription that has not ended, by its filter.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub subscriptions: BTreeMap<String, u8>,
}

/// The last numbers of a client's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingCount {
    /// `client_seq`.
    pub seq: u64,
    /// `client_epoch`.
    pub epoch: u64,
}

/// A session that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingSession {
    /// Seconds it outlives its connection.
    pub expiry_interval_s: u32,
    /// When it was created, in ms since 1970-01-01 UTC.
    pub created_at_ms: i64,
}

/// A connection that was accepted. What is optional is missing where only its session was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingConnection {
    /// Its number.
    pub conn_id: u64,
    /// The name of its listener.
    pub listener: String,
    /// The user name, where one was sent.
    pub username: Option<String>,
    /// The address of the client.
    pub peername: SocketAddr,
    /// The address of the listener.
    pub sockname: Option<SocketAddr>,
    /// The protocol level.
    pub proto_ver: Option<u8>,
    /// When it was accepted, in ms since 1970-01-01 UTC.
    pub connected_at_ms: Option<i64>,
}

/// The fields of events that matter here.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    clientid: Option<Cow<'a, str>>,
    client_seq: Option<u64>,
    client_epoch: Option<u64>,
    conn_id: Option<u64>,
    #[serde(borrow)]
    listener: Option<Cow<'a, str>>,
    #[serde(borrow)]
    username: Option<Cow<'a, str>>,
    peername: Option<SocketAddr>,
    sockname: Option<SocketAddr>,
    proto_ver: Option<u8>,
    expiry_interval: Option<u32>,
    created_at: Option<i64>,
    connected_at: Option<i64>,
    #[serde(borrow)]
    topic: Option<Cow<'a, str>>,
    qos: Option<u8>,
}

impl Past {
    /// Takes the next event up, which is named so and has these fields as JSON. Events that are no part of the life of an
    /// accepted client say nothing here.
    pub fn take(&mut self, event: &str, json: &str) {
        let named = |kind: &&Kind| kind.event_type().name == event && kind.event_type().lifecycle;
        let Some(kind) = Kind::ALL.iter().find(named) else { return };
        let Ok(fields) = serde_json::from_str::<Fields<'_>>(json) else { return };
        let (Some(clientid), Some(seq), Some(epoch)) = (&fields.clientid, fields.client_seq, fields.client_epoch)
        else {
            return;
        };
        self.last_order += 1;
        let told = match self.clients.get_mut(&**clientid) {
            Some(told) => told,
            None => self
                .clients
                .entry(clientid.to_string())
                .or_insert_with(|| Told { order: 0, standing: Standing::default() }),
        };
        told.order = self.last_order;
        told.standing.count = Some(StandingCount { seq, epoch });
        told.standing.take(*kind, &fields);
        if !told.standing.is_open() {
            told.standing.connection = None;
        }
    }

    /// Puts a client in as it stood when the events that follow began.
    pub fn put(&mut self, clientid: String, standing: Standing) {
        self.last_order += 1;
        self.clients.insert(clientid, Told { order: self.last_order, standing });
    }

    /// Events are missing here: no client's are numbered as far as was told before.
    pub fn handle_gap(&mut self) {
        self.clients.values_mut().for_each(|told| told.standing.count = None);
    }

    /// Forgets clients of which nothing stands, but for the last `max` of them.
    pub fn forget_beyond(&mut self, max: usize) {
        let departed = |told: &Told| !told.standing.is_open();
        self.clients.retain(|_, told| told.standing.count.is_some() || told.standing.is_open());
        let mut orders: Vec<u64> = self.clients.values().filter(|told| departed(told)).map(|told| told.order).collect();
        let Some(surplus) = orders.len().checked_sub(max).filter(|surplus| *surplus > 0) else { return };
        let (_, first_kept, _) = orders.select_nth_unstable(surplus - 1);
        let last_forgotten = *first_kept;
        self.clients.retain(|_, told| !departed(told) || told.order > last_forgotten);
    }

    /// Every client, the one that was told of longest ago first.
    pub fn clients(&self) -> impl Iterator<Item = (&str, &Standing)> {
        let mut told: Vec<_> = self.clients.iter().collect();
        told.sort_unstable_by_key(|(_, told)| told.order);
        told.into_iter().map(|(clientid, told)| (&**clientid, &told.standing))
    }
}

impl Standing {
    /// Whether something has begun and not ended.
    pub fn is_open(&self) -> bool {
        self.is_connected || self.session.is_some() || !self.subscriptions.is_empty()
    }

    fn take(&mut self, kind: Kind, fields: &Fields<'_>) {
        match kind {
            Kind::SessionCreated => {
                self.subscriptions.clear();
                self.begin(fields);
            }
            Kind::SessionResumed => self.begin(fields),
            Kind::ClientConnack | Kind::ClientConnected => {
                self.connection = StandingConnection::of(fields);
                self.is_connected = self.connection.is_some();
            }
            Kind::ClientDisconnected => {
                if self.connection.as_ref().is_some_and(|connection| Some(connection.conn_id) == fields.conn_id) {
                    self.is_connected = false;
                }
            }
            Kind::SessionExpired | Kind::SessionDiscarded => self.session = None,
            Kind::SessionSubscribed => {
                if let (Some(topic), Some(qos)) = (&fields.topic, fields.qos) {
                    self.subscriptions.insert(topic.to_string(), qos);
                }
            }
            Kind::SessionUnsubscribed => {
                if let Some(topic) = &fields.topic {
                    self.subscriptions.remove(&**topic);
                }
            }
            Kind::SessionTakenOver
            | Kind::ClientPing
            | Kind::ClientCheckAuthnComplete
            | Kind::ClientCheckAuthzComplete
            | Kind::CertificateRegistered
            | Kind::CertificateRejected
            | Kind::MessagePublish
            | Kind::SourceMessage
            | Kind::MessageDelivered
            | Kind::MessageAcked
            | Kind::MessageDropped
            | Kind::DeliveryDropped => {}
        }
    }

    /// A connection has a session from now on.
    fn begin(&mut self, fields: &Fields<'_>) {
        self.connection = StandingConnection::of(fields);
        self.is_connected = false;
        self.session = fields
            .expiry_interval
            .zip(fields.created_at)
            .map(|(expiry_interval_s, created_at_ms)| StandingSession { expiry_interval_s, created_at_ms });
    }
}

impl StandingConnection {
    fn of(fields: &Fields<'_>) -> Option<StandingConnection> {
        Some(StandingConnection {
            conn_id: fields.conn_id?,
            listener: fields.listener.as_deref().unwrap_or_default().to_owned(),
            username: fields.username.as_deref().map(str::to_owned),
            peername: fields.peername?,
            sockname: fields.sockname,
            proto_ver: fields.proto_ver,
            connected_at_ms: fields.connected_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, UnsubscribeCause};

    /// Events of one client: each its kind, `conn_id` and, where it is of a subscription, the filter.
    fn past(events: &[(Kind, u64, &str)]) -> Past {
        let mut past = Past::default();
        for (seq, (kind, conn_id, topic)) in (1..).zip(events) {
            let mut event = Event::sample(*kind);
            event.head.client_seq = Some(seq);
            event.head.conn_id = Some(crate::ConnId(*conn_id));
            if let crate::Body::SessionSubscribed(body) = &mut event.body {
                body.topic = (*topic).into();
            } else if let crate::Body::SessionUnsubscribed(body) = &mut event.body {
                body.topic = (*topic).into();
                body.cause = UnsubscribeCause::SessionEnd;
            }
            past.take(kind.event_type().name, &event.to_json());
        }
        past
    }

    fn standing(events: &[(Kind, u64, &str)]) -> Standing {
        let past = past(events);
        let [(clientid, standing)] = past.clients().collect::<Vec<_>>()[..] else { panic!("one client: {past:?}") };
        assert_eq!(clientid, "pump-17");
        standing.clone()
    }

    const CONNECT: [(Kind, u64, &str); 5] = [
        (Kind::SessionCreated, 7, ""),
        (Kind::ClientConnack, 7, ""),
        (Kind::ClientConnected, 7, ""),
        (Kind::SessionSubscribed, 7, "a/#"),
        (Kind::SessionSubscribed, 7, "b"),
    ];

    #[test]
    fn what_has_begun_and_not_ended_stands() {
        let standing = standing(&[&CONNECT[..], &[(Kind::SessionUnsubscribed, 7, "b")]].concat());
        assert_eq!(standing.count, Some(StandingCount { seq: 6, epoch: 1 }));
        assert_eq!(standing.subscriptions, BTreeMap::from([("a/#".to_owned(), 1)]));
        assert!(standing.is_connected && standing.session.is_some());
        let connection = standing.connection.unwrap();
        assert_eq!((connection.conn_id, &*connection.listener), (7, "default"));
        assert_eq!((connection.username.as_deref(), connection.proto_ver), (Some("plant"), Some(5)));
        assert_eq!(connection.connected_at_ms, Some(Timestamp::SAMPLE.0));
    }

    #[test]
    fn what_has_ended_does_not_stand() {
        let ends = [
            (Kind::SessionExpired, 7, ""),
            (Kind::SessionUnsubscribed, 7, "a/#"),
            (Kind::SessionUnsubscribed, 7, "b"),
            (Kind::ClientDisconnected, 7, ""),
        ];
        for told in 0..ends.len() {
            assert!(standing(&[&CONNECT[..], &ends[..told]].concat()).is_open(), "{told}");
        }
        let standing = standing(&[&CONNECT[..], &ends].concat());
        assert!(!standing.is_open());
        assert_eq!(standing.count, Some(StandingCount { seq: 9, epoch: 1 }));
    }

    #[test]
    fn the_end_of_another_connection_ends_nothing() {
        let takeover = [
            (Kind::SessionTakenOver, 7, ""),
            (Kind::ClientDisconnected, 7, ""),
            (Kind::SessionResumed, 8, ""),
            (Kind::ClientConnack, 8, ""),
            (Kind::ClientConnected, 8, ""),
            (Kind::ClientDisconnected, 7, ""),
        ];
        let standing = standing(&[&CONNECT[..], &takeover].concat());
        assert!(standing.is_connected);
        assert_eq!((standing.connection.unwrap().conn_id, standing.subscriptions.len()), (8, 2));
    }

    #[test]
    fn strangers_and_what_cannot_be_read_leave_nothing() {
        let mut past = Past::default();
        let mut refused = Event::sample(Kind::ClientConnack);
        (refused.head.client_seq, refused.head.client_epoch) = (None, None);
        past.take("client.connack", &refused.to_json());
        past.take("client.connected", "{}");
        past.take("client.connected", "no JSON");
        past.take("gap", "{}");
        past.take("message.dropped", &Event::sample(Kind::MessageDropped).to_json());
        assert_eq!(past.clients().count(), 0);
    }

    #[test]
    fn a_gap_forgets_how_far_events_are_numbered_and_nothing_else() {
        let mut past = past(&CONNECT);
        past.handle_gap();
        let standing = past.clients().next().unwrap().1;
        assert!(standing.count.is_none() && standing.is_connected);
    }

    #[test]
    fn clients_of_which_nothing_stands_are_forgotten_from_the_oldest_on() {
        let mut past = Past::default();
        for number in 1..=6 {
            let count = Some(StandingCount { seq: number, epoch: 1 });
            past.put(number.to_string(), Standing { count, is_connected: number == 2, ..Standing::default() });
        }
        past.put("7".to_owned(), Standing::default());
        past.forget_beyond(3);
        assert_eq!(past.clients().map(|(clientid, _)| clientid).collect::<Vec<_>>(), ["2", "4", "5", "6"]);
        past.forget_beyond(3);
        assert_eq!(past.clients().count(), 4);
    }

    #[test]
    fn a_standing_is_read_as_it_was_written() {
        let standing = standing(&CONNECT);
        let json = serde_json::to_string(&standing).unwrap();
        assert_eq!(serde_json::from_str::<Standing>(&json).unwrap(), standing);
    }
}
