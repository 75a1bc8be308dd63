//! The function `div`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, int};
use crate::values::arithmetic::Arithmetic;

pub(super) const DIV: Function = Function {
    name: "div",
    doc: "The quotient of two integers, cut towards 0; the operator `div` as a function.",
    params: &[int("dividend"), int("divisor")],
    returns: Type::Int,
    examples: &[
        example("div(17, 5)", "3"),
        fails("div(1, 0)", "division by zero in `div`"),
        fails("div(missing, 2)", "`dividend` must be an integer, found NULL"),
        example("div(-17, 5)", "-3"),
        fails("div(17.0, 5)", "`dividend` must be an integer, found the number 17.0"),
    ],
    call: |args| {
        // The operator takes NULL, a function does not.
        args.big(0)?;
        args.big(1)?;
        Ok(Arithmetic::IntegerDivide.apply(args.value(0), args.value(1))?)
    },
};
