//! One connection of a source: messages come in, go to the rules in order, and are acknowledged in order.

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use engine::{Kept, SourceState, Taken};
use events::Event as RuleEvent;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    Filter as WireFilter, Packet, Publish, RetainForwardRule, SubAck, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_util::sync::CancellationToken;

use super::event::{Origin, event};
use super::{MqttSource, refused};
use crate::mqtt::link::connect;
use crate::mqtt::outcome::{self, Unconnected, words};
use crate::sources::Host;

/// Messages of QoS 0 that may wait beside those that may be unacknowledged. More are dropped and counted.
const UNASKED_MAX: usize = 1_000;

/// How long a message is left alone for which a rule has no room.
const FULL_PAUSE: Duration = Duration::from_millis(50);

/// How long what is under way may take when the connection is to be closed. What is not acknowledged then comes again.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// How a connection has ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// As we wished.
    Closed,
    /// It could not be made, or has broken.
    Lost {
        reason: String,
        /// Whether messages could come.
        was_connected: bool,
    },
}

/// Connects, subscribes and receives until the connection breaks or `closing` is cancelled.
pub(super) async fn receive(source: &MqttSource, host: &Host, closing: &CancellationToken) -> Ended {
    let options = source.client_options(&host.installation);
    // One acknowledgement for each message, a SUBSCRIBE and a DISCONNECT.
    let requests_max = usize::from(source.unacked_max) + 2;
    let connecting = connect(options, source.connector.connect_timeout, requests_max);
    let (client, events, connack) = match closing.run_until_cancelled(connecting).await {
        None => return Ended::Closed,
        Some(Err(Unconnected { class: _, error })) => return not_connected(error.message),
        Some(Ok(connected)) => connected,
    };
    note_session(source, connack.session_present);
    let filters = source.filters.iter();
    let filters = filters.map(|filter| source.wire_filter(filter.as_str(), RetainForwardRule::OnNewSubscribe));
    if client.try_subscribe_many(filters).is_err() {
        return not_connected("no connection: it takes no SUBSCRIBE".to_owned());
    }
    let (queue_tx, queue) = mpsc::channel(usize::from(source.unacked_max) + UNASKED_MAX);
    let mut intake = Intake {
        source,
        host,
        origin: source.origin(host),
        client,
        queue,
        held: None,
        unacked: FuturesOrdered::new(),
        is_closing: false,
    };
    let ended = tokio::select! {
        ended = read(source, host, events, queue_tx) => ended,
        ended = intake.run(closing) => ended,
        () = overdue(closing) => Ended::Closed,
    };
    intake.settle();
    ended
}

/// Connects and subscribes to `filters`, and says what the other broker does not allow.
pub(super) async fn check(options: MqttOptions, filters: Vec<WireFilter>, limit: Duration) -> Result<(), Unconnected> {
    let (client, mut events, _) = connect(options, limit, 2).await?;
    let names: Vec<String> = filters.iter().map(|filter| filter.path.clone()).collect();
    let lost = |reason: String| Unconnected {
        class: engine::ErrorClass::Unreachable,
        error: engine::ActionError::new(reason),
    };
    client.try_subscribe_many(filters).map_err(|error| lost(error.to_string()))?;
    let answered = async {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::SubAck(suback))) => return Ok(suback),
                Ok(Event::Incoming(_) | Event::Outgoing(_)) => {}
                Err(error) => return Err(lost(outcome::of_breaking(&error))),
            }
        }
    };
    let suback = tokio::time::timeout(limit, answered).await;
    let suback = suback.map_err(|_| lost(format!("no SUBACK within {} ms", limit.as_millis())))??;
    match refusals(&names, &suback).first() {
        Some((filter, reason)) => Err(refused(filter, reason)),
        None => Ok(()),
    }
}

fn not_connected(reason: String) -> Ended {
    Ended::Lost { reason, was_connected: false }
}

