//! PUBACK, PUBREC, PUBREL and PUBCOMP: four packets of one shape.

use bytes::{BufMut, BytesMut};

use crate::frame::Sender;
use crate::packet_id::PacketId;
use crate::property::{self, Properties};
use crate::read::{Reader, Refusal};
use crate::reason::ReasonCode;
use crate::version::Version;
use crate::write::{properties_len, put_properties};

/// What PUBACK, PUBREC, PUBREL and PUBCOMP carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// Of the PUBLISH that is acknowledged.
    pub packet_id: PacketId,
    /// `Success` before MQTT 5.
    pub reason_code: ReasonCode,
    /// Reason string and user properties; empty before MQTT 5.
    pub properties: Properties,
}

impl Ack {
    /// An acknowledgement that all is well.
    pub const fn new(packet_id: PacketId) -> Ack {
        Ack::with_reason(packet_id, ReasonCode::Success)
    }

    /// An acknowledgement with a reason. Versions before 5 cannot say it.
    pub const fn with_reason(packet_id: PacketId, reason_code: ReasonCode) -> Ack {
        Ack { packet_id, reason_code, properties: Properties::new() }
    }

    pub(crate) fn decode(reader: &mut Reader, version: Version, sender: Sender) -> Result<Ack, Refusal> {
        let mut ack = Ack::new(reader.packet_id()?);
        // A remaining length of 2 means success, one of 3 a code without properties [3.4.2.1].
        if version.is_v5() && reader.remaining() > 0 {
            ack.reason_code = reader.reason_code()?;
            if reader.remaining() > 0 {
                let carrier = reader.packet.carrier();
                ack.properties = property::read(reader, carrier, sender)?;
            }
        }
        Ok(ack)
    }

    pub(crate) fn body_len(&self, version: Version) -> usize {
        match (version.is_v5(), self.properties.is_empty(), self.reason_code) {
            (false, ..) | (true, true, ReasonCode::Success) => 2,
            (true, true, _) => 3,
            (true, false, _) => 3 + properties_len(&self.properties),
        }
    }

    pub(crate) fn write_body(&self, version: Version, out: &mut BytesMut) {
        out.put_u16(self.packet_id.get());
        let len = self.body_len(version);
        if len > 2 {
            out.put_u8(self.reason_code.code());
        }
        if len > 3 {
            put_properties(&self.properties, out);
        }
    }
}
