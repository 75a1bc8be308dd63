//! UNSUBACK: the answer to UNSUBSCRIBE.

use bytes::{BufMut, BytesMut};

use crate::error::DecodeErrorKind;
use crate::frame::Sender;
use crate::packet::carrier;
use crate::packet_id::PacketId;
use crate::property::{self, Properties};
use crate::read::{Reader, Refusal};
use crate::reason::ReasonCode;
use crate::version::Version;
use crate::write::{properties_len, put_properties};

/// The answer to UNSUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsuback {
    /// Of the UNSUBSCRIBE.
    pub packet_id: PacketId,
    /// Empty before MQTT 5.
    pub properties: Properties,
    /// One for each filter, in its order [MQTT-3.11.3-1]; before MQTT 5 there is none and none is written.
    pub reason_codes: Vec<ReasonCode>,
}

impl Unsuback {
    pub(crate) fn decode(reader: &mut Reader, version: Version) -> Result<Unsuback, Refusal> {
        let packet_id = reader.packet_id()?;
        let mut unsuback = Unsuback { packet_id, properties: Properties::new(), reason_codes: Vec::new() };
        if !version.is_v5() {
            return Ok(unsuback);
        }
        unsuback.properties = property::read(reader, carrier::UNSUBACK, Sender::Server)?;
        if reader.remaining() == 0 {
            return Err(reader.fail("reason code", reader.offset(), DecodeErrorKind::NoCodes));
        }
        unsuback.reason_codes.reserve_exact(reader.remaining());
        while reader.remaining() > 0 {
            unsuback.reason_codes.push(reader.reason_code()?);
        }
        Ok(unsuback)
    }

    pub(crate) fn body_len(&self, version: Version) -> usize {
        2 + if version.is_v5() { properties_len(&self.properties) + self.reason_codes.len() } else { 0 }
    }

    pub(crate) fn write_body(&self, version: Version, out: &mut BytesMut) {
        out.put_u16(self.packet_id.get());
        if version.is_v5() {
            put_properties(&self.properties, out);
            out.extend(self.reason_codes.iter().map(|code| code.code()));
        }
    }
}
