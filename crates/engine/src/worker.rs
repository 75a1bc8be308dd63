//! The task of one action: it takes batches out of the buffer, has them sent, and reports what became of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use events::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::action::{Action, Outcome};
use crate::buffer::{Batch, Buffer, BufferOptions, DeadLetter, Ledger, Next, Trouble};
use crate::clock::Clock;
use crate::log_gate::LogGate;
use crate::output::Output;

/// One action of one rule, with everything that waits for it. It outlives reloads of its rule.
pub(crate) struct Worker {
    rule: Arc<str>,
    name: Arc<str>,
    /// Where outputs go; replaced when the rule is read again.
    action: ArcSwap<Box<dyn Action>>,
    state: Mutex<State>,
    wake: Notify,
    /// Cancelled when nothing comes out of it any more.
    ended: CancellationToken,
}

struct State {
    buffer: Buffer,
    /// Who gets what the buffer gives up; there exactly where its options say so.
    fallback: Option<Arc<Worker>>,
    /// Set when the action is to end: deliver what can be delivered until then, and give up the rest.
    deadline: Option<Timestamp>,
    dead_logs: LogGate,
    dropped_logs: LogGate,
}

/// What is known of an action at one moment.
#[derive(Clone, Debug)]
pub struct ActionStatus {
    /// The name of the action, unique in its rule.
    pub name: Arc<str>,
    /// The kind: `republish`, `http`, `postgres`.
    pub kind: &'static str,
    /// What became of its outputs.
    pub ledger: Ledger,
    /// How many outputs were offered again.
    pub retried: u64,
    /// How many bytes wait or are in flight.
    pub held_bytes: usize,
    /// Why nothing gets through, while nothing does.
    pub trouble: Option<Trouble>,
    /// What went wrong last, and when.
    pub last_error: Option<(Timestamp, String)>,
}

impl Worker {
    /// An action of a rule, by the names of both, that waits for its first output. Nothing is sent before
    /// [`Worker::run`] runs.
    pub(crate) fn new(
        (rule, name): (Arc<str>, Arc<str>),
        action: Box<dyn Action>,
        options: BufferOptions,
        fallback: Option<Arc<Worker>>,
    ) -> Worker {
        Worker {
            rule,
            name,
            action: ArcSwap::from_pointee(action),
            state: Mutex::new(State {
                buffer: Buffer::new(options),
                fallback,
                deadline: None,
                dead_logs: LogGate::default(),
                dropped_logs: LogGate::default(),
            }),
            wake: Notify::new(),
            ended: CancellationToken::new(),
        }
    }

    /// The name of the action.
    pub(crate) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Takes `output` in. Never waits for the action.
    pub(crate) fn push(&self, now: Timestamp, output: Output) {
        if self.account(now, |state| state.buffer.push(now, output)) {
            self.wake.notify_one();
        }
    }

    /// Goes on with another action and other options. What waits is sent the new way.
    pub(crate) fn replace(
        &self,
        now: Timestamp,
        action: Box<dyn Action>,
        options: BufferOptions,
        fallback: Option<Arc<Worker>>,
    ) {
        self.action.store(Arc::new(action));
        self.account(now, |state| {
            state.fallback = fallback;
            state.buffer.set_options(now, options);
        });
        self.wake.notify_one();
    }

    /// Ends the action: what is queued is sent without waiting for company until `deadline`, then given up.
    pub(crate) fn close(&self, deadline: Timestamp) {
        let mut state = self.state.lock();
        state.buffer.drain();
        state.deadline = Some(state.deadline.map_or(deadline, |earlier| earlier.min(deadline)));
        drop(state);
        self.wake.notify_one();
    }

    /// Reaches for the other side without sending anything.
    pub(crate) async fn check(&self) -> Result<(), crate::ActionError> {
        let action = self.action.load_full();
        action.check().await
    }

    /// What is known of the action now.
    pub(crate) fn status(&self) -> ActionStatus {
        let kind = self.action.load().kind();
        let state = self.state.lock();
        ActionStatus {
            name: Arc::clone(&self.name),
            kind,
            ledger: state.buffer.ledger(),
            retried: state.buffer.retried(),
            held_bytes: state.buffer.held_bytes(),
            trouble: state.buffer.trouble().cloned(),
            last_error: state.buffer.last_error().cloned(),
        }
    }

