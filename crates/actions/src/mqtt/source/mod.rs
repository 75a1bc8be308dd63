//! A source of kind `mqtt`: messages of another broker for rules that say `FROM "$sources/mqtt:NAME"`.
//!
//! It is connected while a rule listens to it. A message of QoS 1 is acknowledged when every rule has run on it and the
//! outputs that go to buffers on disk are there; what is not acknowledged when a connection ends comes again. The other
//! broker keeps the session, so that it keeps what comes meanwhile.
//!
//! `session.rs` is one connection, `known.rs` what is told of the source, `event.rs` what a message is to a rule.

mod event;
mod known;
mod session;

use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use engine::{ActionError, BoxFuture, ConfigError, Engine, ErrorClass, Filter, QoS, SourceState, SourceStatus};
use events::SourceTopic;
use rumqttc::v5::MqttOptions as ClientOptions;
use rumqttc::v5::mqttbytes::QoS as WireQoS;
use rumqttc::v5::mqttbytes::v5::{Filter as WireFilter, RetainForwardRule};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::event::Origin;
use self::known::Known;
use self::session::Ended;
use super::outcome::Unconnected;
use super::{KIND, MqttConnector};
use crate::options::{OptionField, Options as _, options, read};
use crate::sources::{Host, SourceKind};

pub(crate) const SOURCE: SourceKind = SourceKind {
    name: "mqtt",
    doc: "Messages of another MQTT broker, over MQTT 5. It is connected while a rule listens to it. A message of QoS 1 is \
          acknowledged when every rule has run on it and its outputs are in their buffers, those of kind `disk` on the \
          disk; what is not acknowledged when the connection ends comes again, so that a message may come twice, and \
          none is lost that the other broker still has.",
    options: FIELDS,
    sample: "topics = ['plant/#']",
};

const FIELDS: &[OptionField] = MqttSourceOptions::FIELDS;

/// The first pause after a connection that could not be made; doubled with each further one.
const RETRY_FIRST_MS: u64 = 250;

options! {
    /// A source of an `mqtt` connector.
    struct MqttSourceOptions {
        /// The connector. Required.
        connector: Option<String> = None,
        /// The topic filters to subscribe to in the other broker. With `$share/GROUP/` before them, several clients of
        /// that broker share the messages. Required.
        topics: Vec<String> = Vec::new(),
        /// The QoS to subscribe with: 0 or 1. At QoS 0 what comes while there is no connection, or no room, is lost.
        qos: u8 = 1,
        /// With `false` it is not connected.
        enabled: bool = true,
        /// The client identifier, under which the other broker keeps the session. By default one of the name of the
        /// source and a number that is made once and kept in the data directory. No other client may use it.
        client_id: Option<String> = None,
        /// How long the other broker keeps the session while there is no connection, in s. What comes then is delivered
        /// later, as far as that broker keeps it. 0: no longer than the connection.
        session_expiry_s: u32 = 604_800,
        /// How many messages may be unacknowledged at once. Beyond it the other broker waits.
        unacked_max: u16 = 1_000,
        /// The largest packet that is taken, in bytes. The other broker drops larger ones.
        packet_bytes_max: u32 = 16_777_216,
        /// The longest pause before the next attempt where no connection can be made, in ms.
        retry_max_ms: u64 = 30_000,
    }
}

/// A source of the configuration.
#[derive(Debug)]
pub(crate) struct MqttSource {
    topic: SourceTopic,
    connector_name: String,
    connector: Arc<MqttConnector>,
    filters: Vec<Filter>,
    qos: QoS,
    is_enabled: bool,
    client_id: Option<String>,
    session_expiry_s: u32,
    unacked_max: u16,
    packet_bytes_max: u32,
    retry_max_ms: u64,
    known: Known,
}

