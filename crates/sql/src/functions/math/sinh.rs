//! The function `sinh`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const SINH: Function = Function {
    name: "sinh",
    doc: "The hyperbolic sine.",
    params: &[number("number")],
    returns: Type::Float,
    examples: &[example("sinh(0)", "0.0"), fails("sinh(1000)", "the result is beyond what a float may be")],
    call: |args| Ok(finite(args.number(0)?.sinh())?),
};
