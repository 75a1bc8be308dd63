//! The function `is_int`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example};

pub(super) const IS_INT: Function = Function {
    name: "is_int",
    doc: "Whether the value is an integer.",
    params: &[any("value")],
    returns: Type::Bool,
    examples: &[example("is_int(1)", "true"), example("is_int(1.0)", "false")],
    call: |args| Ok(matches!(args.value(0), Value::Int(_) | Value::BigInt(_)).into()),
};
