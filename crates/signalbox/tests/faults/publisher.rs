//! Clients that number their messages, and send again what was not acknowledged.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use mqtt::{Ack, Packet, PacketId, Properties, Publish, QoS, ReasonCode};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::load::Progress;
use crate::wire::Wire;

/// Messages that may be under way at a time.
const WINDOW: u64 = 200;
/// How often it is looked whether the next message is due.
const TICK: Duration = Duration::from_millis(10);
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(50);
/// One tick of so many, the connection is dropped without a word.
const TICKS_A_DROP: u64 = 1_000;

/// A client with a session that outlives its connections.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) id: String,
    qos: QoS,
    /// The highest number that was sent.
    sent: u64,
    /// Up to here the broker has said that it has them: PUBACK, or PUBREC.
    pub(crate) promised: u64,
    /// Up to here nothing is left to be said: PUBACK, or PUBCOMP.
    completed: u64,
    /// Messages that were sent again.
    pub(crate) resent: u64,
    pub(crate) connections: u64,
    /// Connections that found no session though there has been one.
    pub(crate) sessions_lost: u64,
}

impl Publisher {
    pub(crate) fn new(id: String, qos: QoS) -> Publisher {
        Publisher { id, qos, sent: 0, promised: 0, completed: 0, resent: 0, connections: 0, sessions_lost: 0 }
    }

    /// Publishes until there is to be no more, and everything is acknowledged.
    pub(crate) async fn run(mut self, progress: Progress) -> Publisher {
        while !self.is_done(&progress) {
            // Whatever ends a connection, the next one goes on.
            if self.converse(&progress).await.is_err() {
                sleep(PAUSE).await;
            }
        }
        self
    }

    /// Messages that were sent again under the identifier of an exchange that goes on: the broker tells them from new ones.
    pub(crate) fn repeated(&self) -> u64 {
        if self.qos == QoS::ExactlyOnce { self.resent } else { 0 }
    }

    fn is_done(&self, progress: &Progress) -> bool {
        progress.is_over() && self.completed == self.sent
    }

    async fn converse(&mut self, progress: &Progress) -> io::Result<()> {
        let mut wire = Wire::open(progress.broker, &self.id, true).await?;
        self.connections += 1;
        self.sessions_lost += u64::from(self.connections > 1 && !wire.session_present);
        self.send_again(&mut wire);
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.is_done(progress) {
            wire.flush().await?;
            tokio::select! {
                packet = wire.receive() => self.take(&packet?, &mut wire, progress),
                _ = ticks.tick() => {
                    if fastrand::u64(..TICKS_A_DROP) == 0 {
                        return Err(io::ErrorKind::ConnectionAborted.into());
                    }
                    self.send_due(&mut wire, progress);
                }
            }
        }
        wire.queue(&Packet::Disconnect(mqtt::Disconnect::new(ReasonCode::Success)));
        wire.flush().await
    }

    /// What was under way when the last connection ended [MQTT-4.4.0-1].
    fn send_again(&mut self, wire: &mut Wire) {
        for number in self.completed + 1..=self.sent {
            if number <= self.promised {
                wire.queue(&Packet::Pubrel(Ack::new(packet_id(number))));
            } else {
                wire.queue(&self.message(number, true));
                self.resent += 1;
            }
        }
    }

    fn send_due(&mut self, wire: &mut Wire, progress: &Progress) {
        while !progress.is_over() && self.sent < self.completed + WINDOW && self.sent < progress.due_each() {
            self.sent += 1;
            wire.queue(&self.message(self.sent, false));
        }
    }

    /// Takes an answer. The broker answers in order.
    fn take(&mut self, packet: &Packet, wire: &mut Wire, progress: &Progress) {
        match (packet, self.qos) {
            (Packet::Puback(ack), QoS::AtLeastOnce) => {
                self.promised += 1;
                self.completed += 1;
                assert_eq!(ack.packet_id, packet_id(self.completed), "{}: PUBACK out of order", self.id);
                progress.count_promised();
            }
            (Packet::Pubrec(ack), QoS::ExactlyOnce) => {
                self.promised += 1;
                assert_eq!(ack.packet_id, packet_id(self.promised), "{}: PUBREC out of order", self.id);
                wire.queue(&Packet::Pubrel(Ack::new(ack.packet_id)));
                progress.count_promised();
            }
            (Packet::Pubcomp(ack), QoS::ExactlyOnce) => {
                self.completed += 1;
                assert_eq!(ack.packet_id, packet_id(self.completed), "{}: PUBCOMP out of order", self.id);
            }
            _ => panic!("{}: expected an acknowledgement, found {packet:?}", self.id),
        }
    }

    fn message(&self, number: u64, dup: bool) -> Packet {
        Packet::Publish(Publish {
            dup,
            qos: self.qos,
            retain: false,
            topic: format!("plant/{}", self.id).into(),
            packet_id: Some(packet_id(number)),
            properties: Properties::new(),
            payload: Bytes::from(format!(r#"{{"n":{number},"unit":"celsius","values":[20.5,21.25,19.75]}}"#)),
        })
    }
}

fn packet_id(number: u64) -> PacketId {
    PacketId::new(u16::try_from((number - 1) % 60_000 + 1).unwrap()).unwrap()
}
