//! How what happens becomes an event: here every event of the broker is built, if somebody wants it.

mod certificate;
mod client;
mod message;
mod session;

use bytestring::ByteString;
use events::{Body, Event, EventId, Head, MessageId};

use crate::clock::Now;
use crate::connection::facts::Peer;
use crate::flood::Verdict;
use crate::hub::Hub;
use crate::registry::ClientCount;

pub(crate) use client::{Announcement, Check, Course};
pub(crate) use session::SessionEnd;

/// Who published a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) client_id: &'a ByteString,
    pub(crate) username: Option<&'a ByteString>,
    /// Its connection; `None` where it has none, as a rule has none.
    pub(crate) peer: Option<&'a Peer>,
    /// How many rules the message has come through.
    pub(crate) hops: u8,
    /// The identifier of the message in events, where it has one already.
    pub(crate) id: Option<MessageId>,
}

impl Hub {
    /// Tells what [`Hub::emit_unauthenticated`] has held back, each kind and reason once with its number.
    pub(crate) fn tell_held_back(&self, now: Now) {
        let due = self.flood.lock().take_due(now);
        for (mut event, repeated) in due {
            if let Body::ClientConnack(body) = &mut event.body {
                body.repeated = repeated;
            } else if let Body::ClientDisconnected(body) = &mut event.body {
                body.repeated = repeated;
            } else if let Body::ClientCheckAuthnComplete(body) = &mut event.body {
                body.repeated = repeated;
            } else if let Body::CertificateRejected(body) = &mut event.body {
                body.repeated = repeated;
            }
            self.bus.emit(event);
        }
    }

    /// Tells of somebody who was not accepted, now or with others of this second.
    fn emit_unauthenticated(&self, now: Now, peer: &Peer, body: impl Into<Body>, reason: &'static str) {
        let event = self.event(now, Some(peer), None, body);
        let source = ((peer.peername.ip().to_canonical(), event.kind()), reason);
        let verdict = self.flood.lock().handle(now, source, event);
        match verdict {
            Verdict::Tell(event) => self.bus.emit(event),
            Verdict::Counted { is_first: true } => self.housekeeping.notify_one(),
            Verdict::Counted { is_first: false } => {}
        }
    }

    fn emit(&self, now: Now, peer: Option<&Peer>, count: Option<&mut ClientCount>, body: impl Into<Body>) {
        self.bus.emit(self.event(now, peer, count, body));
    }

    fn event(&self, now: Now, peer: Option<&Peer>, count: Option<&mut ClientCount>, body: impl Into<Body>) -> Event {
        let count = count.map(|count| {
            count.last_seq += 1;
            *count
        });
        let head = Head {
            event_id: EventId::next(now.wall),
            timestamp: now.wall,
            node: self.config.node.clone(),
            listener: peer.map(|peer| peer.listener.name.clone()),
            conn_id: peer.map(|peer| peer.conn_id),
            seq: None,
            client_seq: count.map(|count| count.last_seq),
            client_epoch: count.map(|count| count.epoch),
        };
        Event { head, body: body.into() }
    }
}
