//! `nats`: publishes each output to a NATS server, stored by JetStream or not.
//!
//! `connector.rs` is what sends, `message.rs` its templates, `link.rs` the connection, `protocol.rs` the words on the wire,
//! `login.rs` who we are, `outcome.rs` what an answer means.
//!
//! The protocol is spoken here and not by a client library, because the libraries connect again by themselves and send
//! then what the buffer is sending again, and tell of what was not permitted without saying when.

#[cfg(feature = "nats")]
mod connector;
#[cfg(feature = "nats")]
mod link;
#[cfg(feature = "nats")]
mod login;
#[cfg(feature = "nats")]
mod message;
#[cfg(feature = "nats")]
mod outcome;
#[cfg(feature = "nats")]
mod protocol;

use std::collections::BTreeMap;

use crate::kind::{Kind, Way};
use crate::options::{Options as _, options};
use crate::secret::Secret;

pub(crate) const KIND: Kind = Kind {
    name: "nats",
    doc: "Publishes outputs to a NATS server. With JetStream an output is delivered when a stream has stored it; it carries \
          `Nats-Msg-Id: ${output_id}`, so that a stream stores once what is sent again within its duplicate window. \
          Without, it is delivered when the server has it, whoever listens.",
    connector: NatsOptions::FIELDS,
    action: NatsActionOptions::FIELDS,
    sample_connector: "url = 'nats://127.0.0.1:9'\nusername = 'signalbox'\npassword = 'secret'",
    sample_action: "subject = 'plant.connack.${clientid}'",
    #[cfg(feature = "nats")]
    way: Way::Connected(|table| Ok(std::sync::Arc::new(connector::NatsConnector::new(table)?))),
    #[cfg(not(feature = "nats"))]
    way: Way::NotBuilt,
};

options! {
    /// A connector of kind `nats`: a server and how it is reached.
    struct NatsOptions {
        /// The address, `nats://host:4222`, with TLS `tls://host:4222`. Required.
        url: Option<String> = None,
        /// The user name. There may be one of `username`, `token`, `nkey` and `credentials`.
        username: Option<String> = None,
        /// The password of `username`, written as `${env:NAME}` or `${file:/path}`.
        password: Option<Secret> = None,
        /// A token.
        token: Option<Secret> = None,
        /// The seed of an NKEY, `SU...`.
        nkey: Option<Secret> = None,
        /// What stands in a credentials file: the JWT of a user and its seed, written as `${file:/path/user.creds}`.
        credentials: Option<Secret> = None,
        /// Certificates of authorities to trust beside those of the system, in PEM, often `${file:/path}`.
        ca_pem: Option<String> = None,
        /// A certificate to show to the server, with those between it and its authority, in PEM.
        cert_pem: Option<String> = None,
        /// The private key of `cert_pem`, in PEM, written as `${file:/path}`.
        key_pem: Option<Secret> = None,
        /// How long connecting and signing in may take, in ms.
        connect_timeout_ms: u64 = 5_000,
        /// How long the answers to a batch may take, in ms. Then the connection is closed and what has none is sent again.
        timeout_ms: u64 = 30_000,
    }
}

options! {
    /// An action of a `nats` connector.
    struct NatsActionOptions {
        /// The subject, a template. A value stands in it as it is, points included; one that is NULL, or that makes a
        /// token empty or a wildcard or holds a blank, rejects the output. Required.
        subject: Option<String> = None,
        /// The payload, a template, in which NULL is `null`. By default the row as JSON.
        payload: Option<String> = None,
        /// Headers, templates. What is NULL is left out.
        headers: BTreeMap<String, String> = BTreeMap::new(),
        /// Whether a stream of JetStream has to store it. While no stream takes the subject, the output waits.
        jetstream: bool = true,
    }
}
