//! The function `exp`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const EXP: Function = Function {
    name: "exp",
    doc: "e to the power of the number.",
    params: &[number("number")],
    returns: Type::Float,
    examples: &[example("exp(0)", "1.0"), fails("exp(1000)", "the result is beyond what a float may be")],
    call: |args| Ok(finite(args.number(0)?.exp())?),
};
