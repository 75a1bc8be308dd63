//! What becomes of messages.

use std::net::SocketAddr;

use bytes::Bytes;
use events::{
    DeliveryDropReason, DeliveryDropped, DropReason, Event, EventId, Flags, Kind, LazyMap, MessageAcked,
    MessageDelivered, MessageDropped, MessageId, MessagePublish, Payload,
};
use mqtt::{Properties, Publish};

use super::Origin;
use crate::awaited::Awaited;
use crate::clock::Now;
use crate::connection::facts::{Client, Peer, copied};
use crate::hub::Hub;
use crate::message::{Message, Queued};
use crate::properties::lazy_map;
use crate::registry::Slot;
use crate::session::inbound::is_reserved;

impl Hub {
    /// A message was accepted: rules over messages run here, in the publisher's task. Gives its identifier where somebody
    /// was told, and what the publisher has to wait for, with the event that it is of.
    pub(crate) fn tell_published(
        &self,
        now: Now,
        publish: &Publish,
        origin: Origin<'_>,
    ) -> (Option<MessageId>, Option<(EventId, Awaited)>) {
        if !self.observer.wants_publish(&publish.topic) {
            return (origin.id, None);
        }
        let id = origin.id.unwrap_or_else(|| MessageId::next(now.wall));
        let event = self.published_event(now, publish, (id, origin));
        let hops = origin.hops.max(events::hops_of(publish.properties.user_properties()));
        let awaited = self.observer.published(&event, hops);
        (Some(id), awaited.map(|awaited| (event.head.event_id, awaited)))
    }

    /// A message came again that was told as `event`. Gives what the publisher has to wait for.
    pub(crate) fn tell_repeated(
        &self,
        now: Now,
        (publish, event_id): (&Publish, EventId),
        origin: Origin<'_>,
    ) -> Option<Awaited> {
        let id = origin.id.unwrap_or_else(|| MessageId::next(now.wall));
        let mut event = self.published_event(now, publish, (id, origin));
        event.head.event_id = event_id;
        self.observer.repeated(&event)
    }

    fn published_event(&self, now: Now, publish: &Publish, (id, origin): (MessageId, Origin<'_>)) -> Event {
        let body = MessagePublish {
            id,
            clientid: origin.client_id.clone(),
            username: origin.username.cloned(),
            payload: Payload(Bytes::copy_from_slice(&publish.payload)),
            peerhost: origin.peer.map(|peer| peer.peername.ip()),
            peername: origin.peer.map(|peer| peer.peername),
            topic: copied(&publish.topic),
            qos: publish.qos.into(),
            flags: Flags { dup: false, retain: publish.retain },
            pub_props: lazy_map(&publish.properties),
            publish_received_at: now.wall,
            client_attrs: LazyMap::empty(),
        };
        self.event(now, origin.peer, None, body)
    }

    /// A message reached nobody. `id` is the one it was published under, where that was told.
    pub(crate) fn tell_dropped(
        &self,
        now: Now,
        (id, publish): (Option<MessageId>, &Publish),
        reason: DropReason,
        origin: Origin<'_>,
    ) {
        crate::stats::add(&self.counters.messages_dropped, 1);
        if !self.bus.wants(Kind::MessageDropped) {
            return;
        }
        let body = MessageDropped {
            id: id.unwrap_or_else(|| MessageId::next(now.wall)),
            reason,
            clientid: origin.client_id.clone(),
            username: origin.username.cloned(),
            payload: Payload(Bytes::copy_from_slice(&publish.payload)),
            peerhost: origin.peer.map(|peer| peer.peername.ip()),
            peername: origin.peer.map(|peer| peer.peername),
            topic: copied(&publish.topic),
            qos: publish.qos.into(),
            flags: Flags { dup: false, retain: publish.retain },
            pub_props: lazy_map(&publish.properties),
            publish_received_at: now.wall,
        };
        self.emit(now, origin.peer, None, body);
    }

    /// A message was sent to a client, again where `dup`.
    pub(crate) fn tell_delivered(&self, now: Now, (peer, client): (&Peer, &Client), queued: &Queued, dup: bool) {
        let message = &*queued.message;
        if is_reserved(message.topic()) {
            return;
        }
        let body = MessageDelivered {
            id: message.id(),
            from_clientid: message.client_id().into(),
            from_username: message.username().map(Into::into),
            clientid: client.client_id.clone(),
            username: client.username.clone(),
            payload: payload_of(message),
            peerhost: peer.peername.ip(),
            peername: peer.peername,
            topic: message.topic().into(),
            qos: queued.qos.into(),
            flags: Flags { dup, retain: queued.retain },
            pub_props: lazy_map(&message.properties),
            publish_received_at: message.received_at(),
        };
        self.emit(now, Some(peer), None, body);
    }

    /// A client has acknowledged a message.
    pub(crate) fn tell_acked(
        &self,
        now: Now,
        (peer, client): (&Peer, &Client),
        queued: &Queued,
        properties: &Properties,
    ) {
        let message = &*queued.message;
        if is_reserved(message.topic()) {
            return;
        }
        let body = MessageAcked {
            id: message.id(),
            from_clientid: message.client_id().into(),
            from_username: message.username().map(Into::into),
            clientid: client.client_id.clone(),
            username: client.username.clone(),
            payload: payload_of(message),
            peerhost: peer.peername.ip(),
            peername: peer.peername,
            topic: message.topic().into(),
            qos: queued.qos.into(),
            flags: Flags { dup: false, retain: queued.retain },
            pub_props: lazy_map(&message.properties),
            publish_received_at: message.received_at(),
            puback_props: lazy_map(properties),
        };
        self.emit(now, Some(peer), None, body);
    }

    /// A message is dropped for the session in `slot`. Locks its inbox.
    pub(crate) fn tell_delivery_dropped(&self, now: Now, slot: &Slot, queued: &Queued, reason: DeliveryDropReason) {
        let message = &*queued.message;
        if is_reserved(message.topic()) || !self.bus.wants(Kind::DeliveryDropped) {
            return;
        }
        let receiver = slot.inbox.lock().receiver();
        let peername: Option<SocketAddr> = receiver.as_ref().map(|(peer, _)| peer.peername);
        let body = DeliveryDropped {
            id: message.id(),
            reason,
            from_clientid: message.client_id().into(),
            from_username: message.username().map(Into::into),
            clientid: slot.client_id.clone(),
            username: receiver.as_ref().and_then(|(_, client)| client.username.clone()),
            payload: payload_of(message),
            peerhost: peername.map(|peername| peername.ip()),
            peername,
            topic: message.topic().into(),
            qos: queued.qos.into(),
            flags: Flags { dup: false, retain: queued.retain },
            pub_props: lazy_map(&message.properties),
            publish_received_at: message.received_at(),
        };
        self.emit(now, receiver.as_ref().map(|(peer, _)| &**peer), None, body);
    }
}

fn payload_of(message: &Message) -> Payload {
    Payload(Bytes::copy_from_slice(message.payload()))
}
