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
        example("subbits('AB', 0, 8)", "null"),
        example("subbits('AB', 9, 64)", "66"),
        example("subbits(hexstr2bin('FE'), 1, 8, 'integer', 'signed')", "-2"),
        example("subbits(hexstr2bin('40200000'), 1, 32, 'float')", "2.5"),
        fails("subbits('ABC', 1, 24, 'float')", "`data` must be bits that are a float of 16, 32 or 64 bits"),
        example("subbits('AB', 9, 8, 'bits')", r#""B""#),
        fails("subbits('AB', 1, 8, 'text')", "`type` must be `integer`, `float` or `bits`, found the text 'text'"),
    ],
    call,
};

/// The most bits of an integer.
const INTEGER_BITS: usize = 4096;

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
    args.budget.steps(part.as_ref().map_or(0, BitString::len) / 8)?;
    match (ty, part) {
        ("integer", Some(part)) if part.len() > INTEGER_BITS => {
            Err(Fault::from(format!("the result is an integer of more than {INTEGER_BITS} bits")))
        }
        ("integer", Some(part)) => Ok(part.to_integer(signed, endian)),
        ("bits", Some(part)) => Ok(part.into_value()),
        ("float", Some(part)) => {
            part.to_float(endian).ok_or_else(|| args.out_of_range(0, "bits that are a float of 16, 32 or 64 bits"))
        }
        ("integer" | "bits" | "float", None) => Ok(Value::Null),
        _ => Err(args.out_of_range(3, "`integer`, `float` or `bits`")),
    }
}
