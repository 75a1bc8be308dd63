//! Messages from the client: PUBLISH and, for QoS 2, PUBREL.

use bytestring::ByteString;
use events::{DisconnectReason, DropReason};
use mqtt::{Ack, Packet, PacketId, Publish, QoS, ReasonCode};

use super::{Effects, Link, Session, Step, Terms};
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
        if let Err(ending) = check_offered(&publish, terms).and_then(|()| link.resolve_alias(&mut publish, terms)) {
            return fx.end(ending);
        }
        let refusal = check_topic(&publish.topic, link, terms);
        let accepted = match (publish.qos, publish.packet_id) {
            (QoS::AtMostOnce, _) | (_, None) => true,
            (QoS::AtLeastOnce, Some(packet_id)) => {
                fx.send(&Packet::Puback(link.answer(packet_id, refusal.as_ref())), link.version);
                true
            }
            (QoS::ExactlyOnce, Some(packet_id)) => {
                match self.begin_exactly_once((packet_id, publish.dup), refusal.as_ref(), link, terms) {
                    Ok(Begun { answer, is_new }) => {
                        fx.send(&Packet::Pubrec(answer), link.version);
                        if let (false, false) = (is_new, publish.dup) {
                            fx.steps.push(Step::Drop(publish, DropReason::PacketIdentifierInUse));
                            return;
                        }
                        is_new
                    }
                    Err(ending) => return fx.end(ending),
                }
            }
        };
        match refusal {
            _ if !accepted => {}
            Some(refusal) => fx.steps.push(Step::Drop(publish, refusal.reason)),
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
    ) -> Result<Begun, Ending> {
        if self.awaiting_release.contains(&packet_id) {
            let answer = if dup || !link.version.is_v5() {
                Ack::new(packet_id)
            } else {
                // Both sides forget the exchange: the next message under this identifier is a new one [MQTT-4.3.3-9].
                self.awaiting_release.remove(&packet_id);
                link.ack(packet_id, ReasonCode::PacketIdentifierInUse, "expected PUBREL for this identifier first")
            };
            return Ok(Begun { answer, is_new: false });
        }
        if let Some(refusal) = refusal.filter(|_| link.version.is_v5()) {
            // The exchange ends here [MQTT-4.3.3-4].
            return Ok(Begun { answer: link.ack(packet_id, refusal.code, refusal.words), is_new: true });
        }
        let limits = terms.limits;
        let max = if link.version.is_v5() { limits.receive_maximum } else { limits.receive_maximum_before_v5 };
        if self.awaiting_release.len() >= usize::from(max) {
            return Err(Ending::by_broker(
                DisconnectReason::ReceiveMaximumExceeded,
                ReasonCode::ReceiveMaximumExceeded,
            )
            .because(format!("expected at most {max} messages of QoS 2 that are not released, found one more")));
        }
        self.awaiting_release.insert(packet_id);
        Ok(Begun { answer: Ack::new(packet_id), is_new: true })
    }

    pub(super) fn handle_pubrel(&mut self, ack: &Ack, link: &Link, fx: &mut Effects) {
        let known = self.awaiting_release.remove(&ack.packet_id);
        if self.awaiting_release.is_empty() && self.awaiting_release.capacity() > 64 {
            self.awaiting_release.shrink_to_fit();
        }
        let code = if known { ReasonCode::Success } else { ReasonCode::PacketIdentifierNotFound };
        fx.send(&Packet::Pubcomp(Ack::with_reason(ack.packet_id, code)), link.version);
    }
}

/// The answer to a PUBLISH of QoS 2.
struct Begun {
    answer: Ack,
    /// Whether the message was not here before.
    is_new: bool,
}

impl Link {
    /// The answer to a PUBLISH of QoS 1. Before MQTT 5 there is only one.
    fn answer(&self, packet_id: PacketId, refusal: Option<&Refusal>) -> Ack {
        match refusal.filter(|_| self.version.is_v5()) {
            Some(refusal) => self.ack(packet_id, refusal.code, refusal.words),
            None => Ack::new(packet_id),
        }
    }

    /// Puts the topic in that an alias stands for, and remembers what an alias stands for.
    fn resolve_alias(&mut self, publish: &mut Publish, terms: Terms<'_>) -> Result<(), Ending> {
        if publish.properties.is_empty() {
            return Ok(());
        }
        let Some(alias) = publish.properties.topic_alias() else { return Ok(()) };
        let max = terms.limits.topic_alias_maximum;
        let wrong = |detail: String| {
            Err(Ending::by_broker(DisconnectReason::TopicAliasInvalid, ReasonCode::TopicAliasInvalid).because(detail))
        };
        if alias.get() > max {
            return wrong(format!("expected a topic alias of at most {max}, found {alias}"));
        }
        let at = usize::from(alias.get()) - 1;
        if publish.topic.is_empty() {
            match self.aliases.get(at).filter(|topic| !topic.is_empty()) {
                Some(topic) => publish.topic = topic.clone(),
                None => return wrong(format!("expected a topic for alias {alias} first, found none")),
            }
        } else {
            if self.aliases.len() <= at {
                self.aliases.resize(at + 1, ByteString::new());
            }
            if let Some(slot) = self.aliases.get_mut(at).filter(|slot| **slot != publish.topic) {
                // A copy: the topic is a slice of a buffer that would be kept for it.
                *slot = ByteString::from(publish.topic.as_ref() as &str);
            }
        }
        Ok(())
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

fn check_topic(topic: &str, link: &Link, terms: Terms<'_>) -> Option<Refusal> {
    if is_reserved(topic) {
        let words = "expected a topic of the clients, found one of the broker";
        return Some(Refusal { code: ReasonCode::TopicNameInvalid, reason: DropReason::TopicNameInvalid, words });
    }
    if !has_levels_at_most(topic, terms.limits.topic_levels_max) {
        let words = "expected a topic with fewer levels";
        return Some(Refusal { code: ReasonCode::TopicNameInvalid, reason: DropReason::TopicNameInvalid, words });
    }
    if !link.permissions.may_publish(topic) {
        return Some(Refusal { code: ReasonCode::NotAuthorized, reason: DropReason::NotAuthorized, words: "" });
    }
    None
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
