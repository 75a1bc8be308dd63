//! `mqtt`: publishes each output to another MQTT broker.
//!
//! `link.rs` is the connection and what waits for an acknowledgement, `outcome.rs` what an answer means. `source/` is the
//! way in.

mod link;
mod outcome;
mod source;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::{
    Action, ActionError, ActionSpec, BoxFuture, ConfigError, ErrorClass, ItemOutcome, Outcome, Output, Preview,
};
use events::HOPS_PROPERTY;
use rumqttc::v5::MqttOptions as ClientOptions;
use rumqttc::{TlsConfiguration, Transport};
use tokio::sync::Mutex;

use self::link::{Answer, Link};
use self::outcome::Unconnected;
pub(crate) use self::source::{MqttSource, SOURCE};
use crate::address::{Address, Schemes};
use crate::kind::{Connector, Kind, Way};
use crate::message::{Constant, Destination, Message, MessageOptions, MessageTemplate, UserProperties};
use crate::options::{Options as _, options, read};
use crate::secret::Secret;
use crate::tls::TlsOptions;

pub(crate) const KIND: Kind = Kind {
    name: "mqtt",
    doc: "Publishes outputs to another MQTT broker, over MQTT 5. An output is delivered when that broker has acknowledged \
          it, at QoS 0 when it is written. What has no acknowledgement when the connection breaks is sent again.",
    connector: MqttOptions::FIELDS,
    action: MqttActionOptions::FIELDS,
    sample_connector: "url = 'mqtt://127.0.0.1:9'\nusername = 'signalbox'\npassword = 'secret'",
    sample_action: "topic = 'plant-7/connack/${clientid}'\nqos = 1",
    way: Way::Connected(|table| Ok(Arc::new(MqttConnector::new(table)?))),
};

options! {
    /// A connector of kind `mqtt`: another broker and how it is reached.
    struct MqttOptions {
        /// The address, `mqtt://host:1883`, with TLS `mqtts://host:8883`. Required.
        url: Option<String> = None,
        /// The client identifier. By default `signalbox-` and a random number; with one of your own no other process
        /// may use it, because a broker ends the older of two connections.
        client_id: Option<String> = None,
        /// The user name.
        username: Option<String> = None,
        /// The password, written as `${env:NAME}` or `${file:/path}`.
        password: Option<Secret> = None,
        /// Certificates of authorities to trust beside those of the system, in PEM, often `${file:/path}`.
        ca_pem: Option<String> = None,
        /// A certificate to show to the other broker, with those between it and its authority, in PEM.
        cert_pem: Option<String> = None,
        /// The private key of `cert_pem`, in PEM, written as `${file:/path}`.
        key_pem: Option<Secret> = None,
        /// How often rules, here and in other Signalboxes, may pass a message on before it is sent no further. Messages
        /// carry the number as the user property `signalbox-hops`, so that brokers that hand messages to each other in a
        /// circle come to an end. 0: messages carry none, and nothing ends a circle.
        hops_max: u8 = 8,
        /// How often to ask whether the other broker is still there while there is nothing to send, in s, at least 5.
        keep_alive_s: u16 = 60,
        /// How long connecting may take, in ms.
        connect_timeout_ms: u64 = 5_000,
        /// How long the acknowledgements of a batch may take, in ms. Then the connection is closed and what has none
        /// is sent again.
        timeout_ms: u64 = 30_000,
    }
}

options! {
    /// An action of an `mqtt` connector.
    struct MqttActionOptions {
        /// The topic, a template; no `+` and `#`. A variable that is NULL rejects the output. Required.
        topic: Option<String> = None,
        /// The payload, a template, in which NULL is `null`. By default the row as JSON.
        payload: Option<String> = None,
        /// The QoS: 0, 1, 2, or a template such as `"${qos}"`. At QoS 0 nobody says that a message has arrived.
        qos: Constant = Constant::Integer(1),
        /// Whether the other broker keeps the message for later subscribers: true, false, or a template such as
        /// `"${flags.retain}"`.
        retain: Constant = Constant::Boolean(false),
        /// User properties of MQTT 5: a table of templates, or one variable that is a map, such as
        /// `"${user_properties}"`. What is NULL is left out.
        user_properties: UserProperties = UserProperties::Pairs(BTreeMap::new()),
        /// Other properties of MQTT 5, templates: `payload_format_indicator` (0 or 1), `message_expiry_interval` (s),
        /// `content_type`, `response_topic`, `correlation_data`. What is NULL is left out.
        properties: BTreeMap<String, Constant> = BTreeMap::new(),
    }
}

