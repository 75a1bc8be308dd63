//! The task of one action: it takes batches out of the buffer, has them sent, and reports what became of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use events::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::action::{Action, Outcome};
use crate::buffer::{
    Batch, BreakerState, Buffer, BufferKind, BufferOptions, DeadLetter, Done, Drops, Ledger, Next, Overflow, Pushed,
    Trouble,
};
use crate::clock::Clock;
use crate::dead_letters::DeadLetters;
use crate::disk::{DiskBuffer, Left, Mark, Progress, Reached};
use crate::engine::after;
use crate::error_class::ErrorClass;
use crate::log_gate::LogGate;
use crate::output::Output;

/// How soon it is looked again for outputs that are only on disk and cannot be read yet.
const READ_AGAIN: Duration = Duration::from_millis(20);

/// One action of one rule, with everything that waits for it. It outlives reloads of its rule.
pub(crate) struct Worker {
    rule: Arc<str>,
    name: Arc<str>,
    /// Where outputs go; replaced when the rule is read again.
    action: ArcSwap<Box<dyn Action>>,
    state: Mutex<State>,
    /// Those of all actions.
    dead_letters: Arc<DeadLetters>,
    wake: Notify,
    /// How far its outputs are on disk, where they are.
    progress: Option<Arc<Progress>>,
    /// Cancelled when nothing comes out of it any more.
    ended: CancellationToken,
}

struct State {
    buffer: Buffer,
    /// Where outputs survive a kill, where the options ask for it.
    disk: Option<DiskBuffer>,
    overflow: Overflow,
    /// Whether the rule file or an operator has stopped it.
    stops: Stops,
    dead_letters_max: usize,
    /// Who gets what the buffer gives up; there exactly where its options say so.
    fallback: Option<Arc<Worker>>,
    /// Set when the action is to end: deliver what can be delivered until then, and give up the rest.
    deadline: Option<Timestamp>,
    dead_logs: LogGate,
    dropped_logs: LogGate,
    disk_logs: LogGate,
}

/// Who keeps an action from sending, or from taking anything in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stops {
    /// The rule file says `enabled = false`.
    is_disabled: bool,
    /// An operator has paused it.
    is_paused: bool,
    /// An operator lets it send what it has and take nothing in.
    is_draining: bool,
}

/// What an operator does to an action while it runs. It lasts until the next, or until the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It sends nothing. What comes is queued.
    Pause,
    /// It goes on as the rule file says.
    Resume,
    /// It sends what it has, and what comes is dropped and counted.
    Drain,
}

/// Whether an action sends and takes outputs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionState {
    /// It does.
    Running,
    /// Its rule file says `enabled = false`: it gets nothing, and what it has is kept.
    Disabled,
    /// An operator has paused it: it queues.
    Paused,
    /// An operator drains it: it takes nothing in.
    Draining,
}

impl ActionState {
    /// The name for people and the API.
    pub const fn name(self) -> &'static str {
        match self {
            ActionState::Running => "running",
            ActionState::Disabled => "disabled",
            ActionState::Paused => "paused",
            ActionState::Draining => "draining",
        }
    }
}

/// What is known of an action at one moment.
#[derive(Clone, Debug)]
pub struct ActionStatus {
    /// The name of the action, unique in its rule.
    pub name: Arc<str>,
    /// The kind: `republish`, `http`, `postgres`.
    pub kind: &'static str,
    /// Whether it sends and takes outputs in.
    pub state: ActionState,
    /// Where its outputs wait.
    pub buffer: BufferKind,
    /// What became of its outputs.
    pub ledger: Ledger,
    /// Why outputs were dropped.
    pub drops: Drops,
    /// How many outputs were offered again.
    pub retried: u64,
    /// How many bytes wait or are in flight.
    pub held_bytes: usize,
    /// How many bytes of the disk it uses.
    pub disk_bytes: u64,
    /// Outputs that came in while the disk took nothing, and are lost if the process is killed before they arrive.
    pub not_on_disk: u64,
    /// Why the disk takes nothing, while it does not.
    pub disk_trouble: Option<Arc<str>>,
    /// Why nothing gets through, while nothing does.
    pub trouble: Option<Trouble>,
    /// Whether it sends, or only asks whether the other side is there.
    pub breaker: BreakerState,
    /// What went wrong last, and when.
    pub last_error: Option<(Timestamp, Arc<str>)>,
}

