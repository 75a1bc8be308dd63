//! The function `is_float`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example};

pub(super) const IS_FLOAT: Function = Function {
    name: "is_float",
    doc: "Whether the value is a float.",
    params: &[any("value")],
    returns: Type::Bool,
    examples: &[example("is_float(1.0)", "true"), example("is_float(1)", "false")],
    call: |args| Ok(matches!(args.value(0), Value::Float(_)).into()),
};
