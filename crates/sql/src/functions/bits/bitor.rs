//! The function `bitor`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, int};
use crate::values::arithmetic::integer;

pub(super) const BITOR: Function = Function {
    name: "bitor",
    doc: "The bits that one of the integers has.",
    params: &[int("left"), int("right")],
    returns: Type::Int,
    examples: &[
        example("bitor(12, 10)", "14"),
        fails("bitor('1', 1)", "`left` must be an integer, found the text '1'"),
    ],
    call: |args| Ok(integer(args.big(0)? | args.big(1)?)?),
};
