//! The function `float`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example, fails, int_in, optional};
use crate::values::arithmetic::{finite, float_of_big};
use crate::values::number::number_of_text;
use crate::values::text::decimals;

pub(super) const FLOAT: Function = Function {
    name: "float",
    doc: "The float of a number or of the text of one, perhaps rounded to some decimals.",
    params: &[any("value"), optional(int_in("decimals", 1, DECIMALS_MAX))],
    returns: Type::Float,
    examples: &[
        example("float(5)", "5.0"),
        example("float('-1.0e-2')", "-0.01"),
        example("float(3.14159, 2)", "3.14"),
        example("float('0.125', 2)", "0.13"),
        fails("float(3.7, 0)", "`decimals` must be an integer from 1 to 253, found the number 0"),
        fails("float(true)", "`value` must be a number or the text of one, found true"),
    ],
    call: |args| {
        let number = match number_in(args.value(0)) {
            Some(Value::Float(number)) => number,
            Some(Value::BigInt(number)) => {
                float_of_big(&number).ok_or_else(|| args.out_of_range(0, "a number of at most 1.8e308"))?
            }
            #[expect(clippy::cast_precision_loss, reason = "a float is what is asked for")]
            Some(Value::Int(number)) => number as f64,
            _ => return args.wrong_type(0, "a number or the text of one"),
        };
        if !args.has(1) {
            return Ok(finite(number)?);
        }
        let digits = args.count(1)?;
        Ok(finite(decimals(number, digits).parse().unwrap_or(number))?)
    },
};

/// The most decimals one can ask for.
pub(super) const DECIMALS_MAX: i64 = 253;

/// The number that a value is, or that its text is.
pub(super) fn number_in(value: &Value) -> Option<Value> {
    match value {
        Value::Int(_) | Value::BigInt(_) | Value::Float(_) => Some(value.clone()),
        Value::Text(text) => number_of_text(text),
        Value::Null | Value::Bool(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_) => None,
    }
}
