//! The function `contains`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{any, example, fails, list};
use crate::values::compare::same;

pub(super) const CONTAINS: Function = Function {
    name: "contains",
    doc: "Whether a list has the value: numbers by value, a text never equal to a number.",
    params: &[any("value"), list("list")],
    returns: Type::Bool,
    examples: &[
        example("contains(2, [1, 2])", "true"),
        example("contains('2', [1, 2])", "false"),
        fails("contains('a', 'abc')", "`list` must be a list, found the text 'abc'"),
    ],
    call: |args| {
        let items = args.list(1)?;
        args.budget.steps(items.len())?;
        Ok(items.iter().any(|item| same(args.value(0), item)).into())
    },
};
