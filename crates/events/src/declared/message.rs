//! What happens to messages.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use bytestring::ByteString;

use super::client::PEER;
use super::event;
use crate::{DropReason, Flags, LazyMap, MessageId, Payload, SourceTopic, Timestamp};

pub(super) const PAYLOAD: &[u8] = br#"{"temp":21.5,"unit":"C"}"#;

event! {
    /// A message was accepted from a publisher.
    ///
    /// Emitted once for every accepted PUBLISH, will and republished message, before it is routed.
    MessagePublish {
        /// The identifier of the message.
        id: MessageId = MessageId::SAMPLE,
        /// The identifier of the publisher; the rule for a republished message.
        clientid: ByteString = "pump-17".into(),
        /// The user name of the publisher, where there is one.
        username: Option<ByteString> = Some("plant".into()),
        /// The application message. A path into it reads it as JSON.
        payload: Payload = Payload(Bytes::from_static(PAYLOAD)),
        /// The address of the publisher, without the port; NULL where it is not a client.
        peerhost: Option<IpAddr> = Some(PEER.ip()),
        /// The address of the publisher, `host:port`; NULL where it is not a client.
        peername: Option<SocketAddr> = Some(PEER),
        /// The topic name.
        topic: ByteString = "plant/17/temp".into(),
        /// The QoS it was published with.
        qos: u8 = 1,
        /// The flags of the PUBLISH.
        flags: Flags = Flags::default(),
        /// The properties of the PUBLISH.
        pub_props: LazyMap = LazyMap::empty(),
        /// When the PUBLISH came, in ms.
        publish_received_at: Timestamp = Timestamp::SAMPLE,
        /// Attributes of the publisher.
        client_attrs: LazyMap = LazyMap::empty(),
    }
}

event! {
    /// A message came from another broker, by a source of the configuration.
    ///
    /// A rule listens to one source by its name: `FROM "$sources/mqtt:plant"` for `[sources.plant]`. Nobody else sees the
    /// message: it is published here only where a rule republishes it. `event` is the name in FROM.
    SourceMessage {
        /// The identifier of the message, given here: one that is sent again has another.
        id: MessageId = MessageId::SAMPLE,
        /// The name of the source.
        source: SourceTopic = SourceTopic::sample(),
        /// The address of the other broker, `host:port`.
        server: ByteString = "plant.example.com:1883".into(),
        /// The application message. A path into it reads it as JSON.
        payload: Payload = Payload(Bytes::from_static(PAYLOAD)),
        /// The topic name in the other broker.
        topic: ByteString = "plant/17/temp".into(),
        /// The QoS it was delivered with.
        qos: u8 = 1,
        /// Whether the other broker says that it has sent the message before.
        dup: bool = false,
        /// Whether the message was retained, or is to be.
        retain: bool = false,
        /// The properties of the PUBLISH.
        pub_props: LazyMap = LazyMap::empty(),
        /// When it came, in ms.
        message_received_at: Timestamp = Timestamp::SAMPLE,
    }
}

event! {
    /// A message was dropped before it reached any session.
    MessageDropped {
        /// The identifier of the message.
        id: MessageId = MessageId::SAMPLE,
        /// Why it was dropped.
        reason: DropReason = DropReason::NoSubscribers,
        /// The identifier of the publisher; the rule for a republished message.
        clientid: ByteString = "pump-17".into(),
        /// The user name of the publisher, where there is one.
        username: Option<ByteString> = Some("plant".into()),
        /// The application message. A path into it reads it as JSON.
        payload: Payload = Payload(Bytes::from_static(PAYLOAD)),
        /// The address of the publisher, without the port; NULL where it is not a client.
        peerhost: Option<IpAddr> = Some(PEER.ip()),
        /// The address of the publisher, `host:port`; NULL where it is not a client.
        peername: Option<SocketAddr> = Some(PEER),
        /// The topic name.
        topic: ByteString = "plant/17/temp".into(),
        /// The QoS it was published with.
        qos: u8 = 1,
        /// The flags of the PUBLISH.
        flags: Flags = Flags::default(),
        /// The properties of the PUBLISH.
        pub_props: LazyMap = LazyMap::empty(),
        /// When the PUBLISH came, in ms.
        publish_received_at: Timestamp = Timestamp::SAMPLE,
    }
}
