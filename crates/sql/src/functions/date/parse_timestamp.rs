//! The function `parse_timestamp`.

use events::Type;
use jiff::Timestamp;
use jiff::civil::Time;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;

use super::parts::Unit;
use super::zone::zone;
use crate::functions::Function;
use crate::functions::function::{any, example, fails, optional, text};

pub(super) const PARSE_TIMESTAMP: Function = Function {
    name: "parse_timestamp",
    doc: "The time in ms that a text tells in a format of strptime; see `format_timestamp`. Where the text has no offset it is meant in UTC, or in the zone that is given; without a time of day it is midnight.",
    params: &[text("text"), text("format"), optional(any("zone"))],
    returns: Type::Int,
    examples: &[
        example("parse_timestamp('29/Feb/2024:12:00:00 +0100', '%d/%b/%Y:%H:%M:%S %z')", "1709204400000"),
        example("parse_timestamp('2024-02-29 13:00', '%Y-%m-%d %H:%M', 'Europe/Berlin')", "1709208000000"),
        example("parse_timestamp('2024-02-29', '%F')", "1709164800000"),
        example("parse_timestamp('1709208000', '%s')", "1709208000000"),
        fails(
            "parse_timestamp('2024-02-30', '%F')",
            "`text` must be a time in the format `%F`, found the text '2024-02-30'",
        ),
        fails("parse_timestamp('12:00', '%H:%M')", "`text` must be a time in the format `%H:%M`"),
    ],
    call: |args| {
        let (text, format, zone) = (args.text(0)?, args.text(1)?, zone(args, 2)?);
        let time = strtime::parse(&**format, &**text).ok().and_then(|parts| time_of(&parts, &zone));
        let time = time.ok_or_else(|| args.out_of_range(0, &format!("a time in the format `{format}`")))?;
        Ok(Unit::Millisecond.of_timestamp(time))
    },
};

fn time_of(parts: &BrokenDownTime, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(time) = parts.to_timestamp() {
        return Some(time);
    }
    let date = parts.to_date().ok()?;
    let clock = if parts.hour().is_some() { parts.to_time().ok()? } else { Time::midnight() };
    zone.to_zoned(date.to_datetime(clock)).ok().map(|time| time.timestamp())
}
