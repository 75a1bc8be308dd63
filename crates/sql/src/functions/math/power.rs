//! The function `power`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::finite;

pub(super) const POWER: Function = Function {
    name: "power",
    doc: "A number to the power of another, as a float.",
    params: &[number("base"), number("exponent")],
    returns: Type::Float,
    examples: &[
        example("power(2, 10)", "1024.0"),
        example("power(2, -1)", "0.5"),
        fails("power(10, 400)", "the result is beyond what a float may be"),
        example("power(0, 0)", "1.0"),
        fails("power(0, -1)", "the result is beyond what a float may be"),
    ],
    call: |args| Ok(finite(args.number(0)?.powf(args.number(1)?))?),
};
