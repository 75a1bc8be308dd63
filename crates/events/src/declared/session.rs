//! What happens to a client's session and its subscriptions.

use std::net::{IpAddr, SocketAddr};

use bytestring::ByteString;

use super::client::PEER;
use super::event;
use crate::{ConnId, DiscardCause, LazyMap, Timestamp, UnsubscribeCause};

event! {
    /// A session began.
    ///
    /// Emitted before the event of the CONNACK. Every session has one, and ends with `session.expired` or
    /// `session.discarded`.
    SessionCreated {
        /// The identifier of the client.
        clientid: ByteString = "pump-17".into(),
        /// The user name, where one was sent.
        username: Option<ByteString> = Some("plant".into()),
        /// The address of the client, without the port.
        peerhost: IpAddr = PEER.ip(),
        /// The address of the client, `host:port`.
        peername: SocketAddr = PEER,
        /// How long the session outlives its connection, in s.
        expiry_interval: u32 = 0,
        /// When the session was created, in ms.
        created_at: Timestamp = Timestamp::SAMPLE,
        /// Attributes of the client.
        client_attrs: LazyMap = LazyMap::empty(),
    }
}

event! {
    /// A session went on with a new connection.
    ///
    /// Emitted before the event of the CONNACK.
    SessionResumed {
        /// The identifier of the client.
        clientid: ByteString = "pump-17".into(),
        /// The user name, where one was sent.
        username: Option<ByteString> = Some("plant".into()),
        /// The address of the client, without the port.
        peerhost: IpAddr = PEER.ip(),
        /// The address of the client, `host:port`.
        peername: SocketAddr = PEER,
        /// How long the session outlives its connection, in s.
        expiry_interval: u32 = 3_600,
        /// When the session was created, in ms.
        created_at: Timestamp = Timestamp(Timestamp::SAMPLE.0 - 90_000),
        /// Subscriptions it has.
        subscriptions_count: u64 = 2,
        /// Messages that wait for the client.
        queued_count: u64 = 5,
        /// Messages of QoS 1 and 2 that were sent and are not acknowledged.
        inflight_count: u64 = 1,
        /// Attributes of the client.
        client_attrs: LazyMap = LazyMap::empty(),
    }
}

event! {
    /// A connection lost its session to another connection of the same client, and the session goes on.
    ///
    /// Emitted before the event of the end of the connection that loses it, whose `conn_id` it has.
    SessionTakenOver {
        /// The identifier of the client.
        clientid: ByteString = "pump-17".into(),
        /// The user name, where one was sent.
        username: Option<ByteString> = Some("plant".into()),
        /// The address of the client, without the port, of the connection that loses it.
        peerhost: IpAddr = PEER.ip(),
        /// The address of the client, `host:port`, of the connection that loses it.
        peername: SocketAddr = PEER,
        /// How long the session outlives its connection, in s.
        expiry_interval: u32 = 3_600,
        /// When the session was created, in ms.
        created_at: Timestamp = Timestamp(Timestamp::SAMPLE.0 - 90_000),
        /// The connection that takes over.
        taken_over_by: ConnId = ConnId(18),
        /// Attributes of the client.
        client_attrs: LazyMap = LazyMap::empty(),
    }
}