    /// Whether `other` gets what this one would lose.
    pub(crate) fn falls_back_to(&self, other: &Arc<Worker>) -> bool {
        self.state.lock().fallback.as_ref().is_some_and(|fallback| Arc::ptr_eq(fallback, other))
    }

    /// Waits until nothing comes out of it any more.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// The outputs that were given up last, oldest first.
    pub(crate) fn dead_letters(&self) -> Vec<DeadLetter> {
        self.state.lock().buffer.dead_letters().cloned().collect()
    }

    /// Sends until the action is closed and either empty or past its deadline.
    pub(crate) async fn run(self: Arc<Self>, clock: Clock) {
        // Also when it panics: others wait for it.
        let _ended = self.ended.clone().drop_guard();
        let mut sends = Sends::default();
        loop {
            let pause = self.start_due(&clock, &mut sends);
            match self.end_of(clock()) {
                End::NotAsked => {}
                End::Empty => break,
                End::Overdue => {
                    sends.tasks.abort_all();
                    while let Some((batch, outcome)) = sends.next().await {
                        self.complete(clock(), batch, outcome);
                    }
                    break;
                }
            }
            tokio::select! {
                Some((batch, outcome)) = sends.next() => self.complete(clock(), batch, outcome),
                () = self.wake.notified() => {}
                () = sleep(pause) => {}
            }
        }
        self.account(clock(), |state| state.buffer.close());
        self.log_end();
    }

    /// Says once what became of everything, where not everything was delivered.
    fn log_end(&self) {
        let Ledger { in_, delivered, queued: _, in_flight: _, dead, expired, dropped, fallen_back } =
            self.state.lock().buffer.ledger();
        if delivered < in_ {
            let (rule, action) = (&*self.rule, &*self.name);
            tracing::warn!(
                rule,
                action,
                r#in = in_,
                delivered,
                dead,
                expired,
                dropped,
                fallen_back,
                "an action has ended and did not deliver everything"
            );
        }
    }

    /// Starts every batch that is due. Says how long nothing else is.
    fn start_due(&self, clock: &Clock, sends: &mut Sends) -> Option<Duration> {
        loop {
            let now = clock();
            match self.account(now, |state| state.buffer.next_batch(now)) {
                Next::Send(batch) => sends.start(self.action.load_full(), batch),
                Next::Wait { until } => return self.shorter_of(now, Some(until)),
                Next::Idle => return self.shorter_of(now, None),
            }
        }
    }

    /// The time until `until` or the deadline, whichever comes first.
    fn shorter_of(&self, now: Timestamp, until: Option<Timestamp>) -> Option<Duration> {
        let until = self.state.lock().deadline.into_iter().chain(until).min()?;
        Some(Duration::from_millis(until.since_ms(now)))
    }

    fn end_of(&self, now: Timestamp) -> End {
        let state = self.state.lock();
        match state.deadline {
            None => End::NotAsked,
            Some(_) if state.buffer.is_empty() => End::Empty,
            Some(deadline) if deadline <= now => End::Overdue,
            Some(_) => End::NotAsked,
        }
    }

    fn complete(&self, now: Timestamp, batch: Batch, outcome: Outcome) {
        let (before, after) = self.account(now, |state| {
            let before = state.buffer.trouble().is_some();
            state.buffer.complete(now, batch, outcome, fastrand::u64(..));
            (before, state.buffer.trouble().cloned())
        });
        match after {
            Some(trouble) if !before => tracing::warn!(
                rule = &*self.rule,
                action = &*self.name,
                reason = trouble.reason,
                "an action gets nothing through, its outputs wait"
            ),
            None if before => {
                tracing::info!(rule = &*self.rule, action = &*self.name, "an action gets its outputs through again");
            }
            Some(_) | None => {}
        }
    }

