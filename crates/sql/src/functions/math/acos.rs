//! The function `acos`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const ACOS: Function = Function {
    name: "acos",
    doc: "The angle in radians whose cosine it is.",
    params: &[number("number")],
    returns: Type::Float,
    examples: &[example("acos(1)", "0.0"), fails("acos(2)", "the function is not defined for this number")],
    call: |args| Ok(finite(args.number(0)?.acos())?),
};
