//! The function `is_array`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example};

pub(super) const IS_ARRAY: Function = Function {
    name: "is_array",
    doc: "Whether the value is a list.",
    params: &[any("value")],
    returns: Type::Bool,
    examples: &[example("is_array([])", "true"), example("is_array('[]')", "false")],
    call: |args| Ok(matches!(args.value(0), Value::List(_)).into()),
};
