//! The function `atanh`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const ATANH: Function = Function {
    name: "atanh",
    doc: "The inverse of the hyperbolic tangent.",
    params: &[number("number")],
    returns: Type::Float,
    examples: &[example("atanh(0)", "0.0"), fails("atanh(1)", "the result is beyond what a float may be")],
    call: |args| Ok(finite(args.number(0)?.atanh())?),
};
