//! The parts of a running broker, wired to each other and stopped in order.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actions::{Connectors, Console, Host, Registry, Sources};
use anyhow::Context as _;
use api::{Api, Callers, Hosts};
use auth::{Auth, Bans, Keys, SeenCertificates};
use broker::{Bound, Broker, BrokerConfig, Observer, Recovered};
use engine::{Engine, EngineConfig, HopLimit, LetterLimits, Publisher};
use history::History;
use tokio::net::TcpListener;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::event_path;
use super::listeners::Listeners;
use super::observer::Rules;
use super::publisher::Gateway;
use crate::config::{self, Config, DeniedSubscribe, SessionStore};
use crate::data_dir::{self, DataDir, bans_file, certificates_file, keys_file, sessions_directory};
use crate::jq;
use crate::outcome::Stop;
use crate::rule_files;
use crate::serving::Serving;
use crate::{clock, commands, emqx};

/// How long clients may take to hear goodbye.
const CLIENTS_DEADLINE: Duration = Duration::from_secs(5);

/// How long actions may go on delivering what they have.
const ACTIONS_DEADLINE: Duration = Duration::from_secs(10);

/// How often it is looked whether bans have changed on disk.
const BANS_LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long requests of the API may take to end.
const HTTP_DEADLINE: Duration = Duration::from_secs(2);

/// A running broker with all that belongs to it.
#[derive(Debug)]
pub(crate) struct Running {
    /// Where the default listener is.
    pub(crate) mqtt: Bound,
    /// Where the API is.
    pub(crate) http: SocketAddr,
    broker: Broker,
    listeners: Arc<Listeners>,
    rules: Engine,
    auth: Auth,
    history: History,
    api: Api,
    data: DataDir,
    tasks: TaskTracker,
    /// Cancelled when the tasks that would run for ever have to end.
    is_stopping: CancellationToken,
    sources: Incoming,
}

/// The tasks that listen to other systems.
#[derive(Debug)]
struct Incoming {
    tasks: TaskTracker,
    is_stopping: CancellationToken,
}

impl Incoming {
    fn start(config: &Config, data: &Path, engine: &Engine, sources: &Sources) -> Result<Incoming, Stop> {
        let incoming = Incoming { tasks: TaskTracker::new(), is_stopping: CancellationToken::new() };
        if sources.is_empty() {
            return Ok(incoming);
        }
        let host = Host {
            engine: engine.clone(),
            clock: Arc::new(clock::now),
            node: config.root.node.as_str().into(),
            installation: data_dir::installation(data)?,
        };
        for task in sources.tasks(&host, &incoming.is_stopping) {
            incoming.tasks.spawn(task);
        }
        Ok(incoming)
    }

