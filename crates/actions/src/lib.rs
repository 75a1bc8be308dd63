//! Ways out: republish, http, postgres, sqlite, mqtt, file, console; as features of the build, mysql, redis, nats and kafka.
//! And a way in, of the kind `mqtt`.
//!
//! In: the connectors of the configuration and the actions of rules, as tables of options. Out: [`engine::Action`]s,
//! which send outputs and say what became of each: delivered, to be tried again, or rejected. And [`Sources`], which hand
//! the messages of other brokers to the engine.
//!
//! Never: queues, retries, counters, rules. One kind is one file or folder, and one line in [`ALL`].
//!
//! Read `republish.rs` first: it is a kind from options to outcome. `registry.rs` is where a rule's table finds its
//! kind.

mod address;
mod connections;
mod console;
mod file;
mod http;
mod kafka;
mod kind;
mod measure;
mod message;
mod mqtt;
mod mysql;
mod nats;
mod options;
mod postgres;
mod redis;
mod registry;
mod republish;
mod secret;
#[cfg(any(feature = "nats", feature = "redis"))]
mod server_tls;
mod sources;
mod sqlite;
mod statement;
mod template;
#[cfg(test)]
mod test_output;
#[cfg(test)]
mod test_row;
mod tls;

pub use console::Console;
pub use kind::{ALL, Kind};
pub use options::OptionField;
pub use registry::{Connectors, Registry, Secrets};
pub use sources::{Host, SOURCE_KINDS, SourceKind, Sources};
pub use statement::{Dialect, table_schema};
