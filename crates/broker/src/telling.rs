//! How what happens to a client becomes an event: here every event of the broker is built, if somebody wants it.

use bytes::Bytes;
use bytestring::ByteString;
use events::ConnId;
use events::{
    Body, CertificateRegistered, CertificateRejected, CertificateStatus, ClientConnack, ClientConnected,
    ClientDisconnected, ConnackReason, DropReason, Event, EventId, Flags, Head, Kind, LazyMap, MessageDropped,
    MessageId, MessagePublish, Payload, SessionSubscribed, SessionUnsubscribed, Stage, UnsubscribeCause,
};
use mqtt::{Properties, Publish, Version};

use crate::clock::Now;
use crate::connection::facts::{Client, Peer, Traffic};
use crate::ending::Ending;
use crate::flood::Verdict;
use crate::hub::Hub;
use crate::properties::lazy_map;
use crate::registry::ClientCount;
use crate::session::{Subscribe, Subscription};
use crate::transport::Shown;

/// Who published a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) client_id: &'a ByteString,
    pub(crate) username: Option<&'a ByteString>,
    /// Its connection; `None` where it has none, as a rule has none.
    pub(crate) peer: Option<&'a Peer>,
    /// How many rules the message has come through.
    pub(crate) hops: u8,
}

/// How a CONNECT was answered, until it is told.
#[derive(Debug)]
pub(crate) struct Announcement {
    pub(crate) reason: ConnackReason,
    /// The reason that was decided on, before the version of the client had to be told less.
    pub(crate) reason_v5: ConnackReason,
    pub(crate) return_code: u8,
    pub(crate) detail: Option<ByteString>,
    pub(crate) keepalive_s: u16,
    pub(crate) clean_start: bool,
    pub(crate) expiry_interval_s: u32,
    pub(crate) session_present: bool,
    pub(crate) receive_maximum: u16,
    pub(crate) is_bridge: bool,
    pub(crate) properties: LazyMap,
}

/// How a connection went, for the event of its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course<'a> {
    pub(crate) peer: &'a Peer,
    pub(crate) client: Option<&'a Client>,
    pub(crate) stage: Stage,
    pub(crate) traffic: &'a Traffic,
    pub(crate) taken_over_by: Option<ConnId>,
}

impl Hub {
    /// A CONNECT was answered; `count` is there when it was accepted. Refusals are told one by one only up to a limit.
    pub(crate) fn tell_connack(
        &self,
        now: Now,
        (peer, client): (&Peer, &Client),
        announcement: &Announcement,
        mut count: Option<&mut ClientCount>,
    ) {
        let (tls, certificate) = (peer.tls.as_deref(), peer.certificate());
        if self.bus.wants(Kind::ClientConnack) {
            let body = ClientConnack {
                clientid: client.client_id.clone(),
                username: client.username.clone(),
                reason_code: announcement.reason,
                reason_code_v5: announcement.reason_v5,
                return_code: announcement.return_code,
                success: announcement.reason.is_success(),
                detail: announcement.detail.clone(),
                peername: peer.peername,
                sockname: peer.sockname,
                proto_name: client.proto_name,
                proto_ver: client.proto_ver,
                keepalive: announcement.keepalive_s,
                clean_start: announcement.clean_start,
                expiry_interval: announcement.expiry_interval_s,
                connected_at: client.connected_at,
                conn_props: announcement.properties.clone(),
                sni: tls.and_then(|tls| tls.server_name.clone()),
                tls_version: tls.map(|tls| tls.version),
                cert_cn: certificate.and_then(|certificate| certificate.common_name.clone()),
                cert_fingerprint: certificate.map(|certificate| certificate.fingerprint_sha256.clone()),
                repeated: 1,
            };
            if client.connected_at.is_some() {
                self.emit(now, Some(peer), count.as_deref_mut(), body);
            } else {
                self.emit_unauthenticated(now, peer, body);
            }
        }
        let Some(connected_at) = client.connected_at else { return };
        if self.bus.wants(Kind::ClientConnected) {
            let body = ClientConnected {
                clientid: client.client_id.clone(),
                username: client.username.clone(),
                peername: peer.peername,
                sockname: peer.sockname,
                proto_name: client.proto_name,
                proto_ver: client.proto_ver,
                keepalive: announcement.keepalive_s,
                clean_start: announcement.clean_start,
                session_present: announcement.session_present,
                receive_maximum: announcement.receive_maximum,
                expiry_interval: announcement.expiry_interval_s,
                is_bridge: announcement.is_bridge,
                conn_props: announcement.properties.clone(),
                connected_at,
                sni: tls.and_then(|tls| tls.server_name.clone()),
                tls_version: tls.map(|tls| tls.version),
                cert_cn: certificate.and_then(|certificate| certificate.common_name.clone()),
                cert_fingerprint: certificate.map(|certificate| certificate.fingerprint_sha256.clone()),
                client_attrs: LazyMap::empty(),
            };
            self.emit(now, Some(peer), count, body);
        }
    }

