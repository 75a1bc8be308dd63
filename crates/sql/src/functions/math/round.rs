//! The function `round`.

use events::Type;

use super::floor::whole;
use crate::functions::Function;
use crate::functions::function::{example, number};

pub(super) const ROUND: Function = Function {
    name: "round",
    doc: "The nearest integer; of two that are as near, the one further from 0.",
    params: &[number("number")],
    returns: Type::Int,
    examples: &[example("round(2.5)", "3"), example("round(-1.5)", "-2"), example("round(7)", "7")],
    call: |args| whole(args, f64::round),
};
