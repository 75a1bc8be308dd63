//! What an operator may set, and the limit of everything a peer can grow.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use auth::{Bans, SeenCertificates};
use bytestring::ByteString;
use mqtt::{QoS, ReasonCode};
use regex::Regex;

use crate::flapping::FlappingConfig;
use crate::mountpoint::Mountpoint;
use crate::rate::Rates;
use crate::transport::Tls;

/// The settings of a broker.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// The name of this node in events.
    pub node: ByteString,
    /// The last `seq` the history knows of; the first lifecycle event gets the next number.
    pub last_seq: u64,
    /// Who may not connect.
    pub bans: Bans,
    /// Certificates of clients that were seen before.
    pub seen_certificates: SeenCertificates,
    /// When clients that come and go too often are banned; `None` for never.
    pub flapping: Option<FlappingConfig>,
    /// What clients may use up.
    pub limits: Limits,
    /// What a client may call itself.
    pub client_id: ClientIdConfig,
    /// What MQTT leaves to a server.
    pub protocol: ProtocolConfig,
    /// What the broker publishes about itself.
    pub sys: SysConfig,
}

impl Default for BrokerConfig {
    fn default() -> BrokerConfig {
        BrokerConfig {
            node: ByteString::from_static("signalbox@127.0.0.1"),
            last_seq: 0,
            bans: Bans::none(),
            seen_certificates: SeenCertificates::default(),
            flapping: None,
            limits: Limits::default(),
            client_id: ClientIdConfig::default(),
            protocol: ProtocolConfig::default(),
            sys: SysConfig::default(),
        }
    }
}

/// What a client may call itself. Another identifier is refused with `client_identifier_not_valid`.
#[derive(Clone, Debug)]
pub struct ClientIdConfig {
    /// Bytes of an identifier.
    pub max_len: usize,
    /// What every identifier that a client chooses has to match.
    pub pattern: Option<Pattern>,
}

impl Default for ClientIdConfig {
    fn default() -> ClientIdConfig {
        ClientIdConfig { max_len: 1024, pattern: None }
    }
}

/// A regular expression that matches a whole text.
#[derive(Clone)]
pub struct Pattern {
    text: Box<str>,
    whole: Regex,
}

impl Pattern {
    /// Reads a regular expression; the message of a wrong one says where it is wrong.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        // Alone first, so that the message shows what was written and not what it is wrapped in.
        Regex::new(text).map_err(|error| error.to_string())?;
        let whole = Regex::new(&format!("^(?:{text})$")).map_err(|error| error.to_string())?;
        Ok(Pattern { text: text.into(), whole })
    }

    /// Whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        self.whole.is_match(text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}

/// What MQTT leaves to a server.
#[derive(Clone, Debug, Default)]
pub struct ProtocolConfig {
    /// The Response Information of CONNACK for clients that ask for it, with `%c` for the client identifier; none where
    /// it is empty.
    pub response_information: ByteString,
    /// What SUBACK says to an MQTT 5 client that may not subscribe.
    pub denied_subscribe: DeniedSubscribe,
    /// Whether a payload that says it is UTF-8 is looked at. A message with another one is refused with
    /// `payload_format_invalid`, a will with `implementation_specific_error`.
    pub check_payload_format: bool,
}

/// What the broker publishes about itself below `$SYS/`, to clients that may read it.
#[derive(Clone, Debug)]
pub struct SysConfig {
    /// Seconds between two messages of the same number, while somebody subscribes to it; 0 for none at all.
    pub interval_s: u32,
}

impl Default for SysConfig {
    fn default() -> SysConfig {
        SysConfig { interval_s: 60 }
    }
}

impl SysConfig {
    /// Whether there are messages at all.
    pub(crate) const fn is_on(&self) -> bool {
        self.interval_s > 0
    }
}

/// What SUBACK says to an MQTT 5 client that may not subscribe. Before MQTT 5 there is only 0x80.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeniedSubscribe {
    /// 0x87.
    #[default]
    NotAuthorized,
    /// 0x80, which says nothing about permissions.
    UnspecifiedError,
}

impl DeniedSubscribe {
    /// The code in SUBACK.
    pub(crate) const fn code(self) -> ReasonCode {
        match self {
            DeniedSubscribe::NotAuthorized => ReasonCode::NotAuthorized,
            DeniedSubscribe::UnspecifiedError => ReasonCode::UnspecifiedError,
        }
    }
}

