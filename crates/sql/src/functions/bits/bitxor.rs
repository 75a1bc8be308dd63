//! The function `bitxor`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, int};
use crate::values::arithmetic::integer;

pub(super) const BITXOR: Function = Function {
    name: "bitxor",
    doc: "The bits that only one of the integers has.",
    params: &[int("left"), int("right")],
    returns: Type::Int,
    examples: &[example("bitxor(12, 10)", "6"), example("bitxor(-1, 255)", "-256")],
    call: |args| Ok(integer(args.big(0)? ^ args.big(1)?)?),
};
