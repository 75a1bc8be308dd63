//! Times with their place in the calendar: what `date_trunc`, `date_part`, `format_timestamp` and `parse_timestamp`
//! share.

use std::sync::LazyLock;

use events::Value;
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

use super::parts::{Unit, offset_seconds, read_rfc3339};
use crate::functions::{Args, Fault};

/// The zones that this program brings along: nothing is read, and a rule knows the same ones everywhere.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The time that an argument is: an integer of ms since 1970-01-01 UTC, or text as RFC 3339 writes it.
pub(super) fn instant(args: &Args<'_>, at: usize) -> Result<Timestamp, Fault> {
    let time = match args.value(at) {
        number @ (Value::Int(_) | Value::BigInt(_)) => Unit::Millisecond.timestamp(number),
        Value::Text(text) => read_rfc3339(text),
        _ => return args.wrong_type(at, "a time in ms or a date and time of RFC 3339"),
    };
    time.ok_or_else(|| args.out_of_range(at, "a time in ms or a date and time of RFC 3339 with its offset"))
}

/// The zone that an argument names, UTC where the rule leaves it out: a name such as `Europe/Berlin`, or an offset.
pub(super) fn zone(args: &Args<'_>, at: usize) -> Result<TimeZone, Fault> {
    if !args.has(at) {
        return Ok(TimeZone::UTC);
    }
    if let Some(name) = args.value(at).as_text()
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && !matches!(name, "local" | "Z" | "z")
    {
        let known = || args.out_of_range(at, "a time zone such as `Europe/Berlin` or an offset such as `+08:00`");
        return ZONES.get(name).map_err(|_| known());
    }
    let seconds = offset_seconds(args, at)?;
    let offset = i32::try_from(seconds).ok().and_then(|seconds| Offset::from_seconds(seconds).ok());
    offset.map(TimeZone::fixed).ok_or_else(|| args.out_of_range(at, "an offset of at most 25:59:59"))
}
