//! Every option, declared once: its type, its default, what it does. `config show` and the sample file follow from it.

use std::net::SocketAddr;

use broker::{Mountpoint, Rate};
use mqtt::QoS;

use super::section::section;
use super::setting::{FileMode, FilePath, IdPattern, choices};

section! {
    /// The top of the file.
    Root {
        /// Where everything is kept that has to survive a restart. One process at a time may use it.
        data_dir: FilePath = "data",
        /// The rules: one `.sql` file each. A change is live within two seconds.
        rules_dir: FilePath = "rules",
        /// The name of this broker in events.
        node: String = "signalbox@127.0.0.1",
    }
}

choices! {
    /// How clients reach a listener.
    ListenerKind, "one of `tcp`, `tls`, `ws`, `wss`, `unix`" {
        /// Plain TCP.
        Tcp = "tcp",
        /// TLS.
        Tls = "tls",
        /// WebSocket.
        Ws = "ws",
        /// WebSocket over TLS.
        Wss = "wss",
        /// A socket in the file system.
        Unix = "unix",
    }
}

choices! {
    /// When a PUBACK may be sent for messages that go to persistent sessions.
    AckAfter, "`memory` or `disk`" {
        /// As soon as the message is in the sessions' queues.
        Memory = "memory",
        /// When it is on disk, too.
        Disk = "disk",
    }
}

choices! {
    /// Where sessions, retained messages and wills are kept.
    SessionStore, "`disk` or `memory`" {
        /// In the data directory.
        Disk = "disk",
        /// In memory alone.
        Memory = "memory",
    }
}

section! {
    /// `[listeners.NAME]`: an address that MQTT clients connect to.
    Listener {
        /// How clients reach it: `tcp`; `tls`; `ws` or `wss`, MQTT in a WebSocket; `unix`, a socket in the file system.
        kind: ListenerKind = "tcp",
        /// The address and port; port 0 takes a free one. `[::]:1883` takes IPv4 and IPv6. A socket in the file system
        /// has `path` in `[listeners.NAME.unix]` instead.
        bind: SocketAddr = "0.0.0.0:1883",
        /// Whether a load balancer says who the client is, by a header of the PROXY protocol (version 1 or 2) in front
        /// of everything else. A connection without one ends with `proxy_protocol_error`. Let nobody but the load
        /// balancer reach such a port: whoever does may claim any address.
        proxy_protocol: bool = "false",
        /// Whether clients are asked who they are. Where not, everybody gets in under the name that CONNECT gives,
        /// whatever the password: for networks that let nobody else through.
        authentication: bool = "true",
        /// Who may connect here without a password: `no`, `loopback`, `yes`; empty: as `[auth]` says.
        anonymous: Option<Anonymous> = "",
        /// Who is asked about clients that come here, in this order, as `chain` in `[auth]`; empty: as that says.
        auth_chain: Vec<String> = "[]",
        /// What stands before all topics of its clients, which do not see it: `plant-7/`, `devices/${clientid}/`,
        /// `${username}/`. They publish and subscribe below it, and nowhere else but to topics of the broker such as
        /// `$SYS/`; ACLs speak of topics as clients see them, rules and events of the whole ones. A client whose
        /// identifier or user name has `/`, `+` or `#` in it is refused with `not_authorized` where that is part of the
        /// mountpoint. Empty for none.
        mountpoint: Option<Mountpoint> = "",
        /// Network connections at one time. Beyond it a client gets `quota_exceeded` (MQTT 5) or `server_unavailable`.
        max_connections: usize = "100_000",
        /// When a PUBACK may be sent for messages that go to persistent sessions or are retained, and every other packet
        /// that promises what is to survive: `disk`, when it is synced to disk, some milliseconds later; `memory`, at
        /// once, so that a power loss takes what came in the last milliseconds.
        ack_after: AckAfter = "disk",
        /// Connections beyond `max_connections` that wait for their refusal at a time. More are closed at once.
        refusals_max: usize = "1_000",
        /// Bytes of a packet. A larger one ends the connection with `packet_too_large`, from its header alone.
        packet_bytes_max: u32 = "1_048_576",
        /// Bytes of a CONNECT, will and password included: what a stranger may make the broker hold.
        connect_bytes_max: u32 = "131_072",
        /// Milliseconds from the network connection to a whole CONNECT, after which it ends with `connect_timeout`.
        connect_timeout_ms: u32 = "10_000",
        /// The highest QoS that may be published here; a will beyond it is refused with `qos_not_supported`.
        max_qos: QoS = "2",
        /// Whether messages may be retained; where not, a retained will is refused with `retain_not_supported`.
        retain_available: bool = "true",
        /// CONNECTs of all its clients: `100/s`, `600/m`, `50/10s`, or a number for so many a second; 0 is no limit. So
        /// many may come at once, and then evenly. More are refused with `connection_rate_exceeded`.
        connect_rate_max: Option<Rate> = "0",
        /// Messages that all its clients together publish, as a rate. Who sends more is not read from until there is
        /// room again, which its network connection hands on to it; `reads_paused` in the metrics counts how often.
        message_rate_max: Option<Rate> = "0",
        /// Bytes of the packets of such messages; as `message_rate_max`.
        byte_rate_max: Option<Rate> = "0",
        /// Whether an MQTT 5 client that may not connect is told why; where not, it gets `unspecified_error` instead of
        /// what would say something about users and bans. Events have the reason in `detail`.
        tell_refusals: bool = "true",
    }
}

