//! MQTT packets as bytes and back, topics and filters.
//!
//! In: the bytes of a connection, and the packets a broker or client wants to send, for MQTT 3.1, 3.1.1 and 5.
//! Out: [`Packet`]s whose topics, properties and payloads are slices of the received frame; encoded bytes;
//! or a [`DecodeError`] that names packet, field and offset, and the reason code the standard wants for it.
//!
//! Never: I/O, clocks, tokio, sessions. What depends on the state of a connection (topic aliases in force, packet
//! identifiers in use, a second CONNECT after a refused one) is decided elsewhere.
//!
//! Read `frame.rs` first: it is where bytes become one frame and a frame becomes a packet; then `packet/publish.rs`.

mod encode;
mod error;
pub mod filter;
mod foreign;
mod frame;
mod packet;
mod packet_id;
mod property;
mod qos;
mod read;
mod reason;
mod text;
pub mod topic;
mod version;
mod write;

pub use encode::{EncodeError, encode, encoded_len};
pub use error::{DecodeError, DecodeErrorKind};
pub use filter::{Filter, FilterError, FilterErrorKind};
pub use foreign::{NotMqtt, looks_like};
pub use frame::{Frame, Limits, Sender, decode, decode_frame, next_frame};
pub use packet::ack::Ack;
pub use packet::auth::Auth;
pub use packet::connack::{Connack, ConnackCode};
pub use packet::connect::{Connect, Will};
pub use packet::disconnect::Disconnect;
pub use packet::publish::{Publish, PublishParts, encode_publish, encode_publish_head};
pub use packet::suback::Suback;
pub use packet::subscribe::{RetainHandling, Subscribe, Subscription, SubscriptionOptions};
pub use packet::unsuback::Unsuback;
pub use packet::unsubscribe::Unsubscribe;
pub use packet::{Packet, PacketType};
pub use packet_id::PacketId;
pub use property::{Properties, PropertiesBuilder, Property, PropertyId, PropertyType, PropertyValue};
pub use qos::QoS;
pub use reason::{ConnectReturnCode, ReasonCode};
pub use topic::{TopicError, validate_topic_name};
pub use version::Version;