fn lost(reason: impl Into<String>) -> Ended {
    Ended::Lost { reason: reason.into(), was_connected: true }
}

/// Waits until what is under way has had its time to be acknowledged.
async fn overdue(closing: &CancellationToken) {
    closing.cancelled().await;
    tokio::time::sleep(CLOSE_LIMIT).await;
}

/// Counts the connection, and tells of a session that the other broker should have kept and has not.
fn note_session(source: &MqttSource, is_present: bool) {
    let (_, _, _, counts) = source.known.read();
    source.known.note_connect();
    if counts.connects > 0 && !is_present && source.session_expiry_s > 0 {
        source.known.note_session_lost();
        tracing::warn!(
            source = source.topic.name(),
            "the other broker has forgotten the session of a source, what came meanwhile is lost"
        );
    }
}

/// Reads packets until the connection ends. Messages wait in the queue, which never waits for us: pings go on.
async fn read(source: &MqttSource, host: &Host, mut events: EventLoop, queue: mpsc::Sender<Publish>) -> Ended {
    let mut was_connected = false;
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                source.known.note_received(publish.dup);
                match queue.try_send(publish) {
                    Ok(()) => {}
                    Err(TrySendError::Full(publish)) if publish.qos == QoS::AtMostOnce => source.known.note_dropped(),
                    Err(TrySendError::Full(_) | TrySendError::Closed(_)) => {
                        source.known.note_returned();
                        let max = source.unacked_max;
                        return lost(format!("the other broker sends more than {max} messages unacknowledged"));
                    }
                }
            }
            Ok(Event::Incoming(Packet::SubAck(suback))) => match note_subscribed(source, host, &suback) {
                Ok(()) => was_connected = true,
                Err(reason) => return not_connected(reason),
            },
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return Ended::Closed,
            Ok(Event::Incoming(_) | Event::Outgoing(_)) => {}
            Err(error) => return Ended::Lost { reason: outcome::of_breaking(&error), was_connected },
        }
    }
}

/// Notes that messages come, with the filters that are refused; an error where all are.
fn note_subscribed(source: &MqttSource, host: &Host, suback: &SubAck) -> Result<(), String> {
    let names: Vec<String> = source.filters.iter().map(|filter| filter.as_str().to_owned()).collect();
    let refusals = refusals(&names, suback);
    let told: Vec<String> = refusals.iter().map(|(filter, reason)| format!("`{filter}`: {reason}")).collect();
    let reason = (!told.is_empty()).then(|| format!("the other broker refuses {}", told.join(", ")));
    if refusals.len() == names.len() {
        return Err(reason.unwrap_or_default());
    }
    let name = source.topic.name();
    match &reason {
        Some(reason) => tracing::warn!(source = name, reason, "a source does not get all that it listens to"),
        None => tracing::info!(source = name, server = source.server(), "a source is connected"),
    }
    source.known.set_state((host.clock)(), SourceState::Connected, reason.map(Into::into));
    Ok(())
}

/// The filters that were refused, each with why.
fn refusals<'f>(filters: &'f [String], suback: &SubAck) -> Vec<(&'f str, String)> {
    let answers = filters.iter().zip(&suback.return_codes);
    let refused = answers.filter(|(_, code)| !matches!(code, SubscribeReasonCode::Success(_)));
    refused.map(|(filter, code)| (filter.as_str(), words(code))).collect()
}

/// Messages on their way from the connection to the rules.
struct Intake<'s> {
    source: &'s MqttSource,
    host: &'s Host,
    origin: Origin,
    client: AsyncClient,
    queue: mpsc::Receiver<Publish>,
    /// Read, and not taken yet: a rule has no room.
    held: Option<Message>,
    /// Taken, and not yet acknowledged, in the order in which they came [MQTT-4.6.0-2].
    unacked: FuturesOrdered<Unacked>,
    is_closing: bool,
}

type Unacked = std::pin::Pin<Box<dyn Future<Output = (Publish, bool)> + Send>>;

