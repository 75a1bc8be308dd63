//! What happens to a client's connection.

use auth::{Decision, Verdict};
use bytestring::ByteString;
use events::{
    ClientCheckAuthnComplete, ClientCheckAuthzComplete, ClientConnack, ClientConnected, ClientDisconnected, ClientPing,
    ConnId, ConnackReason, DisconnectReason, Initiator, Kind, LazyMap, Permission, PermissionAction, Stage, Timestamp,
};
use mqtt::{Connect, Version};

use crate::clock::Now;
use crate::connection::facts::{Client, Peer, Traffic};
use crate::ending::Ending;
use crate::hub::Hub;
use crate::properties::lazy_map;
use crate::registry::ClientCount;

/// How a CONNECT was answered, until it is told.
#[derive(Debug)]
pub(crate) struct Announcement {
    pub(crate) reason: ConnackReason,
    /// The reason that was decided on, before the version of the client had to be told less.
    pub(crate) reason_v5: ConnackReason,
    pub(crate) return_code: u8,
    pub(crate) detail: Option<ByteString>,
    pub(crate) session_present: bool,
    pub(crate) receive_maximum: u16,
    pub(crate) is_bridge: bool,
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

/// A question to the ACL, and its answer.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) topic: ByteString,
    pub(crate) action: PermissionAction,
    pub(crate) is_allowed: bool,
    /// Who has answered.
    pub(crate) source: ByteString,
}

impl Hub {
    /// It was decided who a client is. Refusals are told one by one only up to a limit.
    pub(crate) fn tell_authn(&self, now: Now, (peer, client): (&Peer, &Client), decision: &Decision) {
        if !self.bus.wants(Kind::ClientCheckAuthnComplete) {
            return;
        }
        let (reason, is_anonymous, is_superuser) = match &decision.verdict {
            Verdict::Allow(identity) => (ConnackReason::Success, identity.anonymous, identity.superuser),
            Verdict::Deny(reason) => (*reason, false, false),
        };
        let body = ClientCheckAuthnComplete {
            clientid: client.client_id.clone(),
            username: client.username.clone(),
            peername: peer.peername,
            reason_code: reason,
            is_anonymous,
            is_superuser,
            authn_source: decision.decided_by.clone(),
            detail: decision.why.clone(),
            repeated: 1,
            client_attrs: LazyMap::empty(),
        };
        if reason.is_success() {
            self.emit(now, Some(peer), None, body);
        } else {
            self.emit_unauthenticated(now, peer, body, reason.name());
        }
    }

    /// It was decided whether a client may use a topic.
    pub(crate) fn tell_authz(&self, now: Now, (peer, client): (&Peer, &Client), check: Check) {
        let body = ClientCheckAuthzComplete {
            clientid: client.client_id.clone(),
            username: client.username.clone(),
            peerhost: peer.peername.ip(),
            peername: peer.peername,
            topic: check.topic,
            action: check.action,
            result: if check.is_allowed { Permission::Allow } else { Permission::Deny },
            authz_source: check.source,
            client_attrs: LazyMap::empty(),
        };
        self.emit(now, Some(peer), None, body);
    }

