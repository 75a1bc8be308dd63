//! What an operator asks: who is there, with which subscriptions, who would receive a topic, what is retained, which
//! listeners there are.
//!
//! Every answer is put together client by client: no lock is held for longer than it takes to look at one of them, so
//! that a question about a hundred thousand clients stops none of them.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use bytestring::ByteString;
use events::{ConnId, Timestamp};
use mqtt::{Filter, QoS};

use crate::clock::Now;
use crate::config::{Bind, Bound};
use crate::connection::facts::{Client, Peer};
use crate::hub::Hub;
use crate::listener::Listener;
use crate::message::Message;
use crate::rate::Rates;
use crate::registry::{Core, Slot};
use crate::session::{Link, Subscription};

/// A client that has a session, with a connection or without.
#[derive(Clone, Debug)]
pub struct ClientInfo {
    /// The identifier.
    pub client_id: ByteString,
    /// The user name, where one was sent.
    pub username: Option<ByteString>,
    /// `MQTT`, or `MQIsdp` for MQTT 3.1.
    pub proto_name: &'static str,
    /// 3 for MQTT 3.1, 4 for 3.1.1, 5 for 5.0.
    pub proto_ver: u8,
    /// Its address, or the last one it had.
    pub peername: SocketAddr,
    /// The listener it came through.
    pub listener: ByteString,
    /// Its connection, or the last one it had.
    pub conn_id: ConnId,
    /// When that connection was accepted.
    pub connected_at: Option<Timestamp>,
    /// What only a connection has; `None` while there is none.
    pub connection: Option<ConnectionInfo>,
    /// Seconds the session outlives its connection.
    pub expiry_interval_s: u32,
    /// Its subscriptions.
    pub subscriptions_count: usize,
    /// Messages of QoS 1 and 2 on their way to it.
    pub inflight_count: usize,
    /// Messages that wait for it.
    pub queue_len: usize,
    /// Messages of QoS 2 from it that are not released yet.
    pub awaiting_release_count: usize,
    /// The common name in its certificate.
    pub certificate_name: Option<ByteString>,
}

/// The connection of a client.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionInfo {
    /// The keep-alive in force; 0 is none.
    pub keepalive_s: u16,
    /// Whether the client asked for a new session.
    pub clean_start: bool,
    /// Packets from the client.
    pub packets_received: u64,
    /// Packets to the client.
    pub packets_sent: u64,
    /// Bytes from the client.
    pub bytes_received: u64,
    /// Bytes to the client.
    pub bytes_sent: u64,
    /// When its last packet came.
    pub last_packet_at: Option<Timestamp>,
}

/// A subscription of a client.
#[derive(Clone, Debug)]
pub struct SubscriptionInfo {
    /// Whose it is.
    pub client_id: ByteString,
    /// The filter, and the group where it is shared.
    pub filter: Filter,
    /// The highest QoS of its deliveries.
    pub qos: QoS,
    /// Whether messages of the client itself are left out.
    pub no_local: bool,
    /// Whether messages come with the RETAIN flag they were published with.
    pub retain_as_published: bool,
    /// What its deliveries are marked with.
    pub subscription_id: Option<u32>,
    /// Whether the client is connected.
    pub is_connected: bool,
}

impl SubscriptionInfo {
    /// Whether a message to `topic` reaches it.
    pub fn matches(&self, topic: &str) -> bool {
        mqtt::filter::matches(self.filter.topic_filter(), topic)
    }
}

/// A retained message.
#[derive(Clone, Debug)]
pub struct RetainedInfo {
    /// The topic.
    pub topic: ByteString,
    /// What was published.
    pub payload: Bytes,
    /// How it was published.
    pub qos: QoS,
    /// When it was published.
    pub published_at: Timestamp,
    /// Seconds until it expires, where it does.
    pub expires_in_s: Option<u64>,
}

/// A listener.
#[derive(Clone, Debug)]
pub struct ListenerInfo {
    /// Its name.
    pub name: ByteString,
    /// `tcp`, `tls`, `ws`, `wss` or `unix`.
    pub kind: &'static str,
    /// Where it is.
    pub bound: Bound,
    /// Whether it accepts connections.
    pub is_running: bool,
    /// Connections now, those before CONNECT among them.
    pub connections_count: usize,
    /// Connections at a time.
    pub max_connections: usize,
    /// The prefix of its clients' topics.
    pub mountpoint: Option<String>,
    /// What may come from all its clients together.
    pub rates: Rates,
}

impl ListenerInfo {
    /// What is to be told of a listener.
    pub(crate) fn new(listener: &Listener, bound: &Bound, is_running: bool) -> ListenerInfo {
        let config = &listener.config;
        let kind = match (&config.bind, &config.tls, &config.websocket_path) {
            (Bind::Unix { .. }, _, _) => "unix",
            (Bind::Tcp(_), None, None) => "tcp",
            (Bind::Tcp(_), Some(_), None) => "tls",
            (Bind::Tcp(_), None, Some(_)) => "ws",
            (Bind::Tcp(_), Some(_), Some(_)) => "wss",
        };
        ListenerInfo {
            name: listener.name.clone(),
            kind,
            bound: bound.clone(),
            is_running,
            connections_count: listener.connections_count.load(Ordering::Relaxed),
            max_connections: config.max_connections,
            mountpoint: config.mountpoint.as_ref().map(ToString::to_string),
            rates: config.rates,
        }
    }
}

