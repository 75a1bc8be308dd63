//! The function `cos`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const COS: Function = Function {
    name: "cos",
    doc: "The cosine of an angle in radians.",
    params: &[number("number")],
    returns: Type::Float,
    examples: &[example("cos(0)", "1.0"), fails("cos('x')", "`number` must be a number, found the text 'x'")],
    call: |args| Ok(finite(args.number(0)?.cos())?),
};
