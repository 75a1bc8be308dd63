//! AUTH: a step of extended authentication, MQTT 5 only.

use bytes::{BufMut, BytesMut};

use crate::error::DecodeErrorKind;
use crate::frame::Sender;
use crate::packet::carrier;
use crate::property::{self, Properties, PropertyId};
use crate::read::{Reader, Refusal};
use crate::reason::ReasonCode;
use crate::write::{properties_len, put_properties};

/// A step of extended authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// `Success`, `ContinueAuthentication` or `ReAuthenticate`.
    pub reason_code: ReasonCode,
    /// Method and data among them.
    pub properties: Properties,
}

impl Auth {
    pub(crate) fn decode(reader: &mut Reader, sender: Sender) -> Result<Auth, Refusal> {
        // Nothing at all stands for success without properties [3.15.2.1].
        if reader.remaining() == 0 {
            return Ok(Auth { reason_code: ReasonCode::Success, properties: Properties::new() });
        }
        let reason_code = reader.reason_code()?;
        let at = reader.offset();
        let properties = property::read(reader, carrier::AUTH, sender)?;
        if !properties.contains(PropertyId::AuthenticationMethod) {
            let missing = PropertyId::AuthenticationMethod;
            return Err(reader.fail(missing.name(), at, DecodeErrorKind::MissingProperty(missing)));
        }
        Ok(Auth { reason_code, properties })
    }

    fn is_short(&self) -> bool {
        self.reason_code == ReasonCode::Success && self.properties.is_empty()
    }

    pub(crate) fn body_len(&self) -> usize {
        if self.is_short() { 0 } else { 1 + properties_len(&self.properties) }
    }

    pub(crate) fn write_body(&self, out: &mut BytesMut) {
        if !self.is_short() {
            out.put_u8(self.reason_code.code());
            put_properties(&self.properties, out);
        }
    }
}
