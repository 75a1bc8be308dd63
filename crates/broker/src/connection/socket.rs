//! The task of a connection: moves bytes between the socket and [`Connection`], which decides everything.
//!
//! An idle connection holds no buffer. Bytes are read into a buffer of the thread and handled before anything else
//! runs there; what a turn has to say is gathered in another one and written at once. Only the beginning of a packet
//! whose rest is still to come, and bytes the client does not take, are kept with the connection.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use events::{DisconnectReason, Initiator};
use mqtt::ReasonCode;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::facts::Peer;
use super::held_back::HeldBack;
use super::{Connection, Turn, Workspace};
use crate::awaited::Awaited;
use crate::clock::{Clock, Now};
use crate::config::AckAfter;
use crate::durable::Mark;
use crate::ending::Ending;
use crate::hub::{Hub, Wakers};
use crate::transport::{self, Stream};

/// Bytes read at a time.
const READ_BYTES: usize = 64 << 10;
/// Reads in a row before other connections of the thread have their turn.
const READS_AT_ONCE: usize = 4;
/// How long a client that is sent away may take to read why.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);
/// What such a client may still send in that time.
const FAREWELL_BYTES_MAX: usize = 256 << 10;
/// What may be held back for the disk; beyond it nothing is read from the client and nothing is delivered to it until
/// the disk has caught up.
const HELD_BACK_BYTES_MAX: usize = 256 << 10;

/// How long a client that has another connection waits at a time for that to end, and how often.
const HEARING: Duration = Duration::from_millis(1);
const HEARINGS_MAX: usize = 5;

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// The buffers of a thread.
#[derive(Default)]
struct Buffers {
    arena: BytesMut,
    work: Workspace,
}

/// A connection and its socket.
struct Driver {
    connection: Connection,
    stream: Stream,
    clock: Clock,
    /// The beginning of a packet.
    partial: BytesMut,
    /// Whether CONNACK is written, and what follows is a session.
    has_session: bool,
    /// Whether `partial` may hold whole packets.
    has_more: bool,
    /// What the client has not taken yet. Until it has, nothing is read from it and nothing is delivered to it.
    unsent: BytesMut,
    /// What waits for the disk, or for a rule, before it may be sent.
    held_back: Option<Box<HeldBack>>,
    timer: Timer,
}

/// When the connection is to be looked at though nothing has come.
enum Timer {
    /// To be asked of the connection.
    Unset,
    Never,
    At(Pin<Box<Sleep>>),
}

/// What a connection cannot do by itself.
enum Next {
    Authenticate,
    Admitted,
    Over(Box<Ending>),
}

/// Runs a connection from accept to its end.
pub(crate) async fn run(
    stream: Stream,
    hub: Arc<Hub>,
    peer: Arc<Peer>,
    (clock, is_surplus): (Clock, bool),
    closing: CancellationToken,
) {
    let mut driver = Driver {
        connection: Connection::new(hub, peer, is_surplus),
        stream,
        clock,
        partial: BytesMut::new(),
        has_session: false,
        has_more: false,
        unsent: BytesMut::new(),
        held_back: None,
        timer: Timer::Unset,
    };
    // In a box: it is over soon, and its room would be kept as long as the connection.
    let mut ending = Box::pin(driver.admit(&closing)).await;
    drop(closing);
    if ending.is_none() {
        ending = Some(poll_fn(|cx| driver.poll_session(cx)).await);
    }
    if let Some(ending) = ending {
        driver.end(&ending);
        if driver.held_back.is_some() && ending.reason != DisconnectReason::TcpClosed {
            Box::pin(driver.settle()).await;
        }
        // A stranger who never sent CONNECT was told nothing, so there is nothing to read before the close. Whoever has
        // said goodbye in MQTT is answered in the layers below.
        let is_told = ending.initiator == Initiator::Broker && ending.reason != DisconnectReason::ConnectTimeout;
        if is_told || (driver.stream.says_goodbye() && ending.reason != DisconnectReason::TcpClosed) {
            Box::pin(driver.say_farewell()).await;
        }
    }
}

impl Driver {
    /// From accept to CONNACK; gives the end where it comes to one.
    async fn admit(&mut self, closing: &CancellationToken) -> Option<Box<Ending>> {
        loop {
            let next = tokio::select! {
                biased;
                () = closing.cancelled() => Next::Over(Box::new(Ending::in_silence(DisconnectReason::GoAway))),
                next = poll_fn(|cx| self.poll(cx)) => next,
            };
            match next {
                Next::Authenticate => {
                    if let Some(ending) = self.authenticate().await {
                        return Some(ending);
                    }
                }
                Next::Admitted => return None,
                Next::Over(ending) => return Some(ending),
            }
        }
    }