event! {
    /// A session was thrown away before its time.
    ///
    /// Emitted before the events of the end of its subscriptions and, where it has one, of its connection.
    SessionDiscarded {
        /// The identifier of the client.
        clientid: ByteString = "pump-17".into(),
        /// The user name, where one was sent.
        username: Option<ByteString> = Some("plant".into()),
        /// The address of the client, without the port; of its last connection where it is offline.
        peerhost: IpAddr = PEER.ip(),
        /// The address of the client, `host:port`; of its last connection where it is offline.
        peername: SocketAddr = PEER,
        /// How long the session outlives its connection, in s.
        expiry_interval: u32 = 3_600,
        /// When the session was created, in ms.
        created_at: Timestamp = Timestamp(Timestamp::SAMPLE.0 - 90_000),
        /// Why it was thrown away.
        cause: DiscardCause = DiscardCause::CleanStart,
        /// The connection that asked for a new one, where one did.
        taken_over_by: Option<ConnId> = Some(ConnId(18)),
        /// Subscriptions that end with it.
        subscriptions_count: u64 = 2,
        /// Messages that waited for the client, and are lost.
        queued_count: u64 = 5,
        /// Messages of QoS 1 and 2 that were sent and are not acknowledged.
        inflight_count: u64 = 1,
        /// Attributes of the client.
        client_attrs: LazyMap = LazyMap::empty(),
    }
}

event! {
    /// A session ended because its time was over.
    ///
    /// Emitted when its expiry interval is over, counted from the end of its connection; where that is 0, before the
    /// event of that end. The events of the end of its subscriptions follow.
    SessionExpired {
        /// The identifier of the client.
        clientid: ByteString = "pump-17".into(),
        /// The user name, where one was sent.
        username: Option<ByteString> = Some("plant".into()),
        /// The address of the client, without the port; of its last connection where it is offline.
        peerhost: IpAddr = PEER.ip(),
        /// The address of the client, `host:port`; of its last connection where it is offline.
        peername: SocketAddr = PEER,
        /// How long the session outlives its connection, in s.
        expiry_interval: u32 = 3_600,
        /// When the session was created, in ms.
        created_at: Timestamp = Timestamp(Timestamp::SAMPLE.0 - 90_000),
        /// Subscriptions that end with it.
        subscriptions_count: u64 = 2,
        /// Messages that waited for the client, and are lost.
        queued_count: u64 = 5,
        /// Messages of QoS 1 and 2 that were sent and are not acknowledged.
        inflight_count: u64 = 1,
        /// Attributes of the client.
        client_attrs: LazyMap = LazyMap::empty(),
    }
}

event! {
    /// A subscription was made or replaced.
    ///
    /// Emitted for each topic filter of a SUBSCRIBE that was granted.
    SessionSubscribed {
        /// The identifier of the client.
        clientid: ByteString = "pump-17".into(),
        /// The user name, where one was sent.
        username: Option<ByteString> = Some("plant".into()),
        /// The address of the client, without the port.
        peerhost: IpAddr = PEER.ip(),
        /// The address of the client, `host:port`.
        peername: SocketAddr = PEER,
        /// The topic filter, with `$share/group/` where the subscription is shared.
        topic: ByteString = "plant/+/cmd".into(),
        /// The QoS that was granted.
        qos: u8 = 1,
        /// The properties of the SUBSCRIBE.
        sub_props: LazyMap = LazyMap::empty(),
        /// Attributes of the client.
        client_attrs: LazyMap = LazyMap::empty(),
    }
}

event! {
    /// A subscription ended.
    ///
    /// Emitted for each topic filter, after UNSUBSCRIBE and when the session ends.
    SessionUnsubscribed {
        /// The identifier of the client.
        clientid: ByteString = "pump-17".into(),
        /// The user name, where one was sent.
        username: Option<ByteString> = Some("plant".into()),
        /// The address of the client, without the port; of its last connection where it is offline.
        peerhost: IpAddr = PEER.ip(),
        /// The address of the client, `host:port`; of its last connection where it is offline.
        peername: SocketAddr = PEER,
        /// The topic filter, with `$share/group/` where the subscription was shared.
        topic: ByteString = "plant/+/cmd".into(),
        /// The QoS that had been granted.
        qos: u8 = 1,
        /// What ended the subscription.
        cause: UnsubscribeCause = UnsubscribeCause::Client,
        /// The properties of the UNSUBSCRIBE.
        unsub_props: LazyMap = LazyMap::empty(),
        /// Attributes of the client.
        client_attrs: LazyMap = LazyMap::empty(),
    }
}