/// Another broker.
pub(crate) struct MqttConnector {
    client: ClientOptions,
    connect_timeout: Duration,
    timeout: Duration,
    hops_max: u8,
    /// The connection that all actions share, made when it is needed.
    link: Mutex<Option<Arc<Link>>>,
    /// The last connection broke under messages. Some brokers end it for a message that they do not allow, and what
    /// they said of those before is lost with it; so messages go one by one until a batch is through.
    is_wary: AtomicBool,
}

/// Without the options of the client, which hold the password.
impl std::fmt::Debug for MqttConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MqttConnector").field("broker", &self.client.broker_address()).finish_non_exhaustive()
    }
}

impl MqttConnector {
    /// Reads the options. Nothing is opened yet.
    pub(crate) fn new(table: &toml::Table) -> Result<MqttConnector, Vec<ConfigError>> {
        let options: MqttOptions = read(table)?;
        let mut errors = Vec::new();
        let limits = [
            ("keep_alive_s", u64::from(options.keep_alive_s), 5),
            ("connect_timeout_ms", options.connect_timeout_ms, 1),
            ("timeout_ms", options.timeout_ms, 1),
        ];
        for (name, value, least) in limits {
            if value < least {
                errors.push(ConfigError::at(&[name], format!("`{name}`: expected at least {least}, found {value}")));
            }
        }
        if options.password.is_some() && options.username.is_none() {
            let error = ConfigError::at(&["password"], "`password` needs a `username`");
            errors.push(error.with_help("write `username = \"...\"` beside it"));
        }
        match client_options(&options) {
            Ok(client) if errors.is_empty() => Ok(MqttConnector {
                client,
                connect_timeout: Duration::from_millis(options.connect_timeout_ms),
                timeout: Duration::from_millis(options.timeout_ms),
                hops_max: options.hops_max,
                link: Mutex::new(None),
                is_wary: AtomicBool::new(false),
            }),
            Ok(_) => Err(errors),
            Err(error) => {
                errors.push(error);
                Err(errors)
            }
        }
    }

    /// The connection, made anew where there is none or it has broken.
    async fn link(&self) -> Result<Arc<Link>, Unconnected> {
        let mut slot = self.link.lock().await;
        if let Some(link) = slot.as_ref().filter(|link| !link.is_broken()) {
            return Ok(Arc::clone(link));
        }
        *slot = None;
        let link = Arc::new(Link::open(self.client.clone(), self.connect_timeout).await?);
        *slot = Some(Arc::clone(&link));
        Ok(link)
    }
}

impl Connector for MqttConnector {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn action(self: Arc<Self>, spec: &ActionSpec<'_>) -> Result<Box<dyn Action>, Vec<ConfigError>> {
        let MqttActionOptions { topic, payload, qos, retain, user_properties, properties } = read(spec.options)?;
        let options = MessageOptions { topic, payload, qos, retain, user_properties, properties };
        let message = MessageTemplate::new(options, Destination::Elsewhere, spec)?;
        Ok(Box::new(MqttAction { connector: self, message }))
    }

    fn source(self: Arc<Self>, name: &str, table: &toml::Table) -> Result<MqttSource, Vec<ConfigError>> {
        MqttSource::new(self, name, table)
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(async { self.link().await.map(drop).map_err(|unconnected| unconnected.error) })
    }
}

/// A rule's use of another broker.
#[derive(Debug)]
struct MqttAction {
    connector: Arc<MqttConnector>,
    message: MessageTemplate,
}

impl MqttAction {
    async fn publish(&self, batch: &[Output]) -> Outcome {
        if batch.is_empty() {
            return Outcome::Delivered;
        }
        let link = match self.connector.link().await {
            Ok(link) => link,
            Err(Unconnected { class, error }) => {
                return Outcome::Retry { class, reason: error.message, after: None };
            }
        };
        let mut outcomes: Vec<Option<ItemOutcome>> = vec![None; batch.len()];
        let limit = self.connector.timeout;
        let (class, reason) = match tokio::time::timeout(limit, self.publish_all(&link, batch, &mut outcomes)).await {
            Ok(()) => (ErrorClass::Unreachable, "connection lost".to_owned()),
            Err(_) => (ErrorClass::Timeout, format!("no acknowledgement within {} ms", limit.as_millis())),
        };
        let is_lost = |outcome: &Option<ItemOutcome>| matches!(outcome, None | Some(ItemOutcome::Retry { .. }));
        self.connector.is_wary.store(outcomes.iter().any(is_lost), Ordering::Relaxed);
        if outcomes.contains(&None) {
            // Whether the rest has arrived is not known, and its acknowledgements would be taken for those of others.
            link.break_off(&reason);
        }
        let lost = ItemOutcome::Retry { class, reason, after: None };
        Outcome::PerItem(outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| lost.clone())).collect())
    }

    /// Sends all of `batch` in order, and then waits for the answers; each at once where the last connection broke.
    async fn publish_all(&self, link: &Link, batch: &[Output], outcomes: &mut [Option<ItemOutcome>]) {
        let is_wary = self.connector.is_wary.load(Ordering::Relaxed);
        let mut answers: Vec<Option<Answer>> = Vec::with_capacity(batch.len());
        for (output, outcome) in batch.iter().zip(&mut *outcomes) {
            let sent = match self.counted(output) {
                Ok(message) => link.publish(message).await,
                Err(reason) => Err(ItemOutcome::Rejected { class: ErrorClass::Unsendable, reason }),
            };
            match sent {
                Ok(answer) if is_wary => {
                    *outcome = answer.await.ok();
                    answers.push(None);
                }
                Ok(answer) => answers.push(Some(answer)),
                Err(known) => {
                    *outcome = Some(known);
                    answers.push(None);
                }
            }
        }
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            if let Some(answer) = answer {
                *outcome = answer.await.ok();
            }
        }
    }
}

