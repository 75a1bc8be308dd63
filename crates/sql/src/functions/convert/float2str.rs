//! The function `float2str`.

use events::Type;

use super::float::DECIMALS_MAX;
use crate::functions::Function;
use crate::functions::function::{example, fails, float, int_in};
use crate::values::text::decimals;

pub(super) const FLOAT2STR: Function = Function {
    name: "float2str",
    doc: "A float as text with at most that many decimals, without trailing zeros.",
    params: &[float("number"), int_in("decimals", 0, DECIMALS_MAX)],
    returns: Type::Text,
    examples: &[
        example("float2str(3.14159, 3)", r#""3.142""#),
        example("float2str(2.0, 4)", r#""2.0""#),
        example("float2str(2.6, 0)", r#""3""#),
        example("float2str(0.125, 2)", r#""0.13""#),
        fails("float2str(5, 2)", "`number` must be a float, found the number 5"),
    ],
    call: |args| {
        let digits = args.count(1)?;
        Ok(decimals(args.number(0)?, digits).into())
    },
};
