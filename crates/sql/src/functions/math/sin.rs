//! The function `sin`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const SIN: Function = Function {
    name: "sin",
    doc: "The sine of an angle in radians.",
    params: &[number("number")],
    returns: Type::Float,
    examples: &[example("sin(0)", "0.0"), fails("sin('x')", "`number` must be a number, found the text 'x'")],
    call: |args| Ok(finite(args.number(0)?.sin())?),
};