choices! {
    /// Whether clients show certificates.
    VerifyClients, "one of `none`, `optional`, `required`" {
        /// They are not asked.
        No = "none",
        /// They are asked; one that is shown must be good.
        Optional = "optional",
        /// Who shows none is refused.
        Required = "required",
    }
}

choices! {
    /// A version of TLS.
    TlsVersion, "one of `1.2`, `1.3`" {
        /// 1.2.
        V12 = "1.2",
        /// 1.3.
        V13 = "1.3",
    }
}

section! {
    /// `[listeners.NAME.tls]`: encryption, for the kinds `tls` and `wss`. Changed files are taken up within seconds: new
    /// connections get the new certificate, others stay. Files that cannot be used are told in the log, and the
    /// certificate of before stays.
    Tls {
        /// The certificate of the broker in PEM, and behind it those of the authorities up to one that clients trust.
        cert_file: FilePath = "tls/server.pem",
        /// Its private key in PEM.
        key_file: FilePath = "tls/server.key",
        /// Whether clients show certificates: `none`, they are not asked; `optional`, one that is shown must be good;
        /// `required`.
        verify: VerifyClients = "none",
        /// The authorities that sign certificates of clients, in PEM; read where clients are asked.
        ca_file: FilePath = "tls/clients-ca.pem",
        /// The certificates that those authorities have revoked, in PEM; empty for none.
        crl_file: Option<FilePath> = "",
        /// The lowest version that is spoken: `1.2` or `1.3`.
        min_version: TlsVersion = "1.2",
        /// Whether clients may come back with a ticket, which spares both sides most of the work.
        session_tickets: bool = "true",
    }
}

section! {
    /// `[listeners.NAME.tls.certificates.ANY]`: another certificate, for clients that ask for certain hosts (SNI).
    HostCertificate {
        /// The hosts, such as `mqtt.example.com` or `*.example.com`; without any those that the certificate names.
        hosts: Vec<String> = "[]",
        /// As in the table above.
        cert_file: FilePath = "tls/host.pem",
        /// As in the table above.
        key_file: FilePath = "tls/host.key",
    }
}

section! {
    /// `[listeners.NAME.websocket]`: for the kinds `ws` and `wss`. Clients ask for the subprotocol `mqtt`.
    WebSocket {
        /// The path of the URL.
        path: String = "/mqtt",
    }
}

section! {
    /// `[listeners.NAME.unix]`: for the kind `unix`. Clients have the address `127.0.0.1:0` in events, and are of this
    /// machine for `anonymous = "loopback"`.
    UnixSocket {
        /// Where it is. What a broker that was killed has left there is replaced.
        path: FilePath = "mqtt.sock",
        /// Who may connect: the permissions of the file, in octal digits.
        mode: FileMode = "660",
    }
}