impl MqttSource {
    /// Reads the options of the source `name`. Nothing is opened.
    pub(super) fn new(
        connector: Arc<MqttConnector>,
        name: &str,
        table: &toml::Table,
    ) -> Result<MqttSource, Vec<ConfigError>> {
        let options: MqttSourceOptions = read(table)?;
        let mut errors = Vec::new();
        let filters = read_filters(options.topics, &mut errors);
        let qos = match options.qos {
            0 => QoS::AtMostOnce,
            1 => QoS::AtLeastOnce,
            other => {
                let error = ConfigError::at(&["qos"], format!("`qos`: expected 0 or 1, found {other}"));
                errors.push(error.with_help("a message may come twice at any QoS; with 1 none is lost"));
                QoS::AtLeastOnce
            }
        };
        if options.client_id.as_deref() == Some("") {
            errors.push(ConfigError::at(&["client_id"], "`client_id`: expected at least one character"));
        }
        let limits = [
            ("unacked_max", u64::from(options.unacked_max), 1),
            ("packet_bytes_max", u64::from(options.packet_bytes_max), 64),
            ("retry_max_ms", options.retry_max_ms, RETRY_FIRST_MS),
        ];
        for (name, value, least) in limits {
            if value < least {
                errors.push(ConfigError::at(&[name], format!("`{name}`: expected at least {least}, found {value}")));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(MqttSource {
            topic: SourceTopic::mqtt(name),
            connector_name: options.connector.unwrap_or_default(),
            connector,
            filters,
            qos,
            is_enabled: options.enabled,
            client_id: options.client_id,
            session_expiry_s: options.session_expiry_s,
            unacked_max: options.unacked_max,
            packet_bytes_max: options.packet_bytes_max,
            retry_max_ms: options.retry_max_ms,
            known: Known::new(if options.enabled { SourceState::Idle } else { SourceState::Disabled }),
        })
    }

    /// The name of its connector.
    pub(crate) fn connector_name(&self) -> &str {
        &self.connector_name
    }

    /// What is known of it now.
    pub(crate) fn status(&self) -> SourceStatus {
        let (state, reason, since, counts) = self.known.read();
        SourceStatus {
            topic: self.topic.clone(),
            kind: KIND.name,
            connector: self.connector_name.clone(),
            server: self.server(),
            filters: self.filters.iter().map(|filter| filter.as_str().to_owned()).collect(),
            qos: self.qos,
            state,
            reason,
            since,
            counts,
        }
    }

    /// Listens until `stopping`, whenever a rule wants it.
    pub(crate) async fn run(self: Arc<Self>, host: Host, stopping: CancellationToken) {
        if !self.is_enabled {
            return;
        }
        let mut rules = host.engine.changes();
        let mut failures = 0;
        while stopping.run_until_cancelled(wanted(&host.engine, &self.topic, &mut rules)).await.is_some() {
            self.known.set_state((host.clock)(), SourceState::Connecting, None);
            match self.receive_while_wanted(&host, &mut rules, &stopping).await {
                Ended::Closed => {
                    failures = 0;
                    self.known.set_state((host.clock)(), SourceState::Idle, None);
                }
                Ended::Lost { reason, was_connected } => {
                    failures = if was_connected { 1 } else { failures + 1 };
                    self.note_lost(&host, &reason, failures);
                    let pause = tokio::time::sleep(Duration::from_millis(self.pause_ms(failures)));
                    stopping.run_until_cancelled(pause).await;
                }
            }
        }
    }

    async fn receive_while_wanted(
        &self,
        host: &Host,
        rules: &mut watch::Receiver<u64>,
        stopping: &CancellationToken,
    ) -> Ended {
        let closing = stopping.child_token();
        let mut receiving = std::pin::pin!(session::receive(self, host, &closing));
        tokio::select! {
            ended = &mut receiving => ended,
            () = unwanted(&host.engine, &self.topic, rules) => {
                closing.cancel();
                receiving.await
            }
        }
    }

    fn note_lost(&self, host: &Host, reason: &str, failures: u32) {
        self.known.set_state((host.clock)(), SourceState::Disconnected, Some(reason.into()));
        // Once for each time it is away, not for every attempt.
        if failures == 1 {
            tracing::warn!(source = self.topic.name(), reason, "a source is not connected, it is tried again");
        }
    }

    /// Doubles with every failure up to the limit; half of it is left to chance.
    fn pause_ms(&self, failures: u32) -> u64 {
        let full_ms = RETRY_FIRST_MS.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(self.retry_max_ms);
        full_ms / 2 + fastrand::u64(0..=full_ms / 2)
    }

    /// The other broker, `host:port`.
    fn server(&self) -> String {
        let (host, port) = self.connector.client.broker_address();
        format!("{host}:{port}")
    }

    fn origin(&self, host: &Host) -> Origin {
        Origin { source: self.topic.clone(), server: self.server().into(), node: host.node.clone() }
    }

    /// How it connects: under an identifier of its own, to a session that outlives the connection.
    fn client_options(&self, installation: &str) -> ClientOptions {
        let client_id = self.client_id.clone();
        let mut client = self.connector.client.clone();
        client.set_client_id(client_id.unwrap_or_else(|| format!("signalbox-{installation}-{}", self.topic.name())));
        client.set_clean_start(false);
        client.set_session_expiry_interval(Some(self.session_expiry_s));
        client.set_receive_maximum(Some(self.unacked_max));
        client.set_max_packet_size(Some(self.packet_bytes_max));
        client.set_manual_acks(true);
        client
    }

    fn wire_filter(&self, path: &str, retain_forward_rule: RetainForwardRule) -> WireFilter {
        let qos = if self.qos == QoS::AtMostOnce { WireQoS::AtMostOnce } else { WireQoS::AtLeastOnce };
        WireFilter { path: path.to_owned(), qos, nolocal: false, preserve_retain: true, retain_forward_rule }
    }

    /// Connects as somebody else and subscribes, to see whether that is allowed. The session stays as it is.
    pub(crate) fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(async {
            let mut options = self.connector.client.clone();
            options.set_client_id(format!("signalbox-{:08x}", fastrand::u32(..)));
            options.set_max_packet_size(Some(self.packet_bytes_max));
            options.set_manual_acks(true);
            // Without the group: its members would miss what came to us.
            let filter = |filter: &Filter| self.wire_filter(filter.topic_filter(), RetainForwardRule::Never);
            let filters = self.filters.iter().map(filter).collect();
            let limit = self.connector.connect_timeout;
            let checked = session::check(options, filters, limit).await;
            checked.map_err(|Unconnected { class: _, error }| error)
        })
    }
}

fn read_filters(texts: Vec<String>, errors: &mut Vec<ConfigError>) -> Vec<Filter> {
    if texts.is_empty() {
        let error = ConfigError::at(&["topics"], "`topics`: expected at least one topic filter");
        errors.push(error.with_help("write `topics = [\"plant/#\"]`"));
    }
    let mut filters: Vec<Filter> = Vec::new();
    for text in texts {
        match Filter::parse(ByteString::from(text.as_str())) {
            Ok(filter) if filters.iter().any(|other| other.as_str() == filter.as_str()) => {
                errors.push(ConfigError::at(&["topics"], format!("`topics`: `{text}` stands twice")));
            }
            Ok(filter) => filters.push(filter),
            Err(error) => {
                errors.push(ConfigError::at(&["topics"], format!("`topics`: `{text}` is no topic filter: {error}")));
            }
        }
    }
    filters
}

/// Waits until a rule listens to `source`.
async fn wanted(engine: &Engine, source: &SourceTopic, rules: &mut watch::Receiver<u64>) {
    while !engine.wants_source(source) {
        if rules.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// Waits until no rule does.
async fn unwanted(engine: &Engine, source: &SourceTopic, rules: &mut watch::Receiver<u64>) {
    while engine.wants_source(source) {
        if rules.changed().await.is_err() {
            return;
        }
    }
}

/// Why the other broker does not let us listen.
fn refused(filter: &str, reason: &str) -> Unconnected {
    let error = ActionError::new(format!("the other broker refuses `{filter}`: {reason}"));
    let error = error.with_help("look at what the user of the connector may read there");
    Unconnected { class: ErrorClass::Unauthorized, error }
}
