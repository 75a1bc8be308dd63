//! The function `log`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const LOG: Function = Function {
    name: "log",
    doc: "The natural logarithm.",
    params: &[number("number")],
    returns: Type::Float,
    examples: &[example("log(1)", "0.0"), fails("log(0)", "the result is beyond what a float may be")],
    call: |args| Ok(finite(args.number(0)?.ln())?),
};
