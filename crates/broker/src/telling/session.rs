//! What happens to a client's session and its subscriptions.

use events::{
    ConnId, DiscardCause, Kind, LazyMap, SessionCreated, SessionDiscarded, SessionExpired, SessionResumed,
    SessionSubscribed, SessionTakenOver, SessionUnsubscribed, UnsubscribeCause,
};
use mqtt::Properties;

use crate::clock::Now;
use crate::connection::facts::{Client, Peer};
use crate::hub::Hub;
use crate::properties::lazy_map;
use crate::registry::ClientCount;
use crate::session::{Session, Subscribe, Subscription};

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionEnd {
    /// Its time is over.
    Expired,
    /// It is thrown away, for another connection where there is one.
    Discarded(DiscardCause, Option<ConnId>),
}

/// The counts of a session in its events.
struct Holdings {
    subscriptions: u64,
    queued: u64,
    inflight: u64,
}

impl Holdings {
    fn new(session: &Session, queued_len: usize) -> Holdings {
        let number = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
        Holdings {
            subscriptions: number(session.subscriptions_len()),
            queued: number(queued_len),
            inflight: number(session.inflight_len()),
        }
    }
}

impl Hub {
    /// A session began.
    pub(crate) fn tell_created(
        &self,
        now: Now,
        (peer, client): (&Peer, &Client),
        session: &Session,
        count: &mut ClientCount,
    ) {
        if !self.bus.wants(Kind::SessionCreated) {
            return;
        }
        let body = SessionCreated {
            clientid: client.client_id.clone(),
            username: client.username.clone(),
            peerhost: peer.peername.ip(),
            peername: peer.peername,
            expiry_interval: session.expiry_interval_s,
            created_at: session.created_at,
            client_attrs: LazyMap::empty(),
        };
        self.emit(now, Some(peer), Some(count), body);
    }

    /// A session goes on with a new connection; `queued_len` messages wait for it.
    pub(crate) fn tell_resumed(
        &self,
        now: Now,
        (peer, client): (&Peer, &Client),
        (session, queued_len): (&Session, usize),
        count: &mut ClientCount,
    ) {
        if !self.bus.wants(Kind::SessionResumed) {
            return;
        }
        let holdings = Holdings::new(session, queued_len);
        let body = SessionResumed {
            clientid: client.client_id.clone(),
            username: client.username.clone(),
            peerhost: peer.peername.ip(),
            peername: peer.peername,
            expiry_interval: session.expiry_interval_s,
            created_at: session.created_at,
            subscriptions_count: holdings.subscriptions,
            queued_count: holdings.queued,
            inflight_count: holdings.inflight,
            client_attrs: LazyMap::empty(),
        };
        self.emit(now, Some(peer), Some(count), body);
    }

    /// A connection has lost its session to the connection `by`.
    pub(crate) fn tell_taken_over(
        &self,
        now: Now,
        (peer, client): (&Peer, &Client),
        (session, by): (&Session, ConnId),
        count: &mut ClientCount,
    ) {
        if !self.bus.wants(Kind::SessionTakenOver) {
            return;
        }
        let body = SessionTakenOver {
            clientid: client.client_id.clone(),
            username: client.username.clone(),
            peerhost: peer.peername.ip(),
            peername: peer.peername,
            expiry_interval: session.expiry_interval_s,
            created_at: session.created_at,
            taken_over_by: by,
            client_attrs: LazyMap::empty(),
        };
        self.emit(now, Some(peer), Some(count), body);
    }

    /// A session has ended, with `queued_len` messages that waited.
    pub(crate) fn tell_session_ended(
        &self,
        now: Now,
        (peer, client): (&Peer, &Client),
        (session, queued_len, end): (&Session, usize, SessionEnd),
        count: &mut ClientCount,
    ) {
        let kind = match end {
            SessionEnd::Expired => Kind::SessionExpired,
            SessionEnd::Discarded(..) => Kind::SessionDiscarded,
        };
        if !self.bus.wants(kind) {
            return;
        }
        let holdings = Holdings::new(session, queued_len);
        let (clientid, username) = (client.client_id.clone(), client.username.clone());
        let (peername, peerhost) = (peer.peername, peer.peername.ip());
        let (expiry_interval, created_at) = (session.expiry_interval_s, session.created_at);
        let Holdings { subscriptions: subscriptions_count, queued: queued_count, inflight: inflight_count } = holdings;
        let client_attrs = LazyMap::empty();
        match end {
            SessionEnd::Expired => self.emit(
                now,
                Some(peer),
                Some(count),
                SessionExpired {
                    clientid,
                    username,
                    peerhost,
                    peername,
                    expiry_interval,
                    created_at,
                    subscriptions_count,
                    queued_count,
                    inflight_count,
                    client_attrs,
                },
            ),
            SessionEnd::Discarded(cause, taken_over_by) => self.emit(
                now,
                Some(peer),
                Some(count),
                SessionDiscarded {
                    clientid,
                    username,
                    peerhost,
                    peername,
                    expiry_interval,
                    created_at,
                    cause,
                    taken_over_by,
                    subscriptions_count,
                    queued_count,
                    inflight_count,
                    client_attrs,
                },
            ),
        }
    }

    /// A subscription was made or replaced.
    pub(crate) fn tell_subscribed(
        &self,
        now: Now,
        (peer, client): (&Peer, &Client),
        subscribe: &Subscribe,
        count: &mut ClientCount,
    ) {
        if !self.bus.wants(Kind::SessionSubscribed) {
            return;
        }
        let Subscription { filter, granted } = &subscribe.subscription;
        let body = SessionSubscribed {
            clientid: client.client_id.clone(),
            username: client.username.clone(),
            peerhost: peer.peername.ip(),
            peername: peer.peername,
            topic: filter.as_byte_string().clone(),
            qos: granted.qos.into(),
            sub_props: lazy_map(&subscribe.properties),
            client_attrs: LazyMap::empty(),
        };
        self.emit(now, Some(peer), Some(count), body);
    }

    /// A subscription ended.
    pub(crate) fn tell_unsubscribed(
        &self,
        now: Now,
        (peer, client): (&Peer, &Client),
        (subscription, properties): (&Subscription, Option<&Properties>),
        count: &mut ClientCount,
    ) {
        if !self.bus.wants(Kind::SessionUnsubscribed) {
            return;
        }
        let body = SessionUnsubscribed {
            clientid: client.client_id.clone(),
            username: client.username.clone(),
            peerhost: peer.peername.ip(),
            peername: peer.peername,
            topic: subscription.filter.as_byte_string().clone(),
            qos: subscription.granted.qos.into(),
            cause: if properties.is_some() { UnsubscribeCause::Client } else { UnsubscribeCause::SessionEnd },
            unsub_props: properties.map_or(LazyMap::empty(), lazy_map),
            client_attrs: LazyMap::empty(),
        };
        self.emit(now, Some(peer), Some(count), body);
    }
}
