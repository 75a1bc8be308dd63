//! The function `greatest`.

use std::cmp::Ordering;

use events::{Type, Value};

use crate::functions::function::{any, example, fails, rest};
use crate::functions::{Args, Fault, Function};
use crate::values::compare::order;

pub(super) const GREATEST: Function = Function {
    name: "greatest",
    doc: "The greatest of the values. NULLs count for nothing; where there is nothing else, it is NULL. Values of different types cannot be compared, except for numbers with texts of numbers.",
    params: &[any("value"), rest(any("value"))],
    returns: Type::Any,
    examples: &[
        example("greatest(3, null, 7.5)", "7.5"),
        example("greatest('b', 'a')", r#""b""#),
        example("greatest(null, null)", "null"),
        fails("greatest(1, 'x')", "`value` must be comparable with the number 1, found the text 'x'"),
        example("greatest(5)", "5"),
    ],
    call: |args| outermost(args, Ordering::Greater),
};

/// The value that is on that side of all others.
pub(super) fn outermost(args: &Args<'_>, side: Ordering) -> Result<Value, Fault> {
    let mut found = &Value::Null;
    for (at, value) in args.given().iter().enumerate().filter(|(_, value)| !value.is_null()) {
        args.budget.step()?;
        if found.is_null() {
            found = value;
            continue;
        }
        let order = order(value, found);
        let wanted = || format!("comparable with {}", crate::values::describe::describe(found));
        if order.ok_or_else(|| args.out_of_range(at, &wanted()))? == side {
            found = value;
        }
    }
    Ok(found.clone())
}
