//! The function `asinh`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const ASINH: Function = Function {
    name: "asinh",
    doc: "The inverse of the hyperbolic sine.",
    params: &[number("number")],
    returns: Type::Float,
    examples: &[example("asinh(0)", "0.0"), fails("asinh('x')", "`number` must be a number, found the text 'x'")],
    call: |args| Ok(finite(args.number(0)?.asinh())?),
};