    /// Acknowledges what rules have seen, and hangs up. The other sides keep the rest.
    async fn stop(&self) {
        self.is_stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Running {
    /// Starts everything, listeners last, so that the first client finds all of it.
    pub(crate) async fn start(
        config: &Config,
        data: DataDir,
        auth: Auth,
        (connectors, sources): (Connectors, Sources),
    ) -> Result<Running, Stop> {
        let history = event_path::open_history(config, data.path())?;
        let gateway = Arc::new(Gateway::default());
        let rules = start_rules(config, data.path(), (connectors, sources.clone()), Arc::clone(&gateway))?;
        let observer: Arc<dyn Observer> = Arc::new(Rules(rules.clone()));
        let seen_certificates = SeenCertificates::open(&certificates_file(data.path())).map_err(Stop::of_auth)?;
        let bans = Bans::open(&bans_file(data.path())).map_err(Stop::of_auth)?;
        let settings = BrokerConfig { bans, seen_certificates, ..broker_config(config, history.last_seq()) };
        let broker = Broker::new(settings, auth.clone(), observer);
        gateway.connect(&broker);

        let tasks = TaskTracker::new();
        let for_rules = event_path::subscribe_rules(broker.bus(), &rules);
        tasks.spawn(event_path::run_rules(for_rules, rules.clone()));
        let for_history = event_path::subscribe_history(broker.bus(), &history);
        tasks.spawn(event_path::run_history(for_history, history.clone()));
        broker.remember(&history.take_past());
        recover(config, &data, &broker)?;
        event_path::close_past(&broker, &history).await?;

        let listener = bind_http(config).await?;
        let http = listener.local_addr()?;
        let listeners = Arc::new(Listeners::open(config, &broker).await?);
        let mqtt = listeners.default().clone();
        let keys = Keys::open(&keys_file(data.path())).map_err(Stop::of_auth)?;
        let node = config.root.node.as_str().into();
        let callers = Callers { keys, audit: commands::open_audit(config) };
        let api = Api::new(broker.clone(), rules.clone(), callers, node, emqx::SENT);
        let hosts = Hosts::new(config.http.hosts.clone());
        let is_stopping = CancellationToken::new();
        tasks.spawn(serve_http(listener, api.clone(), hosts, is_stopping.clone()));
        tasks.spawn(is_stopping.clone().run_until_cancelled_owned(look_after_auth(auth.clone())));
        tasks.spawn(is_stopping.clone().run_until_cancelled_owned(look_after_bans(broker.clone())));
        tasks.spawn(is_stopping.clone().run_until_cancelled_owned(Arc::clone(&listeners).look_after_certificates()));
        Serving::announce(data.path(), &mqtt.to_string(), http)?;
        let sources = Incoming::start(config, data.path(), &rules, &sources)?;
        api.set_ready(true);
        Ok(Running { mqtt, http, broker, listeners, rules, auth, history, api, data, tasks, is_stopping, sources })
    }

    /// Reads rules, users and ACL again.
    pub(crate) fn reload(&self) {
        tracing::info!("reading rules, users, acl and certificates again");
        let (rules, auth, listeners) = (self.rules.clone(), self.auth.clone(), Arc::clone(&self.listeners));
        self.tasks.spawn_blocking(move || {
            // Both tell the log what is wrong; what ran before runs on then.
            if let Err(error) = rules.reload() {
                tracing::warn!(%error, "the directory of rules cannot be read, the rules run on as they were");
            }
            drop(auth.reload());
            listeners.reload_certificates();
        });
    }

    /// Stops in order: sources, which leave with the other side what they have not acknowledged; listeners and clients, whose end is an event; then the rules, whose actions deliver what they
    /// have; then the API; then the history.
    pub(crate) async fn stop(self) {
        self.api.set_ready(false);
        self.sources.stop().await;
        self.broker.shutdown(CLIENTS_DEADLINE).await;
        tracing::info!("stopped mqtt");

        // The bus is closed behind the last events, and whoever reads it ends there.
        self.api.stop();
        self.is_stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        tracing::info!("stopped http");

        let given_up = self.rules.shutdown(ACTIONS_DEADLINE).await;
        if given_up > 0 {
            tracing::warn!(given_up, "outputs were given up, their actions did not take them in time");
        }
        tracing::info!("stopped rules");

        let history = self.history;
        // It waits for the disk.
        if tokio::task::spawn_blocking(move || history.close()).await.is_err() {
            tracing::error!("the history has panicked while it was closed");
        }
        tracing::info!("stopped history");
        if let Err(error) = Serving::withdraw(self.data.path()) {
            tracing::warn!(error = format_args!("{error:#}").to_string(), "the key for local commands is left behind");
        }
    }

    /// A few lines for who has just started it.
    pub(crate) fn introduction(&self) -> Vec<String> {
        let rules: Vec<String> =
            self.rules.rules().iter().map(|rule| format!("{} ({})", rule.id, rule.state.name())).collect();
        let rules = if rules.is_empty() { "none".to_owned() } else { rules.join(", ") };
        let mut lines: Vec<String> = self.listeners.lines();
        lines.extend([
            format!("http   http://{}", self.http),
            format!("data   {}", self.data.path().display()),
            format!("rules  {rules}"),
        ]);
        if let Some(port) = self.listeners.plain_port() {
            lines.push(format!(
                "try    mosquitto_sub -p {port} -i sub -t client_connack & sleep 1; \
                 mosquitto_pub -p {port} -V 5 -i conn -u u_emqx -t hello -m world"
            ));
        }
        lines
    }
}

/// Takes up the sessions, retained messages and wills of a former process.
fn recover(config: &Config, data: &DataDir, broker: &Broker) -> Result<(), Stop> {
    match config.durability.store {
        SessionStore::Memory => return Ok(()),
        SessionStore::Disk => {}
    }
    let directory = sessions_directory(data.path());
    let Recovered { sessions, subscriptions, messages, expired, retained, wills, lost } = broker
        .recover(&directory)
        .with_context(|| format!("reading sessions and retained messages in `{}`", directory.display()))?;
    tracing::info!(
        sessions,
        subscriptions,
        messages,
        expired,
        retained,
        wills,
        "took up what the last process has left"
    );
    if lost > 0 {
        tracing::error!(lost, "a part of what the last process has left cannot be read; the rest was taken up");
    }
    Ok(())
}

/// Makes the engine, its actions and the rules of the directory.
fn start_rules(
    config: &Config,
    data: &Path,
    (connectors, sources): (Connectors, Sources),
    gateway: Arc<Gateway>,
) -> Result<Engine, Stop> {
    let hops_max = config.limits.hops_max;
    let publisher: Arc<dyn Publisher> = Arc::new(HopLimit::new(gateway, hops_max));
    let registry = Registry::new(connectors, publisher, Console::new(std::io::stdout()));
    let registry = registry.with_secrets(config.secrets()).with_sources(sources);
    let settings = EngineConfig {
        hops_max,
        data_dir: Some(data.to_path_buf()),
        dead_letters: letter_limits(&config.dead_letters),
        limits: rule_limits(&config.rules),
        environment: Arc::new(environment),
        jq: jq::of_config(&config.jq),
        ..EngineConfig::default()
    };
    let rules = Engine::new(settings, Arc::new(registry), Arc::new(clock::now));
    rules.load_made().context("reading what was made over the API")?;
    match rule_files::directory(config) {
        Some(directory) => {
            rules.load_dir(directory)?;
            rules.watch();
        }
        None => drop(rules.reload()?),
    }
    Ok(rules)
}

fn letter_limits(options: &config::DeadLetters) -> LetterLimits {
    LetterLimits {
        age_max_ms: u64::from(options.days) * 86_400_000,
        len_max: options.len_max,
        bytes_max: usize::try_from(options.mib).unwrap_or(usize::MAX).saturating_mul(1 << 20),
    }
}

const fn rule_limits(options: &config::Rules) -> sql::Limits {
    let config::Rules { steps_max, result_bytes_max, rows_max } = *options;
    sql::Limits { steps_max, result_bytes_max, rows_max }
}

#[expect(clippy::disallowed_methods, reason = "`getenv` in a rule reads the environment of this process")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn broker_config(config: &Config, last_seq: u64) -> BrokerConfig {
    let limits = &config.limits;
    BrokerConfig {
        node: config.root.node.as_str().into(),
        last_seq,
        bans: Bans::none(),
        seen_certificates: SeenCertificates::default(),
        flapping: flapping(&config.flapping),
        limits: broker::Limits {
            subscriptions_max: limits.subscriptions_max,
            subscribe_filters_max: limits.subscribe_filters_max,
            topic_levels_max: limits.topic_levels_max,
            inflight_max: limits.inflight_max,
            queue_len_max: limits.queue_len_max,
            queue_bytes_max: limits.queue_bytes_max,
            queued_bytes_total_max: limits.queued_bytes_total_max,
            queue_age_max_s: limits.queue_age_max_s,
            receive_maximum: limits.receive_maximum,
            receive_maximum_before_v5: limits.receive_maximum_before_v5,
            topic_alias_maximum: limits.topic_alias_maximum,
            outgoing_topic_aliases_max: limits.outgoing_topic_aliases_max,
            session_expiry_max_s: limits.session_expiry_max_s,
            keepalive_max_s: limits.keepalive_max_s,
            offline_sessions_max: limits.offline_sessions_max,
            retained_messages_max: limits.retained_messages_max,
            retained_bytes_max: limits.retained_bytes_max,
            hops_max: limits.hops_max,
            departed_clients_max: limits.departed_clients_max,
            unauthenticated_events_per_s: limits.unauthenticated_events_per_s,
            memory_bytes_max: u64::from(limits.memory_max_mib) << 20,
            client_rates: rates(&config.client_rates),
            address_rates: rates(&config.address_rates),
        },
        client_id: broker::ClientIdConfig {
            max_len: config.client_id.max_len,
            pattern: config.client_id.pattern.pattern().cloned(),
        },
        protocol: broker::ProtocolConfig {
            response_information: config.mqtt.response_information.as_str().into(),
            denied_subscribe: match config.mqtt.denied_subscribe {
                DeniedSubscribe::NotAuthorized => broker::DeniedSubscribe::NotAuthorized,
                DeniedSubscribe::UnspecifiedError => broker::DeniedSubscribe::UnspecifiedError,
            },
            check_payload_format: config.mqtt.check_payload_format,
        },
        sys: broker::SysConfig { interval_s: config.sys.interval_s },
    }
}

fn flapping(options: &config::Flapping) -> Option<broker::FlappingConfig> {
    let config::Flapping { enabled, max_count, window_s, ban_s } = *options;
    enabled.then_some(broker::FlappingConfig { max_count, window_s, ban_s })
}

const fn rates(options: &config::Rates) -> broker::Rates {
    broker::Rates {
        connects: options.connect_rate_max,
        messages: options.message_rate_max,
        bytes: options.byte_rate_max,
    }
}

async fn bind_http(config: &Config) -> Result<TcpListener, Stop> {
    let address = config.http.bind;
    TcpListener::bind(address).await.map_err(|cause| taken(address, "http.bind", &cause))
}

pub(super) fn taken(address: impl std::fmt::Display, option: &str, cause: &std::io::Error) -> Stop {
    let help = format!("choose another address with `{option}`; port 0 takes a free one");
    Stop::bad_input(format_args!("`{address}` cannot be listened on: {cause}"), Some(&help))
}

/// Takes up changed users and ACL, and the keys of tokens.
async fn look_after_auth(auth: Auth) {
    auth.look_after().await;
}

/// Takes up changed bans, and ends the connections of those who are banned now.
async fn look_after_bans(broker: Broker) {
    let mut looks = tokio::time::interval(BANS_LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let looking = broker.clone();
        let look = tokio::task::spawn_blocking(move || match looking.bans().reload_if_changed() {
            Ok(true) => {
                let ended_count = looking.end_banned();
                tracing::info!(ended_count, "new bans are in force");
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "changed bans cannot be used, those of before stay"),
        });
        if look.await.is_err() {
            tracing::error!("reading bans again has panicked");
        }
    }
}

async fn serve_http(listener: TcpListener, api: Api, hosts: Hosts, is_stopping: CancellationToken) {
    let deadline = async {
        is_stopping.cancelled().await;
        tokio::time::sleep(HTTP_DEADLINE).await;
    };
    tokio::select! {
        served = api::serve(listener, api, hosts) => {
            if let Err(error) = served {
                tracing::error!(%error, "the api has ended");
            }
        }
        () = deadline => tracing::warn!("some requests of the api were cut"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Given;

    #[test]
    fn the_defaults_of_the_file_are_those_of_the_broker() {
        let config = Config::load(&Given { file: Some("/dev/null".into()), ..Given::default() }).unwrap();
        assert_eq!(format!("{:?}", broker_config(&config, 0)), format!("{:?}", BrokerConfig::default()));
        assert_eq!(rule_limits(&config.rules), sql::Limits::default());
    }
}
