//! The function `sqrt`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const SQRT: Function = Function {
    name: "sqrt",
    doc: "The square root.",
    params: &[number("number")],
    returns: Type::Float,
    examples: &[example("sqrt(16)", "4.0"), fails("sqrt(-1)", "the function is not defined for this number")],
    call: |args| Ok(finite(args.number(0)?.sqrt())?),
};
