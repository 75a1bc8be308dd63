//! The function `is_null_var`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{any, example};

pub(super) const IS_NULL_VAR: Function = Function {
    name: "is_null_var",
    doc: "Whether the value is NULL; the same as `is_null`.",
    params: &[any("value")],
    returns: Type::Bool,
    examples: &[example("is_null_var(null)", "true"), example("is_null_var(0)", "false")],
    call: |args| Ok(args.value(0).is_null().into()),
};