impl Hub {
    /// Calls `sink` for every client that has a session.
    pub(crate) fn for_each_client(&self, mut sink: impl FnMut(ClientInfo)) {
        self.for_each_slot(|slot, core| {
            if let Some(info) = client_info(slot, core) {
                sink(info);
            }
        });
    }

    /// One client.
    pub(crate) fn client(&self, client_id: &str) -> Option<ClientInfo> {
        let slot = self.registry.get(client_id)?;
        let core = slot.core.lock();
        client_info(&slot, &core)
    }

    /// Calls `sink` for every subscription.
    pub(crate) fn for_each_subscription(&self, mut sink: impl FnMut(SubscriptionInfo)) {
        self.for_each_slot(|slot, core| {
            let Some(session) = &core.session else { return };
            for subscription in session.subscriptions() {
                sink(subscription_info(slot, core, subscription));
            }
        });
    }

    /// The subscriptions of a client; `None` where there is none of that name.
    pub(crate) fn subscriptions_of(&self, client_id: &str) -> Option<Vec<SubscriptionInfo>> {
        let slot = self.registry.get(client_id)?;
        let core = slot.core.lock();
        let session = core.session.as_ref()?;
        Some(session.subscriptions().map(|subscription| subscription_info(&slot, &core, subscription)).collect())
    }

    /// The subscriptions that a message to `topic` would reach; of a shared group all members, one of whom would get it.
    pub(crate) fn receivers(&self, topic: &str) -> Vec<SubscriptionInfo> {
        let mut receivers = Vec::new();
        self.for_each_slot(|slot, core| {
            let Some(session) = &core.session else { return };
            let matching = session
                .subscriptions()
                .filter(|subscription| mqtt::filter::matches(subscription.filter.topic_filter(), topic));
            receivers.extend(matching.map(|subscription| subscription_info(slot, core, subscription)));
        });
        receivers
    }

    /// At most `max` retained messages of topics that match `filter`.
    pub(crate) fn retained_messages(&self, now: Now, filter: &str, max: usize) -> Vec<RetainedInfo> {
        let mut found = Vec::new();
        self.retained.lookup(filter, now.mono_ms, |kept| {
            if found.len() >= max {
                return ControlFlow::Break(());
            }
            found.push(retained_info(now, &kept.message));
            ControlFlow::Continue(())
        });
        found
    }

    fn for_each_slot(&self, mut visit: impl FnMut(&Arc<Slot>, &Core)) {
        for slots in self.registry.by_shard() {
            for slot in slots {
                let core = slot.core.lock();
                visit(&slot, &core);
            }
        }
    }
}

fn client_info(slot: &Slot, core: &Core) -> Option<ClientInfo> {
    let session = core.session.as_ref()?;
    let (peer, client): (&Peer, &Client) = match (&core.link, &core.last) {
        (Some(link), _) => (&link.peer, &link.client),
        (None, Some(last)) => (&last.0, &last.1),
        (None, None) => return None,
    };
    Some(ClientInfo {
        client_id: slot.client_id.clone(),
        username: client.username.clone(),
        proto_name: client.proto_name,
        proto_ver: client.proto_ver,
        peername: peer.peername,
        listener: peer.listener.name.clone(),
        conn_id: peer.conn_id,
        connected_at: client.connected_at,
        connection: core.link.as_deref().map(connection_info),
        expiry_interval_s: session.expiry_interval_s,
        subscriptions_count: session.subscriptions().len(),
        inflight_count: session.inflight_count(),
        queue_len: slot.inbox.lock().len(),
        awaiting_release_count: session.awaiting_release_count(),
        certificate_name: peer.certificate().and_then(|certificate| certificate.common_name.clone()),
    })
}

fn connection_info(link: &Link) -> ConnectionInfo {
    let traffic = &link.traffic;
    ConnectionInfo {
        keepalive_s: link.keepalive_s(),
        clean_start: link.clean_start,
        packets_received: traffic.packets_received,
        packets_sent: traffic.packets_sent,
        bytes_received: traffic.bytes_received(),
        bytes_sent: traffic.bytes_sent,
        last_packet_at: traffic.last_packet.map(|at| at.wall),
    }
}

fn subscription_info(slot: &Slot, core: &Core, subscription: &Subscription) -> SubscriptionInfo {
    let Subscription { filter, granted, .. } = subscription;
    SubscriptionInfo {
        client_id: slot.client_id.clone(),
        filter: filter.clone(),
        qos: granted.qos,
        no_local: granted.no_local,
        retain_as_published: granted.retain_as_published,
        subscription_id: granted.subscription_id.map(std::num::NonZeroU32::get),
        is_connected: core.link.is_some(),
    }
}

fn retained_info(now: Now, message: &Message) -> RetainedInfo {
    let expires_at = message.expires_at_mono_ms();
    RetainedInfo {
        topic: message.topic().into(),
        payload: Bytes::copy_from_slice(message.payload()),
        qos: message.qos,
        published_at: message.received_at(),
        expires_in_s: expires_at.map(|at_ms| at_ms.saturating_sub(now.mono_ms) / 1000),
    }
}
