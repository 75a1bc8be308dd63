//! The function `is_bool`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example};

pub(super) const IS_BOOL: Function = Function {
    name: "is_bool",
    doc: "Whether the value is true or false.",
    params: &[any("value")],
    returns: Type::Bool,
    examples: &[example("is_bool(true)", "true"), example("is_bool('true')", "false")],
    call: |args| Ok(matches!(args.value(0), Value::Bool(_)).into()),
};