    /// A connection ended. Those that never authenticated are told one by one only up to a limit.
    pub(crate) fn tell_disconnected(
        &self,
        now: Now,
        course: Course<'_>,
        ending: &Ending,
        count: Option<&mut ClientCount>,
    ) {
        crate::stats::add(&self.counters.disconnects, 1);
        self.reasons.count_disconnect(ending.reason);
        let authenticated = course.stage == Stage::Session;
        if !authenticated {
            crate::stats::add(&self.counters.disconnects_unauthenticated, 1);
        }
        tracing::debug!(
            conn_id = course.peer.conn_id.0,
            peername = %course.peer.peername,
            client_id = course.client.map(|client| &*client.client_id),
            reason = ending.reason.name(),
            detail = ending.detail.as_deref(),
            "a connection ended"
        );
        if !self.bus.wants(Kind::ClientDisconnected) {
            return;
        }
        let body = disconnected(now, course, ending, authenticated);
        if authenticated {
            self.emit(now, Some(course.peer), count, body);
        } else {
            self.emit_unauthenticated(now, course.peer, body);
        }
    }

    /// Tells what [`Hub::emit_unauthenticated`] has held back, each kind once with its number.
    pub(crate) fn tell_held_back(&self, now: Now) {
        let due = self.flood.lock().take_due(now);
        for (mut event, repeated) in due {
            if let Body::ClientConnack(body) = &mut event.body {
                body.repeated = repeated;
            } else if let Body::ClientDisconnected(body) = &mut event.body {
                body.repeated = repeated;
            } else if let Body::CertificateRejected(body) = &mut event.body {
                body.repeated = repeated;
            }
            self.bus.emit(event);
        }
    }

    /// Tells of somebody who was not accepted, now or with others of this second.
    fn emit_unauthenticated(&self, now: Now, peer: &Peer, body: impl Into<Body>) {
        let event = self.event(now, Some(peer), None, body);
        let source = (peer.peername.ip().to_canonical(), event.kind());
        let verdict = self.flood.lock().handle(now, source, event);
        match verdict {
            Verdict::Tell(event) => self.bus.emit(event),
            Verdict::Counted { is_first: true } => self.housekeeping.notify_one(),
            Verdict::Counted { is_first: false } => {}
        }
    }

    /// A client has shown a certificate: one that was not seen before, or one that was refused.
    pub(crate) fn tell_certificate(&self, now: Now, peer: &Peer, shown: &Shown) {
        let certificate = &*shown.certificate;
        if shown.status != CertificateStatus::Active {
            tracing::debug!(peername = %peer.peername, subject = &*certificate.subject, "a certificate was refused");
            if self.bus.wants(Kind::CertificateRejected) {
                self.emit_unauthenticated(now, peer, rejected(peer, shown));
            }
        } else if self.config.seen_certificates.is_new(certificate) && self.bus.wants(Kind::CertificateRegistered) {
            let body = CertificateRegistered {
                cert_sn: certificate.serial.clone(),
                ca_sn: shown.authority_serial.clone(),
                cert_cn: certificate.common_name.clone(),
                cert_subject: certificate.subject.clone(),
                cert_issuer: certificate.issuer.clone(),
                cert_fingerprint: certificate.fingerprint_sha256.clone(),
                status: shown.status,
                not_before: certificate.not_before,
                not_after: certificate.not_after,
                sni: peer.tls.as_ref().and_then(|tls| tls.server_name.clone()),
                peername: peer.peername,
                sockname: peer.sockname,
            };
            self.emit(now, Some(peer), None, body);
        }
    }

    /// A subscription was made or replaced.
    pub(crate) fn tell_subscribed(
        &self,
        now: Now,
        (peer, client): (&Peer, &Client),
        subscribe: &Subscribe,
        count: &mut ClientCount,
    ) {
        if !self.bus.wants(Kind::SessionSubscribed) {
            return;
        }
        let Subscription { filter, granted } = &subscribe.subscription;
        let body = SessionSubscribed {
            clientid: client.client_id.clone(),
            username: client.username.clone(),
            peerhost: peer.peername.ip(),
            peername: peer.peername,
            topic: filter.as_byte_string().clone(),
            qos: granted.qos.into(),
            sub_props: lazy_map(&subscribe.properties),
            client_attrs: LazyMap::empty(),
        };
        self.emit(now, Some(peer), Some(count), body);
    }

