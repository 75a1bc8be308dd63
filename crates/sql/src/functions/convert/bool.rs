//! The function `bool`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example, fails};
use crate::values::compare::same;

pub(super) const BOOL: Function = Function {
    name: "bool",
    doc: "`true` or `false` of a boolean, its text, or the numbers 1 and 0.",
    params: &[any("value")],
    returns: Type::Bool,
    examples: &[
        example("bool('true')", "true"),
        example("bool(1.0)", "true"),
        example("bool(0)", "false"),
        fails("bool(2)", "`value` must be true, false, their texts, 1 or 0, found the number 2"),
        fails("bool('True')", "`value` must be true, false, their texts, 1 or 0"),
    ],
    call: |args| {
        let value = args.value(0);
        let is = |flag: bool, number: i64, text: &str| {
            *value == Value::Bool(flag) || value.as_text() == Some(text) || same(value, &Value::Int(number))
        };
        match (is(true, 1, "true"), is(false, 0, "false")) {
            (true, _) => Ok(true.into()),
            (_, true) => Ok(false.into()),
            _ => args.wrong_type(0, "true, false, their texts, 1 or 0"),
        }
    },
};
