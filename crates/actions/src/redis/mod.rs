//! `redis`: executes commands on a Redis or Valkey server, a batch in one transaction.
//!
//! `connector.rs` is what sends, `command.rs` the arguments of a command, `link.rs` the connection, `outcome.rs` what an
//! answer means.

#[cfg(feature = "redis")]
mod command;
#[cfg(feature = "redis")]
mod connector;
#[cfg(feature = "redis")]
mod link;
#[cfg(feature = "redis")]
mod outcome;

use crate::kind::{Kind, Way};
use crate::options::{Options as _, options};
use crate::secret::Secret;

pub(crate) const KIND: Kind = Kind {
    name: "redis",
    doc: "Executes commands on a Redis or Valkey server. The commands of a batch are one transaction (MULTI, EXEC) in the \
          order of the outputs; a command that the server refuses is rejected alone. What has no answer when the \
          connection breaks is sent again, so a command that must not be repeated (INCR, XADD) carries `${output_id}`. \
          A Redis Cluster is not supported.",
    connector: RedisOptions::FIELDS,
    action: RedisActionOptions::FIELDS,
    sample_connector: "url = 'redis://127.0.0.1:9/0'\nusername = 'signalbox'\npassword = 'secret'",
    sample_action: "command = ['HSET', 'device:${clientid}', 'last', '${timestamp}']",
    #[cfg(feature = "redis")]
    way: Way::Connected(|table| Ok(std::sync::Arc::new(connector::RedisConnector::new(table)?))),
    #[cfg(not(feature = "redis"))]
    way: Way::NotBuilt,
};

options! {
    /// A connector of kind `redis`: a server and how it is reached.
    struct RedisOptions {
        /// The address and the number of the database, `redis://host:6379/0`, with TLS `rediss://host:6379/0`. Required.
        url: Option<String> = None,
        /// The user of the server's ACL. By default `default`.
        username: Option<String> = None,
        /// The password, written as `${env:NAME}` or `${file:/path}`.
        password: Option<Secret> = None,
        /// Certificates of authorities to trust beside those of the system, in PEM, often `${file:/path}`.
        ca_pem: Option<String> = None,
        /// A certificate to show to the server, with those between it and its authority, in PEM.
        cert_pem: Option<String> = None,
        /// The private key of `cert_pem`, in PEM, written as `${file:/path}`.
        key_pem: Option<Secret> = None,
        /// How long connecting and signing in may take, in ms.
        connect_timeout_ms: u64 = 5_000,
        /// How long the answer to a batch may take, in ms. Then the connection is closed and the batch is sent again.
        timeout_ms: u64 = 30_000,
    }
}

options! {
    /// An action of a `redis` connector.
    struct RedisActionOptions {
        /// The command with its arguments: `["HSET", "device:${clientid}", "last", "${timestamp}"]`. Arguments are
        /// templates, the name of the command is not. An argument stays one, whatever a value holds; bytes stay bytes,
        /// lists and maps are JSON, NULL rejects the output. What `map_to_redis_hset_args` made is as many arguments as
        /// it has members. A list of commands, `[["HSET", ...], ["EXPIRE", ...]]`, is executed in its order. Required.
        command: Vec<toml::Value> = Vec::new(),
    }
}
