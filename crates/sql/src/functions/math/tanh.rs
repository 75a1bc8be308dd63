//! The function `tanh`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const TANH: Function = Function {
    name: "tanh",
    doc: "The hyperbolic tangent.",
    params: &[number("number")],
    returns: Type::Float,
    examples: &[example("tanh(0)", "0.0"), fails("tanh('x')", "`number` must be a number, found the text 'x'")],
    call: |args| Ok(finite(args.number(0)?.tanh())?),
};
