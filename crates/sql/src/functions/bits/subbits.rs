//! The function `subbits`.

use events::{Type, Value};

use super::bit_string::{BitString, Endian};
use crate::functions::function::{any, example, fails, int, one_of, optional, words};
use crate::functions::{Args, Fault, Function};

pub(super) const SUBBITS: Function = Function {
    name: "subbits",
    doc: "Some of the bits of a text or of bytes, as an `integer`, a `float` or as `bits`. Places count from 1; what begins behind the end is NULL.",
    params: &[
        any("data"),
        int("start or length"),
        optional(int("length")),
        optional(one_of("type", &words(&KINDS))),
        optional(one_of("sign", &words(&SIGNS))),
        optional(one_of("endian", &words(&ENDIANS))),
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

/// What the bits are read as.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Integer,
    Float,
    Bits,
}

const KINDS: [(&str, Kind); 3] = [("integer", Kind::Integer), ("float", Kind::Float), ("bits", Kind::Bits)];

const SIGNS: [(&str, bool); 2] = [("unsigned", false), ("signed", true)];

const ENDIANS: [(&str, Endian); 2] = [("big", Endian::Big), ("little", Endian::Little)];

/// The most bits of an integer.
const INTEGER_BITS: usize = 4096;

fn call(args: &Args<'_>) -> Result<Value, Fault> {
    let bits = BitString::of(args, 0)?;
    let (start, len) = if args.has(2) { (args.int(1)?, args.int(2)?) } else { (1, args.int(1)?) };
    let kind = args.one_of_or(3, &KINDS, Kind::Integer)?;
    let is_signed = args.one_of_or(4, &SIGNS, false)?;
    let endian = args.one_of_or(5, &ENDIANS, Endian::Big)?;
    let part = usize::try_from(start - 1).ok().and_then(|start| bits.part(start, usize::try_from(len).ok()?));
    args.budget.steps(part.as_ref().map_or(0, BitString::len) / 8)?;
    let Some(part) = part else { return Ok(Value::Null) };
    match kind {
        Kind::Integer if part.len() > INTEGER_BITS => {
            Err(Fault::from(format!("the result is an integer of more than {INTEGER_BITS} bits")))
        }
        Kind::Integer => Ok(part.to_integer(is_signed, endian)),
        Kind::Bits => Ok(part.into_value()),
        Kind::Float => {
            part.to_float(endian).ok_or_else(|| args.out_of_range(0, "bits that are a float of 16, 32 or 64 bits"))
        }
    }
}
