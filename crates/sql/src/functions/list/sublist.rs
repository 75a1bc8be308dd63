//! The function `sublist`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{any, example, fails, int_from, list, optional};

pub(super) const SUBLIST: Function = Function {
    name: "sublist",
    doc: "The first elements of a list, or those from a place on, counted from 1; fewer where the list ends.",
    params: &[int_from("start or length", 0), any("length or list"), optional(list("list"))],
    returns: Type::Any,
    examples: &[
        example("sublist(2, [1, 2, 3])", "[1,2]"),
        example("sublist(2, 5, [1, 2, 3])", "[2,3]"),
        example("sublist(9, 1, [1, 2, 3])", "[]"),
        fails("sublist(0, 1, [1, 2])", "`start or length` must be an integer from 1 on, found the number 0"),
        fails("sublist(-1, [1])", "must be an integer from 0 on, found the number -1"),
    ],
    call: |args| {
        let (start, len, items) = if args.has(2) {
            let start = args.count(0)?.checked_sub(1);
            let start = start.ok_or_else(|| args.out_of_range(0, "an integer from 1 on"))?;
            (start, args.count(1)?, args.list(2)?)
        } else {
            (0, args.count(0)?, args.list(1)?)
        };
        args.budget.charge(len.min(items.len()) * size_of::<events::Value>())?;
        Ok(items.iter().skip(start).take(len).cloned().collect::<Vec<_>>().into())
    },
};
