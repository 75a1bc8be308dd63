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
    examples: &[example("log2(8)", "3.0"), fails("log2(-1)", "the function is not defined for this number")],
    call: |args| Ok(finite(args.number(0)?.log2())?),
};
