//! The function `bitand`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, int};
use crate::values::arithmetic::integer;

pub(super) const BITAND: Function = Function {
    name: "bitand",
    doc: "The bits that both integers have.",
    params: &[int("left"), int("right")],
    returns: Type::Int,
    examples: &[
        example("bitand(12, 10)", "8"),
        fails("bitand(1.0, 1)", "`left` must be an integer, found the number 1.0"),
    ],
    call: |args| Ok(integer(args.big(0)? & args.big(1)?)?),
};
