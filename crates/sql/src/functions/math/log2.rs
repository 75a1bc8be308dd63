//! The function `log2`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const LOG2: Function = Function {
    name: "log2",
    doc: "The logarithm to base 2.",
    params: &[number("number")],
    returns: Type::Float,
    examples: &[example("log2(8)", "3.0"), fails("log2(-1)", "the result is beyond what a float may be")],
    call: |args| Ok(finite(args.number(0)?.log2())?),
};