impl MqttAction {
    /// The message for `output`, with how often rules have passed it on, this time included.
    fn counted(&self, output: &Output) -> Result<Message, String> {
        let mut message = self.message.message(output)?;
        let hops_max = self.connector.hops_max;
        if hops_max == 0 {
            return Ok(message);
        }
        if output.hops >= hops_max {
            return Err(format!(
                "rules have passed the message on {} times already, at most {hops_max} are allowed: brokers hand it to \
                 each other in a circle",
                output.hops
            ));
        }
        let properties = &mut message.properties.user_properties;
        properties.retain(|(name, _)| *name != HOPS_PROPERTY);
        properties.push((HOPS_PROPERTY.into(), (output.hops + 1).to_string().into()));
        Ok(message)
    }
}

impl Action for MqttAction {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn send<'a>(&'a self, batch: &'a [Output]) -> BoxFuture<'a, Outcome> {
        Box::pin(self.publish(batch))
    }

    fn preview(&self, output: &Output) -> Preview {
        self.message.preview(output)
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        self.connector.check()
    }
}

const SCHEMES: Schemes = Schemes {
    plain: ("mqtt", 1_883),
    tls: ("mqtts", 8_883),
    help: "write `url = \"mqtt://host:1883\"`, with TLS `mqtts://host:8883`",
};

fn client_options(options: &MqttOptions) -> Result<ClientOptions, ConfigError> {
    let address = Address::read(options.url.as_deref(), &SCHEMES)?.without_path(&SCHEMES)?;
    let client_id = match options.client_id.as_deref() {
        Some("") => return Err(ConfigError::at(&["client_id"], "`client_id`: expected at least one character")),
        Some(id) => id.to_owned(),
        None => format!("signalbox-{:08x}", fastrand::u32(..)),
    };
    let mut client = ClientOptions::new(client_id, address.host, address.port);
    client.set_keep_alive(Duration::from_secs(options.keep_alive_s.max(5).into()));
    client.set_outgoing_inflight_upper_limit(link::UNACKED_MAX);
    if let Some(username) = &options.username {
        client.set_credentials(username, options.password.as_ref().map_or("", Secret::expose));
    }
    let tls = TlsOptions {
        ca_pem: options.ca_pem.as_deref(),
        cert_pem: options.cert_pem.as_deref(),
        key_pem: options.key_pem.as_ref(),
    };
    if address.is_tls {
        client.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::new(tls.client_config()?))));
    } else {
        tls.check_unused(SCHEMES.help)?;
    }
    Ok(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_that_cannot_work_is_refused() {
        for (text, message) in [
            ("", "`url` is missing"),
            ("url = 'broker:1883'", "`url`: expected `mqtt` or `mqtts`, found `broker`"),
            ("url = 'mqtt://me:pw@x'", "`url`: expected no user and no password"),
            ("url = 'mqtt://x/topic'", "`url`: expected nothing behind host and port"),
            ("url = 'mqtt://x'\nclient_id = ''", "`client_id`: expected at least one character"),
            ("url = 'mqtt://x'\npassword = 'p'", "`password` needs a `username`"),
            ("url = 'mqtt://x'\nkeep_alive_s = 4", "`keep_alive_s`: expected at least 5, found 4"),
            ("url = 'mqtt://x'\nca_pem = 'x'", "`ca_pem`: the `url` has no TLS"),
            ("url = 'mqtts://x'\nca_pem = 'x'", "`ca_pem`: expected a certificate in PEM"),
            ("url = 'mqtts://x'\nkey_pem = 'x'", "`key_pem` needs a `cert_pem`"),
            ("url = 'mqtts://x'\ncert_pem = 'x'", "`cert_pem` needs a `key_pem`"),
        ] {
            let errors = MqttConnector::new(&text.parse().unwrap()).unwrap_err();
            assert!(errors[0].message.starts_with(message), "{text}: {errors:?}");
        }
    }
}
