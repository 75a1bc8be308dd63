//! The function `atan`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const ATAN: Function = Function {
    name: "atan",
    doc: "The angle in radians whose tangent it is.",
    params: &[number("number")],
    returns: Type::Float,
    examples: &[example("atan(0)", "0.0"), fails("atan('x')", "`number` must be a number, found the text 'x'")],
    call: |args| Ok(finite(args.number(0)?.atan())?),
};
