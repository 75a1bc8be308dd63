//! Messages to the client: PUBLISH, its acknowledgements, and what is sent again on a new connection.

use events::{DeliveryDropReason, Kind};
use mqtt::{Ack, Packet, PacketId, Properties, PublishParts, QoS, ReasonCode, encode_publish};

use super::aliases::Naming;
use super::window::{Acknowledged, Sent};
use super::{Effects, Link, OUT_BYTES, Session, Step};
use crate::clock::Now;
use crate::durable::Change;
use crate::message::Queued;

impl Session {
    /// Sends a message. Those of QoS 1 and 2 only while there is [`Session::window_room`].
    pub(crate) fn handle_delivery(&mut self, now: Now, queued: Queued, link: &mut Link, fx: &mut Effects) {
        let naming = if link.checks_reads && !link.permissions.may_read(link.topic_of(&queued)) {
            Err(DeliveryDropReason::NotAuthorized)
        } else if queued.message.is_expired(now) || queued.is_older_than(link.queue_age_max_s, now) {
            // [MQTT-3.3.2-5]
            Err(DeliveryDropReason::Expired)
        } else {
            // [MQTT-3.1.2-25]
            link.naming(&queued, now).ok_or(DeliveryDropReason::TooLarge)
        };
        match (naming, queued.qos) {
            (Ok(naming), QoS::AtMostOnce) => {
                fx.send_message(&queued, (None, false, naming), now, link);
                fx.tell(Kind::MessageDelivered, || Step::Delivered(queued, false));
            }
            (Ok(naming), QoS::AtLeastOnce | QoS::ExactlyOnce) => {
                let packet_id = self.window.next_id();
                self.note_sent(&queued, packet_id, fx);
                fx.send_message(&queued, (Some(packet_id), false, naming), now, link);
                fx.tell(Kind::MessageDelivered, || Step::Delivered(queued.clone(), false));
                self.window.push(packet_id, queued);
            }
            (Err(reason), qos) => {
                if qos != QoS::AtMostOnce {
                    self.window.release(queued.cost());
                    if queued.number != 0 {
                        self.note(&Change::Dropped { key: self.key, number: queued.number }, fx);
                    }
                }
                fx.steps.push(Step::Undelivered(queued, reason));
            }
        }
    }

    /// Sends again what an earlier connection has left, as far as the window and one write allow.
    pub(crate) fn send_again(&mut self, now: Now, link: &mut Link, fx: &mut Effects) {
        while fx.out.len() < OUT_BYTES
            && let Some((packet_id, sent)) = self.window.next_again(link.window_max)
        {
            match sent {
                Sent::Published(queued) => match link.naming(queued, now) {
                    Some(naming) => {
                        fx.send_message(queued, (Some(packet_id), true, naming), now, link);
                        fx.tell(Kind::MessageDelivered, || Step::Delivered(queued.clone(), true));
                    }
                    None => {
                        // As if it had been delivered [MQTT-3.1.2-25].
                        if let Acknowledged::Yes(Some(queued)) = self.window.give_up(packet_id) {
                            self.note(&Change::Acknowledged { key: self.key, packet_id }, fx);
                            fx.steps.push(Step::Undelivered(queued, DeliveryDropReason::TooLarge));
                        }
                    }
                },
                Sent::Released => fx.send(&Packet::Pubrel(Ack::new(packet_id)), link.version),
            }
        }
    }

    pub(super) fn handle_puback(&mut self, ack: &Ack, fx: &mut Effects) {
        // An unknown identifier is of an exchange that is over; there is nobody to tell.
        let acknowledged = self.window.handle_puback(ack.packet_id);
        self.note_over(&acknowledged, ack.packet_id, fx);
        fx.tell_acknowledged(acknowledged, ack);
    }

    pub(super) fn handle_pubrec(&mut self, ack: &Ack, link: &Link, fx: &mut Effects) {
        if ack.reason_code.is_error() {
            let refused = self.window.handle_refusal(ack.packet_id);
            self.note_over(&refused, ack.packet_id, fx);
            return fx.tell_acknowledged(refused, ack);
        }
        let acknowledged = self.window.handle_pubrec(ack.packet_id);
        if let Acknowledged::Yes(Some(_)) = &acknowledged {
            // PUBREL waits for it: the client forgets the message then, and would take it for new if it were sent again.
            self.promise(&Change::Received { key: self.key, packet_id: ack.packet_id }, fx);
        }
        let code = match &acknowledged {
            Acknowledged::Yes(_) => ReasonCode::Success,
            Acknowledged::Unknown => ReasonCode::PacketIdentifierNotFound,
        };
        fx.tell_acknowledged(acknowledged, ack);
        fx.send(&Packet::Pubrel(Ack::with_reason(ack.packet_id, code)), link.version);
    }

