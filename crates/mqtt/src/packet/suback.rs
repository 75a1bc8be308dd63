//! SUBACK: the answer to SUBSCRIBE.

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

/// The answer to SUBSCRIBE: a code for each subscription, in its order [MQTT-3.8.4-6].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suback {
    /// Of the SUBSCRIBE.
    pub packet_id: PacketId,
    /// Empty before MQTT 5.
    pub properties: Properties,
    /// The QoS granted (`Success` for 0, `GrantedQos1`, `GrantedQos2`) or why not. Before MQTT 5 every refusal
    /// is written as 0x80 [MQTT-3.9.3-2].
    pub reason_codes: Vec<ReasonCode>,
}

impl Suback {
    pub(crate) fn decode(reader: &mut Reader, version: Version) -> Result<Suback, Refusal> {
        let packet_id = reader.packet_id()?;
        let mut properties = Properties::new();
        if version.is_v5() {
            properties = property::read(reader, carrier::SUBACK, Sender::Server)?;
        }
        if reader.remaining() == 0 {
            return Err(reader.fail("reason code", reader.offset(), DecodeErrorKind::NoCodes));
        }
        let mut reason_codes = Vec::with_capacity(reader.remaining());
        while reader.remaining() > 0 {
            reason_codes.push(if version.is_v5() { reader.reason_code()? } else { return_code(reader)? });
        }
        Ok(Suback { packet_id, properties, reason_codes })
    }

    pub(crate) fn body_len(&self, version: Version) -> usize {
        2 + if version.is_v5() { properties_len(&self.properties) } else { 0 } + self.reason_codes.len()
    }

    pub(crate) fn write_body(&self, version: Version, out: &mut BytesMut) {
        out.put_u16(self.packet_id.get());
        if version.is_v5() {
            put_properties(&self.properties, out);
        }
        for code in &self.reason_codes {
            let refused_before_v5 = !version.is_v5() && code.is_error();
            out.put_u8(if refused_before_v5 { ReasonCode::UnspecifiedError } else { *code }.code());
        }
    }
}

/// 0, 1, 2 or 0x80, which mean the same in MQTT 5.
fn return_code(reader: &mut Reader) -> Result<ReasonCode, Refusal> {
    let at = reader.offset();
    match reader.u8("return code")? {
        0 => Ok(ReasonCode::Success),
        1 => Ok(ReasonCode::GrantedQos1),
        2 => Ok(ReasonCode::GrantedQos2),
        0x80 => Ok(ReasonCode::UnspecifiedError),
        other => Err(reader.fail("return code", at, DecodeErrorKind::UnknownReturnCode(other))),
    }
}
