//! The vocabulary of Signalbox.
//!
//! In: nothing but declarations. Out: the catalogue of events ([`EventType`], [`Kind`]), their fields with types, docs
//! and samples, the closed sets of reasons with meaning and remedy, and [`Value`], what a field is worth in a rule.
//!
//! [`Past`] says which events begin what and which end it, for whoever keeps them. [`closest`] is here too, because all who read names that people write can reach this crate.
//!
//! Never: MQTT bytes, SQL, I/O, clocks.
//!
//! Read `declared/client.rs` first: it is where an event is declared, and everything else is derived from that.

mod catalogue;
mod column;
mod declared;
mod given;
mod hops;
mod identity;
mod json;
mod map;
mod past;
mod reason;
mod source;
mod suggest;
mod value;

pub use catalogue::{EventType, Field, FieldId, Head, Kind};
pub use column::{Flags, LazyMap, Payload};
pub use declared::{
    Body, CertificateRegistered, CertificateRejected, ClientCheckAuthnComplete, ClientCheckAuthzComplete,
    ClientConnack, ClientConnected, ClientDisconnected, ClientPing, DeliveryDropped, Event, MessageAcked,
    MessageDelivered, MessageDropped, MessagePublish, SessionCreated, SessionDiscarded, SessionExpired, SessionResumed,
    SessionSubscribed, SessionTakenOver, SessionUnsubscribed, SourceMessage,
};
pub use given::given_column;
pub use hops::{HOPS_PROPERTY, hops_of};
pub use identity::{ConnId, EventId, MessageId, Timestamp};
pub use json::{BASE64_KEY, plain_len};
pub use map::Map;
pub use past::{Past, Standing, StandingConnection, StandingCount, StandingSession};
pub use reason::{
    CertificateStatus, ConnackReason, DeliveryDropReason, DiscardCause, DisconnectReason, DropReason, Initiator,
    Permission, PermissionAction, ReasonRow, Stage, UnsubscribeCause,
};
pub use source::{SourceTopic, WrongSource};
pub use suggest::closest;
pub use value::{Type, Value};
