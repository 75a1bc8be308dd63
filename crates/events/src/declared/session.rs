//! What happens to a client's subscriptions.

use std::net::{IpAddr, SocketAddr};

use bytestring::ByteString;

use super::client::PEER;
use super::event;
use crate::{LazyMap, UnsubscribeCause};

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