section! {
    /// `[listeners.NAME.redirect]`: where its clients are sent instead of being served.
    Redirect {
        /// The server they are to use, such as `mqtt.example.com:1883`.
        server: String = "",
        /// From now on (`server_moved`), or for now (`use_another_server`).
        permanent: bool = "false",
    }
}

section! {
    /// `[client_id]`: what a client may call itself. Another one is refused with `client_identifier_not_valid`.
    ClientId {
        /// Bytes of a client identifier.
        max_len: usize = "1_024",
        /// A regular expression that the whole of every identifier has to match, such as `[a-z]+-[0-9]{1,6}`; empty for
        /// any. Identifiers that the broker assigns are not asked.
        pattern: IdPattern = "",
    }
}

choices! {
    /// What SUBACK says to an MQTT 5 client that may not subscribe.
    DeniedSubscribe, "`not_authorized` or `unspecified_error`" {
        /// 0x87.
        NotAuthorized = "not_authorized",
        /// 0x80, which says nothing about permissions; all that there is before MQTT 5.
        UnspecifiedError = "unspecified_error",
    }
}

section! {
    /// `[mqtt]`: what MQTT leaves to a server.
    Mqtt {
        /// The Response Information for MQTT 5 clients that ask for it, with `%c` for the client identifier, such as
        /// `responses/%c/`; empty for none.
        response_information: String = "",
        /// What SUBACK says to an MQTT 5 client that may not subscribe: `not_authorized` or `unspecified_error`.
        denied_subscribe: DeniedSubscribe = "not_authorized",
        /// Whether a payload that says it is UTF-8 is looked at. Another one is refused with `payload_format_invalid`,
        /// a will with `implementation_specific_error`.
        check_payload_format: bool = "false",
    }
}

section! {
    /// `[sys]`: what the broker publishes about itself below `$SYS/`, to clients that the ACL lets read it.
    Sys {
        /// Seconds between two messages of the same number, while somebody subscribes to it; 0 for none at all.
        interval_s: u32 = "60",
    }
}

section! {
    /// `[durability]`: what survives a restart, a kill and a power loss.
    Durability {
        /// Where sessions that outlive their connection are kept, with what they subscribe to and what waits for them,
        /// and retained messages and delayed wills: on `disk`, in `data_dir`, or in `memory`, where they end with the
        /// process.
        store: SessionStore = "disk",
    }
}

section! {
    /// `[limits]`: what clients may use up, and what happens to who reaches a limit.
    Limits {
        /// Subscriptions of one session. The next one gets SUBACK 0x97 quota exceeded, 0x80 before MQTT 5.
        subscriptions_max: usize = "10_000",
        /// Filters of one SUBSCRIBE. Those beyond it get the same answer.
        subscribe_filters_max: usize = "1_000",
        /// Levels of a topic or filter. More get `topic_name_invalid` or `topic_filter_invalid`.
        topic_levels_max: usize = "128",
        /// Messages of QoS 1 and 2 on their way to one client at a time; further ones wait in its queue.
        inflight_max: u16 = "1_024",
        /// Messages waiting for one session, online or not. Beyond it new ones are dropped for it, and counted.
        queue_len_max: usize = "10_000",
        /// Bytes of the messages waiting for one session, or sent and not acknowledged yet; as `queue_len_max`.
        queue_bytes_max: usize = "16_777_216",
        /// Bytes of the messages waiting for all sessions together; as `queue_len_max`.
        queued_bytes_total_max: usize = "1_073_741_824",
        /// Seconds a message may wait for a session, 0 for any; then it is dropped as if it had expired.
        queue_age_max_s: u32 = "0",
        /// Messages of QoS 2 one MQTT 5 client may have begun and not released. The next one ends the connection.
        receive_maximum: u16 = "1_024",
        /// The same for clients before MQTT 5, who are not told a number.
        receive_maximum_before_v5: u16 = "8_192",
        /// Topic aliases one MQTT 5 client may set. A higher one ends the connection with `topic_alias_invalid`.
        topic_alias_maximum: u16 = "64",
        /// Topic aliases the broker gives to one MQTT 5 client, if that takes them; further topics are sent in full.
        outgoing_topic_aliases_max: u16 = "64",
        /// Seconds a session may outlive its connection. Who asks for more is told this number.
        session_expiry_max_s: u32 = "604_800",
        /// The longest keep-alive in seconds, 0 for any. An MQTT 5 client that asks for more is told this number.
        keepalive_max_s: u16 = "0",
        /// Sessions without a connection. When one more would be kept, it is discarded instead.
        offline_sessions_max: usize = "100_000",
        /// Retained messages. A new one beyond it is not retained, and counted; one that is there may be replaced.
        retained_messages_max: usize = "1_000_000",
        /// Bytes of retained messages; as `retained_messages_max`.
        retained_bytes_max: usize = "268_435_456",
        /// How often a message may be republished by rules in a row before it is refused as a loop.
        hops_max: u8 = "8",
        /// Clients whose `client_seq` is remembered after their session is gone. Beyond it the oldest half is forgotten.
        departed_clients_max: usize = "100_000",
        /// Refusals and endings of connections that were not accepted, for each source address and second; the rest is
        /// told as one event of each kind with its number in `repeated`.
        unauthenticated_events_per_s: u32 = "100",
        /// MiB of memory that the process may take (resident), looked at once a second; 0 for no limit. Beyond it new
        /// clients are refused with `server_busy` (`server_unavailable` before MQTT 5), which the log tells once and
        /// `connects_refused_memory` in the metrics counts; those that are there go on.
        memory_max_mib: u32 = "0",
    }
}

