//! What happens to a client's connection.

use std::net::SocketAddr;

use bytestring::ByteString;

use super::event;
use crate::{ConnId, ConnackReason, DisconnectReason, Initiator, LazyMap, Stage, Timestamp};

pub(super) const PEER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 0, 10)), 56_431);
pub(super) const SOCK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 0, 1)), 1883);

event! {
    /// A CONNACK was sent, for success and for refusal.
    ///
    /// Emitted after the CONNACK was written; for a CONNECT that cannot be decoded too, when a CONNACK is sent. Beyond a
    /// number of refusals a second and source address the last one is told with their number in `repeated`.
    ClientConnack {
        /// The identifier the client connected with, or was given.
        clientid: ByteString = "pump-17".into(),
        /// The user name, where one was sent.
        username: Option<ByteString> = Some("plant".into()),
        /// Whether the connection was accepted, and if not, why. MQTT 3.1 and 3.1.1 clients have names of their own.
        reason_code: ConnackReason = ConnackReason::Success,
        /// The same under MQTT 5's name, whatever version the client speaks: MQTT 3.1.1 has one name for many reasons.
        reason_code_v5: ConnackReason = ConnackReason::Success,
        /// The number on the wire.
        return_code: u8 = 0,
        /// Whether the connection was accepted.
        success: bool = true,
        /// What exactly was wrong, in words.
        detail: Option<ByteString> = None,
        /// The address of the client, `host:port`.
        peername: SocketAddr = PEER,
        /// The address of the listener, `host:port`.
        sockname: SocketAddr = SOCK,
        /// `MQTT`, or `MQIsdp` for MQTT 3.1.
        proto_name: &'static str = "MQTT",
        /// 3 for MQTT 3.1, 4 for 3.1.1, 5 for 5.0; what the client asked for where that is none of them.
        proto_ver: u8 = 5,
        /// The keep-alive the client asked for, in s; 0 is none.
        keepalive: u16 = 60,
        /// Whether the client asked for a new session.
        clean_start: bool = true,
        /// How long the session outlives its connection, in s.
        expiry_interval: u32 = 0,
        /// When the client was connected, in ms; NULL where it was refused.
        connected_at: Option<Timestamp> = Some(Timestamp::SAMPLE),
        /// The properties of the CONNECT.
        conn_props: LazyMap = LazyMap::empty(),
        /// The host that the client has asked for in TLS (SNI).
        sni: Option<ByteString> = None,
        /// The version of TLS, `1.2` or `1.3`; NULL without TLS.
        tls_version: Option<&'static str> = None,
        /// The common name in the certificate of the client.
        cert_cn: Option<ByteString> = None,
        /// SHA-256 of the certificate of the client, in hexadecimal digits.
        cert_fingerprint: Option<ByteString> = None,
        /// How many such refusals this one stands for; 1 unless they came too fast.
        repeated: u32 = 1,
    }
}

event! {
    /// A client is connected.
    ///
    /// Emitted after the event of its successful CONNACK.
    ClientConnected {
        /// The identifier the client connected with, or was given.
        clientid: ByteString = "pump-17".into(),
        /// The user name, where one was sent.
        username: Option<ByteString> = Some("plant".into()),
        /// The address of the client, `host:port`.
        peername: SocketAddr = PEER,
        /// The address of the listener, `host:port`.
        sockname: SocketAddr = SOCK,
        /// `MQTT`, or `MQIsdp` for MQTT 3.1.
        proto_name: &'static str = "MQTT",
        /// 3 for MQTT 3.1, 4 for 3.1.1, 5 for 5.0.
        proto_ver: u8 = 5,
        /// The keep-alive the client asked for, in s; 0 is none.
        keepalive: u16 = 60,
        /// Whether the client asked for a new session.
        clean_start: bool = true,
        /// Whether an earlier session went on.
        session_present: bool = false,
        /// How many unacknowledged messages the client takes.
        receive_maximum: u16 = 65_535,
        /// How long the session outlives its connection, in s.
        expiry_interval: u32 = 0,
        /// Whether the client says it is a bridge.
        is_bridge: bool = false,
        /// The properties of the CONNECT.
        conn_props: LazyMap = LazyMap::empty(),
        /// When the client was connected, in ms.
        connected_at: Timestamp = Timestamp::SAMPLE,
        /// The host that the client has asked for in TLS (SNI).
        sni: Option<ByteString> = None,
        /// The version of TLS, `1.2` or `1.3`; NULL without TLS.
        tls_version: Option<&'static str> = None,
        /// The common name in the certificate of the client.
        cert_cn: Option<ByteString> = None,
        /// SHA-256 of the certificate of the client, in hexadecimal digits.
        cert_fingerprint: Option<ByteString> = None,
        /// Attributes of the client.
        client_attrs: LazyMap = LazyMap::empty(),
    }
}

