//! Sources: messages of other brokers on their way to the rules, and how a source is at one moment.

use std::sync::Arc;

use events::{Body, Event, SourceTopic, Timestamp};
use mqtt::QoS;

use crate::buffered::Kept;
use crate::engine::Engine;

/// What became of a message that a source has handed in.
pub enum Taken {
    /// No rule listens to the source any more, and nobody has seen the message.
    Unwanted,
    /// A rule that may drop nothing has no room, and no rule has seen the message. It is to be offered again.
    Full,
    /// The rules that listen have run, and their outputs are in the buffers. Where some of these are on disk, it tells
    /// when the outputs are.
    In(Option<Kept>),
}

/// How a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// The configuration says `enabled = false`.
    Disabled,
    /// No rule listens to it, so it is not connected.
    Idle,
    /// It tries to reach the other side.
    Connecting,
    /// Messages come.
    Connected,
    /// The other side cannot be reached or does not let us; it is tried again.
    Disconnected,
}

impl SourceState {
    /// The name for people and the API.
    pub const fn name(self) -> &'static str {
        match self {
            SourceState::Disabled => "disabled",
            SourceState::Idle => "idle",
            SourceState::Connecting => "connecting",
            SourceState::Connected => "connected",
            SourceState::Disconnected => "disconnected",
        }
    }
}

/// What is known of a source at one moment.
#[derive(Clone, Debug)]
pub struct SourceStatus {
    /// What FROM calls it.
    pub topic: SourceTopic,
    /// The kind of its connector.
    pub kind: &'static str,
    /// Its connector.
    pub connector: String,
    /// The other side, `host:port`.
    pub server: String,
    /// What it subscribes to there.
    pub filters: Vec<String>,
    /// The QoS it asks for.
    pub qos: QoS,
    /// Whether messages come.
    pub state: SourceState,
    /// What is wrong, where something is.
    pub reason: Option<Arc<str>>,
    /// Since when the state is what it is; `None` where it was never another.
    pub since: Option<Timestamp>,
    /// What it has done.
    pub counts: SourceCounts,
}

/// What a source has done since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceCounts {
    /// Messages that came, those that came again included.
    pub received: u64,
    /// Messages of which the other side said that it had sent them before.
    pub redelivered: u64,
    /// Messages that the rules have seen and that were acknowledged, where the QoS asks for that.
    pub accepted: u64,
    /// Messages that no rule has seen: of QoS 0 where rules had no room or the connection ended, or of a filter that the
    /// configuration does not name any more.
    pub dropped: u64,
    /// Messages that came and were not acknowledged when the connection ended: the other side has them still, and sends
    /// them again.
    pub returned: u64,
    /// Messages that came, and of which none of this is true yet. `received` is the sum of the four.
    pub waiting: u64,
    /// How often a connection was made.
    pub connects: u64,
    /// How often the other side had forgotten the session, and with it what came while we were away.
    pub sessions_lost: u64,
}

impl Engine {
    /// Whether a rule listens to `source`.
    pub fn wants_source(&self, source: &SourceTopic) -> bool {
        !self.shared.running.load().of_source(source).is_empty()
    }

    /// Runs every rule that listens to the source of `event`, which is a message of one. `hops` is how often rules have
    /// passed the message on before it came.
    pub fn on_source(&self, event: &Event, hops: u8) -> Taken {
        let Body::SourceMessage(message) = &event.body else { return Taken::Unwanted };
        let running = self.shared.running.load();
        let rules = running.of_source(&message.source);
        if rules.is_empty() {
            return Taken::Unwanted;
        }
        if running.is_blocked((self.shared.clock)(), rules) {
            return Taken::Full;
        }
        let trigger = message.source.as_text().clone();
        Taken::In(self.run(&running, rules, event, (trigger, hops)).into_kept())
    }

    /// The sources that there are, and how they are.
    pub fn sources(&self) -> Vec<SourceStatus> {
        self.shared.factory.sources()
    }

    /// Reaches for the other side of a source; `None` where there is no such source.
    pub async fn check_source(&self, name: &str) -> Option<Result<(), crate::ActionError>> {
        self.shared.factory.check_source(name).await
    }

    /// The rules that listen to `source`, by their identifiers.
    pub fn rules_of_source(&self, source: &SourceTopic) -> Vec<Arc<str>> {
        let running = self.shared.running.load_full();
        let listens = |rule: &Arc<crate::rule::Rule>| {
            rule.checked.query.from().iter().any(|from| matches!(from, sql::Source::Named(named) if named == source))
        };
        let rules = running.all.values().filter_map(|entry| entry.rule.as_ref());
        rules.filter(|rule| listens(rule)).map(|rule| Arc::clone(rule.id())).collect()
    }
}

impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Taken::Unwanted => "Unwanted",
            Taken::Full => "Full",
            Taken::In(_) => "In",
        })
    }
}
