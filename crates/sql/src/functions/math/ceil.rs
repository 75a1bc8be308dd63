//! The function `ceil`.

use events::Type;

use super::floor::whole;
use crate::functions::Function;
use crate::functions::function::{example, number};

pub(super) const CEIL: Function = Function {
    name: "ceil",
    doc: "The least integer that is not less.",
    params: &[number("number")],
    returns: Type::Int,
    examples: &[example("ceil(1.2)", "2"), example("ceil(-1.2)", "-1"), example("ceil(3)", "3")],
    call: |args| whole(args, f64::ceil),
};