/// How an action is set to work: by what, how, and with what.
pub(crate) struct Setting {
    pub(crate) action: Box<dyn Action>,
    pub(crate) options: BufferOptions,
    pub(crate) is_enabled: bool,
    pub(crate) fallback: Option<Arc<Worker>>,
}

impl Worker {
    /// An action of a rule, by the names of both, that waits for its first output, or goes on with what is left on disk.
    /// Nothing is sent before [`Worker::run`] runs.
    pub(crate) fn new(
        (rule, name): (Arc<str>, Arc<str>),
        setting: Setting,
        disk: Option<(DiskBuffer, Left)>,
        dead_letters: Arc<DeadLetters>,
    ) -> Worker {
        let Setting { action, options, is_enabled, fallback } = setting;
        let (overflow, dead_letters_max) = (options.overflow, options.dead_letters_max);
        let mut buffer = Buffer::new(options);
        let disk = disk.map(|(disk, left)| {
            buffer.restore(left);
            let (rule, action, queued) = (&*rule, &*name, buffer.ledger().queued);
            if queued > 0 {
                tracing::info!(rule, action, queued, "outputs of the last run are sent now");
            }
            disk
        });
        let progress = disk.as_ref().map(|disk| Arc::clone(disk.progress()));
        let stops = Stops { is_disabled: !is_enabled, ..Stops::default() };
        buffer.set_paused(stops.holds());
        let state = State {
            buffer,
            disk,
            overflow,
            stops,
            dead_letters_max,
            fallback,
            deadline: None,
            dead_logs: LogGate::default(),
            dropped_logs: LogGate::default(),
            disk_logs: LogGate::default(),
        };
        Worker {
            rule,
            name,
            action: ArcSwap::from_pointee(action),
            state: Mutex::new(state),
            dead_letters,
            wake: Notify::new(),
            progress,
            ended: CancellationToken::new(),
        }
    }

    /// The name of the action.
    pub(crate) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Takes `output` in. Never waits for the action. Says when it is on disk, where that is its place and there is room.
    pub(crate) fn push(&self, now: Timestamp, output: Output) -> Option<Mark> {
        let (mark, wakes) = self.account(now, |state| {
            if state.stops.is_draining {
                state.buffer.refuse(output);
                return (None, false);
            }
            let Some(disk) = &mut state.disk else { return (None, state.buffer.push(now, output).wakes) };
            // Cheap: the row is shared.
            let Pushed { number, wakes, is_cold } = state.buffer.push(now, output.clone());
            (number.map(|number| disk.keep(number, &output, is_cold)), wakes)
        });
        if wakes {
            self.wake.notify_one();
        }
        mark
    }

    /// How far its outputs are on disk, where they are.
    pub(crate) fn progress(&self) -> Option<watch::Receiver<Reached>> {
        self.progress.as_ref().map(|progress| progress.subscribe())
    }

    /// Takes in again what was dead.
    pub(crate) fn replay(&self, now: Timestamp, output: &Output) {
        self.account(now, |state| {
            let Pushed { number, is_cold, wakes: _ } = state.buffer.replay(now, output.clone());
            if let (Some(number), Some(disk)) = (number, &mut state.disk) {
                disk.keep(number, output, is_cold);
            }
        });
        self.wake.notify_one();
    }

    /// Whether the rule must not run: there is no room, and nothing may be dropped.
    pub(crate) fn blocks_rule(&self, now: Timestamp) -> bool {
        self.account(now, |state| state.overflow == Overflow::BlockRule && state.buffer.is_full(now))
    }

    /// Goes on with another action and other options. What waits is sent the new way.
    pub(crate) fn replace(&self, now: Timestamp, setting: Setting) {
        let Setting { action, options, is_enabled, fallback } = setting;
        self.action.store(Arc::new(action));
        self.account(now, |state| {
            state.fallback = fallback;
            state.overflow = options.overflow;
            state.dead_letters_max = options.dead_letters_max;
            state.stops.is_disabled = !is_enabled;
            state.buffer.set_paused(state.stops.holds());
            state.buffer.set_options(now, options);
        });
        self.wake.notify_one();
    }

