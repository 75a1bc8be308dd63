//! CONNACK: the answer to CONNECT.

use bytes::{BufMut, BytesMut};

use crate::encode::EncodeError;
use crate::error::DecodeErrorKind;
use crate::frame::Sender;
use crate::packet::carrier;
use crate::property::{self, Properties, PropertyId};
use crate::read::{Reader, Refusal};
use crate::reason::{ConnectReturnCode, ReasonCode};
use crate::version::Version;
use crate::write::{properties_len, put_properties};

/// The answer to CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connack {
    /// Whether the server has kept the session. MQTT 3.1 cannot say it.
    pub session_present: bool,
    /// Success or why not.
    pub code: ConnackCode,
    /// Empty before MQTT 5.
    pub properties: Properties,
}

/// The code of a CONNACK. Which one refuses a client of MQTT 3 is decided where the reason is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnackCode {
    /// MQTT 3.1 and 3.1.1.
    V3(ConnectReturnCode),
    /// MQTT 5.
    V5(ReasonCode),
}

impl ConnackCode {
    /// Success in the words of `version`.
    pub const fn success(version: Version) -> ConnackCode {
        match version {
            Version::V31 | Version::V311 => ConnackCode::V3(ConnectReturnCode::ConnectionAccepted),
            Version::V5 => ConnackCode::V5(ReasonCode::Success),
        }
    }

    /// The number on the wire.
    pub const fn code(self) -> u8 {
        match self {
            ConnackCode::V3(code) => code.code(),
            ConnackCode::V5(code) => code.code(),
        }
    }

    /// The name in events and logs.
    pub const fn name(self) -> &'static str {
        match self {
            ConnackCode::V3(code) => code.name(),
            ConnackCode::V5(code) => code.name(),
        }
    }

    /// Whether the client is connected.
    pub const fn is_success(self) -> bool {
        self.code() == 0
    }
}

impl From<ConnectReturnCode> for ConnackCode {
    fn from(code: ConnectReturnCode) -> ConnackCode {
        ConnackCode::V3(code)
    }
}

impl From<ReasonCode> for ConnackCode {
    fn from(code: ReasonCode) -> ConnackCode {
        ConnackCode::V5(code)
    }
}

impl Connack {
    /// A refusal: no session is present then [MQTT-3.2.2-6].
    pub fn refusal(code: impl Into<ConnackCode>) -> Connack {
        Connack { session_present: false, code: code.into(), properties: Properties::new() }
    }

    pub(crate) fn decode(reader: &mut Reader, version: Version) -> Result<Connack, Refusal> {
        let field = "connect acknowledge flags";
        let at = reader.offset();
        let flags = reader.u8(field)?;
        // MQTT 3.1 calls the whole byte reserved and unused.
        if version != Version::V31 && flags > 1 {
            return Err(reader.fail(field, at, DecodeErrorKind::ReservedBits(flags)));
        }
        let session_present = version != Version::V31 && flags == 1;
        if version.is_v5() {
            let code = ConnackCode::V5(reader.reason_code()?);
            let at = reader.offset();
            let properties = property::read(reader, carrier::CONNACK, Sender::Server)?;
            reader.check_authentication(&properties, at)?;
            return Ok(Connack { session_present, code, properties });
        }
        let at = reader.offset();
        let code = ConnectReturnCode::try_from(reader.u8("return code")?)
            .map_err(|code| reader.fail("return code", at, DecodeErrorKind::UnknownReturnCode(code)))?;
        Ok(Connack { session_present, code: ConnackCode::V3(code), properties: Properties::new() })
    }

    pub(crate) const fn check(&self, version: Version) -> Result<(), EncodeError> {
        match (self.code, version) {
            (ConnackCode::V3(_), Version::V31 | Version::V311) | (ConnackCode::V5(_), Version::V5) => Ok(()),
            (ConnackCode::V3(_), Version::V5) | (ConnackCode::V5(_), Version::V31 | Version::V311) => {
                Err(EncodeError::CodeOfOtherVersion(version))
            }
        }
    }

    pub(crate) fn body_len(&self, version: Version) -> usize {
        2 + if version.is_v5() { properties_len(&self.properties) } else { 0 }
    }

    pub(crate) fn write_body(&self, version: Version, out: &mut BytesMut) {
        out.put_u8(u8::from(self.session_present && version != Version::V31));
        out.put_u8(self.code.code());
        if version.is_v5() {
            put_properties(&self.properties, out);
        }
    }
}

impl Reader {
    /// Authentication data without a method is a protocol error, in CONNECT and CONNACK [3.1.2.11.10], [3.2.2.3.18].
    pub(crate) fn check_authentication(&self, properties: &Properties, at: usize) -> Result<(), Refusal> {
        let missing = PropertyId::AuthenticationMethod;
        if properties.contains(PropertyId::AuthenticationData) && !properties.contains(missing) {
            return Err(self.fail(missing.name(), at, DecodeErrorKind::MissingProperty(missing)));
        }
        Ok(())
    }

    /// A reason code that the packet may carry.
    pub(crate) fn reason_code(&mut self) -> Result<ReasonCode, Refusal> {
        let field = "reason code";
        let at = self.offset();
        let code = ReasonCode::try_from(self.u8(field)?)
            .map_err(|code| self.fail(field, at, DecodeErrorKind::UnknownReasonCode(code)))?;
        if code.is_allowed_in(self.packet) {
            return Ok(code);
        }
        Err(self.fail(field, at, DecodeErrorKind::ReasonCodeNotAllowed(code)))
    }
}
