//! UNSUBSCRIBE: a client wants no more messages for some filters.

use bytes::{BufMut, BytesMut};
use bytestring::ByteString;

use crate::encode::EncodeError;
use crate::error::DecodeErrorKind;
use crate::frame::Sender;
use crate::packet::carrier;
use crate::packet_id::PacketId;
use crate::property::{self, Properties};
use crate::read::{Reader, Refusal};
use crate::version::Version;
use crate::write::{check_len, properties_len, put_prefixed, put_properties};

/// A client wants no more messages for some filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Comes back in UNSUBACK.
    pub packet_id: PacketId,
    /// Empty before MQTT 5.
    pub properties: Properties,
    /// As they were subscribed, `$share/group/` included; at least one [MQTT-3.10.3-2].
    pub filters: Vec<ByteString>,
}

impl Unsubscribe {
    pub(crate) fn decode(reader: &mut Reader, version: Version) -> Result<Unsubscribe, Refusal> {
        let packet_id = reader.packet_id()?;
        let mut properties = Properties::new();
        if version.is_v5() {
            properties = property::read(reader, carrier::UNSUBSCRIBE, Sender::Client)?;
        }
        let mut filters = Vec::new();
        while reader.remaining() > 0 {
            filters.push(reader.text("topic filter")?);
        }
        if filters.is_empty() {
            return Err(reader.fail("topic filter", reader.offset(), DecodeErrorKind::NoFilters));
        }
        Ok(Unsubscribe { packet_id, properties, filters })
    }

    pub(crate) fn check(&self) -> Result<(), EncodeError> {
        self.filters.iter().try_for_each(|filter| check_len("topic filter", filter.as_bytes()))
    }

    pub(crate) fn body_len(&self, version: Version) -> usize {
        let properties = if version.is_v5() { properties_len(&self.properties) } else { 0 };
        2 + properties + self.filters.iter().map(|filter| 2 + filter.len()).sum::<usize>()
    }

    pub(crate) fn write_body(&self, version: Version, out: &mut BytesMut) {
        out.put_u16(self.packet_id.get());
        if version.is_v5() {
            put_properties(&self.properties, out);
        }
        for filter in &self.filters {
            put_prefixed(filter.as_bytes(), out);
        }
    }
}