    /// Does what an operator asks for.
    pub(crate) fn operate(&self, operation: Operation) {
        let mut state = self.state.lock();
        let is_disabled = state.stops.is_disabled;
        state.stops = match operation {
            Operation::Pause => Stops { is_disabled, is_paused: true, is_draining: false },
            Operation::Resume => Stops { is_disabled, is_paused: false, is_draining: false },
            Operation::Drain => Stops { is_disabled: false, is_paused: false, is_draining: true },
        };
        let is_held = state.stops.holds();
        state.buffer.set_paused(is_held);
        drop(state);
        self.wake.notify_one();
    }

    /// Where its outputs wait.
    pub(crate) fn buffer_kind(&self) -> BufferKind {
        if self.state.lock().disk.is_some() { BufferKind::Disk } else { BufferKind::Memory }
    }

    /// Lets go of what is queued, and of the disk: another worker goes on with it. What is with the action may still
    /// arrive, and is sent again by the other where it is on disk.
    pub(crate) fn leave(&self) -> u64 {
        let (disk, left) = {
            let mut state = self.state.lock();
            let disk = state.disk.take();
            (disk, state.buffer.leave())
        };
        // Behind the lock: it waits for the disk.
        drop(disk);
        left
    }

    /// Ends the action: what is queued is sent without waiting for company until `deadline`, then given up.
    pub(crate) fn close(&self, deadline: Timestamp) {
        let mut state = self.state.lock();
        state.buffer.drain();
        state.deadline = Some(state.deadline.map_or(deadline, |earlier| earlier.min(deadline)));
        drop(state);
        self.wake.notify_one();
    }

