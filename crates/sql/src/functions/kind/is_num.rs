//! The function `is_num`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example};

pub(super) const IS_NUM: Function = Function {
    name: "is_num",
    doc: "Whether the value is a number.",
    params: &[any("value")],
    returns: Type::Bool,
    examples: &[example("is_num(1.5)", "true"), example("is_num('1')", "false"), example("is_num(null)", "false")],
    call: |args| Ok(matches!(args.value(0), Value::Int(_) | Value::BigInt(_) | Value::Float(_)).into()),
};
