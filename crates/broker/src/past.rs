//! What a former process has not told, because it ended without a word: the ends of connections, and of sessions that
//! have not survived it. They are told before the first client comes, so that nothing of a client comes before them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use bytestring::ByteString;
use events::{ConnId, DiscardCause, Past, Standing, StandingConnection, StandingSession, Timestamp};
use foldhash::fast::RandomState;
use mqtt::{Filter, QoS, Version, Will};

use crate::clock::Now;
use crate::config::ListenerConfig;
use crate::connection::facts::{Client, Peer};
use crate::hub::{Hub, Wakers};
use crate::listener::Listener;
use crate::registry::{ClientCount, Held};
use crate::router::{Granted, SubscriberKey};
use crate::session::{Session, Subscription};
use crate::telling::SessionEnd;

/// Connections of a former process, and the listeners they came through.
#[derive(Debug, Default)]
pub(crate) struct FormerPeers {
    listeners: HashMap<ByteString, Arc<Listener>, RandomState>,
}

/// What is still to be told of a former process.
#[derive(Debug, Default)]
pub(crate) struct Former {
    ran_until: Timestamp,
    peers: FormerPeers,
    clients: VecDeque<(ByteString, Standing)>,
    /// Connections that the journal knows of, by client.
    cut_off: BTreeMap<ByteString, CutOff>,
}

/// A connection that has ended with its process, as the journal knows it.
#[derive(Debug)]
struct CutOff {
    who: (Arc<Peer>, Arc<Client>),
    /// The will, where its session has ended with it; that of another is due when its delay is over.
    will: Option<(SubscriberKey, Will)>,
}

impl FormerPeers {
    /// A connection, as far as events name it.
    pub(crate) fn peer(
        &mut self,
        now: Now,
        conn_id: ConnId,
        (peername, sockname): (SocketAddr, SocketAddr),
        listener: &str,
    ) -> Arc<Peer> {
        let listener = self
            .listeners
            .entry(listener.into())
            .or_insert_with_key(|name| Arc::new(Listener::new(name.clone(), ListenerConfig::new(sockname))));
        Arc::new(Peer { conn_id, peername, sockname, listener: Arc::clone(listener), accepted: now, tls: None })
    }
}

impl Client {
    /// A client of a former process.
    pub(crate) fn former(client_id: ByteString, level: u8) -> Client {
        let version = match level {
            5.. => Version::V5,
            4 => Version::V311,
            0..=3 => Version::V31,
        };
        Client { proto_ver: level, ..Client::undecoded(client_id, version) }
    }
}

impl Hub {
    /// Goes on from what the events of a former process tell: its numbers from now on, its endings when
    /// [`Hub::close_past`] is called.
    pub(crate) fn remember(&self, past: &Past) {
        let counts = || past.clients().filter_map(|(client_id, standing)| Some((client_id, standing.count?)));
        self.registry.begin_epoch_after(counts().map(|(_, count)| count.epoch).max().unwrap_or(0));
        for (client_id, count) in counts() {
            self.registry.remember(client_id.into(), ClientCount { last_seq: count.seq, epoch: count.epoch });
        }
        let open = past.clients().filter(|(_, standing)| standing.is_open());
        let mut former = self.former.lock();
        former.ran_until = past.ran_until;
        former.clients = open.map(|(client_id, standing)| (client_id.into(), standing.clone())).collect();
    }

    /// The journal knows of a connection that has ended with its process. `will`: what is published now, and the session
    /// that it ends with.
    pub(crate) fn note_cut_off(&self, who: (Arc<Peer>, Arc<Client>), will: Option<(SubscriberKey, Will)>) {
        self.former.lock().cut_off.entry(who.1.client_id.clone()).or_insert(CutOff { who, will });
    }

    /// Tells what a former process has not told, of at most `clients_max` clients, and then what has been due since;
    /// whether there is more of it. To be called when all is taken up that has survived, and before there are clients.
    pub(crate) fn close_past(&self, now: Now, clients_max: usize, wakers: &mut Wakers) -> bool {
        for _ in 0..clients_max {
            if !self.close_next(now, wakers) {
                // Nothing is left that is older than what is due.
                return (0..clients_max).all(|_| self.handle_next_deadline(now, wakers));
            }
        }
        true
    }

