//! The function `fmod`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const FMOD: Function = Function {
    name: "fmod",
    doc: "The remainder of a division, as a float with the sign of the dividend.",
    params: &[number("dividend"), number("divisor")],
    returns: Type::Float,
    examples: &[
        example("fmod(7, 3)", "1.0"),
        example("fmod(-7.5, 2)", "-1.5"),
        fails("fmod(1, 0)", "the function is not defined for this number"),
    ],
    call: |args| Ok(finite(args.number(0)? % args.number(1)?)?),
};
