//! The function `bitsize`.

use events::{Type, Value};

use super::bit_string::BitString;
use crate::functions::Function;
use crate::functions::function::{any, example, fails};

pub(super) const BITSIZE: Function = Function {
    name: "bitsize",
    doc: "The number of bits of a text or of bytes.",
    params: &[any("data")],
    returns: Type::Int,
    examples: &[
        example("bitsize('abc')", "24"),
        fails("bitsize(5)", "`data` must be text or bytes, found the number 5"),
    ],
    call: |args| Ok(BitString::of(args, 0)?.len().try_into().map_or(Value::Null, Value::Int)),
};
