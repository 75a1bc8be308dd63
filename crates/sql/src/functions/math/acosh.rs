//! The function `acosh`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const ACOSH: Function = Function {
    name: "acosh",
    doc: "The inverse of the hyperbolic cosine.",
    params: &[number("number")],
    returns: Type::Float,
    examples: &[example("acosh(1)", "0.0"), fails("acosh(0)", "the function is not defined for this number")],
    call: |args| Ok(finite(args.number(0)?.acosh())?),
};
