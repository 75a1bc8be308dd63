//! The function `nullif`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example};
use crate::values::compare::Comparison;

pub(super) const NULLIF: Function = Function {
    name: "nullif",
    doc: "NULL where the two values are equal, as `=` has it; else the first.",
    params: &[any("value"), any("other")],
    returns: Type::Any,
    examples: &[
        example("nullif('', '')", "null"),
        example("nullif('n/a', '')", r#""n/a""#),
        example("nullif(3, 3.0)", "null"),
        example("nullif(null, 1)", "null"),
    ],
    call: |args| {
        let value = args.value(0);
        Ok(if Comparison::Equal.holds(value, args.value(1)) { Value::Null } else { value.clone() })
    },
};
