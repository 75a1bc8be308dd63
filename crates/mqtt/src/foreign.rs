//! Recognises other protocols by the first bytes of a connection, so that its end can be explained.

use std::fmt;

/// A protocol that is not MQTT, seen on a port for MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotMqtt {
    /// A TLS ClientHello: the client wants encryption, the port has none.
    Tls,
    /// A request line of HTTP/1, WebSocket upgrades among them.
    Http,
    /// The preface of HTTP/2.
    Http2,
    /// A PROXY protocol header, version 1 or 2.
    ProxyProtocol,
    /// The identification of SSH.
    Ssh,
    /// A RDP or other TPKT connection request, as port scanners send them.
    Tpkt,
    /// An AMQP protocol header.
    Amqp,
    /// A STOMP or NATS `CONNECT` line.
    TextConnect,
}

impl NotMqtt {
    /// What it is and what to do about it, in one phrase.
    pub const fn explanation(self) -> &'static str {
        match self {
            NotMqtt::Tls => "expected MQTT, found a TLS handshake; help: connect without TLS or to the TLS listener",
            NotMqtt::Http => "expected MQTT, found an HTTP request; help: use the HTTP or WebSocket listener",
            NotMqtt::Http2 => "expected MQTT, found an HTTP/2 preface; help: use the HTTP or WebSocket listener",
            NotMqtt::ProxyProtocol => {
                "expected MQTT, found a PROXY protocol header; help: turn it off in the load balancer"
            }
            NotMqtt::Ssh => "expected MQTT, found an SSH client; help: check host and port of the client",
            NotMqtt::Tpkt => {
                "expected MQTT, found a remote desktop connection request; help: check who scans this port"
            }
            NotMqtt::Amqp => "expected MQTT, found an AMQP header; help: check host and port of the client",
            NotMqtt::TextConnect => {
                "expected MQTT, found a `CONNECT` text line; help: check host and port of the client"
            }
        }
    }

    /// A short name for counters and events.
    pub const fn name(self) -> &'static str {
        match self {
            NotMqtt::Tls => "tls",
            NotMqtt::Http => "http",
            NotMqtt::Http2 => "http2",
            NotMqtt::ProxyProtocol => "proxy_protocol",
            NotMqtt::Ssh => "ssh",
            NotMqtt::Tpkt => "tpkt",
            NotMqtt::Amqp => "amqp",
            NotMqtt::TextConnect => "text_connect",
        }
    }
}

impl fmt::Display for NotMqtt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.explanation())
    }
}

/// What each protocol begins with. No entry is the beginning of a CONNECT, whose first byte is 0x10.
const BEGINNINGS: &[(&[u8], NotMqtt)] = &[
    (b"\x16\x03", NotMqtt::Tls),
    (b"PRI * HTTP/2", NotMqtt::Http2),
    (b"PROXY ", NotMqtt::ProxyProtocol),
    (b"\r\n\r\n\0\r\nQUIT\n", NotMqtt::ProxyProtocol),
    (b"SSH-", NotMqtt::Ssh),
    (b"AMQP", NotMqtt::Amqp),
    (b"\x03\0\0", NotMqtt::Tpkt),
    (b"GET ", NotMqtt::Http),
    (b"POST ", NotMqtt::Http),
    (b"PUT ", NotMqtt::Http),
    (b"HEAD ", NotMqtt::Http),
    (b"OPTIONS ", NotMqtt::Http),
    (b"DELETE ", NotMqtt::Http),
    (b"PATCH ", NotMqtt::Http),
    (b"TRACE ", NotMqtt::Http),
    (b"CONNECT {", NotMqtt::TextConnect),
    (b"CONNECT\n", NotMqtt::TextConnect),
    (b"CONNECT\r", NotMqtt::TextConnect),
    (b"CONNECT ", NotMqtt::Http),
];

/// What the first bytes of a connection are if they are not MQTT. `None` for MQTT, for too few bytes and for what
/// nobody knows.
pub fn looks_like(bytes: &[u8]) -> Option<NotMqtt> {
    BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning)).map(|(_, protocol)| *protocol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_protocols_are_recognised() {
        for (bytes, expected) in [
            (&b"\x16\x03\x01\x02\x00\x01"[..], Some(NotMqtt::Tls)),
            (b"GET / HTTP/1.1\r\n", Some(NotMqtt::Http)),
            (b"CONNECT host:443 HTTP/1.1\r\n", Some(NotMqtt::Http)),
            (b"CONNECT {\"verbose\":false}", Some(NotMqtt::TextConnect)),
            (b"CONNECT\naccept-version:1.2", Some(NotMqtt::TextConnect)),
            (b"PRI * HTTP/2.0\r\n", Some(NotMqtt::Http2)),
            (b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n", Some(NotMqtt::ProxyProtocol)),
            (b"\r\n\r\n\0\r\nQUIT\n\x21", Some(NotMqtt::ProxyProtocol)),
            (b"SSH-2.0-OpenSSH_10", Some(NotMqtt::Ssh)),
            (b"AMQP\0\0\x09\x01", Some(NotMqtt::Amqp)),
            (b"\x03\0\0\x13\x0e", Some(NotMqtt::Tpkt)),
            (b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0", None),
            (b"GE", None),
            (b"", None),
        ] {
            assert_eq!(looks_like(bytes), expected, "{bytes:?}");
        }
    }
}
