//! Messages of QoS 1 and 2 that were sent to a client and are not acknowledged yet, in the order they were sent.
//!
//! Identifiers are given in rising order and a message that waits long keeps its place, so the entries are ordered by
//! their distance from the first one: an acknowledgement is found by bisection, most often at the very front.

use std::collections::VecDeque;

use mqtt::{PacketId, QoS};

use crate::message::Queued;

/// A client that once needed much keeps no more room than this.
const KEPT_CAPACITY: usize = 64;

/// What the client has to say next about an entry.
#[derive(Debug)]
pub(crate) enum Sent {
    /// PUBLISH was sent; PUBACK or PUBREC is to come.
    Published(Queued),
    /// PUBREL was sent; PUBCOMP is to come. The message itself is the client's now.
    Released,
}

#[derive(Debug)]
struct Entry {
    packet_id: PacketId,
    sent: Sent,
}

/// What an acknowledgement meant.
#[derive(Debug)]
pub(crate) enum Acknowledged {
    /// The exchange goes on or is over. With the message where it is the first acknowledgement of it.
    Yes(Option<Queued>),
    /// There is no exchange under this identifier, or it waits for something else.
    Unknown,
}

/// The messages on their way to one client.
#[derive(Debug)]
pub(crate) struct Window {
    entries: VecDeque<Entry>,
    next: PacketId,
    /// How many entries, from the front, were sent on this connection; the rest is to be sent again.
    sent_len: usize,
    /// What messages cost in the queue they came from that have left since [`Window::take_released_bytes`].
    released_bytes: usize,
}

impl Default for Window {
    fn default() -> Window {
        Window { entries: VecDeque::new(), next: PacketId::MIN, sent_len: 0, released_bytes: 0 }
    }
}

impl Window {
    /// How many messages are on their way.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The identifier of the next message.
    ///
    /// The caller keeps the window below 65,535 entries, so a free identifier is always there.
    pub(crate) fn next_id(&mut self) -> PacketId {
        // Entries are in the order of their identifiers, so the candidates in use are those at the front, in order.
        let mut candidate = self.next;
        for entry in &self.entries {
            if entry.packet_id != candidate {
                break;
            }
            candidate = candidate.next();
        }
        self.next = candidate.next();
        candidate
    }

    /// Takes a message in that was sent under [`Window::next_id`].
    pub(crate) fn push(&mut self, packet_id: PacketId, queued: Queued) {
        self.entries.push_back(Entry { packet_id, sent: Sent::Published(queued) });
        self.sent_len += 1;
    }

    /// PUBACK came: a message of QoS 1 has arrived.
    pub(crate) fn handle_puback(&mut self, packet_id: PacketId) -> Acknowledged {
        self.remove_if(packet_id, |sent| matches!(sent, Sent::Published(d) if d.qos == QoS::AtLeastOnce))
    }

    /// Every exchange in the order it began, with its message where that is not the client's yet.
    pub(crate) fn exchanges(&self) -> impl Iterator<Item = (PacketId, Option<&Queued>)> {
        self.entries.iter().map(|entry| match &entry.sent {
            Sent::Published(queued) => (entry.packet_id, Some(queued)),
            Sent::Released => (entry.packet_id, None),
        })
    }

    /// The exchanges of before a restart, in the order they began; `next` is the identifier behind the last one given.
    pub(crate) fn restored(exchanges: impl Iterator<Item = (PacketId, Option<Queued>)>, next: PacketId) -> Window {
        let entry = |(packet_id, queued): (PacketId, Option<Queued>)| Entry {
            packet_id,
            sent: queued.map_or(Sent::Released, Sent::Published),
        };
        Window { entries: exchanges.map(entry).collect(), next, ..Window::default() }
    }

    /// Where [`Window::next_id`] begins to look.
    pub(crate) const fn next(&self) -> PacketId {
        self.next
    }

    /// The messages that no acknowledgement has come for.
    pub(crate) fn unacknowledged(&self) -> impl Iterator<Item = &Queued> {
        self.entries.iter().filter_map(|entry| match &entry.sent {
            Sent::Published(queued) => Some(queued),
            Sent::Released => None,
        })
    }

    /// PUBREC came and said that all is well: the message is the client's, PUBREL is to be sent. Said again, it is
    /// answered again.
    pub(crate) fn handle_pubrec(&mut self, packet_id: PacketId) -> Acknowledged {
        let Some(entry) = self.position(packet_id).and_then(|at| self.entries.get_mut(at)) else {
            return Acknowledged::Unknown;
        };
        match &entry.sent {
            Sent::Published(queued) if queued.qos != QoS::ExactlyOnce => Acknowledged::Unknown,
            Sent::Published(queued) => {
                self.released_bytes += queued.cost();
                match std::mem::replace(&mut entry.sent, Sent::Released) {
                    Sent::Published(queued) => Acknowledged::Yes(Some(queued)),
                    Sent::Released => Acknowledged::Yes(None),
                }
            }
            Sent::Released => Acknowledged::Yes(None),
        }
    }

    /// PUBREC came and refused the message: the exchange is over [MQTT-4.3.3-4].
    pub(crate) fn handle_refusal(&mut self, packet_id: PacketId) -> Acknowledged {
        self.remove_if(packet_id, |sent| matches!(sent, Sent::Published(d) if d.qos == QoS::ExactlyOnce))
    }

