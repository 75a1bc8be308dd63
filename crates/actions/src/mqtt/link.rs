//! The connection to another broker: what was handed over, what waits for its acknowledgement, and that it breaks.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use engine::{ActionError, ErrorClass, ItemOutcome, QoS};
use parking_lot::Mutex;
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS as WireQoS;
use rumqttc::v5::mqttbytes::v5::{ConnAck, Packet, Publish, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::outcome::{self, Unconnected};
use crate::message::Message;

/// How many messages may be without an acknowledgement at once; the other broker may allow fewer.
pub(super) const UNACKED_MAX: u16 = 1_024;

/// What becomes of a message; closed without a word when the connection breaks.
pub(super) type Answer = oneshot::Receiver<ItemOutcome>;

/// A connection that is or was open.
#[derive(Debug)]
pub(super) struct Link {
    client: AsyncClient,
    limits: Limits,
    /// One for each message that waits, so that there is always room in the queue of the client.
    permits: Arc<Semaphore>,
    waiting: Arc<Mutex<Waiting>>,
    driver: tokio::task::JoinHandle<()>,
}

/// What the other broker takes, as it said in its CONNACK.
#[derive(Clone, Copy, Debug)]
struct Limits {
    qos_max: u8,
    retains: bool,
    packet_bytes_max: Option<u32>,
}

impl Link {
    /// Connects. A refusal comes back as it is.
    pub(super) async fn open(options: MqttOptions, limit: Duration) -> Result<Link, Unconnected> {
        let (client, events, connack) = connect(options, limit, usize::from(UNACKED_MAX)).await?;
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        #[expect(clippy::disallowed_methods, reason = "the task ends with the link that spawns it")]
        let driver = tokio::spawn(drive(events, Arc::clone(&waiting)));
        let permits = Arc::new(Semaphore::new(usize::from(UNACKED_MAX)));
        Ok(Link { client, limits: Limits::of(&connack), permits, waiting, driver })
    }

    /// Whether it is of no more use.
    pub(super) fn is_broken(&self) -> bool {
        self.waiting.lock().broken.is_some() || self.driver.is_finished()
    }

    /// Hands `message` over to be sent after those before it. What is known at once is said at once.
    pub(super) async fn publish(&self, message: Message) -> Result<Answer, ItemOutcome> {
        let publish = self
            .limits
            .check(message)
            .map_err(|reason| ItemOutcome::Rejected { class: ErrorClass::Unsendable, reason })?;
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|error| retry(&error.to_string()))?;
        let (answer_tx, answer_rx) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        if let Some(reason) = &waiting.broken {
            return Err(retry(reason));
        }
        // Under the lock, so that the order of those who wait is that of the messages.
        let properties = publish.properties.unwrap_or_default();
        let topic = String::from_utf8_lossy(&publish.topic).into_owned();
        let sent =
            self.client.try_publish_with_properties(topic, publish.qos, publish.retain, publish.payload, properties);
        if sent.is_err() {
            return Err(retry("connection lost"));
        }
        waiting.written.push_back(Waiter { answer: answer_tx, _permit: permit });
        Ok(answer_rx)
    }

    /// Closes the connection; what waits is told to wait for another one.
    pub(super) fn break_off(&self, reason: &str) {
        self.waiting.lock().break_off(reason);
        self.driver.abort();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // The driver ends when it has said goodbye; where it cannot be told to, it is ended.
        if self.is_broken() || self.client.try_disconnect().is_err() {
            self.driver.abort();
        }
    }
}

/// Connects, with room for `requests_max` packets that wait to be sent. A refusal comes back as it is.
pub(super) async fn connect(
    options: MqttOptions,
    limit: Duration,
    requests_max: usize,
) -> Result<(AsyncClient, EventLoop, ConnAck), Unconnected> {
    let (client, mut events) = AsyncClient::new(options, requests_max);
    match tokio::time::timeout(limit, events.poll()).await {
        Ok(Ok(Event::Incoming(Packet::ConnAck(connack)))) => Ok((client, events, connack)),
        Ok(Ok(Event::Incoming(_) | Event::Outgoing(_))) => {
            let error = ActionError::new("no connection: the other side speaks no MQTT");
            Err(Unconnected { class: ErrorClass::Unreachable, error })
        }
        Ok(Err(error)) => Err(outcome::of_connecting(&error)),
        Err(_) => {
            let error = ActionError::new(format!("no connection: no answer within {} ms", limit.as_millis()));
            Err(Unconnected { class: ErrorClass::Timeout, error })
        }
    }
}

impl Limits {
    fn of(connack: &ConnAck) -> Limits {
        let properties = connack.properties.as_ref();
        Limits {
            qos_max: properties.and_then(|properties| properties.max_qos).unwrap_or(2),
            retains: properties.and_then(|properties| properties.retain_available) != Some(0),
            packet_bytes_max: properties.and_then(|properties| properties.max_packet_size),
        }
    }