section! {
    /// `[limits.client]` and `[limits.address]`: how much may come from one client, by its identifier, and from one
    /// address (IPv6: one /64), whatever the listener.
    Rates {
        /// CONNECTs: `1/s`, `10/m`, `20/10s`, or a number for so many a second; 0 is no limit. So many may come at once,
        /// and then evenly. More are refused with `connection_rate_exceeded`. Those of a client count once it is known
        /// who it is, so that nobody can use up those of somebody else.
        connect_rate_max: Option<Rate> = "0",
        /// Messages that are published, as a rate. Who sends more is not read from until there is room again, which its
        /// network connection hands on to it; `reads_paused` in the metrics counts how often.
        message_rate_max: Option<Rate> = "0",
        /// Bytes of the packets of such messages; as `message_rate_max`.
        byte_rate_max: Option<Rate> = "0",
    }
}

section! {
    /// `[flapping]`: bans clients that come and go all the time.
    Flapping {
        /// Whether they are banned. A ban made here is one like all others: `signalbox bans list` shows it, with `flapping`
        /// as who has made it, and `signalbox bans remove` lifts it.
        enabled: bool = "false",
        /// Connections of one client, by its identifier, that may end within the window. Those that the broker has ended by
        /// a kick, a ban or its own stop do not count, nor those that were never accepted.
        max_count: u32 = "15",
        /// The window in seconds; it begins with the first end.
        window_s: u32 = "60",
        /// Seconds until the ban ends.
        ban_s: u32 = "300",
    }
}

section! {
    /// `[http]`: API, metrics and health.
    Http {
        /// The address and port; port 0 takes a free one.
        bind: SocketAddr = "127.0.0.1:8080",
        /// Host names by which browsers and clients may call it, beside `localhost` and the addresses it is bound to.
        /// A request with another Host or Origin header is refused, which keeps foreign web pages out.
        hosts: Vec<String> = "[]",
    }
}

choices! {
    /// Who may connect without a password.
    Anonymous, "one of `no`, `loopback`, `yes`" {
        /// Nobody.
        No = "no",
        /// Clients on this machine.
        Loopback = "loopback",
        /// Everybody.
        Yes = "yes",
    }
}

choices! {
    /// What holds where no source of rules has one.
    NoMatch, "one of `auto`, `allow`, `deny`" {
        /// It depends on whether there are rules at all.
        Auto = "auto",
        /// Open.
        Allow = "allow",
        /// Closed.
        Deny = "deny",
    }
}