    /// Has the other side look at what will be sent, and says what it does not like. Nothing is refused for that: it may
    /// be mended there, and what comes waits.
    pub(crate) async fn prepare(self: Arc<Self>, clock: Clock, stopping: CancellationToken) {
        let action = self.action.load_full();
        let prepared = stopping.run_until_cancelled(action.prepare()).await;
        let Some(Err(crate::ActionError { message, help })) = prepared else { return };
        let (rule, name) = (&*self.rule, &*self.name);
        tracing::warn!(rule, action = name, problem = message, help, "the other side does not take an action as it is");
        self.state.lock().buffer.note_error(clock(), message.into());
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
        let disk = state.disk.as_ref().map(DiskBuffer::stats);
        ActionStatus {
            name: Arc::clone(&self.name),
            kind,
            state: state.stops.state(),
            buffer: if disk.is_some() { BufferKind::Disk } else { BufferKind::Memory },
            ledger: state.buffer.ledger(),
            drops: state.buffer.drops(),
            retried: state.buffer.retried(),
            held_bytes: state.buffer.held_bytes(),
            disk_bytes: disk.as_ref().map_or(0, |disk| disk.bytes),
            not_on_disk: state.disk.as_ref().map_or(0, DiskBuffer::not_kept),
            disk_trouble: disk.and_then(|disk| disk.failing),
            trouble: state.buffer.trouble().cloned(),
            breaker: state.buffer.breaker(),
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
                    while let Some(answer) = sends.next().await {
                        self.take_answer(clock(), answer);
                    }
                    break;
                }
            }
            tokio::select! {
                Some(answer) = sends.next() => {
                    self.take_answer(clock(), answer);
                    self.tidy().await;
                }
                () = self.wake.notified() => {}
                () = disk_wakes(self.progress.as_deref()) => {}
                () = sleep(pause) => {}
            }
        }
        if self.buffer_kind() == BufferKind::Disk {
            self.leave_on_disk().await;
        } else {
            self.account(clock(), |state| state.buffer.close());
        }
        self.log_end();
    }

    /// Leaves what is queued on disk, for the next run.
    async fn leave_on_disk(self: &Arc<Self>) {
        let worker = Arc::clone(self);
        // It waits for the disk.
        let left = tokio::task::spawn_blocking(move || worker.leave()).await.unwrap_or_default();
        if left > 0 {
            tracing::info!(rule = &*self.rule, action = &*self.name, left, "outputs wait on disk for the next run");
        }
    }

    /// Gives room on the disk back, where there is enough to give.
    async fn tidy(self: &Arc<Self>) {
        if !self.state.lock().disk.as_ref().is_some_and(DiskBuffer::is_untidy) {
            return;
        }
        let worker = Arc::clone(self);
        let tidied = tokio::task::spawn_blocking(move || worker.state.lock().disk.as_mut().map(DiskBuffer::tidy)).await;
        if let Ok(Some(Err(error))) = tidied {
            tracing::warn!(rule = &*self.rule, action = &*self.name, %error, "the disk of a buffer cannot be tidied");
        }
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
                Next::Check => sends.check(self.action.load_full()),
                Next::Wait { until } => return self.shorter_of(now, Some(until)),
                Next::Idle => return self.shorter_of(now, None),
            }
        }
    }

    /// The time until `until`, the deadline or the next look at what is only on disk, whichever comes first.
    fn shorter_of(&self, now: Timestamp, until: Option<Timestamp>) -> Option<Duration> {
        let state = self.state.lock();
        let reads_again = state.buffer.wants_warming().then(|| after(now, READ_AGAIN));
        let until = state.deadline.into_iter().chain(until).chain(reads_again).min()?;
        Some(Duration::from_millis(until.since_ms(now)))
    }

    fn end_of(&self, now: Timestamp) -> End {
        let state = self.state.lock();
        match state.deadline {
            None => End::NotAsked,
            Some(_) if state.buffer.is_empty() => End::Empty,
            // What is on disk can wait for the next run, and nothing gets through.
            Some(_) if state.disk.is_some() && state.buffer.trouble().is_some() => End::Overdue,
            Some(deadline) if deadline <= now => End::Overdue,
            Some(_) => End::NotAsked,
        }
    }

    fn take_answer(&self, now: Timestamp, answer: Answer) {
        // What could not be delivered is told as the action would send it that was asked, not its successor.
        let sender = match &answer {
            Answer::Sent { action, .. } => Some(Arc::clone(action)),
            Answer::Checked(_) => None,
        };
        let (before, after) = self.account_of(now, sender.as_ref().map(|action| &***action), |state| {
            let before = state.buffer.trouble().is_some();
            match answer {
                Answer::Sent { batch, outcome, .. } => state.buffer.complete(now, batch, outcome, fastrand::u64(..)),
                Answer::Checked(problem) => state.buffer.checked(now, problem, fastrand::u64(..)),
            }
            (before, state.buffer.trouble().cloned())
        });
        match after {
            Some(trouble) if !before => tracing::warn!(
                rule = &*self.rule,
                action = &*self.name,
                reason = &*trouble.reason,
                "an action gets nothing through, its outputs wait"
            ),
            None if before => {
                tracing::info!(rule = &*self.rule, action = &*self.name, "an action gets its outputs through again");
            }
            Some(_) | None => {}
        }
    }

    fn account<T>(&self, now: Timestamp, change: impl FnOnce(&mut State) -> T) -> T {
        self.account_of(now, None, change)
    }

    /// Changes the buffer, hands on what falls back, and logs what is dead or dropped since. `sender` is the action whose
    /// answer it is: without an answer nothing dies.
    fn account_of<T>(&self, now: Timestamp, sender: Option<&dyn Action>, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        if state.buffer.wants_warming() {
            self.warm(now, &mut state);
        }
        let before = state.buffer.ledger();
        let result = change(&mut state);
        let after = state.buffer.ledger();
        let Done { numbers, fallen_back, dead } = state.buffer.take_done();
        for letter in dead {
            let sent = sender.map(|action| action.preview(&letter.output).sent()).unwrap_or_default();
            let letter = DeadLetter { sent, ..letter };
            self.dead_letters.put(letter, state.dead_letters_max);
        }
        let account = (after, state.buffer.drops());
        if let Some(disk) = &mut state.disk {
            disk.note_off(&numbers, account);
        }
        let fallback = if fallen_back.is_empty() { None } else { state.fallback.clone() };
        let dead_logs = if after.dead > before.dead { state.dead_logs.pass(now) } else { None };
        let is_dropped = after.dropped + after.expired > before.dropped + before.expired;
        let dropped_logs = if is_dropped { state.dropped_logs.pass(now) } else { None };
        let reason = dead_logs.and_then(|_| state.buffer.last_error().map(|(_, reason)| reason.clone()));
        drop(state);
        let (rule, action) = (&*self.rule, &*self.name);
        if let Some(not_logged) = dead_logs {
            let reason = reason.unwrap_or_else(|| "".into());
            tracing::warn!(rule, action, reason = &*reason, dead = after.dead, not_logged, "an output was rejected");
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

impl Worker {
    /// Reads back what was only on disk. Where it cannot be read it is tried again, as long as nothing else is to be sent.
    fn warm(&self, now: Timestamp, state: &mut State) {
        let Some(disk) = &mut state.disk else { return };
        match disk.load() {
            Ok((outputs, lost)) => state.buffer.warm(outputs, lost),
            Err(error) => {
                if let Some(not_logged) = state.disk_logs.pass(now) {
                    let (rule, action) = (&*self.rule, &*self.name);
                    tracing::error!(rule, action, %error, not_logged, "outputs cannot be read back from the disk");
                }
            }
        }
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("rule", &self.rule).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Stops {
    /// Whether nothing is sent.
    const fn holds(self) -> bool {
        self.is_disabled || self.is_paused
    }

    const fn state(self) -> ActionState {
        match self {
            Stops { is_draining: true, .. } => ActionState::Draining,
            Stops { is_paused: true, .. } => ActionState::Paused,
            Stops { is_disabled: true, .. } => ActionState::Disabled,
            Stops { .. } => ActionState::Running,
        }
    }
}

/// Whether the task of an action ends.
enum End {
    NotAsked,
    Empty,
    Overdue,
}

/// What the action is asked for now.
#[derive(Default)]
struct Sends {
    tasks: JoinSet<Result<Outcome, Option<String>>>,
    /// What each task sends, so that nothing is lost when an action panics or is stopped; a check sends nothing.
    batches: HashMap<Id, Sent>,
}

/// What an action was given, and the action as it was then.
type Sent = (Arc<Batch>, Arc<Box<dyn Action>>);

/// What the action has answered.
enum Answer {
    Sent {
        batch: Batch,
        outcome: Outcome,
        action: Arc<Box<dyn Action>>,
    },
    /// What a check has found wrong.
    Checked(Option<String>),
}

impl Sends {
    fn start(&mut self, action: Arc<Box<dyn Action>>, batch: Batch) {
        let batch = Arc::new(batch);
        let (sent, sender) = (Arc::clone(&batch), Arc::clone(&action));
        let task = self.tasks.spawn(async move { Ok(sender.send(sent.outputs()).await) });
        self.batches.insert(task.id(), (batch, action));
    }

    fn check(&mut self, action: Arc<Box<dyn Action>>) {
        self.tasks.spawn(async move { Err(action.check().await.err().map(|error| error.to_string())) });
    }

    /// The next answer; `None` where the action is asked for nothing.
    async fn next(&mut self) -> Option<Answer> {
        let (id, answer) = match self.tasks.join_next_with_id().await? {
            Ok((id, answer)) => (id, answer),
            Err(error) if self.batches.contains_key(&error.id()) => (error.id(), Ok(outcome_of_failed(error))),
            Err(error) => (error.id(), Err(Some("the check was stopped or has panicked".to_owned()))),
        };
        match (self.batches.remove(&id), answer) {
            (Some((batch, action)), Ok(outcome)) => Some(Answer::Sent { batch: owned(batch), outcome, action }),
            (_, Err(problem)) => Some(Answer::Checked(problem)),
            (None, Ok(_)) => None,
        }
    }
}

/// The task that shared the batch has ended, so this copies nothing; if it has not, outputs are cheap to copy.
fn owned(batch: Arc<Batch>) -> Batch {
    Arc::try_unwrap(batch).unwrap_or_else(|shared| (*shared).clone())
}

fn outcome_of_failed(error: JoinError) -> Outcome {
    let Ok(panic) = error.try_into_panic() else {
        let reason = "the action was stopped while it was sending".to_owned();
        return Outcome::Retry { class: ErrorClass::Internal, reason, after: None };
    };
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_else(|| "without a message".to_owned());
    Outcome::Rejected { class: ErrorClass::Internal, reason: format!("the action panicked: {text}") }
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

/// Waits until the disk wants to be offered again what it did not take.
async fn disk_wakes(progress: Option<&Progress>) {
    match progress {
        Some(progress) => progress.wake.notified().await,
        None => std::future::pending().await,
    }
}

async fn sleep(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}
