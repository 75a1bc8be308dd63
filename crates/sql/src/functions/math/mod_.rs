//! The function `mod`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, int};
use crate::values::arithmetic::Arithmetic;

pub(super) const MOD: Function = Function {
    name: "mod",
    doc: "The remainder of a division of integers, with the sign of the dividend; the operator `mod` as a function.",
    params: &[int("dividend"), int("divisor")],
    returns: Type::Int,
    examples: &[
        example("mod(17, 5)", "2"),
        example("mod(-17, 5)", "-2"),
        fails("mod(7, 0)", "division by zero in `mod`"),
    ],
    call: |args| {
        // The operator takes NULL, a function does not.
        args.big(0)?;
        args.big(1)?;
        Ok(Arithmetic::Modulo.apply(args.value(0), args.value(1))?)
    },
};
