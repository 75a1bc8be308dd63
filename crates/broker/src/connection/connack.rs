//! CONNACK: what a client is told when it is let in, and when it is not.

use std::num::{NonZeroU16, NonZeroU32};

use events::ConnackReason;
use mqtt::{Connack, ConnackCode, Connect, Packet, Properties, QoS, ReasonCode, Version};

use super::exchange::Method;
use crate::config::{BrokerConfig, Limits, ListenerConfig};
use crate::session::{granted_keepalive_s, with_reason_string};

/// The CONNACK of a client that is let in, with everything that differs from what its absence would mean. Whether there
/// was a session is known when that is held, and may be set then.
pub(super) fn accepting(
    connect: &Connect,
    has_assigned_id: bool,
    method: Option<&mut Method>,
    listener: &ListenerConfig,
    config: &BrokerConfig,
) -> Connack {
    let code = ConnackCode::success(connect.version);
    let mut connack = Connack { session_present: false, code, properties: Properties::new() };
    if !connect.version.is_v5() {
        return connack;
    }
    let limits = &config.limits;
    let expiry_interval_s = expiry_interval_s(connect, limits);
    let mut builder = Properties::builder();
    if connect.properties.session_expiry_interval_s().unwrap_or(0) != expiry_interval_s {
        builder = builder.session_expiry_interval_s(expiry_interval_s);
    }
    if let Some(maximum) = NonZeroU16::new(limits.receive_maximum).filter(|maximum| maximum.get() != u16::MAX) {
        builder = builder.receive_maximum(maximum);
    }
    match listener.max_qos {
        QoS::AtMostOnce => builder = builder.maximum_qos(false),
        QoS::AtLeastOnce => builder = builder.maximum_qos(true),
        QoS::ExactlyOnce => {}
    }
    if !listener.retain_available {
        builder = builder.retain_available(false);
    }
    if let Some(size_bytes) = NonZeroU32::new(listener.packet_bytes_max) {
        builder = builder.maximum_packet_size_bytes(size_bytes);
    }
    if limits.topic_alias_maximum > 0 {
        builder = builder.topic_alias_maximum(limits.topic_alias_maximum);
    }
    let keepalive_s = granted_keepalive_s(connect, limits);
    if keepalive_s != connect.keepalive_s {
        builder = builder.server_keep_alive_s(keepalive_s);
    }
    if has_assigned_id {
        let unchanged = builder.clone();
        builder = builder.assigned_client_identifier(&connect.client_id).unwrap_or(unchanged);
    }
    if let Some(method) = method {
        builder = method.take_properties(builder);
    }
    let response_information = &config.protocol.response_information;
    if !response_information.is_empty() && connect.properties.request_response_information() == Some(true) {
        let unchanged = builder.clone();
        let text = response_information.replace("%c", &connect.client_id);
        builder = builder.response_information(&text).unwrap_or(unchanged);
    }
    connack.properties = builder.build();
    connack
}

/// Whether the client takes a packet as large as this one; before MQTT 5 it takes all [MQTT-3.1.2-24].
pub(super) fn fits(connect: &Connect, connack: &Connack) -> bool {
    let Some(bytes_max) = connect.properties.maximum_packet_size_bytes() else { return true };
    let bytes_len = mqtt::encoded_len(&Packet::Connack(connack.clone()), connect.version);
    u32::try_from(bytes_len).is_ok_and(|bytes_len| bytes_len <= bytes_max)
}

/// Seconds the session outlives the connection. Before MQTT 5 a kept session has no end but ours.
pub(super) fn expiry_interval_s(connect: &Connect, limits: &Limits) -> u32 {
    let asked_s = match connect.version {
        Version::V5 => connect.properties.session_expiry_interval_s().unwrap_or(0),
        Version::V31 | Version::V311 if connect.clean_start => 0,
        Version::V31 | Version::V311 => u32::MAX,
    };
    asked_s.min(limits.session_expiry_max_s)
}

/// What a CONNACK that refuses says beside its code.
pub(super) fn refusal_properties(connect: &Connect, detail: Option<&str>, server: Option<&str>) -> Properties {
    let mut builder = Properties::builder();
    if let Some(detail) = detail.filter(|_| connect.properties.request_problem_information().unwrap_or(true)) {
        let packet_bytes_max = connect.properties.maximum_packet_size_bytes().unwrap_or(u32::MAX);
        // The server reference goes before: it says where to go.
        let server_bytes = server.map_or(0, |server| 3 + server.len());
        let left_bytes = usize::try_from(packet_bytes_max).unwrap_or(usize::MAX).saturating_sub(server_bytes);
        builder = with_reason_string(builder, detail, left_bytes);
    }
    if let Some(server) = server {
        let unchanged = builder.clone();
        builder = builder.server_reference(server).unwrap_or(unchanged);
    }
    builder.build()
}

/// The code of a reason in the words of that version.
pub(super) fn code_of(reason: ConnackReason, version: Version) -> Option<ConnackCode> {
    if version.is_v5() {
        reason.v5_code().and_then(|code| ReasonCode::try_from(code).ok()).map(ConnackCode::V5)
    } else {
        reason.v3_code().and_then(|code| mqtt::ConnectReturnCode::try_from(code).ok()).map(ConnackCode::V3)
    }
}

/// The reason of a client that is let in.
pub(super) const fn success(version: Version) -> ConnackReason {
    if version.is_v5() { ConnackReason::Success } else { ConnackReason::ConnectionAccepted }
}
