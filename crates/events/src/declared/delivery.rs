//! What becomes of a message at one of its receivers.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use bytestring::ByteString;

use super::client::PEER;
use super::event;
use super::message::PAYLOAD;
use crate::{DeliveryDropReason, Flags, LazyMap, MessageId, Payload, Timestamp};

event! {
    /// A message was sent to a receiver.
    ///
    /// Emitted for every PUBLISH to a client; `flags.dup` tells one that is sent again. Messages below `$SYS/` and
    /// `$events/` have none of the events of messages.
    MessageDelivered {
        /// The identifier of the message.
        id: MessageId = MessageId::SAMPLE,
        /// The identifier of the publisher; the rule for a republished message.
        from_clientid: ByteString = "pump-17".into(),
        /// The user name of the publisher, where there is one.
        from_username: Option<ByteString> = Some("plant".into()),
        /// The identifier of the receiver.
        clientid: ByteString = "panel-1".into(),
        /// The user name of the receiver, where there is one.
        username: Option<ByteString> = None,
        /// The application message. A path into it reads it as JSON.
        payload: Payload = Payload(Bytes::from_static(PAYLOAD)),
        /// The address of the receiver, without the port.
        peerhost: IpAddr = PEER.ip(),
        /// The address of the receiver, `host:port`.
        peername: SocketAddr = PEER,
        /// The topic name.
        topic: ByteString = "plant/17/temp".into(),
        /// The QoS it is sent with.
        qos: u8 = 1,
        /// The flags of the PUBLISH to the receiver.
        flags: Flags = Flags::default(),
        /// The properties of the PUBLISH that brought it.
        pub_props: LazyMap = LazyMap::empty(),
        /// When the PUBLISH that brought it came, in ms.
        publish_received_at: Timestamp = Timestamp::SAMPLE,
    }
}

event! {
    /// A receiver acknowledged a message of QoS 1 or 2.
    ///
    /// Emitted on PUBACK, and on PUBREC for QoS 2.
    MessageAcked {
        /// The identifier of the message.
        id: MessageId = MessageId::SAMPLE,
        /// The identifier of the publisher; the rule for a republished message.
        from_clientid: ByteString = "pump-17".into(),
        /// The user name of the publisher, where there is one.
        from_username: Option<ByteString> = Some("plant".into()),
        /// The identifier of the receiver.
        clientid: ByteString = "panel-1".into(),
        /// The user name of the receiver, where there is one.
        username: Option<ByteString> = None,
        /// The application message. A path into it reads it as JSON.
        payload: Payload = Payload(Bytes::from_static(PAYLOAD)),
        /// The address of the receiver, without the port.
        peerhost: IpAddr = PEER.ip(),
        /// The address of the receiver, `host:port`.
        peername: SocketAddr = PEER,
        /// The topic name.
        topic: ByteString = "plant/17/temp".into(),
        /// The QoS it was sent with.
        qos: u8 = 1,
        /// The flags of the PUBLISH to the receiver.
        flags: Flags = Flags::default(),
        /// The properties of the PUBLISH that brought it.
        pub_props: LazyMap = LazyMap::empty(),
        /// When the PUBLISH that brought it came, in ms.
        publish_received_at: Timestamp = Timestamp::SAMPLE,
        /// The properties of the PUBACK or PUBREC.
        puback_props: LazyMap = LazyMap::empty(),
    }
}

event! {
    /// A message was dropped for one receiver.
    DeliveryDropped {
        /// The identifier of the message.
        id: MessageId = MessageId::SAMPLE,
        /// Why the receiver does not get it.
        reason: DeliveryDropReason = DeliveryDropReason::QueueFull,
        /// The identifier of the publisher; the rule for a republished message.
        from_clientid: ByteString = "pump-17".into(),
        /// The user name of the publisher, where there is one.
        from_username: Option<ByteString> = Some("plant".into()),
        /// The identifier of the receiver.
        clientid: ByteString = "panel-1".into(),
        /// The user name of the receiver, where there is one.
        username: Option<ByteString> = None,
        /// The application message. A path into it reads it as JSON.
        payload: Payload = Payload(Bytes::from_static(PAYLOAD)),
        /// The address of the receiver, without the port; of its last connection where it is away.
        peerhost: Option<IpAddr> = Some(PEER.ip()),
        /// The address of the receiver, `host:port`; of its last connection where it is away.
        peername: Option<SocketAddr> = Some(PEER),
        /// The topic name.
        topic: ByteString = "plant/17/temp".into(),
        /// The QoS it would have been sent with.
        qos: u8 = 1,
        /// The flags of the PUBLISH to the receiver.
        flags: Flags = Flags::default(),
        /// The properties of the PUBLISH that brought it.
        pub_props: LazyMap = LazyMap::empty(),
        /// When the PUBLISH that brought it came, in ms.
        publish_received_at: Timestamp = Timestamp::SAMPLE,
    }
}
