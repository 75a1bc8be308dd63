//! The function `unix_ts_to_rfc3339`.

use events::Type;

use super::parts::{UNIT, Unit, rfc3339};
use crate::functions::Function;
use crate::functions::function::{example, fails, int, optional};

pub(super) const UNIX_TS_TO_RFC3339: Function = Function {
    name: "unix_ts_to_rfc3339",
    doc: "A time in seconds, or another unit, as RFC 3339 writes it.",
    params: &[int("time"), optional(UNIT)],
    returns: Type::Text,
    examples: &[
        example("unix_ts_to_rfc3339(1709208000)", r#""2024-02-29T12:00:00+00:00""#),
        example("unix_ts_to_rfc3339(1709208000250, 'millisecond')", r#""2024-02-29T12:00:00.250+00:00""#),
        fails("unix_ts_to_rfc3339('0')", "`time` must be an integer, found the text '0'"),
        example("unix_ts_to_rfc3339(-1)", r#""1969-12-31T23:59:59+00:00""#),
        fails("unix_ts_to_rfc3339(0, 'day')", "`unit` must be `second`, `millisecond`"),
    ],
    call: |args| rfc3339(args, args.value(0), Unit::of(args, 1)?),
};
