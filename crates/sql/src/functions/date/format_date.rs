//! The function `format_date`.

use events::Type;

use super::parts::{UNIT, Unit, offset_seconds, shifted, write_format};
use crate::functions::Function;
use crate::functions::function::{any, example, fails, int, optional, text};

pub(super) const FORMAT_DATE: Function = Function {
    name: "format_date",
    doc: "A time, now where none is given, in an offset and a format: `%Y %m %d %H %M %S`, fractions `%N %3N %6N`, offsets `%z %:z %::z`.",
    params: &[UNIT, any("offset"), text("format"), optional(int("time"))],
    returns: Type::Text,
    examples: &[
        example(
            "format_date('second', '+08:00', '%Y-%m-%d %H:%M:%S %z', 1709208000)",
            r#""2024-02-29 20:00:00 +0800""#,
        ),
        example("format_date('millisecond', 'Z', '%H%M%S.%3N', 1709208000250)", r#""120000.250""#),
        fails(
            "format_date('second', '+25:00', '%H', 0)",
            "`offset` must be an offset such as `+08:00`, `Z` or a number of seconds",
        ),
        example("format_date('second', 'Z', '%Y-%m-%d')", r#""2022-02-16""#),
        example(
            "format_date('nanosecond', '+05:45:30', '%H:%M:%S.%N %::z', 1709208000250001002)",
            r#""17:45:30.250001002 +05:45:30""#,
        ),
        example("format_date('second', 'z', '%y %%', 0)", r#""%y %%""#),
    ],
    call: |args| {
        let (unit, offset) = (Unit::of(args, 0)?, offset_seconds(args, 1)?);
        let time = if args.has(3) { args.value(3).clone() } else { unit.of_ms(args.ctx.now.0) };
        let time = unit.timestamp(&time).ok_or_else(|| args.out_of_range(3, "a time in the years 0 to 9999"))?;
        let time = shifted(time, offset).ok_or_else(|| args.out_of_range(3, "a time in the years 0 to 9999"))?;
        let format = args.text(2)?;
        args.budget.charge(format.len() * 4)?;
        Ok(write_format(format, time, offset).into())
    },
};