section! {
    /// `[auth]`: who may connect, publish and subscribe.
    Auth {
        /// Who may connect without a password: `no`, `loopback`, `yes`. Without a password such a client is anonymous
        /// whatever its user name; a password that is given is always checked.
        anonymous: Anonymous = "loopback",
        /// The users and their password hashes, written by `signalbox users add`. A change is noticed by itself.
        users_file: FilePath = "users",
        /// Who may publish and subscribe what, in Mosquitto's syntax, with roles. Without the file every client may
        /// use every topic that does not begin with `$`.
        acl_file: FilePath = "acl",
        /// Who is asked about a client, in this order: `users`, which is the users file, and the names of
        /// `[auth.authenticators.NAME]`. The first that says yes or no decides. Where it is empty, `users` and then the
        /// others as they stand in the file.
        chain: Vec<String> = "[]",
        /// What holds where no source of rules has one: `allow`, `deny`, or `auto`, which is `deny` for a client with
        /// rules of its own and where there is an ACL file or a service that is asked (`[auth.authorizers.NAME]`), else
        /// `allow`. Built-in rules (`signalbox acl add`) leave it as it is.
        no_match: NoMatch = "auto",
    }
}

section! {
    /// `[rules]`: how far one evaluation of a rule may go. A rule that goes further fails on that event, and is counted.
    Rules {
        /// Function calls, elements of lists and rows of one evaluation. Beyond it the rule fails with `E504`.
        steps_max: u64 = "1_000_000",
        /// Bytes of text, lists and maps that one evaluation makes. Beyond it the rule fails with `E505`.
        result_bytes_max: usize = "16_777_216",
        /// Rows of one FOREACH. Beyond it the rule fails with `E504`.
        rows_max: usize = "10_000",
    }
}

section! {
    /// `[rules.dead_letters]`: how many outputs that were given up are kept, and for how long. What comes first counts;
    /// the oldest go. `buffer.dead_letters` of an action bounds its own.
    DeadLetters {
        /// Days that an output is kept.
        days: u32 = "30",
        /// How many of all actions together.
        len_max: usize = "100_000",
        /// MiB that all of them together may take, in memory and about as much on disk.
        mib: u32 = "256",
    }
}

section! {
    /// `[audit]`: how long it is kept who changed what, and how much of it. What comes first counts; the oldest go.
    Audit {
        /// Days.
        days: u32 = "90",
        /// MiB.
        mib: u32 = "16",
    }
}

section! {
    /// `[rules.jq]`: the function `jq`, whose programs run in processes of their own.
    Jq {
        /// Whether rules may call `jq`. Where not, a rule that does is refused with `E120`.
        enabled: bool = "false",
        /// Milliseconds that one call may take; a rule may ask for less. Beyond it the process is killed, and the rule
        /// fails with `E504`. The client whose message it is waits as long.
        timeout_ms: u32 = "1_000",
        /// MiB that one process may take. Beyond it the process ends, and the rule fails with `E505`.
        memory_mib: u32 = "64",
        /// Processes at one time. A call waits for one at most as long as it may take.
        processes: usize = "2",
    }
}

choices! {
    /// Where the history is kept.
    HistoryStore, "`sqlite`" {
        /// In the data directory.
        Sqlite = "sqlite",
    }
}

section! {
    /// `[history]`: what happened to clients, kept for later questions.
    History {
        /// Where it is kept: `sqlite`, in the data directory.
        store: HistoryStore = "sqlite",
    }
}

section! {
    /// `[history.retention]`: how much history is kept; what comes first counts.
    Retention {
        /// Days that an event is kept.
        days: u32 = "30",
        /// Size on disk in GiB.
        gib: u32 = "10",
    }
}

choices! {
    /// How the log is written.
    LogFormat, "one of `auto`, `text`, `json`" {
        /// Text in a terminal, JSON otherwise.
        Auto = "auto",
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

section! {
    /// `[log]`: what is told on standard error.
    Log {
        /// How: `text`, `json`, or `auto`, which is text in a terminal and JSON otherwise.
        format: LogFormat = "auto",
        /// How much: `error`, `warn`, `info`, `debug`, `trace`, also by part: `info,broker=debug`.
        level: String = "info",
    }
}
