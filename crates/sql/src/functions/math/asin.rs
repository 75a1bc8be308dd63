//! The function `asin`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const ASIN: Function = Function {
    name: "asin",
    doc: "The angle in radians whose sine it is.",
    params: &[number("number")],
    returns: Type::Float,
    examples: &[example("asin(0)", "0.0"), fails("asin(2)", "the function is not defined for this number")],
    call: |args| Ok(finite(args.number(0)?.asin())?),
};
