//! The function `bitnot`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, int};
use crate::values::arithmetic::integer;

pub(super) const BITNOT: Function = Function {
    name: "bitnot",
    doc: "The integer with every bit turned over.",
    params: &[int("number")],
    returns: Type::Int,
    examples: &[
        example("bitnot(5)", "-6"),
        example("bitnot(-1)", "0"),
        fails("bitnot('5')", "`number` must be an integer, found the text '5'"),
    ],
    call: |args| Ok(integer(!args.big(0)?)?),
};
