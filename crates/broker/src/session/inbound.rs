//! Messages from the client: PUBLISH and, for QoS 2, PUBREL.

use auth::{Effect, Publishing};
use events::{DisconnectReason, DropReason, PermissionAction};
use mqtt::{Ack, Packet, PacketId, Publish, QoS, ReasonCode};

use super::{Effects, Link, Session, Step, Terms};
use crate::durable::Change;
use crate::ending::Ending;

/// Topics that belong to the broker: nobody else publishes there.
const RESERVED: [&str; 3] = ["$SYS/", "$events/", "$sources/"];

/// Whether `topic` belongs to the broker.
pub(crate) fn is_reserved(topic: &str) -> bool {
    topic.starts_with('$')
        && RESERVED.iter().any(|prefix| topic.starts_with(prefix) || Some(topic) == prefix.strip_suffix('/'))
}

/// Whether `topic` has at most `max` levels.
pub(crate) fn has_levels_at_most(topic: &str, max: usize) -> bool {
    // Most topics are shorter than the limit has levels, and then there is nothing to count.
    topic.len() < max || memchr::memchr_iter(b'/', topic.as_bytes()).count() < max
}

/// Why a message is not accepted though its packet is well-formed.
struct Refusal {
    code: ReasonCode,
    reason: DropReason,
    words: &'static str,
}

impl Session {
    pub(super) fn handle_publish(&mut self, mut publish: Publish, link: &mut Link, terms: Terms<'_>, fx: &mut Effects) {
        let alias_maximum = terms.limits.topic_alias_maximum;
        let offered = check_offered(&publish, terms);
        if let Err(ending) = offered.and_then(|()| link.incoming_aliases.resolve(&mut publish, alias_maximum)) {
            return fx.end(ending);
        }
        let refusal = check_topic(&publish, link, terms, fx)
            .or_else(|| check_payload_format(&publish, terms))
            .or_else(|| link.mount(&mut publish));
        if let (QoS::ExactlyOnce, Some(packet_id)) = (publish.qos, publish.packet_id) {
            match self.begin_exactly_once((packet_id, publish.dup), refusal.as_ref(), link, terms) {
                Begun::New => {
                    if refusal.is_some() && self.awaiting_release.contains_key(&packet_id) {
                        self.promise(&Change::Taken { key: self.key, packet_id, event: None }, fx);
                    }
                }
                Begun::Again(answer) => {
                    fx.send(&Packet::Pubrec(answer), link.version);
                    let event = self.awaiting_release.get(&packet_id).copied();
                    if event.is_none() {
                        self.promise(&Change::Released { key: self.key, packet_id }, fx);
                    }
                    match event {
                        Some(event) if publish.dup => fx.steps.push(Step::Repeat(publish, event)),
                        Some(_) | None => fx.steps.push(Step::Drop(publish, DropReason::PacketIdentifierInUse)),
                    }
                    return;
                }
                Begun::TooMany(ending) => return fx.end(ending),
            }
        }
        match refusal {
            Some(refusal) => {
                link.answer(&publish, (refusal.code, refusal.words), fx);
                fx.steps.push(Step::Drop(publish, refusal.reason));
            }
            // It is answered when it is published: then it is known whether anybody gets it. That it was taken is noted
            // there, too, in one record with the message.
            None => fx.steps.push(Step::Publish(publish)),
        }
    }

    /// Answers a PUBLISH of QoS 2. A message whose identifier is still in use is not taken twice [MQTT-4.3.3-10].
    fn begin_exactly_once(
        &mut self,
        (packet_id, dup): (PacketId, bool),
        refusal: Option<&Refusal>,
        link: &Link,
        terms: Terms<'_>,
    ) -> Begun {
        if self.awaiting_release.contains_key(&packet_id) {
            let answer = if dup || !link.version.is_v5() {
                Ack::new(packet_id)
            } else {
                // Both sides forget the exchange: the next message under this identifier is a new one [MQTT-4.3.3-9].
                self.awaiting_release.remove(&packet_id);
                link.ack(packet_id, ReasonCode::PacketIdentifierInUse, "expected PUBREL for this identifier first")
            };
            return Begun::Again(answer);
        }
        if refusal.is_some() && link.version.is_v5() {
            // PUBREC with an error is the whole exchange [MQTT-4.3.3-9].
            return Begun::New;
        }
        let limits = terms.limits;
        let max = if link.version.is_v5() { limits.receive_maximum } else { limits.receive_maximum_before_v5 };
        if self.awaiting_release.len() >= usize::from(max) {
            let detail = format!("expected at most {max} messages of QoS 2 that are not released, found one more");
            let reason = DisconnectReason::ReceiveMaximumExceeded;
            return Begun::TooMany(Ending::by_broker(reason, ReasonCode::ReceiveMaximumExceeded).because(detail));
        }
        self.awaiting_release.insert(packet_id, None);
        Begun::New
    }