    /// Asks about the client's credentials; others go on meanwhile, above all an earlier connection of this client.
    async fn authenticate(&mut self) -> Option<Box<Ending>> {
        self.hear_earlier_connection().await;
        loop {
            let turn = if let Some(question) = self.connection.take_will_question() {
                question.ask().await;
                self.decided(|connection, now, work| connection.handle_will_answer(now, work))
            } else {
                let credentials = self.connection.credentials()?;
                let auth = self.connection.hub.auth.clone();
                let decision = auth.check(&credentials).await;
                self.decided(|connection, now, work| connection.handle_decision(now, decision, work))
            };
            match turn {
                Turn::Wait | Turn::Again => return None,
                Turn::Authenticate => {}
                Turn::Over(ending) => {
                    // Written before it is told; a client that does not take these few bytes is not waited for.
                    poll_fn(|cx| Poll::Ready(self.write_unsent(cx).is_pending())).await;
                    return Some(ending);
                }
            }
        }
    }

    /// Handles what was decided about the client, and keeps what there is to say.
    fn decided(&mut self, handle: impl FnOnce(&mut Connection, Now, &mut Workspace) -> Turn) -> Turn {
        let now = self.clock.now();
        BUFFERS.with_borrow_mut(|Buffers { work, .. }| {
            work.reset();
            let turn = handle(&mut self.connection, now, work);
            let conditions = self.conditions(work);
            if self.is_to_wait(&conditions) {
                self.held_back.get_or_insert_default().hold(conditions, &work.fx.out);
            } else {
                self.unsent.extend_from_slice(&work.fx.out);
            }
            work.wake();
            turn
        })
    }

    /// Lets an earlier connection of the client say what it has received, where there is one.
    ///
    /// A client that says goodbye and comes again at once has said it first, though its two connections are read by
    /// tasks that know nothing of each other. So the new one waits a moment, until the old one has ended or it is clear
    /// that it does not.
    async fn hear_earlier_connection(&mut self) {
        for _ in 0..HEARINGS_MAX {
            if !self.connection.meets_itself() {
                return;
            }
            tokio::time::sleep(HEARING).await;
        }
    }

