//! The function `least`.

use std::cmp::Ordering;

use events::Type;

use super::greatest::outermost;
use crate::functions::Function;
use crate::functions::function::{any, example, rest};

pub(super) const LEAST: Function = Function {
    name: "least",
    doc: "The least of the values; NULLs count for nothing. See `greatest`.",
    params: &[any("value"), rest(any("value"))],
    returns: Type::Any,
    examples: &[example("least(3, null, 7.5)", "3"), example("least('10', 9)", "9"), example("least('x')", r#""x""#)],
    call: |args| outermost(args, Ordering::Less),
};
