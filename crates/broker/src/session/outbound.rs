//! Messages to the client: PUBLISH, its acknowledgements, and what is sent again on a new connection.

use mqtt::{Ack, Packet, PacketId, Properties, PublishParts, QoS, ReasonCode, encode_publish};

use super::window::Sent;
use super::{Effects, Link, OUT_BYTES, Session};
use crate::clock::Now;
use crate::message::Queued;

/// What became of a message that was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// It is in the bytes to be sent.
    Sent,
    /// Its time is over [MQTT-3.3.2-5].
    Expired,
    /// It is larger than the client takes [MQTT-3.1.2-25].
    TooLarge,
    /// The client may not read it.
    NotAuthorized,
}

impl Session {
    /// Sends a message. Those of QoS 1 and 2 only while there is [`Session::window_room`].
    pub(crate) fn handle_delivery(&mut self, now: Now, queued: Queued, link: &Link, fx: &mut Effects) -> Delivered {
        let delivered = if link.checks_reads && !link.permissions.may_read(queued.message.topic()) {
            Delivered::NotAuthorized
        } else if queued.message.is_expired(now) {
            Delivered::Expired
        } else if link.is_too_large(&queued, now) {
            Delivered::TooLarge
        } else {
            Delivered::Sent
        };
        match (delivered, queued.qos) {
            (Delivered::Sent, QoS::AtMostOnce) => fx.send_message(&queued, (None, false), now, link),
            (Delivered::Sent, QoS::AtLeastOnce | QoS::ExactlyOnce) => {
                let packet_id = self.window.next_id();
                fx.send_message(&queued, (Some(packet_id), false), now, link);
                self.window.push(packet_id, queued);
            }
            (Delivered::Expired | Delivered::TooLarge | Delivered::NotAuthorized, QoS::AtMostOnce) => {}
            (
                Delivered::Expired | Delivered::TooLarge | Delivered::NotAuthorized,
                QoS::AtLeastOnce | QoS::ExactlyOnce,
            ) => {
                self.window.release(queued.cost());
            }
        }
        delivered
    }

    /// Sends again what an earlier connection has left, as far as the window and one write allow.
    pub(crate) fn send_again(&mut self, now: Now, link: &Link, fx: &mut Effects) {
        while fx.out.len() < OUT_BYTES
            && let Some((packet_id, sent)) = self.window.next_again(link.window_max)
        {
            match sent {
                Sent::Published(queued) if link.is_too_large(queued, now) => {
                    // As if it had been delivered [MQTT-3.1.2-25].
                    self.window.give_up(packet_id);
                    fx.given_up_count += 1;
                }
                Sent::Published(queued) => fx.send_message(queued, (Some(packet_id), true), now, link),
                Sent::Released => fx.send(&Packet::Pubrel(Ack::new(packet_id)), link.version),
            }
        }
    }

    pub(super) fn handle_puback(&mut self, ack: &Ack) {
        // An unknown identifier is of an exchange that is over; there is nobody to tell.
        self.window.handle_puback(ack.packet_id);
    }

    pub(super) fn handle_pubrec(&mut self, ack: &Ack, link: &Link, fx: &mut Effects) {
        if ack.reason_code.is_error() {
            self.window.handle_refusal(ack.packet_id);
            return;
        }
        let code = match self.window.handle_pubrec(ack.packet_id) {
            super::window::Acknowledged::Yes => ReasonCode::Success,
            super::window::Acknowledged::Unknown => ReasonCode::PacketIdentifierNotFound,
        };
        fx.send(&Packet::Pubrel(Ack::with_reason(ack.packet_id, code)), link.version);
    }

    pub(super) fn handle_pubcomp(&mut self, ack: &Ack) {
        self.window.handle_pubcomp(ack.packet_id);
    }
}

impl Link {
    /// Whether the packet would be larger than the client takes [MQTT-3.1.2-24].
    fn is_too_large(&self, queued: &Queued, now: Now) -> bool {
        let assumed_id = (queued.qos != QoS::AtMostOnce).then_some(PacketId::MIN);
        self.packet_bytes_max != usize::MAX
            && parts(queued, assumed_id, false, now).encoded_len(self.version) > self.packet_bytes_max
    }
}

impl Effects {
    /// Writes a PUBLISH; `dup` when it was sent before.
    fn send_message(&mut self, queued: &Queued, (packet_id, dup): (Option<PacketId>, bool), now: Now, link: &Link) {
        // As in `send`: a message came in a packet, so it fits one.
        if encode_publish(&parts(queued, packet_id, dup, now), link.version, &mut self.out).is_ok() {
            self.packets_count += 1;
        }
    }
}

fn parts(queued: &Queued, packet_id: Option<PacketId>, dup: bool, now: Now) -> PublishParts<'_> {
    let message = &*queued.message;
    PublishParts {
        dup,
        qos: queued.qos,
        retain: queued.retain,
        topic: message.topic(),
        packet_id,
        properties: &message.properties,
        topic_alias: None,
        message_expiry_interval_s: message.remaining_interval_s(now),
        subscription_ids: queued.subscription_ids.as_slice(),
        payload: message.payload(),
    }
}

/// A block without properties, for versions that have none.
pub(crate) const NO_PROPERTIES: Properties = Properties::new();
