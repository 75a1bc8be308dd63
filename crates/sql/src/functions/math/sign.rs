//! The function `sign`.

use std::cmp::Ordering;

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{example, number};
use crate::values::compare::order;

pub(super) const SIGN: Function = Function {
    name: "sign",
    doc: "-1, 0 or 1: on which side of 0 the number is.",
    params: &[number("number")],
    returns: Type::Int,
    examples: &[example("sign(-2.5)", "-1"), example("sign(0)", "0"), example("sign(7)", "1")],
    call: |args| {
        args.number(0)?;
        Ok(Value::Int(match order(args.value(0), &Value::Int(0)) {
            Some(Ordering::Less) => -1,
            Some(Ordering::Greater) => 1,
            Some(Ordering::Equal) | None => 0,
        }))
    },
};
