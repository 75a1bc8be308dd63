//! The function `subbits`.

use events::{Type, Value};

use super::bit_string::{BitString, Endian};
use crate::functions::function::{any, example, fails, int, optional, text};
use crate::functions::{Args, Fault, Function};

pub(super) const SUBBITS: Function = Function {
    name: "subbits",
    doc: "Some of the bits of a text or of bytes, as an `integer`, a `float` or as `bits`. Places count from 1; what begins behind the end is NULL.",
    params: &[
        any("data"),
        int("start or length"),
        optional(int("length")),
        optional(text("type")),
        optional(text("sign")),
        optional(text("endian")),
    ],
    returns: Type::Any,
    examples: &[
        example("subbits('AB', 8)", "65"),
        example("subbits('AB', 9, 8)", "66"),
        example("subbits('AB', 1, 16, 'integer', 'unsigned', 'little')", "16961"),
        example("subbits('AB', 17, 8)", "null"),
        example("subbits('AB', 9, 8, 'bits')", r#""B""#),
        fails("subbits('AB', 1, 8, 'text')", "`type` must be `integer`, `float` or `bits`, found the text 'text'"),
    ],
    call,
};

fn call(args: &Args<'_>) -> Result<Value, Fault> {
    let bits = BitString::of(args, 0)?;
    let (start, len) = if args.has(2) { (args.int(1)?, args.int(2)?) } else { (1, args.int(1)?) };
    let ty = args.text_or(3, "integer")?;
    let signed = match args.text_or(4, "unsigned")? {
        "unsigned" => false,
        "signed" => true,
        _ => return Err(args.out_of_range(4, "`unsigned` or `signed`")),
    };
    let endian = match args.text_or(5, "big")? {
        "big" => Endian::Big,
        "little" => Endian::Little,
        _ => return Err(args.out_of_range(5, "`big` or `little`")),
    };
    let part = usize::try_from(start - 1).ok().and_then(|start| bits.part(start, usize::try_from(len).ok()?));
    match (ty, part) {
        ("integer", Some(part)) => Ok(part.to_integer(signed, endian)),
        ("bits", Some(part)) => Ok(part.into_value()),
        ("float", Some(part)) => Ok(part.to_float(endian)),
        ("integer" | "bits" | "float", None) => Ok(Value::Null),
        _ => Err(args.out_of_range(3, "`integer`, `float` or `bits`")),
    }
}
