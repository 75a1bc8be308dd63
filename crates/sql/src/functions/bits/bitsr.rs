//! The function `bitsr`.

use events::Type;

use super::bitsl::shift;
use crate::functions::Function;
use crate::functions::function::{example, int};

pub(super) const BITSR: Function = Function {
    name: "bitsr",
    doc: "The integer with its bits moved to the right, keeping its sign; to the left where the distance is negative.",
    params: &[int("number"), int("distance")],
    returns: Type::Int,
    examples: &[example("bitsr(256, 4)", "16"), example("bitsr(-16, 2)", "-4")],
    call: |args| shift(args, -1),
};
