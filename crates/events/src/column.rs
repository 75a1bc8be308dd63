//! How the parts of an event become values of columns, each only when a rule asks for it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::LazyLock;

use bytes::Bytes;
use bytestring::ByteString;

use crate::value::text_of_checked;
use crate::{ConnId, EventId, Map, MessageId, Timestamp, Type, Value};

/// A Rust type that a field of an event may have.
pub(crate) trait Column {
    /// The type that rules see.
    const TYPE: Type;
    /// Whether the value may be NULL.
    const OPTIONAL: bool = false;
    /// The value that rules see.
    fn to_value(&self) -> Value;
}

impl<T: Column> Column for Option<T> {
    const TYPE: Type = T::TYPE;
    const OPTIONAL: bool = true;
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Column::to_value)
    }
}

impl Column for bool {
    const TYPE: Type = Type::Bool;
    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }
}

macro_rules! integer_columns {
    ($($integer:ty),*) => {$(
        impl Column for $integer {
            const TYPE: Type = Type::Int;
            fn to_value(&self) -> Value {
                Value::Int(i64::from(*self))
            }
        }
    )*};
}
integer_columns!(u8, u16, u32, i64);

impl Column for u64 {
    const TYPE: Type = Type::Int;
    fn to_value(&self) -> Value {
        i64::try_from(*self).map_or_else(|_| Value::from_big((*self).into()), Value::Int)
    }
}

impl Column for ByteString {
    const TYPE: Type = Type::Text;
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }
}

impl Column for &'static str {
    const TYPE: Type = Type::Text;
    fn to_value(&self) -> Value {
        Value::from_static(self)
    }
}

impl Column for Timestamp {
    const TYPE: Type = Type::Timestamp;
    fn to_value(&self) -> Value {
        Value::Int(self.0)
    }
}

impl Column for ConnId {
    const TYPE: Type = Type::Int;
    fn to_value(&self) -> Value {
        self.0.to_value()
    }
}

impl Column for EventId {
    const TYPE: Type = Type::Text;
    fn to_value(&self) -> Value {
        Value::Text(self.to_text())
    }
}

impl Column for MessageId {
    const TYPE: Type = Type::Text;
    fn to_value(&self) -> Value {
        Value::Text(self.to_text())
    }
}

/// `host:port`, IPv6 hosts in brackets; an IPv4 address mapped into IPv6 is written as IPv4.
impl Column for SocketAddr {
    const TYPE: Type = Type::Text;
    fn to_value(&self) -> Value {
        match self.ip().to_canonical() {
            IpAddr::V4(host) => {
                let mut text = AddressText::default();
                text.push_v4(host);
                text.push(b':');
                text.push_port(self.port());
                text.into_value()
            }
            host @ IpAddr::V6(_) => Value::Text(SocketAddr::new(host, self.port()).to_string().into()),
        }
    }
}

impl Column for IpAddr {
    const TYPE: Type = Type::Text;
    fn to_value(&self) -> Value {
        match self.to_canonical() {
            IpAddr::V4(host) => {
                let mut text = AddressText::default();
                text.push_v4(host);
                text.into_value()
            }
            host @ IpAddr::V6(_) => Value::Text(host.to_string().into()),
        }
    }
}

/// `192.168.0.10:1883` in the making. Every message has such an address; the formatter of the standard library costs ten
/// times this, and a `String` with room to spare two allocations for one.
#[derive(Default)]
struct AddressText {
    bytes: [u8; "255.255.255.255:65535".len()],
    len: usize,
}

/// The digits of every octet, and how many they are.
#[expect(clippy::cast_possible_truncation, reason = "digits are below ten")]
const OCTETS: [([u8; 3], usize); 256] = {
    let mut octets = [([b'0'; 3], 1); 256];
    let mut octet = 1;
    while octet < 256 {
        let digits = [b'0' + (octet / 100) as u8, b'0' + (octet / 10 % 10) as u8, b'0' + (octet % 10) as u8];
        octets[octet] = match octet {
            0..10 => ([digits[2], b'0', b'0'], 1),
            10..100 => ([digits[1], digits[2], b'0'], 2),
            _ => (digits, 3),
        };
        octet += 1;
    }
    octets
};

