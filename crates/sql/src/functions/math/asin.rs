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
    examples: &[example("asin(0)", "0.0"), fails("asin(2)", "the result is beyond what a float may be")],
    call: |args| Ok(finite(args.number(0)?.asin())?),
};
