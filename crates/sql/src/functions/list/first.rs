//! The function `first`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, list};

pub(super) const FIRST: Function = Function {
    name: "first",
    doc: "The first element of a list.",
    params: &[list("list")],
    returns: Type::Any,
    examples: &[
        example("first([7, 8])", "7"),
        fails("first([])", "`list` must be a list with elements, found the list []"),
    ],
    call: |args| args.list(0)?.first().cloned().ok_or_else(|| args.out_of_range(0, "a list with elements")),
};