    /// The session, to its end.
    fn poll_session(&mut self, cx: &mut Context<'_>) -> Poll<Box<Ending>> {
        loop {
            match self.poll(cx) {
                Poll::Ready(Next::Over(ending)) => return Poll::Ready(ending),
                Poll::Ready(Next::Admitted | Next::Authenticate) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Goes on until there is nothing to do. A panic, which only a bug of ours or of the observer can raise, ends this
    /// connection alone.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let now = self.clock.now();
        catch_unwind(AssertUnwindSafe(|| {
            BUFFERS.with_borrow_mut(|buffers| {
                // What a panic may have left is of another connection.
                buffers.arena.clear();
                buffers.work.reset();
                self.poll_turns(cx, now, buffers)
            })
        }))
        .unwrap_or_else(|_| {
            tracing::error!("a connection ended because of a bug; the panic was reported before this line");
            // Others whose messages were queued before the panic still have to hear of them.
            let has_changes = BUFFERS.with_borrow_mut(|Buffers { work, .. }| {
                work.wake();
                work.fx.notes.discard()
            });
            if let Some(store) = self.connection.hub.store.get().filter(|_| has_changes) {
                store.request_rewrite();
            }
            let reason = DisconnectReason::ServerInternalError;
            Poll::Ready(Next::Over(Box::new(Ending::by_broker(reason, ReasonCode::UnspecifiedError))))
        })
    }

    fn poll_turns(&mut self, cx: &mut Context<'_>, now: Now, buffers: &mut Buffers) -> Poll<Next> {
        for _ in 0..READS_AT_ONCE {
            self.release_held_back(cx);
            let is_behind = self.held_back.as_ref().is_some_and(|held| held.len() > HELD_BACK_BYTES_MAX);
            if self.write_unsent(cx).is_pending() || is_behind {
                if let Turn::Over(ending) = self.connection.handle_orders(&mut buffers.work, cx.waker()) {
                    self.write_out(cx, buffers);
                    return Poll::Ready(Next::Over(ending));
                }
                return self.poll_timer(cx, now, buffers);
            }
            if self.held_back.is_none() {
                self.connection.handle_written(now);
            }
            if !self.has_session && self.connection.is_admitted() {
                self.has_session = true;
                // The deadline of CONNECT is met; that of the keep-alive may be earlier.
                self.timer = Timer::Unset;
                return Poll::Ready(Next::Admitted);
            }
            let mut turn = match self.connection.poll_answer(cx) {
                Poll::Pending => Turn::Wait,
                Poll::Ready(true) => {
                    self.has_more = true;
                    self.read_turn(cx, now, buffers)
                }
                Poll::Ready(false) if self.connection.is_paused(now) => Turn::Wait,
                Poll::Ready(false) => self.read_turn(cx, now, buffers),
            };
            if !matches!(turn, Turn::Over(_)) {
                match self.connection.handle_inbox(now, &mut buffers.work, Some(cx.waker())) {
                    Turn::Wait => {}
                    other @ (Turn::Again | Turn::Authenticate | Turn::Over(_)) => turn = other,
                }
            }
            buffers.work.wake();
            self.write_out(cx, buffers);
            match turn {
                Turn::Over(ending) => return Poll::Ready(Next::Over(ending)),
                Turn::Authenticate => return Poll::Ready(Next::Authenticate),
                Turn::Wait if self.unsent.is_empty() => return self.poll_timer(cx, now, buffers),
                Turn::Wait | Turn::Again => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads what is there and handles it; says whether there may be more.
    fn read_turn(&mut self, cx: &mut Context<'_>, now: Now, buffers: &mut Buffers) -> Turn {
        let turn = match self.read_and_handle(cx, now, buffers) {
            Poll::Ready(Turn::Wait) => Turn::Again,
            Poll::Ready(other @ (Turn::Again | Turn::Authenticate | Turn::Over(_))) => other,
            Poll::Pending => Turn::Wait,
        };
        if self.connection.is_paused(now) {
            // What is left may be whole packets, and it is time for them before the timer rings.
            self.has_more = !self.partial.is_empty();
            self.timer = Timer::Unset;
        }
        turn
    }

    /// Reads what is there and handles it; pending when nothing is.
    fn read_and_handle(&mut self, cx: &mut Context<'_>, now: Now, buffers: &mut Buffers) -> Poll<Turn> {
        let Buffers { arena, work } = buffers;
        if std::mem::take(&mut self.has_more) {
            return Poll::Ready(self.handle_partial(now, work));
        }
        arena.reserve(READ_BYTES);
        // The future holds nothing between polls, so it may be made anew each time.
        let read = pin!(self.stream.read_buf(arena)).poll(cx);
        match read {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(0)) => Poll::Ready(Turn::Over(Box::new(Ending::tcp_closed(Initiator::Client, None)))),
            Poll::Ready(Err(error)) => Poll::Ready(Turn::Over(Box::new(transport::ending_of(&error)))),
            Poll::Ready(Ok(_)) if !self.partial.is_empty() => {
                // Room for a packet is made only as its bytes come, whatever its header says.
                self.partial.extend_from_slice(arena);
                arena.clear();
                Poll::Ready(self.handle_partial(now, work))
            }
            Poll::Ready(Ok(_)) => {
                let turn = self.connection.handle_bytes(now, arena, work);
                if !arena.is_empty() {
                    self.keep(BytesMut::from(&arena[..]), &turn);
                    arena.clear();
                }
                Poll::Ready(turn)
            }
        }
    }

    /// Handles the packets in the connection's own buffer.
    fn handle_partial(&mut self, now: Now, work: &mut Workspace) -> Turn {
        let mut buf = std::mem::take(&mut self.partial);
        let before_len = buf.len();
        let turn = self.connection.handle_bytes(now, &mut buf, work);
        if buf.len() == before_len {
            // Still the beginning of one packet: it goes on growing where it is.
            self.keep(buf, &turn);
        } else if !buf.is_empty() {
            self.keep(BytesMut::from(&buf[..]), &turn);
        }
        turn
    }

    /// Keeps the beginning of a packet. Packets that came behind CONNECT are whole, and handled once it is answered.
    fn keep(&mut self, rest: BytesMut, turn: &Turn) {
        self.partial = rest;
        self.has_more = matches!(turn, Turn::Again | Turn::Authenticate);
    }

    /// Writes what a turn has said, and keeps what the client does not take, or may not have yet.
    fn write_out(&mut self, cx: &mut Context<'_>, buffers: &mut Buffers) {
        let conditions = self.conditions(&mut buffers.work);
        let fx = &mut buffers.work.fx;
        if !fx.out.is_empty() && self.is_to_wait(&conditions) {
            self.held_back.get_or_insert_default().hold(conditions, &fx.out);
            fx.clear_out();
            self.release_held_back(cx);
            if !self.unsent.is_empty() {
                // The disk was faster: it is written by the next turn.
                cx.waker().wake_by_ref();
            }
            return;
        }
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(&fx.out);
        } else if !fx.out.is_empty() {
            let written_len = match Pin::new(&mut self.stream).poll_write(cx, &fx.out) {
                Poll::Ready(Ok(len)) => len,
                // What is broken is found by the next read.
                Poll::Ready(Err(_)) => fx.out.len(),
                Poll::Pending => 0,
            };
            let (_, rest) = fx.out.split_at(written_len);
            self.unsent.extend_from_slice(rest);
            // What a layer still holds is looked for before the next read.
            let _pending_or_broken = Pin::new(&mut self.stream).poll_flush(cx);
        }
        fx.clear_out();
    }

    /// What the packets of a turn wait for: for the store only where the listener says so.
    fn conditions(&self, work: &mut Workspace) -> (Mark, Vec<Awaited>) {
        let (mark, awaited) = work.fx.notes.take_conditions();
        match self.connection.peer.listener.config.ack_after {
            AckAfter::Disk => (mark, awaited),
            AckAfter::Memory => (Mark::default(), awaited),
        }
    }

    /// Whether what is said under these conditions has to wait.
    fn is_to_wait(&self, (mark, awaited): &(Mark, Vec<Awaited>)) -> bool {
        if self.held_back.is_some() || !awaited.is_empty() {
            return true;
        }
        let store = self.connection.hub.store.get().filter(|_| !mark.is_nothing());
        store.is_some_and(|store| !store.poll_reached(*mark, None))
    }

    /// Takes up what does not have to wait for the disk any more.
    fn release_held_back(&mut self, cx: &mut Context<'_>) {
        let Some(held_back) = &mut self.held_back else { return };
        held_back.release(self.connection.hub.store.get(), cx, &mut self.unsent);
        if held_back.is_empty() {
            self.held_back = None;
        }
    }

    /// Writes what the client did not take before; pending until it has taken all.
    fn write_unsent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.unsent.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.unsent) {
                Poll::Ready(Ok(len)) if len > 0 => self.unsent.advance(len),
                // What is broken is found by the next read.
                Poll::Ready(Ok(_) | Err(_)) => self.unsent.clear(),
                Poll::Pending => return Poll::Pending,
            }
        }
        if self.unsent.capacity() > 0 {
            self.unsent = BytesMut::new();
        }
        Pin::new(&mut self.stream).poll_flush(cx).map(|_written_or_broken| ())
    }

