//! The function `is_map`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example};

pub(super) const IS_MAP: Function = Function {
    name: "is_map",
    doc: "Whether the value is a map.",
    params: &[any("value")],
    returns: Type::Bool,
    examples: &[example("is_map({'a': 1})", "true"), example("is_map('{}')", "false")],
    call: |args| Ok(matches!(args.value(0), Value::Map(_)).into()),
};
