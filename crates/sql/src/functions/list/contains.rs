//! The function `contains`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{any, example, fails, list};
use crate::values::compare::identical;

pub(super) const CONTAINS: Function = Function {
    name: "contains",
    doc: "Whether a list has exactly the value: `1` is neither `1.0` nor `'1'`.",
    params: &[any("value"), list("list")],
    returns: Type::Bool,
    examples: &[
        example("contains(2, [1, 2])", "true"),
        example("contains('2', [1, 2])", "false"),
        example("contains(1, [1.0])", "false"),
        example("contains({'a': [1]}, [{'a': [1]}])", "true"),
        fails("contains('a', 'abc')", "`list` must be a list, found the text 'abc'"),
    ],
    call: |args| {
        let items = args.list(1)?;
        args.budget.steps(items.len())?;
        Ok(items.iter().any(|item| identical(args.value(0), item)).into())
    },
};