    /// Waits for the deadline. It only moves back while packets come, so a timer that is too early is set again after it
    /// has fired, and no packet has to touch it.
    fn poll_timer(&mut self, cx: &mut Context<'_>, now: Now, buffers: &mut Buffers) -> Poll<Next> {
        loop {
            match &mut self.timer {
                Timer::Unset => {
                    self.timer = match self.connection.deadline_mono_ms(now) {
                        Some(at_ms) => Timer::At(Box::pin(sleep_until(self.clock.instant(at_ms).into()))),
                        None => Timer::Never,
                    };
                }
                Timer::Never => return Poll::Pending,
                Timer::At(sleep) => {
                    if sleep.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    self.timer = Timer::Unset;
                    let turn = self.connection.handle_time(self.clock.now(), &mut buffers.work);
                    self.write_out(cx, buffers);
                    if let Turn::Over(ending) = turn {
                        return Poll::Ready(Next::Over(ending));
                    }
                    // It may be read from again.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    }

    /// Tells of the end.
    fn end(&mut self, ending: &Ending) {
        let now = self.clock.now();
        let mut wakers = Wakers::new();
        self.connection.handle_end(now, ending, &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Says at the end what has waited for the disk, unless that takes too long.
    async fn settle(&mut self) {
        let settled = poll_fn(|cx| {
            self.release_held_back(cx);
            if self.write_unsent(cx).is_ready() && self.held_back.is_none() { Poll::Ready(()) } else { Poll::Pending }
        });
        if timeout(FAREWELL_TIMEOUT, settled).await.is_err() {
            tracing::debug!("a client went without acknowledgements that still waited for the disk");
        }
    }

    /// Lets the client read why it is sent away: closing at once would throw away what it has not read, because it may
    /// still be sending.
    async fn say_farewell(mut self) {
        let farewell = async {
            self.stream.write_all(&self.unsent).await?;
            self.stream.shutdown().await?;
            let mut left = FAREWELL_BYTES_MAX;
            let mut ignored = [0; 1024];
            while left > 0 {
                let len = self.stream.read(&mut ignored).await?;
                if len == 0 {
                    break;
                }
                left = left.saturating_sub(len);
            }
            io::Result::Ok(())
        };
        if !matches!(timeout(FAREWELL_TIMEOUT, farewell).await, Ok(Ok(()))) {
            tracing::trace!("a client went without reading why");
        }
    }
}

impl Workspace {
    /// Forgets everything that another turn may have left.
    pub(crate) fn reset(&mut self) {
        self.fx.clear_out();
        self.fx.packets_count = 0;
        self.fx.steps.clear();
        self.taken.clear();
    }

    /// Wakes the connections that have something to do now.
    pub(crate) fn wake(&mut self) {
        self.wakers.drain(..).for_each(Waker::wake);
    }
}
