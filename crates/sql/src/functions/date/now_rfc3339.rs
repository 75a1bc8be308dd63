//! The function `now_rfc3339`.

use events::Type;

use super::parts::{UNIT, Unit, rfc3339};
use crate::functions::Function;
use crate::functions::function::{example, optional};

pub(super) const NOW_RFC3339: Function = Function {
    name: "now_rfc3339",
    doc: "The time as RFC 3339 writes it, in seconds or another unit.",
    params: &[optional(UNIT)],
    returns: Type::Text,
    examples: &[
        example("now_rfc3339()", r#""2022-02-16T09:26:18+00:00""#),
        example("now_rfc3339('millisecond')", r#""2022-02-16T09:26:18.856+00:00""#),
    ],
    call: |args| {
        let unit = Unit::of(args, 0)?;
        rfc3339(args, &unit.of_ms(args.ctx.now.0), unit)
    },
};