    /// A client sent PINGREQ.
    pub(crate) fn tell_ping(&self, now: Now, (peer, client): (&Peer, &Client)) {
        let body = ClientPing {
            clientid: client.client_id.clone(),
            username: client.username.clone(),
            peername: peer.peername,
            sockname: peer.sockname,
            proto_name: client.proto_name,
            proto_ver: client.proto_ver,
            keepalive: client.keepalive_s,
            clean_start: client.clean_start,
            expiry_interval: client.expiry_interval_s,
            connected_at: client.connected_at.unwrap_or(now.wall),
            conn_props: client.properties.clone(),
            client_attrs: LazyMap::empty(),
        };
        self.emit(now, Some(peer), None, body);
    }

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
                keepalive: client.keepalive_s,
                clean_start: client.clean_start,
                expiry_interval: client.expiry_interval_s,
                connected_at: client.connected_at,
                conn_props: client.properties.clone(),
                sni: tls.and_then(|tls| tls.server_name.clone()),
                tls_version: tls.map(|tls| tls.version),
                cert_cn: certificate.and_then(|certificate| certificate.common_name.clone()),
                cert_fingerprint: certificate.map(|certificate| certificate.fingerprint_sha256.clone()),
                repeated: 1,
            };
            if client.connected_at.is_some() {
                self.emit(now, Some(peer), count.as_deref_mut(), body);
            } else {
                self.emit_unauthenticated(now, peer, body, announcement.reason.name());
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
                keepalive: client.keepalive_s,
                clean_start: client.clean_start,
                session_present: announcement.session_present,
                receive_maximum: announcement.receive_maximum,
                expiry_interval: client.expiry_interval_s,
                is_bridge: announcement.is_bridge,
                conn_props: client.properties.clone(),
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
            self.emit_unauthenticated(now, course.peer, body, ending.reason.name());
        }
    }

    /// A connection has ended with a former process.
    pub(crate) fn tell_cut_off(&self, now: Now, who: (&Peer, &Client), ran_until: Timestamp, count: &mut ClientCount) {
        crate::stats::add(&self.counters.disconnects, 1);
        self.reasons.count_disconnect(DisconnectReason::ServerRestart);
        if self.bus.wants(Kind::ClientDisconnected) {
            self.emit(now, Some(who.0), Some(count), cut_off(now, who, ran_until));
        }
    }
}

/// The end of a connection of a former process, which is last known to have run at `ran_until`.
fn cut_off(now: Now, (peer, client): (&Peer, &Client), ran_until: Timestamp) -> ClientDisconnected {
    let connected_at = client.connected_at.unwrap_or(ran_until);
    let disconnected_at = ran_until.max(connected_at);
    let away_s = now.wall.since_ms(disconnected_at) / 1000;
    ClientDisconnected {
        reason: DisconnectReason::ServerRestart,
        initiator: Initiator::Broker,
        stage: Stage::Session,
        detail: Some(format!("the broker is last known to have run {away_s} s before it was back").into()),
        clientid: Some(client.client_id.clone()),
        username: client.username.clone(),
        authenticated: true,
        peername: peer.peername,
        sockname: peer.sockname,
        proto_name: Some(client.proto_name),
        proto_ver: Some(client.proto_ver),
        disconn_props: LazyMap::empty(),
        connected_at: client.connected_at,
        disconnected_at,
        duration_ms: disconnected_at.since_ms(connected_at),
        last_packet_at: None,
        packets_received: None,
        packets_sent: None,
        bytes_received: None,
        bytes_sent: None,
        taken_over_by: None,
        repeated: 1,
        client_attrs: LazyMap::empty(),
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
        packets_received: Some(traffic.packets_received),
        packets_sent: Some(traffic.packets_sent),
        bytes_received: Some(traffic.bytes_received()),
        bytes_sent: Some(traffic.bytes_sent),
        taken_over_by,
        repeated: 1,
        client_attrs: LazyMap::empty(),
    }
}

impl Announcement {
    /// How `connect` is answered.
    pub(crate) fn new(connect: &Connect, reason: ConnackReason) -> Announcement {
        Announcement {
            reason,
            reason_v5: reason.under_v5(),
            return_code: return_code(reason, connect.version),
            detail: None,
            session_present: false,
            receive_maximum: connect.properties.receive_maximum().map_or(u16::MAX, |max| max.get()),
            is_bridge: connect.bridge,
        }
    }

    /// How a CONNECT is answered that could not be decoded.
    pub(crate) fn undecoded(reason: ConnackReason, return_code: u8) -> Announcement {
        Announcement {
            reason,
            reason_v5: reason.under_v5(),
            return_code,
            detail: None,
            session_present: false,
            receive_maximum: u16::MAX,
            is_bridge: false,
        }
    }
}

/// The number on the wire.
fn return_code(reason: ConnackReason, version: Version) -> u8 {
    if version.is_v5() { reason.v5_code() } else { reason.v3_code() }.unwrap_or_default()
}