    pub(super) fn handle_pubrel(&mut self, ack: &Ack, link: &Link, fx: &mut Effects) {
        let known = self.awaiting_release.remove(&ack.packet_id).is_some();
        if self.awaiting_release.is_empty() && self.awaiting_release.capacity() > 64 {
            self.awaiting_release.shrink_to_fit();
        }
        if known {
            self.promise(&Change::Released { key: self.key, packet_id: ack.packet_id }, fx);
        }
        let code = if known { ReasonCode::Success } else { ReasonCode::PacketIdentifierNotFound };
        fx.send(&Packet::Pubcomp(Ack::with_reason(ack.packet_id, code)), link.version);
    }
}

/// What a PUBLISH of QoS 2 begins.
enum Begun {
    /// An exchange, or with a refusal its end.
    New,
    /// Nothing: its identifier is in use. This is the answer.
    Again(Ack),
    /// Nothing: the client has more open than it may.
    TooMany(Ending),
}

impl Link {
    /// Puts the prefix in front of the topic, where the client has one.
    fn mount(&self, publish: &mut Publish) -> Option<Refusal> {
        match self.mount.as_ref()?.mounted(&publish.topic) {
            Some(mounted) => {
                publish.topic = mounted;
                None
            }
            None => Some(Refusal {
                code: ReasonCode::TopicNameInvalid,
                reason: DropReason::TopicNameInvalid,
                words: "expected a topic that is short enough to be mounted",
            }),
        }
    }

    /// Acknowledges a message that was published; an MQTT 5 client is told where nobody is subscribed to it.
    pub(crate) fn acknowledge(&self, publish: &Publish, has_subscribers: bool, fx: &mut Effects) {
        let code = if has_subscribers { ReasonCode::Success } else { ReasonCode::NoMatchingSubscribers };
        self.answer(publish, (code, ""), fx);
    }

    /// Answers a PUBLISH of QoS 1 or 2. Before MQTT 5 there is only one answer.
    fn answer(&self, publish: &Publish, (code, words): (ReasonCode, &str), fx: &mut Effects) {
        let Some(packet_id) = publish.packet_id else { return };
        let ack = if self.version.is_v5() { self.ack(packet_id, code, words) } else { Ack::new(packet_id) };
        let packet = match publish.qos {
            QoS::AtMostOnce => return,
            QoS::AtLeastOnce => Packet::Puback(ack),
            QoS::ExactlyOnce => Packet::Pubrec(ack),
        };
        fx.send(&packet, self.version);
    }
}

/// What the listener does not offer, the client was told in CONNACK [MQTT-3.2.2-11], [MQTT-3.2.2-14].
fn check_offered(publish: &Publish, terms: Terms<'_>) -> Result<(), Ending> {
    let listener = terms.listener;
    if publish.qos > listener.max_qos {
        return Err(Ending::by_broker(DisconnectReason::ProtocolError, ReasonCode::QosNotSupported)
            .because(format!("expected QoS {} at most, found {}", listener.max_qos, publish.qos)));
    }
    if publish.retain && !listener.retain_available {
        return Err(Ending::by_broker(DisconnectReason::ProtocolError, ReasonCode::RetainNotSupported)
            .because("expected no retained messages on this listener, found one"));
    }
    Ok(())
}

fn check_topic(publish: &Publish, link: &Link, terms: Terms<'_>, fx: &mut Effects) -> Option<Refusal> {
    let topic = &*publish.topic;
    if is_reserved(topic) {
        let words = "expected a topic of the clients, found one of the broker";
        return Some(Refusal { code: ReasonCode::TopicNameInvalid, reason: DropReason::TopicNameInvalid, words });
    }
    if !has_levels_at_most(topic, terms.limits.topic_levels_max) {
        let words = "expected a topic with fewer levels";
        return Some(Refusal { code: ReasonCode::TopicNameInvalid, reason: DropReason::TopicNameInvalid, words });
    }
    let what = Publishing { topic, qos: publish.qos.into(), retain: publish.retain };
    let auth::Check { effect, decided_by } = link.permissions.publish(&what);
    fx.tell_checked(topic, PermissionAction::Publish, effect == Effect::Allow, decided_by);
    if effect == Effect::Deny {
        return Some(Refusal { code: ReasonCode::NotAuthorized, reason: DropReason::NotAuthorized, words: "" });
    }
    None
}

/// A payload that says it is text [MQTT-3.3.2-4], where that is looked at.
fn check_payload_format(publish: &Publish, terms: Terms<'_>) -> Option<Refusal> {
    let is_wrong = terms.protocol.check_payload_format
        && publish.properties.payload_format_indicator() == Some(true)
        && std::str::from_utf8(&publish.payload).is_err();
    is_wrong.then_some(Refusal {
        code: ReasonCode::PayloadFormatInvalid,
        reason: DropReason::PayloadFormatInvalid,
        words: "expected a payload in UTF-8, as its format indicator says",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_of_the_broker_are_reserved() {
        for topic in ["$SYS", "$SYS/x", "$events/client_connack", "$sources/mqtt:a"] {
            assert!(is_reserved(topic), "{topic}");
        }
        for topic in ["$SYSTEM", "$share/x", "a/$SYS/x", "", "$"] {
            assert!(!is_reserved(topic), "{topic}");
        }
    }

    #[test]
    fn levels_are_counted_with_empty_ones() {
        assert!(has_levels_at_most("a/b/c", 3));
        assert!(!has_levels_at_most("a/b/c", 2));
        assert!(!has_levels_at_most("///", 3));
    }
}
