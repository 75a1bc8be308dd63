//! The function `log10`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const LOG10: Function = Function {
    name: "log10",
    doc: "The logarithm to base 10.",
    params: &[number("number")],
    returns: Type::Float,
    examples: &[example("log10(1000)", "3.0"), fails("log10(0)", "the result is beyond what a float may be")],
    call: |args| Ok(finite(args.number(0)?.log10())?),
};