/// What clients may use up. Each limit says what happens to whoever reaches it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Subscriptions of one session. The next one gets SUBACK 0x97 quota exceeded, 0x80 before MQTT 5.
    pub subscriptions_max: usize,
    /// Filters of one SUBSCRIBE. Those beyond it get the same answer.
    pub subscribe_filters_max: usize,
    /// Levels of a topic or filter. More get `topic_name_invalid` or `topic_filter_invalid`.
    pub topic_levels_max: usize,
    /// Messages of QoS 1 and 2 on their way to one client at a time. The client may ask for fewer by its Receive
    /// Maximum; further messages wait in the queue.
    pub inflight_max: u16,
    /// Messages waiting for one session, online or not. Beyond it new ones are dropped for this receiver, counted in
    /// [`crate::Stats::deliveries_dropped`].
    pub queue_len_max: usize,
    /// Bytes of the messages waiting for one session, or sent and not acknowledged yet; as `queue_len_max`.
    pub queue_bytes_max: usize,
    /// Bytes of such messages of all sessions together; as `queue_len_max`. A message that waits for many
    /// sessions is counted for each.
    pub queued_bytes_total_max: usize,
    /// Seconds a message may wait for a session, 0 for any. An older one is dropped as if it had expired, when its turn
    /// comes or when queues are looked through, every ten seconds.
    pub queue_age_max_s: u32,
    /// Messages of QoS 2 one MQTT 5 client may have begun and not released: the Receive Maximum of CONNACK. The next
    /// one ends the connection with `receive_maximum_exceeded` [MQTT-3.3.4-9].
    pub receive_maximum: u16,
    /// The same for clients before MQTT 5, who are not told a number.
    pub receive_maximum_before_v5: u16,
    /// Topic aliases one MQTT 5 client may set. A higher one ends the connection with `topic_alias_invalid`.
    pub topic_alias_maximum: u16,
    /// Topic aliases the broker gives to one MQTT 5 client, if that takes them; further topics are sent in full.
    pub outgoing_topic_aliases_max: u16,
    /// Seconds a session may outlive its connection. An MQTT 5 client that asks for more is told this number; clients
    /// before MQTT 5 with a kept session get this number.
    pub session_expiry_max_s: u32,
    /// The longest keep-alive in seconds, 0 for any. An MQTT 5 client that asks for more, or for none, is told this
    /// number as Server Keep Alive; clients before MQTT 5 are left alone.
    pub keepalive_max_s: u16,
    /// Sessions without a connection. When one more is parked, it is discarded instead.
    pub offline_sessions_max: usize,
    /// Retained messages. A new one beyond it is not retained and counted; an existing one may still be replaced.
    pub retained_messages_max: usize,
    /// Bytes of retained messages; as `retained_messages_max`.
    pub retained_bytes_max: usize,
    /// How often a message may be republished by rules in a row before it is refused as a loop.
    pub hops_max: u8,
    /// Clients whose `client_seq` is remembered after their session is gone. When there are more, the oldest half is
    /// forgotten and they begin a new `client_epoch`.
    pub departed_clients_max: usize,
    /// Refusals and endings of connections that were not accepted, for each source address and second; the rest is told
    /// as one event of each kind with its number in `repeated`.
    pub unauthenticated_events_per_s: u32,
    /// Bytes of memory the process may take, looked at once a second; 0 for no limit. Beyond it new clients are refused
    /// with `server_busy` and counted in [`crate::Stats::connects_refused_memory`]; those that are there go on.
    pub memory_bytes_max: u64,
    /// What may come from one client, by its identifier. Its CONNECTs count once it is known who it is, so that nobody
    /// can use up those of somebody else.
    pub client_rates: Rates,
    /// What may come from one address (IPv6: one /64).
    pub address_rates: Rates,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            subscriptions_max: 10_000,
            subscribe_filters_max: 1_000,
            topic_levels_max: 128,
            inflight_max: 1024,
            queue_len_max: 10_000,
            queue_bytes_max: 16 << 20,
            queued_bytes_total_max: 1 << 30,
            queue_age_max_s: 0,
            receive_maximum: 1024,
            receive_maximum_before_v5: 8192,
            topic_alias_maximum: 64,
            outgoing_topic_aliases_max: 64,
            session_expiry_max_s: 7 * 24 * 3600,
            keepalive_max_s: 0,
            offline_sessions_max: 100_000,
            retained_messages_max: 1_000_000,
            retained_bytes_max: 256 << 20,
            hops_max: 8,
            departed_clients_max: 100_000,
            unauthenticated_events_per_s: 100,
            memory_bytes_max: 0,
            client_rates: Rates::default(),
            address_rates: Rates::default(),
        }
    }
}

