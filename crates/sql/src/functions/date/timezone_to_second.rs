//! The function `timezone_to_second`.

use events::{Type, Value};

use super::parts::offset_seconds;
use crate::functions::Function;
use crate::functions::function::{any, example, fails};

pub(super) const TIMEZONE_TO_SECOND: Function = Function {
    name: "timezone_to_second",
    doc: "The seconds of an offset such as `+08:00`, `-0330`, `Z` or a number of seconds.",
    params: &[any("offset")],
    returns: Type::Int,
    examples: &[
        example("timezone_to_second('+08:00')", "28800"),
        example("timezone_to_second('+01:02:03')", "3723"),
        fails("timezone_to_second('+24:00')", "`offset` must be an offset"),
        example("timezone_to_second('z')", "0"),
        example("timezone_to_second(-900)", "-900"),
    ],
    call: |args| Ok(Value::Int(offset_seconds(args, 0)?)),
};
