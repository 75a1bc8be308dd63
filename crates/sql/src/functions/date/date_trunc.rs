//! The function `date_trunc`.

use events::{Type, Value};
use jiff::civil::{Date, DateTime, Time};

use super::parts::Unit;
use super::zone::{instant, zone};
use crate::functions::Function;
use crate::functions::function::{any, example, fails, one_of, optional, words};

pub(super) const DATE_TRUNC: Function = Function {
    name: "date_trunc",
    doc: "The beginning of the second, minute, hour, day, week (Monday), month, quarter or year of a time, in UTC or another zone: a number of ms for a number of ms, RFC 3339 for RFC 3339.",
    params: &[one_of("unit", &words(&BEGINNINGS)), any("time"), optional(any("zone"))],
    returns: Type::Any,
    examples: &[
        example("date_trunc('hour', 1709211900250)", "1709211600000"),
        example("date_trunc('day', '2024-02-29T23:30:00Z', 'Asia/Tokyo')", r#""2024-03-01T00:00:00+09:00""#),
        example("date_trunc('week', '2024-02-29T12:00:00Z')", r#""2024-02-26T00:00:00+00:00""#),
        example("date_trunc('quarter', '2024-05-06T07:08:09+02:00', '+02:00')", r#""2024-04-01T00:00:00+02:00""#),
        example("date_trunc('minute', -1)", "-60000"),
        fails("date_trunc('fortnight', 0)", "`unit` must be `second`, `minute`, `hour`, `day`, `week`"),
        fails("date_trunc('day', 0, 'Mars/Base')", "`zone` must be a time zone such as `Europe/Berlin`"),
    ],
    call: |args| {
        let (time, zone) = (instant(args, 1)?, zone(args, 2)?);
        let out_of_range = || args.out_of_range(1, "a time in the years 0 to 9999");
        let civil = zone.to_datetime(time);
        let begin = args.one_of(0, &BEGINNINGS)?(civil);
        let begin = zone.to_zoned(begin.map_err(|_| out_of_range())?).map_err(|_| out_of_range())?;
        Ok(match args.value(1) {
            Value::Text(_) => begin.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string().into(),
            _ => Unit::Millisecond.of_timestamp(begin.timestamp()),
        })
    },
};

/// The beginning of the unit that a time lies in.
type Beginning = fn(DateTime) -> Result<DateTime, jiff::Error>;

const BEGINNINGS: [(&str, Beginning); 8] = [
    ("second", |time| at(time, time.hour(), time.minute(), time.second())),
    ("minute", |time| at(time, time.hour(), time.minute(), 0)),
    ("hour", |time| at(time, time.hour(), 0, 0)),
    ("day", |time| Ok(midnight(time.date()))),
    ("week", |time| {
        let days = i64::from(time.date().weekday().to_monday_zero_offset());
        time.date().checked_sub(jiff::Span::new().days(days)).map(midnight)
    }),
    ("month", |time| Ok(midnight(time.date().first_of_month()))),
    ("quarter", |time| Date::new(time.year(), (time.month() - 1) / 3 * 3 + 1, 1).map(midnight)),
    ("year", |time| Ok(midnight(time.date().first_of_year()))),
];

fn at(time: DateTime, hour: i8, minute: i8, second: i8) -> Result<DateTime, jiff::Error> {
    Time::new(hour, minute, second, 0).map(|clock| time.date().to_datetime(clock))
}

fn midnight(date: Date) -> DateTime {
    date.to_datetime(Time::midnight())
}
