//! CONNECT: a client asks for a connection.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;

use crate::encode::EncodeError;
use crate::error::DecodeErrorKind;
use crate::frame::{Header, Sender};
use crate::packet::carrier;
use crate::property::{self, Properties};
use crate::qos::QoS;
use crate::read::{Reader, Refusal};
use crate::version::Version;
use crate::write::{check_len, properties_len, put_prefixed, put_properties};

/// The bit of the protocol level with which a bridge says that it is one. Mosquitto's bridges set it for MQTT 3.1 and
/// 3.1.1; the standard does not know it.
pub(crate) const BRIDGE_BIT: u8 = 0x80;

const RESERVED: u8 = 0x01;
const CLEAN_START: u8 = 0x02;
const WILL: u8 = 0x04;
const WILL_QOS: u8 = 0x18;
const WILL_RETAIN: u8 = 0x20;
const PASSWORD: u8 = 0x40;
const USERNAME: u8 = 0x80;

/// A client asks for a connection. Its `Debug` form leaves the password out.
#[derive(Clone, PartialEq, Eq)]
pub struct Connect {
    /// The version of everything that follows on the connection.
    pub version: Version,
    /// Whether an older session is forgotten; `clean session` before MQTT 5, where the new one ends with the
    /// connection too.
    pub clean_start: bool,
    /// Seconds between packets of the client; 0 turns the watch off.
    pub keepalive_s: u16,
    /// May be empty: whether that is allowed depends on version and session.
    pub client_id: ByteString,
    /// Absent and empty are different.
    pub username: Option<ByteString>,
    /// Absent and empty are different.
    pub password: Option<Bytes>,
    /// What to publish when the connection is lost.
    pub will: Option<Will>,
    /// Empty before MQTT 5.
    pub properties: Properties,
    /// Whether the client is a bridge: it has set the highest bit of the level.
    pub bridge: bool,
}

/// What is published when a connection is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    /// A topic name without wildcards.
    pub topic: ByteString,
    /// Any bytes.
    pub payload: Bytes,
    /// As in PUBLISH.
    pub qos: QoS,
    /// As in PUBLISH.
    pub retain: bool,
    /// Those of the message, and the will delay; empty before MQTT 5.
    pub properties: Properties,
}

impl Connect {
    pub(crate) fn decode(mut reader: Reader, header: &Header) -> Result<Connect, Refusal> {
        let reader = &mut reader;
        let (version, bridge) = protocol(reader)?;
        reader.version = Some(version);
        header.check_minimal(reader, version)?;
        let flags_at = reader.offset();
        let flags = reader.u8("connect flags")?;
        let keepalive_s = reader.u16("keep alive")?;
        let mut properties = Properties::new();
        if version.is_v5() {
            let at = reader.offset();
            properties = property::read(reader, carrier::CONNECT, Sender::Client)?;
            reader.check_authentication(&properties, at)?;
        }
        // The flags are judged after the client identifier, so that the refusal can name the client.
        let client_id = reader.text("client identifier")?;
        reader.client_id = Some(client_id.clone());
        let will_qos = check_flags(flags, version).map_err(|kind| reader.fail("connect flags", flags_at, kind))?;
        let will =
            if flags & WILL == 0 { None } else { Some(will(reader, version, will_qos, flags & WILL_RETAIN != 0)?) };
        let username = if is_given(reader, version, flags & USERNAME) { Some(reader.text("user name")?) } else { None };
        let password =
            if is_given(reader, version, flags & PASSWORD) { Some(reader.binary("password")?) } else { None };
        reader.end()?;
        let clean_start = flags & CLEAN_START != 0;
        Ok(Connect { version, clean_start, keepalive_s, client_id, username, password, will, properties, bridge })
    }

    pub(crate) fn check(&self) -> Result<(), EncodeError> {
        check_len("client identifier", self.client_id.as_bytes())?;
        if let Some(will) = &self.will {
            check_len("will topic", will.topic.as_bytes())?;
            check_len("will payload", &will.payload)?;
        }
        check_len("user name", self.username.as_ref().map_or(&[], |name| name.as_bytes()))?;
        check_len("password", self.password.as_deref().unwrap_or_default())
    }

    pub(crate) fn body_len(&self) -> usize {
        let is_v5 = self.version.is_v5();
        let properties = |properties| if is_v5 { properties_len(properties) } else { 0 };
        let will = self
            .will
            .as_ref()
            .map_or(0, |will| properties(&will.properties) + 2 + will.topic.len() + 2 + will.payload.len());
        // Name, level, flags and keep alive, then the payload.
        2 + self.version.protocol_name().len()
            + 1
            + 1
            + 2
            + properties(&self.properties)
            + 2
            + self.client_id.len()
            + will
            + self.username.as_ref().map_or(0, |name| 2 + name.len())
            + self.password.as_ref().map_or(0, |password| 2 + password.len())
    }

