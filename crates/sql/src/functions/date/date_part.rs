//! The function `date_part`.

use events::{Type, Value};
use jiff::civil::DateTime;

use super::zone::{instant, zone};
use crate::functions::Function;
use crate::functions::function::{any, example, fails, one_of, optional, words};

pub(super) const DATE_PART: Function = Function {
    name: "date_part",
    doc: "A part of a time in ms or of RFC 3339, in UTC or another zone, as EXTRACT of SQL has it. `week` is that of ISO 8601, `doy` the day of the year, `dow` the day of the week from Sunday, 0, and `isodow` from Monday, 1.",
    params: &[one_of("part", &words(&PARTS)), any("time"), optional(any("zone"))],
    returns: Type::Int,
    examples: &[
        example("date_part('hour', '2024-02-29T12:30:00Z')", "12"),
        example("date_part('hour', '2024-07-01T12:30:00Z', 'Europe/Berlin')", "14"),
        example("date_part('millisecond', 1709208000250)", "250"),
        example("date_part('isodow', '2024-03-03T00:00:00Z')", "7"),
        example("date_part('dow', '2024-03-03T00:00:00Z')", "0"),
        example("date_part('week', '2024-12-31T00:00:00Z')", "1"),
        fails("date_part('eon', 0)", "`part` must be `year`, `quarter`, `month`"),
    ],
    call: |args| {
        let time = zone(args, 2)?.to_datetime(instant(args, 1)?);
        Ok(Value::Int(args.one_of(0, &PARTS)?(time)))
    },
};

type Part = fn(DateTime) -> i64;

const PARTS: [(&str, Part); 12] = [
    ("year", |time| time.year().into()),
    ("quarter", |time| ((time.month() - 1) / 3 + 1).into()),
    ("month", |time| time.month().into()),
    ("week", |time| time.date().iso_week_date().week().into()),
    ("day", |time| time.day().into()),
    ("hour", |time| time.hour().into()),
    ("minute", |time| time.minute().into()),
    ("second", |time| time.second().into()),
    ("millisecond", |time| time.millisecond().into()),
    ("doy", |time| time.date().day_of_year().into()),
    ("dow", |time| time.date().weekday().to_sunday_zero_offset().into()),
    ("isodow", |time| time.date().weekday().to_monday_one_offset().into()),
];
