//! The function `eq`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{any, example};
use crate::values::compare::same;

pub(super) const EQ: Function = Function {
    name: "eq",
    doc: "Whether two values are the same: numbers by value, a text never equal to a number.",
    params: &[any("left"), any("right")],
    returns: Type::Bool,
    examples: &[
        example("eq(1, 1.0)", "true"),
        example("eq('1', 1)", "false"),
        example("eq([1], [1.0])", "true"),
        example("eq(missing, null())", "true"),
        example("eq({'a': 1, 'b': 2}, {'b': 2.0, 'a': 1})", "true"),
    ],
    call: |args| Ok(same(args.value(0), args.value(1)).into()),
};
