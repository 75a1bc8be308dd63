//! The function `is_str`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example};

pub(super) const IS_STR: Function = Function {
    name: "is_str",
    doc: "Whether the value is text.",
    params: &[any("value")],
    returns: Type::Bool,
    examples: &[example("is_str('x')", "true"), example("is_str(1)", "false"), example("is_str(null)", "false")],
    call: |args| Ok(matches!(args.value(0), Value::Text(_) | Value::Bytes(_)).into()),
};