    /// PUBCOMP came: the exchange is over.
    pub(crate) fn handle_pubcomp(&mut self, packet_id: PacketId) -> Acknowledged {
        self.remove_if(packet_id, |sent| matches!(sent, Sent::Released))
    }

    /// A new connection: everything is to be sent again, in order [MQTT-4.4.0-1].
    pub(crate) fn rewind(&mut self) {
        self.sent_len = 0;
    }

    /// The next entry to be sent again, as long as fewer than `limit` are out.
    pub(crate) fn next_again(&mut self, limit: usize) -> Option<(PacketId, &Sent)> {
        if self.sent_len >= limit {
            return None;
        }
        let entry = self.entries.get(self.sent_len)?;
        self.sent_len += 1;
        Some((entry.packet_id, &entry.sent))
    }

    /// The message is not for this client: its exchange is over.
    pub(crate) fn give_up(&mut self, packet_id: PacketId) -> Acknowledged {
        self.remove_if(packet_id, |sent| matches!(sent, Sent::Published(_)))
    }

    /// A message that will not get here has left its queue.
    pub(crate) fn release(&mut self, bytes: usize) {
        self.released_bytes += bytes;
    }

    /// What messages cost that have left since the last call.
    pub(crate) fn take_released_bytes(&mut self) -> usize {
        std::mem::take(&mut self.released_bytes)
    }

    /// How many new messages may be sent: none while something is to be sent again.
    pub(crate) fn room(&self, limit: usize) -> usize {
        if self.sent_len < self.entries.len() { 0 } else { limit.saturating_sub(self.sent_len) }
    }

    fn remove_if(&mut self, packet_id: PacketId, is_awaited: impl Fn(&Sent) -> bool) -> Acknowledged {
        let Some(at) = self.position(packet_id) else { return Acknowledged::Unknown };
        if !self.entries.get(at).is_some_and(|entry| is_awaited(&entry.sent)) {
            return Acknowledged::Unknown;
        }
        let message = match self.entries.remove(at) {
            Some(Entry { sent: Sent::Published(queued), .. }) => Some(queued),
            Some(Entry { sent: Sent::Released, .. }) | None => None,
        };
        self.released_bytes += message.as_ref().map_or(0, Queued::cost);
        if at < self.sent_len {
            self.sent_len -= 1;
        }
        if self.entries.is_empty() && self.entries.capacity() > KEPT_CAPACITY {
            self.entries = VecDeque::new();
        }
        Acknowledged::Yes(message)
    }

    fn position(&self, packet_id: PacketId) -> Option<usize> {
        let first = self.entries.front()?.packet_id;
        if first == packet_id {
            return Some(0);
        }
        let distance = packet_id.distance_from(first);
        let at = self.entries.partition_point(|entry| entry.packet_id.distance_from(first) < distance);
        (self.entries.get(at)?.packet_id == packet_id).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::clock::Now;
    use crate::message::{Message, Publication};

    fn queued(qos: QoS) -> Queued {
        let publication = Publication::new("a", "t", "");
        let message = Message::new(&publication.to_publish(), publication.origin(), Now::default());
        Queued::new(Arc::new(message), qos)
    }

    fn is_known(acknowledged: &Acknowledged) -> bool {
        matches!(acknowledged, Acknowledged::Yes(_))
    }

    fn push(window: &mut Window, qos: QoS) -> PacketId {
        let packet_id = window.next_id();
        window.push(packet_id, queued(qos));
        packet_id
    }

    #[test]
    fn an_identifier_in_use_is_skipped_for_ever() {
        let mut window = Window::default();
        let kept = push(&mut window, QoS::AtLeastOnce);
        for _ in 0..200_000 {
            let id = push(&mut window, QoS::AtLeastOnce);
            assert_ne!(id, kept);
            assert!(is_known(&window.handle_puback(id)));
        }
        assert!(window.len() == 1 && is_known(&window.handle_puback(kept)));
    }

    #[test]
    fn each_acknowledgement_fits_its_state_only() {
        let mut window = Window::default();
        let one = push(&mut window, QoS::AtLeastOnce);
        let two = push(&mut window, QoS::ExactlyOnce);
        assert!(!is_known(&window.handle_pubrec(one)));
        assert!(!is_known(&window.handle_puback(two)));
        assert!(!is_known(&window.handle_pubcomp(two)));
        assert!(is_known(&window.handle_pubrec(two)));
        assert!(is_known(&window.handle_pubrec(two)));
        assert!(!is_known(&window.handle_refusal(two)));
        assert!(is_known(&window.handle_pubcomp(two)));
        assert!(is_known(&window.handle_puback(one)));
        assert_eq!(window.len(), 0);
    }

    proptest! {
        /// Whatever the order of acknowledgements, identifiers in use are found and never given twice.
        #[test]
        fn identifiers_are_unique_and_found(start in 1u16.., steps in proptest::collection::vec(any::<(bool, u8)>(), 1..400)) {
            let mut window = Window { next: PacketId::new(start).unwrap(), ..Window::default() };
            let mut model = BTreeSet::new();
            for (is_push, pick) in steps {
                if is_push || model.is_empty() {
                    prop_assert!(model.insert(push(&mut window, QoS::AtLeastOnce)));
                } else {
                    let id = *model.iter().nth(usize::from(pick) % model.len()).unwrap();
                    model.remove(&id);
                    prop_assert!(is_known(&window.handle_puback(id)));
                    prop_assert!(!is_known(&window.handle_puback(id)));
                }
                prop_assert_eq!(window.len(), model.len());
            }
        }
    }
}