    /// The packet of `message`; refused where the other broker would end the connection for it [MQTT-3.2.2-11,
    /// MQTT-3.2.2-14, MQTT-3.2.2-15].
    fn check(&self, message: Message) -> Result<Publish, String> {
        if message.qos as u8 > self.qos_max {
            return Err(format!("qos: the other broker takes at most {}, found {}", self.qos_max, message.qos as u8));
        }
        if message.retain && !self.retains {
            return Err("retain: the other broker retains nothing".to_owned());
        }
        let publish = packet(message);
        match self.packet_bytes_max {
            Some(max) if u64::try_from(publish.size()).is_ok_and(|bytes| bytes > u64::from(max)) => {
                Err(format!("the other broker takes packets of at most {max} bytes, found {}", publish.size()))
            }
            Some(_) | None => Ok(publish),
        }
    }
}

fn packet(message: Message) -> Publish {
    let Message { topic, payload, qos, retain, properties } = message;
    let qos = match qos {
        QoS::AtMostOnce => WireQoS::AtMostOnce,
        QoS::AtLeastOnce => WireQoS::AtLeastOnce,
        QoS::ExactlyOnce => WireQoS::ExactlyOnce,
    };
    let text = |value: bytestring::ByteString| value.to_string();
    let properties = PublishProperties {
        payload_format_indicator: properties.payload_format_indicator.map(u8::from),
        message_expiry_interval: properties.message_expiry_interval_s,
        topic_alias: None,
        response_topic: properties.response_topic.map(text),
        correlation_data: properties.correlation_data,
        user_properties: properties
            .user_properties
            .into_iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect(),
        subscription_identifiers: Vec::new(),
        content_type: properties.content_type.map(text),
    };
    let mut publish = Publish::new(topic.to_string(), qos, payload, Some(properties));
    publish.retain = retain;
    publish
}

/// Sends and receives until the connection breaks or has been ended.
async fn drive(mut events: EventLoop, waiting: Arc<Mutex<Waiting>>) {
    loop {
        match events.poll().await {
            Ok(event) => {
                if waiting.lock().handle_event(event).is_break() {
                    return;
                }
            }
            Err(error) => {
                waiting.lock().break_off(&outcome::of_breaking(&error));
                return;
            }
        }
    }
}

/// The messages that wait for an answer.
#[derive(Debug, Default)]
struct Waiting {
    /// Handed over, and not yet sent.
    written: VecDeque<Waiter>,
    /// Its packet identifier is still in use, so it is sent when that is free.
    held: Option<Waiter>,
    /// Sent, by packet identifier.
    unacked: HashMap<u16, Waiter>,
    /// The client counts a message of QoS 2 that was refused as unacknowledged for ever.
    has_leaked: bool,
    broken: Option<String>,
}

#[derive(Debug)]
struct Waiter {
    answer: oneshot::Sender<ItemOutcome>,
    _permit: OwnedSemaphorePermit,
}

impl Waiter {
    fn tell(self, outcome: ItemOutcome) {
        // Nobody listens any more when the engine stops.
        drop(self.answer.send(outcome));
    }
}

impl Waiting {
    fn handle_event(&mut self, event: Event) -> ControlFlow<()> {
        match event {
            Event::Outgoing(Outgoing::Publish(packet_id)) => {
                let waiter = self.held.take().or_else(|| self.written.pop_front());
                match (waiter, packet_id) {
                    (Some(waiter), 0) => waiter.tell(ItemOutcome::Delivered),
                    (Some(waiter), _) => drop(self.unacked.insert(packet_id, waiter)),
                    (None, _) => {}
                }
            }
            Event::Outgoing(Outgoing::AwaitAck(_)) => self.held = self.written.pop_front(),
            Event::Outgoing(Outgoing::Disconnect) => {
                self.break_off("connection closed");
                return ControlFlow::Break(());
            }
            Event::Incoming(Packet::PubAck(puback)) => self.tell(puback.pkid, outcome::of_puback(puback.reason)),
            Event::Incoming(Packet::PubRec(pubrec)) => {
                if let Some(refused) = outcome::of_pubrec(pubrec.reason) {
                    self.tell(pubrec.pkid, refused);
                    self.has_leaked = true;
                }
            }
            // Whatever its reason: the other broker has had the message since its PUBREC.
            Event::Incoming(Packet::PubComp(pubcomp)) => self.tell(pubcomp.pkid, ItemOutcome::Delivered),
            Event::Incoming(_) | Event::Outgoing(_) => {}
        }
        if self.has_leaked && self.is_idle() {
            self.break_off("connection closed");
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn is_idle(&self) -> bool {
        self.written.is_empty() && self.held.is_none() && self.unacked.is_empty()
    }

    fn tell(&mut self, packet_id: u16, outcome: ItemOutcome) {
        if let Some(waiter) = self.unacked.remove(&packet_id) {
            waiter.tell(outcome);
        }
    }

    fn break_off(&mut self, reason: &str) {
        let reason = self.broken.get_or_insert_with(|| reason.to_owned()).clone();
        let waiters = self.written.drain(..).chain(self.held.take()).chain(self.unacked.drain().map(|(_, one)| one));
        waiters.for_each(|waiter| waiter.tell(retry(&reason)));
    }
}

fn retry(reason: &str) -> ItemOutcome {
    ItemOutcome::Retry { class: ErrorClass::Unreachable, reason: reason.to_owned(), after: None }
}