    pub(crate) fn write_body(&self, out: &mut BytesMut) {
        let is_v5 = self.version.is_v5();
        put_prefixed(self.version.protocol_name().as_bytes(), out);
        out.put_u8(self.version.level() | if self.bridge && !is_v5 { BRIDGE_BIT } else { 0 });
        out.put_u8(self.flags());
        out.put_u16(self.keepalive_s);
        if is_v5 {
            put_properties(&self.properties, out);
        }
        put_prefixed(self.client_id.as_bytes(), out);
        if let Some(will) = &self.will {
            if is_v5 {
                put_properties(&will.properties, out);
            }
            put_prefixed(will.topic.as_bytes(), out);
            put_prefixed(&will.payload, out);
        }
        if let Some(username) = &self.username {
            put_prefixed(username.as_bytes(), out);
        }
        if let Some(password) = &self.password {
            put_prefixed(password, out);
        }
    }

    fn flags(&self) -> u8 {
        let flag = |set, bit| if set { bit } else { 0 };
        let will = self.will.as_ref().map_or(0, |will| WILL | u8::from(will.qos) << 3 | flag(will.retain, WILL_RETAIN));
        flag(self.clean_start, CLEAN_START)
            | will
            | flag(self.password.is_some(), PASSWORD)
            | flag(self.username.is_some(), USERNAME)
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = self.password.as_ref().map(|password| format!("{} bytes", password.len()));
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("clean_start", &self.clean_start)
            .field("keepalive_s", &self.keepalive_s)
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("password", &password)
            .field("will", &self.will)
            .field("properties", &self.properties)
            .field("bridge", &self.bridge)
            .finish()
    }
}

/// The version of a CONNECT of which only the beginning is there, as far as it says it.
pub(crate) fn begun_version(body: &[u8]) -> Option<Version> {
    [Version::V31, Version::V311, Version::V5].into_iter().find(|version| {
        let name = version.protocol_name();
        body.strip_prefix(&[0])
            .and_then(|rest| rest.strip_prefix(&[u8::try_from(name.len()).ok()?]))
            .and_then(|rest| rest.strip_prefix(name.as_bytes()))
            .is_some_and(|rest| rest.first() == Some(&version.level()))
    })
}

/// Protocol name and level, and whether the client is a bridge.
fn protocol(reader: &mut Reader) -> Result<(Version, bool), Refusal> {
    let name_at = reader.offset();
    let (start, end) = reader.prefixed("protocol name")?;
    let is_old = match reader.bytes(start, end) {
        b"MQIsdp" => true,
        b"MQTT" => false,
        other => {
            let name: String = String::from_utf8_lossy(other).chars().take(32).collect();
            return Err(reader.fail("protocol name", name_at, DecodeErrorKind::WrongProtocolName(name.into())));
        }
    };
    let level_at = reader.offset();
    let level = reader.u8("protocol level")?;
    let bridge = level & BRIDGE_BIT != 0;
    match (is_old, level & !BRIDGE_BIT) {
        (true, 3) => Ok((Version::V31, bridge)),
        (false, 4) => Ok((Version::V311, bridge)),
        (false, 5) if !bridge => Ok((Version::V5, false)),
        (_, _) => Err(reader.fail("protocol level", level_at, DecodeErrorKind::UnsupportedVersion(level))),
    }
}

/// Checks the connect flags; gives the QoS of the will.
fn check_flags(flags: u8, version: Version) -> Result<QoS, DecodeErrorKind> {
    // [MQTT-3.1.2-3]; MQTT 3.1 calls the bit unused.
    if flags & RESERVED != 0 && version != Version::V31 {
        return Err(DecodeErrorKind::ReservedBits(flags));
    }
    if flags & WILL == 0 && flags & (WILL_QOS | WILL_RETAIN) != 0 {
        return Err(DecodeErrorKind::WillFlagsWithoutWill);
    }
    // [MQTT-3.1.2-22] of 3.1.1; MQTT 5 allows a password alone.
    if flags & PASSWORD != 0 && flags & USERNAME == 0 && !version.is_v5() {
        return Err(DecodeErrorKind::PasswordWithoutUsername);
    }
    QoS::try_from((flags & WILL_QOS) >> 3).map_err(|_| DecodeErrorKind::QosThree)
}

/// Whether user name or password is there. In MQTT 3.1 the length of the packet wins over the flag: what is flagged
/// and missing at the end is a valid CONNECT without it.
fn is_given(reader: &Reader, version: Version, flag: u8) -> bool {
    flag != 0 && (version != Version::V31 || reader.remaining() > 0)
}

fn will(reader: &mut Reader, version: Version, qos: QoS, retain: bool) -> Result<Will, Refusal> {
    let mut properties = Properties::new();
    if version.is_v5() {
        properties = property::read(reader, carrier::WILL, Sender::Client)?;
    }
    let at = reader.offset();
    let topic = reader.text("will topic")?;
    if topic.is_empty() {
        return Err(reader.fail("will topic", at, DecodeErrorKind::EmptyTopic));
    }
    if memchr::memchr2(b'+', b'#', topic.as_bytes()).is_some() {
        return Err(reader.fail("will topic", at, DecodeErrorKind::WildcardInTopic));
    }
    let payload = reader.binary("will payload")?;
    Ok(Will { topic, payload, qos, retain, properties })
}
