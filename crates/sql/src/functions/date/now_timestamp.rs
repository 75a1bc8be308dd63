//! The function `now_timestamp`.

use events::Type;

use super::parts::{UNIT, Unit};
use crate::functions::Function;
use crate::functions::function::{example, fails, optional};

pub(super) const NOW_TIMESTAMP: Function = Function {
    name: "now_timestamp",
    doc: "The time in seconds since 1970-01-01 UTC, or in another unit.",
    params: &[optional(UNIT)],
    returns: Type::Int,
    examples: &[
        example("now_timestamp()", "1645003578"),
        example("now_timestamp('millisecond')", "1645003578856"),
        fails(
            "now_timestamp('week')",
            "`unit` must be `second`, `millisecond`, `microsecond` or `nanosecond`, found the text 'week'",
        ),
    ],
    call: |args| Ok(Unit::of(args, 0)?.of_ms(args.ctx.now.0)),
};
