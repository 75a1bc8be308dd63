//! The function `abs`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{example, fails, number};
use crate::values::arithmetic::integer;

pub(super) const ABS: Function = Function {
    name: "abs",
    doc: "The number without its sign.",
    params: &[number("number")],
    returns: Type::Number,
    examples: &[
        example("abs(-1.5)", "1.5"),
        example("abs(-3)", "3"),
        fails("abs('x')", "`number` must be a number, found the text 'x'"),
        example("abs(-9223372036854775808)", "9223372036854775808"),
    ],
    call: |args| match args.value(0) {
        Value::Float(number) => Ok(Value::Float(number.abs())),
        _ => Ok(integer(args.big(0)?.magnitude().clone().into())?),
    },
};