    pub(super) fn handle_pubcomp(&mut self, ack: &Ack, fx: &mut Effects) {
        let acknowledged = self.window.handle_pubcomp(ack.packet_id);
        self.note_over(&acknowledged, ack.packet_id, fx);
    }

    /// Notes under which identifier a message is sent. One of QoS 2 is sent when that is durable: sent again under
    /// another one, the client would take it for new.
    fn note_sent(&self, queued: &Queued, packet_id: PacketId, fx: &mut Effects) {
        let change = Change::Sent { key: self.key, number: queued.number, packet_id };
        match (queued.number, queued.qos) {
            // A value of `$SYS/` at the time of its subscription, which does not survive.
            (0, _) => {}
            (_, QoS::ExactlyOnce) => self.promise(&change, fx),
            (_, QoS::AtLeastOnce | QoS::AtMostOnce) => self.note(&change, fx),
        }
    }

    /// Notes that an exchange is over. No packet says so: if it is not durable, the message is sent once more under the
    /// same identifier, with DUP.
    fn note_over(&self, acknowledged: &Acknowledged, packet_id: PacketId, fx: &mut Effects) {
        if let Acknowledged::Yes(_) = acknowledged {
            self.note(&Change::Acknowledged { key: self.key, packet_id }, fx);
        }
    }
}

impl Link {
    /// The topic as the client sees it.
    fn topic_of<'a>(&self, queued: &'a Queued) -> &'a str {
        let topic = queued.message.topic();
        self.mount.as_ref().map_or(topic, |mount| mount.unmounted(topic))
    }

    /// How a message names its topic; `None` where the packet would be larger than the client takes [MQTT-3.1.2-24],
    /// however it does.
    fn naming(&self, queued: &Queued, now: Now) -> Option<Naming> {
        let topic = self.topic_of(queued);
        let naming = match &self.outgoing_aliases {
            Some(aliases) => aliases.naming(topic),
            None => Naming::Topic,
        };
        if self.packet_bytes_max == usize::MAX {
            return Some(naming);
        }
        let assumed_id = (queued.qos != QoS::AtMostOnce).then_some(PacketId::MIN);
        let fits = |naming: &Naming| {
            parts((queued, topic), (assumed_id, false, *naming), now).encoded_len(self.version) <= self.packet_bytes_max
        };
        // An alias that is introduced makes the packet longer.
        [naming, Naming::Topic].into_iter().find(fits)
    }
}

impl Effects {
    fn tell_acknowledged(&mut self, acknowledged: Acknowledged, ack: &Ack) {
        if let Acknowledged::Yes(Some(queued)) = acknowledged {
            self.tell(Kind::MessageAcked, || Step::Acknowledged(queued, ack.properties.clone()));
        }
    }

    /// Writes a PUBLISH; `dup` when it was sent before.
    fn send_message(&mut self, queued: &Queued, how: How, now: Now, link: &mut Link) {
        let topic = link.topic_of(queued);
        // As in `send`: a message came in a packet, so it fits one.
        if encode_publish(&parts((queued, topic), how, now), link.version, &mut self.out).is_ok() {
            self.packets_count += 1;
        }
        if let Some(aliases) = &mut link.outgoing_aliases {
            aliases.handle_written(topic, how.2);
        }
    }
}

/// The identifier of a packet, whether it was sent before, how it names its topic.
type How = (Option<PacketId>, bool, Naming);

fn parts<'a>((queued, topic): (&'a Queued, &'a str), (packet_id, dup, naming): How, now: Now) -> PublishParts<'a> {
    let message = &*queued.message;
    PublishParts {
        dup,
        qos: queued.qos,
        retain: queued.retain,
        topic: if matches!(naming, Naming::Alias(_)) { "" } else { topic },
        packet_id,
        properties: &message.properties,
        topic_alias: naming.alias(),
        message_expiry_interval_s: message.remaining_interval_s(now),
        subscription_ids: queued.subscription_ids.as_slice(),
        payload: message.payload(),
    }
}

/// A block without properties, for versions that have none.
pub(crate) const NO_PROPERTIES: Properties = Properties::new();
