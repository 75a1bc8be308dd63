//! Where an event becomes outputs: the rules that run at a moment, and the handle through which others see them.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytestring::ByteString;
use events::{Body, Event, Kind, Map, SourceTopic, Timestamp};
use parking_lot::Mutex;
use sql::{Context, Diagnostic, EventColumns, Jq, Limits, Store};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::buffer::DeadLetter;
use crate::buffered::{Awaited, Buffered};
use crate::checked::{CheckedRule, name_of};
use crate::clock::Clock;
use crate::dead_letters::{DeadLetters, LetterFilter, LetterLimits};
use crate::directory;
use crate::factory::{ActionFactory, ActionSpec, ConnectorUse, Via};
use crate::index::Index;
use crate::load::{LoadReport, Loaded};
use crate::loops;
use crate::made::MadeObjects;
use crate::output::OutputId;
use crate::rule::{Origin, Rule};
use crate::status::{Refused, RuleStatus};
use crate::worker::{Operation, Worker, close_in_order};

/// How often a message may be republished by rules unless the configuration says otherwise.
pub const HOPS_MAX_DEFAULT: u8 = 8;

/// Answers a rule that asks for an environment variable.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What an engine is told when it is made.
#[derive(Clone)]
pub struct EngineConfig {
    /// How often a message may be republished by rules. The same number belongs into [`crate::HopLimit`].
    pub hops_max: u8,
    /// Where buffers on disk are, in `buffers`, and dead letters, in `dead_letters`. Without, all are in memory.
    pub data_dir: Option<PathBuf>,
    /// How many dead letters are kept, and for how long.
    pub dead_letters: LetterLimits,
    /// How long an action that was taken away may go on delivering what it has. Then the rest is given up and counted
    /// as dropped.
    pub removed_drain: Duration,
    /// How far one evaluation of a rule may go.
    pub limits: Limits,
    /// What `getenv` of a rule finds.
    pub environment: Environment,
    /// What `jq` of a rule asks; a rule that calls it is refused where there is none.
    pub jq: Option<Jq>,
}

impl Default for EngineConfig {
    fn default() -> EngineConfig {
        EngineConfig {
            hops_max: HOPS_MAX_DEFAULT,
            data_dir: None,
            dead_letters: LetterLimits::default(),
            removed_drain: Duration::from_secs(10),
            limits: Limits::default(),
            environment: Arc::new(|_| None),
            jq: None,
        }
    }
}

/// Why an output that was given up is not queued again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayRefused {
    /// It is not there any more.
    #[error("there is no such dead letter")]
    NoLetter,
    /// Its rule or its action is not there any more.
    #[error("the rule or the action of the dead letter is not there any more")]
    NoAction,
}

impl std::fmt::Debug for EngineConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineConfig").field("hops_max", &self.hops_max).finish_non_exhaustive()
    }
}

/// The rule engine. Cloning gives another handle of the same.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) config: EngineConfig,
    pub(crate) factory: Arc<dyn ActionFactory>,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) dead_letters: Arc<DeadLetters>,
    pub(crate) running: ArcSwap<Running>,
    /// Rises whenever rules were taken up, refused or removed.
    pub(crate) generation: watch::Sender<u64>,
    /// What was made over the API; replaced as a whole while `loaded` is held.
    pub(crate) made: ArcSwap<MadeObjects>,
    /// Held while rules are taken up, never while an event runs.
    pub(crate) loaded: Mutex<Loaded>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stopping: CancellationToken,
}

/// What runs at one moment; replaced as a whole.
#[derive(Default)]
pub(crate) struct Running {
    /// The enabled rules, by identifier, as the index counts them.
    enabled: Vec<Arc<Rule>>,
    index: Index,
    /// Every rule, by identifier, with the edit of it that was refused.
    pub(crate) all: BTreeMap<Arc<str>, Entry>,
    /// The warnings about loops of the rules that are part of one.
    pub(crate) loops: BTreeMap<Arc<str>, Vec<Diagnostic>>,
}

