//! The function `round`.

use events::{Type, Value};

use super::floor::whole;
use crate::functions::function::{example, fails, int_in, number, optional};
use crate::functions::{Args, Fault, Function};
use crate::values::arithmetic::finite;
use crate::values::text::half_up;

pub(super) const ROUND: Function = Function {
    name: "round",
    doc: "The nearest integer, or the nearest number with some decimals; of two that are as near, the one further from 0.",
    params: &[number("number"), optional(int_in("decimals", 0, DECIMALS_MAX))],
    returns: Type::Number,
    examples: &[
        example("round(2.5)", "3"),
        example("round(-1.5)", "-2"),
        example("round(7)", "7"),
        example("round(21.456, 1)", "21.5"),
        example("round(-0.125, 2)", "-0.13"),
        fails("round(1.5, -1)", "`decimals` must be an integer from 0 to 15, found the number -1"),
    ],
    call: |args| to_decimals(args, f64::round, half_up),
};

/// More decimals than these are beyond what a float can tell apart.
pub(super) const DECIMALS_MAX: i64 = 15;

/// The number without what is behind its point, or behind some decimals as `text` writes it. Integers have none to lose.
pub(super) fn to_decimals(
    args: &Args<'_>,
    cut: fn(f64) -> f64,
    text: fn(f64, usize) -> String,
) -> Result<Value, Fault> {
    let decimals = if args.has(1) { args.count(1)? } else { 0 };
    match args.value(0) {
        Value::Float(number) if decimals > 0 => Ok(finite(text(*number, decimals).parse().unwrap_or(*number))?),
        _ => whole(args, cut),
    }
}
