//! The function `null`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::example;

pub(super) const NULL: Function = Function {
    name: "null",
    doc: "NULL.",
    params: &[],
    returns: Type::Null,
    examples: &[example("null()", "null"), example("is_null(null())", "true")],
    call: |_| Ok(Value::Null),
};
