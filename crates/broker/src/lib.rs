//! The MQTT broker: listeners, sessions, routing.
//!
//! In: network connections, and messages that rules publish. Out: packets to clients, events on the [`Bus`], messages to
//! the [`Observer`].
//!
//! Never: rules, SQL, HTTP clients, databases of the user. Who may do what is asked of `auth`.
//!
//! Read `session/mod.rs` first: packets come in, bytes and steps come out, without I/O. `connection/mod.rs` is the life
//! of a connection around it, also without I/O; `connection/socket.rs` is the task that moves the bytes.

mod accept;
mod admin;
mod awaited;
mod bind;
mod broker;
mod bus;
mod clock;
mod config;
mod connection;
mod deadlines;
mod durable;
mod ending;
mod feed;
mod flapping;
mod flood;
mod hub;
mod listener;
mod memory;
mod message;
mod mountpoint;
mod past;
mod properties;
mod rate;
mod registry;
pub mod router;
#[cfg(test)]
mod script;
mod session;
mod stats;
mod sys;
mod telling;
mod transport;

pub use admin::{ClientInfo, ConnectionInfo, ListenerInfo, RetainedInfo, SubscriptionInfo};
pub use awaited::Awaited;
pub use broker::{Broker, PublishRefused};
pub use bus::{Bus, BusItem, BusReceiver, BusStats, Gap, GapCause, Kinds, Switch};
pub use config::{
    AckAfter, Bind, Bound, BrokerConfig, ClientIdConfig, DeniedSubscribe, Limits, ListenerConfig, Pattern,
    ProtocolConfig, Redirect, SysConfig,
};
pub use durable::Recovered;
pub use flapping::FlappingConfig;
pub use hub::{Observer, Published};
pub use message::Publication;
pub use mountpoint::Mountpoint;
pub use rate::{Rate, Rates};
pub use stats::{ReasonCounts, Stats};
pub use transport::{AuthorityFiles, ClientCertificates, KeyPairFiles, Tls, TlsConfig, TlsError, TlsVersion};
