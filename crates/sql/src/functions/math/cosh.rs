//! The function `cosh`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const COSH: Function = Function {
    name: "cosh",
    doc: "The hyperbolic cosine.",
    params: &[number("number")],
    returns: Type::Float,
    examples: &[example("cosh(0)", "1.0"), fails("cosh(1000)", "the result is beyond what a float may be")],
    call: |args| Ok(finite(args.number(0)?.cosh())?),
};
