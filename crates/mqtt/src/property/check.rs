//! Reads and checks a property block.

use super::{Properties, PropertyId, PropertyType};
use crate::error::DecodeErrorKind;
use crate::frame::Sender;
use crate::packet::carrier::Carriers;
use crate::read::{Reader, Refusal};
use crate::text;

/// Reads a property length and the block behind it, for a packet of `sender`, where `carrier` is the bit of the packet
/// or of the will.
pub(crate) fn read(reader: &mut Reader, carrier: Carriers, sender: Sender) -> Result<Properties, Refusal> {
    let at = reader.offset();
    let len = reader.varint("property length")?;
    let len = usize::try_from(len).expect("28 bits fit the address space");
    if len == 0 {
        return Ok(Properties::new());
    }
    if len > reader.remaining() {
        return Err(reader.fail(
            "property length",
            at,
            DecodeErrorKind::Truncated { expected: len, found: reader.remaining() },
        ));
    }
    let start = reader.offset();
    let end = start + len;
    let mut present = 0;
    while reader.offset() < end {
        present = property(reader, end, present, (carrier, sender))?;
    }
    Ok(Properties::from_checked(reader.slice(start, end), present))
}

/// Reads one property; gives the set of those present with this one.
fn property(reader: &mut Reader, end: usize, present: u64, place: (Carriers, Sender)) -> Result<u64, Refusal> {
    let at = reader.offset();
    let (carrier, sender) = place;
    let number = reader.varint("property identifier")?;
    let known = u8::try_from(number).ok().and_then(|number| PropertyId::try_from(number).ok());
    let Some(id) = known else {
        return Err(reader.fail("property identifier", at, DecodeErrorKind::UnknownProperty(number)));
    };
    check_place(id, carrier, sender).map_err(|kind| reader.fail(id.name(), at, kind))?;
    if present & id.bit() != 0 && !id.repeats_in(carrier) {
        return Err(reader.fail(id.name(), at, DecodeErrorKind::DuplicateProperty(id)));
    }
    value(reader, id, end)?;
    if reader.offset() > end {
        let kind = DecodeErrorKind::Truncated { expected: reader.offset() - at, found: end - at };
        return Err(reader.fail(id.name(), at, kind));
    }
    Ok(present | id.bit())
}

fn check_place(id: PropertyId, carrier: Carriers, sender: Sender) -> Result<(), DecodeErrorKind> {
    let row = id.row();
    let (own, other) = match sender {
        Sender::Client => (row.client, row.server),
        Sender::Server => (row.server, row.client),
    };
    if own & carrier != 0 {
        return Ok(());
    }
    if other & carrier != 0 {
        return Err(DecodeErrorKind::PropertyWrongDirection(id, sender));
    }
    Err(DecodeErrorKind::PropertyNotAllowed(id))
}

/// Skips the value of `id`, after checking it.
fn value(reader: &mut Reader, id: PropertyId, end: usize) -> Result<(), Refusal> {
    let field = id.name();
    let at = reader.offset();
    let is_zero = match id.value_type() {
        PropertyType::Byte => reader.u8(field)? == 0,
        PropertyType::Boolean => {
            let value = reader.u8(field)?;
            if value > 1 {
                return Err(reader.fail(field, at, DecodeErrorKind::PropertyNotBoolean(id, value)));
            }
            false
        }
        PropertyType::TwoByteInteger => reader.u16(field)? == 0,
        PropertyType::FourByteInteger => reader.u32(field)? == 0,
        PropertyType::VariableByteInteger => reader.varint(field)? == 0,
        PropertyType::BinaryData => {
            reader.prefixed(field)?;
            false
        }
        PropertyType::Utf8String => {
            text_value(reader, id)?;
            false
        }
        PropertyType::Utf8StringPair => {
            text_value(reader, id)?;
            if reader.offset() < end {
                text_value(reader, id)?;
                false
            } else {
                let kind = DecodeErrorKind::Truncated { expected: 2, found: 0 };
                return Err(reader.fail(field, reader.offset(), kind));
            }
        }
    };
    if is_zero && id.row().nonzero {
        return Err(reader.fail(field, at, DecodeErrorKind::PropertyZero(id)));
    }
    Ok(())
}

fn text_value(reader: &mut Reader, id: PropertyId) -> Result<(), Refusal> {
    let field = id.name();
    let at = reader.offset();
    let (start, end) = reader.prefixed(field)?;
    let bytes = reader.bytes(start, end);
    let checked = text::check(bytes).and_then(|()| {
        let wildcard = id == PropertyId::ResponseTopic && memchr::memchr2(b'+', b'#', bytes).is_some();
        if wildcard { Err(DecodeErrorKind::WildcardInResponseTopic) } else { Ok(()) }
    });
    checked.map_err(|kind| reader.fail(field, at, kind))
}
