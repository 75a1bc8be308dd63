//! A cluster, and what a rule appends there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use engine::{
    Action, ActionError, ActionSpec, BoxFuture, ConfigError, ErrorClass, ItemOutcome, Outcome, Output, Preview,
};
use krafka::auth::{AuthConfig, TlsConfig};
use krafka::producer::{Acks, DeliveryHandle, Producer};
use krafka::{Kafka, KafkaBuilder, KrafkaError, Record};
use tokio::sync::Mutex;

use super::record::{Made as MadeRecord, RecordTemplate};
use super::{Compression, KIND, KafkaActionOptions, KafkaOptions, Sasl, outcome};
use crate::kind::{Connector, Made};
use crate::options::read;
use crate::secret::Secret;

/// A cluster.
pub(super) struct KafkaConnector {
    options: KafkaOptions,
    /// The producer that all actions share, made when it is needed.
    producer: Mutex<Option<Arc<Producer>>>,
}

/// Without what signs in, which is secret.
impl std::fmt::Debug for KafkaConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaConnector").field("brokers", &self.options.brokers).finish_non_exhaustive()
    }
}

impl KafkaConnector {
    /// Reads the options. Nothing is opened yet.
    pub(super) fn new(table: &toml::Table) -> Result<KafkaConnector, Vec<ConfigError>> {
        let options: KafkaOptions = read(table)?;
        let mut errors = Vec::new();
        for (name, value) in [("connect_timeout_ms", options.connect_timeout_ms), ("timeout_ms", options.timeout_ms)] {
            if value == 0 {
                errors.push(ConfigError::at(&[name], format!("`{name}`: expected at least 1, found 0")));
            }
        }
        const HELP: &str = "write `brokers = [\"kafka-1:9092\"]`";
        if options.brokers.is_empty() {
            errors.push(ConfigError::at(&[], "`brokers` is missing").with_help(HELP));
        }
        let has_port = |broker: &str| broker.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        for broker in options.brokers.iter().filter(|broker| !has_port(broker)) {
            let message = format!("`brokers`: expected `host:port`, found `{broker}`");
            errors.push(ConfigError::at(&["brokers"], message).with_help(HELP));
        }
        errors.extend(security(&options).err());
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(KafkaConnector { options, producer: Mutex::new(None) })
    }

    /// The producer, made anew where there is none.
    async fn producer(&self) -> Result<Arc<Producer>, KrafkaError> {
        let mut slot = self.producer.lock().await;
        if let Some(producer) = slot.as_ref().filter(|producer| !producer.is_closed()) {
            return Ok(Arc::clone(producer));
        }
        let producer = Arc::new(self.open().await?);
        *slot = Some(Arc::clone(&producer));
        Ok(producer)
    }

    /// Has the next one who needs a producer make another one.
    async fn forget(&self, producer: &Arc<Producer>) {
        let mut slot = self.producer.lock().await;
        if slot.as_ref().is_some_and(|known| Arc::ptr_eq(known, producer)) {
            *slot = None;
        }
    }

    async fn open(&self) -> Result<Producer, KrafkaError> {
        let kafka = self.builder()?.connect().await?;
        let compression = match self.options.compression {
            Compression::None => krafka::Compression::None,
            Compression::Gzip => krafka::Compression::Gzip,
            Compression::Snappy => krafka::Compression::Snappy,
            Compression::Lz4 => krafka::Compression::Lz4,
        };
        let producer =
            kafka.producer().acks(Acks::All).idempotent(true).compression(compression).linger(Duration::ZERO);
        let producer = producer.max_block(Duration::from_millis(self.options.connect_timeout_ms));
        producer.delivery_timeout(Duration::from_millis(self.options.timeout_ms)).build().await
    }

    fn builder(&self) -> Result<KafkaBuilder, KrafkaError> {
        let connect_timeout = Duration::from_millis(self.options.connect_timeout_ms);
        let timeout = Duration::from_millis(self.options.timeout_ms);
        let builder = Kafka::builder(self.options.brokers.join(",")).client_id("signalbox");
        let security = security(&self.options).map_err(|error| KrafkaError::Config { message: error.message })?;
        // A topic that is not there is not made by asking for it.
        let builder = builder.security(security).allow_auto_create_topics(false).connect_timeout(connect_timeout);
        Ok(builder.request_timeout(timeout.max(connect_timeout)))
    }
}

impl Connector for KafkaConnector {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn action(self: Arc<Self>, spec: &ActionSpec<'_>) -> Made<Box<dyn Action>> {
        let options: KafkaActionOptions = read(spec.options)?;
        let template = RecordTemplate::new(&options, spec)?;
        Ok(Box::new(KafkaAction { connector: self, template }))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(async { self.producer().await.map(drop).map_err(|error| outcome::action_error(&error)) })
    }
}

/// A rule's use of a cluster.
#[derive(Debug)]
struct KafkaAction {
    connector: Arc<KafkaConnector>,
    template: RecordTemplate,
}