    /// Changes the buffer, hands on what falls back, and logs what is dead or dropped since.
    fn account<T>(&self, now: Timestamp, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let before = state.buffer.ledger();
        let result = change(&mut state);
        let after = state.buffer.ledger();
        let fallen_back = state.buffer.take_fallen_back();
        let fallback = if fallen_back.is_empty() { None } else { state.fallback.clone() };
        let dead_logs = if after.dead > before.dead { state.dead_logs.pass(now) } else { None };
        let is_dropped = after.dropped + after.expired > before.dropped + before.expired;
        let dropped_logs = if is_dropped { state.dropped_logs.pass(now) } else { None };
        let reason = dead_logs.and_then(|_| state.buffer.last_error().map(|(_, reason)| reason.clone()));
        drop(state);
        let (rule, action) = (&*self.rule, &*self.name);
        if let Some(not_logged) = dead_logs {
            let reason = reason.unwrap_or_default();
            tracing::warn!(rule, action, reason, dead = after.dead, not_logged, "an output was rejected");
        }
        if let Some(not_logged) = dropped_logs {
            let (dropped, expired) = (after.dropped, after.expired);
            tracing::warn!(rule, action, dropped, expired, not_logged, "outputs were dropped");
        }
        // Behind the lock: a fallback has one of its own.
        if let Some(fallback) = fallback {
            for output in fallen_back {
                fallback.push(now, Output { action: Arc::clone(fallback.name()), ..output });
            }
        }
        result
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("rule", &self.rule).field("name", &self.name).finish_non_exhaustive()
    }
}

/// Whether the task of an action ends.
enum End {
    NotAsked,
    Empty,
    Overdue,
}

/// The batches that are with the action now.
#[derive(Default)]
struct Sends {
    tasks: JoinSet<Outcome>,
    /// What each task sends, so that nothing is lost when an action panics or is stopped.
    batches: HashMap<Id, Arc<Batch>>,
}

impl Sends {
    fn start(&mut self, action: Arc<Box<dyn Action>>, batch: Batch) {
        let batch = Arc::new(batch);
        let sent = Arc::clone(&batch);
        let task = self.tasks.spawn(async move { action.send(sent.outputs()).await });
        self.batches.insert(task.id(), batch);
    }

    /// The next batch that has an outcome; `None` where none is with the action.
    async fn next(&mut self) -> Option<(Batch, Outcome)> {
        let (id, outcome) = match self.tasks.join_next_with_id().await? {
            Ok((id, outcome)) => (id, outcome),
            Err(error) => (error.id(), outcome_of_failed(error)),
        };
        let batch = self.batches.remove(&id)?;
        Some((owned(batch), outcome))
    }
}

/// The task that shared the batch has ended, so this copies nothing; if it has not, outputs are cheap to copy.
fn owned(batch: Arc<Batch>) -> Batch {
    Arc::try_unwrap(batch).unwrap_or_else(|shared| (*shared).clone())
}

fn outcome_of_failed(error: JoinError) -> Outcome {
    let Ok(panic) = error.try_into_panic() else {
        return Outcome::Retry { reason: "the action was stopped while it was sending".to_owned(), after: None };
    };
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_else(|| "without a message".to_owned());
    Outcome::Rejected { reason: format!("the action panicked: {text}") }
}

/// Ends actions: what is queued is delivered until `deadline`, then given up. Those that others fall back to end last,
/// so that they still get what is rejected meanwhile.
pub(crate) fn close_in_order(workers: Vec<Arc<Worker>>, deadline: Timestamp, tasks: &TaskTracker) {
    let is_fallback = |worker: &Arc<Worker>| workers.iter().any(|other| other.falls_back_to(worker));
    let last: Vec<Arc<Worker>> = workers.iter().filter(|worker| is_fallback(worker)).cloned().collect();
    let first: Vec<Arc<Worker>> =
        workers.into_iter().filter(|worker| !last.iter().any(|fallback| Arc::ptr_eq(fallback, worker))).collect();
    for worker in &first {
        worker.close(deadline);
    }
    if last.is_empty() {
        return;
    }
    tasks.spawn(async move {
        for worker in &first {
            worker.ended().await;
        }
        for worker in &last {
            worker.close(deadline);
        }
    });
}

async fn sleep(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}
