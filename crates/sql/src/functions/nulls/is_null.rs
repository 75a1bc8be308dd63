//! The function `is_null`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{any, example};

pub(super) const IS_NULL: Function = Function {
    name: "is_null",
    doc: "Whether the value is NULL: missing, or `null` in JSON.",
    params: &[any("value")],
    returns: Type::Bool,
    examples: &[example("is_null(null)", "true"), example("is_null('')", "false")],
    call: |args| Ok(args.value(0).is_null().into()),
};
