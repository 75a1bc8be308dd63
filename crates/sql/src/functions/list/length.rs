//! The function `length`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{example, fails, list};

pub(super) const LENGTH: Function = Function {
    name: "length",
    doc: "The number of elements of a list.",
    params: &[list("list")],
    returns: Type::Int,
    examples: &[
        example("length([1, 2, 3])", "3"),
        fails("length('abc')", "`list` must be a list, found the text 'abc'"),
        example("length([])", "0"),
    ],
    call: |args| Ok(i64::try_from(args.list(0)?.len()).map_or(Value::Null, Value::Int)),
};
