//! The function `floor`.

use events::{Type, Value};

use crate::functions::function::{example, fails, number};
use crate::functions::{Args, Fault, Function};
use crate::values::arithmetic::big_of_float;

pub(super) const FLOOR: Function = Function {
    name: "floor",
    doc: "The greatest integer that is not greater.",
    params: &[number("number")],
    returns: Type::Int,
    examples: &[
        example("floor(1.8)", "1"),
        example("floor(-1.2)", "-2"),
        example("floor(1.0e22)", "10000000000000000000000"),
        fails("floor('1.5')", "`number` must be a number, found the text '1.5'"),
    ],
    call: |args| whole(args, f64::floor),
};

/// The number as an integer; a float after `round`.
pub(super) fn whole(args: &Args<'_>, round: fn(f64) -> f64) -> Result<Value, Fault> {
    match args.value(0) {
        integer @ (Value::Int(_) | Value::BigInt(_)) => Ok(integer.clone()),
        _ => big_of_float(round(args.number(0)?))
            .map(Value::from_big)
            .ok_or_else(|| args.out_of_range(0, "a finite number")),
    }
}
