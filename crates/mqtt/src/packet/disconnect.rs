//! DISCONNECT: the last packet of a connection.

use bytes::{BufMut, BytesMut};

use crate::frame::Sender;
use crate::packet::carrier;
use crate::property::{self, Properties};
use crate::read::{Reader, Refusal};
use crate::reason::ReasonCode;
use crate::version::Version;
use crate::write::{properties_len, put_properties};

/// The last packet of a connection. Before MQTT 5 only clients send it, and it says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disconnect {
    /// `Success` is the normal disconnection.
    pub reason_code: ReasonCode,
    /// Empty before MQTT 5.
    pub properties: Properties,
}

impl Disconnect {
    /// A DISCONNECT without properties.
    pub const fn new(reason_code: ReasonCode) -> Disconnect {
        Disconnect { reason_code, properties: Properties::new() }
    }

    pub(crate) fn decode(reader: &mut Reader, version: Version, sender: Sender) -> Result<Disconnect, Refusal> {
        let mut disconnect = Disconnect::new(ReasonCode::Success);
        // A remaining length of 0 is the normal disconnection, one of 1 a code without properties [3.14.2.1].
        if version.is_v5() && reader.remaining() > 0 {
            disconnect.reason_code = reader.reason_code()?;
            if reader.remaining() > 0 {
                disconnect.properties = property::read(reader, carrier::DISCONNECT, sender)?;
            }
        }
        Ok(disconnect)
    }

    pub(crate) fn body_len(&self, version: Version) -> usize {
        match (version.is_v5(), self.properties.is_empty(), self.reason_code) {
            (false, ..) | (true, true, ReasonCode::Success) => 0,
            (true, true, _) => 1,
            (true, false, _) => 1 + properties_len(&self.properties),
        }
    }

    pub(crate) fn write_body(&self, version: Version, out: &mut BytesMut) {
        let len = self.body_len(version);
        if len > 0 {
            out.put_u8(self.reason_code.code());
        }
        if len > 1 {
            put_properties(&self.properties, out);
        }
    }
}
