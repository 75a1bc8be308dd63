//! Events of clients on their way from the bus to the rules and to the history.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use broker::{Broker, Bus, BusItem, BusReceiver, GapCause, Kinds};
use engine::Engine;
use events::Kind;
use history::{History, HistoryConfig, Item, Retention};
use tokio::time::MissedTickBehavior;

use crate::clock;
use crate::config::{Config, HistoryStore};
use crate::outcome::Stop;

/// Events that may wait for the rules. Rules take about a microsecond for one, so that this is a long time; beyond it
/// the rules lose events, which is counted, logged and shown in the metrics.
const WAITING_MAX: usize = 100_000;

/// How often it is looked which events the rules want. Events that nobody wants are not even made; those of the life of
/// clients always are, because the history keeps them.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Clients of a former process whose end is told at once: a few events each, which fit into every queue many times.
const CLOSED_AT_ONCE: usize = 1000;

/// How often it is looked whether all who read events have them.
const CATCH_UP_EVERY: Duration = Duration::from_millis(1);

/// Subscribes the rules to the events of clients.
pub(crate) fn subscribe_rules(bus: &Arc<Bus>, rules: &Engine) -> BusReceiver {
    bus.subscribe("rules", wanted(rules), WAITING_MAX)
}

fn wanted(rules: &Engine) -> Kinds {
    let on_the_bus = Kinds::all();
    Kind::ALL.iter().copied().filter(|kind| on_the_bus.contains(*kind) && rules.wants(*kind)).collect()
}

/// Hands every event to the rules, in order, until the bus is closed.
pub(crate) async fn run_rules(mut events: BusReceiver, rules: Engine) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut kinds = wanted(&rules);
    loop {
        let batch = tokio::select! {
            batch = events.recv_batch() => batch,
            _ = looks.tick() => {
                let now = wanted(&rules);
                if now != kinds {
                    kinds = now;
                    events.set_kinds(kinds);
                }
                continue;
            }
        };
        if batch.is_empty() {
            return;
        }
        for item in &batch {
            match item {
                BusItem::Event(event) => rules.on_event(event, 0),
                BusItem::Gap(gap) => tracing::warn!(
                    count = gap.count,
                    first_seq = gap.first_seq,
                    last_seq = gap.last_seq,
                    cause = gap.cause.name(),
                    "rules have not seen some events"
                ),
            }
        }
        // Other tasks of this thread have waited for the whole batch.
        tokio::task::yield_now().await;
    }
}

/// Opens the history below the data directory.
pub(crate) fn open_history(config: &Config, data: &Path) -> Result<History, Stop> {
    match config.history.store {
        HistoryStore::Sqlite => {}
    }
    let retention = Retention::new(config.retention.days, config.retention.gib);
    let dir = data.join("history");
    let departed_clients_max = config.limits.departed_clients_max;
    let settings = HistoryConfig { retention, departed_clients_max, ..HistoryConfig::default() };
    History::open(&dir, settings).map_err(|error| {
        let error = format!("{:#}", anyhow::Error::new(error));
        Stop::bad_input(
            format_args!("the history in `{}` cannot be opened: {error}", dir.display()),
            Some("move that folder away to begin a new one"),
        )
    })
}

/// Subscribes the history to what it keeps.
pub(crate) fn subscribe_history(bus: &Arc<Bus>, history: &History) -> BusReceiver {
    bus.subscribe("history", history.kinds().iter().copied().collect(), WAITING_MAX)
}

/// Hands every event to the history, in order, until the bus is closed. The history has a queue of its own and notes
/// what does not fit there.
pub(crate) async fn run_history(mut events: BusReceiver, history: History) {
    loop {
        let batch = events.recv_batch().await;
        if batch.is_empty() {
            return;
        }
        let appended = history.append(batch.into_iter().map(item));
        if appended.lost > 0 {
            tracing::warn!(count = appended.lost, "the history has lost events, the disk is too slow for them");
        }
    }
}

/// Tells what the last process has not told because it ended without a word, at the pace of those who keep it.
pub(crate) async fn close_past(broker: &Broker, history: &History) -> anyhow::Result<()> {
    while broker.close_past(CLOSED_AT_ONCE) {
        while broker.bus().stats().iter().any(|subscriber| subscriber.waiting_count > 0) {
            tokio::time::sleep(CATCH_UP_EVERY).await;
        }
        let history = history.clone();
        // It waits for the disk.
        tokio::task::spawn_blocking(move || history.flush()).await??;
    }
    Ok(())
}

fn item(item: BusItem) -> Item {
    match item {
        BusItem::Event(event) => Item::Event(event),
        BusItem::Gap(gap) => Item::Gap(history::Gap {
            timestamp: clock::now(),
            first_seq: gap.first_seq,
            last_seq: gap.last_seq,
            count: gap.count,
            cause: match gap.cause {
                GapCause::Overflow => history::GapCause::Overflow,
            },
        }),
    }
}
