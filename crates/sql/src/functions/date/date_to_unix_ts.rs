//! The function `date_to_unix_ts`.

use events::Type;

use super::parts::{UNIT, Unit, offset_seconds, read_format};
use crate::functions::Function;
use crate::functions::function::{any, example, fails, optional, text};

pub(super) const DATE_TO_UNIX_TS: Function = Function {
    name: "date_to_unix_ts",
    doc: "The time that a text tells in a format with `%Y %m %d %H %M %S`, perhaps with fractions and an offset, in a unit; the offset, where one is given, counts besides one in the text.",
    params: &[UNIT, any("offset or format"), text("format or text"), optional(text("text"))],
    returns: Type::Int,
    examples: &[
        example("date_to_unix_ts('second', '%Y-%m-%d %H:%M:%S', '2024-02-29 12:00:00')", "1709208000"),
        example("date_to_unix_ts('second', '+01:00', '%Y-%m-%d %H:%M:%S', '2024-02-29 13:00:00')", "1709208000"),
        fails(
            "date_to_unix_ts('second', '%Y-%m-%d', '2024-02-29')",
            "`offset or format` must be a format with year, month, day, hour, minute and second",
        ),
        example(
            "date_to_unix_ts('millisecond', '%Y%m%d%H%M%S.%3N%:z', '20240229130000.250+01:00 and more')",
            "1709208000250",
        ),
        fails("date_to_unix_ts('second', '%Y-%m-%d %H:%M:%S', 'xxxx-02-29 12:00:00')", "must be a date in the format"),
    ],
    call: |args| {
        let unit = Unit::of(args, 0)?;
        let (offset, at) = if args.has(3) { (offset_seconds(args, 1)?, 2) } else { (0, 1) };
        let (format, text) = (args.text(at)?, args.text(at + 1)?);
        let wanted = ["%Y", "%m", "%d", "%H", "%M", "%S"];
        if !wanted.iter().all(|part| format.contains(part)) {
            return Err(args.out_of_range(at, "a format with year, month, day, hour, minute and second"));
        }
        let time = read_format(format, text);
        let time = time.and_then(|time| time.checked_sub(jiff::SignedDuration::from_secs(offset)).ok());
        time.map(|time| unit.of_timestamp(time))
            .ok_or_else(|| args.out_of_range(at + 1, &format!("a date in the format `{format}`")))
    },
};
