//! The function `bitnot`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, int};
use crate::values::arithmetic::integer;

pub(super) const BITNOT: Function = Function {
    name: "bitnot",
    doc: "The integer with every bit turned over.",
    params: &[int("number")],
    returns: Type::Int,
    examples: &[example("bitnot(5)", "-6")],
    call: |args| Ok(integer(!args.big(0)?)?),
};
