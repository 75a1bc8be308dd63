//! The function `is_not_null`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{any, example};

pub(super) const IS_NOT_NULL: Function = Function {
    name: "is_not_null",
    doc: "Whether the value is there and not `null`.",
    params: &[any("value")],
    returns: Type::Bool,
    examples: &[example("is_not_null(0)", "true"), example("is_not_null(null)", "false")],
    call: |args| Ok((!args.value(0).is_null()).into()),
};
