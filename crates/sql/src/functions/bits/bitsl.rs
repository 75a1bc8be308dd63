//! The function `bitsl`.

use events::{Type, Value};

use crate::functions::function::{example, fails, int};
use crate::functions::{Args, Fault, Function};
use crate::json::INTEGER_BITS_MAX;
use crate::values::arithmetic::integer;

pub(super) const BITSL: Function = Function {
    name: "bitsl",
    doc: "The integer with its bits moved to the left; to the right where the distance is negative.",
    params: &[int("number"), int("distance")],
    returns: Type::Int,
    examples: &[
        example("bitsl(1, 4)", "16"),
        example("bitsl(1, 70)", "1180591620717411303424"),
        example("bitsl(8, -2)", "2"),
        fails("bitsl(1, 5000)", "the result is an integer of more than 4096 bits"),
    ],
    call: |args| shift(args, 1),
};

/// The first argument moved by the second; to the right where `sign` is negative.
pub(super) fn shift(args: &Args<'_>, sign: i64) -> Result<Value, Fault> {
    let (number, distance) = (args.big(0)?, args.int(1)?.saturating_mul(sign));
    let steps = distance.unsigned_abs();
    if distance < 0 {
        return Ok(Value::from_big(number >> steps.min(2 * INTEGER_BITS_MAX)));
    }
    Ok(integer(number << steps.min(INTEGER_BITS_MAX + 1))?)
}
