//! The function `str_utf16_le`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example};
use crate::values::text::text_of;

pub(super) const STR_UTF16_LE: Function = Function {
    name: "str_utf16_le",
    doc: "The value as text in UTF-16, low byte first, without a byte order mark. NULL stays NULL.",
    params: &[any("value")],
    returns: Type::Bytes,
    examples: &[
        example("bin2hexstr(str_utf16_le('aé'))", r#""6100E900""#),
        example("bin2hexstr(str_utf16_le('😀'))", r#""3DD800DE""#),
        example("bin2hexstr(str_utf16_le(1))", r#""3100""#),
    ],
    call: |args| {
        if args.value(0).is_null() {
            return Ok(Value::Null);
        }
        let text = text_of(args.value(0));
        args.budget.charge(2 * text.len())?;
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        Ok(Value::from_bytes(bytes.into()))
    },
};
