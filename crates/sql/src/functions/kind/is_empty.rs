//! The function `is_empty`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example, fails};

pub(super) const IS_EMPTY: Function = Function {
    name: "is_empty",
    doc: "Whether a text, list or map has nothing in it. NULL is empty.",
    params: &[any("value")],
    returns: Type::Bool,
    examples: &[
        example("is_empty('')", "true"),
        example("is_empty('{}')", "false"),
        example("is_empty(null)", "true"),
        fails("is_empty(5)", "`value` must be text, a list or a map, found the number 5"),
        example("is_empty([0])", "false"),
        example("is_empty({})", "true"),
    ],
    call: |args| match args.value(0) {
        Value::Null => Ok(true.into()),
        Value::Text(text) => Ok(text.is_empty().into()),
        Value::Bytes(bytes) => Ok(bytes.is_empty().into()),
        Value::List(items) => Ok(items.is_empty().into()),
        Value::Map(map) => Ok(map.is_empty().into()),
        Value::Bool(_) | Value::Int(_) | Value::BigInt(_) | Value::Float(_) => {
            args.wrong_type(0, "text, a list or a map")
        }
    },
};
