//! The function `timezone_to_offset_seconds`.

use events::{Type, Value};

use super::parts::offset_seconds;
use crate::functions::Function;
use crate::functions::function::{any, example, fails};

pub(super) const TIMEZONE_TO_OFFSET_SECONDS: Function = Function {
    name: "timezone_to_offset_seconds",
    doc: "The seconds of an offset; the same as `timezone_to_second`.",
    params: &[any("offset")],
    returns: Type::Int,
    examples: &[
        example("timezone_to_offset_seconds('-03:30')", "-12600"),
        fails("timezone_to_offset_seconds('0330')", "`offset` must be an offset"),
    ],
    call: |args| Ok(Value::Int(offset_seconds(args, 0)?)),
};
