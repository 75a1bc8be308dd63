//! The function `format_timestamp`.

use events::Type;
use jiff::fmt::strtime;

use super::zone::{instant, zone};
use crate::functions::Function;
use crate::functions::function::{any, example, fails, optional, text};

pub(super) const FORMAT_TIMESTAMP: Function = Function {
    name: "format_timestamp",
    doc: "A time in ms or of RFC 3339 in a format of strftime, in UTC or another zone: besides what `format_date` knows, `%A %a` days and `%B %b` months by their English names, `%j` the day of the year, `%I %p` hours up to 12, `%Z` the zone, `%F` and `%T` whole dates and times, `%s` seconds, `%.3f` a fraction, `%%`.",
    params: &[any("time"), text("format"), optional(any("zone"))],
    returns: Type::Text,
    examples: &[
        example(
            "format_timestamp(1709208000250, '%a %d %b %Y, %H:%M %Z', 'America/New_York')",
            r#""Thu 29 Feb 2024, 07:00 EST""#,
        ),
        example("format_timestamp(1709208000250, '%F %T%.3f%:z')", r#""2024-02-29 12:00:00.250+00:00""#),
        example("format_timestamp('2024-07-01T12:00:00Z', '%I %p', 'Europe/Berlin')", r#""02 PM""#),
        example("format_timestamp(0, '%H:%M', '+05:30')", r#""05:30""#),
        fails("format_timestamp(0, '%E')", "`format` must be a format of strftime, found the text '%E'"),
    ],
    call: |args| {
        let (time, format) = (instant(args, 0)?.to_zoned(zone(args, 2)?), args.text(1)?);
        // A directive can ask for a width of 255 in five characters.
        args.budget.charge(format.len().saturating_mul(64))?;
        let written = strtime::format(&**format, &time);
        written.map(Into::into).map_err(|_| args.out_of_range(1, "a format of strftime"))
    },
};
