//! The function `mongo_date`.

use events::{Type, Value};

use super::parts::{UNIT, Unit, write_format};
use crate::functions::Function;
use crate::functions::function::{example, int, optional};

pub(super) const MONGO_DATE: Function = Function {
    name: "mongo_date",
    doc: "A time in ms, or another unit, as a date of MongoDB writes itself; now where none is given.",
    params: &[optional(int("time")), optional(UNIT)],
    returns: Type::Text,
    examples: &[
        example("mongo_date(1709208000250)", r#""ISODate(2024-02-29T12:00:00.250Z)""#),
        example("mongo_date(1709208000, 'second')", r#""ISODate(2024-02-29T12:00:00.000Z)""#),
        example("mongo_date()", r#""ISODate(2022-02-16T09:26:18.856Z)""#),
    ],
    call: |args| {
        let unit = if args.has(1) { Unit::of(args, 1)? } else { Unit::Millisecond };
        let time = if args.has(0) { args.value(0).clone() } else { Value::Int(args.ctx.now.0) };
        let time = unit.timestamp(&time).ok_or_else(|| args.out_of_range(0, "a time in the years 0 to 9999"))?;
        let civil = jiff::tz::Offset::UTC.to_datetime(time);
        Ok(format!("ISODate({})", write_format("%Y-%m-%dT%H:%M:%S.%3NZ", civil, 0)).into())
    },
};