/// The settings of a listener.
#[derive(Clone, Debug)]
pub struct ListenerConfig {
    /// Where it listens.
    pub bind: Bind,
    /// Whether every connection begins with a header of the PROXY protocol, which says who the client is. One that does
    /// not ends with `proxy_protocol_error`. Only for ports that nobody but the load balancer can reach.
    pub proxy_protocol: bool,
    /// Encryption, where there is any.
    pub tls: Option<Tls>,
    /// The path of the WebSocket, where MQTT comes through one.
    pub websocket_path: Option<String>,
    /// Connections at a time. One more is answered with `quota_exceeded` (before MQTT 5 `server_unavailable`).
    pub max_connections: usize,
    /// Connections beyond `max_connections` that wait for their refusal at a time. More are closed at once.
    pub refusals_max: usize,
    /// Bytes of a packet. A larger one ends the connection with `packet_too_large`, from its header alone.
    pub packet_bytes_max: u32,
    /// Bytes of a CONNECT, will and password included: what a stranger may make the broker hold.
    pub connect_bytes_max: u32,
    /// Milliseconds from accept to a whole CONNECT, after which the connection ends with `connect_timeout`.
    pub connect_timeout_ms: u32,
    /// The highest QoS that may be published here; a will beyond it is refused with `qos_not_supported`.
    pub max_qos: QoS,
    /// Whether messages may be retained; where not, a retained will is refused with `retain_not_supported`.
    pub retain_available: bool,
    /// When messages for sessions that outlive their connection are acknowledged.
    pub ack_after: AckAfter,
    /// Where clients are sent instead of being served.
    pub redirect: Option<Redirect>,
    /// The prefix of all topics of its clients, which they do not see.
    pub mountpoint: Option<Mountpoint>,
    /// What may come from all its clients together.
    pub rates: Rates,
    /// Whether an MQTT 5 client that may not connect is told why; where not, it gets `unspecified_error` instead of
    /// what would say something about users and bans. Events have the reason in `detail`.
    pub tell_refusals: bool,
}

/// When a PUBACK may be sent for messages that go to sessions which outlive their connection, and with it every other
/// packet that promises what is to survive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AckAfter {
    /// When the message is in memory. A power loss or a kill may take what came in the last milliseconds.
    Memory,
    /// When the message is on disk.
    #[default]
    Disk,
}

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// An address; port 0 takes a free port.
    Tcp(SocketAddr),
    /// A socket in the file system. Its clients have the address `127.0.0.1:0` in events and are of this machine for
    /// whoever asks.
    Unix {
        /// The path. A socket that a dead process has left there is replaced; anything else is an error.
        path: PathBuf,
        /// Who may connect, as permissions of the file.
        mode: u32,
    },
}

/// Where a listener really is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// An address.
    Tcp(SocketAddr),
    /// A path.
    Unix(PathBuf),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Tcp(address) => address.fmt(f),
            Bound::Unix(path) => path.display().fmt(f),
        }
    }
}

/// Another server that clients are to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The server reference of MQTT 5, such as `mqtt.example.com:1883`.
    pub server: ByteString,
    /// From now on (`server_moved`), or for now (`use_another_server`).
    pub permanent: bool,
}

impl ListenerConfig {
    /// The defaults, at `bind`.
    pub fn new(bind: SocketAddr) -> ListenerConfig {
        ListenerConfig {
            bind: Bind::Tcp(bind),
            proxy_protocol: false,
            tls: None,
            websocket_path: None,
            max_connections: 100_000,
            refusals_max: 1000,
            packet_bytes_max: 1 << 20,
            connect_bytes_max: 128 << 10,
            connect_timeout_ms: 10_000,
            max_qos: QoS::ExactlyOnce,
            retain_available: true,
            ack_after: AckAfter::default(),
            redirect: None,
            mountpoint: None,
            rates: Rates::default(),
            tell_refusals: true,
        }
    }
}