impl KafkaAction {
    async fn append(&self, batch: &[Output]) -> Outcome {
        if batch.is_empty() {
            return Outcome::Delivered;
        }
        let producer = match self.connector.producer().await {
            Ok(producer) => producer,
            Err(error) => {
                let (class, reason) = outcome::of_connecting(&error);
                return Outcome::Retry { class, reason, after: None };
            }
        };
        let mut is_of_use = true;
        let mut outcomes = Vec::with_capacity(batch.len());
        for queued in self.enqueue(&producer, batch).await {
            outcomes.push(match queued {
                Ok(handle) => match handle.await {
                    Ok(_) => ItemOutcome::Delivered,
                    Err(error) => {
                        is_of_use &= !error.is_fatal();
                        outcome::item(&error)
                    }
                },
                Err(known) => known,
            });
        }
        if !is_of_use {
            self.connector.forget(&producer).await;
        }
        Outcome::PerItem(outcomes)
    }

    /// Queues the records in order; what is known at once is said at once. Where one for a topic has to wait, those behind
    /// it for the same topic wait with it.
    async fn enqueue(&self, producer: &Producer, batch: &[Output]) -> Vec<Result<DeliveryHandle, ItemOutcome>> {
        let mut waiting: HashMap<String, ItemOutcome> = HashMap::new();
        let mut queued = Vec::with_capacity(batch.len());
        for output in batch {
            let made = match self.template.record(output) {
                Ok(made) => made,
                Err(reason) => {
                    queued.push(Err(ItemOutcome::Rejected { class: ErrorClass::Unsendable, reason }));
                    continue;
                }
            };
            if let Some(outcome) = waiting.get(&made.topic) {
                queued.push(Err(outcome.clone()));
                continue;
            }
            let topic = made.topic.clone();
            queued.push(producer.enqueue(record(made)).await.map_err(|error| {
                let outcome = outcome::item(&error);
                if matches!(outcome, ItemOutcome::Retry { .. }) {
                    waiting.insert(topic, outcome.clone());
                }
                outcome
            }));
        }
        queued
    }
}

impl Action for KafkaAction {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn send<'a>(&'a self, batch: &'a [Output]) -> BoxFuture<'a, Outcome> {
        Box::pin(self.append(batch))
    }

    fn preview(&self, output: &Output) -> Preview {
        self.template.preview(output)
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        self.connector.check()
    }
}

fn record(made: MadeRecord) -> Record {
    let MadeRecord { topic, key, headers, value } = made;
    let mut record = Record::new(topic, value);
    if let Some(key) = key {
        record = record.key(key);
    }
    headers.into_iter().fold(record, |record, (name, value)| record.header(name, value.into_bytes()))
}

/// Who we are to the brokers, and whom we trust.
fn security(options: &KafkaOptions) -> Result<AuthConfig, ConfigError> {
    let login = match (options.sasl, &options.username, &options.password) {
        (Some(sasl), Some(username), Some(password)) => Some((sasl, username.clone(), password.expose().to_owned())),
        (None, None, None) => None,
        (Some(_), _, _) => {
            return Err(ConfigError::at(&["sasl"], "`sasl` needs a `username` and a `password`"));
        }
        (None, _, _) => {
            let error = ConfigError::at(&[], "`username` and `password` need `sasl`");
            return Err(error.with_help("write `sasl = \"scram_sha_512\"`, `scram_sha_256` or `plain`"));
        }
    };
    let auth = match login {
        None => AuthConfig::plaintext(),
        Some((Sasl::Plain, username, password)) => AuthConfig::sasl_plain(username, password),
        Some((Sasl::ScramSha256, username, password)) => AuthConfig::sasl_scram_sha256(username, password),
        Some((Sasl::ScramSha512, username, password)) => AuthConfig::sasl_scram_sha512(username, password),
    };
    let mut tls = TlsConfig::new();
    if let Some(pem) = &options.ca_pem {
        tls = tls.with_ca_cert_pem(pem.as_bytes());
    }
    match (&options.cert_pem, options.key_pem.as_ref().map(Secret::expose)) {
        (None, None) => {}
        (Some(cert), Some(key)) => tls = tls.with_client_cert_pem(cert.as_bytes(), key.as_bytes().to_vec()),
        (Some(_), None) => return Err(ConfigError::at(&["cert_pem"], "`cert_pem` needs a `key_pem`")),
        (None, Some(_)) => return Err(ConfigError::at(&["key_pem"], "`key_pem` needs a `cert_pem`")),
    }
    if options.tls {
        return Ok(auth.with_tls(tls));
    }
    for (name, is_there) in [("ca_pem", options.ca_pem.is_some()), ("cert_pem", options.cert_pem.is_some())] {
        if is_there {
            return Err(ConfigError::at(&[name], format!("`{name}` needs `tls = true`")));
        }
    }
    Ok(auth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_that_cannot_work_is_refused() {
        for (text, message) in [
            ("", "`brokers` is missing"),
            ("brokers = ['kafka']", "`brokers`: expected `host:port`, found `kafka`"),
            ("brokers = ['k:9092']\nusername = 'me'", "`username` and `password` need `sasl`"),
            ("brokers = ['k:9092']\nsasl = 'plain'", "`sasl` needs a `username` and a `password`"),
            ("brokers = ['k:9092']\nca_pem = 'x'", "`ca_pem` needs `tls = true`"),
            ("brokers = ['k:9092']\nkey_pem = 'x'", "`key_pem` needs a `cert_pem`"),
            ("brokers = ['k:9092']\ntimeout_ms = 0", "`timeout_ms`: expected at least 1, found 0"),
        ] {
            let errors = KafkaConnector::new(&text.parse().unwrap()).unwrap_err();
            assert_eq!(errors[0].message, message, "{text}");
        }
    }
}