impl AddressText {
    fn push_v4(&mut self, host: Ipv4Addr) {
        for (at, octet) in host.octets().into_iter().enumerate() {
            if at > 0 {
                self.push(b'.');
            }
            let (digits, len) = OCTETS[usize::from(octet)];
            // All three, of which the next byte covers what there is too much.
            self.bytes[self.len..self.len + 3].copy_from_slice(&digits);
            self.len += len;
        }
    }

    fn push_port(&mut self, port: u16) {
        for worth in [10_000, 1_000, 100, 10, 1] {
            if port >= worth || worth == 1 {
                self.push(b'0' + u8::try_from(port / worth % 10).expect("a remainder of ten is a digit"));
            }
        }
    }

    fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn into_value(self) -> Value {
        // Digits, points and a colon are ASCII.
        Value::Text(text_of_checked(Bytes::copy_from_slice(&self.bytes[..self.len])))
    }
}

/// The application message: text where it is UTF-8, bytes where it is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload(pub Bytes);

impl Column for Payload {
    const TYPE: Type = Type::Bytes;
    fn to_value(&self) -> Value {
        Value::from_bytes(self.0.clone())
    }
}

/// The flags of a PUBLISH, `{"dup":false,"retain":false}` in rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Always false where the broker has accepted the message just now.
    pub dup: bool,
    /// Whether the publisher asked for the message to be retained.
    pub retain: bool,
}

impl Column for Flags {
    const TYPE: Type = Type::Map;
    fn to_value(&self) -> Value {
        /// The four there are: by `dup`, then by `retain`.
        static VALUES: LazyLock<[[Value; 2]; 2]> = LazyLock::new(|| {
            [false, true].map(|dup| {
                [false, true].map(|retain| {
                    let flags = [("dup", dup), ("retain", retain)];
                    Map::from_iter(flags.map(|(name, flag)| (ByteString::from_static(name), Value::Bool(flag)))).into()
                })
            })
        });
        VALUES[usize::from(self.dup)][usize::from(self.retain)].clone()
    }
}

/// A map that is read out of bytes only when a rule asks for it, such as the properties of a packet.
#[derive(Clone)]
pub struct LazyMap(Lazy);

#[derive(Clone)]
enum Lazy {
    Raw { raw: Bytes, read: fn(&Bytes) -> Map },
    Read(Map),
}

impl LazyMap {
    /// A map that `read` makes of `raw`.
    pub const fn new(raw: Bytes, read: fn(&Bytes) -> Map) -> LazyMap {
        LazyMap(Lazy::Raw { raw, read })
    }

    /// The empty map.
    pub const fn empty() -> LazyMap {
        LazyMap::new(Bytes::new(), |_| Map::new())
    }

    /// The map itself.
    pub fn to_map(&self) -> Map {
        match &self.0 {
            Lazy::Raw { raw, read } => read(raw),
            Lazy::Read(map) => map.clone(),
        }
    }
}

/// One that somebody else has read.
impl From<Map> for LazyMap {
    fn from(map: Map) -> LazyMap {
        LazyMap(Lazy::Read(map))
    }
}

impl fmt::Debug for LazyMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LazyMap").field(&self.to_map()).finish()
    }
}

impl PartialEq for LazyMap {
    fn eq(&self, other: &LazyMap) -> bool {
        self.to_map() == other.to_map()
    }
}

impl Column for LazyMap {
    const TYPE: Type = Type::Map;
    fn to_value(&self) -> Value {
        /// Most packets have no properties, and this costs no allocation.
        static EMPTY: LazyLock<Value> = LazyLock::new(|| Map::new().into());
        let map = self.to_map();
        if map.is_empty() { EMPTY.clone() } else { map.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_is_written_as_the_standard_library_writes_it() {
        for octet in 0..=255 {
            let address = IpAddr::from([octet, 255 - octet, octet, octet]);
            assert_eq!(address.to_value(), Value::from(address.to_string()));
        }
    }

    #[test]
    fn addresses_are_written_as_the_standard_library_writes_them() {
        for text in ["0.0.0.0:0", "192.168.0.10:56431", "255.255.255.255:65535", "10.1.2.99:100", "[::1]:1883"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(address.to_value(), Value::from(text));
            assert_eq!(address.ip().to_value(), Value::from(address.ip().to_string()));
        }
        let mapped: SocketAddr = "[::ffff:10.0.0.1]:1".parse().unwrap();
        assert_eq!(mapped.to_value(), Value::from("10.0.0.1:1"));
    }
}