    /// A subscription ended.
    pub(crate) fn tell_unsubscribed(
        &self,
        now: Now,
        (peer, client): (&Peer, &Client),
        (subscription, properties): (&Subscription, Option<&Properties>),
        count: &mut ClientCount,
    ) {
        if !self.bus.wants(Kind::SessionUnsubscribed) {
            return;
        }
        let body = SessionUnsubscribed {
            clientid: client.client_id.clone(),
            username: client.username.clone(),
            peerhost: peer.peername.ip(),
            peername: peer.peername,
            topic: subscription.filter.as_byte_string().clone(),
            qos: subscription.granted.qos.into(),
            cause: if properties.is_some() { UnsubscribeCause::Client } else { UnsubscribeCause::SessionEnd },
            unsub_props: properties.map_or(LazyMap::empty(), lazy_map),
            client_attrs: LazyMap::empty(),
        };
        self.emit(now, Some(peer), Some(count), body);
    }

    /// A message was accepted: rules over messages run here, in the publisher's task. Gives its identifier where somebody
    /// was told.
    pub(crate) fn tell_published(&self, now: Now, publish: &Publish, origin: Origin<'_>) -> Option<MessageId> {
        if !self.observer.wants_publish(&publish.topic) {
            return None;
        }
        let id = MessageId::next(now.wall);
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
        self.observer.published(&self.event(now, origin.peer, None, body), origin.hops);
        Some(id)
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

fn rejected(peer: &Peer, shown: &Shown) -> CertificateRejected {
    let certificate = &*shown.certificate;
    CertificateRejected {
        cert_sn: certificate.serial.clone(),
        ca_sn: shown.authority_serial.clone(),
        cert_cn: certificate.common_name.clone(),
        cert_subject: certificate.subject.clone(),
        cert_issuer: certificate.issuer.clone(),
        cert_fingerprint: certificate.fingerprint_sha256.clone(),
        status: shown.status,
        reason: shown.status,
        detail: shown.words.clone(),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        peername: peer.peername,
        sockname: peer.sockname,
        repeated: 1,
    }
}

fn disconnected(now: Now, course: Course<'_>, ending: &Ending, authenticated: bool) -> ClientDisconnected {
    let Course { peer, client, stage, traffic, taken_over_by } = course;
    ClientDisconnected {
        reason: ending.reason,
        initiator: ending.initiator,
        stage,
        detail: ending.detail.clone(),
        clientid: client.map(|client| client.client_id.clone()),
        username: client.and_then(|client| client.username.clone()),
        authenticated,
        peername: peer.peername,
        sockname: peer.sockname,
        proto_name: client.map(|client| client.proto_name),
        proto_ver: client.map(|client| client.proto_ver),
        disconn_props: lazy_map(&ending.properties),
        connected_at: client.and_then(|client| client.connected_at),
        disconnected_at: now.wall,
        duration_ms: now.mono_ms.saturating_sub(peer.accepted.mono_ms),
        last_packet_at: traffic.last_packet.map(|at| at.wall),
        packets_received: traffic.packets_received,
        packets_sent: traffic.packets_sent,
        bytes_received: traffic.bytes_received,
        bytes_sent: traffic.bytes_sent,
        taken_over_by,
        repeated: 1,
        client_attrs: LazyMap::empty(),
    }
}

impl Announcement {
    /// What CONNECT said and how it is answered.
    pub(crate) fn new(connect: &mqtt::Connect, reason: ConnackReason) -> Announcement {
        Announcement {
            reason,
            reason_v5: reason.under_v5(),
            return_code: return_code(reason, connect.version),
            detail: None,
            keepalive_s: connect.keepalive_s,
            clean_start: connect.clean_start,
            expiry_interval_s: connect.properties.session_expiry_interval_s().unwrap_or(0),
            session_present: false,
            receive_maximum: connect.properties.receive_maximum().map_or(u16::MAX, |max| max.get()),
            is_bridge: connect.bridge,
            properties: lazy_map(&connect.properties),
        }
    }

    /// What is known of a CONNECT that could not be decoded.
    pub(crate) fn undecoded(reason: ConnackReason, return_code: u8) -> Announcement {
        Announcement {
            reason,
            reason_v5: reason.under_v5(),
            return_code,
            detail: None,
            keepalive_s: 0,
            clean_start: true,
            expiry_interval_s: 0,
            session_present: false,
            receive_maximum: u16::MAX,
            is_bridge: false,
            properties: lazy_map(&Properties::new()),
        }
    }
}

/// The number on the wire.
fn return_code(reason: ConnackReason, version: Version) -> u8 {
    if version.is_v5() { reason.v5_code() } else { reason.v3_code() }.unwrap_or_default()
}

/// A copy: events are kept, and the topic is a slice of the buffer it was read into.
fn copied(text: &ByteString) -> ByteString {
    ByteString::from(text.as_ref() as &str)
}