#[derive(Clone, Default)]
pub(crate) struct Entry {
    /// Whether it was made over the API, and stands in no file.
    pub(crate) is_made: bool,
    pub(crate) rule: Option<Arc<Rule>>,
    pub(crate) refused: Option<Arc<Refused>>,
}

impl Engine {
    /// An engine without rules. It has to be given rules inside a tokio runtime: every action has a task.
    pub fn new(config: EngineConfig, factory: Arc<dyn ActionFactory>, clock: Clock) -> Engine {
        let limits = config.dead_letters;
        let dead_letters = config.data_dir.as_ref().map(|dir| DeadLetters::open(&dir.join("dead_letters"), limits));
        let dead_letters = match dead_letters.transpose() {
            Ok(letters) => letters.unwrap_or_else(|| DeadLetters::in_memory(limits)),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, "the dead letters cannot be opened, new ones are in memory");
                DeadLetters::in_memory(limits)
            }
        };
        let shared = Shared {
            config,
            factory,
            clock,
            store: Store::new(),
            dead_letters: Arc::new(dead_letters),
            running: ArcSwap::default(),
            generation: watch::Sender::new(0),
            made: ArcSwap::default(),
            loaded: Mutex::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        };
        Engine { shared: Arc::new(shared) }
    }

    /// Runs every rule that wants `event` and hands their rows to their actions. Never waits for an action.
    ///
    /// `hops` is how often the message of the event was republished by rules, 0 for what a client sent.
    pub fn on_event(&self, event: &Event, hops: u8) {
        drop(self.on_publish(event, hops));
    }

    /// As [`Engine::on_event`], for the message of a client that is told when it was taken: when the result is ready, where
    /// there is one, because a rule over the message says `require = "buffered"`.
    pub fn on_publish(&self, event: &Event, hops: u8) -> Option<Buffered> {
        let running = self.shared.running.load();
        let kind = event.kind();
        if let Body::MessagePublish(message) = &event.body {
            let rules = running.index.of_topic(&message.topic);
            if rules.is_empty() {
                return None;
            }
            return self.run(&running, &rules, event, (message.topic.clone(), hops)).into_buffered();
        }
        let rules = running.index.of_kind(kind);
        if !rules.is_empty() {
            let trigger = name_of(&sql::Source::Event(kind));
            // Nobody waits for what is told of events.
            self.run(&running, rules, event, (trigger, running.hops_of(event, hops, self.shared.config.hops_max)));
        }
        None
    }

    /// A message came again for which [`Engine::on_publish`] has given a result, under the same identifier of its event. The
    /// rules that somebody waits for run once more: their outputs have the same identifiers, by which the other side can
    /// tell a repetition.
    pub fn on_repeat(&self, event: &Event) -> Option<Buffered> {
        let running = self.shared.running.load();
        let Body::MessagePublish(message) = &event.body else { return None };
        let rules: Vec<u32> =
            running.index.of_topic(&message.topic).into_iter().filter(|rule| running.is_awaited(*rule)).collect();
        self.run(&running, &rules, event, (message.topic.clone(), 0)).into_buffered()
    }

    /// Whether any rule listens to events of this kind. One atomic load and a look into a list.
    pub fn wants(&self, kind: Kind) -> bool {
        self.shared.running.load().index.wants(kind)
    }

    /// Whether any rule listens to messages of `topic`. Without rules over messages: one atomic load.
    pub fn wants_topic(&self, topic: &str) -> bool {
        self.shared.running.load().index.wants_topic(topic)
    }

    /// Takes up every rule of `dir`, which becomes the directory that [`Engine::reload`] and [`Engine::watch`] read.
    pub fn load_dir(&self, dir: impl Into<PathBuf>) -> io::Result<LoadReport> {
        let dir = dir.into();
        self.shared.loaded.lock().dir = Some(dir);
        self.reload()
    }

    /// Reads the directory of rules again and takes up what has changed. A rule that is broken now runs on as it was.
    pub fn reload(&self) -> io::Result<LoadReport> {
        let mut loaded = self.shared.loaded.lock();
        if let Some(dir) = &loaded.dir {
            loaded.files = directory::read(dir)?;
        }
        Ok(self.shared.take_up(&mut loaded))
    }

    /// Tells whoever waits that rules were taken up, refused or removed: a number that rises.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.generation.subscribe()
    }

    /// Every rule by identifier, refused ones included.
    pub fn rules(&self) -> Vec<RuleStatus> {
        let running = self.shared.running.load_full();
        running.all.iter().map(|(id, entry)| running.status(id, entry)).collect()
    }

    /// One rule.
    pub fn rule(&self, id: &str) -> Option<RuleStatus> {
        let running = self.shared.running.load_full();
        let (id, entry) = running.all.get_key_value(id)?;
        Some(running.status(id, entry))
    }

    /// The outputs that were given up and that `filter` means, oldest first.
    pub fn dead_letters(&self, filter: &LetterFilter) -> Vec<DeadLetter> {
        self.shared.dead_letters.list((self.shared.clock)(), filter)
    }

    /// The output `id`, which was given up.
    pub fn dead_letter(&self, id: OutputId) -> Option<DeadLetter> {
        self.shared.dead_letters.get(id).map(|(_, letter)| letter)
    }

    /// Queues an output again that was given up, with another row where one is given.
    pub fn replay_dead_letter(&self, id: OutputId, row: Option<Map>) -> Result<(), ReplayRefused> {
        let letters = &self.shared.dead_letters;
        let (number, DeadLetter { mut output, .. }) = letters.get(id).ok_or(ReplayRefused::NoLetter)?;
        let worker = self.worker(&output.rule, &output.action).ok_or(ReplayRefused::NoAction)?;
        if let Some(row) = row {
            output.row = Arc::new(row);
        }
        // It would be too old at once where the action has a `max_age`.
        output.created = (self.shared.clock)();
        worker.replay(output.created, &output);
        // Last: a kill in between leaves it dead and queued. Not if it is dead again already.
        letters.remove_numbered(id, number);
        Ok(())
    }

    /// Gives an output that was given up another row, for a later replay. False where there is none.
    pub fn edit_dead_letter(&self, id: OutputId, row: Map) -> bool {
        self.shared.dead_letters.edit(id, row)
    }

    /// Forgets an output that was given up. False where there is none.
    pub fn drop_dead_letter(&self, id: OutputId) -> bool {
        self.shared.dead_letters.remove(id)
    }

    /// Lets an action reach for the other side without sending anything; `None` where there is no such action.
    pub async fn check_action(&self, rule: &str, action: &str) -> Option<Result<(), crate::ActionError>> {
        let worker = self.worker(rule, action)?;
        Some(worker.check().await)
    }

    /// The connectors that there are, with the actions that use them.
    pub fn connectors(&self) -> Vec<ConnectorUse> {
        let running = self.shared.running.load_full();
        let rules: Vec<&Arc<Rule>> = running.all.values().filter_map(|entry| entry.rule.as_ref()).collect();
        let uses = |connector: &str| {
            let of = |rule: &&Arc<Rule>| {
                let names =
                    rule.checked.actions_of(connector).map(|action| (rule.id().to_string(), action.to_string()));
                names.collect::<Vec<_>>()
            };
            rules.iter().flat_map(of).collect()
        };
        let known = self.shared.factory.connectors().into_iter();
        known.map(|(name, kind)| ConnectorUse { actions: uses(&name), name, kind }).collect()
    }

    /// Reaches for the other side of a connector; `None` where there is no such connector.
    pub async fn check_connector(&self, name: &str) -> Option<Result<(), crate::ActionError>> {
        self.shared.factory.check_connector(name).await
    }

    /// Reads the options of a connector that nobody has declared, and reaches for its other side.
    pub async fn probe_connector(&self, options: &toml::Table) -> Result<(), crate::ActionError> {
        self.shared.factory.probe_connector(options).await
    }

    /// Builds an action that is in no rule, and lets it reach for the other side without sending anything.
    pub async fn probe_action(&self, via: Via<'_>, options: &toml::Table) -> Result<(), crate::ActionError> {
        let spec = ActionSpec { rule: "probe", name: "probe", via, options, output_fields: None };
        let action = self.shared.factory.build(&spec)?;
        action.check().await
    }

    /// Lets the metrics of a rule begin at 0 again. The ledgers of its actions go on. False where there is no such rule.
    pub fn reset_metrics(&self, id: &str) -> bool {
        let running = self.shared.running.load_full();
        let Some(rule) = running.all.get(id).and_then(|entry| entry.rule.as_ref()) else { return false };
        let counts = RuleStatus::of(rule.id(), Some(rule), None, &[]).counts;
        rule.counters.reset(counts);
        true
    }

    /// Pauses, resumes or drains an action. False where there is no such action.
    pub fn operate_action(&self, rule: &str, action: &str, operation: Operation) -> bool {
        let worker = self.worker(rule, action);
        if let Some(worker) = &worker {
            tracing::info!(rule, action, ?operation, "an action was operated");
            worker.operate(operation);
        }
        worker.is_some()
    }

    /// Ends the engine: no event is taken any more, and every action may deliver what it has until `deadline` is over.
    /// Says how many outputs were given up.
    pub async fn shutdown(&self, deadline: Duration) -> u64 {
        self.shared.stopping.cancel();
        let workers: Vec<Arc<Worker>> = {
            let loaded = self.shared.loaded.lock();
            let last = self.shared.running.swap(Arc::default());
            let rules = last.all.values().filter_map(|entry| entry.rule.as_ref());
            let ending = loaded.ending.iter().filter_map(Weak::upgrade);
            rules.flat_map(|rule| rule.workers.clone()).chain(ending).collect()
        };
        let before: u64 = workers.iter().map(|worker| worker.status().ledger.lost()).sum();
        let until = after((self.shared.clock)(), deadline);
        close_in_order(workers.clone(), until, &self.shared.tasks);
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        let lost: u64 = workers.iter().map(|worker| worker.status().ledger.lost()).sum();
        lost - before
    }

    pub(crate) fn tasks(&self) -> (&TaskTracker, &CancellationToken) {
        (&self.shared.tasks, &self.shared.stopping)
    }

    pub(crate) fn dir(&self) -> Option<PathBuf> {
        self.shared.loaded.lock().dir.clone()
    }

    fn worker(&self, rule: &str, action: &str) -> Option<Arc<Worker>> {
        let running = self.shared.running.load_full();
        let rule = running.all.get(rule)?.rule.as_ref()?;
        rule.workers.iter().find(|worker| **worker.name() == *action).cloned()
    }

    pub(crate) fn run(
        &self,
        running: &Running,
        rules: &[u32],
        event: &Event,
        (trigger, hops): (ByteString, u8),
    ) -> Awaited {
        let now = (self.shared.clock)();
        let client_id = running.index.client_column(event.kind()).map(|column| event.field(column));
        let client_id = match client_id {
            Some(events::Value::Text(client_id)) => Some(client_id),
            Some(_) | None => None,
        };
        let is_awaited = event.kind() == Kind::SourceMessage;
        let origin = Origin { event_id: event.head.event_id, client_id, trigger, hops, now, is_awaited };
        let ctx = Context {
            env: &*self.shared.config.environment,
            jq: self.shared.config.jq.as_ref(),
            seed: fastrand::u64(..),
            limits: self.shared.config.limits,
            ..Context::new(now, &self.shared.store)
        };
        let columns = EventColumns::new(event);
        let mut awaited = Awaited::default();
        for rule in running.enabled(rules) {
            rule.run(&columns, &ctx, &origin, &mut awaited);
        }
        awaited
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

impl Running {
    pub(crate) fn new(all: BTreeMap<Arc<str>, Entry>) -> Running {
        let enabled: Vec<Arc<Rule>> =
            all.values().filter_map(|entry| entry.rule.clone()).filter(|rule| rule.checked.is_enabled).collect();
        let index = Index::new(enabled.iter().map(|rule| rule.checked.query.from()));
        let checked: Vec<&CheckedRule> = enabled.iter().map(|rule| &rule.checked).collect();
        let loops = enabled.iter().zip(loops::find(&checked)).filter(|(_, warnings)| !warnings.is_empty());
        let loops = loops.map(|(rule, warnings)| (Arc::clone(rule.id()), warnings)).collect();
        Running { enabled, index, all, loops }
    }

    /// The rules that were refused whenever they were read.
    pub(crate) fn never_right(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter(|(_, entry)| entry.rule.is_none()).map(|(id, _)| &**id)
    }

    /// Whether publishers wait for the outputs of a rule.
    fn is_awaited(&self, rule: u32) -> bool {
        let rule = usize::try_from(rule).ok().and_then(|rule| self.enabled.get(rule));
        rule.is_some_and(|rule| rule.checked.requires_buffered)
    }

    /// The rules that listen to a source, as the index counts them.
    pub(crate) fn of_source(&self, source: &SourceTopic) -> &[u32] {
        self.index.of_source(source)
    }

    /// Whether one of `rules` must not run: an action that may drop nothing has no room.
    pub(crate) fn is_blocked(&self, now: Timestamp, rules: &[u32]) -> bool {
        self.enabled(rules).any(|rule| rule.is_blocked(now))
    }

    fn enabled(&self, rules: &[u32]) -> impl Iterator<Item = &Arc<Rule>> {
        rules.iter().filter_map(|rule| self.enabled.get(usize::try_from(*rule).ok()?))
    }

    fn status(&self, id: &Arc<str>, entry: &Entry) -> RuleStatus {
        let loops = self.loops.get(id).map(Vec::as_slice).unwrap_or_default();
        let status = RuleStatus::of(id, entry.rule.as_deref(), entry.refused.clone(), loops);
        RuleStatus { is_made: entry.is_made, ..status }
    }

    /// A message that a rule has published comes back as an event of what became of it, which does not know how often
    /// it was republished. It counts as having gone as far as it may, or a rule over such events could feed itself.
    fn hops_of(&self, event: &Event, hops: u8, hops_max: u8) -> u8 {
        let publisher = match &event.body {
            Body::MessageDropped(message) => message.peername.is_none().then_some(&message.clientid),
            Body::MessageDelivered(message) => Some(&message.from_clientid),
            Body::MessageAcked(message) => Some(&message.from_clientid),
            Body::DeliveryDropped(message) => Some(&message.from_clientid),
            Body::ClientConnack(_)
            | Body::ClientConnected(_)
            | Body::ClientDisconnected(_)
            | Body::ClientPing(_)
            | Body::ClientCheckAuthnComplete(_)
            | Body::ClientCheckAuthzComplete(_)
            | Body::SessionCreated(_)
            | Body::SessionResumed(_)
            | Body::SessionTakenOver(_)
            | Body::SessionDiscarded(_)
            | Body::SessionExpired(_)
            | Body::SessionSubscribed(_)
            | Body::SessionUnsubscribed(_)
            | Body::CertificateRegistered(_)
            | Body::CertificateRejected(_)
            | Body::MessagePublish(_)
            | Body::SourceMessage(_) => None,
        };
        let is_of_rule = publisher.is_some_and(|publisher| self.all.contains_key(&**publisher));
        if is_of_rule { hops.max(hops_max) } else { hops }
    }
}

/// `time` later than `now`.
pub(crate) fn after(now: Timestamp, time: Duration) -> Timestamp {
    Timestamp(now.0.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
}
