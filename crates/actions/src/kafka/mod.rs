//! `kafka`: appends each output to a topic of a Kafka cluster.
//!
//! `connector.rs` is what sends, `record.rs` its templates, `outcome.rs` what an error means.

#[cfg(feature = "kafka")]
mod connector;
#[cfg(feature = "kafka")]
mod outcome;
#[cfg(feature = "kafka")]
mod record;

use std::collections::BTreeMap;

use crate::kind::{Kind, Way};
use crate::options::{Options as _, options};
use crate::secret::Secret;

pub(crate) const KIND: Kind = Kind {
    name: "kafka",
    doc: "Appends outputs to topics of a Kafka cluster. An output is delivered when all in-sync replicas have it \
          (`acks=all`); the producer is idempotent, so what it sends again by itself is there once. Outputs with the same \
          key go into the same partition, in order. It is tested against a mock, the fake cluster of the client \
          library, and not against a real one.",
    connector: KafkaOptions::FIELDS,
    action: KafkaActionOptions::FIELDS,
    sample_connector: "brokers = ['127.0.0.1:9']\nsasl = 'scram_sha_512'\nusername = 'signalbox'\npassword = 'secret'",
    sample_action: "topic = 'connacks'\nkey = '${clientid}'",
    #[cfg(feature = "kafka")]
    way: Way::Connected(|table| Ok(std::sync::Arc::new(connector::KafkaConnector::new(table)?))),
    #[cfg(not(feature = "kafka"))]
    way: Way::NotBuilt,
};

options! {
    /// A connector of kind `kafka`: a cluster and how it is reached. Its brokers have to be of Kafka 3.9 or later.
    struct KafkaOptions {
        /// Some brokers of the cluster, `["kafka-1:9092", "kafka-2:9092"]`; the others are learnt from them. Required.
        brokers: Vec<String> = Vec::new(),
        /// How `username` and `password` are shown: `plain`, `scram_sha_256` or `scram_sha_512`.
        sasl: Option<Sasl> = None,
        /// The user name.
        username: Option<String> = None,
        /// The password, written as `${env:NAME}` or `${file:/path}`.
        password: Option<Secret> = None,
        /// Whether connections are encrypted, and brokers known by their certificates.
        tls: bool = false,
        /// Certificates of authorities to trust, in PEM, often `${file:/path}`. By default those that browsers trust.
        ca_pem: Option<String> = None,
        /// A certificate to show to brokers, in PEM.
        cert_pem: Option<String> = None,
        /// The private key of `cert_pem`, in PEM, written as `${file:/path}`.
        key_pem: Option<Secret> = None,
        /// How batches are compressed: `none`, `gzip`, `snappy` or `lz4`.
        compression: Compression = Compression::None,
        /// How long connecting, and asking where a topic is, may take, in ms.
        connect_timeout_ms: u64 = 5_000,
        /// How long the acknowledgement of a record may take, in ms. Then it is sent again.
        timeout_ms: u64 = 30_000,
    }
}

options! {
    /// An action of a `kafka` connector.
    struct KafkaActionOptions {
        /// The topic, a template. While a topic is not there the output waits. Required.
        topic: Option<String> = None,
        /// The key, a template; NULL is no key. By default the client whose event it is, so that the outputs of a client
        /// stay in order.
        key: Option<String> = None,
        /// The value, a template, in which NULL is `null`. By default the row as JSON.
        payload: Option<String> = None,
        /// Headers, templates. What is NULL is left out. `output_id` is the identifier of the output, by which a repetition
        /// can be told.
        headers: BTreeMap<String, String> = BTreeMap::new(),
    }
}

/// How a user name and a password are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sasl {
    /// As they are.
    Plain,
    /// By a challenge that is answered with SHA-256.
    #[serde(rename = "scram_sha_256")]
    ScramSha256,
    /// By a challenge that is answered with SHA-512.
    #[serde(rename = "scram_sha_512")]
    ScramSha512,
}

/// How batches are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
}