/// A message as a rule sees it, and what acknowledges it.
struct Message {
    event: RuleEvent,
    hops: u8,
    receipt: Publish,
}

impl Intake<'_> {
    /// Hands messages to the rules until `closing` is cancelled; then what is under way is acknowledged and the
    /// connection closed.
    async fn run(&mut self, closing: &CancellationToken) -> Ended {
        loop {
            if self.is_closing && self.unacked.is_empty() {
                // The reader ends when it is sent, and the deadline where it cannot be.
                drop(self.client.try_disconnect());
                return pending().await;
            }
            let is_held = self.held.is_some();
            let ended = tokio::select! {
                Some((receipt, is_kept)) = self.unacked.next() => self.handle_kept(&receipt, is_kept),
                Some(publish) = self.queue.recv(), if !is_held && !self.is_closing => self.take(publish),
                () = tokio::time::sleep(FULL_PAUSE), if is_held && !self.is_closing => self.offer_held(),
                () = closing.cancelled(), if !self.is_closing => {
                    self.is_closing = true;
                    None
                }
            };
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    /// Whoever is not acknowledged comes again, at QoS 0 never.
    fn settle(&mut self) {
        let held = self.held.take().map(|message| message.receipt);
        let queued = std::iter::from_fn(|| self.queue.try_recv().ok());
        for publish in held.into_iter().chain(queued) {
            if publish.qos == QoS::AtMostOnce {
                self.source.known.note_dropped();
            } else {
                self.source.known.note_returned();
            }
        }
        (0..self.unacked.len()).for_each(|_| self.source.known.note_returned());
    }

    fn take(&mut self, publish: Publish) -> Option<Ended> {
        let receipt = Publish { pkid: publish.pkid, ..Publish::new("", publish.qos, Bytes::new(), None) };
        let is_asked_for = std::str::from_utf8(&publish.topic)
            .is_ok_and(|topic| self.source.filters.iter().any(|filter| filter.matches(topic)));
        if !is_asked_for {
            // The session is older than the configuration.
            self.source.known.note_dropped();
            return self.acknowledge(&receipt);
        }
        let Some((event, hops)) = event(&self.origin, (self.host.clock)(), publish) else {
            self.source.known.note_returned();
            return Some(lost("the other broker sends a topic that is no UTF-8"));
        };
        self.offer(Message { event, hops, receipt })
    }

    fn offer_held(&mut self) -> Option<Ended> {
        let message = self.held.take()?;
        self.offer(message)
    }

    fn offer(&mut self, message: Message) -> Option<Ended> {
        match self.host.engine.on_source(&message.event, message.hops) {
            Taken::In(kept) => self.handle_taken(message.receipt, kept),
            Taken::Full => {
                self.held = Some(message);
                None
            }
            Taken::Unwanted => {
                self.held = Some(message);
                Some(Ended::Closed)
            }
        }
    }

    fn handle_taken(&mut self, receipt: Publish, kept: Option<Kept>) -> Option<Ended> {
        if receipt.qos == QoS::AtMostOnce || kept.is_none() && self.unacked.is_empty() {
            return self.handle_kept(&receipt, true);
        }
        self.unacked.push_back(Box::pin(async move {
            let is_kept = match kept {
                Some(kept) => kept.await,
                None => true,
            };
            (receipt, is_kept)
        }));
        None
    }

    /// Acknowledges a message whose outputs are where they survive.
    fn handle_kept(&mut self, receipt: &Publish, is_kept: bool) -> Option<Ended> {
        if !is_kept {
            self.source.known.note_returned();
            return Some(lost("a buffer has ended before the outputs of a message were on disk"));
        }
        self.source.known.note_accepted();
        self.acknowledge(receipt)
    }

    fn acknowledge(&self, receipt: &Publish) -> Option<Ended> {
        let acknowledged = self.client.try_ack(receipt);
        acknowledged.err().map(|error| lost(format!("an acknowledgement cannot be sent: {error}")))
    }
}