event! {
    /// A network connection ended.
    ///
    /// Emitted once for every connection, whatever ended it, also one refused or cut before CONNECT: `stage` tells
    /// them apart. Where the broker itself ended without a stop in order, it is emitted at the next start, with the reason
    /// `server_restart`. Beyond a number of connections a second and source address that were not accepted, the last one is
    /// told with their number in `repeated`.
    ClientDisconnected {
        /// Why the connection ended.
        reason: DisconnectReason = DisconnectReason::KeepaliveTimeout,
        /// Who ended it.
        initiator: Initiator = Initiator::Broker,
        /// How far the connection had come.
        stage: Stage = Stage::Session,
        /// What exactly happened, in words.
        detail: Option<ByteString> = None,
        /// The identifier of the client; NULL where no CONNECT came.
        clientid: Option<ByteString> = Some("pump-17".into()),
        /// The user name, where one was sent.
        username: Option<ByteString> = Some("plant".into()),
        /// Whether the client had been accepted.
        authenticated: bool = true,
        /// The address of the client, `host:port`.
        peername: SocketAddr = PEER,
        /// The address of the listener, `host:port`.
        sockname: SocketAddr = SOCK,
        /// `MQTT` or `MQIsdp`; NULL where no CONNECT came.
        proto_name: Option<&'static str> = Some("MQTT"),
        /// 3, 4 or 5; NULL where no CONNECT came.
        proto_ver: Option<u8> = Some(5),
        /// The properties of the client's DISCONNECT.
        disconn_props: LazyMap = LazyMap::empty(),
        /// When the client was connected, in ms; NULL where it never was.
        connected_at: Option<Timestamp> = Some(Timestamp(Timestamp::SAMPLE.0 - 90_000)),
        /// When the connection ended, in ms; with `server_restart` when the broker is last known to have run.
        disconnected_at: Timestamp = Timestamp::SAMPLE,
        /// How long the network connection lasted, in ms.
        duration_ms: u64 = 90_000,
        /// When the last packet came from the client, in ms; NULL where none came, and with `server_restart`.
        last_packet_at: Option<Timestamp> = Some(Timestamp(Timestamp::SAMPLE.0 - 90_000)),
        /// Packets received from the client; NULL with `server_restart`.
        packets_received: Option<u64> = Some(12),
        /// Packets sent to the client; NULL with `server_restart`.
        packets_sent: Option<u64> = Some(11),
        /// Bytes received from the client; NULL with `server_restart`.
        bytes_received: Option<u64> = Some(940),
        /// Bytes sent to the client; NULL with `server_restart`.
        bytes_sent: Option<u64> = Some(46),
        /// The connection that took over, where one did.
        taken_over_by: Option<ConnId> = None,
        /// How many endings like this one the event stands for.
        repeated: u32 = 1,
        /// Attributes of the client.
        client_attrs: LazyMap = LazyMap::empty(),
    }
}

event! {
    /// A client sent PINGREQ.
    ClientPing {
        /// The identifier of the client.
        clientid: ByteString = "pump-17".into(),
        /// The user name, where one was sent.
        username: Option<ByteString> = Some("plant".into()),
        /// The address of the client, `host:port`.
        peername: SocketAddr = PEER,
        /// The address of the listener, `host:port`.
        sockname: SocketAddr = SOCK,
        /// `MQTT`, or `MQIsdp` for MQTT 3.1.
        proto_name: &'static str = "MQTT",
        /// 3 for MQTT 3.1, 4 for 3.1.1, 5 for 5.0.
        proto_ver: u8 = 5,
        /// The keep-alive the client asked for, in s; 0 is none.
        keepalive: u16 = 60,
        /// Whether the client asked for a new session.
        clean_start: bool = true,
        /// How long the session outlives its connection, in s.
        expiry_interval: u32 = 0,
        /// When the client was connected, in ms.
        connected_at: Timestamp = Timestamp::SAMPLE,
        /// The properties of the CONNECT.
        conn_props: LazyMap = LazyMap::empty(),
        /// Attributes of the client.
        client_attrs: LazyMap = LazyMap::empty(),
    }
}