    /// Tells what has ended with the former process of the next client; whether there was one.
    fn close_next(&self, now: Now, wakers: &mut Wakers) -> bool {
        let mut former = self.former.lock();
        if let Some((client_id, mut standing)) = former.clients.pop_front() {
            let Some(connection) = &standing.connection else { return true };
            let is_same = former.cut_off.get(&client_id).is_some_and(|of| of.who.0.conn_id.0 == connection.conn_id);
            let cut_off = if is_same { former.cut_off.remove(&client_id) } else { None };
            let CutOff { who: (peer, client), will } = cut_off.unwrap_or_else(|| {
                let peer = peer_of(now, connection, &mut former.peers);
                CutOff { who: (peer, Arc::new(client_of(client_id, connection))), will: None }
            });
            // The history may have heard of its session and not of its connection yet.
            standing.is_connected |= is_same;
            let ran_until = former.ran_until;
            drop(former);
            self.close_client(now, (&peer, &client), (&standing, will, ran_until), wakers);
        } else if let Some((_, CutOff { who: (peer, client), will })) = former.cut_off.pop_first() {
            // It began so late that the history has not heard of it.
            let standing = Standing { is_connected: true, ..Standing::default() };
            let ran_until = former.ran_until;
            drop(former);
            self.close_client(now, (&peer, &client), (&standing, will, ran_until), wakers);
        } else {
            *former = Former::default();
            return false;
        }
        true
    }

    /// Tells what a client had that has ended with the former process, in the order of every end.
    fn close_client(
        &self,
        now: Now,
        who: (&Peer, &Client),
        (standing, will, ran_until): (&Standing, Option<(SubscriberKey, Will)>, Timestamp),
        wakers: &mut Wakers,
    ) {
        let slot = self.registry.get_or_insert(&who.1.client_id);
        let mut held = slot.hold();
        if held.session.is_none() {
            self.end_former_session(now, &mut held, who, standing);
        }
        if let Some((key, will)) = will {
            self.publish_of(now, &will, who, wakers);
            if let Some(store) = self.store.get() {
                store.note_ended(key);
            }
        }
        if standing.is_connected {
            self.tell_cut_off(now, who, ran_until, &mut held.count);
        }
        if held.session.is_none() {
            held.is_dead = true;
            let count = held.count;
            drop(held);
            self.registry.remove(&slot, count);
        }
    }

    /// Ends a session that has not survived, as far as its end was not told.
    fn end_former_session(&self, now: Now, held: &mut Held<'_>, who: (&Peer, &Client), standing: &Standing) {
        let subscriptions = standing.subscriptions.iter().filter_map(|(filter, qos)| subscription(filter, *qos));
        let Some(StandingSession { expiry_interval_s, created_at_ms }) = standing.session else {
            for subscription in subscriptions {
                self.tell_unsubscribed(now, who, (&subscription, None), &mut held.count);
            }
            return;
        };
        let mut session = Session::new(self.next_session_key(), expiry_interval_s, now);
        session.created_at = Timestamp(created_at_ms);
        subscriptions.for_each(|subscription| session.restore_subscription(subscription));
        held.session = Some(session);
        let end = match expiry_interval_s {
            0 => SessionEnd::Expired,
            1.. => SessionEnd::Discarded(DiscardCause::ServerRestart, None),
        };
        self.end_session(now, held, who, end);
    }
}

fn peer_of(now: Now, connection: &StandingConnection, peers: &mut FormerPeers) -> Arc<Peer> {
    let StandingConnection { conn_id, peername, sockname, listener, .. } = connection;
    peers.peer(now, ConnId(*conn_id), (*peername, sockname.unwrap_or(*peername)), listener)
}

fn client_of(client_id: ByteString, connection: &StandingConnection) -> Client {
    Client {
        username: connection.username.as_deref().map(ByteString::from),
        connected_at: connection.connected_at_ms.map(Timestamp),
        ..Client::former(client_id, connection.proto_ver.unwrap_or(Version::V311.level()))
    }
}

fn subscription(filter: &str, qos: u8) -> Option<Subscription> {
    let granted =
        Granted { qos: QoS::try_from(qos).ok()?, no_local: false, retain_as_published: false, subscription_id: None };
    Some(Subscription { filter: Filter::parse(filter).ok()?, granted })
}
