//! The function `last`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, list};

pub(super) const LAST: Function = Function {
    name: "last",
    doc: "The last element of a list.",
    params: &[list("list")],
    returns: Type::Any,
    examples: &[
        example("last([7, 8])", "8"),
        fails("last([])", "`list` must be a list with elements, found the list []"),
    ],
    call: |args| args.list(0)?.last().cloned().ok_or_else(|| args.out_of_range(0, "a list with elements")),
};
