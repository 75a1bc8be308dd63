//! The function `tan`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const TAN: Function = Function {
    name: "tan",
    doc: "The tangent of an angle in radians.",
    params: &[number("number")],
    returns: Type::Float,
    examples: &[example("tan(0)", "0.0"), fails("tan('x')", "`number` must be a number, found the text 'x'")],
    call: |args| Ok(finite(args.number(0)?.tan())?),
};
