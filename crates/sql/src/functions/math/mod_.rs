//! The function `mod`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, int};
use crate::values::arithmetic::Arithmetic;

pub(super) const MOD: Function = Function {
    name: "mod",
    doc: "The remainder of a division of integers, with the sign of the dividend; the operator `mod` as a function.",
    params: &[int("dividend"), int("divisor")],
    returns: Type::Int,
    examples: &[example("mod(17, 5)", "2"), example("mod(-17, 5)", "-2")],
    call: |args| Ok(Arithmetic::Modulo.apply(args.value(0), args.value(1))?),
};
