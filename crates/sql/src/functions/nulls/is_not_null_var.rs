//! The function `is_not_null_var`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{any, example};

pub(super) const IS_NOT_NULL_VAR: Function = Function {
    name: "is_not_null_var",
    doc: "Whether the value is not NULL; the same as `is_not_null`.",
    params: &[any("value")],
    returns: Type::Bool,
    examples: &[example("is_not_null_var(null)", "false"), example("is_not_null_var('')", "true")],
    call: |args| Ok((!args.value(0).is_null()).into()),
};
